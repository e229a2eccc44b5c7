//! Paying links and addresses from inside.

use serde_json::{Value, json};

use super::{LINKS, ask, link};
use crate::harness::{Server, Wallet, at_once, both_stores};

const PAY: &str = "/api/v1/payments/lnurl";
const SCAN: &str = "/api/v1/lnurlscan";

fn host(server: &Server) -> &str {
    server.url.strip_prefix("http://").unwrap()
}

fn shop(server: &Server) -> (Wallet, Value) {
    let wallet = server.wallet("shop", 0);
    let order = json!({
        "description": "Tea", "min": 1, "max": 1000, "comment_chars": 10, "username": "tea",
        "success_text": "Enjoy", "success_url": "https://shop.example/"
    });
    let made = link(server, &wallet, &order);
    (wallet, made)
}

both_stores! {
    fn a_code_is_scanned_and_paid(server) {
        let (wallet, made) = shop(server);
        let payer = server.wallet("payer", 500);
        let (address, lnurl) = (format!("tea@{}", host(server)), made["lnurl"].as_str().unwrap().to_owned());
        let id = made["id"].as_str().unwrap();
        let scanned = server.get(&format!("{SCAN}/{address}"), &payer.invoice).expect(200);
        let request = ask(server, "/.well-known/lnurlp/tea").expect(200);
        for (name, value) in request.as_object().unwrap() {
            assert_eq!(&scanned[name], value, "{name}");
        }
        assert_eq!((&scanned["kind"], &scanned["fixed"], &scanned["targetUser"]), (&json!("pay"), &json!(false), &json!(address)));
        assert_eq!((&scanned["domain"], &scanned["description"]), (&json!(host(server)), &json!("Payment to tea")));
        for code in [lnurl.clone(), lnurl.to_lowercase(), format!("lightning:{lnurl}"), format!(" TEA@{} ", host(server)),
            format!("lnurlp://{}/lnurlp/{id}", host(server)), format!("{}/.well-known/lnurlp/tea", server.url)] {
            assert_eq!(server.post(SCAN, &payer.invoice, &json!({"lnurl": code})).expect(200), scanned, "{code}");
        }
        let by_path = server.get(&format!("{SCAN}/{lnurl}"), &payer.admin).expect(200);
        assert_eq!(by_path, scanned);

        // Old bodies and new ones, all at once.
        let old = json!({
            "description_hash": scanned["description_hash"], "callback": scanned["callback"], "amount": "10000",
            "comment": "old", "description": "Tea", "unit": "sat"
        });
        let new = json!({"res": request, "amount": 20_000, "comment": "new"});
        let paid: Vec<_> = [old, new, json!({"lnurl": address, "amount": 30_000}), json!({"lnurl": lnurl, "amount": 40_000, "unit": null})]
            .iter().map(|body| server.post(PAY, &payer.admin, body).expect(200)).collect();
        assert_eq!((server.balance(&wallet), server.balance(&payer)), (100, 400));
        let action = json!({"tag": "url", "description": "Enjoy", "url": "https://shop.example/"});
        for (payment, (amount, comment)) in paid.iter().zip([(10, Some("old")), (20, Some("new")), (30, None), (40, None)]) {
            assert_eq!((&payment["success_action"], &payment["status"]), (&action, &json!("success")));
            assert_eq!((&payment["amount_sat"], &payment["pending"]), (&json!(-amount), &json!(false)));
            let mut extra = json!({ "success_action": action });
            if let Some(comment) = comment {
                extra["comment"] = json!(comment);
            }
            assert_eq!(payment["extra"], extra);
            let bolt11 = json!({"data": payment["bolt11"]}).to_string();
            let decoded = server.send("POST", "/api/v1/payments/decode", &[], &bolt11).expect(200);
            assert_eq!(decoded["description_hash"], scanned["description_hash"]);
            let path = format!("/api/v1/payments/{}", payment["payment_hash"].as_str().unwrap());
            assert_eq!(server.get(&path, &payer.invoice).expect(200)["preimage"], payment["preimage"]);
            assert_eq!(server.get(&path, &wallet.invoice).expect(200)["details"]["tag"], "lnurlp");
        }
        server.audit();
    }

    fn what_cannot_be_paid_is_refused(server) {
        let (wallet, made) = shop(server);
        let payer = server.wallet("payer", 50);
        let address = format!("tea@{}", host(server));
        let pay = |body: Value| server.post(PAY, &payer.admin, &body);
        for code in ["", "nothing", "bob", "LNURL1XXX", "keyauth://x.example/y", "http://evil.example/"] {
            server.post(SCAN, &payer.invoice, &json!({ "lnurl": code })).refused(400, "invalid_request", "lnurl");
            pay(json!({"lnurl": code, "amount": 1000})).refused(400, "invalid_request", "lnurl");
        }
        let nobody = format!("nobody@{}", host(server));
        server.get(&format!("{SCAN}/{nobody}"), &payer.invoice).refused(404, "address_not_found", "");
        pay(json!({"lnurl": nobody, "amount": 1000})).refused(404, "address_not_found", "");
        pay(json!({"lnurl": format!("{}/api/v1/wallet", server.url), "amount": 1000})).refused(404, "pay_link_not_found", "");
        pay(json!({"lnurl": address})).refused(400, "invalid_request", "amount");
        pay(json!({"amount": 1000})).refused(400, "invalid_request", "lnurl");
        pay(json!({"res": "x", "amount": 1000})).refused(400, "invalid_request", "res");
        pay(json!({"lnurl": address, "amount": 1_001_000})).refused(400, "link_refused", "greater than maximum 1000000.");
        pay(json!({"lnurl": address, "amount": 0})).refused(400, "link_refused", "smaller than minimum 1000.");
        pay(json!({"lnurl": address, "amount": 1500})).refused(400, "link_refused", "multiple of 1000");
        pay(json!({"lnurl": address, "amount": 1000, "comment": "01234567890"})).refused(400, "link_refused", "11 characters");
        pay(json!({"lnurl": address, "amount": 1000, "unit": "USD"})).refused(400, "unsupported_unit", "");
        pay(json!({"lnurl": address, "amount": 51_000})).refused(400, "insufficient_balance", "Insufficient balance");
        server.post(PAY, &payer.invoice, &json!({"lnurl": address, "amount": 1000})).refused(403, "admin_key_required", "");
        let hash = "0".repeat(64);
        pay(json!({"lnurl": address, "amount": 1000, "description_hash": hash})).refused(400, "link_refused", "scan it again");
        // What has changed since it was shown is not paid.
        let mut shown = server.get(&format!("{SCAN}/{address}"), &payer.invoice).expect(200);
        let path = format!("{}/{}", LINKS, made["id"].as_str().unwrap());
        server.put(&path, &wallet.admin, &json!({"description": "Coffee", "max": 9})).expect(200);
        pay(json!({"res": shown, "amount": 1000})).refused(400, "link_refused", "scan it again");
        shown["metadata"] = json!("[[\"text/plain\",\"Coffee\"]]");
        pay(json!({"res": shown, "amount": 1000})).expect(200);
        assert_eq!((server.balance(&wallet), server.balance(&payer)), (1, 49));
        server.audit();
    }

    fn paying_again_under_the_same_key_pays_once(server) {
        let (wallet, _) = shop(server);
        let payer = server.wallet("payer", 100);
        let body = json!({"lnurl": format!("tea@{}", host(server)), "amount": 7000}).to_string();
        let headers = [("X-Api-Key", payer.admin.as_str()), ("Idempotency-Key", "order-1")];
        let answers = at_once(8, |_| server.send("POST", PAY, &headers, &body));
        let first = answers[0].expect(200);
        assert!(answers.iter().all(|answer| answer.expect(200) == first), "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count(), 1);
        assert_eq!((server.balance(&wallet), server.balance(&payer)), (7, 93));
        let other = body.replace("7000", "8000");
        server.send("POST", PAY, &headers, &other).refused(409, "idempotency_conflict", "");
        // Whoever pays itself has what it had.
        let own = json!({"lnurl": format!("tea@{}", host(server)), "amount": 7000});
        server.post(PAY, &wallet.admin, &own).expect(200);
        assert_eq!(server.balance(&wallet), 7);
        server.audit();
    }
}
