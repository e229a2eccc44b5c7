//! The requests of clients in the field, as their sources have them.

use serde_json::{Value, json};

use super::{LINKS, ask, path_of};
use crate::harness::both_stores;

both_stores! {
    /// `pylnbits` 0.0.8: `LnurlPay`, and `UserWallet.get_bolt11_from_payurl`.
    fn pylnbits_works(server) {
        let wallet = server.wallet("python", 0);
        let admin = [("X-Api-Key", wallet.admin.as_str()), ("Content-type", "application/json")];
        let invoice = [("X-Api-Key", wallet.invoice.as_str()), ("Content-type", "application/json")];
        let body = json!({"description": "from pylnbits", "amount": 100, "max": 10_000, "min": 100, "comment_chars": 100});
        let made = server.send("POST", LINKS, &admin, &body.to_string()).expect(201);
        assert!(made["lnurl"].as_str().unwrap().starts_with("LNURL1"));
        let listed = server.send("GET", LINKS, &invoice, "").expect(200);
        assert_eq!(listed[0]["id"], made["id"]);
        let path = format!("{LINKS}/{}", made["id"].as_str().unwrap());
        assert_eq!(server.send("GET", &path, &invoice, "").expect(200)["lnurl"], made["lnurl"]);
        server.send("PUT", &path, &admin, &json!({"description": "changed", "amount": 100}).to_string()).expect(200);
        server.send("PUT", &path, &admin, &body.to_string()).expect(200);
        // It appends `?amount=` by itself, and takes whatever has a `status` for a refusal.
        let payurl = format!("/lnurlp/{}", made["id"].as_str().unwrap());
        let content = server.send("GET", &payurl, &invoice, "").expect(200);
        let callback = format!("{}?amount={}", path_of(server, &content["callback"]), 100 * 1000);
        let answer = server.send("GET", &callback, &invoice, "").expect(200);
        assert_eq!((answer.get("status"), answer["pr"].is_string()), (None, true), "{answer}");
        let refusal = ask(server, &callback.replace("100000", "99000")).expect(200);
        assert!(refusal["status"].is_string() && refusal["reason"].is_string());
        let deleted = server.send("DELETE", &path, &admin, "");
        assert_eq!((deleted.status, deleted.text.is_empty()), (200, false));
    }

    /// `lnbits` of npm, 1.1.5: `LNBitsPaylinkClass`.
    fn npm_lnbits_works(server) {
        let wallet = server.wallet("javascript", 0);
        let mut params = json!({"description": "from npm", "amount": 100, "comment_chars": 0, "min": 100, "max": 100});
        let made = server.post(LINKS, &wallet.admin, &params).expect(201);
        for field in ["comment_chars", "currency", "description", "id", "lnurl", "max", "min", "served_meta", "served_pr",
            "success_text", "success_url", "wallet", "webhook_url"] {
            assert!(made.get(field).is_some(), "{field}");
        }
        let path = format!("{LINKS}/{}", made["id"].as_str().unwrap());
        assert_eq!(server.get(LINKS, &wallet.invoice).expect(200)[0]["id"], made["id"]);
        assert_eq!(server.get(&path, &wallet.invoice).expect(200)["max"], 100);
        params["pay_id"] = made["id"].clone();
        params["max"] = json!(200);
        assert_eq!(server.put(&path, &wallet.admin, &params).expect(200)["max"], 200);
        let deleted: Value = server.delete(&path, &wallet.admin).expect(200);
        assert_eq!(deleted["success"], true);
    }
}
