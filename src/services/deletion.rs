//! Deleting users and wallets, through the ledger: all at once where one command can name it, else
//! part by part, so that nobody else waits long for a large deletion. Where something is created for
//! whom is to be deleted meanwhile, that is stopped by a mark, so that it ends.

mod mark;

use mark::Mark;

use super::callers::{AdminKey, ChangesUsers, Manager, ManagerLogin, Operator, Users};
use super::transfers::movement;
use super::{Error, Missing, Services};
use crate::domain::consumer::Consumer;
use crate::domain::ids::{UserId, WalletId};
use crate::ledger::command::{Actor, CLOSE_MAX, Close, WalletToClose};
use crate::ledger::outcome::{Closed, Rejection};
use crate::store::users::subtrees::{self, Obstacles};
use crate::store::{Db, StoreError, users, wallets};

/// How often a deletion is tried while what is to be deleted changes meanwhile.
const DELETE_TRIES: usize = 5;
/// Users of a large deletion that are looked up at once, and wallets: some parts.
const PAGE_ROWS: usize = 32 * CLOSE_MAX;

/// Who deletes.
#[derive(Clone, Copy, Debug)]
pub enum Deleter {
    /// The manager of the user, who deletes the users that it has created with it.
    Manager {
        /// The calling key.
        key: Manager<AdminKey>,
        /// Whether money is moved to its wallet.
        sweep: bool,
    },
    /// The manager of the user, who has logged in, or a program of its: there is no wallet to move
    /// money to.
    Login(ManagerLogin<Users>),
    /// An operator, who deletes managers without users, and cannot sweep.
    Operator(Operator),
}

impl Deleter {
    fn tenant(self) -> Option<UserId> {
        match self {
            Self::Manager { key, .. } => Some(key.user()),
            Self::Login(login) => Some(login.user()),
            Self::Operator(_) => None,
        }
    }

    fn consumer(self) -> Consumer {
        match self {
            Self::Manager { key, .. } => key.consumer(),
            Self::Login(login) => login.consumer(),
            Self::Operator(_) => Consumer::NOBODY,
        }
    }

    fn closer(self) -> Actor {
        match self {
            Self::Manager { key, .. } => Actor::Manager(key.authority()),
            Self::Login(login) => Actor::Login(login.digest()),
            Self::Operator(operator) => Actor::Operator(operator.digest()),
        }
    }

    const fn sweeps(self) -> bool {
        matches!(self, Self::Manager { sweep: true, .. })
    }

    /// Why nothing at all is to be deleted, as far as that can be seen before.
    const fn refusal(self, found: Obstacles) -> Option<Rejection> {
        match self {
            Self::Operator(_) if found.has_users => Some(Rejection::UserHasUsers),
            Self::Operator(_) | Self::Login(_) | Self::Manager { .. } if found.has_holds => {
                Some(Rejection::WalletHasHolds)
            }
            Self::Operator(_) | Self::Login(_) | Self::Manager { sweep: false, .. } if found.holds_money => {
                Some(Rejection::WalletHoldsMoney)
            }
            Self::Manager { .. } | Self::Login(_) if found.is_frozen => Some(Rejection::WalletFrozen { leg: 0 }),
            Self::Manager { .. } | Self::Login(_) | Self::Operator(_) => None,
        }
    }

    /// The user, and those who go with it, each before its manager: `limit` of them at most.
    fn users(self, connection: &mut Db, id: UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
        users::find(connection, self.tenant(), id)?;
        match self {
            Self::Manager { .. } | Self::Login(_) => {
                subtrees::deepest(connection, id, i64::try_from(limit).unwrap_or(i64::MAX))
            }
            Self::Operator(_) => Ok(vec![id]),
        }
    }
}

/// What one command deletes.
#[derive(Clone, Default)]
struct Part {
    /// Each before its manager.
    users: Vec<UserId>,
    /// Each with its user.
    wallets: Vec<(UserId, WalletId)>,
}

impl Part {
    const fn is_empty(&self) -> bool {
        self.users.is_empty() && self.wallets.is_empty()
    }
}

/// How far a deletion has come.
#[derive(Default)]
struct Progress {
    /// The parts that are done.
    parts: usize,
    mark: Mark,
}

/// The deletion of a user.
struct Deletion<'a> {
    services: &'a Services,
    by: Deleter,
    id: UserId,
}

/// Deletes a user of a tenant, or a manager, with all wallets.
pub async fn delete_user(services: &Services, by: Deleter, id: UserId) -> Result<(), Error> {
    let deletion = Deletion { services, by, id };
    let mut progress = Progress::default();
    let deleted = deletion.run(&mut progress).await;
    if deleted.is_err() {
        progress.mark.take_away(services, by, id).await;
    }
    deleted
}

/// Deletes a wallet of a user whom the manager has created, of this one where one is named, and who
/// stays.
pub async fn delete_wallet(services: &Services, by: Deleter, of: Option<UserId>, id: WalletId) -> Result<(), Error> {
    let tenant = by.tenant().ok_or(Error::Missing(Missing::Wallet))?;
    let found = services.store.read(move |connection| wallets::find_in_tenant(connection, tenant, id)).await;
    let user = found.map_err(Error::of(Missing::Wallet))?.user;
    if of.is_some_and(|of| of != user) {
        return Err(Error::Missing(Missing::Wallet));
    }
    let deletion = Deletion { services, by, id: user };
    deletion.close(Part { users: Vec::new(), wallets: vec![(user, id)] }).await??;
    Ok(())
}

