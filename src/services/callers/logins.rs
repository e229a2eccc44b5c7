//! Who shows a token: somebody who has logged in, or a program of a manager's.
//!
//! What a token may do is a part of the type of its proof: a use case that takes a
//! [`ManagerLogin<Users>`] is out of reach of a token that only reads.

use std::marker::PhantomData;
use std::ops::Deref;

use crate::clock;
use crate::domain::consumer::Consumer;
use crate::domain::ids::{AccountId, TokenId, UserId};
use crate::domain::session::SessionDigest;
use crate::domain::time::UnixMs;
use crate::domain::token::{Scope, noted_before};
use crate::services::callers::{Caller, ChangesUsers, CreatesUsers, ManagesTenant, SeesTenant};
use crate::services::{Error, Services};
use crate::store::access::bearers;
use crate::store::access::sessions::Role;
use crate::store::access::tokens;
use crate::store::{Db, StoreError};

/// When the use of tokens was noted last by this process.
pub type UsesOfTokens = quick_cache::sync::Cache<TokenId, UnixMs>;

/// Somebody who shows a token that holds, of whatever kind.
#[derive(Clone, Copy, Debug)]
pub struct Bearer(bearers::Bearer);

/// Somebody who has logged in with a password.
#[derive(Clone, Copy, Debug)]
pub struct Session(Bearer);

/// An operator who has logged in.
#[derive(Clone, Copy, Debug)]
pub struct Operator(Session);

/// Somebody who may do all that the user may: after a login, or by a token for everything.
#[derive(Clone, Copy, Debug)]
pub struct FullAccess(Bearer);

/// A manager, after a login or by a token that reaches as far as `R`.
#[derive(Debug)]
pub struct ManagerLogin<R>(Bearer, PhantomData<R>);

/// How far a proof reaches.
pub trait Reach: Copy + Send + Sync + 'static {
    /// What a token needs for it.
    const SCOPE: Scope;
}

/// Reads.
#[derive(Clone, Copy, Debug)]
pub enum Reads {}

/// Also creates, changes and deletes users and wallets.
#[derive(Clone, Copy, Debug)]
pub enum Users {}

/// Does all that a manager may after a login.
#[derive(Clone, Copy, Debug)]
pub enum Everything {}

impl Reach for Reads {
    const SCOPE: Scope = Scope::Read;
}

impl Reach for Users {
    const SCOPE: Scope = Scope::Users;
}

impl Reach for Everything {
    const SCOPE: Scope = Scope::All;
}

/// Why a token that holds is not good for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is not an operator's.
    #[error("not an operator")]
    NotAnOperator,
    /// It is not a manager's.
    #[error("not a manager")]
    NotAManager,
    /// It is not of a login.
    #[error("not logged in")]
    NotLoggedIn,
    /// A wallet of the manager's own is completely frozen.
    #[error("a wallet of the manager is frozen")]
    Frozen,
    /// It is not for that.
    #[error("the token lacks the scope {}", .0.as_str())]
    Scope(Scope),
}

impl Bearer {
    /// The same as somebody who has logged in.
    pub const fn session(self) -> Result<Session, Denied> {
        if self.0.token.is_none() { Ok(Session(self)) } else { Err(Denied::NotLoggedIn) }
    }

    /// The same as an operator.
    pub const fn operator(self) -> Result<Operator, Denied> {
        match (self.0.role, self.session()) {
            (Role::Operator, Ok(session)) => Ok(Operator(session)),
            (Role::Operator | Role::User, _) => Err(Denied::NotAnOperator),
        }
    }

    /// The same as somebody who may do everything.
    pub const fn full_access(self) -> Result<FullAccess, Denied> {
        if self.0.scopes.allow(Scope::All) { Ok(FullAccess(self)) } else { Err(Denied::Scope(Scope::All)) }
    }

    /// The same as a manager who reaches so far.
    pub const fn manager<R: Reach>(self) -> Result<ManagerLogin<R>, Denied> {
        match self.0.role {
            Role::Operator => Err(Denied::NotAManager),
            Role::User if self.0.is_frozen => Err(Denied::Frozen),
            Role::User if self.0.scopes.allow(R::SCOPE) => Ok(ManagerLogin(self, PhantomData)),
            Role::User => Err(Denied::Scope(R::SCOPE)),
        }
    }

    /// Whose share what it does is charged to. Whoever can log in as a user is a root manager.
    pub const fn consumer(&self) -> Consumer {
        match self.0.role {
            Role::Operator => Consumer::NOBODY,
            Role::User => Consumer::manager(self.0.user),
        }
    }

    fn recheck(&self, connection: &mut Db) -> Result<(), StoreError> {
        self.find_again(connection).map(drop)
    }

    fn find_again(&self, connection: &mut Db) -> Result<bearers::Bearer, StoreError> {
        let now = bearers::find(connection, self.0.digest, clock::now())?;
        now.filter(|now| now.role == self.0.role).ok_or(StoreError::Revoked)
    }
}

impl Session {
    /// What the ledger looks at again.
    pub const fn digest(&self) -> SessionDigest {
        self.0.0.digest
    }

