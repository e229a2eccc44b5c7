//! The head of an incoming request.

/// The number of bytes at the start of a request line that are inspected.
const LINE_START_BYTES: usize = 64;

/// The current part of the request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Method,
    Path,
    Query,
    /// A byte in the path or query that must be percent-encoded, for which the request is refused.
    Raw,
}

/// Whether the request opens a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Socket {
    /// There is none at its path.
    Impossible,
    /// There may be one at its path.
    Possible,
    /// It asks for one, and there is one at its path.
    Asked,
}

/// How the body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunks,
}

/// A head, or the part of it received so far.
#[derive(Clone, Debug)]
pub struct Head {
    start: [u8; LINE_START_BYTES],
    line_bytes: usize,
    line_has_ended: bool,
    spaces: usize,
    part: Part,
    last: u8,
    pub(crate) socket: Socket,
    pub(crate) framing: Framing,
}

impl Head {
    pub(crate) const NEW: Self = Self {
        start: [0; LINE_START_BYTES],
        line_bytes: 0,
        line_has_ended: false,
        spaces: 0,
        part: Part::Method,
        last: 0,
        socket: Socket::Impossible,
        framing: Framing::Length(0),
    };

    /// The length of the request line in bytes.
    pub fn line_bytes(&self) -> usize {
        self.line_bytes
    }

    /// Whether the target contains a byte that must be percent-encoded, for which the request is
    /// refused.
    pub fn has_raw_target(&self) -> bool {
        self.part == Part::Raw || self.spaces > 2
    }

    /// Whether it is a HEAD request.
    pub fn is_head(&self) -> bool {
        self.line_start().starts_with(b"HEAD ")
    }

    /// Whether what follows is a tunnel.
    pub(crate) fn is_connect(&self) -> bool {
        self.line_start().starts_with(b"CONNECT ")
    }

    /// Whether the next byte of a request line begins a new one.
    pub(crate) fn is_over(&self) -> bool {
        self.line_bytes == 0 || self.line_has_ended
    }

    fn line_start(&self) -> &[u8] {
        self.start.get(..self.line_bytes).unwrap_or(&self.start)
    }

    /// Adds more of the request line.
    pub(crate) fn add(&mut self, part: &[u8]) {
        if let Some(free) = self.start.get_mut(self.line_bytes..) {
            free.iter_mut().zip(part).for_each(|(place, byte)| *place = *byte);
        }
        self.line_bytes = self.line_bytes.saturating_add(part.len());
        for byte in part {
            self.part = match (byte, self.part) {
                (b'\r', _) => continue,
                // An invalid method is not HTTP at all.
                (b' ', Part::Method) => Part::Path,
                (b'?', Part::Path) => Part::Query,
                (b'"', Part::Query) | (..0x20 | b'<' | b'>' | 0x7f.., Part::Path | Part::Query) => Part::Raw,
                (_, part) => part,
            };
            self.spaces += usize::from(*byte == b' ');
            self.last = *byte;
        }
    }

    /// Ends the request line. HTTP/1.0 has no upgrades.
    pub(crate) fn end_line(&mut self) {
        let mut path = self.line_start().strip_prefix(b"GET /").unwrap_or_default();
        while let Some(rest) = path.strip_prefix(b"/") {
            path = rest;
        }
        if path.starts_with(b"api/v1/ws/") && self.last == b'1' {
            self.socket = Socket::Possible;
        }
        self.line_has_ended = true;
    }

    /// Adds a digit of the content length.
    pub(crate) fn add_digit(&mut self, digit: u8) {
        if let Framing::Length(length) = &mut self.framing
            && digit.is_ascii_digit()
        {
            *length = length.saturating_mul(10).saturating_add((digit - b'0').into());
        }
    }
}
