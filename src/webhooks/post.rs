//! Sending an event: the request that carries it, and the target's response.

use std::time::Duration;

use hyper::Method;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::domain::consumer::Consumer;
use crate::domain::webhooks::Signature;
use crate::net::client::Client;
use crate::net::request::{Limits, Request, RequestError, Response, printable};
use crate::net::targets::{Refused, Target};

/// How long a delivery may take, from resolving the name to the last byte read.
pub const TIME_MAX: Duration = Duration::from_secs(10);
/// How much of a response body is kept.
const KEPT_BYTES_MAX: usize = 1024;
/// Limits on the response. Its status says whether the event was accepted, whatever happens to the
/// body.
const LIMITS: Limits =
    Limits { time: TIME_MAX, body_time: Duration::from_secs(2), read_bytes: 64 * 1024, kept_bytes: KEPT_BYTES_MAX };

/// The request to post.
#[derive(Clone, Debug)]
pub struct Post {
    /// The target.
    pub target: Target,
    /// The consumer it belongs to: consumers share no connection.
    pub consumer: Consumer,
    /// The event's id, for the headers `X-Satkeep-Event` and `webhook-id`.
    pub event: String,
    /// The headers that prove the sender.
    pub signature: Signature,
    /// The body: JSON.
    pub body: String,
}

/// The response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The first part of the body, made printable.
    pub body: String,
}

impl Answer {
    /// Whether the target accepted the event.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let note = if response.status.is_redirection() { "(redirects are not followed) " } else { "" };
        Self { status: response.status.as_u16(), body: printable(note, &response.body, KEPT_BYTES_MAX) }
    }
}

impl Post {
    /// Posts it once.
    pub async fn send(self, client: &Client) -> Result<Answer, RequestError> {
        client.ask(self.request()?).await.map(Answer::from)
    }

    fn request(self) -> Result<Request, RequestError> {
        let text = |text: &str| HeaderValue::from_str(text).or(Err(RequestError::Forbidden(Refused::FORM)));
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::ACCEPT, HeaderValue::from_static("*/*")),
            (HeaderName::from_static("x-satkeep-event"), text(&self.event)?),
            (HeaderName::from_static("x-satkeep-signature"), text(&self.signature.satkeep)?),
            (HeaderName::from_static("webhook-id"), text(&self.event)?),
            (HeaderName::from_static("webhook-timestamp"), text(&self.signature.timestamp)?),
            (HeaderName::from_static("webhook-signature"), text(&self.signature.standard)?),
        ];
        Ok(Request {
            method: Method::POST,
            target: self.target,
            headers: HeaderMap::from_iter(headers),
            body: self.body.into(),
            consumer: Some(self.consumer),
            // Receivers identify an event by its id.
            is_repeatable: true,
            limits: LIMITS,
        })
    }
}
