//! What goes out over a connection, as far as it must be known where each answer ends, and
//! whether another one may follow.

use memchr::memmem;

use crate::server::wire::chunks::{Chunk, Next, take};

/// What ends a head.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Where the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Into a head, interim or final.
    Head,
    /// Into a body that has so many bytes left.
    Body(u64),
    /// Into a body that comes in chunks.
    Chunked(Chunk),
    /// Into another protocol, or the rest of a connection that is not kept.
    Opaque,
}

/// What an answer that is over leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The connection is kept for a further request.
    Kept,
    /// No further request is answered.
    Closed,
}

/// Follows the answers of one connection.
#[derive(Debug)]
pub struct Answers {
    place: Place,
    /// A head as far as it was written, where it was cut.
    cut: Vec<u8>,
    end: End,
}

impl Default for Answers {
    fn default() -> Self {
        Self { place: Place::Head, cut: Vec::new(), end: End::Kept }
    }
}

impl Answers {
    /// Follows what was written, and says whether an answer is over with it. An answer to HEAD
    /// is its head alone.
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

    /// Ends a head, and says whether the answer is over with it.
    fn end_head(&mut self, head: &[u8], to_head: bool) -> bool {
        let head = Head::read(head);
        self.end = head.end;
        self.place = match (head.status, head.length) {
            (101, _) => Place::Opaque,
            // Not yet the answer.
            (100..=199, _) => Place::Head,
            (204 | 304, _) => return true,
            _ if to_head => return true,
            _ if head.is_chunked => Place::Chunked(Chunk::Size(0)),
            (_, Some(0)) => return true,
            (_, Some(length)) => Place::Body(length),
            // The end of the connection is the end of the body.
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

/// What matters of the head of an answer.
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

/// Whether a list with commas between has the word.
fn has_word(list: &[u8], word: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(word))
}

fn number<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
