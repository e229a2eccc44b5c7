//! The two trees of migrations: the same names, the same tables and columns, up, down and
//! up again.

use std::collections::BTreeSet;

use diesel::{Connection, RunQueryDsl, SqliteConnection};

use satkeep::store::db::migrations;

use crate::harness::{StoreKind, TestDatabase};

const TABLES: [&str; 35] = [
    "accounts",
    "card_counters",
    "cards",
    "cursors",
    "deliveries",
    "endpoints",
    "events",
    "failures",
    "hits",
    "hold_moves",
    "holds",
    "idempotency",
    "invoices",
    "login_attempts",
    "nodes",
    "pay_links",
    "payment_counts",
    "payments",
    "payments_held",
    "payments_in",
    "payments_out",
    "receipts",
    "sends",
    "sessions",
    "settings",
    "subscriptions",
    "tokens",
    "transfers",
    "users",
    "wallet_keys",
    "wallets",
    "webhook_formats",
    "webhook_secrets",
    "withdraw_links",
    "withdrawals",
];

/// The columns of all tables and views, in order, each with what both stores say alike.
fn columns(database: &TestDatabase, store: StoreKind) -> Vec<String> {
    TABLES
        .iter()
        .flat_map(|table| {
            database.texts(&match store {
                StoreKind::Sqlite => format!(
                    "SELECT '{table}.' || name || ' ' || CASE WHEN type = 'BLOB' THEN 'BYTEA' ELSE upper(type) END
                         || CASE WHEN \"notnull\" THEN ' NOT NULL' ELSE '' END AS text
                     FROM pragma_table_info('{table}') ORDER BY cid"
                ),
                StoreKind::Postgres => format!(
                    "SELECT '{table}.' || column_name || ' ' || upper(data_type)
                         || CASE WHEN is_nullable = 'NO' THEN ' NOT NULL' ELSE '' END AS text
                     FROM information_schema.columns
                     WHERE table_name = '{table}' AND table_schema = 'public' ORDER BY ordinal_position"
                ),
            })
        })
        .collect()
}

/// Every object of the schema, to compare before and after.
fn objects(database: &TestDatabase, store: StoreKind) -> BTreeSet<String> {
    let sql = match store {
        StoreKind::Sqlite => {
            "SELECT type || ' ' || name || ' ' || COALESCE(sql, '') AS text FROM sqlite_schema
             WHERE tbl_name NOT LIKE '\\_\\_diesel%' ESCAPE '\\'"
        }
        StoreKind::Postgres => {
            "SELECT 'relation ' || relname AS text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'public' AND relname NOT LIKE '\\_\\_diesel%'
             UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(c.oid) FROM pg_constraint c
             JOIN pg_namespace n ON n.oid = c.connamespace WHERE n.nspname = 'public' AND conname NOT LIKE '\\_\\_diesel%'
             UNION ALL SELECT 'function ' || proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
             WHERE n.nspname = 'public'
             UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal"
        }
    };
    database.texts(sql).into_iter().collect()
}

#[test]
fn both_stores_have_the_same_names_and_columns() {
    let names = |store: &str| -> Vec<_> {
        let directory = format!("{}/migrations/{store}", env!("CARGO_MANIFEST_DIR"));
        let mut names: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));

    let (sqlite, _) = TestDatabase::with_store(StoreKind::Sqlite).unwrap();
    let Some((postgres, _)) = TestDatabase::with_store(StoreKind::Postgres) else { return };
    let comparable = |columns: Vec<String>| -> Vec<String> {
        // What a view takes from its tables is not told alike, but its names are.
        let name_of = |column: String| match column.split_once(' ') {
            Some((name, _)) if name.starts_with("payments") => name.to_owned(),
            _ => column,
        };
        columns.into_iter().map(name_of).collect()
    };
    let of_sqlite = comparable(columns(&sqlite, StoreKind::Sqlite));
    assert_eq!(of_sqlite, comparable(columns(&postgres, StoreKind::Postgres)));
    assert!(of_sqlite.contains(&"transfers.amount_msat BIGINT NOT NULL".to_owned()), "{of_sqlite:?}");
}

