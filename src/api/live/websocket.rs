//! Web sockets: the payments of a wallet, or the payment of one invoice, as they happen.
//!
//! The key is in the path, as clients of LNbits have it; only the pattern of the path is ever
//! logged.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, get, rt, web};
use actix_ws::{CloseCode, CloseReason, Closed, Message, MessageStream, ProtocolError, Session};
use serde::Serialize;
use tokio::time::{Instant, sleep_until, timeout};
use utoipa::ToSchema;

use crate::api::framework::app::State;
use crate::api::framework::auth::prove_key;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::live::view::{UpdateView, show};
use crate::api::payments::view::{PaymentView, standing, status_word};
use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::api_keys::ApiKey;
use crate::domain::ids::PaymentHash;
use crate::live::feed::{Feed, PING_INTERVAL, Step};
use crate::live::hub::End;
use crate::live::watch::InvoiceWatch;
use crate::services::payments::Status;
use crate::services::streams;

/// How long a reader may keep its stream waiting before it is dropped.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest frame that a client may send; satkeep expects none but control frames.
const FRAME_BYTES_MAX: usize = 4096;

/// What a client is told of a fault of ours.
const FAULT: &str = "a fault of the server";

/// A payment of the wallet, and what the wallet held right after it.
#[derive(Debug, Serialize, ToSchema)]
pub struct WalletMessage<'a> {
    /// sat.
    #[schema(example = 1000)]
    wallet_balance: i64,
    /// The wallet's side of the payment.
    payment: &'a PaymentView,
}

/// What became of an invoice.
#[derive(Debug, Serialize)]
struct InvoiceMessage {
    pending: bool,
    status: &'static str,
}

/// Live payments (WebSocket)
///
/// `item` is a key of a wallet, or a payment hash. For a key, each payment of the wallet,
/// from now on, is a message `{"wallet_balance": …, "payment": {…}}`. For a payment hash there
/// is one message `{"pending": false, "status": "success"}`, as soon as it is paid (at once
/// where it is paid already); then, or when it can no longer be paid, the socket is closed. A
/// ping comes every 20 seconds. The socket is closed when the key stops working.
#[utoipa::path(
    tag = "Events",
    params(("item" = String, Path, description = "An invoice key, an admin key, or a payment hash", example = "013d58c6e78e5ee7cb50eba65108841e")),
    responses((status = 101, description = "The socket; messages are JSON", body = WalletMessage))
)]
#[get("/api/v1/ws/{item}")]
pub(crate) async fn live_socket(
    app: State,
    item: web::Path<String>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let item = item.into_inner();
    // Whoever has the hash may know what `GET /payments/{payment_hash}` tells without a key.
    if let Ok(hash) = item.parse::<PaymentHash>() {
        let watch = streams::follow_invoice(&app.services, &app.hub, hash).await?;
        let (response, socket) = Socket::open(&request, payload)?;
        rt::spawn(tell_of_invoice(socket, watch));
        return Ok(response);
    }
    let key = prove_key(&app, ApiKey::from_client(&item).digest()).await?;
    let feed = streams::follow_wallet(&app.services, &app.hub, key, None).await?;
    let (response, socket) = Socket::open(&request, payload)?;
    rt::spawn(tell_of_wallet(socket, feed, app.services.sealer.clone()));
    Ok(response)
}

/// Why a socket is done.
enum Done {
    /// Said to the client.
    Because(CloseCode, &'static str),
    /// The client has gone, or does not read.
    Gone,
}

impl From<Closed> for Done {
    fn from(_: Closed) -> Self {
        Self::Gone
    }
}

impl From<End> for Done {
    fn from(end: End) -> Self {
        match end {
            End::Revoked => Self::Because(CloseCode::Policy, "the key does not work any more"),
            End::Behind => Self::Because(CloseCode::Policy, "too far behind"),
            End::Closing => Self::Because(CloseCode::Away, "the server is shutting down"),
        }
    }
}

/// A socket that was opened.
struct Socket {
    session: Session,
    messages: MessageStream,
}

impl Socket {
    fn open(request: &HttpRequest, payload: web::Payload) -> Result<(HttpResponse, Self), ApiError> {
        let (response, session, messages) = actix_ws::handle(request, payload).or(Err(ApiError::with_detail(
            ErrorCode::InvalidRequest,
            "this path must be opened as a WebSocket (version 13)",
        )))?;
        Ok((response, Self { session, messages: messages.max_frame_size(FRAME_BYTES_MAX) }))
    }

