//! Who calls: proofs of who somebody is.
//!
//! Nobody but this module makes one: [`Services`] does, from a key or token that holds: a key of a
//! wallet here, a token of a login or of a program in `logins`, either of them in `readers`. A use case
//! names in its signature what it needs. A revoked key stops at once, on every replica (promise
//! I9): it is looked up for every request, or inside of the ledger's transaction; what writes looks
//! again in its own.

mod logins;
mod readers;

use std::ops::Deref;

pub use logins::{
    Bearer, Denied, Everything, FullAccess, ManagerLogin, Operator, Reach, Reads, Session, Users, UsesOfTokens,
};
pub use readers::{SeenKeys, TenantReader};

use super::{Error, Services};
use crate::domain::api_keys::{KeyDigest, KeyKind};
use crate::domain::consumer::Consumer;
use crate::domain::ids::{AccountId, PaymentHash, UserId, WalletId};
use crate::ledger::command::Authority;
use crate::store::access::grants::{self, Grant, Holder};
use crate::store::payments::Payment;
use crate::store::{Db, StoreError};

/// Either key of a wallet: may read it and receive for it.
#[derive(Clone, Copy, Debug)]
pub struct WalletKey(Grant);

/// The admin key of a wallet: may also spend. What either key may, it may too.
#[derive(Clone, Copy, Debug)]
pub struct AdminKey(WalletKey);

/// A key, [`WalletKey`] or [`AdminKey`], whose user may create users: a root manager, or a user
/// whom its manager lets.
#[derive(Clone, Copy, Debug)]
pub struct Manager<K>(K);

/// Either key of a wallet, perhaps only remembered from an earlier request: for commands to the
/// ledger, which proves the key again in its transaction.
#[derive(Clone, Copy, Debug)]
pub struct LedgerKey {
    key: WalletKey,
    digest: KeyDigest,
    remembered: bool,
}

/// What keys grant, by digest. This never changes; but whether a key still holds, it does not
/// tell.
pub type KnownKeys = quick_cache::sync::Cache<KeyDigest, Grant>;

/// The wallet of either key, as it stands.
#[derive(Debug)]
pub struct OwnWallet(pub Holder);

impl OwnWallet {
    /// The key.
    pub const fn key(&self) -> WalletKey {
        WalletKey(self.0.grant)
    }
}

impl WalletKey {
    /// The key's wallet.
    pub const fn wallet(&self) -> WalletId {
        self.0.wallet
    }

    /// The user of the key's wallet: as a manager, the tenant.
    pub const fn user(&self) -> UserId {
        self.0.user
    }

    /// Whose share what the key does is charged to.
    pub fn consumer(&self) -> Consumer {
        self.0.consumer()
    }

    /// The tenant that the key's user manages: the users that it has created. `None` where it
    /// may not create any.
    pub fn managed_tenant(&self) -> Option<UserId> {
        self.0.may_create_users.then_some(self.0.user)
    }

    /// What the ledger checks again.
    pub const fn authority(&self) -> Authority {
        self.0.authority()
    }

    /// The same caller as one who may spend, where the key is an admin key.
    pub const fn admin(self) -> Option<AdminKey> {
        match self.0.kind {
            KeyKind::Admin => Some(AdminKey(self)),
            KeyKind::Invoice => None,
        }
    }

    /// Whether the caller may be shown keys that spend.
    pub const fn sees_admin_keys(&self) -> bool {
        matches!(self.0.kind, KeyKind::Admin)
    }
}

/// Somebody who has proved who they are.
pub trait Caller: Copy + Send + 'static {
    /// The account that the caller's idempotency keys belong to.
    fn account(&self) -> AccountId;

    /// What keeps the idempotency keys of callers apart that share an account.
    fn label(&self) -> Vec<u8>;

    /// Whose share what the caller does is charged to.
    fn consumer(&self) -> Consumer;

    /// Makes sure, inside of a transaction, that the proof still holds.
    fn recheck(&self, connection: &mut Db) -> Result<(), StoreError>;
}

/// Somebody who sees the users of a tenant, where it manages one.
pub trait SeesTenant: Caller {
    /// As [`Caller::recheck`], for what is shown of the tenant: that the caller still manages it, too.
    fn recheck_tenant(&self, connection: &mut Db) -> Result<(), StoreError> {
        self.recheck(connection)
    }

    /// The tenant that the caller manages, where it does.
    fn managed_tenant(&self) -> Option<UserId>;
}

/// Somebody who manages a tenant.
pub trait ManagesTenant: Caller {
    /// The tenant.
    fn tenant(&self) -> UserId;
}

/// Somebody who may create users and wallets of its tenant.
pub trait CreatesUsers: ManagesTenant {}

/// Somebody who may also change and delete them.
pub trait ChangesUsers: CreatesUsers {}

impl SeesTenant for WalletKey {
    fn recheck_tenant(&self, connection: &mut Db) -> Result<(), StoreError> {
        match self.managed_tenant() {
            Some(_) => grants::authorize_manager(connection, self.authority()),
            None => self.recheck(connection),
        }
    }

    fn managed_tenant(&self) -> Option<UserId> {
        Self::managed_tenant(self)
    }
}

impl<K: Caller + AsRef<WalletKey>> ManagesTenant for Manager<K> {
    fn tenant(&self) -> UserId {
        self.0.as_ref().user()
    }
}

impl CreatesUsers for Manager<WalletKey> {}
impl CreatesUsers for Manager<AdminKey> {}
impl ChangesUsers for Manager<AdminKey> {}

impl Caller for WalletKey {
    fn account(&self) -> AccountId {
        self.0.wallet.account()
    }

