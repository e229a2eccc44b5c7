//! Who shows a token: extractors that prove a session, or a token that a manager has made, before a
//! handler runs.

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName};
use actix_web::{FromRequest, HttpRequest};

use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Extraction, shows_key};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::unread;
use crate::domain::session::SessionToken;
use crate::services::callers::{Bearer, Reach};

pub use crate::services::callers::{
    Everything, FullAccess, KeyOrSession, ManagerLogin, Operator, Reads, Session, TenantReader, Users,
};

/// The cookie in which some programs send their token, as to LNbits.
const COOKIE: &str = "cookie_access_token";
/// What browsers say of where a request comes from, and programs do not.
const OF_BROWSERS: [HeaderName; 2] = [header::ORIGIN, HeaderName::from_static("sec-fetch-site")];

/// An operator, or a manager who reaches so far: of one path, each has its own.
#[derive(Clone, Copy, Debug)]
pub enum OperatorOr<R> {
    /// An operator.
    Operator(Operator),
    /// A manager.
    Manager(ManagerLogin<R>),
}

/// The token that a request shows.
fn token_of(request: &HttpRequest) -> Option<SessionToken> {
    of_header(request).or_else(|| of_cookie(request))
}

/// The scheme is matched in any case (RFC 9110, 11.1).
fn of_header(request: &HttpRequest) -> Option<SessionToken> {
    // Credentials that are not text are none that were ever handed out.
    let credentials = request.headers().get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, token) = credentials.split_once(' ').unwrap_or((credentials, ""));
    let token = if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" };
    Some(SessionToken::from_client(token))
}

/// A cookie counts from programs alone: a browser sends cookies with what strange pages ask for.
fn of_cookie(request: &HttpRequest) -> Option<SessionToken> {
    let headers = request.headers();
    if OF_BROWSERS.iter().any(|name| headers.contains_key(name)) {
        return None;
    }
    let texts = headers.get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == COOKIE)?;
    Some(SessionToken::from_client(value.trim_matches('"')))
}

async fn bearer(request: HttpRequest) -> Result<Bearer, ApiError> {
    let token = token_of(&request).ok_or(ErrorCode::NoToken)?;
    let app = request.app_data::<State>().ok_or(ErrorCode::Internal)?;
    let digest = token.digest();
    let bearer = app.services.prove_bearer(digest).await?;
    app.limits.count_key(digest.as_bytes())?;
    unread::charge(&request, bearer.consumer());
    Ok(bearer)
}

impl FromRequest for Session {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let bearer = bearer(request.clone());
        Box::pin(async { Ok(bearer.await?.session()?) })
    }
}

impl FromRequest for FullAccess {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let bearer = bearer(request.clone());
        Box::pin(async { Ok(bearer.await?.full_access()?) })
    }
}

impl FromRequest for Operator {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let bearer = bearer(request.clone());
        Box::pin(async { Ok(bearer.await?.operator()?) })
    }
}

impl<R: Reach> FromRequest for ManagerLogin<R> {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let bearer = bearer(request.clone());
        Box::pin(async { Ok(bearer.await?.manager()?) })
    }
}

impl<R: Reach> FromRequest for OperatorOr<R> {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let bearer = bearer(request.clone());
        Box::pin(async {
            let bearer = bearer.await?;
            Ok(match bearer.operator() {
                Ok(operator) => Self::Operator(operator),
                Err(_) => Self::Manager(bearer.manager()?),
            })
        })
    }
}

impl<K> FromRequest for KeyOrSession<K>
where
    K: FromRequest<Error = ApiError, Future = Extraction<K>> + 'static,
{
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if shows_key(request) {
            let key = K::from_request(request, payload);
            return Box::pin(async { key.await.map(Self::Key) });
        }
        let session = Session::from_request(request, payload);
        Box::pin(async { session.await.map(Self::Session).map_err(asking_for_key) })
    }
}

impl FromRequest for TenantReader {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if shows_key(request) {
            let key = AdminKey::from_request(request, payload);
            return Box::pin(async { key.await.map(Self::Key) });
        }
        let login = ManagerLogin::from_request(request, payload);
        Box::pin(async { login.await.map(Self::Login).map_err(asking_for_key) })
    }
}

/// Who shows neither a key nor a token is told of the one that more callers have.
fn asking_for_key(refusal: ApiError) -> ApiError {
    if refusal.code() == ErrorCode::NoToken { ErrorCode::NoKey.into() } else { refusal }
}
