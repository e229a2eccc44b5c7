//! The words of the field: money, ids, keys, invoices, texts.
//!
//! Nothing here knows a database, HTTP or a clock. Values of these types are valid by
//! construction, so that the layers above never check the same thing twice.

pub mod card;
pub mod consumer;
pub mod controls;
pub mod events;
pub mod extra;
pub mod guesses;
pub mod idempotency;
pub mod ids;
pub mod invoice;
pub mod json;
pub mod keys;
pub mod lnurl;
pub mod money;
pub mod node;
pub mod number;
pub mod outgoing;
pub mod pairs;
pub mod password;
pub mod pasted;
pub mod random;
mod sealer;
pub mod search;
pub mod secret;
pub mod session;
pub mod skim;
pub mod target;
pub mod text;
pub mod time;
