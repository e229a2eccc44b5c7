//! A commit whose outcome cannot be found out, asked for with a key that is only remembered:
//! the caller is told that it is not known, whatever has become of the key.

use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::{Value, json};

use super::lost_commit::behind_proxy;
use crate::harness::{Answer, Options, Server, StoreKind, Wallet};

/// Who pays, and a payment of 40 sat that waits for it.
struct Staged {
    payer: Wallet,
    payee: Wallet,
    bolt11: String,
    hash: String,
}

/// A payer whose key is remembered, and is nowhere to be found any more: as where it was
/// rotated just after the ledger has looked.
fn staged(server: &Server) -> Staged {
    let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
    server.pay(&payer, &server.invoice(&payee, 1)).expect(201);
    let order = json!({"out": false, "amount": 40});
    let invoice = server.post("/api/v1/payments", &payee.invoice, &order).expect(201);
    let text = |name: &str| invoice[name].as_str().unwrap().to_owned();
    let id = server.store.bytes(&payer.id);
    server.database.execute(&format!("DELETE FROM wallet_keys WHERE wallet_id = {id}")).unwrap();
    Staged { payer, payee, bolt11: text("bolt11"), hash: text("payment_hash") }
}

/// Asserts that the outcome is told as unknown, and not as failed.
#[track_caller]
fn assert_not_known(answer: &Answer) {
    let body = answer.json();
    assert_eq!((answer.status, &body["code"], &body["status"]), (503, &json!("outcome_unknown"), &json!("pending")));
    assert_eq!(answer.header("retry-after"), None);
}

/// What the payee is told of the payment, once the database is there again.
fn status(server: &Server, staged: &Staged) -> Value {
    loop {
        let answer = server.get(&format!("/api/v1/payments/{}", staged.hash), &staged.payee.invoice);
        match answer.status {
            503 => thread::sleep(Duration::from_millis(50)),
            _ => return answer.expect(200)["status"].clone(),
        }
    }
}

#[test]
fn what_sqlite_may_have_committed_is_not_called_failed() {
    let Some(server) = Server::start(StoreKind::Sqlite, Options::default()) else { return };
    let staged = staged(&server);
    // A row that points nowhere, which is found out at the commit.
    let dangling = "CREATE TABLE dangling (account BLOB REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER dangles AFTER INSERT ON transfers BEGIN INSERT INTO dangling VALUES (x'00'); END";
    server.database.execute(dangling).unwrap();
    assert_not_known(&server.pay(&staged.payer, &staged.bolt11));
    server.database.execute("DROP TRIGGER dangles; DROP TABLE dangling").unwrap();
    assert_eq!(status(&server, &staged), "pending");
    // Behind any other refusal there is nothing, and the key is looked for.
    server.pay(&staged.payer, "lnbc1").refused(401, "bad_auth", "Bad auth");
    server.pay(&server.manager, &staged.bolt11).expect(201);
    server.audit();
}

#[test]
fn what_postgres_commits_late_is_not_called_failed() {
    let Some((server, proxy)) = behind_proxy() else { return };
    let staged = staged(&server);
    let late = "CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;
        ALTER FUNCTION wait_for_test() SET lock_timeout = 0;
        CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON transfers DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION wait_for_test()";
    server.database.execute(late).unwrap();
    let mut holder = PgConnection::establish(&server.database.url).unwrap();
    holder.batch_execute("SELECT pg_advisory_lock(1)").unwrap();
    let waiting = "SELECT 'x' AS text FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let answer = thread::scope(|scope| {
        let paying = scope.spawn(|| server.pay(&staged.payer, &staged.bolt11));
        while server.database.texts(waiting).is_empty() {
            assert!(!paying.is_finished(), "the commit does not wait");
            thread::sleep(Duration::from_millis(20));
        }
        // The commit is under way, and stays so for longer than anybody looks for it.
        proxy.cut();
        paying.join().unwrap()
    });
    assert_not_known(&answer);
    drop(holder);
    // It was a payment after all.
    while status(&server, &staged) != "success" {
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.balance(&staged.payee), 41);
    server.pay(&staged.payer, "lnbc1").refused(401, "bad_auth", "Bad auth");
    server.audit();
}
