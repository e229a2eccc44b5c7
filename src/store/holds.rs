//! Holds: reading them, each as one of its moves left it, and finding those that are over.

use std::collections::HashMap;

use diesel::helper_types::IntoBoxed;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::domain::extra::Extra;
use crate::domain::hold::{HoldGroup, HoldState, HoldSums, MoveKind};
use crate::domain::hold_view::{CaptureView, HoldTerms, HoldView};
use crate::domain::ids::{HoldId, HoldMoveId, PaymentHash, TransferId, UserId, WalletId};
use crate::domain::money::Amount;
use crate::domain::time::UnixMs;
use crate::store::db::connection::{Db, MultiBackend};
use crate::store::db::error::StoreError;
use crate::store::db::schema::{hold_moves, holds, invoices, transfers, users, wallets};
use crate::store::wallets::CHUNK_IDS;

/// Which holds to list.
#[derive(Clone, Debug)]
pub struct HoldFilter {
    /// Those of this wallet, or else those that this manager has placed.
    pub of: Owner,
    /// Only those of these groups of the manager, if there are any.
    pub groups: Vec<String>,
    /// Only those in one of these states, if there are any.
    pub states: Vec<HoldState>,
    /// The time at which open ones are over.
    pub now: UnixMs,
}

/// Whose holds are listed.
#[derive(Clone, Copy, Debug)]
pub enum Owner {
    /// Those of a wallet of the tenant.
    Wallet(WalletId),
    /// Those of the manager's own wallet, without what nobody but its manager may see.
    OwnWallet(WalletId, UserId),
    /// Those that a manager has placed.
    Manager(UserId),
}

