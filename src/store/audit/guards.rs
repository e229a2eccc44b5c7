//! The schema guards that the promises rely on: triggers, keys and checks. Anyone with write access
//! to the database can remove and restore them; while they are missing, the audit reports it.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;

/// How many guards are missing, disabled or changed, by what they protect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Transfers are append-only, and between existing accounts (I1).
    pub(crate) ledger: i64,
    /// No wallet is below zero (I3).
    pub(crate) overdraft: i64,
    /// An invoice is paid once (I4).
    pub(crate) invoices: i64,
    /// What is held is there, and moves are append-only (I11).
    pub(crate) holds: i64,
}

/// What a guard protects.
#[derive(Clone, Copy)]
enum Guards {
    Ledger,
    Overdraft,
    Invoices,
    Holds,
}

/// SQLite's guards: the object that contains each, and its part of the definition.
const SQLITE: [(Guards, &str, &str); 20] = [
    (
        Guards::Ledger,
        "transfers_are_not_updated",
        "CREATE TRIGGER transfers_are_not_updated BEFORE UPDATE ON transfers BEGIN \
         SELECT RAISE(ABORT, 'transfers are append-only'); END",
    ),
    (
        Guards::Ledger,
        "transfers_are_not_deleted",
        "CREATE TRIGGER transfers_are_not_deleted BEFORE DELETE ON transfers BEGIN \
         SELECT RAISE(ABORT, 'transfers are append-only'); END",
    ),
    (Guards::Ledger, "transfers", "debit_account BLOB NOT NULL REFERENCES accounts (id)"),
    (Guards::Ledger, "transfers", "credit_account BLOB NOT NULL REFERENCES accounts (id)"),
    (Guards::Ledger, "transfers", "amount_msat BIGINT NOT NULL CHECK (amount_msat > 0)"),
    (Guards::Ledger, "transfers", "PRIMARY KEY (debit_account, id)"),
    (Guards::Ledger, "accounts", "id BLOB NOT NULL PRIMARY KEY"),
    (Guards::Ledger, "wallets", "id BLOB NOT NULL PRIMARY KEY REFERENCES accounts (id)"),
    (Guards::Overdraft, "accounts", "CONSTRAINT accounts_no_overdraft CHECK (kind <> 'wallet' OR balance_msat >= 0)"),
    (
        Guards::Overdraft,
        "accounts",
        "kind TEXT NOT NULL CHECK (kind IN ('wallet', 'issuance', 'lightning', 'fees', 'adjustments'))",
    ),
    (Guards::Invoices, "transfers", "invoice_id BLOB NOT NULL UNIQUE REFERENCES invoices (id)"),
    (Guards::Invoices, "invoices", "payment_hash BLOB NOT NULL UNIQUE"),
    (Guards::Invoices, "invoices", "amount_msat BIGINT NOT NULL CHECK (amount_msat > 0)"),
    (Guards::Invoices, "invoices", "wallet_id BLOB NOT NULL REFERENCES accounts (id)"),
    (Guards::Invoices, "invoices", "CONSTRAINT invoices_paid_at CHECK ((state = 'paid') = (paid_at_ms IS NOT NULL))"),
    (
        Guards::Holds,
        "hold_moves_are_not_updated",
        "CREATE TRIGGER hold_moves_are_not_updated BEFORE UPDATE ON hold_moves BEGIN \
         SELECT RAISE(ABORT, 'moves of holds are append-only'); END",
    ),
    (
        Guards::Holds,
        "hold_moves_are_not_deleted",
        "CREATE TRIGGER hold_moves_are_not_deleted BEFORE DELETE ON hold_moves BEGIN \
         SELECT RAISE(ABORT, 'moves of holds are append-only'); END",
    ),
    (
        Guards::Holds,
        "accounts",
        "CONSTRAINT accounts_held CHECK (held_msat >= 0 AND (kind <> 'wallet' OR held_msat <= balance_msat))",
    ),
    (Guards::Holds, "hold_moves", "PRIMARY KEY (hold_id, n)"),
    (Guards::Holds, "holds", "wallet_id BLOB NOT NULL REFERENCES accounts (id)"),
];

