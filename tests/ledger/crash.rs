//! Promise I5: whatever was acknowledged is there after the process has died, and whatever
//! was not is not half there. And the gentle way down: everyone who waits gets an answer.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::Mutex;
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

/// An invoice, and what became of paying it.
type Attempts = Vec<(String, Attempt)>;

const PAYERS: usize = 8;
/// How many each of them makes, where it is not stopped.
const PAYMENTS: usize = 100;
const SATS: i64 = 3;
const SIGKILL: i32 = 9;
/// Rows of 1 MiB: more than the log may become before the server copies it, and, with what may be there before, less
/// than a writer would copy itself.
const FILLED_MIB: u64 = 80;

struct Load {
    payers: Vec<Wallet>,
    payee: Wallet,
    /// For each payer, the invoices that it pays, one after the other.
    invoices: Vec<Vec<String>>,
}

fn prepare(server: &Server) -> Load {
    let payers = (0..PAYERS).map(|_| server.wallet("payer", 10_000)).collect();
    let payee = server.wallet("payee", 0);
    let invoices = (0..PAYERS).map(|_| (0..PAYMENTS).map(|_| server.invoice(&payee, SATS)).collect()).collect();
    Load { payers, payee, invoices }
}

/// Makes SQLite's log long behind the server's back, at once, so that the server copies it from its next write on.
fn fill_log(database: &TestDatabase) {
    let path = database.directory.path().join("test.sqlite");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute("PRAGMA busy_timeout = 60000; PRAGMA wal_autocheckpoint = 0").unwrap();
    let fill = "INSERT INTO filler VALUES (zeroblob(1048576));".repeat(usize::try_from(FILLED_MIB).unwrap());
    let table = "CREATE TABLE IF NOT EXISTS filler (bytes BLOB NOT NULL)";
    connection.batch_execute(&format!("BEGIN IMMEDIATE; {table}; {fill} COMMIT")).unwrap();
}

fn pay(server: &Server, payer: &Wallet, invoice: &str) -> Attempt {
    let body = serde_json::json!({"out": true, "bolt11": invoice}).to_string();
    match server.try_send("POST", "/api/v1/payments", &[("X-Api-Key", payer.admin.as_str())], &body) {
        Ok(answer) if answer.status == 201 => Attempt::Acknowledged,
        Ok(answer) => {
            answer.refused(503, "shutting_down", "shutting down");
            Attempt::Refused
        }
        Err(_) => Attempt::Unanswered,
    }
}

/// Pays until the server is gone, and sends it a signal in the middle: when it is time, as the number of payments
/// made tells, and long before the last one.
fn pay_under(server: &Server, load: &Load, signal: &str, is_time: impl Fn(usize) -> bool) -> Attempts {
    let attempts = Mutex::new(Vec::new());
    let pay_all = |payer, invoices: &[String]| {
        for invoice in invoices {
            let attempt = pay(server, payer, invoice);
            let gone = !matches!(attempt, Attempt::Acknowledged);
            attempts.lock().unwrap().push((invoice.clone(), attempt));
            if gone {
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        let payers = load.payers.iter().zip(&load.invoices);
        let payers: Vec<_> = payers.map(|(payer, invoices)| scope.spawn(|| pay_all(payer, invoices))).collect();
        while !is_time(attempts.lock().unwrap().len()) {
            assert!(
                payers.iter().any(|payer| !payer.is_finished()),
                "the load, or the server, was gone before its time"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        server.signal(signal);
    });
    let attempts = attempts.into_inner().unwrap();
    assert!(attempts.len() < PAYERS * PAYMENTS, "the load was over before the signal");
    attempts
}

fn is_paid(server: &Server, payee: &Wallet, invoice: &str) -> bool {
    let decoded = server.post("/api/v1/payments/decode", &payee.invoice, &serde_json::json!({ "data": invoice }));
    let hash = decoded.expect(200)["payment_hash"].as_str().unwrap().to_owned();
    server.get(&format!("/api/v1/payments/{hash}"), &payee.invoice).expect(200)["paid"].as_bool().unwrap()
}

/// Every acknowledged payment is there, every refused one is not, and the sums agree.
/// Answers how many unanswered ones were made all the same.
fn check(server: &Server, load: &Load, attempts: &Attempts) -> usize {
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
            let attempts = pay_under(server, &load, "-KILL", |payments| payments >= PAYERS * 10);
            assert_eq!(server.wait().signal(), Some(SIGKILL), "the server died by itself");
            *server = server.replica();
            check(server, &load, &attempts);
        }
    }

    fn a_stopped_server_answers_everyone(server) {
        let load = prepare(server);
        let attempts = pay_under(server, &load, "-TERM", |payments| payments >= PAYERS * 10);
        assert!(server.wait().success());
        *server = server.replica();
        let made_in_silence = check(server, &load, &attempts);
        assert_eq!(made_in_silence, 0, "a payment was made, and its payer not told");
    }
}

#[test]
fn a_server_killed_while_it_copies_its_log_has_lost_nothing_that_it_acknowledged() {
    let mut server = Server::start(StoreKind::Sqlite, Options::default()).unwrap();
    let file = server.database.directory.path().join("test.sqlite");
    let file_mib = || std::fs::metadata(&file).unwrap().len() >> 20;
    for tenths in 1..=3 {
        let load = prepare(&server);
        let killed_at_mib = file_mib() + FILLED_MIB * tenths / 10;
        fill_log(&server.database);
        // The file grows by nothing but copies of the log.
        let attempts = pay_under(&server, &load, "-KILL", |_| file_mib() >= killed_at_mib);
        assert_eq!(server.wait().signal(), Some(SIGKILL), "the server died by itself");
        server = server.replica();
        check(&server, &load, &attempts);
    }
}
