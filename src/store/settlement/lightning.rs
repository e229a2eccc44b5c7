//! Payments to and from other nodes in a settlement batch.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use crate::domain::ids::{AccountId, HoldId, PaymentHash, UserId};
use crate::domain::money::Amount;
use crate::domain::send::{NodeName, SendState};
use crate::domain::time::UnixMs;
use crate::ledger::batch::ReadSet;
use crate::ledger::state::{
    AtNode, Effects, InFlight, NewSendRow, ReceiptId, ReceiptRow, SendRow, Snapshot, UnderWay, Unfailed,
};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{invoices, receipts, sends};
use crate::store::settlement::expect_rows;
use crate::store::wallets::CHUNK_IDS;

/// Reads what commands about other nodes look at. The accounts are locked already.
pub(crate) fn read(connection: &mut Db, read_set: &ReadSet, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    snapshot.sends = unfailed(connection, read_set)?;
    snapshot.receipts = booked(connection, read_set)?;
    let tenants = read_set.senders.iter().filter_map(|id| snapshot.accounts.get(id)?.tenant).collect();
    snapshot.under_way = under_way(connection, &tenants)?;
    Ok(())
}

fn unfailed(connection: &mut Db, read_set: &ReadSet) -> Result<HashMap<PaymentHash, Unfailed>, StoreError> {
    let hashes: Vec<_> = read_set.sends.iter().map(|hash| hash.as_bytes().to_vec()).collect();
    let mut found = HashMap::with_capacity(hashes.len());
    for hashes in hashes.chunks(CHUNK_IDS) {
        let rows: Vec<(Vec<u8>, Vec<u8>, String)> = sends::table
            .filter(sends::payment_hash.eq_any(hashes))
            .filter(sends::state.ne(SendState::Failed.as_str()))
            .select((sends::payment_hash, sends::hold_id, sends::state))
            .load(connection)?;
        for (hash, hold, state) in rows {
            let is_settled = state == SendState::Settled.as_str();
            let unfailed = Unfailed { hold: HoldId::from_slice(&hold)?, is_settled };
            found.insert(PaymentHash::from_slice(&hash)?, unfailed);
        }
    }
    Ok(found)
}

fn booked(connection: &mut Db, read_set: &ReadSet) -> Result<HashSet<ReceiptId>, StoreError> {
    let mut found = HashSet::new();
    for (node, hash) in &read_set.receipts {
        let rows: i64 = receipts::table
            .filter(receipts::node.eq(node.as_str()))
            .filter(receipts::payment_hash.eq(hash.as_bytes().as_slice()))
            .count()
            .get_result(connection)?;
        if rows > 0 {
            found.insert((node.clone(), *hash));
        }
    }
    Ok(found)
}

fn under_way(connection: &mut Db, tenants: &HashSet<UserId>) -> Result<UnderWay, StoreError> {
    let mut found = UnderWay::default();
    for tenant in tenants {
        let rows: Vec<(Vec<u8>, i64)> = sends::table
            .filter(sends::tenant.assume_not_null().eq(tenant.as_bytes().as_slice()))
            .filter(sends::state.eq_any(SendState::UNDER_WAY))
            .select((sends::wallet_id, sends::reserved_msat))
            .load(connection)?;
        let mut of_tenant = InFlight::default();
        for (wallet, reserved) in rows {
            let reserved = Amount::from_stored(reserved).map_err(|error| StoreError::Broken(error.to_string()))?;
            let of_wallet = found.wallets.entry(AccountId::from_slice(&wallet)?).or_default();
            *of_wallet = of_wallet.and(reserved);
            of_tenant = of_tenant.and(reserved);
        }
        found.tenants.insert(*tenant, of_tenant);
    }
    Ok(found)
}

/// Writes what begins, what has ended, and what has arrived. The holds are written already.
pub(crate) fn write(connection: &mut Db, effects: &Effects) -> Result<(), StoreError> {
    for row in &effects.sends {
        let written = match row {
            SendRow::New(new) => begin(connection, new, effects.at)?,
            SendRow::Ended { hold, is_settled, note } => {
                let row = sends::table
                    .filter(sends::hold_id.eq(hold.as_bytes().as_slice()))
                    .filter(sends::ended_at_ms.is_null());
                diesel::update(row)
                    .set((
                        sends::state.eq(SendState::ended(*is_settled).as_str()),
                        sends::ended_at_ms.eq(effects.at.get()),
                        sends::owner.eq(None::<Vec<u8>>),
                        sends::note.eq(note),
                    ))
                    .execute(connection)?
            }
            SendRow::Late { hold, is_settled, note } => {
                let row =
                    sends::table.filter(sends::hold_id.eq(hold.as_bytes().as_slice())).filter(sends::is_late.eq(false));
                diesel::update(row)
                    .set((
                        sends::state.eq(SendState::ended(*is_settled).as_str()),
                        sends::is_late.eq(true),
                        sends::note.eq(note),
                    ))
                    .execute(connection)?
            }
        };
        expect_rows("payments to other nodes", 1, written)?;
    }
    for row in &effects.receipts {
        receive(connection, row, effects.at)?;
    }
    Ok(())
}

fn begin(connection: &mut Db, new: &NewSendRow, at: UnixMs) -> Result<usize, StoreError> {
    let NewSendRow { send, hold, account, tenant, reserved } = new;
    let values = (
        sends::hold_id.eq(hold.as_bytes().as_slice()),
        sends::payment_hash.eq(send.payment_hash.as_bytes().as_slice()),
        sends::wallet_id.eq(account.as_bytes().as_slice()),
        sends::tenant.eq(tenant.as_ref().map(|id| id.as_bytes().as_slice())),
        sends::state.eq(SendState::Reserved.as_str()),
        sends::reserved_msat.eq(reserved.msat()),
        sends::amount_msat.eq(send.is_amountless.then(|| send.amount.msat())),
        sends::fee_max_msat.eq(send.fee_max.get()),
        sends::service_fee_msat.eq(send.service_fee.get()),
        sends::due_at_ms.eq(at.get()),
        sends::created_at_ms.eq(at.get()),
    );
    Ok(diesel::insert_into(sends::table).values(values).execute(connection)?)
}

fn receive(connection: &mut Db, row: &ReceiptRow, at: UnixMs) -> Result<(), StoreError> {
    let (node, hash): &(NodeName, PaymentHash) = &row.id;
    let values = (
        receipts::node.eq(node.as_str()),
        receipts::payment_hash.eq(hash.as_bytes().as_slice()),
        receipts::amount_msat.eq(row.amount.msat()),
        receipts::received_at_ms.eq(row.received_at.get()),
        receipts::created_at_ms.eq(at.get()),
    );
    let booked = diesel::insert_into(receipts::table).values(values).execute(connection)?;
    expect_rows("receipts", 1, booked)?;
    let invoice = invoices::table.filter(invoices::id.eq(row.invoice.as_bytes().as_slice()));
    let settled = diesel::update(invoice).set(invoices::at_node.eq(AtNode::Settled.as_str())).execute(connection)?;
    expect_rows("invoices at the node", 1, settled)
}
