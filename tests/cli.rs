//! The command line, which scripts drive.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Options, Server, StoreKind, TestDatabase, both_stores, run_cli, satkeep};

both_stores! {
    fn managers_are_created_listed_and_given_new_keys(server) {
        let made = server.cli(&["manager", "create", "--name", "Game", "--bootstrap-sats", "500"]).unwrap();
        let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        let (user, admin) = (text(&made, "user"), text(&made, "adminkey"));
        let wallet = server.get("/api/v1/wallet", &admin).expect(200);
        assert_eq!((&wallet["id"], &wallet["user"]), (&made["wallet"], &made["user"]));
        assert_eq!(wallet["balance"], 500_000);

        let list = server.cli(&["manager", "list"]).unwrap();
        assert_eq!(list.as_array().unwrap().len(), 2);
        assert_eq!((&list[1]["user"], &list[1]["name"]), (&json!(user), &json!("Game")));
        assert_eq!(list[1]["wallets"][0]["balance_msat"], 500_000);
        assert!(!list.to_string().contains(&admin));

        let renewed = server.cli(&["manager", "rotate-keys", "--user", &user]).unwrap();
        assert_eq!(renewed[0]["wallet"], made["wallet"]);
        for old in ["adminkey", "inkey"] {
            server.get("/api/v1/wallet", &text(&made, old)).refused(401, "bad_auth", "Bad auth");
            server.get("/api/v1/wallet", &text(&renewed[0], old)).expect(200);
        }
        let nobody = "0".repeat(32);
        assert!(server.cli(&["manager", "rotate-keys", "--user", &nobody]).unwrap_err().contains("no manager"));
        // A user of a manager is no manager of the command line's.
        let users_user = server.wallet("x", 0).user;
        assert!(server.cli(&["manager", "rotate-keys", "--user", &users_user]).is_err());
        assert!(server.cli(&["manager", "create", "--name", " "]).unwrap_err().contains("--name"));
    }

    fn a_wallet_is_credited(server) {
        let wallet = server.wallet("x", 10);
        let credited = server.cli(&["credit", "--wallet", &wallet.id, "--amount-sat", "5"]).unwrap();
        assert_eq!((&credited["balance_sat"], &credited["balance_msat"]), (&json!(15), &json!(15_000)));
        assert_eq!(server.balance(&wallet), 15);
        let seen = server.get("/api/v1/payments?limit=1", &wallet.invoice).expect(200);
        assert_eq!((&seen[0]["amount_sat"], &seen[0]["memo"], &seen[0]["status"]), (&json!(5), &json!("Credit"), &json!("success")));
        for amount in ["0", "-1", "9223372036854775807"] {
            let amount = format!("--amount-sat={amount}");
            assert!(server.cli(&["credit", "--wallet", &wallet.id, &amount]).is_err(), "{amount}");
        }
        let error = server.cli(&["credit", "--wallet", &"0".repeat(32), "--amount-sat", "5"]).unwrap_err();
        assert!(error.contains("refused: a wallet does not exist"), "{error}");
        assert_eq!(server.balance(&wallet), 15);
        server.audit();
    }

    fn the_audit_finds_what_is_broken(server) {
        let (a, b) = (server.wallet("a", 100), server.wallet("b", 0));
        server.pay(&a, &server.invoice(&b, 30)).expect(201);
        server.audit();
        let hex = server.store.bytes(&b.id);
        let append_only = match server.store {
            StoreKind::Sqlite => vec!["DROP TRIGGER transfers_are_not_updated"],
            StoreKind::Postgres => vec!["ALTER TABLE transfers DISABLE TRIGGER USER"],
        };
        let broken = |server: &Server, invariant: &str| {
            let error = server.cli(&["audit"]).unwrap_err();
            assert!(error.contains(&format!("{invariant} does not hold")), "{error}");
        };
        // Money out of nothing.
        let change = |sign: char| format!("UPDATE accounts SET balance_msat = balance_msat {sign} 1 WHERE id = {hex}");
        server.database.execute(&change('+')).unwrap();
        broken(server, "I1");
        server.database.execute(&change('-')).unwrap();
        server.audit();
        // A wallet below zero is refused by the database itself.
        assert!(server.database.execute(&format!("UPDATE accounts SET balance_msat = -1 WHERE id = {hex}")).is_err());
        // An invoice that is paid without a transfer.
        server.invoice(&b, 1);
        server.database.execute("UPDATE invoices SET state = 'paid', paid_at_ms = 1 WHERE state = 'open'").unwrap();
        broken(server, "I4");
        server.database.execute("UPDATE invoices SET state = 'open', paid_at_ms = NULL WHERE paid_at_ms = 1").unwrap();
        server.audit();
        // Transfers are append-only: to change one takes the trigger away first.
        let tamper = "UPDATE transfers SET amount_msat = amount_msat + 1 WHERE kind = 'credit'";
        assert!(server.database.execute(tamper).is_err());
        assert!(server.database.execute("DELETE FROM transfers").is_err());
        for statement in append_only {
            server.database.execute(statement).unwrap();
        }
        server.database.execute(tamper).unwrap();
        broken(server, "I1");
    }

    fn the_first_start_prints_the_manager_once(server, Options { bootstrap_sats: 777, ..Options::default() }) {
        assert_eq!(server.balance(&server.manager), 777);
        let again = server.replica();
        assert_eq!(again.balance(&again.manager), 777);
        assert_eq!(server.cli(&["manager", "list"]).unwrap().as_array().unwrap().len(), 1);
    }

    fn a_database_is_refused_without_its_master_key(server) {
        let credit = ["credit", "--wallet", &server.manager.id, "--amount-sat", "1"];
        let file = server.database.directory.path().join("master.key");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let key = std::fs::read_to_string(&file).unwrap();
        assert_eq!(key.trim().len(), 64);
        std::fs::remove_file(&file).unwrap();
        assert!(server.cli(&credit).unwrap_err().contains("SATKEEP_MASTER_KEY"));
        // What seals nothing and unseals nothing does without.
        for keyless in [["manager", "list"].as_slice(), &["operator", "list"], &["audit"]] {
            assert!(server.cli(keyless).is_ok(), "{keyless:?}");
        }
        std::fs::write(&file, "0".repeat(64)).unwrap();
        assert!(server.cli(&credit).unwrap_err().contains("not the one"));
        std::fs::write(&file, "nonsense").unwrap();
        let error = server.cli(&credit).unwrap_err();
        assert!(error.contains("64 hex") && !error.contains("nonsense"), "{error}");
        std::fs::remove_file(&file).unwrap();
        let with = |variable: &str, value: &str| {
            satkeep(&server.database).env(variable, value).args(credit).output().unwrap().status.success()
        };
        assert!(with("SATKEEP_MASTER_KEY", key.trim()));
        assert!(!with("SATKEEP_MASTER_KEY", &"0".repeat(64)));
        let elsewhere = server.database.directory.path().join("secret");
        std::fs::write(&elsewhere, &key).unwrap();
        assert!(with("SATKEEP_MASTER_KEY_FILE", elsewhere.to_str().unwrap()));
        assert!(!with("SATKEEP_MASTER_KEY_FILE", "/nowhere"));
    }

    fn migrations_run_by_hand(server) {
        assert_eq!(server.cli(&["migrate"]).unwrap(), json!({"current": true}));
    }
}

