//! Live streams: who waits for payments, and how they are notified.
//!
//! A notification only ever means "there is something new". Each stream knows the number of the
//! last movement it has sent in its wallet's chain, and the chain has no gaps. It reads what comes
//! after that number, in order, so it can neither miss a movement nor send one twice, even if
//! notifications are repeated, late or lost.
//!
//! | source | when | why |
//! |---|---|---|
//! | [`publisher`] | after each commit of this process | immediate, without a database query |
//! | [`relay`] | a moment later, on PostgreSQL: to and from the other processes (`NOTIFY`) | reaches other processes within milliseconds |
//! | [`sweep`] | every second, while there are listeners | finds lost notifications, credits from the command line, and revoked keys |
//!
//! [`quota`] limits the number of listeners: in total, per tenant, and for those without a key.
//!
//! The settler does almost no work for this: without listeners it reads one number, and with
//! listeners it does one map lookup for each side of a transfer. Each stream reads its own rows, as
//! fast as its reader takes them: a wallet's through its [`feed`], an invoice's through its
//! [`watch`].

pub(crate) mod feed;
pub(crate) mod hub;
pub(crate) mod publisher;
pub(crate) mod quota;
pub(crate) mod relay;
pub(crate) mod sweep;
pub(crate) mod watch;
