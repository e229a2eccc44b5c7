//! Promise I11, recomputed from the rows: what is held of an account is what its open holds hold, a
//! hold is the sum of its moves, and every capture is a transfer.

use crate::ledger::audit::{Finding, Verdict};
use crate::store::audit::guards::{self, Missing};
use crate::store::audit::{count, finder};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::sums::{high, is_zero, low, sum};

const HELD_OTHERWISE: &str = concat!(
    "WITH held AS (
        SELECT wallet_id, ",
    sum!(high!("amount_msat")),
    " - ",
    sum!(high!("captured_msat")),
    " - ",
    sum!(high!("released_msat")),
    " AS high, ",
    sum!(low!("amount_msat")),
    " - ",
    sum!(low!("captured_msat")),
    " - ",
    sum!(low!("released_msat")),
    " AS low FROM holds GROUP BY wallet_id
    ), offs AS (
        SELECT ",
    high!("a.held_msat"),
    " - COALESCE(h.high, 0) AS high, ",
    low!("a.held_msat"),
    " - COALESCE(h.low, 0) AS low
        FROM accounts AS a LEFT JOIN held AS h ON h.wallet_id = a.id
    )
    SELECT count(*) AS rows_found FROM offs WHERE NOT ",
    is_zero!("high", "low")
);

const MORE_THAN_THERE: &str = "SELECT count(*) AS rows_found FROM accounts
    WHERE held_msat < 0 OR (kind = 'wallet' AND held_msat > balance_msat) OR (kind <> 'wallet' AND held_msat <> 0)";

const NOT_THEIR_MOVES: &str = concat!(
    "WITH told AS (
        SELECT hold_id, count(*) AS moves, MIN(n) AS first, MAX(n) AS last,
            SUM(CASE WHEN kind = 'placed' THEN 1 ELSE 0 END) AS placings, ",
    sum!(high!("(CASE WHEN kind = 'placed' THEN amount_msat ELSE 0 END)")),
    " AS placed_high, ",
    sum!(low!("(CASE WHEN kind = 'placed' THEN amount_msat ELSE 0 END)")),
    " AS placed_low, ",
    sum!(high!("(CASE WHEN kind = 'captured' THEN amount_msat ELSE 0 END)")),
    " AS captured_high, ",
    sum!(low!("(CASE WHEN kind = 'captured' THEN amount_msat ELSE 0 END)")),
    " AS captured_low, ",
    sum!(high!("(CASE WHEN kind IN ('released', 'voided', 'expired') THEN amount_msat ELSE 0 END)")),
    " AS released_high, ",
    sum!(low!("(CASE WHEN kind IN ('released', 'voided', 'expired') THEN amount_msat ELSE 0 END)")),
    " AS released_low FROM hold_moves GROUP BY hold_id
    ), offs AS (
        SELECT h.moves AS moves, m.moves AS told_moves, m.first AS first, m.last AS last, m.placings AS placings,
            ",
    high!("h.amount_msat"),
    " - m.placed_high AS placed_high, ",
    low!("h.amount_msat"),
    " - m.placed_low AS placed_low, ",
    high!("h.captured_msat"),
    " - m.captured_high AS captured_high, ",
    low!("h.captured_msat"),
    " - m.captured_low AS captured_low, ",
    high!("h.released_msat"),
    " - m.released_high AS released_high, ",
    low!("h.released_msat"),
    " - m.released_low AS released_low
        FROM holds AS h LEFT JOIN told AS m ON m.hold_id = h.id
    )
    SELECT count(*) AS rows_found FROM offs WHERE told_moves IS NULL OR moves <> told_moves OR first <> 1
        OR last <> told_moves OR placings <> 1 OR NOT (",
    is_zero!("placed_high", "placed_low"),
    " AND ",
    is_zero!("captured_high", "captured_low"),
    " AND ",
    is_zero!("released_high", "released_low"),
    ")"
);

const MOVES_OF_NOTHING: &str = "SELECT count(*) AS rows_found FROM hold_moves AS m
    LEFT JOIN holds AS h ON h.id = m.hold_id WHERE h.id IS NULL";

/// A capture is one transfer out of the hold's wallet, of that amount.
const CAPTURES_OF_NOTHING: &str = "SELECT count(*) AS rows_found FROM hold_moves AS m
    INNER JOIN holds AS h ON h.id = m.hold_id
    LEFT JOIN transfers AS t ON t.debit_account = h.wallet_id AND t.id = m.transfer_id
    WHERE m.kind = 'captured' AND (t.id IS NULL OR t.amount_msat <> m.amount_msat
        OR t.kind <> CASE WHEN h.bolt11 IS NOT NULL THEN 'sent' WHEN h.invoice_id IS NULL THEN 'capture' ELSE 'payment' END)";

const CAPTURED_TWICE: &str = "SELECT count(*) AS rows_found FROM (
        SELECT h.wallet_id, m.transfer_id FROM hold_moves AS m INNER JOIN holds AS h ON h.id = m.hold_id
        WHERE m.transfer_id IS NOT NULL GROUP BY h.wallet_id, m.transfer_id HAVING count(*) > 1
    ) AS twice";

const CAPTURED_OF_NO_HOLD: &str = "SELECT count(*) AS rows_found FROM transfers AS t
    LEFT JOIN hold_moves AS m ON m.transfer_id = t.id
    LEFT JOIN holds AS h ON h.id = m.hold_id AND h.wallet_id = t.debit_account
    WHERE t.kind = 'capture' AND h.id IS NULL";

/// A hold invoice is held exactly while an open hold is for it.
const HELD_INVOICES: &str = "SELECT count(*) AS rows_found FROM invoices AS i
    LEFT JOIN holds AS h ON h.invoice_id = i.id
    WHERE (i.state = 'held') <> (h.id IS NOT NULL AND h.state = 'open')
        OR (h.id IS NOT NULL AND (h.amount_msat <> i.amount_msat OR h.payment_hash <> i.payment_hash))";

pub(super) fn held_money(connection: &mut Db, missing: &Missing) -> Result<Verdict, StoreError> {
    let holds = count(connection, "SELECT count(*) AS rows_found FROM holds")?;
    let not_numbers = guards::not_numbers_of_holds(connection)?;
    let mut finding = finder(connection);
    let findings = [
        Finding { what: "columns of holds that contain something other than a number in some rows", rows: not_numbers },
        finding("accounts of which another amount is held than their holds say", HELD_OTHERWISE)?,
        finding("accounts of which more is held than there is", MORE_THAN_THERE)?,
        finding("holds that are not the sum of their moves", NOT_THEIR_MOVES)?,
        finding("moves of holds that do not exist", MOVES_OF_NOTHING)?,
        finding("captures that are not a transfer of the same amount", CAPTURES_OF_NOTHING)?,
        finding("transfers that stand for more than one capture", CAPTURED_TWICE)?,
        finding("transfers out of a hold that no hold knows of", CAPTURED_OF_NO_HOLD)?,
        finding("hold invoices whose state is not that of their hold", HELD_INVOICES)?,
        Finding { what: "guards of holds that are missing or disabled", rows: missing.holds },
    ];
    Ok(Verdict::new("I11", "held money", format!("{holds} holds"), &findings))
}
