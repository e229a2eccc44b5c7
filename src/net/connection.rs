//! One connection to a target: asked, one event after the other.

use std::pin::Pin;
use std::time::{Duration, Instant};

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;

use super::client::{Answer, Post, PostError};
use crate::net::targets::Refused;

/// How long the body of an answer is read; its status counts all the same.
const BODY_TIME_MAX: Duration = Duration::from_secs(2);
/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How much of it is kept.
const KEPT_BYTES_MAX: usize = 1024;
/// The largest head of an answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What this is called by those whom it asks.
pub(crate) const USER_AGENT: &str = concat!("satkeep/", env!("CARGO_PKG_VERSION"));

/// A connection that nothing is under way on. It ends when it is dropped.
pub(crate) struct Connection {
    sender: SendRequest<String>,
    task: JoinHandle<()>,
    opened: Instant,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    /// Speaks HTTP over a stream.
    pub(crate) async fn start<T>(stream: TokioIo<T>) -> Result<Self, PostError>
    where
        TokioIo<T>: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let handshake = Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(stream).await;
        let (sender, connection) = handshake.or(Err(PostError::Broken))?;
        let task = tokio::spawn(async move {
            // What goes wrong with it, the sender and the body are told.
            drop(connection.await);
        });
        Ok(Self { sender, task, opened: Instant::now() })
    }

    /// For how long there has been a connection.
    pub(crate) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Whether the other end has ended it.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Posts, and reads what is answered. Gives itself back where it can be asked again.
    pub(crate) async fn ask(mut self, post: &Post) -> Result<(Answer, Option<Self>), PostError> {
        let answer = self.sender.send_request(request(post)?).await.or(Err(PostError::Broken))?;
        let status = answer.status();
        let mut bytes = Vec::new();
        let rest = async {
            let is_whole = read(answer, &mut bytes).await;
            is_whole && self.sender.ready().await.is_ok()
        };
        // The status says whether the event was taken, whatever becomes of the rest.
        let is_ready = tokio::time::timeout(BODY_TIME_MAX, rest).await.unwrap_or(false);
        let note = if status.is_redirection() { "(redirects are not followed) " } else { "" };
        let answer = Answer { status: status.as_u16(), body: printable(note, &bytes) };
        Ok((answer, is_ready.then_some(self)))
    }
}

fn request(post: &Post) -> Result<Request<String>, PostError> {
    let text = |text: &str| HeaderValue::from_str(text).or(Err(PostError::Forbidden(Refused::FORM)));
    Request::post(post.target.path_and_query())
        .header(header::HOST, text(&post.target.authority())?)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "*/*")
        .header("x-satkeep-event", text(&post.event)?)
        .header("x-satkeep-signature", text(&post.signature)?)
        .body(post.body.clone())
        .or(Err(PostError::Forbidden(Refused::FORM)))
}

/// Reads the body, and keeps its beginning. Answers whether that was all of it.
async fn read(answer: Response<Incoming>, bytes: &mut Vec<u8>) -> bool {
    let mut body = answer.into_body();
    let mut seen: usize = 0;
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else { return false };
        let Some(data) = frame.data_ref() else { continue };
        seen = seen.saturating_add(data.len());
        let room = KEPT_BYTES_MAX.saturating_sub(bytes.len());
        bytes.extend(data.iter().take(room));
        if seen >= ANSWER_BYTES_MAX {
            return false;
        }
    }
    true
}

/// What a host has sent as a person may look at it and a database keep it, behind a note of
/// ours: short, and without control characters.
pub(crate) fn printable(note: &str, bytes: &[u8]) -> String {
    let mut text = note.to_owned();
    let whole = String::from_utf8_lossy(bytes);
    let kept = whole.chars().map(|character| match character {
        '\n' | '\t' => character,
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    });
    for character in kept {
        if text.len().saturating_add(character.len_utf8()) > KEPT_BYTES_MAX {
            break;
        }
        text.push(character);
    }
    text
}
