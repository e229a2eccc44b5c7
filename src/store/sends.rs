//! Payments to other nodes, as a worker takes them up: who works on which, what is known of each, and when to
//! look again. No money moves here; the ledger begins and ends them.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::domain::ids::{HoldId, OwnerId, PaymentHash, UserId, WalletId};
use crate::domain::money::{Amount, Msat};
use crate::domain::send::{NodeName, SendState};
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{holds, sends};

/// A payment to another node.
#[derive(Clone, Debug)]
pub struct Send {
    /// Its hold.
    pub hold: HoldId,
    /// The invoice's payment hash.
    pub payment_hash: PaymentHash,
    /// The payer.
    pub wallet: WalletId,
    /// The payer's tenant.
    pub tenant: Option<UserId>,
    /// Where it stands.
    pub state: SendState,
    /// The invoice.
    pub bolt11: String,
    /// What the payee gets.
    pub amount: Amount,
    /// Whether the invoice leaves the amount to the payer.
    pub is_amountless: bool,
    /// The most that routing may cost.
    pub fee_max: Msat,
    /// What is reserved in all.
    pub reserved: Amount,
    /// The node that was asked to pay.
    pub node: Option<NodeName>,
    /// The attempt of this hash that the node had seen fail before it was asked.
    pub earlier_attempt: Option<i64>,
    /// How often the node was asked to pay.
    pub tries: i64,
    /// When the node was asked last.
    pub sent_at: Option<UnixMs>,
    /// When to look again; for a worker that has taken it up, until when it has it.
    pub due_at: UnixMs,
    /// The last that was heard of it.
    pub note: Option<String>,
    /// When it began.
    pub created_at: UnixMs,
    /// The time from which the invoice can no longer be paid.
    pub expires_at: UnixMs,
}

#[derive(Queryable)]
struct Row {
    hold_id: Vec<u8>,
    payment_hash: Vec<u8>,
    wallet_id: Vec<u8>,
    tenant: Option<Vec<u8>>,
    state: String,
    bolt11: Option<String>,
    sent_msat: Option<i64>,
    amount_msat: Option<i64>,
    fee_max_msat: i64,
    reserved_msat: i64,
    node: Option<String>,
    earlier_attempt: Option<i64>,
    tries: i64,
    sent_at_ms: Option<i64>,
    due_at_ms: i64,
    note: Option<String>,
    created_at_ms: i64,
    expires_at_ms: i64,
}

impl TryFrom<Row> for Send {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let broken = |what: &str| StoreError::Broken(format!("a payment to another node with {what}"));
        let amount = |msat| Amount::from_stored(msat).map_err(|error| StoreError::Broken(error.to_string()));
        Ok(Self {
            hold: HoldId::from_slice(&row.hold_id)?,
            payment_hash: PaymentHash::from_slice(&row.payment_hash)?,
            wallet: WalletId::from_slice(&row.wallet_id)?,
            tenant: row.tenant.map(|id| UserId::from_slice(&id)).transpose()?,
            state: SendState::from_stored(&row.state).ok_or_else(|| broken("an unknown state"))?,
            bolt11: row.bolt11.ok_or_else(|| broken("no invoice"))?,
            amount: amount(row.sent_msat.ok_or_else(|| broken("no amount"))?)?,
            is_amountless: row.amount_msat.is_some(),
            fee_max: Msat::new(row.fee_max_msat),
            reserved: amount(row.reserved_msat)?,
            node: row.node.map(NodeName::new),
            earlier_attempt: row.earlier_attempt,
            tries: row.tries,
            sent_at: row.sent_at_ms.map(UnixMs::new),
            due_at: UnixMs::new(row.due_at_ms),
            note: row.note,
            created_at: UnixMs::new(row.created_at_ms),
            expires_at: UnixMs::new(row.expires_at_ms),
        })
    }
}

/// The columns of a [`Row`].
macro_rules! columns {
    () => {
        (
            sends::hold_id,
            sends::payment_hash,
            sends::wallet_id,
            sends::tenant,
            sends::state,
            holds::bolt11,
            holds::sent_msat,
            sends::amount_msat,
            sends::fee_max_msat,
            sends::reserved_msat,
            sends::node,
            sends::earlier_attempt,
            sends::tries,
            sends::sent_at_ms,
            sends::due_at_ms,
            sends::note,
            sends::created_at_ms,
            holds::expires_at_ms,
        )
    };
}

