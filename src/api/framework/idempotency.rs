//! `Idempotency-Key`: a request that is sent again under the same key, by the same wallet's
//! key, is answered again, and not done again (promise I7).
//!
//! What was done is written in the transaction of its effect. What a payment answered is made
//! again from its rows, which never change; any other answer is kept, sealed, because it can
//! hold keys. A refusal has done nothing, so it is not kept.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::IntoParams;

use crate::api::framework::app::App;
use crate::api::framework::auth::Caller;
use crate::api::framework::body::Body;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::json_stream;
use crate::clock;
use crate::crypto::secret::Purpose;
use crate::domain::idempotency::{Claim, IdempotencyKey, RequestDigest, answer_owner};
use crate::domain::ids::{AccountId, PaymentRow, WalletId};
use crate::store::idempotency::{self, Done};
use crate::store::payments::{self, Payment};
use crate::store::{Db, StoreError};

/// The header that carries the key.
pub static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that tells an answer which was given before.
pub static IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The header, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only the document reads this; the header itself is read by `Idempotency`")]
pub struct IdempotencyParam {
    /// A name of the client's own for this request, 1 to 255 visible characters. Sent again
    /// with the same key and body within 48 hours, it is answered again, with the header
    /// `Idempotent-Replayed: true`, and not done again; with another body it is refused (409).
    #[param(rename = "Idempotency-Key", example = "order-4711", pattern = "^[!-~]{1,255}$")]
    idempotency_key: Option<String>,
}

/// What a request says of idempotency. Getting it never fails; reading it may.
#[derive(Debug)]
pub struct Idempotency {
    keys: Vec<Vec<u8>>,
    method: String,
    path: String,
}

impl FromRequest for Idempotency {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self {
            keys: request.headers().get_all(&IDEMPOTENCY_KEY).map(|value| value.as_bytes().to_vec()).collect(),
            method: request.method().to_string(),
            path: request.path().to_owned(),
        }))
    }
}

impl Idempotency {
    /// What the request claims.
    pub fn claim<const MAX: usize>(
        &self,
        app: &App,
        caller: &impl Caller,
        body: &Body<MAX>,
    ) -> Result<Option<Claim>, ApiError> {
        let text = match self.keys.as_slice() {
            [] => return Ok(None),
            [text] => text,
            [_, _, ..] => return Err(ApiError::field("Idempotency-Key", "must be given once")),
        };
        let idempotency_key = IdempotencyKey::new(&app.sealer, &caller.label(), text)
            .map_err(|error| ApiError::field("Idempotency-Key", error))?;
        let request = RequestDigest::new(&app.sealer, self.method.as_bytes(), self.path.as_bytes(), body.bytes()?);
        Ok(Some(Claim { key: idempotency_key, request }))
    }
}

/// What a request that creates something answers: new, or given before.
#[derive(Debug)]
pub struct Created<T> {
    /// The answer.
    pub answer: T,
    /// Whether it was given before.
    pub replayed: bool,
}

impl<T> Created<T> {
    /// An answer that is new.
    pub const fn new(answer: T) -> Self {
        Self { answer, replayed: false }
    }

    /// An answer that was given before.
    pub const fn again(answer: T) -> Self {
        Self { answer, replayed: true }
    }

    /// The same, with another form of the answer.
    pub fn try_map<U, E>(self, form: impl FnOnce(T) -> Result<U, E>) -> Result<Created<U>, E> {
        Ok(Created { answer: form(self.answer)?, replayed: self.replayed })
    }
}

impl<T: Serialize> Created<T> {
    /// The answer as a response that says that something was created.
    pub fn respond(&self) -> HttpResponse {
        self.respond_as(StatusCode::CREATED)
    }

    /// The answer as a response.
    pub fn respond_as(&self, status: StatusCode) -> HttpResponse {
        with_header(HttpResponse::build(status).json(&self.answer), self.replayed)
    }
}

impl Created<Vec<u8>> {
    /// An answer that is JSON already, as a response that says that something was created.
    pub fn respond_json(self) -> HttpResponse {
        respond(StatusCode::CREATED, self.answer, self.replayed)
    }
}

fn with_header(mut response: HttpResponse, replayed: bool) -> HttpResponse {
    if replayed {
        response.headers_mut().insert(IDEMPOTENT_REPLAYED.clone(), HeaderValue::from_static("true"));
    }
    response
}

/// What was done before under a claim, where anything was. The caller is looked at again: the
/// body may have been slow, and the answer may hold keys.
async fn done(app: &App, caller: impl Caller, claim: Option<Claim>) -> Result<Option<Done>, ApiError> {
    let Some(claim) = claim else { return Ok(None) };
    let found = app.store.read(move |connection| {
        caller.recheck(connection)?;
        idempotency::find(connection, caller.account(), claim.key)
    });
    let Some(done) = found.await? else { return Ok(None) };
    if done.request == claim.request { Ok(Some(done)) } else { Err(ErrorCode::IdempotencyConflict.into()) }
}

