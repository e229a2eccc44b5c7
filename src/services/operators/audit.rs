//! The audit, for operators, and for whoever has the database at hand.

use crate::ledger::audit::Verdict;
use crate::services::Error;
use crate::store::{Store, audit};

/// Recomputes the ledger's promises from all rows, each announced before it is recomputed. One audit
/// is made at a time.
pub async fn run(store: &Store, announce: impl Fn(&str) + Send + 'static) -> Result<Vec<Verdict>, Error> {
    Ok(store.read_audit(move |connection| audit::run(connection, announce)).await?)
}
