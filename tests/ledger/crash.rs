//! Promise I5: whatever was acknowledged is there after the process has died, and whatever
//! was not is not half there. And the gentle way down: everyone who waits gets an answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::harness::{Options, Server, StoreKind, TestDatabase, Wallet, both_stores};

/// What became of one attempt to pay.
enum Attempt {
    /// A success was answered.
    Acknowledged,
    /// The server answered that it did not.
    Refused,
    /// No answer came.
    Unanswered,
}

const PAYERS: usize = 8;
const SATS: i64 = 3;
/// More than the log may become before the server copies it.
const FILLED_MIB: u64 = 40;
/// More than is written until the server dies, and not so much that a disk is full.
const FILLED_MIB_MAX: u64 = 1000;

struct Load {
    payers: Vec<Wallet>,
    payee: Wallet,
    /// For each payer, the invoices that it pays, one after the other.
    invoices: Vec<Vec<String>>,
}

fn prepare(server: &Server) -> Load {
    let payers = (0..PAYERS).map(|_| server.wallet("payer", 10_000)).collect();
    let payee = server.wallet("payee", 0);
    let invoices = (0..PAYERS).map(|_| (0..100).map(|_| server.invoice(&payee, SATS)).collect()).collect();
    Load { payers, payee, invoices }
}

/// Fills SQLite's log behind the server's back, until the end or for as much, far faster than payments would, so
/// that the server copies it into its file all the time. `ready` once there is enough of it.
fn fill_log(database: &TestDatabase, ready: &Barrier, over: &AtomicBool) {
    let path = database.directory.path().join("test.sqlite");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute("PRAGMA busy_timeout = 60000; PRAGMA wal_autocheckpoint = 0").unwrap();
    connection.batch_execute("CREATE TABLE IF NOT EXISTS filler (bytes BLOB NOT NULL)").unwrap();
    let mut fill = || connection.batch_execute("INSERT INTO filler VALUES (zeroblob(1048576))").unwrap();
    (0..FILLED_MIB).for_each(|_| fill());
    ready.wait();
    for _ in 0..FILLED_MIB_MAX {
        if over.load(Ordering::SeqCst) {
            break;
        }
        fill();
        // SQLite's lock goes to whoever asks first, and the server is to get it as well.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Pays until the server is gone, and does something to the server in the middle: after
/// some payments, and long before the last.
fn pay_under(server: &Server, load: &Load, disturb: impl Fn() + Sync) -> Vec<(String, Attempt)> {
    let attempts = Mutex::new(Vec::new());
    let acknowledged = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for (payer, invoices) in load.payers.iter().zip(&load.invoices) {
            let (attempts, acknowledged) = (&attempts, &acknowledged);
            scope.spawn(move || {
                for invoice in invoices {
                    let body = serde_json::json!({"out": true, "bolt11": invoice}).to_string();
                    let headers = [("X-Api-Key", payer.admin.as_str())];
                    let attempt = match server.try_send("POST", "/api/v1/payments", &headers, &body) {
                        Ok(answer) if answer.status == 201 => {
                            acknowledged.fetch_add(1, Ordering::SeqCst);
                            Attempt::Acknowledged
                        }
                        Ok(answer) => {
                            answer.refused(503, "shutting_down", "shutting down");
                            Attempt::Refused
                        }
                        Err(_) => Attempt::Unanswered,
                    };
                    let gone = !matches!(attempt, Attempt::Acknowledged);
                    attempts.lock().unwrap().push((invoice.clone(), attempt));
                    if gone {
                        break;
                    }
                }
            });
        }
        scope.spawn(|| {
            while acknowledged.load(Ordering::SeqCst) < PAYERS * 10 {
                std::thread::sleep(Duration::from_millis(1));
            }
            disturb();
        });
    });
    attempts.into_inner().unwrap()
}

fn is_paid(server: &Server, payee: &Wallet, invoice: &str) -> bool {
    let decoded = server.post("/api/v1/payments/decode", &payee.invoice, &serde_json::json!({ "data": invoice }));
    let hash = decoded.expect(200)["payment_hash"].as_str().unwrap().to_owned();
    server.get(&format!("/api/v1/payments/{hash}"), &payee.invoice).expect(200)["paid"].as_bool().unwrap()
}

/// Every acknowledged payment is there, every refused one is not, and the sums agree.
/// Answers how many unanswered ones were made all the same.
fn check(server: &Server, load: &Load, attempts: &[(String, Attempt)]) -> usize {
    let (mut paid, mut paid_unanswered) = (0, 0);
    for (invoice, attempt) in attempts {
        let is_paid = is_paid(server, &load.payee, invoice);
        match attempt {
            Attempt::Acknowledged => assert!(is_paid, "an acknowledged payment is lost"),
            Attempt::Refused => assert!(!is_paid, "a refused payment was made"),
            Attempt::Unanswered => paid_unanswered += usize::from(is_paid),
        }
        paid += i64::from(is_paid);
    }
    assert_eq!(server.balance(&load.payee), paid * SATS);
    let left: i64 = load.payers.iter().map(|payer| server.balance(payer)).sum();
    assert_eq!(left, PAYERS as i64 * 10_000 - paid * SATS);
    server.audit();
    paid_unanswered
}

both_stores! {
    fn a_killed_server_has_lost_nothing_that_it_acknowledged(server) {
        for _ in 0..3 {
            let load = prepare(server);
            let attempts = pay_under(server, &load, || server.signal("-KILL"));
            server.wait();
            assert!(attempts.len() < PAYERS * 100, "the load was over before the kill");
            *server = server.replica();
            check(server, &load, &attempts);
        }
    }

    fn a_stopped_server_answers_everyone(server) {
        let load = prepare(server);
        let attempts = pay_under(server, &load, || server.signal("-TERM"));
        assert!(server.wait().success());
        assert!(attempts.len() < PAYERS * 100, "the load was over before the signal");
        *server = server.replica();
        let made_in_silence = check(server, &load, &attempts);
        assert_eq!(made_in_silence, 0, "a payment was made, and its payer not told");
    }
}

#[test]
fn a_server_killed_while_it_copies_its_log_has_lost_nothing_that_it_acknowledged() {
    let mut server = Server::start(StoreKind::Sqlite, Options::default()).unwrap();
    for round in 1..=3 {
        let load = prepare(&server);
        let (ready, over) = (Barrier::new(2), AtomicBool::new(false));
        let attempts = std::thread::scope(|scope| {
            scope.spawn(|| fill_log(&server.database, &ready, &over));
            ready.wait();
            let attempts = pay_under(&server, &load, || {
                server.signal("-KILL");
                over.store(true, Ordering::SeqCst);
            });
            over.store(true, Ordering::SeqCst);
            attempts
        });
        server.wait();
        assert!(attempts.len() < PAYERS * 100, "the load was over before the kill");
        let copied = std::fs::metadata(server.database.directory.path().join("test.sqlite")).unwrap().len();
        assert!(copied > (round * FILLED_MIB) << 19, "the log was not copied: the file has {copied} bytes");
        server = server.replica();
        check(&server, &load, &attempts);
    }
}