#[test]
fn migrations_go_up_and_down_and_up() {
    for kind in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some((database, store)) = TestDatabase::with_store(kind) else { continue };
        let after = objects(&database, kind);
        assert!(after.len() > 20, "{after:?}");
        assert!(store.read_blocking(migrations::pending).unwrap().is_empty());
        let mut reverted = 0;
        while store.read_blocking(|c| Ok(migrations::revert_last(c).is_ok())).unwrap() {
            reverted += 1;
        }
        assert!(reverted >= 1);
        assert_eq!(objects(&database, kind), BTreeSet::new(), "{kind:?}");
        let run = store.read_blocking(migrations::run).unwrap();
        assert_eq!(run.len(), reverted);
        assert_eq!(objects(&database, kind), after, "{kind:?}");
    }
}

#[test]
fn several_processes_may_migrate_at_once() {
    for kind in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some(database) = TestDatabase::create(kind) else { continue };
        let results =
            crate::harness::at_once(4, |_| crate::harness::run_cli(&database, &["manager", "create", "--name", "x"]));
        for result in results {
            assert_eq!(result.unwrap()["adminkey"].as_str().unwrap().len(), 32);
        }
        let list = crate::harness::run_cli(&database, &["manager", "list"]).unwrap();
        assert_eq!(list.as_array().unwrap().len(), 4);
    }
}

/// Otherwise each row would cost a call, and the pattern be folded again.
#[test]
fn functions_of_queries_are_planned_as_what_they_stand_for() {
    #[derive(diesel::QueryableByName)]
    struct Plan {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        detail: String,
    }
    let Some((database, _store)) = TestDatabase::with_store(StoreKind::Postgres) else { return };
    let query = "EXPLAIN SELECT * FROM users WHERE satkeep_contains(name, 'CAFÉ') AND satkeep_in_time()";
    let mut connection = diesel::PgConnection::establish(&database.url).unwrap();
    let plan: Vec<Plan> = diesel::sql_query(query).load(&mut connection).unwrap();
    let plan: Vec<_> = plan.into_iter().map(|step| step.detail).collect();
    assert!(plan.iter().any(|step| step.contains("strpos") && step.contains("'café'")), "{plan:?}");
    assert!(!plan.iter().any(|step| step.contains("satkeep_")), "{plan:?}");
}

/// What the ledger looks up by many values at once is found by index for each of them, however many
/// rows there are.
#[test]
fn what_a_batch_names_is_looked_up_by_index() {
    #[derive(diesel::QueryableByName)]
    struct Plan {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        detail: String,
    }
    let Some((database, _store)) = TestDatabase::with_store(StoreKind::Postgres) else { return };
    let mut connection = diesel::PgConnection::establish(&database.url).unwrap();
    for setting in ["enable_seqscan = off", "plan_cache_mode = force_generic_plan"] {
        diesel::sql_query(format!("SET {setting}")).execute(&mut connection).unwrap();
    }
    let rows = [
        (
            "bytea[], text[]",
            "SELECT n.account, n.external_id, p.payment_hash
             FROM unnest($1, $2) AS n (account, external_id) CROSS JOIN LATERAL (
                SELECT payment_hash FROM invoices WHERE wallet_id = n.account AND external_id = n.external_id
                UNION ALL
                SELECT i.payment_hash FROM transfers AS t INNER JOIN invoices AS i ON i.id = t.invoice_id
                WHERE t.debit_account = n.account AND t.external_id = n.external_id
                UNION ALL
                SELECT payment_hash FROM holds WHERE wallet_id = n.account AND external_id = n.external_id
             ) AS p",
            "'{}', '{}'",
            vec!["invoices_external_id", "transfers_external_id", "invoices_pkey", "holds_external_id"],
        ),
        (
            "bytea[], bytea[], bigint",
            "SELECT o.payee, o.origin, c.open FROM unnest($1, $2) AS o (payee, origin) CROSS JOIN LATERAL (
                SELECT count(*) AS open FROM invoices
                WHERE open_origin = o.origin AND wallet_id = o.payee AND state = 'open' AND expires_at_ms > $3
             ) AS c",
            "'{}', '{}', 5",
            vec!["invoices_open_origin"],
        ),
        ("bytea[]", "SELECT id FROM hits WHERE transfer_id = ANY($1)", "'{}'", vec!["hits_transfer"]),
    ];
    for (index, (types, query, values, indexes)) in rows.into_iter().enumerate() {
        diesel::sql_query(format!("PREPARE q{index} ({types}) AS {query}")).execute(&mut connection).unwrap();
        let plan: Vec<Plan> =
            diesel::sql_query(format!("EXPLAIN EXECUTE q{index} ({values})")).load(&mut connection).unwrap();
        let plan: Vec<_> = plan.into_iter().map(|step| step.detail).collect();
        for index in indexes {
            let ways = [format!("Index Scan using {index}"), format!("Bitmap Index Scan on {index}")];
            let is_used = ways.iter().any(|way| plan.iter().any(|step| step.contains(way)));
            assert!(is_used, "{index}: {plan:?}");
        }
        assert!(!plan.iter().any(|step| step.contains("Seq Scan")), "{plan:?}");
    }
}

