//! Sums over a wallet's payments, group by group.

use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::{QueryDsl, QueryResult, RunQueryDsl};

use crate::domain::ids::WalletId;
use crate::store::db::connection::{Db, MultiBackend};
use crate::store::db::error::StoreError;
use crate::store::db::functions::satkeep_in_time;
use crate::store::db::schema::payments;
use crate::store::db::sums::{high, low, sum, whole};
use crate::store::payments::filter::PaymentFilter;
use crate::store::payments::scope::Scope;

/// What payments have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// Their wallet.
    Wallet,
    /// Their tag.
    Tag,
    /// Their status at this time, in milliseconds since 1970.
    Status(i64),
    /// The day (UTC) on which they settled, counted from 1970.
    Day,
}

/// Payments that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What it is; nothing where they are of one wallet, or have no tag.
    pub label: Option<String>,
    /// How many came in.
    pub incoming: i64,
    /// How many went out.
    pub outgoing: i64,
    /// What came in, in msat. Sums of many payments may be more than 64 bits hold.
    pub income_msat: i128,
    /// What went out, with what it has cost, in msat.
    pub spending_msat: i128,
    /// What it has cost, in msat.
    pub fees_msat: i128,
}

impl Group {
    /// How many payments there are.
    pub const fn count(&self) -> i64 {
        self.incoming.saturating_add(self.outgoing)
    }

    /// What they come to, in msat.
    pub const fn total_msat(&self) -> i128 {
        self.income_msat.saturating_sub(self.spending_msat)
    }
}

/// A label, the numbers of payments in and out, and the parts of the sums of both and of the fees.
type Row = (Option<String>, i64, i64, i64, i64, i64, i64, i64, i64);

/// Payments with a label each, put together by it. `inner` selects the columns that are named here.
struct Grouped<Q> {
    inner: Q,
    by: GroupBy,
    only_settled: bool,
    limit: i64,
}

const SUMS: &str = concat!(
    "SELECT label, ",
    "CAST(SUM(CASE WHEN income > 0 THEN 1 ELSE 0 END) AS BIGINT), ",
    "CAST(SUM(CASE WHEN income > 0 THEN 0 ELSE 1 END) AS BIGINT), ",
    sum!(high!("income")),
    ", ",
    sum!(low!("income")),
    ", ",
    sum!(high!("spending")),
    ", ",
    sum!(low!("spending")),
    ", ",
    sum!(high!("fee")),
    ", ",
    sum!(low!("fee")),
    " FROM (SELECT CASE WHEN amount_msat > 0 THEN amount_msat ELSE 0 END AS income, \
     CASE WHEN amount_msat < 0 THEN -(amount_msat + fee_msat) ELSE 0 END AS spending, -fee_msat AS fee, "
);

impl<Q: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for Grouped<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql(SUMS);
        match &self.by {
            GroupBy::Wallet => out.push_sql("CAST(NULL AS TEXT)"),
            GroupBy::Tag => out.push_sql("tag"),
            GroupBy::Day => out.push_sql("CAST(paid_at_ms / 86400000 AS TEXT)"),
            GroupBy::Status(now) => {
                out.push_sql("CASE WHEN state = 'paid' THEN 'success' WHEN state = 'held' OR state = 'open' AND expires_at_ms > ");
                out.push_bind_param::<BigInt, _>(now)?;
                out.push_sql(" THEN 'pending' ELSE 'failed' END");
            }
        }
        out.push_sql(" AS label FROM (");
        self.inner.walk_ast(out.reborrow())?;
        out.push_sql(") AS sides");
        if self.only_settled {
            out.push_sql(" WHERE state = 'paid'");
        }
        out.push_sql(") AS labelled GROUP BY label ORDER BY COUNT(*) DESC LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

impl<Q> QueryId for Grouped<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Grouped<Q> {
    type SqlType = (Nullable<Text>, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt);
}

impl<Q> RunQueryDsl<Db> for Grouped<Q> {}

/// The payments of a wallet that a filter lets through, the largest groups first and no more of these
/// than `limit`; only those that are settled where `only_settled` says so.
pub fn groups(
    connection: &mut Db,
    wallet: WalletId,
    filter: &PaymentFilter,
    by: GroupBy,
    only_settled: bool,
    limit: i64,
) -> Result<Vec<Group>, StoreError> {
    let inner = filter.apply(Scope::Wallet(wallet)).filter(satkeep_in_time()).select((
        payments::state,
        payments::tag,
        payments::amount_msat,
        payments::fee_msat,
        payments::expires_at_ms,
        payments::paid_at_ms,
    ));
    let rows = Grouped { inner, by, only_settled, limit }.load::<Row>(connection)?;
    let group =
        |(label, incoming, outgoing, income_high, income_low, spending_high, spending_low, fee_high, fee_low)| Group {
            label,
            incoming,
            outgoing,
            income_msat: whole(income_high, income_low),
            spending_msat: whole(spending_high, spending_low),
            fees_msat: whole(fee_high, fee_low),
        };
    Ok(rows.into_iter().map(group).collect())
}
