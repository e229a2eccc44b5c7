//! The query of a list of payments: page, order, search and filters.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::IntoParams;

use super::error::{ApiError, ErrorCode};
use super::params::Params;
use crate::domain::search::SearchText;
use crate::domain::time::UnixMs;
use crate::store::payment_filter::{Condition, PaymentFilter, Range, Sort, SortKey, Status, Test, TextTest};

/// Payments of a page where nothing is said.
const LIMIT_DEFAULT: i64 = 20;
/// Payments to leave out at most.
pub const OFFSET_MAX: i64 = 1_000_000_000;
/// Payments of a page at most.
pub const LIMIT_MAX: i64 = 1000;

/// Conditions of a query at most.
const CONDITIONS_MAX: usize = 32;
/// Values of a condition with `in` at most.
const VALUES_MAX: usize = 100;

/// The parameters, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only the document reads these; the query itself is read by PaymentQuery")]
pub struct ListParams {
    /// Payments of the page, 1 to 1000.
    #[param(example = 20, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Payments to leave out before the page.
    #[param(example = 0, minimum = 0)]
    offset: Option<i64>,
    /// `created_at`, `updated_at`, `time`, `amount`, `fee`, `memo` or `tag`.
    sortby: Option<String>,
    /// `asc` or `desc`.
    direction: Option<String>,
    /// A text to look for in the memo, whatever the case.
    #[param(max_length = 128)]
    search: Option<String>,
    /// Only with this status: `pending`, `success` or `failed`.
    status: Option<String>,
    /// Only with this memo.
    memo: Option<String>,
    /// Only of this signed amount, in msat.
    amount: Option<i64>,
    /// Only with this tag.
    tag: Option<String>,
    /// Only with this payment hash.
    payment_hash: Option<String>,
}

/// What a list of payments asks for.
#[derive(Clone, Debug)]
pub struct PaymentQuery {
    /// Which payments.
    pub filter: PaymentFilter,
    /// In which order.
    pub sort: Sort,
    /// How many to leave out.
    pub offset: i64,
    /// How many to show.
    pub limit: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
    In,
    Like,
}

impl PaymentQuery {
    /// Reads the query; `now` decides which invoices have expired.
    pub fn read(params: &Params, now: UnixMs) -> Result<Self, ApiError> {
        let mut query = Self { filter: PaymentFilter::default(), sort: Sort::NEWEST, offset: 0, limit: LIMIT_DEFAULT };
        for pair in params.iter() {
            let (name, value) = pair?;
            match name {
                "limit" => query.limit = params.integer(name, 1, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT),
                "offset" => query.offset = params.integer(name, 0, OFFSET_MAX)?.unwrap_or_default(),
                "sortby" => query.sort.key = sort_key(value)?,
                "direction" => query.sort.ascending = is_ascending(value)?,
                "search" => {
                    let test = Test::Memo(TextTest::Contains(search_text(name, value)?));
                    query.filter.0.push(Condition { test, negated: false });
                }
                "api-key" => {}
                _ => query.filter.0.push(condition(name, value, now)?),
            }
            // Databases limit how deep a condition may nest, and so does the stack.
            if query.filter.0.len() > CONDITIONS_MAX {
                let detail = format!("a list takes at most {CONDITIONS_MAX} conditions");
                return Err(ApiError::with_detail(ErrorCode::InvalidRequest, detail));
            }
        }
        Ok(query)
    }
}

fn sort_key(value: &str) -> Result<SortKey, ApiError> {
    match value {
        // All fees are equal, so the order of creation is the order of fees.
        "created_at" | "time" | "fee" => Ok(SortKey::Created),
        "updated_at" => Ok(SortKey::Updated),
        "amount" => Ok(SortKey::Amount),
        "memo" => Ok(SortKey::Memo),
        "tag" => Ok(SortKey::Tag),
        _ => Err(ApiError::field("sortby", "must be created_at, updated_at, time, amount, fee, memo or tag")),
    }
}

fn is_ascending(value: &str) -> Result<bool, ApiError> {
    match value.to_ascii_lowercase().as_str() {
        "asc" => Ok(true),
        "desc" => Ok(false),
        _ => Err(ApiError::field("direction", "must be asc or desc")),
    }
}

