//! A response that is read line by line, while it comes.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::{Response, StatusCode};
use tokio::time::Instant;

use super::connection::Connection;
use super::request::{Limits, RequestError};

/// What waits for the head of a response.
type Head = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

/// The lines of a response, each ended by a line feed or by the end of the body. Dropping it closes the
/// connection. A read that is given up loses nothing.
pub struct Lines {
    /// Kept open as long as the lines are read.
    _connection: Connection,
    body: Body,
    status: Option<StatusCode>,
    /// What has come of lines that were not handed over yet.
    buffer: Vec<u8>,
    limits: Limits,
}

enum Body {
    /// The head has not come yet: a server may wait for the first line before it sends one.
    Awaited(Head),
    Coming(Incoming),
    Over,
}

/// What came of waiting for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line, without its end.
    Whole(Bytes),
    /// None in time; one may still come.
    NotYet,
    /// There will be no more.
    Over,
}

impl Lines {
    pub(super) fn new(connection: Connection, head: Head, limits: Limits) -> Self {
        Self { _connection: connection, body: Body::Awaited(head), status: None, buffer: Vec::new(), limits }
    }

    /// The status, as soon as a line was waited for and something has come.
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// The next line, which is waited for at most this long. One that is longer than the request's limit of
    /// bytes is an error.
    pub async fn next(&mut self, wait: Duration) -> Result<Line, RequestError> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Line::Whole(line));
            }
            if self.buffer.len() > self.limits.kept_bytes {
                return Err(RequestError::Incomplete);
            }
            match tokio::time::timeout_at(deadline, self.read()).await {
                Err(_) => return Ok(Line::NotYet),
                Ok(more) => {
                    if !more? {
                        return Ok(self.take_rest());
                    }
                }
            }
        }
    }

    /// Reads on; `false` at the end.
    async fn read(&mut self) -> Result<bool, RequestError> {
        match &mut self.body {
            Body::Awaited(head) => {
                let (head, body) = head.await.or(Err(RequestError::Broken))?.into_parts();
                self.status = Some(head.status);
                self.body = Body::Coming(body);
                Ok(true)
            }
            Body::Coming(body) => {
                let Some(frame) = body.frame().await else {
                    self.body = Body::Over;
                    return Ok(false);
                };
                if let Some(data) = frame.or(Err(RequestError::Incomplete))?.data_ref() {
                    self.buffer.extend_from_slice(data);
                }
                Ok(true)
            }
            Body::Over => Ok(false),
        }
    }

    fn take_line(&mut self) -> Option<Bytes> {
        let end = memchr::memchr(b'\n', &self.buffer)?;
        let rest = self.buffer.split_off(end.saturating_add(1));
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.truncate(end);
        Some(line.into())
    }

    fn take_rest(&mut self) -> Line {
        let rest = std::mem::take(&mut self.buffer);
        if rest.is_empty() { Line::Over } else { Line::Whole(rest.into()) }
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("status", &self.status).finish_non_exhaustive()
    }
}
