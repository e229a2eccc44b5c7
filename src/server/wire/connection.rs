//! A connection between a client and actix. Incoming bytes are inspected and passed on one request
//! at a time, and responses that actix generates itself are replaced by ours.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::api::framework::app::State;
use crate::api::framework::request_id;
use crate::server::wire::answers::Answers;
use crate::server::wire::held::Held;
use crate::server::wire::refusals;
use crate::server::wire::requests::Requests;

/// How long a client that was refused, or that has sent more than is answered, may continue to send
/// before the connection is closed. If it were closed at once, with bytes in flight, the system
/// would discard the last response.
const LINGER: Duration = Duration::from_secs(2);

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// `None` at the very end.
    stream: Option<TcpStream>,
    app: State,
    requests: Requests,
    answers: Answers,
    /// The bytes received after the current request. While there are any, nothing is read from the
    /// stream, so they are never more than one read.
    held: Held,
    /// The reader that waits for `held`.
    reader: Option<Waker>,
    /// What is written instead of actix's own response.
    instead: Vec<u8>,
    was_refused: bool,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, app: State) -> Self {
        Self {
            stream: Some(stream),
            app,
            requests: Requests::default(),
            answers: Answers::default(),
            held: Held::default(),
            reader: None,
            instead: Vec::new(),
            was_refused: false,
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Reads what is available for actix, and returns whether there is any, or the end.
    fn poll_some(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        if !self.held.is_empty() {
            return Poll::Ready(Ok(self.held.hand_on(&mut self.requests, buffer)));
        }
        let before = buffer.filled().len();
        ready!(self.stream()?.poll_read(context, buffer))?;
        let come = buffer.filled_mut().get_mut(before..).unwrap_or_default();
        let taken = self.requests.read(come);
        self.held.keep(come.get(taken..).unwrap_or_default());
        buffer.set_filled(before + taken);
        Poll::Ready(Ok(taken > 0 || self.held.is_empty()))
    }

    /// Follows what actix has written, and releases the next request after a response.
    fn wrote(&mut self, bytes: &[u8]) {
        let Some(end) = self.answers.write(bytes, self.requests.head().is_head()) else { return };
        self.requests.answered(end);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// The replacement for these bytes, if actix has generated the response itself.
    fn replace(&mut self, written: &[u8]) -> Option<Vec<u8>> {
        let bare = refusals::find(written)?;
        let mut instead = written.get(..bare.start)?.to_vec();
        let head = self.requests.head();
        let refusal = refusals::refusal(bare.status, head);
        let (id, status) = (request_id::new(), refusal.code().status().as_u16());
        self.app.metrics.requests.count("", None, status, Duration::ZERO);
        tracing::info!(request_id = %id, status, "a malformed request");
        instead.extend(refusals::write(&refusal, bare, head.is_head(), &id).into_bytes());
        Some(instead)
    }

    /// Writes the replacement; the original bytes then count as written.
    fn write_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let instead = std::mem::take(&mut self.instead);
            let written = self.stream()?.poll_write(context, &instead);
            self.instead = instead;
            let count = ready!(written)?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.drain(..count.min(self.instead.len()));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if ready!(this.poll_some(context, buffer))? {
            return Poll::Ready(Ok(()));
        }
        this.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.was_refused {
            let Some(instead) = this.replace(bytes) else {
                let count = ready!(this.stream()?.poll_write(context, bytes))?;
                this.wrote(bytes.get(..count).unwrap_or_default());
                return Poll::Ready(Ok(count));
            };
            this.instead = instead;
            this.was_refused = true;
        }
        // The same bytes are offered again until they are accepted: actix ends the connection after
        // them, without waiting for more.
        ready!(this.write_instead(context))?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_shutdown(context)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let goes_on = self.was_refused || !self.held.is_empty();
        let Some(stream) = self.stream.take().filter(|_| goes_on) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LINGER, linger(stream)));
        }
    }
}

/// Reads until the client has gone, so that it can receive the last response.
async fn linger(mut stream: TcpStream) {
    let mut unread = [0; 4096];
    let ended = std::future::poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context)).await;
    let mut open = ended.is_ok();
    while open {
        open = stream.readable().await.is_ok();
        open &= match stream.try_read(&mut unread) {
            Ok(count) => count > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
    }
}
