//! Bolt Cards: NTAG424 cards that show a fresh proof of themselves at every tap, what they prove
//! it with, and how much may be spent with one.

pub(crate) mod deterministic;
pub(crate) mod key;
pub mod limits;
pub(crate) mod secrets;
pub(crate) mod sun;
pub(crate) mod tokens;

pub use key::{CardKey, CardUid, InvalidCardBytes};