/// The newest payments of a wallet or a tenant are found by walking indexes, however many there are.
#[test]
fn the_newest_payments_are_not_sorted_out_of_all_of_them() {
    #[derive(diesel::QueryableByName)]
    struct Step {
        #[diesel(sql_type = diesel::sql_types::Text)]
        detail: String,
    }
    #[derive(diesel::QueryableByName)]
    struct Plan {
        #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
        detail: String,
    }
    let (database, _store) = TestDatabase::with_store(StoreKind::Sqlite).unwrap();
    let mut connection = SqliteConnection::establish(database.url.strip_prefix("sqlite://").unwrap()).unwrap();
    for of in ["wallet_id", "tenant"] {
        let query = format!("EXPLAIN QUERY PLAN SELECT * FROM payments WHERE {of} = x'00' ORDER BY id DESC LIMIT 20");
        let plan: Vec<Step> = diesel::sql_query(query).load(&mut connection).unwrap();
        let plan: Vec<_> = plan.into_iter().map(|step| step.detail).collect();
        assert!(plan.iter().any(|step| step.starts_with("MERGE")), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE") || step.contains("SCAN")), "{plan:?}");
    }

    // So are the oldest users and wallets of a tenant behind another one.
    let users = "SELECT * FROM users WHERE manager_id = x'00' AND deleted_at_ms IS NULL
        AND (users.created_at_ms, users.id) > (5, x'05') ORDER BY created_at_ms, id LIMIT 20";
    let wallets = "SELECT * FROM wallets INNER JOIN users ON users.id = wallets.user_id
        INNER JOIN accounts ON accounts.id = wallets.id WHERE wallets.tenant = x'00' AND wallets.deleted_at_ms IS NULL
        AND (wallets.created_at_ms, wallets.id) > (5, x'05') ORDER BY wallets.created_at_ms, wallets.id LIMIT 20";
    for query in [users, wallets] {
        let plan: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(&mut connection).unwrap();
        let plan: Vec<_> = plan.into_iter().map(|step| step.detail).collect();
        assert!(plan[0].contains("(created_at_ms,id)>(?,?)"), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE") || step.contains("SCAN")), "{plan:?}");
    }

    // PostgreSQL is asked for each half of the view apart.
    let Some((database, _store)) = TestDatabase::with_store(StoreKind::Postgres) else { return };
    let mut connection = diesel::PgConnection::establish(&database.url).unwrap();
    // Of empty tables it would rather sort the little that it expects.
    for setting in ["enable_seqscan", "enable_sort"] {
        diesel::sql_query(format!("SET {setting} = off")).execute(&mut connection).unwrap();
    }
    let halves = ["payments_in", "payments_out"];
    for (half, of) in halves.into_iter().flat_map(|half| [(half, "wallet_id"), (half, "tenant")]) {
        let query = format!(
            "SELECT * FROM {half} WHERE {of} BETWEEN '\\x00' AND '\\x00' AND ({of}, id) < ('\\x00', '\\x05')
             ORDER BY {of} DESC, id DESC LIMIT 20"
        );
        let plan: Vec<Plan> = diesel::sql_query(format!("EXPLAIN {query}")).load(&mut connection).unwrap();
        let plan: Vec<_> = plan.into_iter().map(|step| step.detail).collect();
        assert!(plan.iter().any(|step| step.contains("Index Scan Backward")), "{plan:?}");
        assert!(plan.iter().any(|step| step.contains("ROW(") && step.contains("Index Cond")), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("Sort") || step.contains("Append")), "{plan:?}");
    }
    for query in [users, wallets] {
        let query = query.replace("x'0", "'\\x0");
        let plan: Vec<Plan> = diesel::sql_query(format!("EXPLAIN {query}")).load(&mut connection).unwrap();
        let plan: Vec<_> = plan.into_iter().map(|step| step.detail).collect();
        assert!(plan.iter().any(|step| step.contains("ROW(") && step.contains("Index Cond")), "{plan:?}");
        assert!(!plan.iter().any(|step| step.contains("Sort")), "{plan:?}");
    }
}
