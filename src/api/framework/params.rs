//! The query of a request, and the checks that its parameters share with bodies.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::api::framework::body::Numeral;
use crate::api::framework::error::{ApiError, ErrorCode, FieldError};
use crate::api::framework::query::FromParams;
use crate::domain::money::{self, Amount};
use crate::domain::number::whole_number;
use crate::domain::search::SearchText;
use crate::rates::amount::FiatAmount;
use crate::services::rates::{Asked, Unit};

pub use crate::domain::window::{LIMIT_MAX, Window};

/// The longest value of a parameter, in bytes: longer than any invoice that is read.
pub const VALUE_BYTES_MAX: usize = 8192;
/// Values that a field of a list is compared with at most.
pub const VALUES_MAX: usize = 100;
/// Texts that are looked for in one field at most, because each is looked for in every row.
pub const SEARCHES_MAX: usize = 10;

/// The name and value of each parameter of a query string.
pub fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    url::form_urlencoded::parse(query.as_bytes())
}

/// The parameters of a request's query. Getting them never fails; reading them may.
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
    /// The parameters that an operation takes ([`query`](crate::api::framework::query)).
    pub fn read<T: FromParams>(&self) -> Result<T, ApiError> {
        T::read(self)
    }

    /// The parameter of this name, with every value that it is given.
    pub const fn named(&self, name: &'static str) -> Param<'_> {
        Param { name, params: self }
    }
}

/// One parameter, whether it is given or not.
///
/// An empty value counts as none. What no operation takes is not looked at any further: a value is read
/// through [`checked`].
#[derive(Clone, Copy, Debug)]
pub struct Param<'a> {
    name: &'static str,
    params: &'a Params,
}

impl<'a> Param<'a> {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Every pair of the query that gives it a value, or compares it with one (`name[op]=value`), with its
    /// place in the query.
    pub fn comparisons(self) -> impl Iterator<Item = (usize, &'a str, &'a str)> {
        let is_of_it =
            move |name: &str| name.strip_prefix(self.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('['));
        let pairs =
            self.params.0.iter().enumerate().map(|(place, (name, value))| (place, name.as_str(), value.as_str()));
        pairs.filter(move |(_, name, value)| !value.is_empty() && is_of_it(name))
    }

    fn values(self) -> impl Iterator<Item = &'a str> {
        self.comparisons().filter(move |(_, name, _)| *name == self.name).map(|(_, _, value)| value)
    }

    /// Its value. Of several it is the last, as in LNbits, and all of them must be good.
    pub fn last<T>(self, read: impl Fn(&'a str) -> Result<T, ApiError>) -> Result<Option<T>, ApiError> {
        let mut last = None;
        for value in self.values() {
            last = Some(read(checked(value)?)?);
        }
        Ok(last)
    }

    /// Every value of a field that is searched for any of several.
    pub fn all(self) -> Result<Vec<&'a str>, ApiError> {
        let values: Vec<_> = self.values().collect();
        if values.len() > SEARCHES_MAX {
            return Err(ApiError::field(self.name, format_args!("takes at most {SEARCHES_MAX} values")));
        }
        values.into_iter().map(checked).collect()
    }

    /// The values of a field that a list is filtered by, any of which will do: each is given as
    /// `field=value`, `field[eq]=value` or `field[in]=value,value`.
    pub fn any_of(self) -> Result<Vec<&'a str>, ApiError> {
        let mut values = Vec::new();
        for (_, name, value) in self.comparisons() {
            match name.strip_prefix(self.name) {
                Some("[in]") => values.extend(checked(value)?.split(',').map(str::trim)),
                Some("" | "[eq]") => values.push(checked(value)?),
                Some(_) | None => return Err(ApiError::field(name, "is compared by [eq] or [in]")),
            }
            if values.len() > VALUES_MAX {
                return Err(ApiError::field(name, format_args!("takes at most {VALUES_MAX} values")));
            }
        }
        Ok(values)
    }
}

/// The value of a parameter as a text to look for in others.
pub fn search_text(name: &str, value: &str) -> Result<SearchText, ApiError> {
    SearchText::new(value).map_err(|error| ApiError::field(name, error))
}

/// The value of a parameter that is known, unless it is too long, or holds a character that no
/// store can keep.
pub fn checked(value: &str) -> Result<&str, ApiError> {
    if value.contains('\0') {
        let detail = "a query parameter must not contain the character U+0000";
        return Err(ApiError::with_detail(ErrorCode::InvalidRequest, detail));
    }
    if value.len() > VALUE_BYTES_MAX {
        let detail = format!("a query parameter must be at most {VALUE_BYTES_MAX} bytes long");
        return Err(ApiError::with_detail(ErrorCode::InvalidRequest, detail));
    }
    Ok(value)
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
    #[expect(clippy::option_option, reason = "a wrong value is not an absent one")]
    pub fn check_opt<T, V, E: fmt::Display>(
        &mut self,
        field: &str,
        value: Option<V>,
        parse: impl FnOnce(V) -> Result<T, E>,
    ) -> Option<Option<T>> {
        match value {
            None => Some(None),
            Some(value) => self.check(field, parse(value)).map(Some),
        }
    }

    /// As [`Checks::check`], for a field that must be there.
    pub fn require<T, V, E: fmt::Display>(
        &mut self,
        field: &str,
        value: Option<V>,
        parse: impl FnOnce(V) -> Result<T, E>,
    ) -> Option<T> {
        match value {
            None => {
                self.add(field, "is missing");
                None
            }
            Some(value) => self.check(field, parse(value)),
        }
    }

    /// How much is to be moved: a whole number of sat, within the limit, in a field of this name.
    pub fn sat_amount(&mut self, field: &str, sat: Option<i64>, sat_max: i64) -> Option<Amount> {
        let Some(sat) = sat else {
            self.add(field, "is missing: a whole number of sat, above 0");
            return None;
        };
        self.check(field, Amount::from_sat_within(sat, sat_max))
    }

    /// How much is to be moved: a whole number of sat, within the limit, or a decimal number of a
    /// currency.
    pub fn amount(&mut self, amount: Option<&Numeral>, unit: Unit, sat_max: i64) -> Option<Asked> {
        match (unit, amount) {
            (Unit::Sat, None) => self.add("amount", "is missing: a whole number of sat, above 0"),
            (Unit::Currency(_), None) => self.add("amount", "is missing: a decimal number, above 0"),
            (Unit::Sat, Some(amount)) => {
                let sat = self.check("amount", whole_number(amount.as_str()))?;
                return self.check("amount", Amount::from_sat_within(sat, sat_max)).map(Asked::Sat);
            }
            (Unit::Currency(currency), Some(amount)) => {
                let fiat = self.check("amount", FiatAmount::read(amount.as_str()))?;
                return Some(Asked::Currency(currency, fiat));
            }
        }
        None
    }

    /// In which unit something is counted, where it is said: there is only one.
    pub fn unit(&mut self, field: &str, unit: Option<&str>) {
        self.check_opt(field, unit, money::check_unit);
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
