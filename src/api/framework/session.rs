//! Who has logged in: extractors that prove a session before a handler runs.

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};

use crate::api::framework::app::State;
use crate::api::framework::auth::{Extraction, shows_key};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::domain::session::SessionToken;

pub use crate::services::callers::{KeyOrSession, Operator, Session};

/// The token that a request shows; the scheme is matched in any case (RFC 9110, 11.1).
fn token_of(request: &HttpRequest) -> Option<SessionToken> {
    // Credentials that are not text are none that were ever handed out.
    let credentials = request.headers().get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, token) = credentials.split_once(' ').unwrap_or((credentials, ""));
    let token = if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" };
    Some(SessionToken::from_client(token))
}

impl FromRequest for Session {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let token = token_of(&request).ok_or(ErrorCode::NoToken)?;
            let app = request.app_data::<State>().ok_or(ErrorCode::Internal)?;
            let digest = token.digest();
            let session = app.services.prove_session(digest).await?;
            app.limits.count_key(digest.as_bytes())?;
            Ok(session)
        })
    }
}

impl FromRequest for Operator {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let session = Session::from_request(request, payload);
        Box::pin(async { Ok(session.await?.operator().ok_or(ErrorCode::OperatorRequired)?) })
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
        Box::pin(async {
            session.await.map(Self::Session).map_err(|refusal| {
                // Who shows neither is told of the one that more callers have.
                if refusal.code() == ErrorCode::NoToken { ErrorCode::NoKey.into() } else { refusal }
            })
        })
    }
}