/// Deletes the wallet of a key, which must be empty; its user stays.
pub async fn delete_own_wallet(services: &Services, key: AdminKey) -> Result<(), Error> {
    let wallet = WalletToClose { account: key.wallet().account(), is_own: true, sweep: movement(&services.sealer) };
    let by = Actor::Owner(key.authority());
    let close = Close { by, users: Vec::new(), wallets: vec![wallet], sweep: false };
    services.settle(close, key.consumer()).await.map(|Closed| ())
}

impl Deletion<'_> {
    async fn run(&self, progress: &mut Progress) -> Result<(), Error> {
        for _ in 0..DELETE_TRIES {
            let Some(all) = self.all_at_once().await? else {
                return self.part_by_part(progress).await;
            };
            match self.close(all).await? {
                Err(Rejection::WalletsChanged) => self.mark(progress).await?,
                Err(rejection) => return Err(rejection.into()),
                Ok(Closed) => return Ok(()),
            }
        }
        Err(Rejection::WalletsChanged.into())
    }

    /// Stops anything from being created for the user and for everybody below it.
    async fn mark(&self, progress: &mut Progress) -> Result<(), Error> {
        progress.mark.keep(self.services, self.by, self.id).await
    }

    /// All that goes; `None` where one command cannot name it.
    async fn all_at_once(&self) -> Result<Option<Part>, Error> {
        let (by, id) = (self.by, self.id);
        self.look(move |connection| {
            let more = CLOSE_MAX.saturating_add(1);
            let users = by.users(connection, id, more)?;
            if users.len() > CLOSE_MAX {
                return Ok(None);
            }
            let wallets = wallets::ids_of_users(connection, &users, more)?;
            Ok((wallets.len() <= CLOSE_MAX).then_some(Part { users, wallets }))
        })
        .await
    }

    /// Deletes what one command cannot name. What would refuse it is looked for before anything is
    /// deleted. And then nobody below may create users or wallets any more, so that it ends.
    async fn part_by_part(&self, progress: &mut Progress) -> Result<(), Error> {
        let (by, id) = (self.by, self.id);
        let found = self.look(move |connection| subtrees::obstacles(connection, id)).await?;
        if let Some(refusal) = by.refusal(found) {
            return Err(refusal.into());
        }
        match by {
            Deleter::Manager { key, .. } => self.stop_creating(key).await?,
            Deleter::Login(login) => self.stop_creating(login).await?,
            Deleter::Operator(_) => {}
        }
        let mut tries = 0_usize;
        loop {
            let before = progress.parts;
            match self.next_parts(progress).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(Error::Rejected(Rejection::WalletsChanged)) if tries < DELETE_TRIES => {}
                Err(error) if progress.parts > 0 => return Err(Error::AfterParts(Box::new(error))),
                Err(error) => return Err(error),
            }
            tries = if progress.parts > before { 0 } else { tries.saturating_add(1) };
        }
    }

    async fn stop_creating(&self, caller: impl ChangesUsers) -> Result<(), Error> {
        let (tenant, id) = (caller.tenant(), self.id);
        let stop = move |connection: &mut Db| subtrees::stop_creating(connection, tenant, id);
        self.services.write_as(caller, stop).await.map_err(Error::of(Missing::User))
    }

    /// Deletes some of the users, the deepest first; answers whether the one that was named is
    /// among them, who is the last one. Counts the parts that are done.
    async fn next_parts(&self, progress: &mut Progress) -> Result<bool, Error> {
        self.mark(progress).await?;
        let (by, id) = (self.by, self.id);
        let users = self.look(move |connection| by.users(connection, id, PAGE_ROWS)).await?;
        for users in users.chunks(CLOSE_MAX) {
            loop {
                let whose = users.to_vec();
                let wallets = self.look(move |connection| wallets::ids_of_users(connection, &whose, PAGE_ROWS)).await?;
                if wallets.len() <= CLOSE_MAX {
                    self.close_part(Part { users: users.to_vec(), wallets }, progress).await?;
                    break;
                }
                for wallets in wallets.chunks(CLOSE_MAX) {
                    self.close_part(Part { users: Vec::new(), wallets: wallets.to_vec() }, progress).await?;
                }
            }
        }
        Ok(users.last() == Some(&id))
    }

    async fn close_part(&self, mut part: Part, progress: &mut Progress) -> Result<(), Error> {
        while !part.is_empty() {
            self.mark(progress).await?;
            match self.close(part.clone()).await? {
                Ok(Closed) => break,
                // Its own key has deleted it meanwhile.
                Err(Rejection::WalletNotFound { leg }) if leg < part.wallets.len() => {
                    part.wallets.remove(leg);
                }
                // Somebody else has deleted the user.
                Err(Rejection::UserNotFound) => return Err(Rejection::WalletsChanged.into()),
                Err(rejection) => return Err(rejection.into()),
            }
        }
        progress.parts = progress.parts.saturating_add(1);
        Ok(())
    }

    async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        self.services.store.read_list(self.by.consumer(), work).await.map_err(Error::of(Missing::User))
    }

    async fn close(&self, part: Part) -> Result<Result<Closed, Rejection>, Error> {
        let Part { mut users, wallets } = part;
        let place = self.services.ledger.reserve(self.by.consumer(), wallets.len().max(users.len()))?;
        // The named one is looked for first.
        users.reverse();
        let wallet_to_close = |(user, id): (UserId, WalletId)| WalletToClose {
            account: id.account(),
            is_own: user == self.id,
            sweep: movement(&self.services.sealer),
        };
        let wallets = wallets.into_iter().map(wallet_to_close).collect();
        let close = Close { by: self.by.closer(), users, wallets, sweep: self.by.sweeps() };
        Ok(place.submit(close).await?)
    }
}
