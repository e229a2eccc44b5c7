//! Filters and sort orders for the payments of a wallet or a tenant.

use diesel::helper_types::IntoBoxed;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool, Text};

use crate::domain::ids::{PaymentHash, PaymentRow, UserId, WalletId};
use crate::domain::search::SearchText;
use crate::domain::time::UnixMs;
use crate::ledger::state::InvoiceState;
use crate::store::db::connection::MultiBackend;
use crate::store::db::functions::satkeep_contains;
use crate::store::db::schema::payments;
use crate::store::payments::scope::Scope;

/// The status that clients see: an expired open invoice has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waiting to be paid.
    Pending,
    /// Paid.
    Success,
    /// Can no longer be paid.
    Failed,
}

/// A range of numbers: from the first, inclusive, to the second, exclusive.
pub type Range = (Option<i64>, Option<i64>);

/// A condition on a text column.
#[derive(Clone, Debug)]
pub enum TextTest {
    /// Equals one of these.
    OneOf(Vec<String>),
    /// Contains this text, ignoring case.
    Contains(SearchText),
}

/// What a condition tests.
#[derive(Clone, Debug)]
pub enum Test {
    /// The memo.
    Memo(TextTest),
    /// The tag.
    Tag(TextTest),
    /// The external id.
    ExternalId(TextTest),
    /// The signed amount in msat, in any of the ranges.
    AmountMsat(Vec<Range>),
    /// The fee in msat, in any of the ranges.
    FeeMsat(Vec<Range>),
    /// The time of creation in milliseconds, in any of the ranges.
    CreatedAtMs(Vec<Range>),
    /// The payment hash, one of these.
    Hash(Vec<PaymentHash>),
    /// The wallet, one of these.
    Wallet(Vec<WalletId>),
    /// The wallet, one of this user's.
    OfUser(UserId),
    /// A text somewhere in the memo. In a tenant's payments [`scope::resolve`] looks elsewhere first.
    ///
    /// [`scope::resolve`]: crate::store::payments::scope::resolve
    Search(SearchText),
    /// A text somewhere in what the wallet or its user is called, in this tenant.
    Called(UserId, SearchText),
    /// The position in the list: older than this row.
    Before(PaymentRow),
    /// The status at this time, one of these.
    Status(Vec<Status>, UnixMs),
    /// Any of these tests.
    Either(Vec<Test>),
}

/// One condition.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The test.
    pub test: Test,
    /// Whether the condition selects payments that fail the test.
    pub negated: bool,
}

/// A list of conditions, all of which must hold.
#[derive(Clone, Debug, Default)]
pub struct PaymentFilter(pub Vec<Condition>);

/// The sort key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// When it was created.
    Created,
    /// When it was paid, or else created.
    Updated,
    /// The signed amount.
    Amount,
    /// The fee, which is zero or below.
    Fee,
    /// The memo.
    Memo,
    /// The tag.
    Tag,
}

/// The sort order; ties are broken by creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The sort key.
    pub key: SortKey,
    /// Smallest or oldest first.
    pub ascending: bool,
}

type Query = IntoBoxed<'static, payments::table, MultiBackend>;
type Expression = Box<dyn BoxableExpression<payments::table, MultiBackend, SqlType = Bool>>;

impl PaymentFilter {
    pub(crate) fn apply(&self, scope: Scope) -> Query {
        let (query, id) = (payments::table.into_boxed(), scope.id());
        let query = match scope {
            Scope::Wallet(_) => query.filter(payments::wallet_id.eq(id)),
            Scope::Tenant(_) => query.filter(payments::tenant.eq(id)),
        };
        self.test(query, Test::expression)
    }

    /// The same for one half of the view. PostgreSQL assumes that a wallet's payments are spread
    /// evenly over time, and would rather scan everybody's newest payments. Given a range of
    /// wallets, even a range of one, it uses the index that begins with the wallet; and so it is with
    /// tenants.
    pub(crate) fn apply_to_half(&self, scope: Scope) -> Query {
        let (query, id) = (payments::table.into_boxed(), scope.id());
        let query = match scope {
            Scope::Wallet(_) => query.filter(payments::wallet_id.between(id.clone(), id.clone())),
            Scope::Tenant(_) => query.filter(payments::tenant.between(id.clone(), id.clone())),
        };
        self.test(query, |test| match test {
            Test::Before(row) => Box::new(
                diesel::dsl::sql::<Bool>(match scope {
                    Scope::Wallet(_) => "(wallet_id, id) < (",
                    Scope::Tenant(_) => "(tenant, id) < (",
                })
                .bind::<Binary, _>(id.clone())
                .sql(", ")
                .bind::<Binary, _>(row.as_bytes().to_vec())
                .sql(")"),
            ),
            Test::Memo(_)
            | Test::Tag(_)
            | Test::ExternalId(_)
            | Test::AmountMsat(_)
            | Test::FeeMsat(_)
            | Test::CreatedAtMs(_)
            | Test::Hash(_)
            | Test::Wallet(_)
            | Test::OfUser(_)
            | Test::Search(_)
            | Test::Called(..)
            | Test::Status(..)
            | Test::Either(_) => test.expression(),
        })
    }

