//! Asking services of other servers: anybody may name them, so that the guarded client asks; and a tenant
//! whose services are slow does not keep others from theirs (promise I14).

use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};

use crate::domain::consumer::Consumer;
use crate::domain::ids::UserId;
use crate::domain::lnurl::service::{InvalidAnswer, refusal_in};
use crate::domain::lnurl::service_url::{PlainHttp, ServiceUrl};
use crate::fairness::gate::{Gate, PATIENCE, Refusal};
use crate::fairness::turns::Limits;
use crate::net::client::Client;
use crate::net::request::{self, Request, RequestError};
use crate::net::targets::Target;
use crate::services::Error;

/// Services that are asked at once. They may be slow: half of these places are left to other tenants.
const ASKED: Limits = Limits::new(32, 512, 64);
/// The longest answer that is read, in bytes: metadata may hold a picture of 136,536 characters (LUD-06).
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How often a service may send on to another place.
const REDIRECTS_MAX: usize = 3;

/// Asks services of other servers.
#[derive(Debug)]
pub struct Outside {
    /// None on the command line, where nobody asks.
    client: Option<Client>,
    gate: Gate<UserId>,
}

/// Why a service of another server is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// There is no answer.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// It is none of success, and says nothing else.
    #[error("answers with status {0}")]
    Status(u16),
    /// It sends on and on, or to what is no service.
    #[error("sends to another place, which leads nowhere")]
    Redirects,
    /// It is not what LNURL has.
    #[error(transparent)]
    Answer(#[from] InvalidAnswer),
    /// It gives an invoice that is not what was asked for.
    #[error("gives an invoice that {0}")]
    Invoice(&'static str),
}

/// Why a service was not asked, or gave no answer.
#[derive(Debug)]
pub(super) enum NotAsked {
    /// There is no place, now or here.
    Error(Error),
    /// It is of no use.
    Unanswered(Unanswered),
}

impl NotAsked {
    /// Of the service at this place.
    pub(super) fn at(self, url: &ServiceUrl) -> Error {
        match self {
            Self::Error(error) => error,
            Self::Unanswered(why) => super::told(url, why),
        }
    }
}

impl From<Unanswered> for NotAsked {
    fn from(why: Unanswered) -> Self {
        Self::Unanswered(why)
    }
}

impl From<RequestError> for NotAsked {
    fn from(error: RequestError) -> Self {
        match error {
            // Others are asked; that is not about this one.
            RequestError::Busy => Self::Error(Error::Overloaded(Refusal::Full)),
            RequestError::Forbidden(_)
            | RequestError::Unresolved
            | RequestError::Unconnected(_)
            | RequestError::Tls(_)
            | RequestError::Broken
            | RequestError::Incomplete
            | RequestError::TooSlow(_) => Self::Unanswered(error.into()),
        }
    }
}

impl Outside {
    /// With the client that asks.
    pub fn new(client: Option<Client>) -> Self {
        Self { client, gate: Gate::new(ASKED, PATIENCE) }
    }

    /// What a service answers, on somebody's account, within this time.
    pub(super) async fn ask(&self, consumer: Consumer, url: &ServiceUrl, time: Duration) -> Result<Bytes, NotAsked> {
        let client = self.client.as_ref().ok_or(NotAsked::Error(Error::Unavailable))?;
        let _turn = self.gate.enter(consumer).await.map_err(|refusal| NotAsked::Error(refusal.into()))?;
        let asked = tokio::time::timeout(time, follow(client, consumer, url, time)).await;
        asked.unwrap_or_else(|_| Err(RequestError::TooSlow(time).into()))
    }
}

/// Asks, and goes where it is sent. Every place is judged before it is asked.
async fn follow(client: &Client, consumer: Consumer, url: &ServiceUrl, time: Duration) -> Result<Bytes, NotAsked> {
    let mut place = url.clone();
    for _ in 0..=REDIRECTS_MAX {
        let response = client.ask(request(consumer, &place, time)?).await?;
        if response.status.is_redirection() {
            place = next(&place, response.headers.get(header::LOCATION)).ok_or(Unanswered::Redirects)?;
            continue;
        }
        let status = response.status;
        let body = response.into_whole_body()?;
        // Some refuse with the status of an error, and say why in the body.
        return if status.is_success() { Ok(body) } else { Err(refusal(status, &body).into()) };
    }
    Err(Unanswered::Redirects.into())
}

fn request(consumer: Consumer, url: &ServiceUrl, time: Duration) -> Result<Request, RequestError> {
    Ok(Request {
        method: Method::GET,
        target: Target::parse(url.as_str())?,
        headers: HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]),
        body: Bytes::new(),
        consumer: Some(consumer),
        // An invoice that nobody has seen expires.
        is_repeatable: true,
        limits: request::Limits::whole(time, ANSWER_BYTES_MAX),
    })
}

fn next(from: &ServiceUrl, location: Option<&HeaderValue>) -> Option<ServiceUrl> {
    let place = from.url().join(location?.to_str().ok()?).ok()?;
    ServiceUrl::parse(place.as_str(), PlainHttp::OnionAndLoopback).ok()
}

fn refusal(status: StatusCode, body: &[u8]) -> Unanswered {
    refusal_in(body).map_or(Unanswered::Status(status.as_u16()), Unanswered::from)
}
