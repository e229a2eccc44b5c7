//! The responses on a connection, parsed as far as needed to know where each ends and whether
//! another may follow.

use memchr::memmem;

use crate::server::wire::chunks::{Chunk, Next, take};

/// The end of a head.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A head, interim or final.
    Head,
    /// A body with this many bytes left.
    Body(u64),
    /// A chunked body.
    Chunked(Chunk),
    /// Another protocol, or the rest of a connection that is not kept alive.
    Opaque,
}

/// What follows a finished response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The connection is kept alive for another request.
    Kept,
    /// No further request is answered.
    Closed,
}

/// Follows the responses of one connection.
#[derive(Debug)]
pub struct Answers {
    place: Place,
    /// The part of a head that was written so far, if it was split.
    cut: Vec<u8>,
    end: End,
}

impl Default for Answers {
    fn default() -> Self {
        Self { place: Place::Head, cut: Vec::new(), end: End::Kept }
    }
}

impl Answers {
    /// Follows what was written, and returns whether a response ends with it. A response to HEAD is
    /// only its head.
    pub fn write(&mut self, mut bytes: &[u8], to_head: bool) -> Option<End> {
        let mut ended = None;
        while !bytes.is_empty() {
            let (taken, is_over) = match self.place {
                Place::Head => self.write_head(bytes, to_head),
                Place::Body(left) => {
                    let (taken, left) = take(left, bytes);
                    self.place = Place::Body(left);
                    (taken, left == 0)
                }
                Place::Chunked(chunk) => self.write_chunk(chunk, bytes),
                Place::Opaque => break,
            };
            if is_over {
                self.place = if self.end == End::Kept { Place::Head } else { Place::Opaque };
                ended = Some(self.end);
            }
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        ended
    }

    fn write_head(&mut self, bytes: &[u8], to_head: bool) -> (usize, bool) {
        if self.cut.is_empty()
            && let Some(end) = memmem::find(bytes, HEAD_END)
        {
            return (end + HEAD_END.len(), self.end_head(bytes.get(..end).unwrap_or_default(), to_head));
        }
        let before = self.cut.len();
        self.cut.extend_from_slice(bytes);
        let Some(end) = memmem::find(&self.cut, HEAD_END) else { return (bytes.len(), false) };
        let mut head = std::mem::take(&mut self.cut);
        head.truncate(end);
        ((end + HEAD_END.len()).saturating_sub(before), self.end_head(&head, to_head))
    }

    /// Ends a head, and returns whether the response ends with it.
    fn end_head(&mut self, head: &[u8], to_head: bool) -> bool {
        let head = Head::read(head);
        self.end = head.end;
        self.place = match (head.status, head.length) {
            (101, _) => Place::Opaque,
            // Not the final response yet.
            (100..=199, _) => Place::Head,
            (204 | 304, _) => return true,
            _ if to_head => return true,
            _ if head.is_chunked => Place::Chunked(Chunk::Size(0)),
            (_, Some(0)) => return true,
            (_, Some(length)) => Place::Body(length),
            // The body ends with the connection.
            (_, None) => {
                self.end = End::Closed;
                return true;
            }
        };
        false
    }

    fn write_chunk(&mut self, chunk: Chunk, bytes: &[u8]) -> (usize, bool) {
        let (taken, next) = chunk.read(bytes);
        match next {
            Next::Chunk(next) => self.place = Place::Chunked(next),
            Next::Request => return (taken, true),
            Next::Broken => {
                self.end = End::Closed;
                return (taken, true);
            }
        }
        (taken, false)
    }
}

/// The relevant parts of a response head.
#[derive(Debug)]
struct Head {
    status: u16,
    length: Option<u64>,
    is_chunked: bool,
    end: End,
}

impl Head {
    fn read(head: &[u8]) -> Self {
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.split(|byte| *byte == b' ').nth(1).and_then(number).unwrap_or_default();
        let end = if status_line.starts_with(b"HTTP/1.0") { End::Closed } else { End::Kept };
        let mut read = Self { status, length: None, is_chunked: false, end };
        for line in lines {
            let mut parts = line.splitn(2, |byte| *byte == b':');
            let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default().trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                read.length = number(value);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                read.is_chunked = true;
            } else if name.eq_ignore_ascii_case(b"connection") {
                if has_word(value, b"close") {
                    read.end = End::Closed;
                } else if has_word(value, b"keep-alive") {
                    read.end = End::Kept;
                }
            }
        }
        read
    }
}

/// Whether a comma-separated list contains the word.
fn has_word(list: &[u8], word: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(word))
}

fn number<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
