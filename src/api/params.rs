//! The query of a request, and the checks that its parameters share with bodies.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::error::{ApiError, ErrorCode, FieldError};
use crate::domain::number::{switch, whole_number};
use crate::domain::search::SearchText;

/// The longest value of a parameter, in bytes: longer than any invoice that is read.
const VALUE_BYTES_MAX: usize = 8192;

/// The name and value of each parameter of a query string.
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    url::form_urlencoded::parse(query.as_bytes())
}

/// The parameters of a request's query. Getting them never fails; reading one may.
#[derive(Clone, Debug)]
pub struct Params(Vec<(String, String)>);

impl FromRequest for Params {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(pairs(request.query_string()).map(|(n, v)| (n.into_owned(), v.into_owned())).collect())))
    }
}

impl Params {
    /// Every parameter with a value, in order. A character that no store can keep is
    /// refused here, for all of them.
    pub fn iter(&self) -> impl Iterator<Item = Result<(&str, &str), ApiError>> {
        self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| {
            if value.contains('\0') || name.contains('\0') {
                return Err(ApiError::with_detail(
                    ErrorCode::InvalidRequest,
                    "a query parameter must not contain the character U+0000",
                ));
            }
            if value.len() > VALUE_BYTES_MAX {
                let detail = format!("a query parameter must be at most {VALUE_BYTES_MAX} bytes long");
                return Err(ApiError::with_detail(ErrorCode::InvalidRequest, detail));
            }
            Ok((name.as_str(), value.as_str()))
        })
    }

    /// The value of a parameter; an empty one counts as none.
    pub fn get(&self, name: &str) -> Result<Option<&str>, ApiError> {
        for pair in self.iter() {
            let (found, value) = pair?;
            if found == name {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The value of a parameter, as something that is written as text.
    pub fn parse<T: FromStr<Err: fmt::Display>>(&self, name: &str) -> Result<Option<T>, ApiError> {
        self.get(name)?.map(|text| text.parse().map_err(|error| ApiError::field(name, error))).transpose()
    }

    /// A text to look for in others.
    pub fn search(&self, name: &str) -> Result<Option<SearchText>, ApiError> {
        self.get(name)?.map(|text| SearchText::new(text).map_err(|error| ApiError::field(name, error))).transpose()
    }

    /// A whole number from `min` to `max`.
    pub fn integer(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        match whole_number(text) {
            Ok(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ => Err(ApiError::field(name, format_args!("must be a whole number from {min} to {max}"))),
        }
    }

    /// A [`switch`], where it is there.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        switch(text).map(Some).ok_or_else(|| ApiError::field(name, "must be true or false"))
    }
}

/// Collects what is wrong with a request, so that the caller learns all of it at once.
#[derive(Debug, Default)]
pub struct Checks(Vec<FieldError>);

impl Checks {
    /// The value, or a note that the field is wrong.
    pub fn check<T>(&mut self, field: &str, value: Result<T, impl fmt::Display>) -> Option<T> {
        value.map_err(|error| self.add(field, error)).ok()
    }

    /// As [`Checks::check`], for a field that may be absent: `Some(None)` when it is.
    pub fn check_opt<T, V>(
        &mut self,
        field: &str,
        value: Option<V>,
        parse: impl FnOnce(V) -> Result<T, crate::domain::text::InvalidText>,
    ) -> Option<Option<T>> {
        match value {
            None => Some(None),
            Some(value) => self.check(field, parse(value)).map(Some),
        }
    }

    /// As [`Checks::check`], for a field that must be there.
    pub fn require<T, V>(
        &mut self,
        field: &str,
        value: Option<V>,
        parse: impl FnOnce(V) -> Result<T, crate::domain::text::InvalidText>,
    ) -> Option<T> {
        match value {
            None => {
                self.add(field, "is missing");
                None
            }
            Some(value) => self.check(field, parse(value)),
        }
    }

    /// Whether nothing was noted.
    pub const fn is_fine(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes that a field is wrong.
    pub fn add(&mut self, field: &str, message: impl fmt::Display) {
        self.0.push(FieldError { field: field.to_owned(), message: message.to_string() });
    }

    /// Takes over what was noted about one item, the `index`th of an array.
    pub fn append(&mut self, item: Self, index: Option<usize>) {
        self.0.extend(item.0.into_iter().map(|mut error| {
            if let Some(index) = index {
                error.field = format!("[{index}].{}", error.field);
            }
            error
        }));
    }

    /// The refusal that names everything that was noted.
    pub fn into_error(self) -> ApiError {
        ApiError::fields(self.0)
    }
}
