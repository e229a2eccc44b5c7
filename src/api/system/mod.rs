//! The server itself: health, the document, QR codes, and what browsers see.

pub(crate) mod front;
pub(crate) mod metrics;
pub(crate) mod qr;
pub(crate) mod swagger;

use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::error::ApiError;
use crate::clock;

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"server_time": 1_763_700_000, "up_time": 42, "version": "0.1.0", "status": "ok"}))]
pub struct Health {
    /// Unix seconds.
    server_time: i64,
    /// Seconds since the start.
    up_time: i64,
    /// The version of satkeep.
    version: &'static str,
    /// `ok`; `degraded` while the Lightning node does not answer: payments to other nodes wait then, and all else
    /// goes on.
    status: &'static str,
}

/// How the server is, as clients of LNbits ask for it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"server_time": 1_763_700_000, "up_time": 42, "version": "0.1.0", "status": "ok", "up_time_seconds": 42}))]
pub struct Status {
    /// As in health.
    #[serde(flatten)]
    health: Health,
    /// Equal to `up_time`.
    up_time_seconds: i64,
}

impl Health {
    fn of(app: &State) -> Self {
        Self {
            server_time: clock::now().seconds(),
            up_time: app.health.up_time_s(),
            version: env!("CARGO_PKG_VERSION"),
            status: if app.services.lightning.is_away() { "degraded" } else { "ok" },
        }
    }
}

/// Health
///
/// Answers as long as the server runs.
#[utoipa::path(tag = "System", responses((status = 200, description = "The server runs", body = Health)))]
#[get("/api/v1/health")]
pub(crate) async fn health(app: State) -> HttpResponse {
    HttpResponse::Ok().json(Health::of(&app))
}

/// Status
///
/// As health, in the shape that clients of LNbits ask for; there it is for who has logged in.
#[utoipa::path(tag = "System", responses((status = 200, description = "The server runs", body = Status)))]
#[get("/api/v1/status")]
pub(crate) async fn status(app: State) -> HttpResponse {
    let standing = Health::of(&app);
    HttpResponse::Ok().json(Status { up_time_seconds: standing.up_time, health: standing })
}

/// Readiness
///
/// Also asks the database, and answers 503 while the server shuts down, or cannot find the
/// master key that the others use.
#[utoipa::path(tag = "System", responses((status = 200, description = "The server can work", body = Health)))]
#[get("/api/v1/health/ready")]
pub(crate) async fn readiness(app: State) -> Result<HttpResponse, ApiError> {
    app.health.check(&app.services).await?;
    Ok(HttpResponse::Ok().json(Health::of(&app)))
}

/// The document
///
/// This document: OpenAPI 3.1, generated from the handlers.
#[utoipa::path(
    tag = "System",
    responses((status = 200, description = "The OpenAPI document", content_type = "application/json", body = Object))
)]
#[get("/openapi.json")]
pub(crate) async fn openapi_document(
    document: web::Data<crate::api::framework::document::DocumentText>,
) -> HttpResponse {
    HttpResponse::Ok().insert_header(header::ContentType::json()).body(document.0.clone())
}
