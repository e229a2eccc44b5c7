//! The webhook of a withdrawal.

use serde_json::json;

use super::{LINKS, let_it_wait, new_link, order, with, withdraw};
use crate::harness::{Receiver, Reply, both_stores};
use crate::webhooks::options;

both_stores! {
    fn a_withdrawal_is_told_of(server, options()) {
        let receiver = Receiver::start();
        let (alice, bob) = (server.wallet("alice", 500), server.wallet("bob", 0));
        let hook = json!({
            "webhook_url": format!("{}/claimed?x=1", receiver.url), "webhook_headers": "{\"Authorization\": \"Bearer 1\"}",
            "webhook_body": "{\"n\": 2.50}"
        });
        let made = new_link(server, &alice, &with(order(3, false), &hook));
        let invoice = server.invoice(&bob, 20);
        assert_eq!(withdraw(server, &made["lnurl"], &invoice)["status"], "OK");
        let told = receiver.wait_for(1)[0].clone();
        let paid = server.get("/api/v1/payments?limit=1", &alice.invoice).expect(200)[0].clone();
        let expected = json!({
            "payment_hash": paid["payment_hash"], "payment_request": invoice, "lnurlw": made["id"], "body": {"n": 2.50}
        });
        assert_eq!(told.json(), expected);
        assert!(told.body.contains("2.50"), "{}", told.body);
        assert_eq!((told.path.as_str(), told.headers["authorization"].as_str()), ("/claimed?x=1", "Bearer 1"));
        assert!(told.headers["x-satkeep-signature"].starts_with("t="));

        // A format that a manager chooses is not that of links; a link that is gone adds nothing.
        server.put("/usermanager/api/v1/webhook-format", &server.manager.admin, &json!({"format": "lnbits"})).expect(200);
        let_it_wait(server);
        assert_eq!(withdraw(server, &made["lnurl"], &server.invoice(&bob, 20))["status"], "OK");
        assert_eq!(receiver.wait_for(2)[1].json()["lnurlw"], made["id"]);
        // The headers go to the target that they are meant for.
        let_it_wait(server);
        let moved = json!({"webhook_url": format!("{}/moved", receiver.url), "webhook_headers": "{\"X-Key\": \"new\"}"});
        server.put(&format!("{LINKS}/{}", made["id"].as_str().unwrap()), &alice.admin, &with(order(3, false), &moved)).expect(200);
        assert_eq!(withdraw(server, &made["lnurl"], &server.invoice(&bob, 20))["status"], "OK");
        let told = receiver.wait_for(3)[2].clone();
        assert_eq!((told.path.as_str(), told.headers["x-key"].as_str(), told.headers.get("authorization")), ("/moved", "new", None));
    }

    fn a_link_that_is_gone_or_has_moved_adds_nothing(server, options()) {
        let failures = std::sync::atomic::AtomicUsize::new(0);
        let receiver = Receiver::answering(move |_| {
            let first = failures.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
            Reply::status(if first { 500 } else { 200 })
        });
        let (alice, bob) = (server.wallet("alice", 500), server.wallet("bob", 0));
        let hook = json!({"webhook_url": receiver.url, "webhook_headers": "{\"X-Key\": \"1\"}", "webhook_body": "7"});
        let made = new_link(server, &alice, &with(order(1, false), &hook));
        assert_eq!(withdraw(server, &made["lnurl"], &server.invoice(&bob, 20))["status"], "OK");
        let first = receiver.wait_for(1)[0].clone();
        assert_eq!((first.json()["body"].clone(), first.headers["x-key"].as_str()), (json!(7), "1"));
        server.delete(&format!("{LINKS}/{}", made["id"].as_str().unwrap()), &alice.admin).expect(200);
        let again = receiver.wait_for(2)[1].clone();
        assert_eq!((again.event(), again.json()["lnurlw"].clone()), (first.event(), made["id"].clone()));
        assert_eq!((again.json()["body"].clone(), again.headers.get("x-key")), (json!(""), None));
    }
}
