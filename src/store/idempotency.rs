//! What was answered under idempotency keys.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::crypto::secret::Sealed;
use crate::domain::idempotency::{Claim, IdempotencyKey, RequestDigest};
use crate::domain::ids::{AccountId, PaymentRow};
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::idempotency;

/// What was done under a key.
#[derive(Debug)]
pub struct Done {
    /// What was asked.
    pub request: RequestDigest,
    /// The rows of the invoice, or of the transfers, that came of it.
    pub payments: Vec<PaymentRow>,
    /// Any other answer, sealed.
    pub answer: Option<Sealed>,
}

/// Rows that are pruned in one go.
const PRUNE_ROWS: i64 = 5000;

type Columns = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);

/// What an account has done under a key.
pub fn find(connection: &mut Db, account: AccountId, key: IdempotencyKey) -> Result<Option<Done>, StoreError> {
    let row: Option<Columns> = idempotency::table
        .filter(idempotency::account_id.eq(account.as_bytes().as_slice()))
        .filter(idempotency::key_digest.eq(key.as_bytes().as_slice()))
        .select((idempotency::request_digest, idempotency::payment_ids, idempotency::answer_sealed))
        .first(connection)
        .optional()?;
    let Some((request, payments, answer)) = row else { return Ok(None) };
    let damaged = || StoreError::Broken("an idempotency key's row is damaged".to_owned());
    Ok(Some(Done {
        request: RequestDigest::from_slice(&request).ok_or_else(damaged)?,
        payments: whole_rows(payments.as_deref().unwrap_or_default()).ok_or_else(damaged)?,
        answer: answer.map(Sealed::from_stored),
    }))
}

/// Rows as they are stored: one behind the other.
pub(crate) fn joined_rows(rows: &[PaymentRow]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_of_val(rows));
    for row in rows {
        bytes.extend_from_slice(row.as_bytes());
    }
    bytes
}

/// Out of what [`joined_rows`] made; none where a part is left over.
pub(crate) fn whole_rows(bytes: &[u8]) -> Option<Vec<PaymentRow>> {
    let (rows, rest) = bytes.as_chunks();
    rest.is_empty().then(|| rows.iter().copied().map(PaymentRow::new).collect())
}

/// Keeps an answer, in the transaction of its effect. A key that is taken is a conflict.
pub fn insert(
    connection: &mut Db,
    account: AccountId,
    claim: &Claim,
    answer: &Sealed,
    now: UnixMs,
) -> Result<(), StoreError> {
    diesel::insert_into(idempotency::table)
        .values((
            idempotency::account_id.eq(account.as_bytes().as_slice()),
            idempotency::key_digest.eq(claim.key.as_bytes().as_slice()),
            idempotency::request_digest.eq(claim.request.as_bytes().as_slice()),
            idempotency::answer_sealed.eq(answer.as_bytes()),
            idempotency::created_at_ms.eq(now.get()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Prunes some of what is older than a time; answers whether there may be more of it.
pub fn prune(connection: &mut Db, before: UnixMs) -> Result<bool, StoreError> {
    let query = diesel::sql_query(
        "DELETE FROM idempotency WHERE (account_id, key_digest) IN (
            SELECT account_id, key_digest FROM idempotency
            WHERE created_at_ms < $1 ORDER BY created_at_ms LIMIT $2)",
    )
    .bind::<BigInt, _>(before.get())
    .bind::<BigInt, _>(PRUNE_ROWS);
    let pruned = match connection {
        Db::Sqlite(c) => query.execute(c)?,
        Db::Postgres(c) => query.execute(c)?,
    };
    Ok(i64::try_from(pruned).is_ok_and(|rows| rows >= PRUNE_ROWS))
}
