//! Who has logged in: extractors that prove a session before a handler runs.
//!
//! Every request looks its token up in the database, so that a session that was ended stops
//! at once on every replica; what writes looks again in its transaction.

use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};

use crate::api::framework::app::State;
use crate::api::framework::auth::{Caller, Extraction};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::clock;
use crate::domain::ids::{AccountId, UserId};
use crate::domain::session::{SessionDigest, SessionToken};
use crate::domain::time::UnixMs;
use crate::store::access::sessions;
use crate::store::access::sessions::Role;
use crate::store::{Db, StoreError};

/// Somebody who has logged in, by the token of `Authorization: Bearer`.
#[derive(Clone, Copy, Debug)]
pub struct Session(sessions::Session);

/// An operator who has logged in.
#[derive(Clone, Copy, Debug)]
pub struct Operator(Session);

impl Session {
    /// What the ledger looks at again.
    pub const fn digest(&self) -> SessionDigest {
        self.0.digest
    }

    /// Who it is.
    pub const fn user(&self) -> UserId {
        self.0.user
    }

    /// Whether it is an operator.
    pub const fn is_operator(&self) -> bool {
        matches!(self.0.role, Role::Operator)
    }

    /// When the session ends.
    pub const fn expires_at(&self) -> UnixMs {
        self.0.expires_at
    }

    /// Ends the session.
    pub fn end(self, connection: &mut Db) -> Result<(), StoreError> {
        sessions::end(connection, self.0.digest)
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
        [b"session of ".as_slice(), self.0.user.as_bytes()].concat()
    }

    fn recheck(&self, connection: &mut Db) -> Result<(), StoreError> {
        let now = sessions::find(connection, self.0.digest, clock::now())?;
        if now.is_some_and(|now| now.role == self.0.role) { Ok(()) } else { Err(StoreError::Revoked) }
    }
}

impl Caller for Operator {
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
            let session = app.store.read(move |connection| sessions::find(connection, digest, clock::now())).await?;
            let session = session.ok_or(ErrorCode::BadAuth)?;
            app.limits.count_key(digest.as_bytes())?;
            Ok(Self(session))
        })
    }
}

impl FromRequest for Operator {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let session = Session::from_request(request, payload);
        Box::pin(async {
            let session = session.await?;
            if session.is_operator() { Ok(Self(session)) } else { Err(ErrorCode::OperatorRequired.into()) }
        })
    }
}
