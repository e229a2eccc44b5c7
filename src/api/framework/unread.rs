//! Answers that the client has not read yet. Whoever asks for long answers and does not read them has
//! them kept here, so there is so much memory for these, shared fairly among tenants (promise I14):
//! where there is no room for one more, it is refused as other overload is.
//!
//! A long answer is also handed on in small slices, each when there is room for it on its connection:
//! otherwise all of it would be copied there at once.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError};
use parking_lot::Mutex;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::State;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::domain::consumer::Consumer;
use crate::domain::ids::UserId;
use crate::fairness::stock::{Spent, Stock};

/// What unread answers may come to, in bytes: one tenant alone gets half of it.
const UNREAD_BYTES_MAX: usize = 128 << 20;
/// Answers up to this many bytes are not counted: there are no more of them than connections.
const SHORT_BYTES: usize = 16 << 10;
/// What is handed on at once.
const SLICE_BYTES: usize = 32 << 10;

/// Whom an answer is charged to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Reader {
    Tenant(UserId),
    /// The network of a client whom nobody's key speaks for.
    Stranger(Vec<u8>),
}

/// The memory for answers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Unread(Arc<Mutex<Stock<Reader>>>);

/// Whose share a request is charged to, once it has proved who calls.
#[derive(Clone, Copy, Debug)]
struct ChargedTo(Consumer);

/// The size of the first page of an answer that is written page by page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstPage(pub(crate) usize);

impl Default for Unread {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Stock::new(UNREAD_BYTES_MAX))))
    }
}

/// Notes who has proved to be the caller.
pub(crate) fn charge(request: &HttpRequest, consumer: Consumer) {
    request.extensions_mut().insert(ChargedTo(consumer));
}

/// The middleware.
pub(crate) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let may_be_refused = request.method() == Method::GET;
    let response = next.call(request).await?;
    let Some(bytes) = bytes_at_once(&response).filter(|bytes| *bytes > SHORT_BYTES) else {
        return Ok(response.map_into_left_body());
    };
    let app = response.request().app_data::<State>().ok_or_else(|| ApiError::from(ErrorCode::Internal))?;
    let mut room = Room {
        unread: app.unread.clone(),
        reader: reader(response.request()),
        bytes: 0,
        forced_bytes: 0,
        may_be_refused,
    };
    match room.grow_to(bytes) {
        Ok(()) => {
            let held = |_: &mut _, body| {
                EitherBody::right(EitherBody::left(Held { body: Box::pin(body), rest: Bytes::new(), room }))
            };
            Ok(response.map_body(held))
        }
        Err(refused) => {
            let refusal = ApiError::from(refused).error_response();
            Ok(response.into_response(refusal).map_body(|_, body| EitherBody::right(EitherBody::right(body))))
        }
    }
}

/// What an answer takes from its beginning; `None` where that is nothing worth counting.
fn bytes_at_once(response: &ServiceResponse<impl MessageBody>) -> Option<usize> {
    match response.response().body().size() {
        BodySize::None => None,
        BodySize::Sized(bytes) => usize::try_from(bytes).ok(),
        BodySize::Stream => response.response().extensions().get::<FirstPage>().map(|FirstPage(bytes)| *bytes),
    }
}

fn reader(request: &HttpRequest) -> Reader {
    let charged = request.extensions().get::<ChargedTo>().map(|ChargedTo(consumer)| consumer.tenant);
    charged.map_or_else(|| Reader::Stranger(ClientAddress::of(request).network()), Reader::Tenant)
}

/// Room for an answer. It is given back when this is dropped.
struct Room {
    unread: Unread,
    reader: Reader,
    bytes: usize,
    /// What was taken besides, because it could not be refused.
    forced_bytes: usize,
    /// Whether the answer can be refused: what has been changed cannot be.
    may_be_refused: bool,
}

impl Room {
    /// Makes room for so much, if there is less.
    fn grow_to(&mut self, bytes: usize) -> Result<(), ErrorCode> {
        let more = bytes.saturating_sub(self.bytes.saturating_add(self.forced_bytes));
        let mut stock = self.unread.0.lock();
        match stock.take(&self.reader, more) {
            Ok(()) => {}
            Err(_) if !self.may_be_refused => {
                stock.take_anyway(&self.reader, more);
                self.forced_bytes = self.forced_bytes.saturating_add(more);
                return Ok(());
            }
            Err(Spent::ByItself) if matches!(self.reader, Reader::Tenant(_)) => {
                return Err(ErrorCode::TenantOverloaded);
            }
            Err(Spent::ByItself | Spent::ByOthers) => return Err(ErrorCode::Overloaded),
        }
        self.bytes = self.bytes.saturating_add(more);
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut stock = self.unread.0.lock();
        stock.give_back(&self.reader, self.bytes);
        stock.give_back_anyway(&self.reader, self.forced_bytes);
    }
}

/// A body that has room, handed on in slices.
struct Held<B> {
    body: Pin<Box<B>>,
    /// What was taken from the body and is not handed on yet.
    rest: Bytes,
    room: Room,
}

impl<B: MessageBody> MessageBody for Held<B> {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        while this.rest.is_empty() {
            match ready!(this.body.as_mut().poll_next(context)) {
                Some(Ok(chunk)) => this.rest = chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(None),
            }
            // A later page may be longer than the ones before.
            if let Err(refused) = this.room.grow_to(this.rest.len()) {
                return Poll::Ready(Some(Err(ApiError::from(refused).into())));
            }
        }
        let slice = this.rest.split_to(this.rest.len().min(SLICE_BYTES));
        Poll::Ready(Some(Ok(slice)))
    }
}
