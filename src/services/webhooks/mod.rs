//! Webhooks: a manager's endpoints for its whole tenant, and a wallet's secret and log for the
//! webhooks of its own invoices and payments, whose format the manager chooses.

pub(crate) mod endpoints;
pub(crate) mod format;
pub(crate) mod log;
pub(crate) mod own;

pub use crate::store::webhooks::endpoints::Endpoint;
pub use crate::store::webhooks::log::{Failure, Logged};
