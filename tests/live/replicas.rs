//! Two processes on one PostgreSQL: a listener on either hears of every payment once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use super::{assert_all_once, hashes, pay_once};
use crate::harness::{Options, Server, StoreKind, at_once};

/// Ends the connections over which processes tell each other.
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'satkeep%' AND pid <> pg_backend_pid()";

#[test]
fn listeners_on_both_hear_of_what_either_settles() {
    let Some(first) = Server::start(StoreKind::Postgres, Options::default()) else { return };
    let second = first.replica();
    let payer = first.wallet("payer", 300);
    let payee = first.wallet("payee", 0);
    let servers = [&first, &second];
    let mut sent = servers.map(|server| server.events(&payer.invoice, None));
    let mut received = servers.map(|server| server.events(&payee.invoice, None));
    let mut sockets = servers.map(|server| server.socket(&payee.admin).unwrap());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // Over and over again, while payments are under way.
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(150));
                first.database.execute(TERMINATE).unwrap();
            }
        });
        for round in 0..3 {
            at_once(20, |index| pay_once(servers[(index + round) % 2], &payer, &payee));
            thread::sleep(Duration::from_millis(200));
        }
        done.store(true, Ordering::SeqCst);
    });
    let heard = received[0].take(60);
    assert_all_once(&heard, 1, "payment-received");
    assert_eq!(received[1].take(60), heard);
    for stream in &mut sent {
        let events = stream.take(60);
        assert_all_once(&events, 2, "payment-sent");
        assert_eq!(hashes(&events), hashes(&heard));
    }
    for socket in &mut sockets {
        let messages = socket.take(60);
        let told: Vec<_> = messages.iter().map(|m| m["payment"]["payment_hash"].as_str().unwrap().to_owned()).collect();
        assert_eq!(told, hashes(&heard));
    }
    // A new look at the first one's is answered by the second one's rows.
    let again = second.events(&payee.invoice, Some("0")).take(60);
    assert_eq!(again, heard);
}

#[test]
fn an_invoice_is_heard_of_on_the_other_process() {
    let Some(first) = Server::start(StoreKind::Postgres, Options::default()) else { return };
    let second = first.replica();
    let payee = first.wallet("payee", 0);
    for _ in 0..3 {
        let bolt11 = first.invoice(&payee, 1);
        let list = first.get("/api/v1/payments?limit=1", &payee.invoice).expect(200);
        let mut socket = second.socket(list[0]["payment_hash"].as_str().unwrap()).unwrap();
        first.pay(&first.manager, &bolt11).expect(201);
        assert_eq!(socket.next().unwrap()["pending"], false);
    }
}

#[test]
fn a_key_that_is_revoked_on_one_ends_streams_on_the_other() {
    let Some(first) = Server::start(StoreKind::Postgres, Options::default()) else { return };
    let second = first.replica();
    let wallet = first.wallet("player", 0);
    let mut events = second.events(&wallet.invoice, None);
    let path = format!("/usermanager/api/v1/wallets/{}/keys", wallet.id);
    first.put(&path, &first.manager.admin, &serde_json::Value::Null).expect(200);
    assert_eq!(events.next(), None);
}

#[test]
fn processes_tell_each_other_and_bear_nonsense() {
    let Some(server) = Server::start(StoreKind::Postgres, Options::default()) else { return };
    let payee = server.wallet("payee", 0);
    let mut events = server.events(&payee.invoice, None);
    // This is what another process with listeners looks like.
    let mut other = PgConnection::establish(&server.database.url).unwrap();
    other.batch_execute("SET application_name = 'satkeep listening'; LISTEN satkeep_live").unwrap();
    let mut paid = 0;
    let told = loop {
        pay_once(&server, &server.manager, &payee);
        paid += 1;
        thread::sleep(Duration::from_millis(200));
        // The first ones may be settled before the other process is noticed.
        if let Some(message) = other.notifications_iter().next() {
            break message.unwrap().payload;
        }
    };
    let words: Vec<_> = told.split(' ').collect();
    let received = format!("{},{paid},{},+,", payee.id, paid * 1000);
    assert!(words.iter().any(|word| word.starts_with(&received)), "{received} in {told}");
    assert!(words.iter().any(|word| word.starts_with(&server.manager.id) && word.contains(",-,")), "{told}");
    assert_eq!(words.len(), 3, "{told}");

    for nonsense in ["", " ", "x", "x y", "x look", "x ,,,,", &format!("x {},9,-5,+,00", payee.id), &"x ".repeat(3000)]
    {
        other.batch_execute(&format!("NOTIFY satkeep_live, '{nonsense}'")).unwrap();
    }
    // Of a movement that never was.
    let invented = format!("x {},{},1000,+,{}", payee.id, paid + 1, payee.id);
    other.batch_execute(&format!("NOTIFY satkeep_live, '{invented}'")).unwrap();
    thread::sleep(Duration::from_millis(200));
    pay_once(&server, &server.manager, &payee);
    assert_all_once(&events.take(paid + 1), 1, "payment-received");
}
