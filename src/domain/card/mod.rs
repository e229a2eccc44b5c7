//! Bolt Cards: NTAG424 cards that show a fresh proof of themselves at every tap, what they prove
//! it with, and how much may be spent with one.

pub mod deterministic;
pub mod key;
pub mod limits;
pub mod secrets;
pub mod sun;
pub mod tokens;

pub use key::{CardKey, CardUid, InvalidCardBytes};
