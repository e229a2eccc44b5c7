//! Operators themselves. Only whoever has the database at hand can make one.

use crate::clock;
use crate::crypto::password::{Hasher, Password};
use crate::domain::consumer::Consumer;
use crate::domain::ids::UserId;
use crate::domain::text::Username;
use crate::services::{Error, Missing, Taken};
use crate::store::Store;
use crate::store::access::operators;

/// Creates an operator.
pub async fn create(store: &Store, hasher: &Hasher, username: Username, password: Password) -> Result<(), Error> {
    let hash = hash(hasher, password).await?;
    let created = store.write(Consumer::NOBODY, move |connection| {
        operators::create(connection, UserId::random(), &username, &hash, clock::now())
    });
    created.await.map_err(Error::of_change(Taken::Username, Missing::User))
}

/// The operators, by user name.
pub async fn list(store: &Store) -> Result<Vec<(UserId, String)>, Error> {
    Ok(store.read(operators::list).await?)
}

/// Gives an operator a new password; all sessions end.
pub async fn set_password(store: &Store, hasher: &Hasher, username: Username, password: Password) -> Result<(), Error> {
    let hash = hash(hasher, password).await?;
    let changed = store
        .write(Consumer::NOBODY, move |connection| operators::set_password(connection, &username, &hash, clock::now()));
    changed.await.map_err(Error::of(Missing::User))
}

/// Removes an operator; all sessions end.
pub async fn remove(store: &Store, username: Username) -> Result<(), Error> {
    let removed =
        store.write(Consumer::NOBODY, move |connection| operators::remove(connection, &username, clock::now()));
    removed.await.map_err(Error::of(Missing::User))
}

async fn hash(hasher: &Hasher, password: Password) -> Result<String, Error> {
    let hasher = *hasher;
    let hashed = tokio::task::spawn_blocking(move || hasher.hash(&password));
    Ok(hashed.await.or(Err(Error::Unavailable))??)
}
