//! Rotating the master key while servers serve: nothing fails, nothing is lost, and what was
//! interrupted goes on.

mod environment;
mod files;
mod interrupted;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use satkeep::crypto::secret::{MasterKey, Purpose, Sealer};
use satkeep::store::db::settings;
use satkeep::store::{Database, Store};
use serde_json::{Value, json};

use crate::api::idempotency::post_under;
use crate::harness::{Answer, Options, Server, StoreKind, Wallet, both_stores, run_cli, satkeep};

const USERS: &str = "/usermanager/api/v1/users";
const WALLETS: &str = "/usermanager/api/v1/wallets";
const PAYMENTS: &str = "/api/v1/payments";

/// What was there before a rotation, and must be the same after it.
struct Before {
    wallets: Value,
    payee: Wallet,
    /// Open invoices, some for each look.
    invoices: Vec<String>,
    paid: Value,
    created: Answer,
    webhook_secret: Value,
    transferred: Answer,
    bill: Value,
}

impl Before {
    fn prepare(server: &Server) -> Self {
        let payee = server.wallet("payee", 0);
        for name in ["one", "two", "three"] {
            server.wallet(name, 0);
        }
        let invoices = (0..20).map(|_| server.invoice(&payee, 3)).collect();
        let paid = server.pay(&server.manager, &server.invoice(&payee, 5)).expect(201);
        let created = post_under(server, USERS, &server.manager.admin, "created", &json!({"user_name": "once"}));
        created.expect(201);
        let bill = json!({"out": true, "bolt11": server.invoice(&payee, 7)});
        let webhook_secret = server.get("/api/v1/webhooks/secret", &server.manager.admin).expect(200);
        let transferred = post_under(server, PAYMENTS, &server.manager.admin, "paid", &bill);
        transferred.expect(201);
        let wallets = server.get(WALLETS, &server.manager.admin).expect(200);
        Self { wallets: keys_of(&wallets), payee, invoices, paid, created, webhook_secret, transferred, bill }
    }

    /// Everything that was sealed opens, under whichever key it is.
    #[track_caller]
    fn check(&mut self, server: &Server) {
        let wallets = keys_of(&server.get(WALLETS, &server.manager.admin).expect(200));
        for (id, keys) in self.wallets.as_object().unwrap() {
            assert_eq!(&wallets[id], keys);
        }
        let hash = self.paid["payment_hash"].as_str().unwrap();
        let paid = server.get(&format!("{PAYMENTS}/{hash}"), &server.manager.admin).expect(200);
        assert_eq!(paid["preimage"], self.paid["preimage"]);
        assert_eq!(self.paid["preimage"].as_str().unwrap().len(), 64);
        let manager = &server.manager.admin;
        assert_eq!(server.get("/api/v1/webhooks/secret", manager).expect(200), self.webhook_secret);
        let again = post_under(server, USERS, manager, "created", &json!({"user_name": "once"}));
        assert_eq!((again.status, &again.text), (201, &self.created.text));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let again = post_under(server, PAYMENTS, manager, "paid", &self.bill);
        assert_eq!((again.status, &again.text), (201, &self.transferred.text));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        server.pay(&server.manager, &self.invoices.pop().unwrap()).expect(201);
        // And what is new is no different.
        let wallet = server.wallet("new", 0);
        server.pay(&server.manager, &server.invoice(&wallet, 2)).expect(201);
        assert_eq!(server.balance(&wallet), 2);
        server.get("/api/v1/wallet", &self.payee.admin).expect(200);
    }
}

/// The keys of all wallets, by their ids.
fn keys_of(wallets: &Value) -> Value {
    let of = |wallet: &Value| (wallet["id"].as_str().unwrap().to_owned(), json!([wallet["adminkey"], wallet["inkey"]]));
    Value::Object(wallets.as_array().unwrap().iter().map(of).collect())
}

fn file(server: &Server, name: &str) -> PathBuf {
    server.database.directory.path().join(name)
}

fn key_in(server: &Server, name: &str) -> String {
    std::fs::read_to_string(file(server, name)).unwrap().trim().to_owned()
}

fn mark_in_use(server: &Server) -> String {
    server.cli(&["master-key", "status"]).unwrap()["mark"].as_str().unwrap().to_owned()
}

