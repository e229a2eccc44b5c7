//! A body that comes in chunks, as far as its end must be found.

/// Where the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// Into the size of a chunk, as it is so far.
    Size(u64),
    /// Into what follows the size.
    Extension(u64),
    /// Into the data, of which so many bytes are left.
    Data(u64),
    /// Into the end of the line after the data.
    DataEnd,
    /// Into a line after the last chunk.
    Trailer {
        /// Whether nothing stands in it yet.
        empty: bool,
    },
}

/// What comes after some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Chunk(Chunk),
    /// The body is over.
    Request,
    /// The chunks are not as they must be.
    Broken,
}

impl Chunk {
    /// Reads some of the bytes, and says how many.
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

/// How many of the bytes that are left of a body are there, and how many are then left.
pub(crate) fn take(left: u64, bytes: &[u8]) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (taken, left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX)))
}
