//! The audit of invoice strings: the ledger pays by the stored columns, so these must agree with
//! the string.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use crate::domain::skim::SkimmedRequest;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;

/// Invoices in memory at once.
const PAGE_ROWS: i64 = 1000;

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = Binary)]
    payment_hash: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    amount_msat: i64,
    /// As bytes: someone who bypasses satkeep may write invalid text.
    #[diesel(sql_type = Binary)]
    text: Vec<u8>,
}

impl Row {
    fn is_like_its_text(&self) -> bool {
        let text = std::str::from_utf8(&self.text).ok();
        text.and_then(|text| SkimmedRequest::skim(text).ok()).is_some_and(|skimmed| {
            skimmed.amount_msat() == Some(self.amount_msat)
                && skimmed.payment_hash().as_bytes().as_slice() == self.payment_hash
        })
    }
}

/// The number of invoices whose stored amount or payment hash differs from their string. All are
/// read, page by page: for a paid invoice, amount and transfer agree whatever the string says.
pub(crate) fn unlike_their_invoice(connection: &mut Db) -> Result<i64, StoreError> {
    let mut unlike = 0_i64;
    let mut after = Vec::new();
    loop {
        let rows = page(connection, &after)?;
        let count = rows.iter().filter(|row| !row.is_like_its_text()).count();
        unlike = unlike.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
        let is_last = i64::try_from(rows.len()).is_ok_and(|rows| rows < PAGE_ROWS);
        match rows.into_iter().next_back() {
            Some(last) if !is_last => after = last.id,
            Some(_) | None => return Ok(unlike),
        }
    }
}

fn page(connection: &mut Db, after: &[u8]) -> Result<Vec<Row>, StoreError> {
    let query = |text: &str| {
        let sql = format!(
            "SELECT id, payment_hash, amount_msat, {text} AS text FROM invoices
             WHERE id > $1 AND bolt11 IS NOT NULL ORDER BY id LIMIT $2"
        );
        diesel::sql_query(sql).bind::<Binary, _>(after.to_vec()).bind::<BigInt, _>(PAGE_ROWS)
    };
    Ok(match connection {
        Db::Sqlite(c) => query("CAST(bolt11 AS BLOB)").load(c)?,
        Db::Postgres(c) => query("convert_to(bolt11, 'UTF8')").load(c)?,
    })
}
