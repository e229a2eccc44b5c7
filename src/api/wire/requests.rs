//! What comes in over a connection, as far as the edge must know it: where each head begins
//! and ends, and which offers to upgrade it makes.
//!
//! An upgrade that a server does not do is to be ignored (RFC 9110, 7.8). actix takes every
//! `Connection: upgrade` for one that is done, and ends the connection after the answer; and
//! whatever follows an `Upgrade: websocket`, for the new protocol. So an offer that is not a
//! web socket's loses its last letter here, before actix reads it (and so does a word that only
//! begins like one, which nobody knows either). Nothing else is changed, nothing is added, and
//! nothing is kept back, wherever the bytes are cut.

use memchr::memchr;

/// The start of a request line that is looked at.
const LINE_START_BYTES: usize = 64;
/// The longest name of a header that matters here.
const NAME_BYTES_MAX: usize = b"transfer-encoding".len();
/// What stands for the last letter of an offer that is ignored.
const STRUCK: u8 = b'-';

/// Where the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Into the request line, or an empty line in front of it.
    RequestLine,
    /// Into the name of a header, or the empty line at the end of the head.
    Name,
    /// Into the value of a header that matters.
    Value(Field),
    /// Into the rest of a line that does not matter.
    Rest,
    /// Into a body that has so many bytes left.
    Body(u64),
    /// Into a body that comes in chunks.
    Chunked(Chunk),
    /// Into a web socket, or what comes after something that actix refuses.
    Opaque,
}

/// A header that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Connection,
    Upgrade,
    Length,
    Coding,
}

/// Where the next byte of a body in chunks belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Size(u64),
    Extension(u64),
    Data(u64),
    DataEnd,
    Trailer { empty: bool },
}

/// What is known of the head that is read, or was read last.
#[derive(Clone, Debug)]
pub struct Head {
    start: [u8; LINE_START_BYTES],
    line_bytes: usize,
    spaces: usize,
    is_in_query: bool,
    has_raw_bytes: bool,
    last: u8,
    opens_socket: bool,
    offers_socket: bool,
    is_chunked: bool,
    length: u64,
}

impl Head {
    const NEW: Self = Self {
        start: [0; LINE_START_BYTES],
        line_bytes: 0,
        spaces: 0,
        is_in_query: false,
        has_raw_bytes: false,
        last: 0,
        opens_socket: false,
        offers_socket: false,
        is_chunked: false,
        length: 0,
    };

    /// How long the request line is, in bytes.
    pub fn line_bytes(&self) -> usize {
        self.line_bytes
    }

    /// Whether the request line has what must be percent-encoded in a target, and is refused
    /// for it.
    pub fn has_raw_target(&self) -> bool {
        self.has_raw_bytes || self.spaces > 2
    }

    /// Whether the head alone is asked for.
    pub fn is_head(&self) -> bool {
        self.line_start().starts_with(b"HEAD ")
    }

    fn line_start(&self) -> &[u8] {
        self.start.get(..self.line_bytes).unwrap_or(&self.start)
    }

    fn add(&mut self, part: &[u8]) {
        if let Some(free) = self.start.get_mut(self.line_bytes..) {
            free.iter_mut().zip(part).for_each(|(place, byte)| *place = *byte);
        }
        self.line_bytes = self.line_bytes.saturating_add(part.len());
        for byte in part {
            match byte {
                b'\r' => continue,
                b' ' => self.spaces += 1,
                b'?' => self.is_in_query = true,
                b'"' => self.has_raw_bytes |= self.is_in_query,
                // What is odd before the target is no HTTP at all.
                ..0x20 | b'<' | b'>' | 0x7f.. => self.has_raw_bytes |= self.spaces > 0,
                _ => {}
            }
            self.last = *byte;
        }
    }

    /// Whether this is the request line of a web socket of ours. HTTP/1.0 knows no upgrade.
    fn asks_for_socket(&self) -> bool {
        let mut path = self.line_start().strip_prefix(b"GET /").unwrap_or_default();
        while let Some(rest) = path.strip_prefix(b"/") {
            path = rest;
        }
        path.starts_with(b"api/v1/ws/") && self.last == b'1'
    }
}

