//! What live streams read: how far wallets are, and what one wallet has missed.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool};

use super::wallets::CHUNK_IDS;
use crate::domain::consumer::Consumer;
use crate::domain::ids::{InvoiceId, PaymentHash, PaymentRow, UserId, WalletId};
use crate::domain::money::Msat;
use crate::ledger::command::Authority;
use crate::ledger::movement::Movement;
use crate::ledger::state::InvoiceState;
use crate::store::access::grants;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, invoices, transfers, wallets};

/// Rows that one step of a search reads.
const STEP_ROWS: i64 = 1000;
/// Steps of one search.
const STEPS_MAX: i64 = 100;
/// Invoices, and sent payments, that one search looks at: a tenth of a second's worth.
pub const SEARCH_ROWS_MAX: i64 = STEPS_MAX * STEP_ROWS;

/// How far a wallet is, and whose keys it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many movements its chain has.
    pub entries: i64,
    keys_version: i64,
    usable: bool,
}

impl Standing {
    /// Whether keys of this generation still work.
    pub const fn lets(&self, keys_version: i64) -> bool {
        self.usable && self.keys_version == keys_version
    }
}

type StandingColumns = (Vec<u8>, i64, i64, Option<i64>, (Option<String>, Option<String>, bool));

/// How far wallets are.
pub fn standings(connection: &mut Db, wallets: &[WalletId]) -> Result<HashMap<WalletId, Standing>, StoreError> {
    let mut found = HashMap::with_capacity(wallets.len());
    for wallets in wallets.chunks(CHUNK_IDS) {
        let rows: Vec<StandingColumns> = accounts::table
            .filter(accounts::id.eq_any(wallets.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .select((
                accounts::id,
                accounts::entries,
                accounts::keys_version,
                accounts::closed_at_ms,
                (accounts::frozen_by_manager, accounts::frozen_by_operator, accounts::deactivated),
            ))
            .load(connection)?;
        for (id, entries, keys_version, closed_at, (by_manager, by_operator, deactivated)) in rows {
            let is_frozen = grants::is_frozen(by_manager.as_deref(), by_operator.as_deref(), deactivated)?;
            let usable = closed_at.is_none() && !is_frozen;
            found.insert(WalletId::from_slice(&id)?, Standing { entries, keys_version, usable });
        }
    }
    Ok(found)
}

/// An invoice's id, the root manager of its wallet, and its wallet's user.
type OwnerColumns = (Vec<u8>, Option<Vec<u8>>, Vec<u8>);

/// The invoice of a payment hash, and whose it is.
pub fn owner(connection: &mut Db, hash: PaymentHash) -> Result<Option<(InvoiceId, Consumer)>, StoreError> {
    let found: Option<OwnerColumns> = invoices::table
        .inner_join(accounts::table.on(accounts::id.eq(invoices::wallet_id)))
        .inner_join(wallets::table.on(wallets::id.eq(invoices::wallet_id)))
        .filter(invoices::payment_hash.eq(hash.as_bytes().as_slice()))
        .select((invoices::id, accounts::root_id, wallets::user_id))
        .first(connection)
        .optional()?;
    let Some((invoice, root, user)) = found else { return Ok(None) };
    let consumer = match root {
        Some(root) => Consumer::of(UserId::from_slice(&root)?, UserId::from_slice(&user)?),
        None => Consumer::NOBODY,
    };
    Ok(Some((InvoiceId::from_slice(&invoice)?, consumer)))
}

/// Those of some invoices that are no longer open.
pub fn no_longer_open(connection: &mut Db, ids: &[InvoiceId]) -> Result<Vec<InvoiceId>, StoreError> {
    let mut found = Vec::new();
    for ids in ids.chunks(CHUNK_IDS) {
        let rows: Vec<Vec<u8>> = invoices::table
            .filter(invoices::id.eq_any(ids.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .filter(invoices::state.eq_any([InvoiceState::Paid.as_str(), InvoiceState::Cancelled.as_str()]))
            .select(invoices::id)
            .load(connection)?;
        for id in rows {
            found.push(InvoiceId::from_slice(&id)?);
        }
    }
    Ok(found)
}

/// How many movements a wallet's chain has, for a key that still works.
pub fn entries(connection: &mut Db, authority: Authority) -> Result<i64, StoreError> {
    grants::authorize(connection, authority)?;
    let id = authority.account.as_bytes().as_slice();
    Ok(accounts::table.filter(accounts::id.eq(id)).select(accounts::entries).first(connection)?)
}

/// The movements of a wallet from after one up to another, in order; `None` where not all of
/// them are found among the wallet's newest invoices and payments: one that was paid may stand
/// behind any number that were not.
///
/// They are searched for from the newest on, because the rows stand in the order in which
/// payments and invoices were made; that is roughly, and not exactly, the order in which they
/// were settled. As the chain has no gaps, it is known how many there are, and the search
/// goes on until all are found.
pub fn movements(
    connection: &mut Db,
    wallet: WalletId,
    after: i64,
    until: i64,
) -> Result<Option<Vec<Movement>>, StoreError> {
    let missing = usize::try_from(until.saturating_sub(after)).unwrap_or_default();
    let account = accounts::table.filter(accounts::id.eq(wallet.as_bytes().as_slice()));
    let held = Msat::new(account.select(accounts::held_msat).first(connection)?);
    let within = Within { wallet, held, after, until };
    let mut found = Vec::with_capacity(missing);
    let (mut sent_before, mut received_before) = (Some(vec![0xff; 16]), Some(vec![0xff; 16]));
    let mut steps = 0..STEPS_MAX;
    while found.len() < missing {
        if steps.next().is_none() {
            return Ok(None);
        }
        if sent_before.is_none() && received_before.is_none() {
            let lost = missing.saturating_sub(found.len());
            return Err(StoreError::Broken(format!("{lost} movements of the wallet {wallet} are nowhere to be found")));
        }
        if let Some(before) = &received_before {
            let rows = received(connection, wallet, before)?;
            received_before = last_of(&rows);
            collect(&mut found, rows, within, true)?;
        }
        if let Some(before) = sent_before.as_ref().filter(|_| found.len() < missing) {
            let rows = sent(connection, wallet, before)?;
            sent_before = last_of(&rows);
            collect(&mut found, rows, within, false)?;
        }
    }
    found.sort_unstable_by_key(|movement| movement.entry);
    Ok(Some(found))
}

/// The id of a row, and its number and balance where it has moved anything.
type Step = (Vec<u8>, Option<(i64, i64)>);

/// What a wallet has sent, newest first.
fn sent(connection: &mut Db, wallet: WalletId, before: &[u8]) -> Result<Vec<Step>, StoreError> {
    let rows: Vec<(Vec<u8>, i64, i64)> = transfers::table
        .filter(transfers::debit_account.eq(wallet.as_bytes().as_slice()))
        .filter(transfers::id.lt(before))
        .order(transfers::id.desc())
        .limit(STEP_ROWS)
        .select((transfers::id, transfers::debit_entry, transfers::debit_balance_msat))
        .load(connection)?;
    Ok(rows.into_iter().map(|(id, entry, balance)| (id, Some((entry, balance)))).collect())
}

/// A wallet's invoices, newest first, with what they have brought in.
fn received(connection: &mut Db, wallet: WalletId, before: &[u8]) -> Result<Vec<Step>, StoreError> {
    let id = wallet.as_bytes().as_slice();
    let newest = invoices::table
        .left_join(transfers::table.on(transfers::invoice_id.eq(invoices::id)))
        .order((invoices::wallet_id.desc(), invoices::id.desc()))
        .limit(STEP_ROWS)
        .select((invoices::id, (transfers::credit_entry, transfers::credit_balance_msat).nullable()));
    Ok(match connection {
        Db::Sqlite(c) => newest.filter(invoices::wallet_id.eq(id)).filter(invoices::id.lt(before)).load(c)?,
        // PostgreSQL would rather look through the newest invoices of everybody, unless it is
        // asked for a range of wallets: see `PaymentFilter`.
        Db::Postgres(c) => {
            let comes_before = diesel::dsl::sql::<Bool>("(invoices.wallet_id, invoices.id) < (")
                .bind::<Binary, _>(id)
                .sql(", ")
                .bind::<Binary, _>(before)
                .sql(")");
            newest.filter(invoices::wallet_id.between(id, id)).filter(comes_before).load(c)?
        }
    })
}

/// Where the next step begins; `None` where there is nothing more.
fn last_of(rows: &[Step]) -> Option<Vec<u8>> {
    let full = i64::try_from(rows.len()).is_ok_and(|count| count == STEP_ROWS);
    rows.last().filter(|_| full).map(|(id, _)| id.clone())
}

/// Which movements of a wallet are searched for, and what is held of it now.
#[derive(Clone, Copy)]
struct Within {
    wallet: WalletId,
    held: Msat,
    after: i64,
    until: i64,
}

fn collect(found: &mut Vec<Movement>, rows: Vec<Step>, within: Within, received: bool) -> Result<(), StoreError> {
    let Within { wallet, held, after, until } = within;
    for (id, moved) in rows {
        if let Some((entry, balance)) = moved.filter(|(entry, _)| *entry > after && *entry <= until) {
            let (row, available) = (PaymentRow::from_slice(&id)?, Msat::new(balance).without(held));
            found.push(Movement { account: wallet.account(), entry, available, received, row });
        }
    }
    Ok(())
}
