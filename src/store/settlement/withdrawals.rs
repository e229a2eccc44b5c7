//! Withdraw links in a settlement batch: reads those to pay by, and writes what was withdrawn. All of
//! this is rare compared with other payments, so it has its own statements, written once for both
//! databases.

use std::collections::BTreeSet;

use diesel::prelude::*;

use crate::domain::ids::{AccountId, HoldId, WithdrawLinkId, WithdrawalId};
use crate::domain::money::Amount;
use crate::domain::time::UnixMs;
use crate::ledger::batch::ReadSet;
use crate::ledger::state::{Effects, Snapshot, WithdrawLink, Withdrawn};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{withdraw_links, withdrawals};
use crate::store::settlement::expect_rows;
use crate::store::wallets::CHUNK_IDS;
use crate::store::withdraw_links::uses_left;

/// What a link is judged by.
type Columns = ((Vec<u8>, Vec<u8>), (bool, bool), (i64, i64), (i64, String, i64), (i64, Option<i64>));

fn link(columns: Columns) -> Result<(WithdrawLinkId, WithdrawLink), StoreError> {
    let ((id, wallet), (is_enabled, is_unique), (min, max), (used, left, next), (wait_s, last)) = columns;
    let amount = |msat| Amount::from_msat(msat).map_err(|error| StoreError::Broken(error.to_string()));
    let link = WithdrawLink {
        account: AccountId::from_slice(&wallet)?,
        is_enabled,
        is_unique,
        min: amount(min)?,
        max: amount(max)?,
        used: u32::try_from(used).map_err(|error| StoreError::Broken(error.to_string()))?,
        uses_left: uses_left(&left, next)?,
        wait_s,
        last_used_at: last.map(UnixMs::new),
    };
    Ok((WithdrawLinkId::from_slice(&id)?, link))
}

/// What a withdrawal has taken from its link.
type Taken = ((Vec<u8>, Vec<u8>, Vec<u8>), (i64, i64, Option<i64>));

fn withdrawn(((id, link, transfer), (number, at, before)): Taken) -> Result<(HoldId, Withdrawn), StoreError> {
    let withdrawn = Withdrawn {
        id: WithdrawalId::from_slice(&id)?,
        link: WithdrawLinkId::from_slice(&link)?,
        number: u32::try_from(number).map_err(|error| StoreError::Broken(error.to_string()))?,
        at: UnixMs::new(at),
        last_used_before: before.map(UnixMs::new),
    };
    // A payment to another node is known by its hold before it has a transfer.
    Ok((HoldId::from_slice(&transfer)?, withdrawn))
}

/// By which links payments to other nodes were withdrawn that have failed.
fn failed(connection: &mut Db, read_set: &ReadSet, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    let holds: Vec<_> = read_set.failed_sends.iter().map(|hold| hold.as_bytes().to_vec()).collect();
    for holds in holds.chunks(CHUNK_IDS) {
        let rows: Vec<Taken> = withdrawals::table
            .filter(withdrawals::transfer_id.eq_any(holds))
            .filter(withdrawals::failed.eq(false))
            .select((
                (withdrawals::id, withdrawals::link_id, withdrawals::transfer_id),
                (withdrawals::number, withdrawals::created_at_ms, withdrawals::last_used_before_ms),
            ))
            .load(connection)?;
        for row in rows {
            let (hold, withdrawn) = withdrawn(row)?;
            snapshot.withdrawn_by.insert(hold, withdrawn);
        }
    }
    Ok(())
}

/// Reads the links to pay by, and those to give uses back to, locked in their order, and which of the
/// withdrawals have happened.
pub(crate) fn lock(connection: &mut Db, read_set: &ReadSet, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    failed(connection, read_set, snapshot)?;
    let given_back = snapshot.withdrawn_by.values().map(|withdrawn| withdrawn.link);
    let links: BTreeSet<_> = read_set.withdrawals.iter().map(|(link, _)| *link).chain(given_back).collect();
    let links: Vec<_> = links.iter().map(|link| link.as_bytes().to_vec()).collect();
    for ids in links.chunks(CHUNK_IDS) {
        let wanted = withdraw_links::table.filter(withdraw_links::id.eq_any(ids)).order(withdraw_links::id).select((
            (withdraw_links::id, withdraw_links::wallet_id),
            (withdraw_links::enabled, withdraw_links::is_unique),
            (withdraw_links::min_msat, withdraw_links::max_msat),
            (withdraw_links::used, withdraw_links::uses_left, withdraw_links::next_use),
            (withdraw_links::wait_s, withdraw_links::last_used_at_ms),
        ));
        let rows: Vec<Columns> = match connection {
            // The transaction holds the only write lock.
            Db::Sqlite(c) => wanted.load(c)?,
            Db::Postgres(c) => wanted.for_no_key_update().load(c)?,
        };
        for row in rows {
            let (id, link) = link(row)?;
            snapshot.withdraw_links.insert(id, link);
        }
    }
    // After the locks: what another replica has withdrawn by one of these links is there by now.
    let ids: Vec<_> = read_set.withdrawals.iter().map(|(_, withdrawal)| withdrawal.as_bytes().to_vec()).collect();
    for ids in ids.chunks(CHUNK_IDS) {
        let happened: Vec<Vec<u8>> =
            withdrawals::table.filter(withdrawals::id.eq_any(ids)).select(withdrawals::id).load(connection)?;
        for id in happened {
            snapshot.withdrawals.insert(WithdrawalId::from_slice(&id)?);
        }
    }
    Ok(())
}

/// Writes the new state of links, and what was withdrawn by them.
pub(crate) fn write(connection: &mut Db, effects: &Effects) -> Result<(), StoreError> {
    for row in &effects.withdraw_links {
        let before = withdraw_links::table
            .filter(withdraw_links::id.eq(row.id.as_bytes().as_slice()))
            .filter(withdraw_links::used.eq(i64::from(row.used_before)));
        let updated = diesel::update(before)
            .set((
                withdraw_links::used.eq(i64::from(row.used)),
                withdraw_links::uses_left.eq(row.uses_left.to_string()),
                withdraw_links::last_used_at_ms.eq(row.last_used_at.map(UnixMs::get)),
            ))
            .execute(connection)?;
        expect_rows("withdraw links", 1, updated)?;
    }
    for row in &effects.withdrawals {
        let inserted = diesel::insert_into(withdrawals::table)
            .values((
                withdrawals::id.eq(row.withdrawn.id.as_bytes().as_slice()),
                withdrawals::link_id.eq(row.withdrawn.link.as_bytes().as_slice()),
                withdrawals::wallet_id.eq(row.account.as_bytes().as_slice()),
                withdrawals::transfer_id.eq(row.transfer.as_bytes().as_slice()),
                withdrawals::amount_msat.eq(row.amount.msat()),
                withdrawals::number.eq(i64::from(row.withdrawn.number)),
                withdrawals::last_used_before_ms.eq(row.withdrawn.last_used_before.map(UnixMs::get)),
                withdrawals::created_at_ms.eq(row.withdrawn.at.get()),
            ))
            .execute(connection)?;
        expect_rows("withdrawals", 1, inserted)?;
    }
    for id in &effects.failed_withdrawals {
        let it = withdrawals::table.filter(withdrawals::id.eq(id.as_bytes().as_slice()));
        let failed = diesel::update(it).set(withdrawals::failed.eq(true)).execute(connection)?;
        expect_rows("withdrawals to fail", 1, failed)?;
    }
    Ok(())
}