/// PostgreSQL's keys and checks: the table, the name, and the definition as the server prints it.
const POSTGRES: [(Guards, &str, &str, &str); 17] = [
    (
        Guards::Ledger,
        "transfers",
        "transfers_debit_account_fkey",
        "FOREIGN KEY (debit_account) REFERENCES accounts(id)",
    ),
    (
        Guards::Ledger,
        "transfers",
        "transfers_credit_account_fkey",
        "FOREIGN KEY (credit_account) REFERENCES accounts(id)",
    ),
    (Guards::Ledger, "transfers", "transfers_amount_msat_check", "CHECK ((amount_msat > 0))"),
    (Guards::Ledger, "transfers", "transfers_pkey", "PRIMARY KEY (debit_account, id)"),
    (Guards::Ledger, "accounts", "accounts_pkey", "PRIMARY KEY (id)"),
    (Guards::Ledger, "wallets", "wallets_id_fkey", "FOREIGN KEY (id) REFERENCES accounts(id)"),
    (
        Guards::Overdraft,
        "accounts",
        "accounts_no_overdraft",
        "CHECK (((kind <> 'wallet'::text) OR (balance_msat >= 0)))",
    ),
    (
        Guards::Overdraft,
        "accounts",
        "accounts_kind_check",
        "CHECK ((kind = ANY (ARRAY['wallet'::text, 'issuance'::text, 'lightning'::text, 'fees'::text, 'adjustments'::text])))",
    ),
    (Guards::Invoices, "transfers", "transfers_invoice_id_key", "UNIQUE (invoice_id)"),
    (Guards::Invoices, "transfers", "transfers_invoice_id_fkey", "FOREIGN KEY (invoice_id) REFERENCES invoices(id)"),
    (Guards::Invoices, "invoices", "invoices_payment_hash_key", "UNIQUE (payment_hash)"),
    (Guards::Invoices, "invoices", "invoices_amount_msat_check", "CHECK ((amount_msat > 0))"),
    (Guards::Invoices, "invoices", "invoices_wallet_id_fkey", "FOREIGN KEY (wallet_id) REFERENCES accounts(id)"),
    (Guards::Invoices, "invoices", "invoices_paid_at", "CHECK (((state = 'paid'::text) = (paid_at_ms IS NOT NULL)))"),
    (
        Guards::Holds,
        "accounts",
        "accounts_held",
        "CHECK (((held_msat >= 0) AND ((kind <> 'wallet'::text) OR (held_msat <= balance_msat))))",
    ),
    (Guards::Holds, "hold_moves", "hold_moves_pkey", "PRIMARY KEY (hold_id, n)"),
    (Guards::Holds, "holds", "holds_wallet_id_fkey", "FOREIGN KEY (wallet_id) REFERENCES accounts(id)"),
];

/// PostgreSQL's triggers: the name, and the type (for each row 1, before 2, delete 8, update 16,
/// truncate 32).
const POSTGRES_TRIGGERS: [(Guards, &str, i64); 4] = [
    (Guards::Ledger, "transfers_are_not_changed", 27),
    (Guards::Ledger, "transfers_are_not_truncated", 34),
    (Guards::Holds, "hold_moves_are_not_changed", 27),
    (Guards::Holds, "hold_moves_are_not_truncated", 34),
];

/// Checks which guards are missing.
pub(crate) fn missing(connection: &mut Db) -> Result<Missing, StoreError> {
    let mut missing = Missing::default();
    match connection {
        Db::Sqlite(c) => {
            let objects = sqlite_objects(c)?;
            for (guards, object, says) in SQLITE {
                let is_there = objects.iter().any(|it| it.name == object && it.text.contains(says));
                missing.note(guards, is_there);
            }
        }
        Db::Postgres(c) => {
            let constraints = postgres_constraints(c)?;
            for (guards, table, name, says) in POSTGRES {
                let name = format!("{table}.{name}");
                missing.note(guards, constraints.iter().any(|it| it.name == name && it.text == says));
            }
            let triggers = postgres_triggers(c)?;
            for (guards, name, kind) in POSTGRES_TRIGGERS {
                missing.note(guards, triggers.iter().any(|it| it.name == name && it.text == kind.to_string()));
            }
            // Foreign keys are enforced by the server's own triggers, and a database can be
            // configured to fire none.
            for disabled in [POSTGRES_DISABLED, POSTGRES_REPLICA] {
                missing.ledger = missing.ledger.saturating_add(count(c, disabled)?);
            }
        }
    }
    Ok(missing)
}

impl Missing {
    fn note(&mut self, guards: Guards, is_there: bool) {
        let count = match guards {
            Guards::Ledger => &mut self.ledger,
            Guards::Overdraft => &mut self.overdraft,
            Guards::Invoices => &mut self.invoices,
            Guards::Holds => &mut self.holds,
        };
        *count = count.saturating_add(i64::from(!is_there));
    }
}

/// A part of the schema, and its definition with whitespace normalized.
#[derive(diesel::QueryableByName)]
struct Object {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    text: String,
}

impl Object {
    fn with_single_spaces(self) -> Self {
        let words: Vec<_> = self.text.split_whitespace().collect();
        Self { text: words.join(" "), ..self }
    }
}

