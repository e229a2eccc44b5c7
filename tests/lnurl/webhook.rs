//! The webhook of a payment to a link.

use serde_json::json;

use super::{LINKS, ask, invoice_of, link};
use crate::harness::{Receiver, Reply, both_stores};
use crate::webhooks::options;

both_stores! {
    fn a_payment_to_a_link_is_told_of(server, options()) {
        let receiver = Receiver::start();
        let wallet = server.wallet("payee", 0);
        let order = json!({
            "description": "Tea", "max": 1000, "comment_chars": 20, "username": "tea", "webhook_url": format!("{}/paid?x=1", receiver.url),
            "webhook_headers": "{\"Authorization\": \"Bearer 1\", \"X-Shop\": \"7\"}", "webhook_body": "{\"n\": 2.50}"
        });
        let made = link(server, &wallet, &order);
        let request = ask(server, "/.well-known/lnurlp/tea?webhook_data=order%207").expect(200);
        let pr = invoice_of(server, &request, "amount=100000&comment=hello")["pr"].as_str().unwrap().to_owned();
        let paid = server.pay(&server.manager, &pr).expect(201);
        let hook = receiver.wait_for(1)[0].clone();
        let expected = json!({
            "payment_hash": paid["payment_hash"], "payment_request": pr, "amount": 100_000, "comment": "hello",
            "webhook_data": "order 7", "lnurlp": made["id"], "body": {"n": 2.50}, "zap_receipt": null,
        });
        assert_eq!(hook.json(), expected);
        assert!(hook.body.contains("2.50"), "{}", hook.body);
        assert_eq!((hook.path.as_str(), hook.headers["authorization"].as_str()), ("/paid?x=1", "Bearer 1"));
        assert_eq!((hook.headers["x-shop"].as_str(), hook.event().len()), ("7", 32));
        assert!(hook.headers["x-satkeep-signature"].starts_with("t=") && hook.headers["webhook-signature"].starts_with("v1,"));
        // From inside as well, and with nothing where nothing was said.
        let pay = json!({"lnurl": format!("tea@{}", server.url.strip_prefix("http://").unwrap()), "amount": 5000});
        let inside = server.post("/api/v1/payments/lnurl", &server.manager.admin, &pay).expect(200);
        let hook = receiver.wait_for(2)[1].clone();
        let expected = json!({
            "payment_hash": inside["payment_hash"], "payment_request": inside["bolt11"], "amount": 5000, "comment": null,
            "webhook_data": null, "lnurlp": made["id"], "body": {"n": 2.50}, "zap_receipt": null,
        });
        assert_eq!(hook.json(), expected);
    }

    fn only_what_a_link_gave_is_told_of_in_its_words(server, options()) {
        let receiver = Receiver::start();
        let wallet = server.wallet("payee", 0);
        let hooked = json!({
            "description": "x", "webhook_url": format!("{}/link", receiver.url), "webhook_headers": "{\"X-Shop\": \"7\"}"
        });
        let made = link(server, &wallet, &hooked);
        let id = made["id"].as_str().unwrap();
        // Anybody can write what an invoice of a link has.
        let order = json!({
            "out": false, "amount": 1, "memo": "x", "webhook": format!("{}/own", receiver.url),
            "extra": {"tag": "lnurlp", "link": id, "comment": "forged"}
        });
        let forged = server.post("/api/v1/payments", &wallet.invoice, &order).expect(201);
        server.pay(&server.manager, forged["bolt11"].as_str().unwrap()).expect(201);
        let hook = receiver.wait_for(1)[0].clone();
        assert_eq!((&hook.json()["amount"], &hook.json()["lnurlp"]), (&json!(1), &json!(null)));
        assert!(!hook.headers.contains_key("x-shop"), "{hook:?}");
        // The format that a manager chooses is not that of links; a link that is gone adds nothing.
        server.put("/usermanager/api/v1/webhook-format", &server.manager.admin, &json!({"format": "lnbits"})).expect(200);
        let path = format!("/lnurlp/api/v1/lnurl/cb/{id}?amount=1000");
        let invoices: Vec<_> = (0..2).map(|_| ask(server, &path).expect(200)["pr"].as_str().unwrap().to_owned()).collect();
        server.pay(&server.manager, &invoices[0]).expect(201);
        let hook = receiver.wait_for(2)[1].clone();
        assert_eq!((&hook.json()["lnurlp"], hook.headers.get("x-shop").map(String::as_str)), (&json!(id), Some("7")));
        server.delete(&format!("{}/{id}", super::LINKS), &wallet.admin).expect(200);
        server.pay(&server.manager, &invoices[1]).expect(201);
        let hook = receiver.wait_for(3)[2].clone();
        assert_eq!((&hook.json()["lnurlp"], &hook.json()["amount"]), (&json!(id), &json!(1000)));
        assert!(!hook.headers.contains_key("x-shop"), "{hook:?}");
        server.audit();
    }

    fn headers_are_sent_to_the_target_that_they_are_meant_for(server, options()) {
        let receiver = Receiver::start();
        let wallet = server.wallet("payee", 0);
        let order = |path: &str, secret: &str| {
            json!({
                "description": "x", "webhook_url": format!("{}{path}", receiver.url),
                "webhook_headers": json!({"Authorization": secret}).to_string()
            })
        };
        let made = link(server, &wallet, &order("/old", "Bearer old"));
        let id = made["id"].as_str().unwrap();
        let path = format!("/lnurlp/api/v1/lnurl/cb/{id}?amount=1000");
        let before = ask(server, &path).expect(200)["pr"].as_str().unwrap().to_owned();
        server.put(&format!("{}/{id}", super::LINKS), &wallet.admin, &order("/new", "Bearer new")).expect(200);
        server.pay(&server.manager, &before).expect(201);
        let hook = receiver.wait_for(1)[0].clone();
        assert_eq!((hook.path.as_str(), hook.headers.get("authorization")), ("/old", None));
        let after = ask(server, &path).expect(200)["pr"].as_str().unwrap().to_owned();
        server.pay(&server.manager, &after).expect(201);
        let hook = receiver.wait_for(2)[1].clone();
        assert_eq!((hook.path.as_str(), hook.headers["authorization"].as_str()), ("/new", "Bearer new"));
    }

    fn it_is_sent_again_where_it_is_not_taken(server, options()) {
        let tries = std::sync::atomic::AtomicUsize::new(0);
        let receiver = Receiver::answering(move |_| {
            let first = tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
            Reply::status(if first { 500 } else { 200 })
        });
        let wallet = server.wallet("payee", 0);
        let made = link(server, &wallet, &json!({"description": "x", "webhook_url": receiver.url}));
        let path = format!("/lnurlp/api/v1/lnurl/cb/{}?amount=1000", made["id"].as_str().unwrap());
        let pr = ask(server, &path).expect(200)["pr"].as_str().unwrap().to_owned();
        server.pay(&server.manager, &pr).expect(201);
        let hooks = receiver.wait_for(2);
        assert_eq!((hooks[0].event(), &hooks[0].body), (hooks[1].event(), &hooks[1].body));
    }
}