    fn test(&self, query: Query, expression: impl Fn(&Test) -> Expression) -> Query {
        self.0.iter().fold(query, |query, condition| {
            let test = expression(&condition.test);
            if condition.negated { query.filter(diesel::dsl::not(test)) } else { query.filter(test) }
        })
    }
}

impl Sort {
    /// Newest first.
    pub const NEWEST: Self = Self { key: SortKey::Created, ascending: false };

    pub(crate) fn apply(self, query: Query) -> Query {
        let id = payments::id;
        let updated = || diesel::dsl::sql::<diesel::sql_types::BigInt>("COALESCE(paid_at_ms, created_at_ms)");
        match (self.key, self.ascending) {
            // Ids grow with time, and the indexes of a wallet's payments end in them.
            (SortKey::Created, true) => query.order(id.asc()),
            (SortKey::Created, false) => query.order(id.desc()),
            (SortKey::Updated, true) => query.order((updated().asc(), id.asc())),
            (SortKey::Updated, false) => query.order((updated().desc(), id.desc())),
            (SortKey::Amount, true) => query.order((payments::amount_msat.asc(), id.asc())),
            (SortKey::Amount, false) => query.order((payments::amount_msat.desc(), id.desc())),
            (SortKey::Fee, true) => query.order((payments::fee_msat.asc(), id.asc())),
            (SortKey::Fee, false) => query.order((payments::fee_msat.desc(), id.desc())),
            (SortKey::Memo, true) => query.order((payments::memo.asc(), id.asc())),
            (SortKey::Memo, false) => query.order((payments::memo.desc(), id.desc())),
            (SortKey::Tag, true) => query.order((payments::tag.asc(), id.asc())),
            (SortKey::Tag, false) => query.order((payments::tag.desc(), id.desc())),
        }
    }
}

impl Sort {
    /// The same for one half of the view, to go with [`PaymentFilter::apply_to_half`].
    pub(crate) fn apply_to_half(self, scope: Scope, query: Query) -> Query {
        match (self.key, scope, self.ascending) {
            (SortKey::Created, Scope::Wallet(_), true) => query.order((payments::wallet_id.asc(), payments::id.asc())),
            (SortKey::Created, Scope::Wallet(_), false) => {
                query.order((payments::wallet_id.desc(), payments::id.desc()))
            }
            (SortKey::Created, Scope::Tenant(_), true) => query.order((payments::tenant.asc(), payments::id.asc())),
            (SortKey::Created, Scope::Tenant(_), false) => query.order((payments::tenant.desc(), payments::id.desc())),
            (SortKey::Updated | SortKey::Amount | SortKey::Fee | SortKey::Memo | SortKey::Tag, _, _) => {
                self.apply(query)
            }
        }
    }
}

