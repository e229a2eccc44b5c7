//! The currency of a wallet.

use serde_json::{Value, json};

use super::{fixed, with};
use crate::harness::{Answer, Server, Wallet, both_stores};

fn change(server: &Server, wallet: &Wallet, change: &Value) -> Answer {
    server.send("PATCH", "/api/v1/wallet", &[("X-Api-Key", &wallet.admin)], &change.to_string())
}

both_stores! {
    fn a_wallet_has_a_currency(server, fixed()) {
        let wallet = server.wallet("tips", 0);
        let shown = || server.get("/api/v1/wallet", &wallet.invoice).expect(200);
        assert_eq!(shown()["currency"], "sat");
        assert_eq!(change(server, &wallet, &json!({"currency": "EUR"})).expect(200)["currency"], "EUR");
        assert_eq!((&shown()["currency"], &shown()["name"]), (&json!("EUR"), &json!("tips")));
        assert_eq!(change(server, &wallet, &json!({"name": "more", "currency": null})).expect(200)["currency"], "EUR");
        assert_eq!(change(server, &wallet, &json!({"name": "most", "currency": " usd "})).expect(200)["currency"], "USD");
        assert_eq!(server.put("/api/v1/wallet/named", &wallet.admin, &json!({})).expect(200)["currency"], "USD");
        for unknown in [json!("RRR"), json!("EURO"), json!("BTC"), json!(7), json!(true)] {
            change(server, &wallet, &json!({ "currency": unknown })).refused(400, "invalid_request", "currency must be");
        }
        change(server, &wallet, &json!({"currency": null})).refused(400, "invalid_request", "name is missing");
        assert_eq!(shown()["currency"], "USD");
        for none in ["", "sat", "SAT"] {
            change(server, &wallet, &json!({"currency": "EUR"})).expect(200);
            assert_eq!(change(server, &wallet, &json!({ "currency": none })).expect(200)["currency"], "sat");
        }
        assert_eq!(shown()["currency"], "sat");
    }

    fn its_payments_are_told_in_it(server, fixed()) {
        let (payer, payee) = (server.wallet("payer", 100_000), server.wallet("payee", 0));
        change(server, &payer, &json!({"currency": "USD"})).expect(200);
        change(server, &payee, &json!({"currency": "EUR"})).expect(200);
        let order = json!({"out": false, "amount": 10_000, "extra": {"tag": "shop"}});
        let invoice = server.post("/api/v1/payments", &payee.invoice, &order).expect(201);
        assert_eq!(invoice["extra"], json!({
            "tag": "shop", "wallet_fiat_currency": "EUR", "wallet_fiat_amount": 6, "wallet_fiat_rate": 1_666.652_777_893_52, "wallet_btc_rate": 60000.5,
        }));
        let paid = server.pay(&payer, invoice["bolt11"].as_str().unwrap()).expect(201);
        assert_eq!(paid["extra"], json!({
            "wallet_fiat_currency": "USD", "wallet_fiat_amount": 6.5, "wallet_fiat_rate": 1_538.461_538_461_54, "wallet_btc_rate": 65000,
        }));
        let path = format!("/api/v1/payments/{}", paid["payment_hash"].as_str().unwrap());
        assert_eq!(server.get(&path, &payer.invoice).expect(200)["details"]["extra"], paid["extra"]);

        // Beside what was asked for in a currency; in the wallet's own it is worth just that.
        let order = |unit: &str| json!({"out": false, "amount": 10.5, "unit": unit});
        let other = server.post("/api/v1/payments", &payee.invoice, &order("USD")).expect(201)["extra"].clone();
        assert_eq!((&other["fiat_currency"], &other["fiat_amount"]), (&json!("USD"), &json!(10.5)));
        assert_eq!((&other["wallet_fiat_currency"], &other["wallet_fiat_amount"]), (&json!("EUR"), &json!(9.692)));
        let own = server.post("/api/v1/payments", &payee.invoice, &order("EUR")).expect(201)["extra"].clone();
        assert_eq!((&own["fiat_amount"], &own["wallet_fiat_amount"]), (&json!(10.5), &json!(10.5)));
        server.audit();
    }

    fn without_its_rate_payments_go_on(server, fixed()) {
        let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
        for wallet in [&payer, &payee] {
            change(server, wallet, &json!({"currency": "EUR"})).expect(200);
        }
        // Started again with no rates, with others, and with one that is not there.
        for arguments in [&[] as &[&str], &["--rate-fixed", "USD=1"], &["--rates", "a=http://192.0.2.1/#/{CUR}"]] {
            let replica = server.replica_with(with(arguments));
            assert_eq!(replica.get("/api/v1/wallet", &payee.invoice).expect(200)["currency"], "EUR");
            let order = json!({"out": false, "amount": 10});
            let invoice = replica.post("/api/v1/payments", &payee.invoice, &order).expect(201);
            assert_eq!(invoice["extra"], json!({}), "{arguments:?}");
            assert_eq!(replica.pay(&payer, invoice["bolt11"].as_str().unwrap()).expect(201)["extra"], json!({}));
        }
        assert_eq!(server.balance(&payee), 30);
    }
}
