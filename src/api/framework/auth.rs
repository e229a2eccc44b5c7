//! Who calls: extractors that prove a key before a handler runs.
//!
//! A handler names in its signature what it needs, and cannot make one of these itself: see
//! [`crate::services::callers`].

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::api::framework::app::{App, State};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::{params, unread};
use crate::domain::api_keys::{ApiKey, KeyDigest};
use crate::domain::consumer::Consumer;
use crate::domain::ids::{PaymentHash, WalletId};
use crate::services::payments;
use crate::services::payments::Payment;

pub use crate::services::callers::{AdminKey, Caller, LedgerKey, Manager, OwnWallet, WalletKey};

/// The header that carries a key; its name is matched in any case.
const X_API_KEY: &str = "x-api-key";
/// The query parameter that carries a key where a header cannot.
const API_KEY_PARAM: &str = "api-key";

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

/// The same caller as one who may spend, where the key is an admin key.
pub(crate) fn require_admin(key: WalletKey) -> Result<AdminKey, ApiError> {
    Ok(key.admin().ok_or(ErrorCode::AdminKeyRequired)?)
}

/// Has the ledger do something for a key that may only be remembered. To be told why something is
/// refused, the key must still hold; unless it is that the outcome is not known, behind which a
/// payment may be.
pub(crate) async fn act<T>(
    app: &App,
    key: LedgerKey,
    act: impl AsyncFnOnce(WalletKey) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let done = act(key.key()).await;
    if matches!(&done, Err(refusal) if refusal.code() != ErrorCode::OutcomeUnknown) {
        app.services.prove_again(key).await?;
    }
    done
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

/// Whether a request shows a key, good or not.
pub(crate) fn shows_key(request: &HttpRequest) -> bool {
    digest_of(request).is_some()
}

pub(crate) fn app_of(request: &HttpRequest) -> Result<&State, ErrorCode> {
    request.app_data::<State>().ok_or(ErrorCode::Internal)
}

/// Proves a key by its digest, and counts the request.
pub(crate) async fn prove_key(app: &App, digest: KeyDigest) -> Result<WalletKey, ApiError> {
    let key = app.services.prove_key(digest).await?;
    app.limits.count_key(digest.as_bytes())?;
    Ok(key)
}

async fn wallet_key(request: HttpRequest) -> Result<Option<WalletKey>, ApiError> {
    let Some(digest) = digest_of(&request) else { return Ok(None) };
    prove(&request, digest).await.map(Some)
}

/// What a key proves, wherever in a request it stands.
pub(crate) trait Proof: Sized + 'static {
    /// Proves a key by its digest, and counts the request.
    async fn prove(app: &App, digest: KeyDigest) -> Result<Self, ApiError>;

    /// Whose share what the key does is charged to.
    fn consumer(&self) -> Consumer;
}

impl Proof for WalletKey {
    async fn prove(app: &App, digest: KeyDigest) -> Result<Self, ApiError> {
        prove_key(app, digest).await
    }

    fn consumer(&self) -> Consumer {
        Self::consumer(self)
    }
}

impl Proof for OwnWallet {
    async fn prove(app: &App, digest: KeyDigest) -> Result<Self, ApiError> {
        let own = app.services.prove_owner(digest).await?;
        app.limits.count_key(digest.as_bytes())?;
        Ok(own)
    }

    fn consumer(&self) -> Consumer {
        self.key().consumer()
    }
}

impl Proof for LedgerKey {
    async fn prove(app: &App, digest: KeyDigest) -> Result<Self, ApiError> {
        let key = app.services.ledger_key(digest).await?;
        app.limits.count_key(digest.as_bytes())?;
        Ok(key)
    }

    fn consumer(&self) -> Consumer {
        self.key().consumer()
    }
}

/// Proves the key that a request must show.
async fn required<P: Proof>(request: HttpRequest) -> Result<P, ApiError> {
    let digest = digest_of(&request).ok_or(ErrorCode::NoKey)?;
    prove(&request, digest).await
}

/// Proves a key by its digest, and charges the request to it.
pub(crate) async fn prove<P: Proof>(request: &HttpRequest, digest: KeyDigest) -> Result<P, ApiError> {
    let proved = P::prove(app_of(request)?, digest).await?;
    unread::charge(request, proved.consumer());
    Ok(proved)
}

/// Looks the payment up together with the key, because that is what most requests ask for.
async fn seen_payment(request: HttpRequest) -> Result<SeenPayment, ApiError> {
    let hash = request.match_info().get("payment_hash").and_then(|hash| hash.parse::<PaymentHash>().ok());
    let Some(hash) = hash else {
        wallet_key(request).await?;
        return Err(ErrorCode::PaymentNotFound.into());
    };
    let app = app_of(&request)?;
    let Some(digest) = digest_of(&request) else {
        return Ok(SeenPayment { viewer: None, sides: payments::sides(&app.services, hash).await? });
    };
    let (key, sides) = app.services.prove_key_and_find(digest, hash).await?;
    app.limits.count_key(digest.as_bytes())?;
    Ok(SeenPayment { viewer: Some(key.wallet()), sides: sides? })
}

/// What proving somebody comes to.
pub(crate) type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for WalletKey {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(required(request.clone()))
    }
}

impl FromRequest for LedgerKey {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(required(request.clone()))
    }
}

impl FromRequest for OwnWallet {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        Box::pin(required(request.clone()))
    }
}

impl FromRequest for AdminKey {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = WalletKey::from_request(request, payload);
        Box::pin(async { require_admin(key.await?) })
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
        Box::pin(async { Ok(Self::of(key.await?).ok_or(ErrorCode::NotAManager)?) })
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
        let key = wallet_key(request.clone());
        Box::pin(async { key.await.map(|_| Self) })
    }
}