impl Test {
    fn expression(&self) -> Expression {
        match self {
            Self::Memo(TextTest::OneOf(texts)) => Box::new(payments::memo.eq_any(texts.clone())),
            Self::Memo(TextTest::Contains(text)) => {
                Box::new(satkeep_contains(payments::memo.nullable(), text.as_str().to_owned()))
            }
            Self::Tag(TextTest::OneOf(texts)) => Box::new(tag().eq_any(texts.clone())),
            Self::Tag(TextTest::Contains(text)) => Box::new(satkeep_contains(payments::tag, text.as_str().to_owned())),
            // Not null, so that a negated test finds those without one, and an index helps the others.
            Self::ExternalId(TextTest::OneOf(texts)) => {
                let named = payments::external_id.is_not_null();
                Box::new(named.and(payments::external_id.assume_not_null().eq_any(texts.clone())))
            }
            Self::ExternalId(TextTest::Contains(text)) => {
                Box::new(satkeep_contains(payments::external_id, text.as_str().to_owned()))
            }
            Self::AmountMsat(ranges) => any_of(ranges, |range| within(payments::amount_msat, range)),
            Self::FeeMsat(ranges) => any_of(ranges, |range| within(payments::fee_msat, range)),
            Self::CreatedAtMs(ranges) => any_of(ranges, |range| within(payments::created_at_ms, range)),
            Self::Hash(hashes) => Box::new(
                payments::payment_hash.eq_any(hashes.iter().map(|h| h.as_bytes().to_vec()).collect::<Vec<_>>()),
            ),
            Self::Wallet(ids) => {
                Box::new(payments::wallet_id.eq_any(ids.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            }
            Self::OfUser(user) => Box::new(
                diesel::dsl::sql::<Bool>("wallet_id IN (SELECT w.id FROM wallets AS w WHERE w.user_id = ")
                    .bind::<Binary, _>(user.as_bytes().to_vec())
                    .sql(")"),
            ),
            Self::Search(text) => Box::new(satkeep_contains(payments::memo.nullable(), text.as_str().to_owned())),
            Self::Called(tenant, text) => in_names(*tenant, text),
            Self::Before(row) => Box::new(payments::id.lt(row.as_bytes().to_vec())),
            Self::Status(statuses, now) => any_of(statuses, |status| has_status(*status, *now)),
            Self::Either(tests) => any_of(tests, Self::expression),
        }
    }
}

/// Whether a text is somewhere in the name of the wallet, or in what its user is called. Deleted ones
/// have payments as well.
fn in_names(tenant: UserId, text: &SearchText) -> Expression {
    let (tenant, text) = (tenant.as_bytes().to_vec(), text.as_str().to_owned());
    Box::new(
        diesel::dsl::sql::<Bool>(
            "wallet_id IN (SELECT w.id FROM users AS u INNER JOIN wallets AS w ON w.user_id = u.id \
             WHERE (u.manager_id = ",
        )
        .bind::<Binary, _>(tenant.clone())
        .sql(" OR u.id = ")
        .bind::<Binary, _>(tenant)
        .sql(") AND satkeep_in_time() AND (satkeep_contains(w.name, ")
        .bind::<Text, _>(text.clone())
        .sql(") OR satkeep_contains(u.name, ")
        .bind::<Text, _>(text.clone())
        .sql(") OR satkeep_contains(u.username, ")
        .bind::<Text, _>(text.clone())
        .sql(") OR satkeep_contains(u.email, ")
        .bind::<Text, _>(text.clone())
        .sql(") OR satkeep_contains(u.external_id, ")
        .bind::<Text, _>(text)
        .sql(")))"),
    )
}

/// The tag, or the empty text if there is none, so that a negated test matches those payments.
fn tag() -> diesel::expression::SqlLiteral<diesel::sql_types::Text> {
    diesel::dsl::sql("COALESCE(tag, '')")
}

fn always(value: bool) -> Expression {
    Box::new(diesel::dsl::sql::<Bool>(if value { "1 = 1" } else { "1 = 0" }))
}

fn any_of<T>(items: &[T], expression: impl Fn(&T) -> Expression) -> Expression {
    items.iter().map(expression).reduce(|a, b| Box::new(a.or(b))).unwrap_or_else(|| always(false))
}

fn within<C>(column: C, (min, max): &Range) -> Expression
where
    C: diesel::Column<SqlType = diesel::sql_types::BigInt, Table = payments::table> + Copy + 'static,
    diesel::dsl::GtEq<C, i64>: BoxableExpression<payments::table, MultiBackend, SqlType = Bool>,
    diesel::dsl::Lt<C, i64>: BoxableExpression<payments::table, MultiBackend, SqlType = Bool>,
    C: diesel::ExpressionMethods,
{
    match (min, max) {
        (Some(min), Some(max)) => {
            let min: Expression = Box::new(column.ge(*min));
            let max: Expression = Box::new(column.lt(*max));
            Box::new(min.and(max))
        }
        (Some(min), None) => Box::new(column.ge(*min)),
        (None, Some(max)) => Box::new(column.lt(*max)),
        (None, None) => always(true),
    }
}

fn has_status(status: Status, now: UnixMs) -> Expression {
    let is = |state: InvoiceState| payments::state.eq(state.as_str());
    let is_over = payments::expires_at_ms.le(now.get());
    // The open invoices of a deleted wallet are left as they are, and count as cancelled.
    let of_deleted = || {
        diesel::dsl::sql::<Bool>(
            "EXISTS (SELECT 1 FROM accounts AS a WHERE a.id = wallet_id AND a.closed_at_ms IS NOT NULL)",
        )
    };
    match status {
        Status::Success => Box::new(is(InvoiceState::Paid)),
        Status::Pending => {
            let is_in_time = payments::expires_at_ms.gt(now.get());
            let waits = is(InvoiceState::Open).and(is_in_time).and(diesel::dsl::not(of_deleted()));
            Box::new(is(InvoiceState::Held).or(waits))
        }
        Status::Failed => {
            Box::new(is(InvoiceState::Cancelled).or(is(InvoiceState::Open).and(is_over.or(of_deleted()))))
        }
    }
}