    /// One of a wallet's two keys may be shown answers that the other may not, and must not be
    /// in its way.
    fn label(&self) -> Vec<u8> {
        if self.sees_admin_keys() { b"admin".to_vec() } else { b"invoice".to_vec() }
    }

    fn consumer(&self) -> Consumer {
        Self::consumer(self)
    }

    fn recheck(&self, connection: &mut Db) -> Result<(), StoreError> {
        grants::authorize(connection, self.authority())
    }
}

impl Caller for AdminKey {
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

impl<K: Caller + AsRef<WalletKey>> Caller for Manager<K> {
    fn account(&self) -> AccountId {
        self.0.account()
    }

    fn label(&self) -> Vec<u8> {
        self.0.label()
    }

    fn consumer(&self) -> Consumer {
        self.0.as_ref().consumer()
    }

    fn recheck(&self, connection: &mut Db) -> Result<(), StoreError> {
        grants::authorize_manager(connection, self.authority())
    }
}

impl<K> Deref for Manager<K> {
    type Target = K;

    fn deref(&self) -> &K {
        &self.0
    }
}

impl Deref for AdminKey {
    type Target = WalletKey;

    fn deref(&self) -> &WalletKey {
        &self.0
    }
}

impl AsRef<WalletKey> for WalletKey {
    fn as_ref(&self) -> &WalletKey {
        self
    }
}

impl AsRef<WalletKey> for AdminKey {
    fn as_ref(&self) -> &WalletKey {
        &self.0
    }
}

impl<K: AsRef<WalletKey>> Manager<K> {
    /// The caller as one who may create users, where it is that.
    pub fn of(key: K) -> Option<Self> {
        key.as_ref().managed_tenant().map(|_| Self(key))
    }

    /// What the ledger checks again: that the key still holds, and that its user may still create
    /// users.
    pub fn authority(&self) -> Authority {
        let key = self.0.as_ref();
        Authority { manager: Some(key.user()), ..key.authority() }
    }
}

impl<K> Manager<K> {
    /// The same caller, its key replaced by a newer one of the same wallet.
    pub(crate) fn with(self, renew: impl FnOnce(K) -> K) -> Self {
        Self(renew(self.0))
    }
}

impl AdminKey {
    /// The same caller after it has renewed the keys of its wallet, which are of this generation.
    pub(crate) const fn renewed(self, keys_version: i64) -> Self {
        let Self(WalletKey(grant)) = self;
        Self(WalletKey(Grant { keys_version, ..grant }))
    }
}

impl LedgerKey {
    /// The key.
    pub const fn key(&self) -> WalletKey {
        self.key
    }

    /// Whether it is only remembered, and may not hold any more.
    pub const fn is_remembered(&self) -> bool {
        self.remembered
    }
}

/// Somebody who has shown a key, or has logged in.
#[derive(Clone, Copy, Debug)]
pub enum KeyOrSession<K> {
    /// A key.
    Key(K),
    /// A session.
    Session(Session),
}

impl<K: Caller> Caller for KeyOrSession<K> {
    fn account(&self) -> AccountId {
        match self {
            Self::Key(key) => key.account(),
            Self::Session(session) => session.account(),
        }
    }

    fn label(&self) -> Vec<u8> {
        match self {
            Self::Key(key) => key.label(),
            Self::Session(session) => session.label(),
        }
    }

    fn consumer(&self) -> Consumer {
        match self {
            Self::Key(key) => key.consumer(),
            Self::Session(session) => session.consumer(),
        }
    }

    fn recheck(&self, connection: &mut Db) -> Result<(), StoreError> {
        match self {
            Self::Key(key) => key.recheck(connection),
            Self::Session(session) => session.recheck(connection),
        }
    }
}

impl Services {
    /// Proves a key by its digest.
    pub async fn prove_key(&self, digest: KeyDigest) -> Result<WalletKey, Error> {
        Ok(WalletKey(self.holder(digest).await?.grant))
    }

    /// Proves a key by its digest, and shows its wallet.
    pub async fn prove_owner(&self, digest: KeyDigest) -> Result<OwnWallet, Error> {
        Ok(OwnWallet(self.holder(digest).await?))
    }

    async fn holder(&self, digest: KeyDigest) -> Result<Holder, Error> {
        self.store.holder(digest).await?.ok_or(Error::BadAuth)
    }

    /// A key for commands to the ledger: proved now, or remembered.
    pub async fn ledger_key(&self, digest: KeyDigest) -> Result<LedgerKey, Error> {
        if let Some(grant) = self.known_keys.get(&digest) {
            return Ok(LedgerKey { key: WalletKey(grant), digest, remembered: true });
        }
        let Holder { grant, .. } = self.holder(digest).await?;
        self.known_keys.insert(digest, grant);
        Ok(LedgerKey { key: WalletKey(grant), digest, remembered: false })
    }

    /// Makes sure that a remembered key still holds. Whatever succeeds has proved the key; but to be
    /// told why something is refused, it must hold.
    pub async fn prove_again(&self, key: LedgerKey) -> Result<(), Error> {
        if key.remembered && self.store.holder(key.digest).await?.is_none() {
            self.known_keys.remove(&key.digest);
            return Err(Error::BadAuth);
        }
        Ok(())
    }

    /// Proves a key, and looks a payment up together with it, because that is what most requests
    /// ask for.
    pub async fn prove_key_and_find(
        &self,
        digest: KeyDigest,
        hash: PaymentHash,
    ) -> Result<(WalletKey, Result<Vec<Payment>, StoreError>), Error> {
        let (holder, sides) = self.store.holder_and_sides(digest, hash).await?.ok_or(Error::BadAuth)?;
        Ok((WalletKey(holder.grant), sides))
    }
}
