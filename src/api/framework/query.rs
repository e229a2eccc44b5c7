//! What operations take in their queries: each has one struct, by which the query is read and the
//! document written.
//!
//! A parameter is called what its field is called. The field's type says how it is read ([`FromParam`]); to
//! the document a type of ours says so with `value_type`. Parameters that no field names are ignored, as in
//! LNbits.

use std::borrow::Cow;

use crate::api::framework::error::ApiError;
use crate::api::framework::params::{LIMIT_MAX, Param, Params, Window, search_text};
use crate::domain::number::{InvalidNumber, switch, whole_number};
use crate::domain::search::SearchText;

/// Defines a struct of parameters: how they are read, field by field, and what the document says of
/// them.
macro_rules! query {
    (
        $(#[$($of_struct:tt)*])*
        $struct_visibility:vis struct $name:ident {
            $($(#[$($of_field:tt)*])* $field_visibility:vis $field:ident: $type:ty,)+
        }
    ) => {
        $(#[$($of_struct)*])*
        #[derive(Debug, utoipa::IntoParams)]
        #[into_params(parameter_in = Query)]
        $struct_visibility struct $name {
            $($(#[$($of_field)*])* $field_visibility $field: $type,)+
        }

        impl $crate::api::framework::query::FromParams for $name {
            fn read(
                params: &$crate::api::framework::params::Params,
            ) -> Result<Self, $crate::api::framework::error::ApiError> {
                $(let $field = $crate::api::framework::query::FromParam::read(params.named(stringify!($field)))?;)+
                Ok(Self { $($field),+ })
            }
        }
    };
}

pub(crate) use query;

/// What an operation takes in its query.
pub trait FromParams: Sized {
    /// Reads each of its parameters, and says what is wrong with the first that is malformed.
    fn read(params: &Params) -> Result<Self, ApiError>;
}

/// What one parameter is read as.
pub trait FromParam: Sized {
    /// Reads it, or says what is wrong with it.
    fn read(param: Param<'_>) -> Result<Self, ApiError>;
}

/// What a single value can be read as.
pub trait FromValue: Sized {
    /// Reads a text that is not empty, or says what is wrong with it.
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>>;
}

impl FromValue for String {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        Ok(text.to_owned())
    }
}

impl FromValue for bool {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        switch(text).ok_or("must be true or false".into())
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug)]
pub struct Whole<const MIN: i64, const MAX: i64>(pub i64);

impl<const MIN: i64, const MAX: i64> FromValue for Whole<MIN, MAX> {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        match whole_number(text) {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Self(number)),
            Ok(_) | Err(_) => Err(format!("must be a whole number from {MIN} to {MAX}").into()),
        }
    }
}

/// A number of rows, however large.
struct Rows(i64);

impl FromValue for Rows {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        match whole_number(text) {
            Ok(rows) if rows >= 0 => Ok(Self(rows)),
            Err(InvalidNumber::OutOfRange) if !text.trim().starts_with('-') => Ok(Self(i64::MAX)),
            Ok(_) | Err(_) => Err("must be a whole number, 0 or above".into()),
        }
    }
}

/// Where it may be absent. Of several values it is the last; all of them must be good.
impl<T: FromValue> FromParam for Option<T> {
    fn read(param: Param<'_>) -> Result<Self, ApiError> {
        param.last(|text| T::from_value(text).map_err(|message| ApiError::field(param.name(), message)))
    }
}

/// A text to look for in others.
impl FromParam for Option<SearchText> {
    fn read(param: Param<'_>) -> Result<Self, ApiError> {
        param.last(Ok)?.map(|text| search_text(param.name(), text)).transpose()
    }
}

/// What a parameter is read as, or its refusal, which waits until the handler comes to it: where something
/// else that may be wrong is told first.
pub type Deferred<T> = Result<T, ApiError>;

impl<T: FromParam> FromParam for Deferred<T> {
    fn read(param: Param<'_>) -> Result<Self, ApiError> {
        Ok(T::read(param))
    }
}

/// How many rows a list has at most, up to [`LIMIT_MAX`]. 0 is as good as nothing said.
#[derive(Clone, Copy, Debug)]
pub struct Limit(Option<i64>);

impl FromParam for Limit {
    fn read(param: Param<'_>) -> Result<Self, ApiError> {
        let rows: Option<Rows> = FromParam::read(param)?;
        Ok(Self(rows.and_then(|Rows(rows)| (rows > 0).then_some(rows.min(LIMIT_MAX)))))
    }
}

/// More rows than any list has; whoever leaves out more than these gets none either.
const OFFSET_MAX: i64 = 1_000_000_000;

/// How many rows are left out first.
#[derive(Clone, Copy, Debug)]
pub struct Offset(i64);

impl FromParam for Offset {
    fn read(param: Param<'_>) -> Result<Self, ApiError> {
        let rows: Option<Rows> = FromParam::read(param)?;
        Ok(Self(rows.map_or(0, |Rows(rows)| rows.min(OFFSET_MAX))))
    }
}

/// The part of a list that is asked for.
pub const fn window(Limit(limit): Limit, Offset(offset): Offset) -> Window {
    Window { offset, limit }
}

query! {
    /// The part of a list that is whole unless this says otherwise.
    pub struct WindowParams {
        /// Rows at most; over 1000 is 1000, and 0 is all, as where nothing is said.
        #[param(value_type = Option<i64>, minimum = 0)]
        limit: Limit,
        /// Rows to leave out first.
        #[param(value_type = Option<i64>, minimum = 0)]
        offset: Offset,
    }
}

impl From<WindowParams> for Window {
    fn from(WindowParams { limit, offset }: WindowParams) -> Self {
        window(limit, offset)
    }
}

/// The values of a field that a list is filtered by, any of which will do ([`Param::any_of`]).
#[derive(Clone, Debug)]
pub struct AnyOf<T>(pub Vec<T>);

impl<T: FromValue> FromParam for AnyOf<T> {
    fn read(param: Param<'_>) -> Result<Self, ApiError> {
        let value = |text| T::from_value(text).map_err(|message| ApiError::field(param.name(), message));
        Ok(Self(param.any_of()?.into_iter().map(value).collect::<Result<_, _>>()?))
    }
}

/// Everything that a field is compared with, and how, as it was given.
#[derive(Clone, Debug)]
pub struct Comparisons(pub Vec<Given>);

/// One comparison, as it was given.
#[derive(Clone, Debug)]
pub struct Given {
    /// Its place in the query.
    pub place: usize,
    /// The whole name, with how to compare: `field` or `field[op]`.
    pub name: String,
    /// With what to compare.
    pub value: String,
}

impl FromParam for Comparisons {
    fn read(param: Param<'_>) -> Result<Self, ApiError> {
        let given =
            |(place, name, value): (_, &str, &str)| Given { place, name: name.to_owned(), value: value.to_owned() };
        Ok(Self(param.comparisons().map(given).collect()))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest;
    use actix_web::dev::Payload;
    use actix_web::test::TestRequest;

    use super::*;

    query! {
        /// One parameter of each sort.
        struct Sample {
            text: Option<String>,
            switch: Option<bool>,
            #[param(value_type = Option<i64>)]
            number: Option<Whole<1, 24>>,
            #[param(value_type = Option<String>)]
            search: Option<SearchText>,
            #[param(value_type = Option<String>)]
            kind: AnyOf<String>,
            #[param(value_type = Option<String>)]
            compared: Comparisons,
            #[param(value_type = Option<i64>)]
            limit: Limit,
            #[param(value_type = Option<i64>)]
            offset: Offset,
        }
    }

    fn read(query: &str) -> Result<Sample, String> {
        let request = TestRequest::with_uri(&format!("/?{query}")).to_http_request();
        let Ok(params) = Params::from_request(&request, &mut Payload::None).into_inner();
        params.read().map_err(|error: ApiError| error.to_string())
    }

    #[test]
    fn what_is_not_given_or_empty_or_unknown_says_nothing() {
        for query in ["", "text=&switch=&number=&kind=&limit=&offset=", "texts=a&text[eq]=a&Text=a&kinds[in]=a"] {
            let sample = read(query).unwrap();
            assert_eq!((sample.text, sample.switch), (None, None), "{query}");
            assert!(sample.number.is_none() && sample.kind.0.is_empty() && sample.compared.0.is_empty(), "{query}");
            let Window { limit, offset } = window(sample.limit, sample.offset);
            assert_eq!((limit, offset), (None, 0), "{query}");
        }
    }

    #[test]
    fn the_last_of_several_values_counts_and_all_must_be_good() {
        let sample = read("switch=on&text=a&switch=&switch=no&text=b&search=x&search=y").unwrap();
        assert_eq!((sample.switch, sample.text.as_deref()), (Some(false), Some("b")));
        assert_eq!(sample.search.unwrap().as_str(), "y");
        for (query, refusal) in [
            ("switch=maybe&switch=on", "switch must be true or false"),
            ("number=25&number=1", "number must be a whole number from 1 to 24"),
            ("limit=-1&limit=1", "limit must be a whole number, 0 or above"),
            ("text=%00&text=a", "a query parameter must not contain the character U+0000"),
        ] {
            assert_eq!(read(query).unwrap_err(), refusal);
        }
    }

    #[test]
    fn rows_are_bounded_and_none_is_as_good_as_nothing_said() {
        for (query, expected) in [
            ("limit=7&offset=3", (Some(7), 3)),
            ("limit=0", (None, 0)),
            ("limit=1e30&offset=1e30", (Some(LIMIT_MAX), OFFSET_MAX)),
        ] {
            let sample = read(query).unwrap();
            let Window { limit, offset } = window(sample.limit, sample.offset);
            assert_eq!((limit, offset), expected, "{query}");
        }
    }

    #[test]
    fn a_field_is_compared_as_its_name_says() {
        let sample = read("kind=a&kind[in]=b,%20c&kind[eq]=d&compared[gt]=1&other=2&compared=3").unwrap();
        assert_eq!(sample.kind.0, ["a", "b", "c", "d"]);
        let given: Vec<_> = sample.compared.0.iter().map(|given| (given.name.as_str(), given.value.as_str())).collect();
        assert_eq!(given, [("compared[gt]", "1"), ("compared", "3")]);
        assert!(sample.compared.0.is_sorted_by_key(|given| given.place));
        assert_eq!(read("kind[gt]=a").unwrap_err(), "kind[gt] is compared by [eq] or [in]");
    }
}
