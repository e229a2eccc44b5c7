//! Live streams: who waits for payments, and how they hear of them.
//!
//! What is told is never more than "there is something new". Every stream knows the number of
//! the last movement in its wallet's chain that it has sent, and the chain has no gaps: so it
//! reads what comes after that number, in order, and can neither miss one nor send one twice,
//! whatever is told twice, late, or not at all.
//!
//! | who tells | when | why |
//! |---|---|---|
//! | [`publisher`] | after each commit of this process | at once, without a look into the database |
//! | [`relay`] | a moment later, on PostgreSQL: to and from the other processes (`NOTIFY`) | they hear of it within milliseconds |
//! | [`sweep`] | every second, while somebody listens | whatever got lost, a credit from the command line, and keys that were revoked |
//!
//! How many may listen, [`quota`] counts: in all, for one tenant, and of those without a key.
//!
//! The settler does next to nothing for this: without listeners one look at a number, with
//! them a look into a map for each side of a transfer. Rows are read by each stream for itself, as
//! fast as its reader takes them: a wallet's by its [`feed`], an invoice's by its [`watch`].

pub mod feed;
pub mod hub;
pub mod publisher;
pub mod quota;
pub mod relay;
pub mod sweep;
pub mod watch;
