//! What actix answers by itself, to what is not HTTP: a head without a body. It is found in
//! what is written, and our refusal is put in its place.

use std::fmt::Write as _;

use actix_web::http::StatusCode;

use crate::api::framework::answers;
use crate::api::framework::edge::TARGET_BYTES_MAX;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::server::wire::head::Head;

/// How long such a head is at most, in bytes.
const HEAD_BYTES_MAX: usize = 256;

/// A head that actix has made by itself, at the end of what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bare<'a> {
    /// Where it begins.
    pub start: usize,
    /// The version of HTTP.
    pub version: &'a str,
    /// The status.
    pub status: u16,
    /// The value of its `Date`.
    pub date: &'a str,
}

/// Finds such a head. An answer of ours has an id, and nearly always a body, so that one
/// look at the end of what is written is enough.
pub fn find(written: &[u8]) -> Option<Bare<'_>> {
    if !written.ends_with(b"\r\n\r\n") {
        return None;
    }
    let tail = written.get(written.len().saturating_sub(HEAD_BYTES_MAX)..)?;
    let start = memchr::memmem::rfind(tail, b"HTTP/1.")?;
    let head = std::str::from_utf8(tail.get(start..)?).ok()?;
    let mut lines = head.strip_suffix("\r\n\r\n")?.split("\r\n");
    let mut status_line = lines.next()?.splitn(3, ' ');
    let (version, status) = (status_line.next()?, status_line.next()?.parse().ok()?);
    let (mut date, mut is_empty) = (None, false);
    for line in lines {
        match line.split_once(": ")? {
            ("content-length", "0") => is_empty = true,
            ("connection", _) => {}
            ("date", value) => date = Some(value),
            (_, _) => return None,
        }
    }
    let start = written.len().checked_sub(head.len())?;
    (is_empty && status >= 400).then_some(Bare { start, version, status, date: date? })
}

/// The refusal that such a head stands for, of the request that was read last.
pub fn refusal(status: u16, head: &Head) -> ApiError {
    match status {
        400 if head.line_bytes() > TARGET_BYTES_MAX => ErrorCode::UriTooLong.into(),
        400 if head.has_raw_target() => ApiError::with_detail(
            ErrorCode::MalformedRequest,
            "The path and query must be percent-encoded: no spaces, quotes, or bytes beyond ASCII as they are",
        ),
        408 => ErrorCode::HeadTooSlow.into(),
        431 => ErrorCode::HeadersTooLarge.into(),
        500.. => ErrorCode::Internal.into(),
        _ => ErrorCode::MalformedRequest.into(),
    }
}

/// Writes a refusal as the last answer on its connection.
pub fn write(refusal: &ApiError, bare: Bare<'_>, head_only: bool, request_id: &str) -> String {
    let Bare { version, date, .. } = bare;
    let status: StatusCode = refusal.code().status();
    let body = refusal.body_text(request_id);
    let mut text = format!(
        "{version} {status}\r\ncontent-length: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         x-request-id: {request_id}\r\n",
        body.len()
    );
    let retry_after = refusal.retry_after_s().map(|seconds| format!("retry-after: {seconds}\r\n"));
    text.push_str(&retry_after.unwrap_or_default());
    for (name, value) in answers::on_every_answer().into_iter().chain(answers::for_other_origins()) {
        // Writing to a String does not fail.
        let _ = write!(text, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    let _ = write!(text, "date: {date}\r\n\r\n");
    if !head_only {
        text.push_str(&body);
    }
    text
}
