//! The requests on a connection, parsed as far as needed: where each head begins and ends, and
//! which upgrades it offers.
//!
//! An upgrade that a server does not support must be ignored (RFC 9110, 7.8). actix takes every
//! `Connection: upgrade` for a completed upgrade and ends the connection after the response, and it
//! takes whatever follows an `Upgrade: websocket` for the new protocol. So the last letter of an
//! offer that is not for a WebSocket is overwritten here, before actix reads it. (The same happens
//! to an unknown word that merely begins like an offer.) Nothing else is changed and nothing is
//! added, wherever the bytes are split.
//!
//! A client may send its next request before it has the response to the previous one (RFC 9112,
//! 9.3.2). actix writes the head of a response according to the method, version and `Connection` of
//! the request that it has read last, so it must not have read a further one. Whatever follows a
//! request is held back until that is answered, and forever if the response is the last.

use memchr::memchr;

use crate::server::wire::answers::End;
use crate::server::wire::chunks::{Chunk, Next, take};
use crate::server::wire::head::{Framing, Head, Socket};

/// The longest name of a relevant header.
const NAME_BYTES_MAX: usize = b"transfer-encoding".len();
/// The replacement for the last letter of an ignored offer.
const STRUCK: u8 = b'-';

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The request line, or an empty line before it.
    RequestLine,
    /// The name of a header, or the empty line at the end of the head.
    Name,
    /// The value of a relevant header.
    Value(Field),
    /// The rest of an irrelevant line.
    Rest,
    /// A body with this many bytes left.
    Body(u64),
    /// A chunked body.
    Chunked(Chunk),
    /// A WebSocket, or what follows something that actix refuses.
    Opaque,
}

/// Whether the next request may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It may.
    Free,
    /// The previous one is not answered yet.
    Taken,
    /// The last response was sent.
    Over,
}

/// A relevant header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Connection,
    Upgrade,
    Length,
    Coding,
}

/// Follows the requests of one connection.
#[derive(Debug)]
pub struct Requests {
    place: Place,
    turn: Turn,
    head: Head,
    name: [u8; NAME_BYTES_MAX],
    name_bytes: usize,
    /// How much of the word being searched for was found in a value; `None` if this is another
    /// word, until the next comma.
    matched: Option<usize>,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            place: Place::RequestLine,
            turn: Turn::Free,
            head: Head::NEW,
            name: [0; NAME_BYTES_MAX],
            name_bytes: 0,
            matched: Some(0),
        }
    }
}

impl Requests {
    /// The head that is being read, or was read last.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Records that the current or last request was answered.
    pub fn answered(&mut self, end: End) {
        self.turn = match end {
            End::Kept => Turn::Free,
            End::Closed => Turn::Over,
        };
    }

    /// Reads what was received, up to what must wait for a response, and strikes out upgrade
    /// offers. Returns how many bytes it has read.
    pub fn read(&mut self, mut bytes: &mut [u8]) -> usize {
        let all = bytes.len();
        while !bytes.is_empty() {
            let taken = match self.place {
                Place::RequestLine if self.head.is_over() && self.turn != Turn::Free => break,
                Place::RequestLine => self.read_request_line(bytes),
                Place::Name => self.read_name(bytes),
                Place::Value(field) => self.read_value(field, bytes),
                Place::Rest => self.end_line(bytes),
                Place::Body(left) => {
                    let (taken, left) = take(left, bytes);
                    self.place = if left == 0 { Place::RequestLine } else { Place::Body(left) };
                    taken
                }
                Place::Chunked(chunk) => self.read_chunk(chunk, bytes),
                Place::Opaque => return all,
            };
            bytes = bytes.get_mut(taken..).unwrap_or_default();
        }
        all.saturating_sub(bytes.len())
    }

    fn read_request_line(&mut self, bytes: &[u8]) -> usize {
        if self.head.is_over() {
            // The previous head is kept until the next one begins.
            let empty = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if empty > 0 {
                return empty;
            }
            self.head = Head::NEW;
            self.turn = Turn::Taken;
        }
        let end = memchr(b'\n', bytes);
        self.head.add(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default());
        let Some(end) = end else { return bytes.len() };
        self.head.end_line();
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
                Field::Connection if self.completes(b"upgrade", *byte) => self.strike(byte),
                Field::Upgrade if self.completes(b"websocket", *byte) => {
                    self.strike(byte);
                    if self.head.socket == Socket::Possible {
                        self.head.socket = Socket::Asked;
                    }
                }
                Field::Connection | Field::Upgrade => {}
                Field::Length => self.head.add_digit(*byte),
                Field::Coding => self.head.framing = Framing::Chunks,
            }
        }
        self.end_line(bytes)
    }

    /// Strikes an offer out, unless it may be for one of our WebSockets.
    fn strike(&self, last: &mut u8) {
        if self.head.socket == Socket::Impossible {
            *last = STRUCK;
        }
    }

    /// Whether this byte is the last of the word in a comma-separated list.
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
        self.place = match self.head.framing {
            // After CONNECT, as after a WebSocket request, actix reads no further request.
            _ if self.head.socket == Socket::Asked || self.head.is_connect() => Place::Opaque,
            Framing::Chunks => Place::Chunked(Chunk::Size(0)),
            Framing::Length(0) => Place::RequestLine,
            Framing::Length(length) => Place::Body(length),
        };
    }

    fn read_chunk(&mut self, chunk: Chunk, bytes: &[u8]) -> usize {
        let (taken, next) = chunk.read(bytes);
        self.place = match next {
            Next::Chunk(next) => Place::Chunked(next),
            Next::Request => Place::RequestLine,
            Next::Broken => Place::Opaque,
        };
        taken
    }
}