/// All marks of sealed values.
fn marks(server: &Server) -> Vec<String> {
    let status = server.cli(&["master-key", "status"]).unwrap();
    let values = status["values"].as_array().unwrap();
    let kinds: Vec<_> = values.iter().map(|count| count["kind"].as_str().unwrap()).collect();
    for kind in ["master_key_check", "digest_key", "wallet_keys", "preimages", "answers"] {
        assert!(kinds.contains(&kind), "{kind} in {status}");
    }
    let mut marks: Vec<_> = values.iter().map(|count| count["mark"].as_str().unwrap().to_owned()).collect();
    marks.sort();
    marks.dedup();
    marks
}

/// Nothing is left of the key before.
fn assert_done(server: &Server, old_key: &str, old_mark: &str) {
    let mark = mark_in_use(server);
    assert_ne!(mark, old_mark);
    assert_eq!(marks(server), [mark]);
    assert!(!file(server, "master.key.old").exists() && !file(server, "master.key.next").exists());
    assert_ne!(key_in(server, "master.key"), old_key);
    let credit = ["credit", "--wallet", &server.manager.id, "--amount-sat", "1"];
    let elsewhere = tempfile::tempdir().unwrap();
    let mut with_old = satkeep(&server.database);
    with_old.env("SATKEEP_MASTER_KEY", old_key).env("SATKEEP_DATA_DIR", elsewhere.path());
    let with_old = with_old.args(credit).output().unwrap();
    assert!(!with_old.status.success());
    assert!(String::from_utf8_lossy(&with_old.stderr).contains("not the one"), "{with_old:?}");
    server.audit();
}

/// Restarts the server.
fn restart(server: &mut Server) {
    server.signal("-TERM");
    assert!(server.wait().success());
    *server = server.replica();
}

