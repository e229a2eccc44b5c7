//! Tokens that managers make for their programs. What is kept of one is its digest: its text is told
//! once.

use super::administrators::LocalAdministrator;
use super::callers::{Everything, ManagerLogin};
use super::idempotency::{Created, once};
use super::{Error, Missing, Services, Taken};
use crate::clock;
use crate::domain::consumer::Consumer;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{TokenId, UserId};
use crate::domain::session::SessionToken;
use crate::domain::text::Name;
use crate::domain::token::{Lifetime, Scopes};
use crate::store::access::tokens::{self, NewToken};
use crate::store::{Db, Store, StoreError, users};

pub use crate::store::access::tokens::Token;

/// What a manager wants a new token to be.
#[derive(Clone, Debug)]
pub struct TokenTerms {
    /// What its manager calls it.
    pub name: Name,
    /// What it may do.
    pub scopes: Scopes,
    /// How long it is good.
    pub lifetime: Lifetime,
}

/// A token that has just been made.
#[derive(Debug)]
pub struct TokenWithText {
    /// The token.
    pub token: Token,
    /// Its text.
    pub text: SessionToken,
}

/// Makes a token, once for each claim. Keeps what `show` makes of it.
pub async fn create(
    services: &Services,
    caller: ManagerLogin<Everything>,
    claim: Option<Claim>,
    terms: TokenTerms,
    show: impl FnOnce(TokenWithText) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
) -> Result<Created<Vec<u8>>, Error> {
    let create = move |connection: &mut Db| show(make(connection, caller.user(), terms)?);
    once(services, caller, claim, create, Error::of_change(Taken::Tokens, Missing::User)).await
}

/// Makes a token for a manager, for whoever runs satkeep.
pub async fn create_for(
    services: &Services,
    _: LocalAdministrator,
    manager: UserId,
    terms: TokenTerms,
) -> Result<TokenWithText, Error> {
    let made = services.store.write(Consumer::NOBODY, move |connection| make(connection, manager, terms));
    made.await.map_err(Error::of_change(Taken::Tokens, Missing::User))
}

fn make(connection: &mut Db, manager: UserId, terms: TokenTerms) -> Result<TokenWithText, StoreError> {
    users::lock(connection, None, manager)?;
    let TokenTerms { name, scopes, lifetime } = terms;
    let (text, created_at) = (SessionToken::generate(), clock::now());
    let expires_at = created_at.plus_seconds(lifetime.seconds());
    let (id, digest) = (TokenId::random(), text.digest());
    let new = NewToken { id, digest, user: manager, name, scopes, created_at, expires_at };
    // Ids and tokens are random: what is in the way is the number of tokens.
    if !tokens::create(connection, &new)? {
        return Err(StoreError::Conflict);
    }
    let name = new.name.into_inner();
    Ok(TokenWithText {
        token: Token { id, user: manager, name, scopes, created_at, expires_at, last_used_at: None },
        text,
    })
}

/// A manager's tokens, oldest first.
pub async fn list(services: &Services, caller: ManagerLogin<Everything>) -> Result<Vec<Token>, Error> {
    Ok(services.store.read(move |connection| tokens::list(connection, caller.user(), clock::now())).await?)
}

/// A manager's tokens, oldest first, for whoever has the database at hand.
pub async fn list_of(store: &Store, manager: UserId) -> Result<Vec<Token>, Error> {
    let found = store.read(move |connection| {
        users::find(connection, None, manager)?;
        tokens::list(connection, manager, clock::now())
    });
    found.await.map_err(Error::of(Missing::User))
}

/// Revokes one of a manager's tokens: it stops at once, on every replica.
pub async fn revoke(services: &Services, caller: ManagerLogin<Everything>, id: TokenId) -> Result<(), Error> {
    let revoked = services.write_as(caller, move |connection| tokens::revoke(connection, Some(caller.user()), id));
    revoked.await.map_err(Error::of(Missing::Token))
}

/// Revokes whosever token, for whoever has the database at hand.
pub async fn revoke_any(store: &Store, id: TokenId) -> Result<(), Error> {
    store
        .write(Consumer::NOBODY, move |connection| tokens::revoke(connection, None, id))
        .await
        .map_err(Error::of(Missing::Token))
}
