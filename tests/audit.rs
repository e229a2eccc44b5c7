//! The audit: what it finds when somebody has written behind satkeep's back.

use crate::harness::{Server, StoreKind, both_stores};

/// Runs SQL that only one of the stores needs, or speaks.
fn on(server: &Server, store: StoreKind, sql: &str) {
    if server.store == store {
        server.database.execute(sql).unwrap();
    }
}

/// Asserts that the audit says this, at the command line.
#[track_caller]
fn finds(server: &Server, invariant: &str, what: &str) {
    let said = server.cli(&["audit"]).unwrap_err();
    assert!(said.contains(&format!("{invariant} does not hold")) && said.contains(what), "{said}");
}

/// Runs SQL without the foreign keys that are in the way of those who write what cannot be.
fn without_keys(server: &Server, sql: &str) {
    on(server, StoreKind::Postgres, &format!("{WITHOUT_KEYS}; {sql}"));
    on(server, StoreKind::Sqlite, &format!("PRAGMA foreign_keys = OFF; {sql}"));
}

const WITHOUT_KEYS: &str =
    "ALTER TABLE transfers DROP CONSTRAINT transfers_debit_account_fkey, DROP CONSTRAINT transfers_credit_account_fkey,
        DROP CONSTRAINT transfers_invoice_id_fkey;
    ALTER TABLE invoices DROP CONSTRAINT invoices_wallet_id_fkey; ALTER TABLE wallets DROP CONSTRAINT wallets_id_fkey;
    ALTER TABLE wallet_keys DROP CONSTRAINT wallet_keys_wallet_id_fkey";

const ISSUANCE: &str = "73797374656d2f69737375616e63652f";

