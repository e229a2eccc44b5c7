//! Rows of the settlement statements, turned into what the ledger decides about.

use std::collections::HashMap;

use crate::crypto::secret::Sealed;
use crate::domain::controls::{Freeze, Freezes, Limits, Spent};
use crate::domain::idempotency::{IdempotencyKey, RequestDigest};
use crate::domain::ids::{AccountId, InvoiceId, PaymentHash};
use crate::domain::money::{Amount, Msat};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKinds;
use crate::ledger::state::{Account, AccountKind, Claimed, Invoice, InvoiceState};
use crate::store::db::error::StoreError;
use crate::store::idempotency::whole_rows;

/// The columns of an invoice, in the order of `invoice_columns!`.
pub(crate) type InvoiceColumns =
    (Vec<u8>, Vec<u8>, Vec<u8>, i64, String, Option<String>, String, Vec<u8>, i64, i64, bool);

/// The names of what settling reads of an invoice, as a literal.
macro_rules! invoice_columns {
    () => {
        "payment_hash, id, wallet_id, amount_msat, state, bolt11, memo, preimage_sealed, created_at_ms, expires_at_ms, \
         webhook IS NOT NULL"
    };
}

/// The columns of an account, in the order of `account_columns!`.
pub(crate) type AccountColumns = (
    Vec<u8>,
    String,
    i64,
    i64,
    i64,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    i64,
    i64,
    Option<i64>,
);

/// The names of what settling reads of an account, as a literal.
macro_rules! account_columns {
    () => {
        "id, kind, balance_msat, entries, keys_version, closed_at_ms, frozen_by_manager, frozen_by_operator, \
         payment_max_msat, day_max_msat, spent_day, spent_msat, \
         (SELECT s.kinds FROM subscriptions AS s WHERE s.manager_id = accounts.tenant)"
    };
}

/// The columns of a claim, in the order of `claim_columns!`.
pub(crate) type ClaimColumns = (Vec<u8>, Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// What was done under idempotency keys.
pub(crate) type Claims = HashMap<(AccountId, IdempotencyKey), Claimed>;

/// The names of what settling reads of a claim, as a literal.
macro_rules! claim_columns {
    () => {
        "account_id, key_digest, request_digest, payment_ids"
    };
}

pub(crate) use {account_columns, claim_columns, invoice_columns};

pub(crate) fn invoice(columns: InvoiceColumns) -> Result<(PaymentHash, Invoice), StoreError> {
    let (hash, id, payee, amount, state, bolt11, memo, preimage, created_at, expires_at, has_webhook) = columns;
    let invoice = Invoice {
        id: InvoiceId::from_slice(&id)?,
        payee: AccountId::from_slice(&payee)?,
        amount: Amount::from_stored(amount).map_err(|e| StoreError::Broken(e.to_string()))?,
        state: InvoiceState::from_stored(&state).ok_or_else(|| unknown("state of an invoice", &state))?,
        bolt11,
        memo,
        preimage: Sealed::from_stored(preimage),
        created_at: UnixMs::new(created_at),
        expires_at: UnixMs::new(expires_at),
        has_webhook,
    };
    Ok((PaymentHash::from_slice(&hash)?, invoice))
}

pub(crate) fn account(columns: AccountColumns) -> Result<(AccountId, Account), StoreError> {
    let (
        id,
        kind,
        balance,
        entries,
        keys_version,
        closed_at,
        by_manager,
        by_operator,
        payment_max,
        day_max,
        day,
        total,
        kinds,
    ) = columns;
    let account = Account {
        kind: AccountKind::from_stored(&kind).ok_or_else(|| unknown("kind of an account", &kind))?,
        balance: Msat::new(balance),
        entries,
        keys_version,
        open: closed_at.is_none(),
        freezes: freezes(by_manager.as_deref(), by_operator.as_deref())?,
        limits: Limits { payment_max: limit(payment_max)?, day_max: limit(day_max)? },
        spent: Spent { day, total: Msat::new(total) },
        subscribed: EventKinds::from_stored(kinds.unwrap_or_default()),
    };
    Ok((AccountId::from_slice(&id)?, account))
}

/// A stored freeze.
pub(crate) fn freeze(name: Option<&str>) -> Result<Option<Freeze>, StoreError> {
    name.map(|name| Freeze::from_stored(name).ok_or_else(|| unknown("freeze", name))).transpose()
}

/// What a wallet is frozen by.
pub(crate) fn freezes(by_manager: Option<&str>, by_operator: Option<&str>) -> Result<Freezes, StoreError> {
    Ok(Freezes { by_manager: freeze(by_manager)?, by_operator: freeze(by_operator)? })
}

/// A stored limit.
pub(crate) fn limit(msat: Option<i64>) -> Result<Option<Amount>, StoreError> {
    msat.map(Amount::from_stored).transpose().map_err(|e| StoreError::Broken(e.to_string()))
}

pub(crate) fn claim(columns: ClaimColumns) -> Result<((AccountId, IdempotencyKey), Claimed), StoreError> {
    let (account, key, request, payments) = columns;
    let damaged = || StoreError::Broken("an idempotency key's row is damaged".to_owned());
    let payments = whole_rows(payments.as_deref().unwrap_or_default()).ok_or_else(damaged)?;
    let place = (AccountId::from_slice(&account)?, IdempotencyKey::from_slice(&key).ok_or_else(damaged)?);
    let request = RequestDigest::from_slice(&request).ok_or_else(damaged)?;
    Ok((place, Claimed { request, payments }))
}

fn unknown(what: &str, name: &str) -> StoreError {
    StoreError::Broken(format!("there is no {what} of the name {name:?}"))
}