/// Follows the requests of one connection.
#[derive(Debug)]
pub struct Requests {
    place: Place,
    head: Head,
    name: [u8; NAME_BYTES_MAX],
    name_bytes: usize,
    /// How much of the word that is looked for in a value was found; `None` where this is
    /// another word, up to the next comma.
    matched: Option<usize>,
}

impl Default for Requests {
    fn default() -> Self {
        Self { place: Place::RequestLine, head: Head::NEW, name: [0; NAME_BYTES_MAX], name_bytes: 0, matched: Some(0) }
    }
}

impl Requests {
    /// The head that is read, or was read last.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Reads what has come in, and strikes out offers to upgrade.
    pub fn read(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let taken = match self.place {
                Place::RequestLine => self.read_request_line(bytes),
                Place::Name => self.read_name(bytes),
                Place::Value(field) => self.read_value(field, bytes),
                Place::Rest => self.end_line(bytes),
                Place::Body(left) => {
                    let (taken, left) = take(left, bytes);
                    if left == 0 {
                        self.begin()
                    } else {
                        self.place = Place::Body(left)
                    }
                    taken
                }
                Place::Chunked(chunk) => self.read_chunk(chunk, bytes),
                Place::Opaque => return,
            };
            bytes = bytes.get_mut(taken..).unwrap_or_default();
        }
    }

    fn begin(&mut self) {
        self.place = Place::RequestLine;
    }

    fn read_request_line(&mut self, bytes: &[u8]) -> usize {
        if self.head.last == b'\n' || self.head.line_bytes == 0 {
            // The head before is told of until the next one begins.
            let empty = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if empty > 0 {
                return empty;
            }
            self.head = Head::NEW;
        }
        let end = memchr(b'\n', bytes);
        self.head.add(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default());
        let Some(end) = end else { return bytes.len() };
        self.head.opens_socket = self.head.asks_for_socket();
        self.head.last = b'\n';
        self.place = if self.head.has_raw_target() { Place::Opaque } else { Place::Name };
        self.name_bytes = 0;
        end + 1
    }

    fn read_name(&mut self, bytes: &[u8]) -> usize {
        for (index, byte) in bytes.iter().enumerate() {
            match byte {
                b':' => {
                    self.begin_value();
                    return index + 1;
                }
                b'\n' => {
                    if self.name_bytes == 0 {
                        self.end_head();
                    }
                    self.name_bytes = 0;
                    return index + 1;
                }
                b'\r' => {}
                _ => {
                    let Some(place) = self.name.get_mut(self.name_bytes) else {
                        self.place = Place::Rest;
                        return index;
                    };
                    *place = byte.to_ascii_lowercase();
                    self.name_bytes += 1;
                    if !matches!(self.name.first(), Some(b'c' | b't' | b'u')) {
                        self.place = Place::Rest;
                        return index;
                    }
                }
            }
        }
        bytes.len()
    }

    fn begin_value(&mut self) {
        self.matched = Some(0);
        self.place = match self.name.get(..self.name_bytes) {
            Some(b"connection") => Place::Value(Field::Connection),
            Some(b"upgrade") => Place::Value(Field::Upgrade),
            Some(b"content-length") => Place::Value(Field::Length),
            Some(b"transfer-encoding") => Place::Value(Field::Coding),
            Some(_) | None => Place::Rest,
        };
    }

    fn end_line(&mut self, bytes: &[u8]) -> usize {
        let Some(end) = memchr(b'\n', bytes) else { return bytes.len() };
        self.place = Place::Name;
        self.name_bytes = 0;
        end + 1
    }

    fn read_value(&mut self, field: Field, bytes: &mut [u8]) -> usize {
        let end = memchr(b'\n', bytes).unwrap_or(bytes.len());
        for byte in bytes.iter_mut().take(end) {
            match field {
                Field::Connection => {
                    // Of a socket's request this may be the socket's.
                    if self.completes(b"upgrade", *byte) && !self.head.opens_socket {
                        *byte = STRUCK;
                    }
                }
                Field::Upgrade => {
                    if self.completes(b"websocket", *byte) {
                        self.head.offers_socket = true;
                        if !self.head.opens_socket {
                            *byte = STRUCK;
                        }
                    }
                }
                Field::Length => {
                    if byte.is_ascii_digit() {
                        let digit = u64::from(*byte - b'0');
                        self.head.length = self.head.length.saturating_mul(10).saturating_add(digit);
                    }
                }
                Field::Coding => self.head.is_chunked = true,
            }
        }
        self.end_line(bytes)
    }

    /// Whether this byte is the last of the word, in a list with commas between.
    fn completes(&mut self, word: &[u8], byte: u8) -> bool {
        match (byte, self.matched) {
            (b',', _) => self.matched = Some(0),
            (b' ' | b'\t', Some(0)) | (_, None) => {}
            (_, Some(matched)) if word.get(matched) == Some(&byte.to_ascii_lowercase()) => {
                let matched = matched + 1;
                self.matched = (matched < word.len()).then_some(matched);
                return matched == word.len();
            }
            (_, Some(_)) => self.matched = None,
        }
        false
    }

    fn end_head(&mut self) {
        let head = &self.head;
        // After CONNECT, as after the request of a web socket, actix reads no further request.
        if head.opens_socket && head.offers_socket || head.line_start().starts_with(b"CONNECT ") {
            self.place = Place::Opaque;
        } else if head.is_chunked {
            self.place = Place::Chunked(Chunk::Size(0));
        } else if head.length > 0 {
            self.place = Place::Body(head.length);
        } else {
            self.begin();
        }
    }

    fn read_chunk(&mut self, chunk: Chunk, bytes: &[u8]) -> usize {
        let Some(byte) = bytes.first().copied() else { return 0 };
        let (taken, next) = match (chunk, byte) {
            (Chunk::Data(left), _) => {
                let (taken, left) = take(left, bytes);
                (taken, if left == 0 { Chunk::DataEnd } else { Chunk::Data(left) })
            }
            (Chunk::Size(0) | Chunk::Extension(0), b'\n') => (1, Chunk::Trailer { empty: true }),
            (Chunk::Size(size) | Chunk::Extension(size), b'\n') => (1, Chunk::Data(size)),
            (Chunk::Extension(_), _) | (Chunk::Size(_), b'\r' | b' ' | b'\t') => (1, chunk),
            (Chunk::Size(size), b';') => (1, Chunk::Extension(size)),
            (Chunk::Size(size), digit) => match longer(size, digit) {
                Some(size) => (1, Chunk::Size(size)),
                None => return self.give_up(bytes),
            },
            (Chunk::DataEnd, b'\n') => (1, Chunk::Size(0)),
            (Chunk::DataEnd, b'\r') => (1, chunk),
            (Chunk::DataEnd, _) => return self.give_up(bytes),
            (Chunk::Trailer { empty: true }, b'\n') => {
                self.begin();
                return 1;
            }
            (Chunk::Trailer { .. }, b'\n') => (1, Chunk::Trailer { empty: true }),
            (Chunk::Trailer { .. }, b'\r') => (1, chunk),
            (Chunk::Trailer { .. }, _) => (1, Chunk::Trailer { empty: false }),
        };
        self.place = Place::Chunked(next);
        taken
    }

    fn give_up(&mut self, bytes: &[u8]) -> usize {
        self.place = Place::Opaque;
        bytes.len()
    }
}

/// A size with one more digit.
fn longer(size: u64, digit: u8) -> Option<u64> {
    let digit = char::from(digit).to_digit(16)?;
    size.checked_mul(16)?.checked_add(digit.into())
}

/// How many of the bytes that are left of a body are there, and how many are then left.
fn take(left: u64, bytes: &[u8]) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (taken, left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX)))
}
