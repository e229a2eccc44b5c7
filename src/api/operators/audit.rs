//! The audit over HTTP.

use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::error::ApiError;
use crate::api::framework::session::Operator;
use crate::ledger::audit::Verdict;
use crate::services::operators::audit;

/// What an audit has found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "holds": true,
    "invariants": [{"invariant": "I1", "name": "double entry", "holds": true, "detail": "42 transfers"}]
}))]
pub struct AuditView {
    /// Whether all promises hold.
    holds: bool,
    /// Each promise with its verdict.
    invariants: Vec<Verdict>,
}

/// Audit the ledger
///
/// Recomputes the promises I1 to I4 and I11 from all rows, which takes a while on a large database. One is
/// made at a time.
#[utoipa::path(
    tag = "Operators",
    responses((status = 200, description = "The verdicts", body = AuditView)),
    security(("Operator" = []))
)]
#[get("/users/api/v1/audit")]
pub(in crate::api) async fn audit_ledger(_operator: Operator, app: State) -> Result<HttpResponse, ApiError> {
    let invariants = audit::run(&app.services.store, |_| ()).await?;
    let holds = invariants.iter().all(|verdict| verdict.holds);
    Ok(HttpResponse::Ok().json(AuditView { holds, invariants }))
}
