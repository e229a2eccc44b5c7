//! Paying what others offer. Their services give invoices of this server, which it can pay.

use bitcoin_hashes::{Hash, sha256};
use serde_json::{Value, json};

use super::{METADATA, PAY, SCAN, Service, invoice, options};
use crate::harness::{Options, at_once, both_stores};

/// Of the BOLT 11 specification: for 250,000 sat, and expired long ago.
const EXPIRED: &str = "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh";

both_stores! {
    fn an_address_of_another_server_is_paid(server, options()) {
        let service = Service::with_bob();
        let (payer, shop) = (server.wallet("payer", 500), server.wallet("shop", 0));
        let address = service.address("bob");
        let scanned = server.post(SCAN, &payer.invoice, &json!({ "lnurl": address })).expect(200);
        let action = json!({"tag": "message", "message": "Enjoy"});
        let bodies = [
            json!({"lnurl": address, "amount": 10_000, "comment": "it's tea"}),
            json!({"res": service.offer(), "amount": "10000", "comment": "it's tea", "unit": "sat"}),
            json!({"res": scanned, "amount": 10_000, "comment": "it's tea"}),
            json!({"callback": scanned["callback"], "description_hash": scanned["description_hash"], "amount": 10_000, "comment": "it's tea"}),
        ];
        for (count, body) in bodies.iter().enumerate() {
            let bolt11 = invoice(server, &shop, 10);
            service.answers("/cb", &json!({"pr": bolt11, "routes": [], "successAction": action, "disposable": false}));
            let paid = server.post(PAY, &payer.admin, body).expect(200);
            assert_eq!((&paid["bolt11"], &paid["status"], &paid["amount"]), (&json!(bolt11), &json!("success"), &json!(-10_000)));
            assert_eq!(paid["success_action"], action);
            assert_eq!(paid["extra"], json!({"success_action": action, "comment": "it's tea", "stored": true}));
            assert_eq!(service.asked().last().unwrap(), "/cb?x=1&amount=10000&comment=it%27s+tea");
            assert_eq!(server.balance(&shop), 10 * (count as i64 + 1));
        }
        // A text that only the preimage opens is passed on.
        let aes = json!({"tag": "aes", "description": "Code", "ciphertext": "A".repeat(44), "iv": "B".repeat(24)});
        service.answers("/cb", &json!({"pr": invoice(server, &shop, 1), "successAction": aes}));
        let paid = server.post(PAY, &payer.admin, &json!({"lnurl": address, "amount": 1000})).expect(200);
        assert_eq!((&paid["success_action"], &paid["extra"]), (&aes, &json!({ "success_action": aes })));
        // Some services give a description in place of its hash.
        service.answers("/cb", &json!({"pr": server.invoice(&shop, 1)}));
        let paid = server.post(PAY, &payer.admin, &json!({"lnurl": address, "amount": 1000})).expect(200);
        assert_eq!((&paid["success_action"], &paid["extra"]), (&Value::Null, &json!({})));
        server.audit();
    }

    fn an_invoice_that_is_not_what_was_asked_for_is_not_paid(server, options()) {
        let service = Service::with_bob();
        let (payer, shop) = (server.wallet("payer", 500), server.wallet("shop", 0));
        let other = server.replica_with(Options { arguments: vec!["--network".into(), "regtest".into()], ..options() });
        let mut offer = service.offer();
        offer["maxSendable"] = json!(1_000_000_000);
        service.answers("/.well-known/lnurlp/bob", &offer);
        let hashed = |hash: String| {
            let order = json!({"out": false, "amount": 10, "memo": "x", "description_hash": hash});
            server.post("/api/v1/payments", &shop.invoice, &order).expect(201)["bolt11"].clone()
        };
        let pay = |msat: i64| server.post(PAY, &payer.admin, &json!({"lnurl": service.address("bob"), "amount": msat}));
        for (answer, msat, says) in [
            (json!({"pr": invoice(server, &shop, 11)}), 10_000, "gives an invoice that is for another amount"),
            (json!({"pr": invoice(server, &shop, 9)}), 10_000, "is for another amount"),
            (json!({"pr": hashed(sha256::Hash::hash(b"[]").to_string())}), 10_000, "description_hash is not that of the metadata"),
            (json!({"pr": invoice(&other, &shop, 10)}), 10_000, "is for another network"),
            (json!({ "pr": EXPIRED }), 250_000_000, "has expired"),
            (json!({"pr": "lnbc1nothing"}), 10_000, "is no BOLT11 invoice"),
            (json!({"pr": EXPIRED.replace("gq", "qg")}), 250_000_000, "is no BOLT11 invoice"),
            (json!({"routes": []}), 10_000, "no invoice"),
            (json!({"status": "ERROR", "reason": "sold out"}), 10_000, "sold out"),
            (json!({"pr": invoice(server, &shop, 10), "successAction": {"tag": "fireworks"}}), 10_000, "successAction"),
        ] {
            service.answers("/cb", &answer);
            pay(msat).refused(400, "lnurl_failed", says);
        }
        let paid = invoice(server, &shop, 10);
        service.answers("/cb", &json!({ "pr": paid }));
        pay(10_000).expect(200);
        pay(10_000).refused(400, "invoice_already_paid", "already paid");
        assert_eq!((server.balance(&payer), server.balance(&shop)), (490, 10));
        server.audit();
    }

    /// Nobody is asked for an invoice that the payer could not want.
    fn what_a_service_does_not_take_is_not_asked_for(server, options()) {
        let service = Service::with_bob();
        let payer = server.wallet("payer", 500);
        let address = service.address("bob");
        let pay = |body: Value| server.post(PAY, &payer.admin, &body);
        pay(json!({"lnurl": address, "amount": 999})).refused(400, "link_refused", "smaller than minimum 1000.");
        pay(json!({"lnurl": address, "amount": 101_000})).refused(400, "link_refused", "greater than maximum 100000.");
        pay(json!({"lnurl": address, "amount": 1500})).refused(400, "link_refused", "multiple of 1000");
        pay(json!({"callback": service.url("/cb"), "amount": 1500})).refused(400, "link_refused", "multiple of 1000");
        pay(json!({"callback": service.url("/cb"), "amount": -1000})).refused(400, "link_refused", "");
        pay(json!({"lnurl": address, "amount": 1000, "comment": "01234567890"})).refused(400, "link_refused", "only accept 10");
        pay(json!({"lnurl": address, "amount": 1000, "description_hash": "0".repeat(64)})).refused(400, "link_refused", "scan it again");
        pay(json!({"lnurl": address, "amount": 1000, "unit": "USD"})).refused(400, "unsupported_unit", "");
        pay(json!({"res": {"callback": service.url("/cb")}, "amount": 1000})).refused(400, "invalid_request", "res");
        let mut mandatory = service.offer();
        mandatory["payerData"] = json!({"email": {"mandatory": true}, "name": {"mandatory": false}});
        service.answers("/mandatory", &mandatory);
        pay(json!({"lnurl": service.url("/mandatory"), "amount": 1000})).refused(400, "lnurl_failed", "asks payers for their email");
        let withdraw = json!({"tag": "withdrawRequest", "callback": service.url("/w"), "k1": "x", "minWithdrawable": 1, "maxWithdrawable": 9});
        service.answers("/withdraw", &withdraw);
        pay(json!({"lnurl": service.url("/withdraw"), "amount": 1000})).refused(400, "lnurl_failed", "is a withdraw link");
        server.post(PAY, &payer.invoice, &json!({"lnurl": address, "amount": 1000})).refused(403, "admin_key_required", "");
        assert!(!service.asked().iter().any(|path| path.starts_with("/cb")), "{:?}", service.asked());
        assert_eq!(server.balance(&payer), 500);
    }

    fn paying_again_under_the_same_key_pays_once(server, options()) {
        let service = Service::with_bob();
        let (payer, shop) = (server.wallet("payer", 500), server.wallet("shop", 0));
        service.answers("/cb", &json!({"pr": invoice(server, &shop, 7)}));
        let body = json!({"lnurl": service.address("bob"), "amount": 7000}).to_string();
        let headers = [("X-Api-Key", payer.admin.as_str()), ("Idempotency-Key", "order-1")];
        let answers = at_once(8, |_| server.send("POST", PAY, &headers, &body));
        let first = answers[0].expect(200);
        assert!(answers.iter().all(|answer| answer.expect(200) == first), "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count(), 1);
        // Whatever the service would say by now, it is not asked again.
        service.answers("/cb", &json!({"pr": invoice(server, &shop, 7)}));
        let asked = service.asked().len();
        assert_eq!(server.send("POST", PAY, &headers, &body).expect(200), first);
        assert_eq!((service.asked().len(), server.balance(&payer), server.balance(&shop)), (asked, 493, 7));
        server.audit();
    }

    /// What the service is for, its metadata says, whose hash is in the invoice.
    fn metadata_is_taken_as_it_came(server, options()) {
        let service = Service::start();
        let (payer, shop) = (server.wallet("payer", 500), server.wallet("shop", 0));
        let metadata = "[ [\"text/plain\" , \"T\u{e9}\\u0061\"],\n[\"image/png;base64\",\"AAAA\"]]";
        let offer = json!({"tag": "payRequest", "callback": service.url("/cb"), "minSendable": 1000, "maxSendable": 1000, "metadata": metadata});
        service.answers("/odd", &offer);
        let scanned = server.post(SCAN, &payer.invoice, &json!({"lnurl": service.url("/odd")})).expect(200);
        assert_eq!((&scanned["metadata"], &scanned["description"]), (&json!(metadata), &json!("T\u{e9}a")));
        assert_ne!(metadata, METADATA);
        let hash = sha256::Hash::hash(metadata.as_bytes()).to_string();
        let order = json!({"out": false, "amount": 1, "memo": "x", "description_hash": hash});
        let bolt11 = server.post("/api/v1/payments", &shop.invoice, &order).expect(201)["bolt11"].clone();
        service.answers("/cb", &json!({ "pr": bolt11 }));
        server.post(PAY, &payer.admin, &json!({"lnurl": service.url("/odd"), "amount": 1000})).expect(200);
        assert_eq!(server.balance(&shop), 1);
    }
}
