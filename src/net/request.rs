//! Outgoing requests and their responses.

use std::fmt;
use std::io;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::{Method, StatusCode};

use super::targets::{Refused, Target};
use crate::domain::consumer::Consumer;

/// A request. `Debug` shows no header, path or body, because they may contain secrets.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The target.
    pub target: Target,
    /// The headers other than `Host`, `User-Agent` and the body's length, which the client sets.
    pub headers: HeaderMap,
    /// The body; may be empty.
    pub body: Bytes,
    /// The consumer that the request is made for; `None` for the server itself. Consumers never
    /// share a connection.
    pub consumer: Option<Consumer>,
    /// Whether the request may safely be sent twice. One that may not gets a new connection: on a
    /// reused one, nobody could tell whether the request has arrived.
    pub is_repeatable: bool,
    /// Limits on the time and on the response.
    pub limits: Limits,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.target.host_and_port();
        f.debug_struct("Request").field("method", &self.method).field("host", &host).finish_non_exhaustive()
    }
}

/// How long a request may take, and how much of the response is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From resolving the name to the last byte read.
    pub time: Duration,
    /// From the head of the response to the end of its body. When it runs out, the status still
    /// counts.
    pub body_time: Duration,
    /// Bytes of the body that are read. A longer body costs the connection.
    pub read_bytes: usize,
    /// Bytes of the body that are kept.
    pub kept_bytes: usize,
}

impl Limits {
    /// A whole response within this time, of at most this many bytes.
    pub const fn whole(time: Duration, bytes: usize) -> Self {
        Self { time, body_time: time, read_bytes: bytes, kept_bytes: bytes }
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status. Redirects are not followed, so it may be one.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The part of the body that was kept.
    pub body: Bytes,
    /// Whether that is the whole body.
    pub is_whole: bool,
}

impl Response {
    /// The body, which must be complete.
    pub fn into_whole_body(self) -> Result<Bytes, RequestError> {
        if self.is_whole { Ok(self.body) } else { Err(RequestError::Incomplete) }
    }
}

/// Why there is no response. For a forbidden target, nothing more is revealed than that it is
/// forbidden.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The URL is not an allowed target.
    #[error("the target must be {0}")]
    Forbidden(#[from] Refused),
    /// The name has no address.
    #[error("the name of the host could not be resolved")]
    Unresolved,
    /// Too many names are being resolved: the request was not tried.
    #[error("too many names of hosts are being looked up")]
    Busy,
    /// No address accepted a connection. The reason is only for the operator: it would reveal to
    /// others what is behind an address.
    #[error("the host could not be connected to")]
    Unconnected(io::ErrorKind),
    /// The certificate is not for this host, or is not trusted.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// The response was not valid HTTP.
    #[error("the host did not answer in HTTP")]
    Broken,
    /// The body was too long, did not arrive in time, or was cut off.
    #[error("the body of the answer is too long, or did not come as a whole")]
    Incomplete,
    /// The request took too long.
    #[error("no answer within {} seconds", .0.as_secs())]
    TooSlow(Duration),
}

/// A host's response prepared for people and for the database: prefixed with a note of ours,
/// limited in length, and without control characters.
pub(crate) fn printable(note: &str, bytes: &[u8], bytes_max: usize) -> String {
    let mut text = note.to_owned();
    let whole = String::from_utf8_lossy(bytes);
    let kept = whole.chars().map(|character| match character {
        '\n' | '\t' => character,
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    });
    for character in kept {
        if text.len().saturating_add(character.len_utf8()) > bytes_max {
            break;
        }
        text.push(character);
    }
    text
}