both_stores! {
    fn a_healthy_database_passes(server) {
        let (a, b) = (server.wallet("a", 100), server.wallet("b", 0));
        server.pay(&a, &server.invoice(&b, 30)).expect(201);
        server.pay(&b, &server.invoice(&b, 30)).expect(201);
        server.invoice(&a, 7);
        server.cli(&["credit", "--wallet", &b.id, "--amount-sat", "5"]).unwrap();
        server.delete(&format!("/usermanager/api/v1/users/{}?sweep=true", a.user), &server.manager.admin).expect(200);
        // More than a page of texts.
        server.audit();
    }

    fn accounts_of_nobody_are_found(server) {
        let nobody = server.store.bytes(&"ab".repeat(16));
        for kind in ["issuance", "wallet"] {
            server.database.execute(&format!("INSERT INTO accounts (id, kind) VALUES ({nobody}, '{kind}')")).unwrap();
            finds(server, "I2", "neither a wallet's nor the system's: 1");
            server.database.execute(&format!("DELETE FROM accounts WHERE id = {nobody}")).unwrap();
            server.audit();
        }
        // A wallet that is made a source of money.
        let wallet = server.wallet("w", 0);
        let id = server.store.bytes(&wallet.id);
        server.database.execute(&format!("UPDATE accounts SET kind = 'issuance' WHERE id = {id}")).unwrap();
        finds(server, "I2", "neither a wallet's nor the system's: 1");
        server.database.execute(&format!("UPDATE accounts SET kind = 'wallet' WHERE id = {id}")).unwrap();
        server.audit();
        without_keys(server, &format!("UPDATE wallets SET id = {nobody} WHERE id = {id}; DELETE FROM accounts WHERE id = {id}"));
        let said = server.cli(&["audit"]).unwrap_err();
        assert!(said.contains("wallets without an account or a user: 1"), "{said}");
    }

    fn transfers_of_nobody_are_found(server) {
        let (a, b) = (server.wallet("a", 100), server.wallet("b", 0));
        server.pay(&a, &server.invoice(&b, 30)).expect(201);
        let (wallet, nobody) = (server.store.bytes(&b.id), server.store.bytes(&"ab".repeat(16)));
        // Between two accounts that are not there: every sum and chain of the others stays right.
        without_keys(server, &format!(
            "INSERT INTO invoices (id, wallet_id, payment_hash, preimage_sealed, amount_msat, memo, state, created_at_ms, expires_at_ms, paid_at_ms)
                VALUES ({nobody}, {nobody}, {wallet}, {wallet}, 5, '', 'paid', 1, 1, 1);
             INSERT INTO transfers (id, invoice_id, kind, debit_account, credit_account, amount_msat, debit_balance_msat, credit_balance_msat,
                debit_entry, credit_entry, created_at_ms) VALUES ({nobody}, {nobody}, 'payment', {nobody}, {nobody}, 5, -5, 0, 1, 2, 1)"
        ));
        finds(server, "I1", "transfers from or to accounts that do not exist: 1");
        finds(server, "I1", "invoices of wallets that do not exist: 1");
    }

    fn the_guards_of_append_only_transfers_are_looked_at(server) {
        const UPDATED: &str = "CREATE TRIGGER transfers_are_not_updated BEFORE UPDATE ON transfers BEGIN
            SELECT RAISE(ABORT, 'transfers are append-only'); END";
        const DELETED: &str = "CREATE TRIGGER transfers_are_not_deleted BEFORE DELETE ON transfers
            BEGIN SELECT RAISE(ABORT, 'transfers are append-only'); END";
        const CHANGED: &str = "CREATE TRIGGER transfers_are_not_changed BEFORE UPDATE OR DELETE ON transfers
            FOR EACH ROW EXECUTE FUNCTION refuse_change()";
        // What takes a guard away, or makes it one that never fires, and what puts it back.
        let cases = match server.store {
            StoreKind::Sqlite => vec![
                ("DROP TRIGGER transfers_are_not_updated".to_owned(), UPDATED.to_owned()),
                ("DROP TRIGGER transfers_are_not_deleted".to_owned(), DELETED.to_owned()),
                (
                    format!("DROP TRIGGER transfers_are_not_deleted; {}", DELETED.replace("BEGIN", "WHEN OLD.kind = 'x' BEGIN")),
                    format!("DROP TRIGGER transfers_are_not_deleted; {DELETED}"),
                ),
            ],
            StoreKind::Postgres => vec![
                (
                    "ALTER TABLE transfers DISABLE TRIGGER transfers_are_not_changed".to_owned(),
                    "ALTER TABLE transfers ENABLE TRIGGER transfers_are_not_changed".to_owned(),
                ),
                (
                    "ALTER TABLE transfers ENABLE REPLICA TRIGGER transfers_are_not_truncated".to_owned(),
                    "ALTER TABLE transfers ENABLE ALWAYS TRIGGER transfers_are_not_truncated".to_owned(),
                ),
                (
                    "ALTER TABLE transfers DROP CONSTRAINT transfers_credit_account_fkey".to_owned(),
                    "ALTER TABLE transfers ADD CONSTRAINT transfers_credit_account_fkey
                        FOREIGN KEY (credit_account) REFERENCES accounts (id)".to_owned(),
                ),
                (
                    format!("DROP TRIGGER transfers_are_not_changed ON transfers; {}", CHANGED.replace("UPDATE", "UPDATE OF extra")),
                    format!("DROP TRIGGER transfers_are_not_changed ON transfers; {CHANGED}"),
                ),
            ],
        };
        for (away, back) in cases {
            server.database.execute(&away).unwrap();
            finds(server, "I1", "guards of the append-only ledger that are missing or disabled: 1");
            server.database.execute(&back).unwrap();
            server.audit();
        }
        // A database in which no trigger fires.
        on(server, StoreKind::Postgres, "DO $$BEGIN
            EXECUTE format('ALTER DATABASE %I SET session_replication_role = replica', current_database()); END$$");
        if server.store == StoreKind::Postgres {
            finds(server, "I1", "missing or disabled: 1");
        }
        on(server, StoreKind::Postgres, "DO $$BEGIN
            EXECUTE format('ALTER DATABASE %I RESET session_replication_role', current_database()); END$$");
        // A function that refuses nothing disarms both triggers.
        on(server, StoreKind::Postgres, "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN RETURN NEW; END'");
        if server.store == StoreKind::Postgres {
            finds(server, "I1", "missing or disabled: 2");
        }
    }

    fn the_other_guards_are_looked_at(server) {
        match server.store {
            StoreKind::Sqlite => {
                let rewrite = |table: &str, from: &str, to: &str| {
                    let (from, to) = (from.replace('\'', "''"), to.replace('\'', "''"));
                    server.database.execute(&format!(
                        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '{from}', '{to}') WHERE name = '{table}';
                         PRAGMA writable_schema = OFF"
                    )).unwrap();
                };
                let check = "CONSTRAINT accounts_no_overdraft CHECK (kind <> 'wallet' OR balance_msat >= 0)";
                rewrite("accounts", check, "CONSTRAINT accounts_no_overdraft CHECK (kind <> 'wallet' OR balance_msat >= -9)");
                finds(server, "I3", "guards against overdrafts that are missing or disabled: 1");
                rewrite("accounts", "balance_msat >= -9)", "balance_msat >= 0)");
                server.audit();
                rewrite("invoices", "CHECK ((state = 'paid') = (paid_at_ms IS NOT NULL))", "CHECK (1)");
                finds(server, "I4", "guards of invoices that are missing or disabled: 1");
            }
            StoreKind::Postgres => {
                server.database.execute("ALTER TABLE accounts DROP CONSTRAINT accounts_no_overdraft").unwrap();
                finds(server, "I3", "guards against overdrafts that are missing or disabled: 1");
                server.database.execute("ALTER TABLE accounts ADD CONSTRAINT accounts_no_overdraft CHECK (kind <> 'wallet' OR balance_msat >= -9)").unwrap();
                finds(server, "I3", "guards against overdrafts that are missing or disabled: 1");
                server.database.execute("ALTER TABLE accounts DROP CONSTRAINT accounts_no_overdraft; ALTER TABLE accounts
                    ADD CONSTRAINT accounts_no_overdraft CHECK (kind <> 'wallet' OR balance_msat >= 0)").unwrap();
                server.audit();
                server.database.execute("ALTER TABLE transfers DROP CONSTRAINT transfers_invoice_id_key").unwrap();
                finds(server, "I4", "guards of invoices that are missing or disabled: 1");
            }
        }
    }

    fn an_invoice_that_is_unlike_its_text_is_found(server) {
        let (payer, payee) = (server.wallet("payer", 500), server.wallet("payee", 0));
        let what = "invoices whose amount or payment hash is not that of their text: 1";
        let invoice = server.invoice(&payee, 100);
        let set = |column: &str, value: &str| {
            server.database.execute(&format!("UPDATE invoices SET {column} = {value} WHERE bolt11 = '{invoice}'")).unwrap();
        };
        set("amount_msat", "1000");
        finds(server, "I4", what);
        set("amount_msat", "100000");
        server.audit();
        let hash = server.send("POST", "/api/v1/payments/decode", &[], &serde_json::json!({"data": invoice}).to_string());
        let hash = hash.expect(200)["payment_hash"].as_str().unwrap().to_owned();
        set("payment_hash", &server.store.bytes(&"ab".repeat(32)));
        finds(server, "I4", what);
        set("payment_hash", &server.store.bytes(&hash));
        server.audit();
        // The ledger pays what is stored; it is seen afterwards as well.
        set("amount_msat", "1000");
        server.pay(&payer, &invoice).expect(201);
        finds(server, "I4", what);
        // What is no text at all, too.
        let other = server.invoice(&payee, 1);
        let nonsense = match server.store {
            StoreKind::Sqlite => "x'ff00'",
            StoreKind::Postgres => "'nonsense'",
        };
        server.database.execute(&format!("UPDATE invoices SET bolt11 = {nonsense} WHERE bolt11 = '{other}'")).unwrap();
        finds(server, "I4", "is not that of their text: 2");
    }

    fn no_number_is_too_hostile_for_a_verdict(server) {
        let wallet = server.wallet("w", 10);
        let (id, issuance) = (server.store.bytes(&wallet.id), server.store.bytes(ISSUANCE));
        on(server, StoreKind::Sqlite, "DROP TRIGGER transfers_are_not_updated");
        on(server, StoreKind::Postgres, "ALTER TABLE transfers DISABLE TRIGGER USER; ALTER TABLE accounts DROP CONSTRAINT accounts_no_overdraft, DROP CONSTRAINT accounts_held;
            ALTER TABLE transfers DROP CONSTRAINT transfers_amount_msat_check; ALTER TABLE invoices DROP CONSTRAINT invoices_amount_msat_check");
        let unchecked = |sql: &str| match server.store {
            StoreKind::Sqlite => server.database.execute(&format!("PRAGMA ignore_check_constraints = ON; {sql}")).unwrap(),
            StoreKind::Postgres => server.database.execute(sql).unwrap(),
        };
        for number in [i64::MAX, -i64::MAX, i64::MIN] {
            // The literal of the smallest number is a negation that overflows.
            let number = if number == i64::MIN { "(-9223372036854775807 - 1)".to_owned() } else { number.to_string() };
            unchecked(&format!("UPDATE accounts SET balance_msat = {number}, entries = {number} WHERE id IN ({id}, {issuance})"));
            unchecked(&format!(
                "UPDATE transfers SET amount_msat = {number}, debit_balance_msat = {number}, credit_balance_msat = {number},
                 debit_entry = {number}, credit_entry = {number}"
            ));
            unchecked(&format!("UPDATE invoices SET amount_msat = {number}"));
            finds(server, "I1", "entries that do not follow from the one before");
            let said = server.cli(&["audit"]).unwrap_err();
            assert!(said.contains("sums of all balances that are not zero: 1"), "{said}");
            let history = server.get("/api/v1/payments/history", &wallet.invoice);
            history.expect(200);
        }
        on(server, StoreKind::Sqlite, "PRAGMA ignore_check_constraints = ON;
            UPDATE accounts SET balance_msat = 'much'; UPDATE transfers SET amount_msat = 1.5, debit_balance_msat = x'00'");
        if server.store == StoreKind::Sqlite {
            finds(server, "I1", "columns of money that hold something else");
        }
    }
}
