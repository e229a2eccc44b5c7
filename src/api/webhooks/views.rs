//! What the API shows of endpoints and deliveries.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::{DeliveryId, EndpointId, EventId};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::{EventKind, WebhookSecret};
use crate::services::webhooks::endpoints::EndpointWithSecret;
use crate::services::webhooks::{Endpoint, Failure, Logged};

/// Where a manager has events sent to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook, example = json!({
    "id": "9d1c2b3a4f5e6d7c8b9a0f1e2d3c4b5a",
    "url": "https://game.example/events",
    "events": ["payment.received", "payment.sent"],
    "active": true,
    "created_at": "2026-01-31T12:00:00.250Z",
    "updated_at": "2026-01-31T12:00:00.250Z",
    "secret": "1f2e3d4c5b6a79880123456789abcdef1f2e3d4c5b6a79880123456789abcdef"
}))]
pub struct EndpointView {
    #[schema(value_type = String)]
    id: EndpointId,
    /// Where events are sent to.
    url: String,
    /// Which events.
    events: Vec<&'static str>,
    /// False while it is paused.
    active: bool,
    created_at: String,
    updated_at: String,
    /// What signs: shown when it is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl EndpointView {
    /// An endpoint, without its secret.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url,
            events: endpoint.kinds.iter().map(EventKind::as_str).collect(),
            active: endpoint.paused_at.is_none(),
            created_at: endpoint.created_at.to_iso(),
            updated_at: endpoint.updated_at.to_iso(),
            secret: None,
        }
    }

    /// An endpoint whose secret has just been made.
    pub fn with_secret(EndpointWithSecret { endpoint, secret }: EndpointWithSecret) -> Self {
        Self { secret: Some(secret.reveal().to_owned()), ..Self::new(endpoint) }
    }
}

/// What signs the webhooks of a wallet's own invoices and payments.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookSecret, example = json!({"secret": "1f2e3d4c5b6a79880123456789abcdef1f2e3d4c5b6a79880123456789abcdef"}))]
pub struct SecretView {
    /// 64 hex characters; as they stand they are the key of the HMAC.
    secret: String,
}

impl SecretView {
    /// Shows a secret.
    pub fn new(secret: &WebhookSecret) -> Self {
        Self { secret: secret.reveal().to_owned() }
    }
}

/// An event on its way to one target, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery, example = json!({
    "id": "0197a1b2c3d4e5f60718293a4b5c6d7e",
    "event_id": "0197a1b2c3d4e5f60718293a4b5c6d7f",
    "event": "payment.received",
    "state": "waiting",
    "attempts": 2,
    "created_at": "2026-01-31T12:00:00.250Z",
    "next_at": "2026-01-31T12:00:05.600Z",
    "attempted_at": "2026-01-31T12:00:01.400Z",
    "delivered_at": null,
    "status_code": 500,
    "duration_ms": 31,
    "answer": "out of order",
    "error": "the status of the answer was 500, not one of 200 to 299"
}))]
pub struct DeliveryView {
    #[schema(value_type = String)]
    id: DeliveryId,
    /// What the target knows the event by (`X-Satkeep-Event`).
    #[schema(value_type = String)]
    event_id: EventId,
    /// What has happened.
    event: &'static str,
    /// `waiting`, `delivered`, or `parked` when it was tried often enough.
    state: String,
    /// How often it was tried.
    attempts: i64,
    /// When it happened.
    created_at: String,
    /// When it is tried next; null where it is not, or others stand before it.
    next_at: Option<String>,
    /// When it was tried last.
    attempted_at: Option<String>,
    /// When it arrived.
    delivered_at: Option<String>,
    /// The status of the last answer; null where there was none.
    status_code: Option<i64>,
    /// How long the last attempt took.
    duration_ms: Option<i64>,
    /// The first part of the last answer, at most 1 KiB.
    answer: Option<String>,
    /// What went wrong the last time.
    error: Option<String>,
}

impl From<Logged> for DeliveryView {
    fn from(logged: Logged) -> Self {
        let iso = |at: Option<UnixMs>| at.map(UnixMs::to_iso);
        Self {
            id: logged.id,
            event_id: logged.event,
            event: logged.kind.as_str(),
            state: logged.state,
            attempts: logged.attempts,
            created_at: logged.created_at.to_iso(),
            next_at: iso(logged.next_at),
            attempted_at: iso(logged.attempted_at),
            delivered_at: iso(logged.delivered_at),
            status_code: logged.status_code,
            duration_ms: logged.duration_ms,
            answer: logged.answer,
            error: logged.error,
        }
    }
}

/// A delivery with the attempts that failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryWithFailures)]
pub struct DeliveryDetails {
    #[serde(flatten)]
    delivery: DeliveryView,
    /// Since it was sent, or sent again by hand; the newest first.
    failures: Vec<FailureView>,
}

/// An attempt that failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Failure, example = json!({
    "at": "2026-01-31T12:00:01.400Z",
    "status_code": 500,
    "duration_ms": 31,
    "answer": "out of order",
    "error": "the status of the answer was 500, not one of 200 to 299"
}))]
pub struct FailureView {
    /// When it was made.
    at: String,
    /// The status of the answer; null where there was none.
    status_code: Option<i64>,
    /// How long it took.
    duration_ms: i64,
    /// The first part of the answer, at most 1 KiB.
    answer: Option<String>,
    /// What went wrong.
    error: Option<String>,
}

impl From<(Logged, Vec<Failure>)> for DeliveryDetails {
    fn from((delivery, failures): (Logged, Vec<Failure>)) -> Self {
        let view = |failure: Failure| FailureView {
            at: failure.at.to_iso(),
            status_code: failure.status_code,
            duration_ms: failure.duration_ms,
            answer: failure.answer,
            error: failure.error,
        };
        Self { delivery: delivery.into(), failures: failures.into_iter().map(view).collect() }
    }
}