/// Takes up some payments that are due, for this worker until `until`. Those of tenants that have enough under
/// work already are left alone.
pub fn claim(
    connection: &mut Db,
    worker: OwnerId,
    now: UnixMs,
    until: UnixMs,
    busy: &[UserId],
    limit: i64,
) -> Result<Vec<Send>, StoreError> {
    let busy: Vec<_> = busy.iter().map(|id| id.as_bytes().to_vec()).collect();
    let due = sends::table
        .filter(sends::state.eq_any(SendState::UNDER_WAY))
        .filter(sends::due_at_ms.le(now.get()))
        .filter(sends::tenant.is_null().or(sends::tenant.assume_not_null().ne_all(busy)))
        .order((sends::due_at_ms, sends::hold_id))
        .limit(limit)
        .select(sends::hold_id);
    let ids: Vec<Vec<u8>> = match connection {
        // The transaction holds the only write lock.
        Db::Sqlite(c) => due.load(c)?,
        Db::Postgres(c) => due.for_no_key_update().skip_locked().load(c)?,
    };
    diesel::update(sends::table.filter(sends::hold_id.eq_any(&ids)))
        .set((sends::owner.eq(worker.as_bytes().as_slice()), sends::due_at_ms.eq(until.get())))
        .execute(connection)?;
    let rows: Vec<Row> = sends::table
        .inner_join(holds::table.on(holds::id.eq(sends::hold_id)))
        .filter(sends::hold_id.eq_any(&ids))
        .order(sends::created_at_ms)
        .select(columns!())
        .load(connection)?;
    rows.into_iter().map(Send::try_from).collect()
}

/// A payment that a worker has taken up, until a time. Whoever takes it up later has it until a later time, so
/// that of two that believe to have it only one does, even if both are of one process.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// The payment.
    pub hold: HoldId,
    /// The worker.
    pub worker: OwnerId,
    /// Until when.
    pub until: UnixMs,
}

/// The row of a payment that has not ended, if this lease of it is the last one.
macro_rules! leased {
    ($lease:expr) => {
        sends::table
            .filter(sends::hold_id.eq($lease.hold.as_bytes().as_slice()))
            .filter(sends::owner.assume_not_null().eq($lease.worker.as_bytes().as_slice()))
            .filter(sends::due_at_ms.eq($lease.until.get()))
            .filter(sends::ended_at_ms.is_null())
    };
}

/// Extends a lease until a later time; `None` if the payment has ended, or somebody else has taken it up.
pub fn renew(connection: &mut Db, lease: Lease, until: UnixMs) -> Result<Option<Lease>, StoreError> {
    let renewed = diesel::update(leased!(lease)).set(sends::due_at_ms.eq(until.get())).execute(connection)?;
    Ok((renewed == 1).then_some(Lease { until, ..lease }))
}

/// Notes that the node is asked to pay now: committed before it is. Extends the lease, as [`renew`] does.
pub fn begin_sending(
    connection: &mut Db,
    lease: Lease,
    node: &NodeName,
    earlier_attempt: Option<i64>,
    now: UnixMs,
    until: UnixMs,
) -> Result<Option<Lease>, StoreError> {
    let begun = diesel::update(leased!(lease))
        .set((
            sends::state.eq(SendState::Sending.as_str()),
            sends::node.eq(node.as_str()),
            sends::earlier_attempt.eq(earlier_attempt),
            sends::tries.eq(sends::tries + 1),
            sends::sent_at_ms.eq(now.get()),
            sends::due_at_ms.eq(until.get()),
        ))
        .execute(connection)?;
    Ok((begun == 1).then_some(Lease { until, ..lease }))
}

/// Notes what is known of a payment that has not ended, and gives it back until it is due again.
pub fn put_back(
    connection: &mut Db,
    lease: Lease,
    state: SendState,
    note: &str,
    due_at: UnixMs,
) -> Result<(), StoreError> {
    diesel::update(leased!(lease))
        .set((
            sends::state.eq(state.as_str()),
            sends::note.eq(note),
            sends::due_at_ms.eq(due_at.get()),
            sends::owner.eq(None::<Vec<u8>>),
        ))
        .execute(connection)?;
    Ok(())
}

/// Gives back at once what a worker has taken up, which stops. What the node is being asked for it keeps for its
/// time: that may still reach the node.
pub fn give_back(connection: &mut Db, worker: OwnerId, now: UnixMs) -> Result<(), StoreError> {
    let mine = sends::table
        .filter(sends::owner.assume_not_null().eq(worker.as_bytes().as_slice()))
        .filter(sends::state.eq_any([SendState::Reserved.as_str(), SendState::InFlight.as_str()]));
    diesel::update(mine).set((sends::due_at_ms.eq(now.get()), sends::owner.eq(None::<Vec<u8>>))).execute(connection)?;
    Ok(())
}

/// A payment, whether or not it has ended.
pub fn find(connection: &mut Db, hold: HoldId) -> Result<Send, StoreError> {
    let row: Row = sends::table
        .inner_join(holds::table.on(holds::id.eq(sends::hold_id)))
        .filter(sends::hold_id.eq(hold.as_bytes().as_slice()))
        .select(columns!())
        .first(connection)?;
    Send::try_from(row)
}

