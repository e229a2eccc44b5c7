//! The body of a request: JSON whatever its `Content-Type` says, or none at all, read with
//! the leniency that existing clients rely on.
//!
//! Unknown fields are ignored; `null` and `""` mean that an optional field is absent; numbers
//! and switches are read out of their text ([`crate::domain::number`]), whether it stands in
//! quotes or not. An instruction that existing clients know and that is not followed here is
//! refused ([`Given`]).

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde_json::value::RawValue;

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::Checks;
use crate::domain::number::{FixedPoint, fixed_point, switch, whole_number};
use crate::domain::time::Moment;

/// The largest body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// The largest body of a path that takes a thousand items at once, in bytes.
pub const LIST_BYTES_MAX: usize = 1024 * 1024;

/// Decimals of an amount in a currency at most.
const DECIMALS: u8 = 8;
/// How long a body may take to arrive. The key was proved before, so this is also how old
/// that proof can be.
const BODY_TIME_MAX: Duration = Duration::from_secs(15);

/// A body of up to `MAX` bytes, as it came. Getting it never fails, so that a missing key is
/// told before a bad body; reading it may.
#[derive(Debug)]
pub struct Body<const MAX: usize = BODY_BYTES_MAX>(Result<Bytes, Unread>);

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug)]
enum Unread {
    TooLarge,
    BrokenOff,
    TooSlow,
}

impl<const MAX: usize> FromRequest for Body<MAX> {
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Infallible>>>>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        Box::pin(async {
            let read = tokio::time::timeout(BODY_TIME_MAX, read(payload, MAX)).await;
            Ok(Self(read.unwrap_or(Err(Unread::TooSlow))))
        })
    }
}

async fn read(mut payload: Payload, max: usize) -> Result<Bytes, Unread> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.or(Err(Unread::BrokenOff))?;
        if body.len().saturating_add(chunk.len()) > max {
            return Err(Unread::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

impl<const MAX: usize> Body<MAX> {
    /// The body as it came.
    pub fn bytes(&self) -> Result<&[u8], ApiError> {
        self.0.as_deref().map_err(|unread| match unread {
            Unread::TooLarge => {
                let detail = format!("The body must be at most {} KiB", MAX / 1024);
                ApiError::with_detail(ErrorCode::BodyTooLarge, detail)
            }
            Unread::BrokenOff => ErrorCode::InvalidJson.into(),
            Unread::TooSlow => ErrorCode::BodyTooSlow.into(),
        })
    }

    /// Reads the body; none at all is read as `{}`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let bytes = self.bytes()?;
        match first_byte(bytes) {
            None => parse(b"{}"),
            Some(b'{') => parse(bytes),
            // Whatever it is, if it is JSON at all, it is not what is meant.
            Some(_) => {
                parse::<serde::de::IgnoredAny>(bytes)?;
                Err(ApiError::with_detail(ErrorCode::InvalidRequest, "The body must be a JSON object"))
            }
        }
    }

    /// Reads a body that is a JSON object, or a form (`application/x-www-form-urlencoded`).
    pub fn json_or_form<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        let bytes = self.bytes()?;
        match first_byte(bytes) {
            None | Some(b'{' | b'[') => self.json(),
            Some(_) => {
                let pairs = url::form_urlencoded::parse(bytes).map(|(name, value)| (name, value.into()));
                let fields: serde_json::Map<_, _> = pairs.map(|(name, value)| (name.into_owned(), value)).collect();
                parse(serde_json::Value::Object(fields).to_string().as_bytes())
            }
        }
    }
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => {
                // The position that serde_json adds is of no use beside the field's name.
                let message = inner.to_string();
                let message = message.split(" at line ").next().unwrap_or_default();
                ApiError::field(if field == "." { "body" } else { &field }, message)
            }
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => ErrorCode::InvalidJson.into(),
        }
    })?;
    json.end().or(Err(ErrorCode::InvalidJson))?;
    Ok(value)
}

pub(super) fn first_byte(bytes: &[u8]) -> Option<u8> {
    bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace())
}

/// A type that can be read leniently: out of the text of the JSON, so that nothing is rounded.
pub trait Lenient: Sized {
    /// What the caller should have given.
    const EXPECTED: &'static str;
    /// From a text that is not empty, or says what is wrong with it.
    fn from_text(text: String) -> Result<Self, Cow<'static, str>>;
    /// From a number as it is written.
    fn from_number(number: &str) -> Result<Self, Cow<'static, str>> {
        Self::from_text(number.to_owned())
    }
    /// From a boolean.
    fn from_bool(_: bool) -> Result<Self, Cow<'static, str>> {
        Err(Self::EXPECTED.into())
    }
}

