//! Server-sent events: the payments of a wallet, as they happen.

use std::fmt::Write as _;

use actix_web::http::header::{self, HeaderName};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get};
use futures_util::stream;

use crate::api::framework::answers;
use crate::api::framework::app::State;
use crate::api::framework::auth::WalletKey;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::Params;
use crate::api::framework::query::{Whole, query};
use crate::api::live::view::{UpdateView, show};
use crate::api::payments::view::PaymentView;
use crate::live::feed::Step;
use crate::services::streams;

/// The header in which a client that reconnects says which event it has seen last.
pub static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

query! {
    /// From where a stream goes on.
    pub(crate) struct LastEventParams {
        /// The same, where a header cannot be set
        #[param(value_type = Option<i64>, minimum = 0, maximum = 9_223_372_036_854_775_807_i64)]
        last_event_id: Option<Whole<0, { i64::MAX }>>,
    }
}

/// Live payments (server-sent events)
///
/// Events `payment-received` and `payment-sent` of the key's wallet, each with the payment.
/// The `id` of an event is its number among all payments of the wallet, from 1; the stream
/// begins with the number that it goes on from. Who comes back with `Last-Event-ID` (a
/// browser does so by itself) gets what it has missed first, up to 10,000 payments, and as far
/// as they are found among the wallet's newest 100,000 invoices; 0 stands for all of them, a
/// number that the wallet has not come to for none. A comment comes every 20 seconds. The stream
/// ends when the key stops working.
#[utoipa::path(
    tag = "Events",
    params(
        ("Last-Event-ID" = Option<i64>, Header, description = "The `id` of the last event that was seen", minimum = 0, maximum = 9_223_372_036_854_775_807_i64),
        LastEventParams
    ),
    responses((
        status = 200, description = "The stream; each event holds a payment", content_type = "text/event-stream",
        body = PaymentView
    )),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/api/v1/payments/sse")]
pub(crate) async fn payment_events(
    key: WalletKey,
    app: State,
    request: HttpRequest,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let after = last_event_id(&request, &params)?;
    if answers::is_head_only(&request) {
        return Ok(head().streaming(stream::empty::<Result<Bytes, ApiError>>()));
    }
    let feed = streams::follow_wallet(&app.services, &app.hub, key, after).await?;
    // An empty event with an id: a client that is cut off before the first payment knows where
    // to go on, too.
    let first = Bytes::from(format!(": live\nid: {}\n\n", feed.position()));
    let sealer = app.services.sealer.clone();
    let events = stream::unfold((feed, sealer, Some(first)), |(mut feed, sealer, first)| async move {
        if let Some(first) = first {
            return Some((Ok::<_, ApiError>(first), (feed, sealer, None)));
        }
        let text = match feed.next().await {
            Step::Moved(updates) => show(&sealer, updates).and_then(|updates| events(&updates)),
            Step::Ping => Ok(": ping\n\n".to_owned()),
            Step::End(_) => return None,
            Step::Failed => Err(ErrorCode::Internal.into()),
        };
        Some((text.map(Bytes::from), (feed, sealer, None)))
    });
    Ok(head().streaming(events))
}

/// The head of a stream.
fn head() -> HttpResponseBuilder {
    let mut head = HttpResponse::Ok();
    head.insert_header((header::CONTENT_TYPE, "text/event-stream"))
        // nginx would otherwise collect events before it passes them on.
        .insert_header(("X-Accel-Buffering", "no"))
        .force_close();
    head
}

/// The number of the last event that the client has seen. The header is the newer one: a
/// browser adds it to the URL that it was given first.
fn last_event_id(request: &HttpRequest, params: &Params) -> Result<Option<i64>, ApiError> {
    let Some(id) = request.headers().get(&LAST_EVENT_ID) else {
        return Ok(params.read::<LastEventParams>()?.last_event_id.map(|Whole(id)| id));
    };
    match id.to_str().ok().map(str::trim) {
        Some("") => Ok(None),
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<i64>().is_ok() => {
            Ok(text.parse().ok())
        }
        Some(_) | None => Err(ApiError::field("Last-Event-ID", "must be the id of an event, a whole number")),
    }
}

/// Writes the data of an event, each line of it as one, and ends the event. JSON is one line; that
/// nothing in it can break the framing is not left to that.
fn write_data(text: &mut String, data: &str) {
    for line in data.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r')) {
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
}

/// The text of events.
fn events(updates: &[UpdateView]) -> Result<String, ApiError> {
    let mut text = String::new();
    for UpdateView { movement, payment } in updates {
        let name = if movement.received { "payment-received" } else { "payment-sent" };
        let data = serde_json::to_string(payment).map_err(|error| {
            tracing::error!(%error, "a payment could not be written");
            ErrorCode::Internal
        })?;
        // Writing to a String does not fail.
        let _ = write!(text, "id: {}\nevent: {name}\n", movement.entry);
        write_data(&mut text, &data);
    }
    Ok(text)
}
