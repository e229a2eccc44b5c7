//! What settlement reads, column by column, converted to the ledger's types.

use std::collections::HashMap;

use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

use crate::crypto::secret::Sealed;
use crate::domain::controls::{Freeze, Freezes, Limits, Spent};
use crate::domain::idempotency::{IdempotencyKey, RequestDigest};
use crate::domain::ids::{AccountId, InvoiceId, OriginId, PaymentHash, UserId};
use crate::domain::money::{Amount, Msat};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKinds;
use crate::ledger::state::{Account, AccountKind, AtNode, Claimed, Invoice, InvoiceState};
use crate::store::db::columns::read_columns;
use crate::store::db::error::StoreError;
use crate::store::idempotency::whole_rows;

read_columns!(
    /// The columns read for an invoice.
    pub(crate) struct InvoiceColumns, InvoiceTypes, invoice_columns {
        payment_hash: Vec<u8> as Binary,
        id: Vec<u8> as Binary,
        wallet_id: Vec<u8> as Binary,
        amount_msat: i64 as BigInt,
        state: String as Text,
        bolt11: Option<String> as Nullable<Text>,
        memo: String as Text,
        preimage_sealed: Option<Vec<u8>> as Nullable<Binary>,
        created_at_ms: i64 as BigInt,
        expires_at_ms: i64 as BigInt,
        has_webhook: bool as Bool = "webhook IS NOT NULL",
        origin: Option<Vec<u8>> as Nullable<Binary>,
        at_node: Option<String> as Nullable<Text>,
    }
);

read_columns!(
    /// The columns read for an account.
    pub(crate) struct AccountColumns, AccountTypes, account_columns {
        id: Vec<u8> as Binary,
        kind: String as Text,
        balance_msat: i64 as BigInt,
        held_msat: i64 as BigInt,
        entries: i64 as BigInt,
        keys_version: i64 as BigInt,
        closed_at_ms: Option<i64> as Nullable<BigInt>,
        frozen_by_manager: Option<String> as Nullable<Text>,
        frozen_by_operator: Option<String> as Nullable<Text>,
        deactivated: bool as Bool,
        payment_max_msat: Option<i64> as Nullable<BigInt>,
        day_max_msat: Option<i64> as Nullable<BigInt>,
        spent_day: i64 as BigInt,
        spent_msat: i64 as BigInt,
        subscribed: Option<i64> as Nullable<BigInt> =
            "(SELECT s.kinds FROM subscriptions AS s WHERE s.manager_id = accounts.tenant)",
        tenant: Option<Vec<u8>> as Nullable<Binary>,
    }
);

read_columns!(
    /// The columns read for a claim.
    pub(crate) struct ClaimColumns, ClaimTypes, claim_columns {
        account_id: Vec<u8> as Binary,
        key_digest: Vec<u8> as Binary,
        request_digest: Vec<u8> as Binary,
        payment_ids: Option<Vec<u8>> as Nullable<Binary>,
    }
);

pub(crate) use {account_columns, claim_columns, invoice_columns};

/// What was done under idempotency keys.
pub(crate) type Claims = HashMap<(AccountId, IdempotencyKey), Claimed>;

pub(crate) fn invoice(row: InvoiceColumns) -> Result<(PaymentHash, Invoice), StoreError> {
    let invoice = Invoice {
        id: InvoiceId::from_slice(&row.id)?,
        payee: AccountId::from_slice(&row.wallet_id)?,
        amount: Amount::from_stored(row.amount_msat).map_err(|e| StoreError::Broken(e.to_string()))?,
        state: InvoiceState::from_stored(&row.state).ok_or_else(|| unknown("state of an invoice", &row.state))?,
        bolt11: row.bolt11,
        memo: row.memo,
        preimage: row.preimage_sealed.map(Sealed::from_stored),
        created_at: UnixMs::new(row.created_at_ms),
        expires_at: UnixMs::new(row.expires_at_ms),
        has_webhook: row.has_webhook,
        origin: row.origin.map(|id| OriginId::from_slice(&id)).transpose()?,
        at_node: row.at_node.as_deref().map(at_node).transpose()?,
    };
    Ok((PaymentHash::from_slice(&row.payment_hash)?, invoice))
}

fn at_node(name: &str) -> Result<AtNode, StoreError> {
    AtNode::from_stored(name).ok_or_else(|| unknown("standing of an invoice at the node", name))
}

pub(crate) fn account(row: &AccountColumns) -> Result<(AccountId, Account), StoreError> {
    let account = Account {
        kind: AccountKind::from_stored(&row.kind).ok_or_else(|| unknown("kind of an account", &row.kind))?,
        balance: Msat::new(row.balance_msat),
        held: Msat::new(row.held_msat),
        entries: row.entries,
        keys_version: row.keys_version,
        open: row.closed_at_ms.is_none(),
        freezes: freezes(row.frozen_by_manager.as_deref(), row.frozen_by_operator.as_deref(), row.deactivated)?,
        limits: Limits { payment_max: limit(row.payment_max_msat)?, day_max: limit(row.day_max_msat)? },
        spent: Spent { day: row.spent_day, total: Msat::new(row.spent_msat) },
        subscribed: EventKinds::from_stored(row.subscribed.unwrap_or_default()),
        tenant: row.tenant.as_deref().map(UserId::from_slice).transpose()?,
    };
    Ok((AccountId::from_slice(&row.id)?, account))
}

/// A stored freeze.
pub(crate) fn freeze(name: Option<&str>) -> Result<Option<Freeze>, StoreError> {
    name.map(|name| Freeze::from_stored(name).ok_or_else(|| unknown("freeze", name))).transpose()
}

/// The stored freezes of a wallet. A deactivated user's wallet is completely frozen by the manager.
pub(crate) fn freezes(
    by_manager: Option<&str>,
    by_operator: Option<&str>,
    deactivated: bool,
) -> Result<Freezes, StoreError> {
    let with_user = deactivated.then_some(Freeze::Everything);
    Ok(Freezes { by_manager: freeze(by_manager)?.max(with_user), by_operator: freeze(by_operator)? })
}

/// A stored limit.
pub(crate) fn limit(msat: Option<i64>) -> Result<Option<Amount>, StoreError> {
    msat.map(Amount::from_stored).transpose().map_err(|e| StoreError::Broken(e.to_string()))
}

pub(crate) fn claim(row: &ClaimColumns) -> Result<((AccountId, IdempotencyKey), Claimed), StoreError> {
    let damaged = || StoreError::Broken("an idempotency key's row is damaged".to_owned());
    let payments = whole_rows(row.payment_ids.as_deref().unwrap_or_default()).ok_or_else(damaged)?;
    let key = IdempotencyKey::from_slice(&row.key_digest).ok_or_else(damaged)?;
    let request = RequestDigest::from_slice(&row.request_digest).ok_or_else(damaged)?;
    Ok(((AccountId::from_slice(&row.account_id)?, key), Claimed { request, payments }))
}

fn unknown(what: &str, name: &str) -> StoreError {
    StoreError::Broken(format!("there is no {what} named {name:?}"))
}
