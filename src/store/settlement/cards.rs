//! Cards in a settlement batch: reads the taps to pay with, and those whose payments have failed, with
//! their cards, and writes their new state. All of this is rare compared with other payments, so it has its own statements, written
//! once for both databases.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable};

use crate::domain::card::limits::CardLimits;
use crate::domain::controls::Spent;
use crate::domain::ids::{AccountId, CardId, HitId, HoldId};
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;
use crate::ledger::batch::ReadSet;
use crate::ledger::state::{Card, Effects, Hit, Snapshot};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{cards, hits};
use crate::store::settlement::expect_rows;
use crate::store::wallets::CHUNK_IDS;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    hit: Vec<u8>,
    #[diesel(sql_type = Binary)]
    card: Vec<u8>,
    #[diesel(sql_type = Nullable<Binary>)]
    transfer_id: Option<Vec<u8>>,
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

const SELECT: &str = "SELECT h.id AS hit, c.id AS card, h.transfer_id, h.expires_at_ms, \
     c.wallet_id, c.enabled, c.tx_limit_sat, c.daily_limit_sat, c.spent_day, c.spent_msat \
     FROM hits AS h INNER JOIN cards AS c ON c.id = h.card_id";

/// The taps to pay with, and those whose payments to other nodes have failed.
fn wanted(connection: &mut Db, read_set: &ReadSet) -> Result<BTreeSet<HitId>, StoreError> {
    let mut wanted = read_set.hits.clone();
    let holds: Vec<_> = read_set.failed_sends.iter().map(|hold| hold.as_bytes().to_vec()).collect();
    for holds in holds.chunks(CHUNK_IDS) {
        // A payment to another node is known by its hold before it has a transfer.
        let failed: Vec<Vec<u8>> =
            hits::table.filter(hits::transfer_id.eq_any(holds)).select(hits::id).load(connection)?;
        for id in failed {
            wanted.insert(HitId::from_slice(&id)?);
        }
    }
    Ok(wanted)
}

/// Reads the taps that are wanted, and their cards, locked in card order.
pub(crate) fn lock(connection: &mut Db, read_set: &ReadSet, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    let wanted = wanted(connection, read_set)?;
    if wanted.is_empty() {
        return Ok(());
    }
    let rows: Vec<Row> = match connection {
        Db::Sqlite(c) => {
            let mut rows = Vec::with_capacity(wanted.len());
            for hit in &wanted {
                let query = diesel::sql_query(format!("{SELECT} WHERE h.id = ?"));
                rows.extend(query.bind::<Binary, _>(hit.as_bytes().as_slice()).load::<Row>(c)?);
            }
            rows
        }
        Db::Postgres(c) => {
            let ids: Vec<_> = wanted.iter().map(|hit| hit.as_bytes().as_slice()).collect();
            let text = format!("{SELECT} WHERE h.id = ANY($1) ORDER BY c.id, h.id FOR NO KEY UPDATE OF c, h");
            diesel::sql_query(text).bind::<diesel::sql_types::Array<Binary>, _>(ids).load(c)?
        }
    };
    for row in rows {
        let card = CardId::from_slice(&row.card)?;
        let hold = row.transfer_id.as_deref().map(HoldId::from_slice).transpose()?;
        if let Some(hold) = hold.filter(|hold| read_set.failed_sends.contains(hold)) {
            snapshot.paid_by_card.insert(hold, card);
        }
        let (is_spent, expires_at) = (hold.is_some(), UnixMs::new(row.expires_at_ms));
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
