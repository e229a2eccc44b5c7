//! Withdraw links (LUD-03): links by which anybody who has one is paid, as often and as much as they
//! say.

pub mod refused;
pub(crate) mod secret;
pub mod short_uuid;
pub(crate) mod token;
pub mod uses;
