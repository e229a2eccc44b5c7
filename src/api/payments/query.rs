//! The query of a list of payments: page, order, search and filters.
//!
//! Values of one field and comparison mean either of them (for `ne`: none of them); different
//! fields and comparisons hold all. What is not known is ignored, as in LNbits.

use std::borrow::Cow;

use utoipa::openapi::Object;

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::leniency;
use crate::api::framework::params::{Params, SEARCHES_MAX, VALUES_MAX, Window, checked, search_text};
use crate::api::framework::query::{Comparisons, FromValue, Given, Limit, Offset, query, window};
use crate::api::payments::view::status_word;
use crate::domain::number::{InvalidNumber, whole_number};
use crate::domain::time::{Moment, UnixMs};
use crate::services::payments::{Condition, PaymentFilter, PaymentQuery, Range, Sort, SortKey, Status, Test, TextTest};

/// Payments of a page where nothing is said.
const LIMIT_DEFAULT: i64 = 20;

/// Conditions of a query at most: databases limit how deep they may nest, and so does the stack.
const CONDITIONS_MAX: usize = 32;

query! {
    /// Which page, and in which order.
    pub struct PageParams {
        /// Payments of the page; over 1000 is 1000, and 0 is 20, as where nothing is said.
        #[param(value_type = Option<i64>, example = 20, minimum = 0)]
        limit: Limit,
        /// Payments to leave out before the page.
        #[param(value_type = Option<i64>, example = 0, minimum = 0)]
        offset: Offset,
        /// By what to sort.
        #[param(schema_with = sort_keys)]
        sortby: Option<SortKey>,
        /// In which direction; `desc` where nothing is said.
        #[param(schema_with = directions)]
        direction: Option<Direction>,
    }
}