/// An id, a payment hash, and the invoice that it is for, if it is for one.
type OverColumns = (Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// A hold that is over, and the payment hash of the hold invoice that it is for, if it is.
pub type Over = (HoldId, Option<PaymentHash>);

/// An id, a wallet, a payment hash, a group, a memo, extra, created at, expires at, how many moves.
type Columns = (Vec<u8>, Vec<u8>, Vec<u8>, Option<String>, String, Option<String>, i64, i64, i64);

/// A hold, a number, a kind, an amount, a time, and what a capture paid to whom.
type MoveColumns = (Vec<u8>, i64, String, i64, i64, Option<Vec<u8>>, Option<Vec<u8>>);

/// What a hold has done up to a move.
struct Story {
    sums: HoldSums,
    closed_at: Option<UnixMs>,
    captures: Vec<CaptureView>,
}

/// The wallets of holds, as far as they are a manager's business: those of users that it has created,
/// and of the wallet whose key it has shown. Of that one only what nobody above has placed: a user
/// who may create users must not get at what its own manager holds.
pub fn wallets_of(
    connection: &mut Db,
    ids: &[HoldId],
    tenant: UserId,
    own: WalletId,
) -> Result<HashMap<HoldId, WalletId>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(CHUNK_IDS) {
        let rows: Vec<(Vec<u8>, Vec<u8>)> = holds::table
            .inner_join(wallets::table.on(wallets::id.eq(holds::wallet_id)))
            .inner_join(users::table.on(users::id.eq(wallets::user_id)))
            .filter(holds::id.eq_any(ids.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .filter(holds::bolt11.is_null())
            .filter(
                users::manager_id
                    .assume_not_null()
                    .eq(tenant.as_bytes().as_slice())
                    .or(wallets::id.eq(own.as_bytes().as_slice()).and(is_of(tenant))),
            )
            .select((holds::id, holds::wallet_id))
            .load(connection)?;
        for (id, wallet) in rows {
            found.insert(HoldId::from_slice(&id)?, WalletId::from_slice(&wallet)?);
        }
    }
    Ok(found)
}

/// Whether a manager has placed a hold, or nobody has, because it is for a hold invoice.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_of(manager: UserId) -> _ {
    let id: Vec<u8> = manager.as_bytes().to_vec();
    holds::manager_id.is_null().or(holds::manager_id.assume_not_null().eq(id))
}

/// Holds as these moves left them, in this order.
pub fn as_of(connection: &mut Db, moves: &[HoldMoveId]) -> Result<Vec<HoldView>, StoreError> {
    let ids: Vec<_> = moves.iter().map(|last| last.hold()).collect();
    let mut terms = HashMap::with_capacity(ids.len());
    for (terms_of, _) in terms_of(connection, &ids)? {
        terms.insert(terms_of.id, terms_of);
    }
    let mut stories = stories(connection, moves)?;
    let view = |last: &HoldMoveId| {
        let (terms, story) = (terms.remove(&last.hold())?, stories.remove(last)?);
        Some(HoldView::new(terms, story.sums, story.closed_at, story.captures))
    };
    moves.iter().map(view).collect::<Option<_>>().ok_or(StoreError::NotFound)
}

/// Holds as they are, in this order.
fn as_they_are(connection: &mut Db, ids: &[HoldId], now: UnixMs) -> Result<Vec<HoldView>, StoreError> {
    let terms = terms_of(connection, ids)?;
    let moves: Vec<_> = terms.iter().map(|(terms, moves)| terms.id.at_move(*moves)).collect();
    let mut stories = stories(connection, &moves)?;
    let mut views = HashMap::with_capacity(terms.len());
    for ((terms, _), last) in terms.into_iter().zip(moves) {
        let (id, expires_at) = (terms.id, terms.expires_at);
        let story = stories.remove(&last).ok_or(StoreError::NotFound)?;
        let view = HoldView::new(terms, story.sums, story.closed_at, story.captures);
        views.insert(id, view.at(expires_at, now));
    }
    ids.iter().map(|id| views.remove(id)).collect::<Option<_>>().ok_or(StoreError::NotFound)
}

/// A hold as it is.
pub fn find(connection: &mut Db, id: HoldId, now: UnixMs) -> Result<HoldView, StoreError> {
    as_they_are(connection, &[id], now)?.pop().ok_or(StoreError::NotFound)
}

/// The transfer that has settled the payment of a hold invoice, by the hold that it was before.
pub(crate) fn settled_as(connection: &mut Db, id: HoldId) -> Result<Option<TransferId>, StoreError> {
    let transfer: Option<Option<Vec<u8>>> = hold_moves::table
        .inner_join(holds::table.on(holds::id.eq(hold_moves::hold_id)))
        .filter(hold_moves::hold_id.eq(id.as_bytes().as_slice()))
        .filter(hold_moves::transfer_id.is_not_null())
        .filter(holds::invoice_id.is_not_null())
        .select(hold_moves::transfer_id)
        .first(connection)
        .optional()?;
    Ok(transfer.flatten().map(|id| TransferId::from_slice(&id)).transpose()?)
}

/// A page of holds, newest first.
pub fn list(connection: &mut Db, filter: &HoldFilter, offset: i64, limit: i64) -> Result<Vec<HoldView>, StoreError> {
    let ids: Vec<Vec<u8>> =
        filter.query().order(holds::id.desc()).offset(offset).limit(limit).select(holds::id).load(connection)?;
    let ids = ids.iter().map(|id| HoldId::from_slice(id)).collect::<Result<Vec<_>, _>>()?;
    as_they_are(connection, &ids, filter.now)
}

/// Some open holds whose time is over.
pub fn over(connection: &mut Db, now: UnixMs, limit: i64) -> Result<Vec<Over>, StoreError> {
    let rows: Vec<OverColumns> = holds::table
        .filter(holds::state.eq("open"))
        .filter(holds::bolt11.is_null())
        .filter(holds::expires_at_ms.le(now.get()))
        .order((holds::expires_at_ms, holds::id))
        .limit(limit)
        .select((holds::id, holds::payment_hash, holds::invoice_id))
        .load(connection)?;
    let over = |(id, hash, invoice): OverColumns| {
        let hash = invoice.map(|_| PaymentHash::from_slice(&hash)).transpose()?;
        Ok((HoldId::from_slice(&id)?, hash))
    };
    rows.into_iter().map(over).collect()
}

impl HoldFilter {
    fn query(&self) -> IntoBoxed<'static, holds::table, MultiBackend> {
        let mut query = holds::table.filter(holds::bolt11.is_null()).into_boxed();
        query = match self.of {
            Owner::Wallet(id) => query.filter(holds::wallet_id.eq(id.as_bytes().to_vec())),
            Owner::OwnWallet(id, manager) => {
                query.filter(holds::wallet_id.eq(id.as_bytes().to_vec())).filter(is_of(manager))
            }
            Owner::Manager(id) => query.filter(holds::manager_id.assume_not_null().eq(id.as_bytes().to_vec())),
        };
        if !self.groups.is_empty() {
            query = query.filter(holds::group_name.assume_not_null().eq_any(self.groups.clone()));
        }
        if self.states.is_empty() { query } else { query.filter(self.is_in_states()) }
    }

    /// Whether a hold is in one of the states. An open one whose time is over has expired, whether or
    /// not it was closed.
    fn is_in_states(&self) -> Box<dyn BoxableExpression<holds::table, MultiBackend, SqlType = Bool>> {
        let asks_for = |state| self.states.contains(&state);
        let kept: Vec<_> =
            self.states.iter().filter(|state| **state != HoldState::Open).map(|it| it.as_str()).collect();
        let is_open = holds::state.eq("open");
        let (is_before, is_over) = (holds::expires_at_ms.gt(self.now.get()), holds::expires_at_ms.le(self.now.get()));
        match (asks_for(HoldState::Open), asks_for(HoldState::Expired)) {
            // By the index of what is open, which a longer condition would keep it from.
            (true, false) if kept.is_empty() => Box::new(is_open.and(is_before)),
            (true, false) => Box::new(holds::state.eq_any(kept).or(is_open.and(is_before))),
            (false, true) => Box::new(holds::state.eq_any(kept).or(is_open.and(is_over))),
            (true, true) => Box::new(holds::state.eq_any(kept).or(is_open)),
            (false, false) => Box::new(holds::state.eq_any(kept)),
        }
    }
}

