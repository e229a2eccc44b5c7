//! Telling others what has happened: webhooks.
//!
//! | step | what | where |
//! |---|---|---|
//! | 1 | the event is written in the transaction in which it happens | settlement, [`crate::store::webhooks::events`] |
//! | 2 | it is handed over, fairly among tenants: one delivery for each target | [`crate::store::webhooks::hand_over`], [`fan_out`] |
//! | 3 | due deliveries are claimed, fairly among tenants and their hosts | [`crate::store::webhooks::due`], [`fairness`], [`crate::store::webhooks::claims`] |
//! | 4 | each is made, signed and posted | `request`, [`payload`], [`payload_lnbits`], [`payload_pay_link`], [`post`] |
//! | 5 | what came of it is recorded, in batches | [`outbox`], [`crate::store::webhooks::attempts`] |
//!
//! **Nothing is lost.** A claim is only a time until which others leave a delivery alone: what
//! a process that dies had claimed is due again then. So an event arrives at least once, always
//! under the same id.
//!
//! **Nobody waits for somebody else's target.** Each host has its own few connections, one that
//! fails has one; a tenant whose targets do not answer has fewer and fewer; and what is claimed
//! goes by tenants and their hosts in turn.
//!
//! **Order.** Events of one wallet go to one target one after the other: they stand in a line,
//! of which the first alone is due. One that fails holds the line up for a few seconds, and then
//! leaves it.
//!
//! **Payments come first.** All the outbox's work with the database is done by one task, in
//! batches, and it rests for three times as long as it has worked.

pub mod fairness;
pub mod fan_out;
pub mod lag;
pub mod outbox;
pub mod payload;
pub mod payload_lnbits;
pub mod payload_pay_link;
pub mod post;
mod request;
mod verdict;
