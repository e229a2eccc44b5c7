//! Cards in a settlement batch: reads the taps to pay with and their cards, and writes their new
//! state. All of this is rare compared with other payments, so it has its own statements, written
//! once for both databases.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool};

use crate::domain::card::limits::CardLimits;
use crate::domain::controls::Spent;
use crate::domain::ids::{AccountId, CardId, HitId};
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;
use crate::ledger::batch::ReadSet;
use crate::ledger::state::{Card, Effects, Hit, Snapshot};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{cards, hits};
use crate::store::settlement::expect_rows;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    hit: Vec<u8>,
    #[diesel(sql_type = Binary)]
    card: Vec<u8>,
    #[diesel(sql_type = Bool)]
    is_spent: bool,
    #[diesel(sql_type = BigInt)]
    expires_at_ms: i64,
    #[diesel(sql_type = Binary)]
    wallet_id: Vec<u8>,
    #[diesel(sql_type = Bool)]
    enabled: bool,
    #[diesel(sql_type = BigInt)]
    tx_limit_sat: i64,
    #[diesel(sql_type = BigInt)]
    daily_limit_sat: i64,
    #[diesel(sql_type = BigInt)]
    spent_day: i64,
    #[diesel(sql_type = BigInt)]
    spent_msat: i64,
}

const SELECT: &str = "SELECT h.id AS hit, c.id AS card, h.transfer_id IS NOT NULL AS is_spent, h.expires_at_ms, \
     c.wallet_id, c.enabled, c.tx_limit_sat, c.daily_limit_sat, c.spent_day, c.spent_msat \
     FROM hits AS h INNER JOIN cards AS c ON c.id = h.card_id";

/// Reads the taps to pay with, and their cards, locked in card order.
pub(crate) fn lock(connection: &mut Db, read_set: &ReadSet, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    if read_set.hits.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row> = match connection {
        Db::Sqlite(c) => {
            let mut rows = Vec::with_capacity(read_set.hits.len());
            for hit in &read_set.hits {
                let query = diesel::sql_query(format!("{SELECT} WHERE h.id = ?"));
                rows.extend(query.bind::<Binary, _>(hit.as_bytes().as_slice()).load::<Row>(c)?);
            }
            rows
        }
        Db::Postgres(c) => {
            let ids: Vec<_> = read_set.hits.iter().map(|hit| hit.as_bytes().as_slice()).collect();
            let text = format!("{SELECT} WHERE h.id = ANY($1) ORDER BY c.id, h.id FOR NO KEY UPDATE OF c, h");
            diesel::sql_query(text).bind::<diesel::sql_types::Array<Binary>, _>(ids).load(c)?
        }
    };
    for row in rows {
        let card = CardId::from_slice(&row.card)?;
        let (is_spent, expires_at) = (row.is_spent, UnixMs::new(row.expires_at_ms));
        snapshot.hits.insert(HitId::from_slice(&row.hit)?, Hit { card, is_spent, expires_at });
        let limits = CardLimits::from_sat(row.tx_limit_sat, row.daily_limit_sat);
        let standing = Card {
            account: AccountId::from_slice(&row.wallet_id)?,
            is_enabled: row.enabled,
            limits: limits.map_err(|error| StoreError::Broken(error.to_string()))?,
            spent: Spent { day: row.spent_day, total: Msat::new(row.spent_msat) },
        };
        snapshot.cards.insert(card, standing);
    }
    Ok(())
}

/// Writes the new state of taps and cards.
pub(crate) fn write(connection: &mut Db, effects: &Effects) -> Result<(), StoreError> {
    for row in &effects.hits {
        let unspent = hits::table.filter(hits::id.eq(row.id.as_bytes().as_slice())).filter(hits::transfer_id.is_null());
        let spent = diesel::update(unspent)
            .set((hits::transfer_id.eq(row.transfer.as_bytes().as_slice()), hits::amount_msat.eq(row.amount.msat())))
            .execute(connection)?;
        expect_rows("taps to end", 1, spent)?;
    }
    for row in &effects.cards {
        let updated = diesel::update(cards::table.filter(cards::id.eq(row.id.as_bytes().as_slice())))
            .set((cards::spent_day.eq(row.spent.day), cards::spent_msat.eq(row.spent.total.get())))
            .execute(connection)?;
        expect_rows("cards", 1, updated)?;
    }
    Ok(())
}