/// What holds were placed with, and how many moves each has made.
fn terms_of(connection: &mut Db, ids: &[HoldId]) -> Result<Vec<(HoldTerms, u16)>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(CHUNK_IDS) {
        let rows: Vec<Columns> = holds::table
            .filter(holds::id.eq_any(ids.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .select((
                holds::id,
                holds::wallet_id,
                holds::payment_hash,
                holds::group_name,
                holds::memo,
                holds::extra,
                holds::created_at_ms,
                holds::expires_at_ms,
                holds::moves,
            ))
            .load(connection)?;
        for (id, wallet, hash, group, memo, extra, created_at_ms, expires_at_ms, moves) in rows {
            let terms = HoldTerms {
                id: HoldId::from_slice(&id)?,
                wallet: WalletId::from_slice(&wallet)?,
                payment_hash: PaymentHash::from_slice(&hash)?,
                group: group.map(HoldGroup::from_stored),
                memo,
                extra: extra.map(Extra::from_stored),
                created_at: UnixMs::new(created_at_ms),
                expires_at: UnixMs::new(expires_at_ms),
            };
            found.push((terms, u16::try_from(moves).or_else(|_| broken("too many moves"))?));
        }
    }
    Ok(found)
}

/// What holds have done up to these moves.
fn stories(connection: &mut Db, moves: &[HoldMoveId]) -> Result<HashMap<HoldMoveId, Story>, StoreError> {
    let last: HashMap<HoldId, u16> = moves.iter().map(|last| (last.hold(), last.number())).collect();
    let mut stories: HashMap<HoldMoveId, Story> = HashMap::with_capacity(moves.len());
    for moves in moves.chunks(CHUNK_IDS) {
        let ids: Vec<_> = moves.iter().map(|last| last.hold().as_bytes().to_vec()).collect();
        let rows: Vec<MoveColumns> = hold_moves::table
            .inner_join(holds::table.on(holds::id.eq(hold_moves::hold_id)))
            .left_join(transfers::table.on(
                transfers::debit_account.eq(holds::wallet_id).and(transfers::id.nullable().eq(hold_moves::transfer_id)),
            ))
            .left_join(invoices::table.on(invoices::id.eq(transfers::invoice_id)))
            .filter(hold_moves::hold_id.eq_any(ids))
            .order((hold_moves::hold_id, hold_moves::n))
            .select((
                hold_moves::hold_id,
                hold_moves::n,
                hold_moves::kind,
                hold_moves::amount_msat,
                hold_moves::created_at_ms,
                invoices::payment_hash.nullable(),
                transfers::credit_account.nullable(),
            ))
            .load(connection)?;
        for row in rows {
            let hold = HoldId::from_slice(&row.0)?;
            let Some(until) = last.get(&hold).filter(|until| row.1 <= i64::from(**until)) else { continue };
            add_to_story(&mut stories, hold.at_move(*until), row)?;
        }
    }
    Ok(stories)
}

fn add_to_story(
    stories: &mut HashMap<HoldMoveId, Story>,
    last: HoldMoveId,
    (_, _, kind, amount_msat, at_ms, hash, payee): MoveColumns,
) -> Result<(), StoreError> {
    let amount = Amount::from_stored(amount_msat).or_else(|_| broken("a move of nothing"))?;
    let kind = MoveKind::from_stored(&kind).map_or_else(|| broken("an unknown move"), Ok)?;
    let at = UnixMs::new(at_ms);
    let new = || Story { sums: HoldSums::placed(amount), closed_at: None, captures: Vec::new() };
    let story = stories.entry(last).or_insert_with(new);
    story.sums = story.sums.after(kind, amount);
    story.closed_at = (story.sums.state != HoldState::Open).then_some(at);
    if let Some((hash, payee)) = hash.zip(payee) {
        let (hash, payee) = (PaymentHash::from_slice(&hash)?, WalletId::from_slice(&payee)?);
        story.captures.push(CaptureView::new(hash, payee, amount, at));
    }
    Ok(())
}

fn broken<T>(what: &str) -> Result<T, StoreError> {
    Err(StoreError::Broken(format!("a hold with {what}")))
}
