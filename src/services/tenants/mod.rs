//! A tenant as a whole, as its manager sees it: all payments, all wallets, what they come to, and all
//! of it to take away.
//!
//! A tenant is what stands with its accounts: the wallets of the users whom the manager has created,
//! and of a root manager also its own. What those of them create who may create users is theirs.

pub mod export;
mod overview;
mod payments;
mod wallets;

pub use overview::{Overview, Period, Point, overview};
pub use payments::{list_and_count, transactions};
pub use wallets::wallets;