impl Lenient for i64 {
    const EXPECTED: &'static str = "must be a whole number";

    fn from_text(text: String) -> Result<Self, Cow<'static, str>> {
        whole_number(&text).map_err(|error| error.to_string().into())
    }
}

impl Lenient for Decimal {
    const EXPECTED: &'static str = "must be a decimal number";

    fn from_text(text: String) -> Result<Self, Cow<'static, str>> {
        let FixedPoint { units, is_exact } = fixed_point(&text, DECIMALS).map_err(|error| error.to_string())?;
        if !is_exact {
            return Err(format!("must have at most {DECIMALS} decimals").into());
        }
        let decimal = Self::try_from_i128_with_scale(units, DECIMALS.into());
        decimal.map(|decimal| decimal.normalize()).or(Err("must be a smaller number".into()))
    }
}

impl Lenient for bool {
    const EXPECTED: &'static str = "must be true or false";

    fn from_text(text: String) -> Result<Self, Cow<'static, str>> {
        switch(&text).ok_or(Self::EXPECTED.into())
    }

    fn from_bool(value: bool) -> Result<Self, Cow<'static, str>> {
        Ok(value)
    }
}

impl Lenient for String {
    const EXPECTED: &'static str = "must be a text";

    fn from_text(text: String) -> Result<Self, Cow<'static, str>> {
        Ok(text)
    }
}

/// A number as it is written, in quotes or not: what it must be depends on what else is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numeral(String);

impl Numeral {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Lenient for Numeral {
    const EXPECTED: &'static str = "must be a number";

    fn from_text(text: String) -> Result<Self, Cow<'static, str>> {
        Ok(Self(text))
    }
}

impl Lenient for Moment {
    const EXPECTED: &'static str = "must be a time: Unix seconds or ISO 8601";

    fn from_text(text: String) -> Result<Self, Cow<'static, str>> {
        Self::parse(&text).ok_or(Self::EXPECTED.into())
    }
}

/// Reads an optional field leniently: for `#[serde(default, deserialize_with = "lenient")]`.
pub fn lenient<'de, D: Deserializer<'de>, T: Lenient>(deserializer: D) -> Result<Option<T>, D::Error> {
    let raw: &RawValue = Deserialize::deserialize(deserializer)?;
    let json = raw.get();
    let value = match json.as_bytes().first() {
        Some(b'n') => return Ok(None),
        Some(b'"') => match serde_json::from_str::<String>(json) {
            Ok(text) if text.is_empty() => return Ok(None),
            Ok(text) => T::from_text(text),
            // Its grammar was checked: an escape stands for half of a character.
            Err(_) => Err("must not contain half of a surrogate pair".into()),
        },
        Some(b't') => T::from_bool(true),
        Some(b'f') => T::from_bool(false),
        Some(b'-' | b'0'..=b'9') => T::from_number(json),
        Some(_) | None => Err(T::EXPECTED.into()),
    };
    value.map(Some).map_err(D::Error::custom)
}

/// Reads a field of the client's own data as the text that it is, to give it back as it
/// came: for `#[serde(default, deserialize_with = "raw")]`.
pub fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw: &RawValue = Deserialize::deserialize(deserializer)?;
    Ok(match raw.get() {
        "null" | "\"\"" => None,
        text => Some(text.to_owned()),
    })
}

/// Whether a field says anything: for instructions that existing clients know and that are not
/// followed here, which must be refused rather than dropped in silence. `null`, `false`, 0, and
/// empty texts, lists and objects say nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given(bool);

impl Given {
    /// Notes that an instruction is not followed, where it was given; `advice` says what to do.
    pub fn refuse(self, checks: &mut Checks, field: &str, advice: &str) {
        if self.0 {
            checks.add(field, format_args!("is not supported: {advice}"));
        }
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: &RawValue = Deserialize::deserialize(deserializer)?;
        let is_empty = match raw.get() {
            "null" | "false" | "0" | "\"\"" => true,
            // Space is all that can stand in an empty list or object.
            json => matches!(json.split_ascii_whitespace().collect::<String>().as_str(), "[]" | "{}"),
        };
        Ok(Self(!is_empty))
    }
}
