//! Asking a node over HTTP: its address, our secret, and what became of a request.

use std::fmt;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use zeroize::Zeroizing;

use super::node::NodeError;
use crate::domain::time::UnixMs;
use crate::net::client::Client;
use crate::net::lines::Lines;
use crate::net::request::{Limits, Request, RequestError, Response, printable};
use crate::net::targets::Target;

/// How long an answer may take that the node gives at once.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(15);
/// How long a page of a list may take.
const LIST_TIME: Duration = Duration::from_secs(60);
/// The largest answer: a page of a list, or a line.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most bytes that are shown of what a node says is wrong.
const TOLD_BYTES_MAX: usize = 300;

/// The way to a node.
pub(super) struct Wire {
    client: Client,
    /// Scheme, host and port.
    base: String,
    header: HeaderName,
    /// Marked as sensitive.
    credential: HeaderValue,
    /// What must not be told, in whichever form it may come back.
    secret: Zeroizing<String>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What a request carries.
pub(super) enum Body {
    None,
    Json(Bytes),
    Form(String),
}

impl Body {
    /// JSON of this value.
    pub(super) fn json(value: &impl Serialize) -> Self {
        // Our own types, without maps: they always have a form in JSON.
        serde_json::to_vec(value).map_or(Self::None, |json| Self::Json(json.into()))
    }
}

/// A request to a node.
pub(super) struct Ask {
    method: Method,
    path: String,
    body: Body,
    is_repeatable: bool,
    time: Duration,
}

impl Ask {
    /// Reads what is at this path, which holds the query as well.
    pub(super) const fn get(path: String) -> Self {
        Self { method: Method::GET, path, body: Body::None, is_repeatable: true, time: ANSWER_TIME }
    }

    /// Reads a page of a list, which may take longer.
    pub(super) fn list(path: String) -> Self {
        Self { time: LIST_TIME, ..Self::get(path) }
    }

    /// Asks for something that may safely be asked for twice.
    pub(super) const fn repeatable(path: String, body: Body) -> Self {
        Self { method: Method::POST, path, body, is_repeatable: true, time: ANSWER_TIME }
    }

    /// Asks for something once.
    pub(super) fn once(path: String, body: Body) -> Self {
        Self { is_repeatable: false, ..Self::repeatable(path, body) }
    }

    /// Lets the answer take this long.
    pub(super) fn within(self, time: Duration) -> Self {
        Self { time, ..self }
    }
}

/// What a node answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    /// The time by the clock of whoever answered.
    pub(super) time: Option<UnixMs>,
}

impl Reply {
    /// The body as JSON, if it is of this form.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Wire {
    /// The way to a node at `base`, with a secret in this header.
    pub(super) fn new(
        client: Client,
        base: String,
        header: HeaderName,
        value: &str,
        secret: Zeroizing<String>,
    ) -> Option<Self> {
        let mut credential = HeaderValue::from_str(value).ok()?;
        credential.set_sensitive(true);
        Some(Self { client, base, header, credential, secret })
    }

    /// Host and port.
    pub(super) fn place(&self) -> &str {
        self.base.split_once("://").map_or(&*self.base, |(_, place)| place)
    }

    /// Sends a request.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Reply, NodeError> {
        let request = self.request(ask)?;
        let Response { status, headers, body, is_whole } =
            self.client.ask(request).await.map_err(|error| unreached(&error))?;
        if !is_whole {
            return Err(NodeError::Unreadable("it is too long, or did not come as a whole".to_owned()));
        }
        Ok(Reply { status, body, time: time_of(&headers) })
    }

    /// Sends a request whose answer comes line by line. Its time is that of the connection.
    pub(super) async fn stream(&self, ask: Ask) -> Result<Lines, NodeError> {
        self.client.stream(self.request(ask)?).await.map_err(|error| unreached(&error))
    }

    fn request(&self, ask: Ask) -> Result<Request, NodeError> {
        let unmakeable = || NodeError::Refused("a request to it cannot be made".to_owned());
        let mut headers = HeaderMap::from_iter([
            (self.header.clone(), self.credential.clone()),
            (header::ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        let (kind, body) = match ask.body {
            Body::None => (None, Bytes::new()),
            Body::Json(json) => (Some("application/json"), json),
            Body::Form(form) => (Some("application/x-www-form-urlencoded"), form.into()),
        };
        headers.extend(kind.map(|kind| (header::CONTENT_TYPE, HeaderValue::from_static(kind))));
        Ok(Request {
            method: ask.method,
            target: Target::parse(&format!("{}{}", self.base, ask.path)).or(Err(unmakeable()))?,
            headers,
            body,
            consumer: None,
            is_repeatable: ask.is_repeatable,
            limits: Limits::whole(ask.time, ANSWER_BYTES_MAX),
        })
    }

    /// What a node says, for people: short, printable, and without our secret, whatever it may repeat.
    pub(super) fn told(&self, text: &str) -> String {
        printable("", text.replace(&*self.secret, "…").as_bytes(), TOLD_BYTES_MAX)
    }

    /// An answer with a status that says nothing in particular.
    pub(super) fn unexpected(&self, reply: &Reply) -> NodeError {
        let told = self.told(&String::from_utf8_lossy(&reply.body));
        match reply.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => NodeError::Unauthorized(told),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                NodeError::NotReady(format!("status {}", reply.status))
            }
            status => NodeError::Unreadable(format!("status {status}: {told}")),
        }
    }
}

/// An answer that is of no form that the node is known for.
pub(super) fn unreadable(what: &str) -> NodeError {
    NodeError::Unreadable(what.to_owned())
}

/// What the error of a request means for the node.
pub(super) fn unreached(error: &RequestError) -> NodeError {
    match error {
        RequestError::Incomplete => NodeError::Unreadable(error.to_string()),
        RequestError::Unconnected(kind) => NodeError::Unreachable(format!("{error}: {kind}")),
        RequestError::Forbidden(_)
        | RequestError::Unresolved
        | RequestError::Busy
        | RequestError::Tls(_)
        | RequestError::Broken
        | RequestError::TooSlow(_) => NodeError::Unreachable(error.to_string()),
    }
}

/// The time in the head of an answer (RFC 9110, `Date`).
fn time_of(headers: &HeaderMap) -> Option<UnixMs> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    let time = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    Some(UnixMs::new(time.unix_timestamp().saturating_mul(1000)))
}