    /// Who it is.
    pub const fn user(&self) -> UserId {
        self.0.0.user
    }

    /// The same as somebody who may do everything, as whoever has logged in may.
    pub const fn full_access(self) -> FullAccess {
        FullAccess(self.0)
    }
}

impl FullAccess {
    /// Who it is.
    pub const fn user(&self) -> UserId {
        self.0.0.user
    }

    /// Whether it is an operator.
    pub const fn is_operator(&self) -> bool {
        matches!(self.0.0.role, Role::Operator)
    }

    /// When the token ends.
    pub const fn expires_at(&self) -> UnixMs {
        self.0.0.expires_at
    }
}

impl<R> Clone for ManagerLogin<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for ManagerLogin<R> {}

impl<R: Reach> ManagerLogin<R> {
    /// What the ledger looks at again.
    pub const fn digest(&self) -> SessionDigest {
        self.0.0.digest
    }

    /// The manager: the tenant.
    pub const fn user(&self) -> UserId {
        self.0.0.user
    }

    /// Whose share what it does is charged to. Whoever can log in is a root manager.
    pub const fn consumer(&self) -> Consumer {
        Consumer::manager(self.0.0.user)
    }

    /// The same as one who only reads.
    pub const fn reads(self) -> ManagerLogin<Reads> {
        ManagerLogin(self.0, PhantomData)
    }

    /// Whether the caller may be shown keys that receive.
    pub const fn sees_invoice_keys(&self) -> bool {
        self.0.0.scopes.allow(Scope::Users) || self.sees_admin_keys()
    }

    /// Whether the caller may be shown keys that spend.
    pub const fn sees_admin_keys(&self) -> bool {
        self.0.0.scopes.allow(Scope::Payments)
    }
}

impl Deref for Operator {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl Caller for Session {
    fn account(&self) -> AccountId {
        AccountId::ISSUANCE
    }

    fn label(&self) -> Vec<u8> {
        [b"session of ".as_slice(), self.user().as_bytes()].concat()
    }

    fn consumer(&self) -> Consumer {
        self.0.consumer()
    }

    fn recheck(&self, connection: &mut Db) -> Result<(), StoreError> {
        self.0.recheck(connection)
    }
}

impl Caller for Operator {
    fn account(&self) -> AccountId {
        self.0.account()
    }

    fn label(&self) -> Vec<u8> {
        self.0.label()
    }

    fn consumer(&self) -> Consumer {
        self.0.consumer()
    }

    fn recheck(&self, connection: &mut Db) -> Result<(), StoreError> {
        self.0.recheck(connection)
    }
}

impl<R: Reach> Caller for ManagerLogin<R> {
    fn account(&self) -> AccountId {
        AccountId::ISSUANCE
    }

    /// Tokens of one manager may be shown different keys, and must not be in each other's way.
    fn label(&self) -> Vec<u8> {
        let scopes = self.0.0.scopes.bits().to_be_bytes();
        [b"login of ".as_slice(), self.user().as_bytes(), &scopes].concat()
    }

    fn consumer(&self) -> Consumer {
        Self::consumer(self)
    }

    fn recheck(&self, connection: &mut Db) -> Result<(), StoreError> {
        if self.0.find_again(connection)?.is_frozen { Err(StoreError::Frozen) } else { Ok(()) }
    }
}

impl SeesTenant for ManagerLogin<Reads> {
    fn managed_tenant(&self) -> Option<UserId> {
        Some(self.user())
    }
}

impl ManagesTenant for ManagerLogin<Users> {
    fn tenant(&self) -> UserId {
        self.user()
    }
}

impl CreatesUsers for ManagerLogin<Users> {}
impl ChangesUsers for ManagerLogin<Users> {}

impl Services {
    /// Proves whoever shows the token of this digest.
    pub async fn prove_bearer(&self, digest: SessionDigest) -> Result<Bearer, Error> {
        let now = clock::now();
        let found = self.store.read(move |connection| bearers::find(connection, digest, now)).await?;
        let bearer = found.ok_or(Error::BadAuth)?;
        if let Some((id, last_used_at)) = bearer.token {
            self.note_use(Consumer::manager(bearer.user), id, last_used_at, now);
        }
        Ok(Bearer(bearer))
    }

    /// Notes that a token is used: once a minute, beside the request, which does not wait for it.
    fn note_use(&self, consumer: Consumer, id: TokenId, last_used_at: Option<UnixMs>, now: UnixMs) {
        let since = noted_before(now);
        let is_noted = |at: Option<UnixMs>| at.is_some_and(|at| at > since);
        if is_noted(last_used_at) || is_noted(self.uses_of_tokens.get(&id)) {
            return;
        }
        self.uses_of_tokens.insert(id, now);
        let store = self.store.clone();
        tokio::spawn(async move {
            let noted = store.write(consumer, move |connection| tokens::note_use(connection, id, since, now)).await;
            if let Err(error) = noted {
                tracing::warn!(token = %id, %error, "the use of a token could not be noted");
            }
        });
    }
}
