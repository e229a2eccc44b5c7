//! Webhooks: notifying others of what happened.
//!
//! | step | what | where |
//! |---|---|---|
//! | 1 | the event is written in the transaction in which it happens | settlement, [`crate::store::webhooks::events`] |
//! | 2 | it is handed over, fairly among tenants: one delivery for each target | [`crate::store::webhooks::hand_over`], [`fan_out`] |
//! | 3 | due deliveries are claimed, fairly among tenants and their hosts | [`crate::store::webhooks::due`], [`fairness`], [`crate::store::webhooks::claims`] |
//! | 4 | each is built, signed and posted | `request`, [`payload`], [`payload_lnbits`], [`payload_pay_link`], [`post`] |
//! | 5 | the results are recorded, in batches | [`outbox`], [`crate::store::webhooks::attempts`] |
//!
//! **Nothing is lost.** A claim is only a time until which others leave a delivery alone. If the
//! process that claimed it dies, the delivery is due again then. So an event arrives at least once,
//! always under the same id.
//!
//! **Nobody waits for somebody else's target.** Each host has a few connections of its own, and a
//! failing host has one. A tenant whose targets do not answer gets fewer and fewer. Claims go
//! round-robin to tenants and their hosts.
//!
//! **Order.** Events of one wallet go to one target one after the other: they form a queue in which
//! only the first is due. A failing delivery blocks the queue for a few seconds, and then leaves
//! it.
//!
//! **Payments come first.** A single task does all the outbox's database work, in batches, and
//! rests for three times as long as it has worked.

pub mod fairness;
pub(crate) mod fan_out;
pub mod lag;
pub(crate) mod outbox;
pub(crate) mod payload;
pub(crate) mod payload_lnbits;
pub(crate) mod payload_pay_link;
mod payload_withdraw;
pub mod post;
mod request;
mod verdict;
