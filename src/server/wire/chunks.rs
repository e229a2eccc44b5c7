//! Chunked bodies, parsed as far as needed to find their end.

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// The size of a chunk, as read so far.
    Size(u64),
    /// What follows the size.
    Extension(u64),
    /// The data, of which this many bytes are left.
    Data(u64),
    /// The line ending after the data.
    DataEnd,
    /// A line after the last chunk.
    Trailer {
        /// Whether the line is still empty.
        empty: bool,
    },
}

/// What follows some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Chunk(Chunk),
    /// The body has ended.
    Request,
    /// The chunks are malformed.
    Broken,
}

impl Chunk {
    /// Reads some of the bytes, and returns how many.
    pub(crate) fn read(self, bytes: &[u8]) -> (usize, Next) {
        if let Self::Data(left) = self {
            let (taken, left) = take(left, bytes);
            return (taken, Next::Chunk(if left == 0 { Self::DataEnd } else { Self::Data(left) }));
        }
        bytes.first().map_or((0, Next::Chunk(self)), |byte| (1, self.step(*byte)))
    }

    fn step(self, byte: u8) -> Next {
        let next = match (self, byte) {
            (Self::Trailer { empty: true }, b'\n') => return Next::Request,
            (Self::Size(0) | Self::Extension(0) | Self::Trailer { .. }, b'\n') => Self::Trailer { empty: true },
            (Self::Size(size) | Self::Extension(size), b'\n') => Self::Data(size),
            (Self::DataEnd, b'\n') => Self::Size(0),
            (_, b'\r') | (Self::Extension(_), _) | (Self::Size(_), b' ' | b'\t') => self,
            (Self::Size(size), b';') => Self::Extension(size),
            (Self::Trailer { .. }, _) => Self::Trailer { empty: false },
            (Self::Size(size), digit) => {
                return longer(size, digit).map_or(Next::Broken, |s| Next::Chunk(Self::Size(s)));
            }
            (Self::Data(_) | Self::DataEnd, _) => return Next::Broken,
        };
        Next::Chunk(next)
    }
}

/// A size with one more digit.
fn longer(size: u64, digit: u8) -> Option<u64> {
    let digit = char::from(digit).to_digit(16)?;
    size.checked_mul(16)?.checked_add(digit.into())
}

/// How many of a body's remaining bytes are present, and how many are left after them.
pub(crate) fn take(left: u64, bytes: &[u8]) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (taken, left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX)))
}
