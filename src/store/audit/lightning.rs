//! Promises I12 and I13, recomputed from the rows: of one payment hash at most one payment to another node has
//! not failed, each is the hold and the transfer that it says, and what has arrived is credited once.

use crate::ledger::audit::{Finding, Verdict};
use crate::store::audit::guards::Missing;
use crate::store::audit::{count, finder};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::sums::{high, is_zero, low, sum};

const SENT_TWICE: &str = "SELECT count(*) AS rows_found FROM (
        SELECT payment_hash FROM sends WHERE state <> 'failed' GROUP BY payment_hash HAVING count(*) > 1
    ) AS twice";

/// One that has arrived after it was reported as failed keeps its voided hold.
const UNLIKE_HOLD: &str = "SELECT count(*) AS rows_found FROM sends AS s
    LEFT JOIN holds AS h ON h.id = s.hold_id
    WHERE h.id IS NULL OR h.bolt11 IS NULL OR h.payment_hash <> s.payment_hash OR h.wallet_id <> s.wallet_id
        OR h.amount_msat <> s.reserved_msat
        OR h.state <> CASE WHEN s.is_late OR s.state = 'failed' THEN 'voided' WHEN s.state = 'settled' THEN 'captured'
            ELSE 'open' END";

const HOLDS_OF_NOTHING: &str = "SELECT count(*) AS rows_found FROM holds AS h
    LEFT JOIN sends AS s ON s.hold_id = h.id WHERE (h.bolt11 IS NOT NULL) <> (s.hold_id IS NOT NULL)";

/// What the payer has paid is what was sent and what it has cost.
const UNLIKE_TRANSFER: &str = "SELECT count(*) AS rows_found FROM holds AS h
    LEFT JOIN transfers AS t ON t.debit_account = h.wallet_id AND t.id = h.id
    WHERE h.bolt11 IS NOT NULL AND h.state = 'captured'
        AND (t.id IS NULL OR t.kind <> 'sent' OR t.amount_msat - h.sent_msat <> h.fee_msat OR h.fee_msat < 0)";

const SENT_FOR_NOTHING: &str = "SELECT count(*) AS rows_found FROM transfers AS t
    INNER JOIN accounts AS a ON a.id = t.debit_account AND a.kind = 'wallet'
    LEFT JOIN holds AS h ON h.id = t.id AND h.wallet_id = t.debit_account AND h.state = 'captured'
    WHERE t.kind = 'sent' AND h.id IS NULL";

const RECEIVED_OTHERWISE: &str = concat!(
    "WITH told AS (
        SELECT ",
    sum!(high!("amount_msat")),
    " AS high, ",
    sum!(low!("amount_msat")),
    " AS low FROM receipts
    ), credited AS (
        SELECT ",
    sum!(high!("amount_msat")),
    " AS high, ",
    sum!(low!("amount_msat")),
    " AS low FROM transfers WHERE kind = 'received'
    ), offs AS (
        SELECT t.high - c.high AS high, t.low - c.low AS low FROM told AS t CROSS JOIN credited AS c
    )
    SELECT count(*) AS rows_found FROM offs WHERE NOT ",
    is_zero!("high", "low")
);

const SETTLED_WITHOUT_RECEIPT: &str = "SELECT count(*) AS rows_found FROM invoices AS i
    LEFT JOIN receipts AS r ON r.payment_hash = i.payment_hash
    WHERE i.at_node = 'settled' AND r.payment_hash IS NULL";

pub(super) fn sent_once(connection: &mut Db, _: &Missing) -> Result<Verdict, StoreError> {
    let sends = count(connection, "SELECT count(*) AS rows_found FROM sends")?;
    let mut finding = finder(connection);
    let findings: [Finding; 5] = [
        finding("payment hashes of which more than one payment has not failed", SENT_TWICE)?,
        finding("payments to other nodes unlike their hold", UNLIKE_HOLD)?,
        finding("holds for payments to other nodes that do not exist", HOLDS_OF_NOTHING)?,
        finding("payments to other nodes whose transfer is another amount", UNLIKE_TRANSFER)?,
        finding("transfers to other nodes that no payment stands for", SENT_FOR_NOTHING)?,
    ];
    Ok(Verdict::new(
        "I12",
        "sent at most once, booked exactly once",
        format!("{sends} payments to other nodes"),
        &findings,
    ))
}

pub(super) fn received_once(connection: &mut Db, _: &Missing) -> Result<Verdict, StoreError> {
    let receipts = count(connection, "SELECT count(*) AS rows_found FROM receipts")?;
    let mut finding = finder(connection);
    let findings: [Finding; 2] = [
        finding("sums of what has arrived that are not what was credited", RECEIVED_OTHERWISE)?,
        finding("invoices that were paid at the node without a receipt", SETTLED_WITHOUT_RECEIPT)?,
    ];
    Ok(Verdict::new("I13", "what arrives is credited", format!("{receipts} receipts"), &findings))
}
