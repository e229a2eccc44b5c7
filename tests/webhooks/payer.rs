//! Webhooks of payments out: the payer is told when its payment is settled.

use serde_json::json;

use super::endpoints::endpoint;
use super::options;
use crate::api::idempotency::post_under;
use crate::harness::{Receiver, StoreKind, both_stores};

both_stores! {
    fn the_payer_is_told_of_its_payment(server, options()) {
        let receiver = Receiver::start();
        let (payer, payee) = (server.wallet("payer", 500), server.wallet("payee", 0));
        let invoice = |sats: i64| {
            let order = json!({"amount": sats, "memo": "for you", "webhook": format!("{}/payee", receiver.url)});
            server.post("/api/v1/payments", &payee.invoice, &order).expect(201)
        };
        let issued = invoice(100);
        let url = format!("{}/payer?x=1", receiver.url);
        let extra = json!({"tag": "mine"});
        let order = json!({"out": true, "bolt11": issued["bolt11"], "webhook": url, "extra": extra});
        let paid = post_under(server, "/api/v1/payments", &payer.admin, "pay", &order).expect(201);
        assert_eq!((&paid["webhook"], &paid["webhook_status"]), (&json!(url), &json!(null)));
        let hooks = receiver.wait_for(2);
        let (to_payer, to_payee): (Vec<_>, Vec<_>) = hooks.iter().partition(|hook| hook.path == "/payer?x=1");
        assert_eq!((to_payer.len(), to_payee.len()), (1, 1));
        let body = to_payer[0].json();
        assert_eq!((&body["event"], &body["event_id"]), (&json!("payment.sent"), &json!(to_payer[0].event())));
        for field in ["payment_hash", "bolt11", "wallet_id", "memo", "preimage", "extra", "tag", "webhook", "time", "status", "state"] {
            assert_eq!(body[field], paid[field], "{field}");
        }
        assert_eq!((&body["amount"], &body["amount_msat"]), (&json!(-100), &json!(-100_000)));
        assert_eq!(to_payee[0].json()["event"], "payment.received");
        assert!(to_payer[0].headers.contains_key("x-satkeep-signature"));
        // Each side sees its own target, and what was answered there.
        let path = format!("/api/v1/payments/{}", paid["payment_hash"].as_str().unwrap());
        let details = |key: &str| server.get(&path, key).expect(200)["details"].clone();
        let told = |key: &str| {
            for _ in 0..500 {
                let details = details(key);
                if details["webhook_status"] == "200" {
                    return details;
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            details(key)
        };
        assert_eq!(told(&payer.invoice)["webhook"], url);
        assert_eq!(told(&payer.invoice)["webhook_status"], "200");
        assert_eq!(told(&payee.invoice)["webhook"], issued["webhook"]);
        let log = server.get("/api/v1/webhooks/deliveries", &payer.admin).expect(200);
        assert_eq!((log.as_array().unwrap().len(), &log[0]["event"], &log[0]["state"]), (1, &json!("payment.sent"), &json!("delivered")));
        // Asked again it is answered again, and nobody is told again.
        let again = post_under(server, "/api/v1/payments", &payer.admin, "pay", &order);
        assert_eq!((again.header("idempotent-replayed"), again.expect(201)), (Some("true"), paid));
        // Without a webhook, or refused, nobody is told.
        server.pay(&payer, &server.invoice(&payee, 1)).expect(201);
        let dear = json!({"out": true, "bolt11": server.invoice(&payee, 5_000), "webhook": url});
        server.post("/api/v1/payments", &payer.admin, &dear).refused(400, "insufficient_balance", "");
        let bad = json!({"out": true, "bolt11": server.invoice(&payee, 1), "webhook": "ftp://x"});
        server.post("/api/v1/payments", &payer.admin, &bad).refused(400, "invalid_request", "webhook");
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert_eq!(receiver.hooks().len(), 2);
        server.audit();
    }

    fn who_pays_itself_is_told_of_both_sides_and_endpoints_too(server, options()) {
        let receiver = Receiver::start();
        let wallet = server.wallet("self", 100);
        endpoint(server, &format!("{}/endpoint", receiver.url), &["payment.sent"]);
        let order = json!({"amount": 5, "webhook": format!("{}/in", receiver.url)});
        let invoice = server.post("/api/v1/payments", &wallet.invoice, &order).expect(201);
        let order = json!({"bolt11": invoice["bolt11"], "webhook": format!("{}/out", receiver.url)});
        server.post("/api/v1/payments", &wallet.admin, &order).expect(201);
        let mut paths: Vec<_> = receiver.wait_for(3).into_iter().map(|hook| hook.path).collect();
        paths.sort();
        assert_eq!(paths, ["/endpoint", "/in", "/out"]);
    }

    fn data_of_clients_goes_out_as_it_is_written(server, options()) {
        let receiver = Receiver::start();
        endpoint(server, &format!("{}/endpoint", receiver.url), &["user.created", "payment.received"]);
        let extra = r#"{"z": 18446744073709551616, "a": 1e2, "m": 1.50}"#;
        let order = format!(r#"{{"user_name": "x", "extra": {extra}}}"#);
        let user = server.send("POST", "/usermanager/api/v1/users", &[("X-Api-Key", &server.manager.admin)], &order);
        let hooks = receiver.wait_for(1);
        assert!(hooks[0].body.contains(&format!("\"extra\":{extra}")), "{}", hooks[0].body);
        assert_eq!((&hooks[0].json()["event"], &hooks[0].json()["name"]), (&json!("user.created"), &json!("x")));
        let key = user.expect(201)["wallets"][0]["inkey"].as_str().unwrap().to_owned();
        let broken = extra.replace(' ', "\n\r\n");
        let order = format!(r#"{{"amount": 5, "extra": {broken}}}"#);
        let invoice = server.send("POST", "/api/v1/payments", &[("X-Api-Key", &key)], &order).expect(201);
        // Whatever stood in the database before.
        if server.store == StoreKind::Sqlite {
            server.database.execute("UPDATE invoices SET extra = replace(extra, ',', char(10) || ',')").unwrap();
        } else {
            server.database.execute("UPDATE invoices SET extra = replace(extra, ',', chr(10) || ',')").unwrap();
        }
        server.pay(&server.manager, invoice["bolt11"].as_str().unwrap()).expect(201);
        let hooks = receiver.wait_for(2);
        assert!(hooks[1].body.contains(r#""extra":{"z":18446744073709551616,"a":1e2,"m":1.50}"#), "{}", hooks[1].body);
        assert_eq!(hooks[1].body.lines().count(), 1);
    }
}
