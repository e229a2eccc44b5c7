//! What a bitcoin costs in other currencies, and amounts in them.
//!
//! A price that cannot be trusted is no price: what is too old, zero, or disagreed about never
//! makes an amount ([`quotes`]). All of it is pure: the time is passed in, and what
//! [`book::Book::plan`] asks for is fetched by others.

pub(crate) mod amount;
mod answers;
mod backoff;
pub(crate) mod book;
pub(crate) mod currency;
mod feed;
mod history;
pub(crate) mod price;
pub(crate) mod quotes;
pub mod settings;
pub(crate) mod sources;

use crate::domain::time::UnixMs;

/// Whether this long has passed. A clock that was set back is no reason to wait for longer.
fn has_elapsed(since: UnixMs, seconds: i64, now: UnixMs) -> bool {
    now < since || since.plus_seconds(seconds) <= now
}
