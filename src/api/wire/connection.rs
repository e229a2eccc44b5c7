//! A connection between a client and actix, with what comes in looked over, and what actix
//! answers by itself said in our words.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::refusals;
use super::requests::Requests;
use crate::api::app::State;
use crate::api::request_id;

/// How long a client that was refused may go on sending before the connection is cut. Cut at
/// once, with bytes on their way, the system would take the refusal back.
const LINGER: Duration = Duration::from_secs(2);

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// `None` at the very end.
    stream: Option<TcpStream>,
    app: State,
    requests: Requests,
    /// What is written in place of what actix has said.
    instead: Vec<u8>,
    was_refused: bool,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, app: State) -> Self {
        let requests = Requests::default();
        Self { stream: Some(stream), app, requests, instead: Vec::new(), was_refused: false }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// What is written in place of these bytes, where actix has answered by itself.
    fn replace(&mut self, written: &[u8]) -> Option<Vec<u8>> {
        let bare = refusals::find(written)?;
        let mut instead = written.get(..bare.start)?.to_vec();
        let head = self.requests.head();
        let refusal = refusals::refusal(bare.status, head);
        let (id, status) = (request_id::new(), refusal.code().status().as_u16());
        self.app.metrics.requests.count("", None, status, Duration::ZERO);
        tracing::info!(request_id = %id, status, "a request that could not be read");
        instead.extend(refusals::write(&refusal, bare, head.is_head(), &id).into_bytes());
        Some(instead)
    }

    /// Writes what stands instead of bytes that are then taken for written.
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
        let before = buffer.filled().len();
        ready!(this.stream()?.poll_read(context, buffer))?;
        this.requests.read(buffer.filled_mut().get_mut(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.was_refused {
            let Some(instead) = this.replace(bytes) else { return this.stream()?.poll_write(context, bytes) };
            this.instead = instead;
            this.was_refused = true;
        }
        // The same bytes are offered again until they are taken: actix ends the connection
        // after them, without waiting for more.
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
        let Some(stream) = self.stream.take().filter(|_| self.was_refused) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LINGER, linger(stream)));
        }
    }
}

/// Reads on until the client has gone, so that it can read the refusal.
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
