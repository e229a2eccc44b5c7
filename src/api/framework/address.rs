//! Where a request comes from: its peer, or, behind proxies that are trusted, the client
//! that these name in `X-Forwarded-For`.
//!
//! Anybody can write that header, so it is read from its end, and only as far as trusted
//! proxies have written it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderName;
use actix_web::{FromRequest, HttpRequest};

use crate::api::framework::app::State;
use crate::net::proxies::{client_address, network_of};

/// The header in which each proxy adds whom it has heard.
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client; getting it never fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The client of a request.
    pub fn of(request: &HttpRequest) -> Self {
        let peer = request.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
        let Some(app) = request.app_data::<State>() else { return Self(peer.to_canonical()) };
        // A header that is not text ends the search, as any other that is no address.
        let forwarded = request.headers().get_all(&X_FORWARDED_FOR).map(|value| value.to_str().unwrap_or_default());
        Self(client_address(peer, &forwarded.collect::<Vec<_>>(), &app.trusted_proxies))
    }

    /// The network that the client is counted under.
    pub fn network(self) -> Vec<u8> {
        network_of(self.0)
    }
}

impl FromRequest for ClientAddress {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}
