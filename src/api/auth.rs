//! Who calls: extractors that prove a key before a handler runs.
//!
//! A handler names in its signature what it needs, and cannot make one of these itself.
//! Every request looks its key up in the database, so a revoked key stops at once on every
//! replica (promise I9); commands to the ledger are checked once more in the transaction.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::app::State;
use super::error::{ApiError, ErrorCode};
use super::params;
use crate::domain::ids::{AccountId, UserId, WalletId};
use crate::domain::keys::{ApiKey, KeyKind};
use crate::ledger::command::Authority;
use crate::store::grants::{self, Grant};
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

/// Either key of a wallet, or none.
#[derive(Clone, Copy, Debug)]
pub struct OptionalKey(Option<Grant>);

impl WalletKey {
    /// The key's wallet.
    pub const fn wallet(&self) -> WalletId {
        self.0.wallet
    }

    /// The user of the key's wallet: as a manager, the tenant.
    pub const fn user(&self) -> UserId {
        self.0.user
    }

    /// What the ledger checks again.
    pub const fn authority(&self) -> Authority {
        Authority { account: self.0.wallet.account(), keys_version: self.0.keys_version }
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

impl Deref for AdminKey {
    type Target = WalletKey;

    fn deref(&self) -> &WalletKey {
        &self.0
    }
}

impl AdminKey {
    /// The same caller after it has renewed the keys of its wallet.
    pub(super) const fn renewed(self) -> Self {
        let Self(WalletKey(grant)) = self;
        Self(WalletKey(Grant { keys_version: grant.keys_version.saturating_add(1), ..grant }))
    }
}

impl OptionalKey {
    /// The wallet of the key, where there is one.
    pub fn wallet(&self) -> Option<WalletId> {
        self.0.map(|grant| grant.wallet)
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

async fn grant_of(request: HttpRequest) -> Result<Option<Grant>, ApiError> {
    let Some(key) = key_of(&request).filter(|key| !key.reveal().is_empty()) else { return Ok(None) };
    let app = request.app_data::<State>().ok_or(ErrorCode::Internal)?;
    let digest = key.digest();
    let grant = app.store.read(move |connection| grants::grant_of(connection, &digest)).await?;
    let grant = grant.ok_or(ErrorCode::BadAuth)?;
    app.limits.count_key(digest.as_bytes())?;
    Ok(Some(grant))
}

/// What proving somebody comes to.
pub(super) type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for WalletKey {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let grant = grant_of(request.clone());
        Box::pin(async { Ok(Self(grant.await?.ok_or(ErrorCode::NoKey)?)) })
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

impl FromRequest for OptionalKey {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let grant = grant_of(request.clone());
        Box::pin(async { grant.await.map(Self) })
    }
}
