//! Who calls: extractors that prove a key before a handler runs.
//!
//! A handler names in its signature what it needs, and cannot make one of these itself.
//! A revoked key stops at once, on every replica (promise I9): requests look their key up in the
//! database, or they are commands to the ledger, which looks inside of its transaction.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::api::framework::app::{App, State};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params;
use crate::domain::api_keys::{ApiKey, KeyDigest, KeyKind};
use crate::domain::consumer::Consumer;
use crate::domain::ids::{AccountId, PaymentHash, UserId, WalletId};
use crate::ledger::command::Authority;
use crate::store::access::grants;
use crate::store::access::grants::{Grant, Holder};
use crate::store::payments::Payment;
use crate::store::{Db, StoreError};

/// The header that carries a key; its name is matched in any case.
const X_API_KEY: &str = "x-api-key";
/// The query parameter that carries a key where a header cannot.
const API_KEY_PARAM: &str = "api-key";

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
pub struct OwnWallet(pub(crate) Holder);

/// The payment that the path names, and who asks for it: whoever has its hash may.
#[derive(Debug)]
pub struct SeenPayment {
    /// The wallet of the caller's key, where there is one.
    pub(crate) viewer: Option<WalletId>,
    /// Both sides of the payment, the payee's first; nothing where there is no such payment.
    pub(crate) sides: Vec<Payment>,
}

/// Either key of a wallet, or none.
#[derive(Clone, Copy, Debug)]
pub struct OptionalKey;

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
    pub const fn require_admin(self) -> Result<AdminKey, ErrorCode> {
        match self.0.kind {
            KeyKind::Admin => Ok(AdminKey(self)),
            KeyKind::Invoice => Err(ErrorCode::AdminKeyRequired),
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

    /// Makes sure, inside of a transaction, that the proof still holds.
    fn recheck(&self, connection: &mut Db) -> Result<(), StoreError>;
}

impl Caller for WalletKey {
    fn account(&self) -> AccountId {
        self.0.wallet.account()
    }

    /// One of a wallet's two keys may be shown answers that the other may not, and must not be
    /// in its way.
    fn label(&self) -> Vec<u8> {
        if self.sees_admin_keys() { b"admin".to_vec() } else { b"invoice".to_vec() }
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
    /// Has the ledger do something for the key. Whatever succeeds has proved the key. But to be
    /// told why something else is refused, a remembered key must still hold; unless it is that
    /// the outcome is not known, behind which a payment may be.
    pub async fn act<T>(
        self,
        app: &App,
        act: impl AsyncFnOnce(WalletKey) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let done = act(self.key).await;
        let refused = matches!(&done, Err(refusal) if refusal.code() != ErrorCode::OutcomeUnknown);
        if self.remembered && refused {
            let holder = app.store.holder(self.digest).await?;
            if holder.is_none() {
                app.known_keys.remove(&self.digest);
                return Err(ErrorCode::BadAuth.into());
            }
        }
        done
    }
}

fn key_of(request: &HttpRequest) -> Option<ApiKey> {
    if let Some(header) = request.headers().get(X_API_KEY) {
        // A key that is not text is no key that was ever handed out.
        return Some(ApiKey::from_client(header.to_str().unwrap_or_default()));
    }
    params::pairs(request.query_string())
        .find(|(name, _)| name == API_KEY_PARAM)
        .map(|(_, value)| ApiKey::from_client(&value))
}

fn digest_of(request: &HttpRequest) -> Option<KeyDigest> {
    key_of(request).filter(|key| !key.reveal().is_empty()).map(|key| key.digest())
}

fn app_of(request: &HttpRequest) -> Result<&State, ErrorCode> {
    request.app_data::<State>().ok_or(ErrorCode::Internal)
}

/// Proves a key by its digest, and counts the request.
async fn prove(app: &App, digest: KeyDigest) -> Result<Holder, ApiError> {
    let holder = app.store.holder(digest).await?.ok_or(ErrorCode::BadAuth)?;
    app.limits.count_key(digest.as_bytes())?;
    Ok(holder)
}

/// Proves a key that stands in a path, by its digest.
pub(crate) async fn prove_key(app: &App, digest: KeyDigest) -> Result<WalletKey, ApiError> {
    Ok(WalletKey(prove(app, digest).await?.grant))
}

async fn holder_of(request: HttpRequest) -> Result<Option<Holder>, ApiError> {
    let Some(digest) = digest_of(&request) else { return Ok(None) };
    Ok(Some(prove(app_of(&request)?, digest).await?))
}

async fn ledger_key(request: HttpRequest) -> Result<LedgerKey, ApiError> {
    let digest = digest_of(&request).ok_or(ErrorCode::NoKey)?;
    let app = app_of(&request)?;
    if let Some(grant) = app.known_keys.get(&digest) {
        app.limits.count_key(digest.as_bytes())?;
        return Ok(LedgerKey { key: WalletKey(grant), digest, remembered: true });
    }
    let Holder { grant, .. } = prove(app, digest).await?;
    app.known_keys.insert(digest, grant);
    Ok(LedgerKey { key: WalletKey(grant), digest, remembered: false })
}

/// Looks the payment up together with the key, because that is what most requests ask for.
async fn seen_payment(request: HttpRequest) -> Result<SeenPayment, ApiError> {
    let hash = request.match_info().get("payment_hash").and_then(|hash| hash.parse::<PaymentHash>().ok());
    let Some(hash) = hash else {
        holder_of(request).await?;
        return Err(ErrorCode::PaymentNotFound.into());
    };
    let app = app_of(&request)?;
    let Some(digest) = digest_of(&request) else {
        return Ok(SeenPayment { viewer: None, sides: app.store.sides(hash).await? });
    };
    let (holder, sides) = app.store.holder_and_sides(digest, hash).await?.ok_or(ErrorCode::BadAuth)?;
    app.limits.count_key(digest.as_bytes())?;
    Ok(SeenPayment { viewer: Some(holder.grant.wallet), sides: sides? })
}

/// What proving somebody comes to.
pub(crate) type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for WalletKey {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let holder = holder_of(request.clone());
        Box::pin(async { Ok(Self(holder.await?.ok_or(ErrorCode::NoKey)?.grant)) })
    }
}

impl FromRequest for LedgerKey {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(ledger_key(request.clone()))
    }
}

impl FromRequest for OwnWallet {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let holder = holder_of(request.clone());
        Box::pin(async { Ok(Self(holder.await?.ok_or(ErrorCode::NoKey)?)) })
    }
}

impl FromRequest for AdminKey {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = WalletKey::from_request(request, payload);
        Box::pin(async { Ok(key.await?.require_admin()?) })
    }
}

impl<K> FromRequest for Manager<K>
where
    K: FromRequest<Error = ApiError, Future = Extraction<K>> + AsRef<WalletKey> + 'static,
{
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = K::from_request(request, payload);
        Box::pin(async {
            let key = key.await?;
            key.as_ref().managed_tenant().ok_or(ErrorCode::NotAManager)?;
            Ok(Self(key))
        })
    }
}

impl FromRequest for SeenPayment {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(seen_payment(request.clone()))
    }
}

impl FromRequest for OptionalKey {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let holder = holder_of(request.clone());
        Box::pin(async { holder.await.map(|_| Self) })
    }
}
