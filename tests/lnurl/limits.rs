//! Invoices that anybody may ask for without a key: so many wait to be paid, and no longer than they
//! can be.

use satkeep::clock;
use satkeep::store::payments::expiry;
use satkeep::store::{Database, Store};
use serde_json::{Value, json};

use super::{ask, link, refused};
use crate::harness::{Options, Server, at_once, both_stores};

fn options() -> Options {
    Options { arguments: vec!["--link-invoices-max".to_owned(), "3".to_owned()], ..Options::default() }
}

fn callback(made: &Value) -> String {
    format!("/lnurlp/api/v1/lnurl/cb/{}?amount=1000", made["id"].as_str().unwrap())
}

fn expire(server: &Server) {
    server.database.execute("UPDATE invoices SET expires_at_ms = expires_at_ms - 7200000").unwrap();
}

both_stores! {
    fn a_link_gives_so_many_invoices_and_more_once_they_are_paid(server, options()) {
        let wallet = server.wallet("payee", 0);
        let [made, other] = ["x", "y"].map(|words| link(server, &wallet, &json!({ "description": words })));
        let replica = server.replica();
        let answers = at_once(16, |index| ask(if index % 2 == 0 { server } else { &replica }, &callback(&made)));
        let (given, full): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.json().get("pr").is_some());
        assert_eq!((given.len(), full.len()), (3, 13), "{answers:?}");
        for answer in full {
            refused(answer, "try again later");
        }
        // A link of the same wallet is another one.
        ask(server, &callback(&other)).expect(200)["pr"].as_str().unwrap();
        server.pay(&server.manager, given[0].json()["pr"].as_str().unwrap()).expect(201);
        ask(server, &callback(&made)).expect(200)["pr"].as_str().unwrap();
        refused(&ask(server, &callback(&made)), "try again later");
        // What is paid from inside waits for nobody.
        let pay = json!({"lnurl": made["lnurl"], "amount": 1000});
        server.post("/api/v1/payments/lnurl", &server.manager.admin, &pay).expect(200);
        expire(server);
        ask(server, &callback(&made)).expect(200)["pr"].as_str().unwrap();
        server.audit();
    }

    fn what_nobody_has_paid_in_time_is_deleted(server, options()) {
        let (wallet, closed) = (server.wallet("payee", 0), server.wallet("closed", 0));
        let made = link(server, &wallet, &json!({"description": "x"}));
        let given: Vec<_> = (0..3).map(|_| ask(server, &callback(&made)).expect(200)["pr"].clone()).collect();
        server.pay(&server.manager, given[0].as_str().unwrap()).expect(201);
        ask(server, &callback(&link(server, &closed, &json!({"description": "x"})))).expect(200);
        server.delete(&format!("/usermanager/api/v1/wallets/{}", closed.id), &server.manager.admin).expect(200);
        let own = server.post("/api/v1/payments", &wallet.invoice, &json!({"amount": 5})).expect(201);
        // As if a link had given one that is good for a second alone.
        let short = server.post("/api/v1/payments", &wallet.invoice, &json!({"amount": 5, "expiry": 1})).expect(201);
        server.database.execute("UPDATE invoices SET origin = id WHERE expires_at_ms - created_at_ms = 1000").unwrap();
        expire(server);
        let fresh = ask(server, &callback(&made)).expect(200)["pr"].clone();
        let store = Store::open(Database::from_url(&server.database.url).unwrap()).unwrap();
        at_once(4, |_| while store.write_blocking(|c| expiry::sweep_some(c, clock::now())).unwrap() {});
        let mut left: Vec<_> = server.get("/api/v1/payments", &wallet.invoice).expect(200).as_array().unwrap().iter()
            .map(|payment| (payment["bolt11"].clone(), payment["state"].clone())).collect();
        left.sort_by_key(|(bolt11, _)| bolt11.to_string());
        let mut expected = vec![(given[0].clone(), json!("paid")), (own["bolt11"].clone(), json!("expired")), (fresh, json!("open"))];
        expected.sort_by_key(|(bolt11, _)| bolt11.to_string());
        assert_eq!(left, expected);
        let keyless = server.database.texts("SELECT state AS text FROM invoices WHERE origin IS NOT NULL ORDER BY state");
        assert_eq!(keyless, ["open", "paid"]);
        // It is not known any more, but what this server has signed says itself when it ended.
        server.pay(&server.manager, given[1].as_str().unwrap()).refused(400, "invoice_not_payable", "");
        std::thread::sleep(std::time::Duration::from_millis(1100));
        server.pay(&server.manager, short["bolt11"].as_str().unwrap()).refused(400, "invoice_expired", "Invoice expired");
        server.audit();
    }
}