/// Payments that have not ended, the oldest first.
pub fn under_way(connection: &mut Db, offset: i64, limit: i64) -> Result<Vec<Send>, StoreError> {
    let rows: Vec<Row> = sends::table
        .inner_join(holds::table.on(holds::id.eq(sends::hold_id)))
        .filter(sends::state.eq_any(SendState::UNDER_WAY))
        .order((sends::created_at_ms, sends::hold_id))
        .offset(offset)
        .limit(limit)
        .select(columns!())
        .load(connection)?;
    rows.into_iter().map(Send::try_from).collect()
}

/// How many payments have not ended, and when the oldest of them began.
pub fn standing(connection: &mut Db) -> Result<(i64, Option<UnixMs>), StoreError> {
    let under_way = || sends::table.filter(sends::state.eq_any(SendState::UNDER_WAY));
    let count: i64 = under_way().count().get_result(connection)?;
    let oldest: Option<i64> =
        under_way().select(diesel::dsl::min(sends::created_at_ms)).first::<Option<i64>>(connection)?;
    Ok((count, oldest.map(UnixMs::new)))
}

/// The payment hash of the last that a node had sent, and that was known to have arrived, before a time: a node
/// that has lost what it did then does not know it. What it has sent since would prove nothing.
pub fn last_settled(connection: &mut Db, node: &NodeName, before: UnixMs) -> Result<Option<PaymentHash>, StoreError> {
    let hash: Option<Vec<u8>> = sends::table
        .filter(sends::state.eq(SendState::Settled.as_str()))
        .filter(sends::node.assume_not_null().eq(node.as_str()))
        .filter(sends::ended_at_ms.assume_not_null().le(before.get()))
        // When those that were late arrived is not known.
        .filter(sends::is_late.eq(false))
        .order(sends::ended_at_ms.desc())
        .select(sends::payment_hash)
        .first(connection)
        .optional()?;
    Ok(hash.map(|hash| PaymentHash::from_slice(&hash)).transpose()?)
}

/// A payment to another node, as it is booked.
#[derive(Clone, Debug)]
pub struct BookedSend {
    /// Its payment hash.
    pub payment_hash: PaymentHash,
    /// Where it stands.
    pub state: SendState,
    /// What the payee gets.
    pub amount: Msat,
    /// What routing has cost the payer.
    pub fee: Msat,
    /// The most that it may have cost.
    pub fee_max: Msat,
    /// Whether this node was asked to pay it.
    pub is_of_node: bool,
    /// Whether it has arrived after it had been reported as failed.
    pub is_late: bool,
}

/// A payment hash, a state, an amount, what it has cost in all, the operator's part, the most for routing, the node,
/// and whether it came late.
type BookedColumns = (Vec<u8>, String, Option<i64>, Option<i64>, i64, i64, Option<String>, bool);

/// All payments to other nodes, those of one hash in the order in which they began.
pub fn booked(connection: &mut Db, node: &NodeName) -> Result<Vec<BookedSend>, StoreError> {
    let rows: Vec<BookedColumns> = sends::table
        .inner_join(holds::table.on(holds::id.eq(sends::hold_id)))
        .order(sends::created_at_ms)
        .select((
            sends::payment_hash,
            sends::state,
            holds::sent_msat,
            holds::fee_msat,
            sends::service_fee_msat,
            sends::fee_max_msat,
            sends::node,
            sends::is_late,
        ))
        .load(connection)?;
    let booked = |(hash, state, amount, cost, service_fee, fee_max, of, is_late): BookedColumns| {
        let state = SendState::from_stored(&state);
        let fee = Msat::new(cost.unwrap_or_default()).without(Msat::new(service_fee));
        Ok(BookedSend {
            payment_hash: PaymentHash::from_slice(&hash)?,
            state: state
                .ok_or_else(|| StoreError::Broken("a payment to another node in an unknown state".to_owned()))?,
            amount: Msat::new(amount.unwrap_or_default()),
            fee,
            fee_max: Msat::new(fee_max),
            is_of_node: of.as_deref() == Some(node.as_str()),
            is_late,
        })
    };
    rows.into_iter().map(booked).collect()
}

/// What all accounts of wallets hold: what the operator owes.
pub fn liabilities(connection: &mut Db) -> Result<Msat, StoreError> {
    #[derive(QueryableByName)]
    struct Sum {
        #[diesel(sql_type = BigInt)]
        msat: i64,
    }
    let query = diesel::sql_query(
        "SELECT CAST(COALESCE(SUM(balance_msat), 0) AS BIGINT) AS msat FROM accounts WHERE kind = 'wallet'",
    );
    let sum: Sum = match connection {
        Db::Sqlite(c) => query.get_result(c)?,
        Db::Postgres(c) => query.get_result(c)?,
    };
    Ok(Msat::new(sum.msat))
}
