//! What to do with an invoice that stands at the node and should be paid there no more: pure.

use super::node::{Cancelled, InvoiceAtNode, Receipt};
use crate::domain::time::UnixMs;

/// What to do with an invoice.
#[derive(Clone, Debug)]
pub enum Next {
    /// Book what has arrived for it.
    Book(Receipt),
    /// Stop looking after it: nothing can arrive for it any more.
    Conclude,
    /// Look again later.
    Wait,
}

/// What to do with an invoice that was to be cancelled, and was looked up after that: what had arrived by then is
/// told now. A node that cannot cancel it, or does not know it, may still be paid for it until its end, and what
/// has arrived in time may be told late; so it is looked after until `over_before` is past its end.
pub fn next(cancelled: Cancelled, found: InvoiceAtNode, expires_at: UnixMs, over_before: UnixMs) -> Next {
    match (cancelled, found) {
        (_, InvoiceAtNode::Settled(receipt)) => Next::Book(receipt),
        (Cancelled::Done, _) => Next::Conclude,
        (Cancelled::NotFound | Cancelled::Unsupported, _) if expires_at <= over_before => Next::Conclude,
        (Cancelled::NotFound | Cancelled::Unsupported | Cancelled::TooLate, _) => Next::Wait,
    }
}
