//! Invoices that are not paid in time: marked, and told of, once.

use satkeep::clock;
use satkeep::store::payments::expiry;
use satkeep::store::{Database, Store};
use serde_json::json;

use super::endpoints::endpoint;
use super::options;
use crate::harness::{Receiver, at_once, both_stores};

both_stores! {
    fn expired_invoices_are_told_of_once(server, options()) {
        let receiver = Receiver::start();
        endpoint(server, &receiver.url, &["invoice.expired"]);
        let (payee, closed) = (server.wallet("payee", 0), server.wallet("closed", 0));
        let order = json!({"out": false, "amount": 3, "memo": "late", "expiry": 7200});
        let open: Vec<_> =
            (0..5).map(|_| server.post("/api/v1/payments", &payee.invoice, &order).expect(201)).collect();
        server.pay(&server.manager, open[0]["bolt11"].as_str().unwrap()).expect(201);
        server.post("/api/v1/payments", &closed.invoice, &order).expect(201);
        server.delete(&format!("/usermanager/api/v1/wallets/{}", closed.id), &server.manager.admin).expect(200);
        // One that a pay link has given, which anybody could have asked for.
        let link = server.post("/lnurlp/api/v1/links", &payee.admin, &json!({"description": "x"})).expect(201);
        let callback = format!("/lnurlp/api/v1/lnurl/cb/{}?amount=1000", link["id"].as_str().unwrap());
        server.send("GET", &callback, &[], "").expect(200)["pr"].as_str().unwrap();
        // As if two hours had passed, by several at once.
        let store = Store::open(Database::from_url(&server.database.url).unwrap()).unwrap();
        let sweep = |seconds: i64| {
            at_once(4, |_| {
                let now = clock::now().plus_seconds(seconds);
                while store.write_blocking(|connection| expiry::sweep_some(connection, now)).unwrap() {}
            })
        };
        sweep(7200);
        assert!(receiver.hooks().is_empty(), "the sweeper keeps a minute behind");
        sweep(7300);
        sweep(7400);
        let hooks = receiver.wait_for(4);
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert_eq!(receiver.hooks().len(), 4);
        let mut told: Vec<_> = hooks.iter().map(crate::harness::Hook::json).collect();
        assert!(told.iter().all(|it| it["event"] == "invoice.expired" && it["state"] == "expired" && it["paid"] == false && it["preimage"].is_null()));
        told.sort_by_key(|it| it["payment_hash"].to_string());
        let mut expected: Vec<_> = open[1..].iter().map(|it| it["payment_hash"].clone()).collect();
        expected.sort_by_key(serde_json::Value::to_string);
        assert_eq!(told.iter().map(|it| it["payment_hash"].clone()).collect::<Vec<_>>(), expected);
        // Whether it can be paid is not the sweeper's to say.
        server.pay(&server.manager, open[1]["bolt11"].as_str().unwrap()).expect(201);
        assert_eq!(server.balance(&payee), 6);
        server.audit();
    }
}