fn condition(name: &str, value: &str, now: UnixMs) -> Result<Condition, ApiError> {
    let (field, op) = match name.split_once('[') {
        None => (name, Op::Eq),
        Some((field, rest)) => (field, op(name, rest)?),
    };
    let values: Vec<&str> = if op == Op::In { value.split(',').map(str::trim).collect() } else { vec![value] };
    if values.len() > VALUES_MAX {
        return Err(ApiError::field(name, format_args!("takes at most {VALUES_MAX} values")));
    }
    let test = match field {
        "memo" => Test::Memo(text(name, op, &values)?),
        "tag" => Test::Tag(text(name, op, &values)?),
        "status" => Test::Status(each(name, op, &values, status, "must be pending, success or failed")?, now),
        "payment_hash" | "checking_id" => {
            Test::Hash(each(name, op, &values, |v| v.parse().ok(), "must be 64 hex characters")?)
        }
        "wallet_id" => Test::Wallet(each(name, op, &values, |v| v.parse().ok(), "must be 32 hex characters")?),
        "amount" => Test::AmountMsat(ranges(name, op, &values, |v| v.parse().ok(), 1)?),
        "fee" => Test::FeeMsat(ranges(name, op, &values, |v| v.parse().ok(), 1)?),
        "time" => Test::CreatedAtMs(ranges(name, op, &values, unix_seconds, 1000)?),
        "created_at" => Test::CreatedAtMs(ranges(name, op, &values, |v| unix_seconds(v).or_else(|| iso(v)), 1000)?),
        _ => return Err(ApiError::field(name, "is not a parameter of this list")),
    };
    Ok(Condition { test, negated: op == Op::Ne })
}

fn op(name: &str, rest: &str) -> Result<Op, ApiError> {
    match rest.strip_suffix(']') {
        Some("eq") => Ok(Op::Eq),
        Some("ne") => Ok(Op::Ne),
        Some("gt") => Ok(Op::Gt),
        Some("ge") => Ok(Op::Ge),
        Some("lt") => Ok(Op::Lt),
        Some("le") => Ok(Op::Le),
        Some("in") => Ok(Op::In),
        Some("like") => Ok(Op::Like),
        _ => {
            Err(ApiError::field(name, "must name its comparison as [eq], [ne], [gt], [ge], [lt], [le], [in] or [like]"))
        }
    }
}

fn text(name: &str, op: Op, values: &[&str]) -> Result<TextTest, ApiError> {
    match op {
        Op::Eq | Op::Ne | Op::In => Ok(TextTest::OneOf(values.iter().map(|&v| v.to_owned()).collect())),
        Op::Like => Ok(TextTest::Contains(search_text(name, &values.concat())?)),
        Op::Gt | Op::Ge | Op::Lt | Op::Le => {
            Err(ApiError::field(name, "is a text: compare it with eq, ne, in or like"))
        }
    }
}

fn search_text(name: &str, value: &str) -> Result<SearchText, ApiError> {
    SearchText::new(value).map_err(|error| ApiError::field(name, error))
}

fn each<T>(
    name: &str,
    op: Op,
    values: &[&str],
    parse: impl Fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Vec<T>, ApiError> {
    match op {
        Op::Eq | Op::Ne | Op::In => {
            values.iter().map(|value| parse(value).ok_or_else(|| ApiError::field(name, expected))).collect()
        }
        Op::Gt | Op::Ge | Op::Lt | Op::Le | Op::Like => {
            Err(ApiError::field(name, "has no order: compare it with eq, ne or in"))
        }
    }
}

/// Ranges of stored numbers. A value of the query stands for `width` stored numbers (a
/// second for 1000 milliseconds); a bound beyond what can be stored lets all, or none, in.
fn ranges(
    name: &str,
    op: Op,
    values: &[&str],
    parse: impl Fn(&str) -> Option<i64>,
    width: i64,
) -> Result<Vec<Range>, ApiError> {
    let range = |value: &&str| {
        let number = parse(value).ok_or_else(|| ApiError::field(name, "must be a whole number or a time"))?;
        let from = number.saturating_mul(width);
        let to = from.saturating_add(width);
        match op {
            Op::Eq | Op::Ne | Op::In => Ok((Some(from), Some(to))),
            Op::Gt => Ok((Some(to), None)),
            Op::Ge => Ok((Some(from), None)),
            Op::Lt => Ok((None, Some(from))),
            Op::Le => Ok((None, Some(to))),
            Op::Like => Err(ApiError::field(name, "is a number: compare it with eq, ne, gt, ge, lt, le or in")),
        }
    };
    values.iter().map(range).collect()
}

fn status(value: &str) -> Option<Status> {
    match value {
        "pending" => Some(Status::Pending),
        "success" => Some(Status::Success),
        "failed" => Some(Status::Failed),
        _ => None,
    }
}

fn unix_seconds(value: &str) -> Option<i64> {
    value.parse().ok()
}

fn iso(value: &str) -> Option<i64> {
    let with_zone = OffsetDateTime::parse(value, &Rfc3339).ok();
    let time = with_zone.or_else(|| OffsetDateTime::parse(&format!("{value}Z"), &Rfc3339).ok());
    time.or_else(|| OffsetDateTime::parse(&format!("{value}T00:00:00Z"), &Rfc3339).ok())
        .map(OffsetDateTime::unix_timestamp)
}
