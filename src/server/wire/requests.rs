//! What comes in over a connection, as far as the edge must know it: where each head begins
//! and ends, and which offers to upgrade it makes.
//!
//! An upgrade that a server does not do is to be ignored (RFC 9110, 7.8). actix takes every
//! `Connection: upgrade` for one that is done, and ends the connection after the answer; and
//! whatever follows an `Upgrade: websocket`, for the new protocol. So an offer that is not a
//! web socket's loses its last letter here, before actix reads it (and so does a word that only
//! begins like one, which nobody knows either). Nothing else is changed and nothing is added,
//! wherever the bytes are cut.
//!
//! A client may send its next request before it has the answer to the one before (RFC 9112,
//! 9.3.2). actix writes the head of an answer after the method, version and `Connection` of the
//! request that it has read last, so it must not have read a further one: what follows a
//! request is held back until that is answered, and for good if the answer is the last.

use memchr::memchr;

use crate::server::wire::answers::End;
use crate::server::wire::chunks::{Chunk, Next, take};
use crate::server::wire::head::{Framing, Head, Socket};

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

/// Whether the next request may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It may.
    Free,
    /// The one before is not answered.
    Taken,
    /// The last answer was given.
    Over,
}

/// A header that matters.
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
    /// How much of the word that is looked for in a value was found; `None` where this is
    /// another word, up to the next comma.
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
    /// The head that is read, or was read last.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Says that the request that was read last, or is still read, was answered.
    pub fn answered(&mut self, end: End) {
        self.turn = match end {
            End::Kept => Turn::Free,
            End::Closed => Turn::Over,
        };
    }

    /// Reads what has come in, up to what must wait for an answer, and strikes out offers to
    /// upgrade. Says how many bytes it has read.
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
            // The head before is told of until the next one begins.
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

    /// Strikes an offer out, unless it may be that of a web socket of ours.
    fn strike(&self, last: &mut u8) {
        if self.head.socket == Socket::Impossible {
            *last = STRUCK;
        }
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
        self.place = match self.head.framing {
            // After CONNECT, as after the request of a web socket, actix reads no further one.
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
