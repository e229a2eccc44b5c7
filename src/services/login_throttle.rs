//! Tries at a password, counted before it is judged: a try counts as failed from its beginning,
//! so that many at once are no way around. What becomes of it settles the count.

use super::{Error, Services};
use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::consumer::Consumer;
use crate::domain::login_throttle::{AT_NAME, AT_NAME_NEWCOMER, Wait};
use crate::domain::time::UnixMs;
use crate::store::access::login_throttle::{self, Subject};
use crate::store::{Db, StoreError};

/// At what a try is counted. Everybody names subjects in the same order of kinds, so that nobody
/// waits in a circle.
#[derive(Clone, Debug)]
pub(super) struct Try {
    /// What others try from as well.
    pub(super) from: Option<Subject>,
    /// The account, at which others try as well.
    pub(super) account: Account,
    /// What only the one who tries stands for: a success makes it forgotten.
    pub(super) own: Option<Subject>,
}

/// An account, as it is counted from anywhere.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// For those who have hardly failed there.
    pub(super) newcomers: Subject,
    /// For all others.
    pub(super) others: Subject,
}

/// A try that was counted, and at what.
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

impl Try {
    fn counted(&self, connection: &mut Db, now: UnixMs) -> Result<Counted, StoreError> {
        let is_newcomer = match &self.own {
            Some(own) => login_throttle::is_newcomer(connection, own, now)?,
            None => false,
        };
        let account = if is_newcomer { &self.account.newcomers } else { &self.account.others };
        Ok(Counted { shared: self.from.iter().chain([account]).cloned().collect(), own: self.own.clone() })
    }

    /// Refuses what must wait anyway: most of a flood of guesses learns so here, without a lock
    /// and without a turn.
    pub(super) async fn check(&self, services: &Services) -> Result<(), Error> {
        let this = self.clone();
        let check = move |connection: &mut Db| {
            let now = clock::now();
            let subjects = this.counted(connection, now)?.subjects();
            login_throttle::check(connection, &subjects, now)
        };
        Ok(services.store.read(check).await??)
    }

    /// Counts the try, for one who has its turn to have the password judged: overload is no guess.
    /// In the same transaction it is looked what the password is compared with; where nothing is
    /// found, nothing is counted. Neither is one that must wait: what others try at as well is not
    /// used up by who may not try.
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
        self.own.iter().try_for_each(|subject| login_throttle::forget(connection, &subject.id))
    }

    /// Takes the count back where a failure of ours has kept the password from being judged, or a
    /// right one from being of use; hands on what has come of it.
    pub(super) async fn unless_ours<T>(&self, services: &Services, judged: Result<T, Error>) -> Result<T, Error> {
        if judged.is_err() {
            let subjects = self.subjects();
            let taken_back = services.store.write_in_background(move |connection| {
                subjects.iter().try_for_each(|subject| login_throttle::take_back(connection, &subject.id))
            });
            if let Err(error) = taken_back.await {
                tracing::warn!(%error, "a try at a password counts that was not judged");
            }
        }
        judged
    }
}