query! {
    /// Which payments are left out.
    pub struct FilterParams {
        /// A text to look for in the memo, whatever the case; where a list says so, also elsewhere.
        #[param(value_type = Option<String>, max_length = 128)]
        search: Comparisons,
        /// Only with this status.
        #[param(schema_with = statuses)]
        status: Comparisons,
        /// Only with this memo.
        #[param(value_type = Option<String>)]
        memo: Comparisons,
        /// Only of this signed amount, in msat.
        #[param(value_type = Option<i64>)]
        amount: Comparisons,
        /// Only of this fee, in msat.
        #[param(value_type = Option<i64>)]
        fee: Comparisons,
        /// Only with this tag.
        #[param(value_type = Option<String>)]
        tag: Comparisons,
        /// Only with this payment hash.
        #[param(value_type = Option<String>, pattern = "^[0-9a-fA-F]{64}$")]
        payment_hash: Comparisons,
        /// The same as `payment_hash`.
        #[param(value_type = Option<String>, pattern = "^[0-9a-fA-F]{64}$")]
        checking_id: Comparisons,
        /// Only with this external id.
        #[param(value_type = Option<String>)]
        external_id: Comparisons,
        /// Only of this wallet; where the list is of one wallet, all or nothing.
        #[param(value_type = Option<String>, pattern = "^[0-9a-fA-F]{32}$")]
        wallet_id: Comparisons,
        /// Only of this time of creation: Unix seconds or ISO 8601, without a zone in UTC.
        #[param(schema_with = leniency::moment)]
        time: Comparisons,
        /// The same as `time`.
        #[param(schema_with = leniency::moment)]
        created_at: Comparisons,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Search,
    Memo,
    Tag,
    ExternalId,
    Status,
    PaymentHash,
    CheckingId,
    WalletId,
    Amount,
    Fee,
    Time,
    CreatedAt,
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

/// Everything that a field is compared with in one way.
struct Comparison<'a> {
    /// The parameter, as it was written first.
    name: &'a str,
    field: Field,
    op: Op,
    values: Vec<&'a str>,
}

/// Reads the query; `now` decides which invoices have expired.
pub(super) fn payment_query(params: &Params, now: UnixMs) -> Result<PaymentQuery, ApiError> {
    let page: PageParams = params.read()?;
    let Window { offset, limit } = window(page.limit, page.offset);
    let key = page.sortby.unwrap_or(Sort::NEWEST.key);
    let ascending = page.direction.map_or(Sort::NEWEST.ascending, Direction::is_ascending);
    let filter = params.read::<FilterParams>()?.filter(now)?;
    Ok(PaymentQuery { filter, sort: Sort { key, ascending }, offset, limit: limit.unwrap_or(LIMIT_DEFAULT) })
}

impl FilterParams {
    /// Which payments are meant; `now` decides which invoices have expired.
    pub(super) fn filter(self, now: UnixMs) -> Result<PaymentFilter, ApiError> {
        let given = self.in_order();
        let conditions = comparisons(&given)?.into_iter().map(|comparison| condition(&comparison, now));
        Ok(PaymentFilter(conditions.collect::<Result<_, _>>()?))
    }

    /// Everything that is compared, in the order of the query.
    fn in_order(self) -> Vec<(Field, Given)> {
        let fields = [
            (Field::Search, self.search),
            (Field::Memo, self.memo),
            (Field::Tag, self.tag),
            (Field::ExternalId, self.external_id),
            (Field::Status, self.status),
            (Field::PaymentHash, self.payment_hash),
            (Field::CheckingId, self.checking_id),
            (Field::WalletId, self.wallet_id),
            (Field::Amount, self.amount),
            (Field::Fee, self.fee),
            (Field::Time, self.time),
            (Field::CreatedAt, self.created_at),
        ];
        let given = |(field, Comparisons(given)): (Field, _)| Vec::into_iter(given).map(move |given| (field, given));
        let mut all: Vec<_> = fields.into_iter().flat_map(given).collect();
        all.sort_by_key(|(_, given)| given.place);
        all
    }
}

fn sort_keys() -> Object {
    leniency::words(["created_at", "updated_at", "time", "amount", "fee", "memo", "tag"]).build()
}

pub(in crate::api) fn directions() -> Object {
    leniency::words(["asc", "desc", "ASC", "DESC"]).build()
}

fn statuses() -> Object {
    leniency::words([Status::Pending, Status::Success, Status::Failed].map(status_word)).build()
}

impl FromValue for SortKey {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        match text {
            "created_at" | "time" => Ok(Self::Created),
            "fee" => Ok(Self::Fee),
            "updated_at" => Ok(Self::Updated),
            "amount" => Ok(Self::Amount),
            "memo" => Ok(Self::Memo),
            "tag" => Ok(Self::Tag),
            _ => Err("must be created_at, updated_at, time, amount, fee, memo or tag".into()),
        }
    }
}

/// In which direction a list is sorted.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    pub(in crate::api) const fn is_ascending(self) -> bool {
        match self {
            Self::Ascending => true,
            Self::Descending => false,
        }
    }
}

impl FromValue for Direction {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        match text.to_ascii_lowercase().as_str() {
            "asc" => Ok(Self::Ascending),
            "desc" => Ok(Self::Descending),
            _ => Err("must be asc or desc".into()),
        }
    }
}

/// What the query compares with what.
fn comparisons(given: &[(Field, Given)]) -> Result<Vec<Comparison<'_>>, ApiError> {
    let mut all: Vec<Comparison> = Vec::new();
    for (field, Given { name, value, .. }) in given {
        let Some(op) = op_of(*field, name)? else { continue };
        let (field, value) = (*field, checked(value)?);
        let values = if op == Op::In { value.split(',').map(str::trim).collect() } else { vec![value] };
        let known = all.iter_mut().find(|known| (known.field, known.op) == (field, op));
        let count = known.as_ref().map_or(0, |known| known.values.len()).saturating_add(values.len());
        let most = if op == Op::Like { SEARCHES_MAX } else { VALUES_MAX };
        if count > most {
            return Err(ApiError::field(name, format_args!("takes at most {most} values")));
        }
        if let Some(known) = known {
            known.values.extend(values);
        } else {
            all.push(Comparison { name, field, op, values });
        }
        if all.len() > CONDITIONS_MAX {
            let detail = format!("a list takes at most {CONDITIONS_MAX} conditions");
            return Err(ApiError::with_detail(ErrorCode::InvalidRequest, detail));
        }
    }
    Ok(all)
}

