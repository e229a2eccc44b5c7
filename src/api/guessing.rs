//! Tries at a password, counted before it is judged: a try counts as failed from its beginning,
//! so that many at once are no way around. What becomes of it settles the count.

use super::app::App;
use super::error::ApiError;
use crate::clock;
use crate::domain::guesses::Wait;
use crate::store::guesses::{self, Subject};
use crate::store::{Db, StoreError};

/// At what a try is counted. Everybody names subjects in the same order of kinds, so that nobody
/// waits in a circle.
#[derive(Clone, Debug)]
pub(super) struct Try {
    /// What others try at as well, whose tries still count after one has succeeded.
    pub(super) shared: Vec<Subject>,
    /// What only the one who tries stands for: a success makes it forgotten.
    pub(super) own: Option<Subject>,
}

impl Try {
    fn subjects(&self) -> Vec<Subject> {
        self.shared.iter().chain(&self.own).cloned().collect()
    }

    /// Refuses what must wait anyway: most of a flood of guesses learns so here, without a lock
    /// and without a turn.
    pub(super) async fn check(&self, app: &App) -> Result<(), ApiError> {
        let subjects = self.subjects();
        Ok(app.store.read(move |connection| guesses::check(connection, &subjects, clock::now())).await??)
    }

    /// Counts the try, for one who has its turn to have the password judged: overload is no guess.
    /// In the same transaction it is looked what the password is compared with; where nothing is
    /// found, nothing is counted. Neither is one that must wait: what others try at as well is not
    /// used up by who may not try.
    pub(super) async fn count<T: Send + 'static>(
        &self,
        app: &App,
        look: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Result<T, Wait>, StoreError> {
        let subjects = self.subjects();
        let count = move |connection: &mut Db| {
            let found = look(connection)?;
            Ok(guesses::attempt(connection, &subjects, clock::now())?.map(|()| found))
        };
        app.store.write(count).await
    }

    /// The password was right.
    pub(super) fn succeed(&self, connection: &mut Db) -> Result<(), StoreError> {
        for subject in &self.shared {
            guesses::take_back(connection, &subject.id)?;
        }
        self.own.iter().try_for_each(|subject| guesses::forget(connection, &subject.id))
    }

    /// Takes the count back where a failure of ours has kept the password from being judged, or a
    /// right one from being of use; hands on what has come of it.
    pub(super) async fn unless_ours<T>(&self, app: &App, judged: Result<T, ApiError>) -> Result<T, ApiError> {
        if judged.is_err() {
            let subjects = self.subjects();
            let taken_back = app.store.write(move |connection| {
                subjects.iter().try_for_each(|subject| guesses::take_back(connection, &subject.id))
            });
            if let Err(error) = taken_back.await {
                tracing::warn!(%error, "a try at a password counts that was not judged");
            }
        }
        judged
    }
}
