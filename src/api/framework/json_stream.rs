//! Long lists, sent while they are read: page by page, so that a tenant with a million users costs no
//! more memory than one with ten. They are JSON arrays, or lines of CSV.

use std::future::Future;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::stream;
use serde::Serialize;

use crate::api::framework::csv::{Line, Record};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::unread::FirstPage;
use crate::services::StoreError;

/// How often a later page is asked for again that is refused because too much waits: an answer that
/// has begun is better late than broken off.
const PAGE_TRIES: usize = 20;
/// How long to wait before that.
const PAGE_PAUSE: Duration = Duration::from_millis(500);

/// A page of a list, and where the next one begins; `None` on the last.
pub type Page<C> = (Items, Option<C>);

/// Items as they stand inside of a list: written where they are read, because that takes longer
/// than the threads have that serve everybody's requests.
#[derive(Debug, Default)]
pub struct Items(Vec<u8>);

/// What stands around the items of a list, and between them.
#[derive(Clone, Debug)]
pub struct Frame {
    open: Vec<u8>,
    between: &'static [u8],
    close: &'static [u8],
}

impl Frame {
    /// A JSON array.
    pub fn array() -> Self {
        Self { open: b"[".to_vec(), between: b",", close: b"]" }
    }

    /// Lines of CSV, behind one with the names of the columns.
    pub fn csv<R: Record>() -> Self {
        Self { open: Line::header(R::COLUMNS).into_bytes(), between: b"", close: b"" }
    }
}

/// What an item comes to in JSON, roughly.
const ITEM_BYTES: usize = 1400;

/// An answer as JSON.
pub fn json(answer: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(answer).map_err(|error| unwritable(&error))
}

fn unwritable(error: &serde_json::Error) -> StoreError {
    StoreError::Fault(error.to_string())
}

impl Items {
    /// Writes items.
    pub fn of<T: Serialize>(items: impl IntoIterator<Item = T>) -> Result<Self, StoreError> {
        Self::of_each(items.into_iter().map(Ok))
    }

    /// Writes items that are made one after the other, each only when the one before is written,
    /// so that a long list is not there once more in between.
    pub fn of_each<T: Serialize>(items: impl IntoIterator<Item = Result<T, StoreError>>) -> Result<Self, StoreError> {
        let items = items.into_iter();
        let mut json = Vec::with_capacity(items.size_hint().0.saturating_mul(ITEM_BYTES));
        for item in items {
            if !json.is_empty() {
                json.push(b',');
            }
            serde_json::to_writer(&mut json, &item?).map_err(|error| unwritable(&error))?;
        }
        Ok(Self(json))
    }

    /// Writes records as lines of CSV.
    pub fn lines<R: Record>(records: impl IntoIterator<Item = R>) -> Self {
        Self(records.into_iter().flat_map(|record| Line::of(&record).into_bytes()).collect())
    }

    /// The array of these alone.
    pub fn into_array(self) -> Vec<u8> {
        let mut json = Vec::with_capacity(self.0.len().saturating_add(2));
        json.push(b'[');
        json.extend(self.0);
        json.push(b']');
        json
    }

    /// Appends these to a list that is being written; answers whether it has any by now.
    fn append_to(self, list: &mut Vec<u8>, frame: &Frame, has_items: bool) -> bool {
        if self.0.is_empty() {
            return has_items;
        }
        if has_items {
            list.extend(frame.between);
        }
        list.extend(self.0);
        true
    }
}

/// Answers an array that `next_page` gives page by page. The first page is read before the
/// answer begins, so that a refusal is still one; an error later on breaks the answer off.
pub async fn json_array<C, F>(next_page: impl Fn(Option<C>) -> F + 'static) -> Result<HttpResponse, ApiError>
where
    C: Clone + 'static,
    F: Future<Output = Result<Page<C>, ApiError>>,
{
    let mut answer = HttpResponse::Ok();
    answer.insert_header(header::ContentType::json());
    stream_list(answer, Frame::array(), next_page).await
}

/// As [`json_array`], for a list of any form; `answer` says which.
pub async fn stream_list<C, F>(
    mut answer: HttpResponseBuilder,
    frame: Frame,
    next_page: impl Fn(Option<C>) -> F + 'static,
) -> Result<HttpResponse, ApiError>
where
    C: Clone + 'static,
    F: Future<Output = Result<Page<C>, ApiError>>,
{
    let (items, cursor) = next_page(None).await?;
    let mut first = frame.open.clone();
    let has_items = items.append_to(&mut first, &frame, false);
    let Some(cursor) = cursor else {
        first.extend(frame.close);
        return Ok(answer.body(first));
    };
    let start = (next_page, frame, Some(cursor), has_items);
    let rest = stream::try_unfold(start, |(next_page, frame, cursor, has_items)| async move {
        let Some(cursor) = cursor else { return Ok::<_, ApiError>(None) };
        let (items, cursor) = patiently(&next_page, cursor).await?;
        let mut chunk = Vec::new();
        let has_items = items.append_to(&mut chunk, &frame, has_items);
        if cursor.is_none() {
            chunk.extend(frame.close);
        }
        Ok(Some((Bytes::from(chunk), (next_page, frame, cursor, has_items))))
    });
    let first_page = FirstPage(first.len());
    let first = stream::once(async { Ok(Bytes::from(first)) });
    let body = futures_util::StreamExt::chain(first, rest);
    let mut answer = answer.streaming(body);
    answer.extensions_mut().insert(first_page);
    Ok(answer)
}

/// A later page, also where too much waits for a while.
async fn patiently<C, F>(next_page: impl Fn(Option<C>) -> F, cursor: C) -> Result<Page<C>, ApiError>
where
    C: Clone,
    F: Future<Output = Result<Page<C>, ApiError>>,
{
    for _ in 1..PAGE_TRIES {
        match next_page(Some(cursor.clone())).await {
            Err(refusal) if matches!(refusal.code(), ErrorCode::Overloaded | ErrorCode::TenantOverloaded) => {
                actix_web::rt::time::sleep(PAGE_PAUSE).await;
            }
            page => return page,
        }
    }
    next_page(Some(cursor)).await
}
