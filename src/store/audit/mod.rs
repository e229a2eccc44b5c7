//! The audit: promises I1 to I4 and I11 to I13, recomputed from the rows alone, and the schema guards that they
//! rely on. It reaches a verdict whatever the rows contain: nothing in it overflows.

mod guards;
mod holds;
mod lightning;
mod texts;

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::domain::ids::AccountId;
use crate::ledger::audit::{Finding, Verdict};
use crate::ledger::state::AccountKind;
use crate::store::audit::guards::Missing;
use crate::store::db::connection::{Db, in_snapshot};
use crate::store::db::error::StoreError;
use crate::store::db::sums::{high, is_zero, low, sum};

/// Every transfer is two entries, one in each account's chain.
const ENTRIES: &str = concat!(
    "WITH entries AS (
        SELECT debit_account AS account, debit_entry AS entry, -",
    high!("amount_msat"),
    " AS high, -",
    low!("amount_msat"),
    " AS low, debit_balance_msat AS balance
        FROM transfers
        UNION ALL
        SELECT credit_account, credit_entry, ",
    high!("amount_msat"),
    ", ",
    low!("amount_msat"),
    ", credit_balance_msat FROM transfers
    )"
);

const NOT_POSITIVE: &str = "SELECT count(*) AS rows_found FROM transfers WHERE amount_msat <= 0";

const BROKEN_CHAINS: &str = concat!(
    ", chain AS (
        SELECT entry, ROW_NUMBER() OVER (PARTITION BY account ORDER BY entry) AS place, balance, high, low,
            LAG(balance, 1, CAST(0 AS BIGINT)) OVER (PARTITION BY account ORDER BY entry) AS balance_before
        FROM entries
    ), steps AS (
        SELECT entry, place, ",
    high!("balance"),
    " - ",
    high!("balance_before"),
    " - high AS high, ",
    low!("balance"),
    " - ",
    low!("balance_before"),
    " - low AS low FROM chain
    )
    SELECT count(*) AS rows_found FROM steps WHERE entry <> place OR NOT ",
    is_zero!("high", "low")
);

const ACCOUNTS_OFF_CHAIN: &str = concat!(
    ", ends AS (
        SELECT account, count(*) AS entries, ",
    sum!("high"),
    " AS high, ",
    sum!("low"),
    " AS low FROM entries GROUP BY account
    ), offs AS (
        SELECT a.entries AS entries, COALESCE(e.entries, 0) AS found, ",
    high!("a.balance_msat"),
    " - COALESCE(e.high, 0) AS high, ",
    low!("a.balance_msat"),
    " - COALESCE(e.low, 0) AS low
        FROM accounts AS a LEFT JOIN ends AS e ON e.account = a.id
    )
    SELECT count(*) AS rows_found FROM offs WHERE entries <> found OR NOT ",
    is_zero!("high", "low")
);

const OF_NOBODY: &str = "SELECT count(*) AS rows_found FROM transfers AS t
    LEFT JOIN accounts AS d ON d.id = t.debit_account
    LEFT JOIN accounts AS c ON c.id = t.credit_account WHERE d.id IS NULL OR c.id IS NULL";

const NOT_CONSERVED: &str = concat!(
    "SELECT count(*) AS rows_found FROM (SELECT ",
    sum!(high!("balance_msat")),
    " AS high, ",
    sum!(low!("balance_msat")),
    " AS low FROM accounts) AS sums WHERE NOT ",
    is_zero!("high", "low")
);

/// Only wallets with a row, and the system's accounts, hold money.
const UNNAMED_SOURCES: &str = "WITH names (id, kind) AS ($names) SELECT count(*) AS rows_found FROM accounts AS a
    LEFT JOIN wallets AS w ON w.id = a.id
    LEFT JOIN names AS n ON n.id = a.id
    WHERE a.kind <> COALESCE(n.kind, 'wallet') OR (w.id IS NULL) <> (n.id IS NOT NULL)";

const NO_SYSTEM: &str = "WITH names (id, kind) AS ($names)
    SELECT count(*) AS rows_found FROM names AS n LEFT JOIN accounts AS a ON a.id = n.id WHERE a.id IS NULL";

const WALLETS_OF_NOTHING: &str = "SELECT count(*) AS rows_found FROM wallets AS w
    LEFT JOIN accounts AS a ON a.id = w.id LEFT JOIN users AS u ON u.id = w.user_id
    WHERE a.id IS NULL OR u.id IS NULL";