/// The rows of the payments that were made before under a claim, where any were.
pub async fn payments_of(
    app: &App,
    caller: impl Caller,
    claim: Option<Claim>,
) -> Result<Option<Vec<PaymentRow>>, ApiError> {
    Ok(done(app, caller, claim).await?.map(|done| done.payments))
}

/// Sides of payments that were made before, by their wallets and the ids of their rows.
pub async fn payments_again(app: &App, sides: Vec<(WalletId, PaymentRow)>) -> Result<Vec<Payment>, ApiError> {
    let find = move |connection: &mut Db| payments::find_sides(connection, &sides);
    app.store.read(find).await.map_err(|error| match error {
        // Nothing failed but the reading of what was done.
        StoreError::Unavailable(error) => StoreError::OutcomeUnknown(error).into(),
        StoreError::OutcomeUnknown(_)
        | StoreError::Revoked
        | StoreError::Frozen
        | StoreError::NotAManager
        | StoreError::NoRoomForManager(_)
        | StoreError::TooManyWallets
        | StoreError::Conflict
        | StoreError::NotFound
        | StoreError::Busy(_)
        | StoreError::TooLong
        | StoreError::Broken(_)
        | StoreError::Fault(_) => error.into(),
    })
}

/// One side of a payment that was made before, by its wallet and the ids that came of it.
pub async fn payment_again(app: &App, wallet: WalletId, ids: &[PaymentRow]) -> Result<Payment, ApiError> {
    let sides = ids.iter().take(1).map(|id| (wallet, *id)).collect();
    Ok(payments_again(app, sides).await?.pop().ok_or(ErrorCode::Internal)?)
}

/// The answer that was given before under a claim, where any was: for handlers that would do
/// costly work before [`create_once`].
pub async fn answer_again(
    app: &App,
    caller: impl Caller,
    status: StatusCode,
    claim: Option<Claim>,
) -> Result<Option<HttpResponse>, ApiError> {
    let done = done(app, caller, claim).await?;
    done.map(|done| replay(app, caller.account(), status, claim, &done)).transpose()
}

/// Creates something in one transaction on behalf of a caller: once for each claim.
pub async fn create_once<T: Serialize>(
    app: &crate::api::framework::app::State,
    caller: impl Caller,
    status: StatusCode,
    claim: Option<Claim>,
    create: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    refuse: impl Fn(StoreError) -> ApiError,
) -> Result<HttpResponse, ApiError> {
    let account = caller.account();
    if let Some(answer) = answer_again(app, caller, status, claim).await? {
        return Ok(answer);
    }
    let shared = app.clone();
    let created = app.write_as(caller, move |connection| {
        let answer = create(connection)?;
        let json = json_stream::json(&answer)?;
        if let Some(claim) = claim {
            let sealed = shared.sealer.seal(Purpose::Answer, &answer_owner(account, claim.key), &json);
            idempotency::insert(connection, account, &claim, &sealed, clock::now())?;
        }
        Ok(json)
    });
    match created.await {
        Ok(json) => Ok(respond(status, json, false)),
        // Perhaps it was the claim that another request has just taken.
        Err(StoreError::Conflict) => match done(app, caller, claim).await? {
            Some(done) => replay(app, account, status, claim, &done),
            None => Err(refuse(StoreError::Conflict)),
        },
        // The claim proves a commit whose answer was lost.
        Err(error @ StoreError::OutcomeUnknown(_)) => match done(app, caller, claim).await {
            Ok(Some(done)) => replay(app, account, status, claim, &done),
            Ok(None) | Err(_) => Err(refuse(error)),
        },
        Err(error) => Err(refuse(error)),
    }
}

fn replay(
    app: &App,
    account: AccountId,
    status: StatusCode,
    claim: Option<Claim>,
    done: &Done,
) -> Result<HttpResponse, ApiError> {
    let (Some(claim), Some(answer)) = (claim, &done.answer) else {
        tracing::error!("an answer under an idempotency key is missing");
        return Err(ErrorCode::Internal.into());
    };
    let json = app.sealer.unseal(Purpose::Answer, &answer_owner(account, claim.key), answer.as_bytes());
    Ok(respond(status, json.map_err(StoreError::from)?.to_vec(), true))
}

fn respond(status: StatusCode, json: Vec<u8>, replayed: bool) -> HttpResponse {
    let response = HttpResponse::build(status).insert_header(header::ContentType::json()).body(json);
    with_header(response, replayed)
}