#[test]
fn a_backup_is_a_whole_database() {
    let Some(server) = Server::start(StoreKind::Sqlite, Options::default()) else { return };
    let wallet = server.wallet("kept", 42);
    let file = server.database.directory.path().join("backup.sqlite");
    let path = file.to_str().unwrap();
    assert_eq!(server.cli(&["backup", path]).unwrap(), json!({"file": path}));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // An existing file is not overwritten.
    assert!(server.cli(&["backup", path]).is_err());
    let url = format!("sqlite://{path}");
    let output = satkeep(&server.database).args(["--database-url", &url, "--json", "audit"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let credited = satkeep(&server.database)
        .args(["--database-url", &url, "--json", "credit", "--wallet", &wallet.id, "--amount-sat", "1"])
        .output()
        .unwrap();
    let credited: Value = serde_json::from_slice(&credited.stdout).unwrap();
    assert_eq!(credited["balance_sat"], 43);
    assert_eq!(server.balance(&wallet), 42);
}

#[test]
fn a_postgres_database_is_backed_up_by_its_own_means() {
    let Some(database) = TestDatabase::create(StoreKind::Postgres) else { return };
    run_cli(&database, &["migrate"]).unwrap();
    let file = database.directory.path().join("backup.sqlite");
    let error = run_cli(&database, &["backup", file.to_str().unwrap()]).unwrap_err();
    assert!(error.contains("pg_dump"), "{error}");
    assert!(!file.exists());
}

#[test]
fn a_server_reaches_postgres_over_tls() {
    let Some(database) = TestDatabase::create(StoreKind::Postgres) else { return };
    let url = database.tcp_url().unwrap();
    let run = |mode: &str| {
        satkeep(&database).args(["--database-url", &format!("{url}?sslmode={mode}"), "migrate"]).output().unwrap()
    };
    let output = run("require");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A certificate that nobody vouches for is refused where it is to be verified.
    let output = run("verify-full");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("certificate"), "{output:?}");
}

#[test]
fn a_database_that_is_not_there_is_not_made_by_a_look() {
    for store in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some(database) = TestDatabase::create(store) else { continue };
        for look in [vec!["audit"], vec!["manager", "list"], vec!["migrate", "--revert"]] {
            let error = run_cli(&database, &look).unwrap_err();
            assert!(error.contains("satkeep migrate"), "{error}");
        }
        assert_eq!(std::fs::read_dir(database.directory.path()).unwrap().count(), 0);
        run_cli(&database, &["migrate"]).unwrap();
        assert_eq!(run_cli(&database, &["audit"]).unwrap()["holds"], true);
    }
}

#[test]
fn the_command_line_explains_itself_and_its_mistakes() {
    let run = |arguments: &[&str]| Command::new(env!("CARGO_BIN_EXE_satkeep")).args(arguments).output().unwrap();
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    for word in [
        "serve",
        "manager",
        "master-key",
        "credit",
        "audit",
        "openapi",
        "migrate",
        "backup",
        "--listen",
        "SATKEEP_LISTEN",
    ] {
        assert!(help.contains(word), "{word} in {help}");
    }
    for wrong in [vec!["nonsense"], vec!["credit", "--wallet", "x", "--amount-sat", "1"], vec!["--listen"]] {
        let output = run(&wrong);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{wrong:?}");
    }
    let wrong = ["--listen", "nowhere", "--network", "moon", "--database-url", "mysql://x", "--rate-limit", "many"];
    // Before the command or behind it.
    for arguments in [[&wrong[..], &["audit"]].concat(), [&["audit"], &wrong[..]].concat()] {
        let output = run(&arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        for flag in ["--listen: ", "--network: ", "--database-url: ", "--rate-limit: "] {
            assert!(error.contains(flag), "{flag} in {error}");
        }
        assert_eq!((output.status.code(), error.lines().count()), (Some(1), 5), "{error}");
    }
    // A command line that makes no sense, and help, come before values.
    assert_eq!(run(&["--listen", "nowhere", "nonsense"]).status.code(), Some(2));
    assert_eq!(run(&["--listen", "nowhere", "--help"]).status.code(), Some(0));
}
