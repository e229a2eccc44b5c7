//! What is asked of others, and what comes of it.

use std::fmt;
use std::io;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper::{Method, StatusCode};

use super::targets::{Refused, Target};
use crate::domain::consumer::Consumer;

/// A request. `Debug` shows no header, path or body, in which there may be secrets.
#[derive(Clone)]
pub struct Request {
    /// What is to be done.
    pub method: Method,
    /// Of whom it is asked.
    pub target: Target,
    /// Besides `Host`, `User-Agent` and the body's length, which are not the caller's.
    pub headers: HeaderMap,
    /// May be empty.
    pub body: Bytes,
    /// On whose behalf: consumers share no connection. `None` is the server itself.
    pub consumer: Option<Consumer>,
    /// Whether it does no harm to ask twice. What must not be asked twice gets a connection of its
    /// own: of one that was kept, nobody could say whether the request has arrived.
    pub is_repeatable: bool,
    /// How long, and how much of an answer.
    pub limits: Limits,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.target.host_and_port();
        f.debug_struct("Request").field("method", &self.method).field("host", &host).finish_non_exhaustive()
    }
}

/// How long a request may take, and how much of the answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From resolving the name to the last byte that is read.
    pub time: Duration,
    /// From the head of the answer, whose status counts all the same, to the end of its body.
    pub body_time: Duration,
    /// Bytes of the body that are read. A longer one costs the connection.
    pub read_bytes: usize,
    /// Bytes of it that are kept.
    pub kept_bytes: usize,
}

impl Limits {
    /// An answer within this time, of at most so many bytes.
    pub const fn whole(time: Duration, bytes: usize) -> Self {
        Self { time, body_time: time, read_bytes: bytes, kept_bytes: bytes }
    }
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Of a redirect too: none is followed.
    pub status: StatusCode,
    /// All of them.
    pub headers: HeaderMap,
    /// The body as far as it is kept.
    pub body: Bytes,
    /// Whether that is all of it.
    pub is_whole: bool,
}

impl Response {
    /// The body, which must be there as a whole.
    pub fn into_whole_body(self) -> Result<Bytes, RequestError> {
        if self.is_whole { Ok(self.body) } else { Err(RequestError::Incomplete) }
    }
}

/// Why there is no answer. Of a target that may not be told of anything, nothing is said but
/// that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The URL is none that may be asked.
    #[error("the target must be {0}")]
    Forbidden(#[from] Refused),
    /// The name has no address.
    #[error("the name of the host could not be resolved")]
    Unresolved,
    /// Too many names are being looked up: it was not tried.
    #[error("too many names of hosts are being looked up")]
    Busy,
    /// There is nobody at the addresses. Why is for the operator alone: it would tell others what
    /// is behind an address.
    #[error("the host could not be connected to")]
    Unconnected(io::ErrorKind),
    /// The certificate is not one of the host's, or not one to be trusted.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// What came was no answer.
    #[error("the host did not answer in HTTP")]
    Broken,
    /// The body was longer than it may be, did not come in time, or broke off.
    #[error("the body of the answer is too long, or did not come as a whole")]
    Incomplete,
    /// It took too long.
    #[error("no answer within {} seconds", .0.as_secs())]
    TooSlow(Duration),
}

/// What a host has sent as a person may look at it and a database keep it, behind a note of
/// ours: no longer than this, and without control characters.
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
