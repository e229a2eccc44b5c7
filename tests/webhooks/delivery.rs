//! Webhooks of invoices.

use serde_json::json;

use super::options;
use crate::harness::{Receiver, Server, Wallet, both_stores};

/// An invoice with a webhook.
pub(crate) fn invoice(server: &Server, payee: &Wallet, sats: i64, url: &str) -> serde_json::Value {
    let order =
        json!({"out": false, "amount": sats, "memo": "hooked", "webhook": url, "extra": {"tag": "shop", "n": 2.50}});
    server.post("/api/v1/payments", &payee.invoice, &order).expect(201)
}

both_stores! {
    fn a_paid_invoice_is_told_of_once(server, options()) {
        let receiver = Receiver::start();
        let payee = server.wallet("payee", 0);
        let issued = invoice(server, &payee, 1000, &format!("{}/hook?x=1", receiver.url));
        let paid = server.pay(&server.manager, issued["bolt11"].as_str().unwrap()).expect(201);
        let hooks = receiver.wait_for(1);
        let body = hooks[0].json();
        assert_eq!(hooks[0].path, "/hook?x=1");
        assert_eq!(hooks[0].headers["content-type"], "application/json");
        assert_eq!(hooks[0].event().len(), 32);
        let expected = json!({
            "event": "payment.received", "event_id": hooks[0].event(),
            "payment_hash": issued["payment_hash"], "checking_id": issued["payment_hash"],
            "payment_request": issued["bolt11"], "bolt11": issued["bolt11"], "wallet_id": payee.id,
            "amount": 1000, "amount_sat": 1000, "amount_msat": 1_000_000, "fee": 0, "comment": "hooked",
            "memo": "hooked", "pending": false, "paid": true, "status": "success", "state": "paid", "time": issued["time"],
            "expiry": issued["expiry"], "created_at": issued["created_at"], "expires_at": issued["expires_at"],
            "updated_at": paid["updated_at"], "preimage": paid["preimage"], "webhook": issued["webhook"],
            "external_id": null, "tag": "shop", "extra": {"tag": "shop", "n": 2.50},
        });
        assert_eq!(body, expected);
        // One that is not paid is not told of, nor is a payment without a webhook.
        invoice(server, &payee, 5, &receiver.url);
        server.pay(&server.manager, &server.invoice(&payee, 7)).expect(201);
        let last = invoice(server, &payee, 9, &receiver.url);
        server.pay(&server.manager, last["bolt11"].as_str().unwrap()).expect(201);
        let hooks = receiver.wait_for(2);
        assert_eq!(hooks[1].json()["payment_hash"], last["payment_hash"]);
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert_eq!(receiver.hooks().len(), 2);
        let path = format!("/api/v1/payments/{}", issued["payment_hash"].as_str().unwrap());
        assert_eq!(server.get(&path, &payee.invoice).expect(200)["details"]["webhook_status"], "200");
        let list = server.get("/api/v1/payments", &payee.invoice).expect(200);
        let statuses: Vec<_> = list.as_array().unwrap().iter().map(|it| it["webhook_status"].clone()).collect();
        assert_eq!(statuses, [json!("200"), json!(null), json!(null), json!("200")]);
        server.audit();
    }
}