const OVERDRAWN: &str = "WITH names (id, kind) AS ($names)
    SELECT count(*) AS rows_found FROM accounts WHERE balance_msat < 0 AND id NOT IN (SELECT id FROM names)";

const WAS_OVERDRAWN: &str = "WITH names (id, kind) AS ($names) SELECT count(*) AS rows_found FROM transfers
    WHERE (debit_balance_msat < 0 AND debit_account NOT IN (SELECT id FROM names))
        OR (credit_balance_msat < 0 AND credit_account NOT IN (SELECT id FROM names))";

const PAID_TWICE: &str = "SELECT count(*) AS rows_found FROM (
        SELECT invoice_id FROM transfers GROUP BY invoice_id HAVING count(*) > 1
    ) AS twice";

const PAID_WITHOUT_TRANSFER: &str = "SELECT count(*) AS rows_found FROM invoices AS i
    LEFT JOIN transfers AS t ON t.invoice_id = i.id WHERE (i.state = 'paid') <> (t.id IS NOT NULL)";

const UNLIKE_INVOICE: &str = "SELECT count(*) AS rows_found FROM transfers AS t
    LEFT JOIN invoices AS i ON i.id = t.invoice_id
    WHERE i.id IS NULL OR i.amount_msat <> t.amount_msat OR i.wallet_id <> t.credit_account";

const INVOICES_OF_NOBODY: &str = "SELECT count(*) AS rows_found FROM invoices AS i
    LEFT JOIN accounts AS a ON a.id = i.wallet_id WHERE a.id IS NULL";

/// A tap of a card stands for one payment out of the card's wallet, of that amount: to another node it is known by
/// its hold, until it has arrived as well.
const UNLIKE_TAP: &str = "SELECT count(*) AS rows_found FROM hits AS h INNER JOIN cards AS k ON k.id = h.card_id
    LEFT JOIN transfers AS t ON t.debit_account = k.wallet_id AND t.id = h.transfer_id
    LEFT JOIN holds AS s ON s.wallet_id = k.wallet_id AND s.id = h.transfer_id AND s.bolt11 IS NOT NULL
    WHERE h.transfer_id IS NOT NULL AND COALESCE(s.sent_msat, t.amount_msat, 0) <> h.amount_msat";

/// A withdrawal by a link stands for one payment out of the link's wallet in the same way.
const UNLIKE_WITHDRAWAL: &str = "SELECT count(*) AS rows_found FROM withdrawals AS w
    LEFT JOIN transfers AS t ON t.debit_account = w.wallet_id AND t.id = w.transfer_id
    LEFT JOIN holds AS s ON s.wallet_id = w.wallet_id AND s.id = w.transfer_id AND s.bolt11 IS NOT NULL
    WHERE COALESCE(s.sent_msat, t.amount_msat, 0) <> w.amount_msat";

/// Of a link that came from elsewhere, uses were counted before. One whose payment has failed is none.
const USED_TOO_RARELY: &str = "SELECT count(*) AS rows_found FROM withdraw_links AS l
    WHERE l.used < (SELECT count(*) FROM withdrawals AS w WHERE w.link_id = l.id AND NOT w.failed)";

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows_found: i64,
}

/// Recomputes one promise.
type Look = fn(&mut Db, &Missing) -> Result<Verdict, StoreError>;

/// What is recomputed, in order.
const PROMISES: [(&str, Look); 7] = [
    ("I1 double entry", double_entry),
    ("I2 conservation", conservation),
    ("I3 no overdraft", no_overdraft),
    ("I4 one invoice, one payment", one_payment),
    ("I11 held money", holds::held_money),
    ("I12 sent at most once, booked exactly once", lightning::sent_once),
    ("I13 what arrives is credited", lightning::received_once),
];

/// Recomputes the promises from a single snapshot of the database. Each is announced before it is
/// recomputed, which can take a while.
pub fn run(connection: &mut Db, announce: impl Fn(&str)) -> Result<Vec<Verdict>, StoreError> {
    in_snapshot(connection, |connection| {
        let missing = guards::missing(connection)?;
        let look = |(promise, look): (&str, Look)| {
            announce(promise);
            look(connection, &missing)
        };
        PROMISES.into_iter().map(look).collect()
    })
}

