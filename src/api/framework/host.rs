//! By which host a request was sent. Anybody can write any into it, so it is believed only where
//! [`crate::domain::lnurl::places`] says so.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};

use crate::api::framework::app::App;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::domain::lnurl::address::Authority;
use crate::domain::lnurl::places::Base;

/// The host that a request names, with its port; `None` where it names none that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHost(pub Option<Authority>);

impl RequestHost {
    /// Where the server's URLs begin for who has sent the request: at the public URL, or else at this
    /// host, where it is believed.
    pub fn base(&self, app: &App) -> Result<Base, ApiError> {
        app.services.policy.places.base(None, self.0.as_ref()).ok_or(ErrorCode::NoPublicUrl.into())
    }
}

impl FromRequest for RequestHost {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
        ready(Ok(Self(header.and_then(|host| host.parse().ok()))))
    }
}
