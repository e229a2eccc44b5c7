//! Attempts at a password. Each is counted before the password is verified, and counts as failed
//! until it has succeeded, so that concurrent attempts cannot avoid the limit.

use super::{Error, Services};
use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::consumer::Consumer;
use crate::domain::login_throttle::{AT_NAME, AT_NAME_NEWCOMER, Wait};
use crate::domain::time::UnixMs;
use crate::store::access::login_throttle::{self, Subject};
use crate::store::{Db, StoreError};

/// What an attempt is counted for. All callers name subjects in the same order of kinds, so that no
/// two can deadlock.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// Where it comes from, which others may share.
    pub(super) from: Option<Subject>,
    /// The account, at which others may make attempts as well.
    pub(super) account: Account,
    /// What nobody else shares: a success resets its count.
    pub(super) own: Option<Subject>,
}

/// An account, for attempts from anywhere.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// For those who have hardly failed there.
    pub(super) newcomers: Subject,
    /// For all others.
    pub(super) others: Subject,
}

/// An attempt that was counted, and what for.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    shared: Vec<Subject>,
    own: Option<Subject>,
}

impl Account {
    /// An account that these parts name.
    pub(super) fn new(sealer: &Sealer, kind: &[u8], name: &[u8]) -> Self {
        let subject = |throttle, group: &[u8]| Subject { id: sealer.digest(&[kind, name, group]).to_vec(), throttle };
        Self { newcomers: subject(AT_NAME_NEWCOMER, b"newcomers"), others: subject(AT_NAME, b"others") }
    }
}

impl Attempt {
    fn counted(&self, connection: &mut Db, now: UnixMs) -> Result<Counted, StoreError> {
        let is_newcomer = match &self.own {
            Some(own) => login_throttle::is_newcomer(connection, own, now)?,
            None => false,
        };
        let account = if is_newcomer { &self.account.newcomers } else { &self.account.others };
        Ok(Counted { shared: self.from.iter().chain([account]).cloned().collect(), own: self.own.clone() })
    }

    /// Refuses an attempt that must wait. Most of a flood is refused here, without a lock and without
    /// waiting for a turn.
    pub(super) async fn check(&self, services: &Services) -> Result<(), Error> {
        let this = self.clone();
        let check = move |connection: &mut Db| {
            let now = clock::now();
            let subjects = this.counted(connection, now)?.subjects();
            login_throttle::check(connection, &subjects, now)
        };
        Ok(services.store.read(check).await??)
    }

    /// Counts the attempt. The caller already has its turn to have the password verified, because a
    /// request that is refused under load is no attempt. What the password is compared with is looked up
    /// in the same transaction; if nothing is found, nothing is counted. Nor is an attempt that must
    /// wait, so that it does not use up what others share.
    pub(super) async fn count<T: Send + 'static>(
        &self,
        services: &Services,
        consumer: Consumer,
        look: impl FnOnce(&mut Db) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<Result<(T, Counted), Wait>, StoreError> {
        let this = self.clone();
        let count = move |connection: &mut Db| {
            let now = clock::now();
            let found = look(connection)?;
            let counted = this.counted(connection, now)?;
            Ok(login_throttle::attempt(connection, &counted.subjects(), now)?.map(|()| (found, counted)))
        };
        services.store.write(consumer, count).await
    }
}

impl Counted {
    fn subjects(&self) -> Vec<Subject> {
        self.shared.iter().chain(&self.own).cloned().collect()
    }

    /// The password was right.
    pub(super) fn succeed(&self, connection: &mut Db) -> Result<(), StoreError> {
        for subject in &self.shared {
            login_throttle::take_back(connection, &subject.id)?;
        }
        self.own.iter().try_for_each(|subject| login_throttle::clear(connection, &subject.id))
    }

    /// Takes the count back if a failure of ours kept the password from being verified, or a right one
    /// from taking effect. Returns the outcome unchanged.
    pub(super) async fn unless_ours<T>(&self, services: &Services, judged: Result<T, Error>) -> Result<T, Error> {
        if judged.is_err() {
            let subjects = self.subjects();
            let taken_back = services.store.write_in_background(move |connection| {
                subjects.iter().try_for_each(|subject| login_throttle::take_back(connection, &subject.id))
            });
            if let Err(error) = taken_back.await {
                tracing::warn!(%error, "an attempt at a password that was not verified still counts");
            }
        }
        judged
    }
}
