//! What invoices without a key were issued for: counts those that wait to be paid, and writes the
//! origins of new ones. The counts are read after the payees are locked, so that what another batch
//! has issued is counted.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary};
use diesel::{PgConnection, SqliteConnection};

use crate::domain::ids::{AccountId, OriginId};
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;
use crate::ledger::batch::ReadSet;
use crate::ledger::state::Effects;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::invoices;
use crate::store::db::statement::statement;
use crate::store::settlement::expect_rows;
use crate::store::wallets::CHUNK_IDS;

statement!(
    /// The number of invoices of a payee that wait to be paid for an origin.
    CountOpen on SqliteConnection,
    (origin: &'a [u8] as Binary, payee: &'a [u8] as Binary, now: i64 as BigInt) -> (BigInt),
    "SELECT count(*) FROM invoices WHERE open_origin = ? AND wallet_id = ? AND state = 'open' AND expires_at_ms > ?"
);

statement!(
    /// The same, of many.
    CountOpenOfMany on PgConnection,
    (payees: Vec<&'a [u8]> as Array<Binary>, origins: Vec<&'a [u8]> as Array<Binary>, now: i64 as BigInt)
        -> (Binary, Binary, BigInt),
    "SELECT o.payee, o.origin, c.open FROM unnest(?, ?) AS o (payee, origin) CROSS JOIN LATERAL (
        SELECT count(*) AS open FROM invoices
        WHERE open_origin = o.origin AND wallet_id = o.payee AND state = 'open' AND expires_at_ms > ?
    ) AS c"
);

/// Counts the invoices that wait to be paid, for each origin and payee of a batch.
pub(crate) fn count_open(
    connection: &mut Db,
    read_set: &ReadSet,
    clock: &dyn Fn() -> UnixMs,
) -> Result<HashMap<(AccountId, OriginId), i64>, StoreError> {
    if read_set.origins.is_empty() {
        return Ok(HashMap::new());
    }
    let now = clock().get();
    let places = || read_set.origins.iter().map(|(payee, origin)| (payee.as_bytes().as_slice(), origin.as_bytes()));
    match connection {
        Db::Sqlite(c) => {
            let mut counts = HashMap::with_capacity(read_set.origins.len());
            for ((payee, origin), place) in places().zip(&read_set.origins) {
                let (open,): (i64,) = CountOpen { origin, payee, now }.get_result(c)?;
                counts.insert(*place, open);
            }
            Ok(counts)
        }
        Db::Postgres(c) => {
            let (payees, origins) = places().map(|(payee, origin)| (payee, origin.as_slice())).unzip();
            let rows: Vec<(Vec<u8>, Vec<u8>, i64)> = CountOpenOfMany { payees, origins, now }.load(c)?;
            let count = |(payee, origin, open): (Vec<u8>, Vec<u8>, i64)| {
                Ok(((AccountId::from_slice(&payee)?, OriginId::from_slice(&origin)?), open))
            };
            rows.into_iter().map(count).collect()
        }
    }
}

/// Invoices of one origin that are summed up. When there are more, no more is issued for it.
const SUMMED_MAX: usize = 100;

/// Sums up what was paid and what waits to be paid, for each origin that limits it.
pub(crate) fn promised(
    connection: &mut Db,
    read_set: &ReadSet,
    clock: &dyn Fn() -> UnixMs,
) -> Result<HashMap<(AccountId, OriginId), Msat>, StoreError> {
    let mut promised = HashMap::with_capacity(read_set.limited_origins.len());
    for place in &read_set.limited_origins {
        let (payee, origin) = place;
        let can_be_paid = invoices::state.eq("open").and(invoices::expires_at_ms.gt(clock().get()));
        let amounts: Vec<i64> = invoices::table
            .filter(invoices::origin.eq(origin.as_bytes().as_slice()))
            .filter(invoices::wallet_id.eq(payee.as_bytes().as_slice()))
            .filter(invoices::state.eq("paid").or(can_be_paid))
            .select(invoices::amount_msat)
            .limit(i64::try_from(SUMMED_MAX).unwrap_or(i64::MAX))
            .load(connection)?;
        let sum = amounts.iter().fold(0, |sum: i64, amount| sum.saturating_add(*amount));
        promised.insert(*place, Msat::new(if amounts.len() < SUMMED_MAX { sum } else { i64::MAX }));
    }
    Ok(promised)
}

/// Writes what new invoices were issued for, and that they wait to be paid, unless they were paid in
/// the same batch.
pub(crate) fn write(connection: &mut Db, effects: &Effects) -> Result<(), StoreError> {
    let mut by_origin: HashMap<_, Vec<_>> = HashMap::new();
    for (invoice, origin) in &effects.origins {
        by_origin.entry(origin.as_bytes().as_slice()).or_default().push(invoice.as_bytes().to_vec());
    }
    for (origin, ids) in by_origin {
        for ids in ids.chunks(CHUNK_IDS) {
            let new = || invoices::table.filter(invoices::id.eq_any(ids));
            let updated = diesel::update(new()).set(invoices::origin.eq(origin)).execute(connection)?;
            expect_rows("origins of invoices", ids.len(), updated)?;
            let open = new().filter(invoices::state.eq("open"));
            diesel::update(open).set(invoices::open_origin.eq(origin)).execute(connection)?;
        }
    }
    Ok(())
}