/// How a parameter compares its field; `None` where it is none.
fn op_of(field: Field, name: &str) -> Result<Option<Op>, ApiError> {
    match (field, name.split_once('[')) {
        // It has a comparison of its own.
        (Field::Search, None) => Ok(Some(Op::Like)),
        (Field::Search, Some(_)) => Ok(None),
        (_, None) => Ok(Some(Op::Eq)),
        (_, Some((_, rest))) => op(name, rest).map(Some),
    }
}

fn condition(comparison: &Comparison, now: UnixMs) -> Result<Condition, ApiError> {
    let Comparison { name, field, op, values } = comparison;
    let (op, hex) = (*op, |bytes: usize| format!("must be {} hex characters", bytes * 2));
    let test = match field {
        Field::Search => text(name, op, values, |test| match test {
            TextTest::Contains(text) => Test::Search(text),
            TextTest::OneOf(_) => Test::Memo(test),
        })?,
        Field::Memo => text(name, op, values, Test::Memo)?,
        Field::Tag => text(name, op, values, Test::Tag)?,
        Field::ExternalId => text(name, op, values, Test::ExternalId)?,
        Field::Status => Test::Status(each(name, op, values, status, "must be pending, success or failed")?, now),
        Field::PaymentHash | Field::CheckingId => Test::Hash(each(name, op, values, |v| v.parse().ok(), &hex(32))?),
        Field::WalletId => Test::Wallet(each(name, op, values, |v| v.parse().ok(), &hex(16))?),
        Field::Amount => Test::AmountMsat(ranges(name, op, values, number, "must be a whole number of msat")?),
        Field::Fee => Test::FeeMsat(ranges(name, op, values, number, "must be a whole number of msat")?),
        Field::Time | Field::CreatedAt => {
            Test::CreatedAtMs(ranges(name, op, values, moment, "must be a time: Unix seconds or ISO 8601")?)
        }
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

fn text(name: &str, op: Op, values: &[&str], test: impl Fn(TextTest) -> Test) -> Result<Test, ApiError> {
    match op {
        Op::Eq | Op::Ne | Op::In => Ok(test(TextTest::OneOf(values.iter().map(|&v| v.to_owned()).collect()))),
        Op::Like => {
            let texts = values.iter().map(|value| Ok(test(TextTest::Contains(search_text(name, value)?))));
            Ok(Test::Either(texts.collect::<Result<_, ApiError>>()?))
        }
        Op::Gt | Op::Ge | Op::Lt | Op::Le => {
            Err(ApiError::field(name, "is a text: compare it with eq, ne, in or like"))
        }
    }
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

/// Ranges of stored numbers. A value of the query stands for the stored numbers from one up to
/// and without another; a bound beyond what can be stored lets all, or none, in.
fn ranges(
    name: &str,
    op: Op,
    values: &[&str],
    parse: impl Fn(&str) -> Option<(i64, i64)>,
    expected: &str,
) -> Result<Vec<Range>, ApiError> {
    let range = |value: &&str| {
        let (from, to) = parse(value).ok_or_else(|| ApiError::field(name, expected))?;
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

/// A whole number, for itself. One beyond all that can be stored is as good as the last one.
fn number(value: &str) -> Option<(i64, i64)> {
    let number = match whole_number(value) {
        Ok(number) => number,
        Err(InvalidNumber::NotWhole) => return None,
        Err(InvalidNumber::OutOfRange) if value.trim().starts_with('-') => i64::MIN,
        Err(InvalidNumber::OutOfRange) => i64::MAX,
    };
    Some((number, number.saturating_add(1)))
}

fn moment(value: &str) -> Option<(i64, i64)> {
    Moment::parse(value).map(|moment| (moment.from().get(), moment.until().get()))
}

fn status(value: &str) -> Option<Status> {
    match value {
        "pending" => Some(Status::Pending),
        "success" => Some(Status::Success),
        "failed" => Some(Status::Failed),
        _ => None,
    }
}