    async fn send(&mut self, message: &impl Serialize) -> Result<(), Done> {
        let text = serde_json::to_string(message).map_err(|error| {
            tracing::error!(%error, "a message could not be written");
            Done::Because(CloseCode::Error, FAULT)
        })?;
        Ok(timeout(READ_TIMEOUT, self.session.text(text)).await.or(Err(Done::Gone))??)
    }

    async fn ping(&mut self) -> Result<(), Done> {
        Ok(timeout(READ_TIMEOUT, self.session.ping(b"")).await.or(Err(Done::Gone))??)
    }

    /// Answers what the client has sent.
    async fn answer(&mut self, message: Option<Result<Message, ProtocolError>>) -> Result<(), Done> {
        match message {
            Some(Ok(Message::Ping(bytes))) => {
                Ok(timeout(READ_TIMEOUT, self.session.pong(&bytes)).await.or(Err(Done::Gone))??)
            }
            Some(Ok(Message::Close(_))) => Err(Done::Because(CloseCode::Normal, "")),
            Some(Err(_)) => Err(Done::Because(CloseCode::Protocol, "the frame is too large or malformed")),
            None => Err(Done::Gone),
            // What clients say is of no interest.
            Some(Ok(
                Message::Text(_) | Message::Binary(_) | Message::Continuation(_) | Message::Pong(_) | Message::Nop,
            )) => Ok(()),
        }
    }

    async fn close(self, done: Done) {
        if let Done::Because(code, why) = done {
            let description = (!why.is_empty()).then(|| why.to_owned());
            // A client that does not take even this is dropped by the system.
            drop(timeout(READ_TIMEOUT, self.session.close(Some(CloseReason { code, description }))).await);
        }
    }
}

async fn tell_of_wallet(mut socket: Socket, mut feed: Feed, sealer: Sealer) {
    let done = loop {
        let told = match next_step(&mut socket, &mut feed).await {
            Ok(step) => tell_step(&mut socket, &feed, &sealer, step).await,
            Err(done) => Err(done),
        };
        if let Err(done) = told {
            break done;
        }
    };
    socket.close(done).await;
}

/// Waits for the feed and answers the client meanwhile. Whatever the client sends, the feed is
/// waited for to the end: a read that is given up goes on, and would only be asked for again.
async fn next_step(socket: &mut Socket, feed: &mut Feed) -> Result<Step, Done> {
    let mut step = std::pin::pin!(feed.next());
    loop {
        tokio::select! {
            step = &mut step => return Ok(step),
            message = socket.messages.recv() => socket.answer(message).await?,
        }
    }
}

async fn tell_step(socket: &mut Socket, feed: &Feed, sealer: &Sealer, step: Step) -> Result<(), Done> {
    match step {
        Step::Moved(updates) => {
            let updates = show(sealer, updates).or(Err(Done::Because(CloseCode::Error, FAULT)))?;
            for UpdateView { movement, payment } in &updates {
                if let Some(end) = feed.must_end() {
                    return Err(end.into());
                }
                socket.send(&WalletMessage { wallet_balance: movement.available.to_sat(), payment }).await?;
            }
            Ok(())
        }
        Step::Ping => socket.ping().await,
        Step::End(end) => Err(end.into()),
        Step::Failed => Err(Done::Because(CloseCode::Error, FAULT)),
    }
}

async fn tell_of_invoice(mut socket: Socket, mut watch: InvoiceWatch) {
    let mut ping_at = Instant::now() + PING_INTERVAL;
    let done = loop {
        let side = watch.invoice();
        match standing(side.state, side.expires_at, clock::now()) {
            (Status::Success, _) => {
                let message = InvoiceMessage { pending: false, status: status_word(Status::Success) };
                let told = socket.send(&message).await;
                break told.err().unwrap_or(Done::Because(CloseCode::Normal, "paid"));
            }
            // Not a message: too many clients take any message for a payment.
            (Status::Failed, state) => break Done::Because(CloseCode::Normal, state),
            (Status::Pending, _) => {}
        }
        let told = tokio::select! {
            () = watch.woken() => {
                watch.look_again().await;
                watch.must_end().map_or(Ok(()), |end| Err(end.into()))
            }
            () = sleep_until(ping_at) => {
                ping_at = Instant::now() + PING_INTERVAL;
                // Nobody tells of an invoice that was cancelled.
                watch.look_again().await;
                socket.ping().await
            }
            message = socket.messages.recv() => socket.answer(message).await,
        };
        if let Err(done) = told {
            break done;
        }
    };
    socket.close(done).await;
}