fn double_entry(connection: &mut Db, missing: &Missing) -> Result<Verdict, StoreError> {
    let transfers = count(connection, "SELECT count(*) AS rows_found FROM transfers")?;
    let not_numbers = guards::not_numbers(connection)?;
    let mut finding = finder(connection);
    let findings = [
        Finding { what: "columns of money that hold something else in some rows", rows: not_numbers },
        finding("transfers of no positive amount", NOT_POSITIVE)?,
        finding("entries that do not follow from the one before", &format!("{ENTRIES}{BROKEN_CHAINS}"))?,
        finding("accounts that are not where their chain ends", &format!("{ENTRIES}{ACCOUNTS_OFF_CHAIN}"))?,
        finding("transfers from or to accounts that do not exist", OF_NOBODY)?,
        Finding { what: "guards of the append-only ledger that are missing or disabled", rows: missing.ledger },
    ];
    Ok(Verdict::new("I1", "double entry", format!("{transfers} transfers"), &findings))
}

fn conservation(connection: &mut Db, _: &Missing) -> Result<Verdict, StoreError> {
    let accounts = count(connection, "SELECT count(*) AS rows_found FROM accounts")?;
    let mut finding = finder(connection);
    let findings = [
        finding("sums of all balances that are not zero", NOT_CONSERVED)?,
        finding("accounts that are neither a wallet's nor the system's", UNNAMED_SOURCES)?,
        finding("system accounts that are missing", NO_SYSTEM)?,
        finding("wallets without an account or a user", WALLETS_OF_NOTHING)?,
    ];
    Ok(Verdict::new("I2", "conservation", format!("{accounts} accounts"), &findings))
}

fn no_overdraft(connection: &mut Db, missing: &Missing) -> Result<Verdict, StoreError> {
    let accounts = count(connection, "SELECT count(*) AS rows_found FROM accounts")?;
    let mut finding = finder(connection);
    let findings = [
        finding("wallets with a negative balance", OVERDRAWN)?,
        finding("transfers that left a wallet negative", WAS_OVERDRAWN)?,
        Finding { what: "guards against overdrafts that are missing or disabled", rows: missing.overdraft },
    ];
    Ok(Verdict::new("I3", "no overdraft", format!("{accounts} accounts"), &findings))
}

fn one_payment(connection: &mut Db, missing: &Missing) -> Result<Verdict, StoreError> {
    let paid = count(connection, "SELECT count(*) AS rows_found FROM invoices WHERE state = 'paid'")?;
    let unlike_text = texts::unlike_their_invoice(connection)?;
    let mut finding = finder(connection);
    let findings = [
        finding("invoices that were settled more than once", PAID_TWICE)?,
        finding("invoices whose state is not that of their transfer", PAID_WITHOUT_TRANSFER)?,
        finding("transfers unlike the invoice that they settle", UNLIKE_INVOICE)?,
        finding("invoices of wallets that do not exist", INVOICES_OF_NOBODY)?,
        finding("taps of cards that paid otherwise than their wallet", UNLIKE_TAP)?,
        finding("withdrawals that paid otherwise than their wallet", UNLIKE_WITHDRAWAL)?,
        finding("withdraw links that have paid more often than they count", USED_TOO_RARELY)?,
        Finding { what: "invoices whose amount or payment hash is not that of their text", rows: unlike_text },
        Finding { what: "guards of invoices that are missing or disabled", rows: missing.invoices },
    ];
    Ok(Verdict::new("I4", "one invoice, one payment", format!("{paid} paid invoices"), &findings))
}

/// Counts violations with queries.
fn finder(connection: &mut Db) -> impl FnMut(&'static str, &str) -> Result<Finding, StoreError> + '_ {
    move |what, sql| Ok(Finding { what, rows: count(connection, sql)? })
}

/// The system's accounts and their kinds, as a query.
fn names(connection: &Db) -> String {
    let kinds =
        [AccountKind::Issuance, AccountKind::Lightning, AccountKind::Fees, AccountKind::Adjustments].into_iter();
    let row = |(id, kind): (&AccountId, AccountKind)| match connection {
        Db::Sqlite(_) => format!("SELECT x'{id}', '{}'", kind.as_str()),
        Db::Postgres(_) => format!("SELECT '\\x{id}'::BYTEA, '{}'::TEXT", kind.as_str()),
    };
    AccountId::SYSTEM.iter().zip(kinds).map(row).collect::<Vec<_>>().join(" UNION ALL ")
}

/// The number of rows that a query finds; `$names` in it stands for the system's accounts and their kinds.
fn count(connection: &mut Db, sql: &str) -> Result<i64, StoreError> {
    let query = diesel::sql_query(sql.replace("$names", &names(connection)));
    let count: Count = match connection {
        Db::Sqlite(c) => query.get_result(c)?,
        Db::Postgres(c) => query.get_result(c)?,
    };
    Ok(count.rows_found)
}