fn sqlite_objects(connection: &mut SqliteConnection) -> Result<Vec<Object>, StoreError> {
    let query = diesel::sql_query(
        "SELECT name, sql AS text FROM sqlite_schema WHERE type IN ('table', 'trigger') AND sql IS NOT NULL",
    );
    let objects: Vec<Object> = query.load(connection)?;
    Ok(objects.into_iter().map(Object::with_single_spaces).collect())
}

/// Constraints that hold for all existing rows; the definitions of others contain `NOT VALID`.
fn postgres_constraints(connection: &mut PgConnection) -> Result<Vec<Object>, StoreError> {
    let query = diesel::sql_query(
        "SELECT t.relname || '.' || c.conname AS name, pg_get_constraintdef(c.oid) AS text
         FROM pg_constraint AS c INNER JOIN pg_class AS t ON t.oid = c.conrelid
         LEFT JOIN pg_index AS i ON i.indexrelid = c.conindid AND c.contype IN ('p', 'u')
         WHERE pg_table_is_visible(t.oid) AND COALESCE(i.indisvalid, true)",
    );
    Ok(query.load(connection)?)
}

/// Triggers that fire for every row and column, and call the function that refuses.
fn postgres_triggers(connection: &mut PgConnection) -> Result<Vec<Object>, StoreError> {
    let query = diesel::sql_query(
        "SELECT g.tgname::text AS name, g.tgtype::text AS text
         FROM pg_trigger AS g INNER JOIN pg_class AS t ON t.oid = g.tgrelid INNER JOIN pg_proc AS p ON p.oid = g.tgfoid
         WHERE t.relname IN ('transfers', 'hold_moves') AND pg_table_is_visible(t.oid) AND g.tgenabled IN ('O', 'A')
            AND g.tgqual IS NULL AND g.tgattr::text = '' AND p.proname = 'refuse_change'
            AND regexp_replace(p.prosrc, '\\s', '', 'g') = 'BEGINRAISEEXCEPTION''%areappend-only'',TG_TABLE_NAME;END'",
    );
    Ok(query.load(connection)?)
}

const POSTGRES_DISABLED: &str = "SELECT count(*) AS rows_found
    FROM pg_trigger AS g INNER JOIN pg_class AS t ON t.oid = g.tgrelid
    WHERE t.relname IN ('accounts', 'wallets', 'invoices', 'transfers', 'holds', 'hold_moves') AND pg_table_is_visible(t.oid)
        AND g.tgisinternal AND g.tgenabled NOT IN ('O', 'A')";

const POSTGRES_REPLICA: &str =
    "SELECT count(*) AS rows_found WHERE current_setting('session_replication_role') = 'replica'";

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows_found: i64,
}

fn count(connection: &mut PgConnection, sql: &str) -> Result<i64, StoreError> {
    Ok(diesel::sql_query(sql).get_result::<Count>(connection)?.rows_found)
}

/// As [`not_numbers`], of holds.
pub(crate) fn not_numbers_of_holds(connection: &mut Db) -> Result<i64, StoreError> {
    const NOT_NUMBERS: &str = "SELECT
        (SELECT count(*) FROM accounts WHERE typeof(held_msat) <> 'integer')
        + (SELECT count(*) FROM holds WHERE typeof(amount_msat) <> 'integer' OR typeof(captured_msat) <> 'integer'
            OR typeof(released_msat) <> 'integer' OR typeof(moves) <> 'integer')
        + (SELECT count(*) FROM hold_moves WHERE typeof(amount_msat) <> 'integer' OR typeof(n) <> 'integer')
        AS rows_found";
    count_on_sqlite(connection, NOT_NUMBERS)
}

/// The number of rows in which SQLite stores something other than an integer in a money column.
/// Unlike PostgreSQL, it accepts that.
pub(crate) fn not_numbers(connection: &mut Db) -> Result<i64, StoreError> {
    const NOT_NUMBERS: &str = "SELECT
        (SELECT count(*) FROM accounts WHERE typeof(balance_msat) <> 'integer' OR typeof(entries) <> 'integer')
        + (SELECT count(*) FROM invoices WHERE typeof(amount_msat) <> 'integer')
        + (SELECT count(*) FROM transfers WHERE typeof(amount_msat) <> 'integer'
            OR typeof(debit_balance_msat) <> 'integer' OR typeof(credit_balance_msat) <> 'integer'
            OR typeof(debit_entry) <> 'integer' OR typeof(credit_entry) <> 'integer') AS rows_found";
    count_on_sqlite(connection, NOT_NUMBERS)
}

fn count_on_sqlite(connection: &mut Db, sql: &str) -> Result<i64, StoreError> {
    match connection {
        Db::Sqlite(c) => Ok(diesel::sql_query(sql).get_result::<Count>(c)?.rows_found),
        Db::Postgres(_) => Ok(0),
    }
}