/// Stops the load, also when the work panics.
struct Stop<'a>(&'a AtomicBool);
impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Creates users, shows their keys, creates invoices and pays them, at all servers, while
/// `work` is done, and for a while before and after.
fn under_load<T>(servers: &[&Server], work: impl FnOnce() -> T) -> T {
    let (stop, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    let until = |more: usize| {
        let enough = rounds.load(Ordering::SeqCst) + more;
        while rounds.load(Ordering::SeqCst) < enough && !stop.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|index| {
                let (stop, rounds) = (&stop, &rounds);
                scope.spawn(move || {
                    let _stop = Stop(stop);
                    let mut number = 0;
                    while !stop.load(Ordering::SeqCst) {
                        // What one server has sealed, another one opens.
                        let (server, other) = (servers[index % servers.len()], servers[(index + 1) % servers.len()]);
                        number += 1;
                        let (order, name) = (json!({"user_name": "load"}), format!("load-{index}-{number}"));
                        let created = post_under(server, USERS, &server.manager.admin, &name, &order);
                        let wallet = Wallet::from_json(&created.expect(201)["wallets"][0]);
                        let again = post_under(other, USERS, &other.manager.admin, &name, &order);
                        assert_eq!((again.status, &again.text), (201, &created.text));
                        let shown = other.get(&format!("{WALLETS}/{}", wallet.user), &server.manager.admin).expect(200);
                        assert_eq!(
                            (&shown[0]["adminkey"], &shown[0]["inkey"]),
                            (&json!(wallet.admin), &json!(wallet.invoice))
                        );
                        let paid = other.pay(&server.manager, &server.invoice(&wallet, 2)).expect(201);
                        let hash = paid["payment_hash"].as_str().unwrap();
                        let seen = server.get(&format!("{PAYMENTS}/{hash}"), &wallet.invoice).expect(200);
                        assert_eq!(seen["preimage"], paid["preimage"]);
                        rounds.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let result = {
            let _stop = Stop(&stop);
            until(10);
            let result = work();
            until(20);
            result
        };
        for thread in threads {
            thread.join().unwrap();
        }
        result
    })
}

/// Waits until the server says something.
fn wait_for_log(server: &Server, words: &str) -> String {
    let mut log = String::new();
    for _ in 0..600 {
        log.push_str(&server.logged());
        if log.contains(words) {
            return log;
        }
    }
    panic!("{words} in {log}");
}

fn rotates_under_load(server: &mut Server, replicas: usize) {
    let mut before = Before::prepare(server);
    let (old_key, old_mark) = (key_in(server, "master.key"), mark_in_use(server));
    assert_eq!(marks(server), std::slice::from_ref(&old_mark));
    {
        let replicas: Vec<_> = (0..replicas).map(|_| server.replica()).collect();
        let servers: Vec<&Server> = std::iter::once(&*server).chain(&replicas).collect();
        let rotated =
            under_load(&servers, || server.cli(&["master-key", "rotate", "--grace-s", "4", "--forget-old"]).unwrap());
        assert_eq!((&rotated["from"], &rotated["in_place"]), (&json!(old_mark), &json!(true)));
        assert_eq!(rotated["old_kept"], false);
        for kind in ["wallet_keys", "preimages", "answers", "webhook_secrets"] {
            assert!(rotated["resealed"][kind].as_u64().unwrap() > 0, "{rotated}");
        }
        assert_eq!(rotated["mark"], json!(mark_in_use(server)));
        assert_done(server, &old_key, &old_mark);
        for server in servers {
            let log = wait_for_log(server, "the master key has been rotated");
            assert!(!log.contains(&old_key) && !log.contains(&key_in(server, "master.key")));
            before.check(server);
        }
    }
    restart(server);
    before.check(server);
    assert_done(server, &old_key, &old_mark);
}

both_stores! {
    fn the_master_key_is_rotated_under_load(server) {
        rotates_under_load(server, 0);
        // And once more: nothing is left over that would be in the way.
        let mark = mark_in_use(server);
        let rotated = server.cli(&["master-key", "rotate", "--grace-s", "0"]).unwrap();
        assert_eq!(rotated["from"], json!(mark));
        assert_eq!(marks(server), [mark_in_use(server)]);
    }

    fn a_database_from_before_keeps_its_digests(server) {
        // Where the key of digests was not kept, but followed from the master key.
        assert!(!has_derived_digests(server));
        server.signal("-TERM");
        assert!(server.wait().success());
        server.database.execute("DELETE FROM settings WHERE name = 'digest_key'").unwrap();
        assert!(has_derived_digests(server));
        *server = server.replica();
        let mut before = Before::prepare(server);
        server.cli(&["master-key", "rotate", "--grace-s", "2"]).unwrap();
        assert!(!has_derived_digests(server));
        before.check(server);
        restart(server);
        before.check(server);
    }

    fn a_value_that_no_key_opens_keeps_the_old_key(server) {
        Before::prepare(server);
        let (old_key, old_mark) = (key_in(server, "master.key"), mark_in_use(server));
        let (damaged, id) = match server.store {
            StoreKind::Sqlite => ("x'01deadbeef'", "lower(hex(id))"),
            StoreKind::Postgres => ("'\\x01deadbeef'::bytea", "encode(id, 'hex')"),
        };
        let kept = format!("UPDATE invoices SET preimage_sealed = {damaged} WHERE memo = 'Credit'");
        server.database.execute(&kept).unwrap();
        let ids = server.database.texts(&format!("SELECT {id} AS text FROM invoices WHERE memo = 'Credit'"));
        for _ in 0..2 {
            let error = server.cli(&["master-key", "rotate", "--grace-s", "0"]).unwrap_err();
            assert!(error.contains(&format!("{} of the preimages (keys: deadbeef; ", ids.len())), "{error}");
            assert!(ids.iter().all(|id| error.contains(id)), "{error}");
            assert!(!error.contains("wallet keys") && !error.contains("answers"), "{error}");
            assert_eq!(key_in(server, "master.key"), old_key);
        }
        // All else is under the new one.
        let mut marks = marks(server);
        marks.retain(|mark| mark != "deadbeef");
        assert_eq!(marks, [mark_in_use(server)]);
        assert_ne!(marks, [old_mark]);
    }
}

/// Whether digests are by the key that follows from the master key.
fn has_derived_digests(server: &Server) -> bool {
    let store = Store::open(Database::from_url(&server.database.url).unwrap()).unwrap();
    let kept = store.read_blocking(|connection| settings::get(connection, settings::DIGEST_KEY)).unwrap();
    let master: MasterKey = key_in(server, "master.key").parse().unwrap();
    let sealer = Sealer::new(&master);
    kept.is_none_or(|kept| *sealer.unseal(Purpose::DigestKey, &[], &kept).unwrap() == *master.digest_key().as_slice())
}

#[test]
fn the_master_key_of_two_processes_is_rotated_under_load() {
    let Some(mut server) = Server::start(StoreKind::Postgres, Options::default()) else { return };
    rotates_under_load(&mut server, 1);
}

#[test]
fn the_status_of_a_database_without_a_master_key_is_told() {
    for store in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some((database, _)) = crate::harness::TestDatabase::with_store(store) else { continue };
        let status = run_cli(&database, &["master-key", "status"]).unwrap();
        assert_eq!(status, json!({"mark": null, "keys": [], "values": []}));
    }
}
