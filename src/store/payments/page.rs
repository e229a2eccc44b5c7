//! A page of payments, from the parts of the view `payments`. Each part is sorted
//! and limited on its own, so that the planner walks its index and stops.

use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel::{QueryResult, RunQueryDsl};

use crate::store::db::connection::{Db, MultiBackend};
use crate::store::payments::filter::{Sort, SortKey};

/// At most `limit` rows from `offset` on, from all parts combined. Each part is queried as if it
/// were the whole view; it must be sorted in the same way, and may be limited to `offset + limit`
/// rows.
pub(crate) struct Page<Q> {
    pub(crate) incoming: Q,
    pub(crate) outgoing: Q,
    pub(crate) held: Q,
    pub(crate) sort: Sort,
    pub(crate) offset: i64,
    pub(crate) limit: i64,
}

impl<Q: QueryFragment<MultiBackend>> QueryFragment<MultiBackend> for Page<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql("SELECT * FROM (SELECT * FROM (WITH payments AS (SELECT * FROM payments_in) ");
        self.incoming.walk_ast(out.reborrow())?;
        out.push_sql(") AS incoming UNION ALL SELECT * FROM (WITH payments AS (SELECT * FROM payments_out) ");
        self.outgoing.walk_ast(out.reborrow())?;
        out.push_sql(") AS outgoing UNION ALL SELECT * FROM (WITH payments AS (SELECT * FROM payments_held) ");
        self.held.walk_ast(out.reborrow())?;
        out.push_sql(") AS held) AS sides ORDER BY ");
        let direction = if self.sort.ascending { " ASC" } else { " DESC" };
        let key = match self.sort.key {
            SortKey::Created => None,
            SortKey::Updated => Some("COALESCE(paid_at_ms, created_at_ms)"),
            SortKey::Amount => Some("amount_msat"),
            SortKey::Fee => Some("fee_msat"),
            SortKey::Memo => Some("memo"),
            SortKey::Tag => Some("tag"),
        };
        if let Some(key) = key {
            out.push_sql(key);
            out.push_sql(direction);
            out.push_sql(", ");
        }
        out.push_sql("id");
        out.push_sql(direction);
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(" OFFSET ");
        out.push_bind_param::<BigInt, _>(&self.offset)
    }
}

impl<Q> QueryId for Page<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Page<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> RunQueryDsl<Db> for Page<Q> {}
