//! Bytes that were received too early, and are held back.

use tokio::io::ReadBuf;

use crate::server::wire::requests::Requests;

/// Bytes held back.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    /// How many of them were passed on.
    handed: usize,
}

impl Held {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Holds bytes back, if none are held yet.
    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Passes on what may be read by now, and returns whether there was any.
    pub(crate) fn hand_on(&mut self, requests: &mut Requests, buffer: &mut ReadBuf<'_>) -> bool {
        let waiting = self.bytes.get_mut(self.handed..).unwrap_or_default();
        let room = waiting.len().min(buffer.remaining());
        let fitting = waiting.get_mut(..room).unwrap_or_default();
        let taken = requests.read(fitting);
        buffer.put_slice(fitting.get(..taken).unwrap_or_default());
        self.handed += taken;
        if self.handed == self.bytes.len() {
            *self = Self::default();
        }
        taken > 0
    }
}
