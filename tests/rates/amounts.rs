//! `unit` of an invoice.

use serde_json::{Value, json};

use super::{fixed, with};
use crate::harness::{Answer, Server, both_stores};

const PAYMENTS: &str = "/api/v1/payments";

fn create(server: &Server, amount: Value, unit: &str) -> Answer {
    let order = json!({"out": false, "amount": amount, "unit": unit, "memo": "test"});
    server.post(PAYMENTS, &server.manager.invoice, &order)
}

both_stores! {
    // What LNbits' own tests expect.
    fn an_invoice_over_ten_and_a_half_euro(server, fixed()) {
        let invoice = create(server, json!(10.5), "EUR").expect(201);
        // 10.5 × 100000000 / 60000.5, rounded down.
        assert_eq!(invoice["amount_sat"], 17_499);
        let decoded = server.post("/api/v1/payments/decode", "", &json!({"data": invoice["bolt11"]})).expect(200);
        assert_eq!(decoded["amount_msat"], 17_499_000);
        let extra = &invoice["extra"];
        assert_eq!((&extra["fiat_currency"], &extra["fiat_amount"]), (&json!("EUR"), &json!(10.5)));
        assert_eq!((&extra["fiat_rate"], &extra["btc_rate"]), (&json!(1_666.652_777_893_52), &json!(60000.5)));
        assert_eq!(extra["rate_sources"], json!(["fixed"]));
        assert!(extra["rate_at"].as_str().unwrap().ends_with('Z') && extra.get("wallet_fiat_currency").is_none(), "{extra}");
        // It is kept with the payment, and the payer has nothing of it.
        let details = server.get(&format!("{PAYMENTS}/{}", invoice["payment_hash"].as_str().unwrap()), &server.manager.invoice);
        assert_eq!(&details.expect(200)["details"]["extra"], extra);
        let payer = server.wallet("payer", 20_000);
        assert_eq!(server.pay(&payer, invoice["bolt11"].as_str().unwrap()).expect(201)["extra"], json!({}));
        server.audit();
    }

    fn units_are_known_and_in_upper_case(server, fixed()) {
        for unit in ["msat", "RRR", "eur", "Usd", "BTC", "GBP", " EUR", "sats"] {
            create(server, json!(10), unit).refused(400, "unsupported_unit", "The provided unit is not supported");
        }
        for unit in ["sat", "SAT", ""] {
            assert_eq!(create(server, json!(10), unit).expect(201)["amount_sat"], 10);
        }
        assert_eq!(create(server, json!("10"), "PTS").expect(201)["amount_sat"], 1_000);
        // To pay there is nothing to count.
        let bolt11 = server.invoice(&server.manager, 1);
        let order = json!({"out": true, "bolt11": bolt11, "unit": "USD"});
        server.post(PAYMENTS, &server.manager.admin, &order).refused(400, "unsupported_unit", "");
    }

    fn amounts_are_exact_and_bounded(server, fixed()) {
        for (amount, unit, sat, shown) in [
            (json!(65), "USD", 100_000, json!(65)),
            (json!("65.00"), "USD", 100_000, json!(65)),
            (json!("0.00065"), "USD", 1, json!(0.00065)),
            (json!(0.001_299_9), "USD", 1, json!(0.001_299_9)),
            (json!(65000), "USD", 100_000_000, json!(65000)),
        ] {
            let invoice = create(server, amount.clone(), unit).expect(201);
            assert_eq!((&invoice["amount_sat"], &invoice["extra"]["fiat_amount"]), (&json!(sat), &shown), "{amount}");
        }
        let before = server.get("/api/v1/payments/paginated", &server.manager.invoice).expect(200)["total"].clone();
        for (amount, why) in [
            (json!(0), "above 0"),
            (json!(-1), "above 0"),
            (json!(null), "is missing"),
            (json!(""), "is missing"),
            (json!("ten"), "decimal number"),
            (json!("NaN"), "decimal number"),
            (json!(true), "must be a number"),
            (json!([1]), "must be a number"),
            (json!("0.000000001"), "at most 8 decimals"),
            (json!(0.0006), "at least 1 sat"),
            (json!("65000.00065"), "at most 100000000 sat"),
            (json!(1e300), "18 digits"),
        ] {
            create(server, amount, "USD").refused(400, "invalid_request", why);
        }
        let after = server.get("/api/v1/payments/paginated", &server.manager.invoice).expect(200)["total"].clone();
        assert_eq!(before, after);
    }

    fn a_clients_own_data_stays_beside(server, fixed()) {
        let order = json!({"out": false, "amount": 1, "unit": "USD", "extra": {"tag": "shop", "fiat_amount": 99, "x": [1.50]}});
        let invoice = server.post(PAYMENTS, &server.manager.invoice, &order).expect(201);
        assert_eq!((&invoice["extra"]["fiat_amount"], &invoice["extra"]["tag"], &invoice["tag"]), (&json!(1), &json!("shop"), &json!("shop")));
        // As long as it may be, it leaves room for what is noted.
        let long = json!({"x": "y".repeat(8192 - 8)});
        let order = json!({"out": false, "amount": 1, "unit": "USD", "extra": long});
        let invoice = server.post(PAYMENTS, &server.manager.invoice, &order).expect(201);
        assert_eq!((&invoice["extra"]["x"], &invoice["extra"]["fiat_currency"]), (&long["x"], &json!("USD")));
    }

    fn the_same_request_has_the_same_rate(server, fixed()) {
        let order = json!({"out": false, "amount": 2.5, "unit": "EUR"}).to_string();
        let headers = [("X-Api-Key", server.manager.invoice.as_str()), ("Idempotency-Key", "fiat")];
        let first = server.send("POST", PAYMENTS, &headers, &order).expect(201);
        // Elsewhere a bitcoin costs something else; what was answered stands.
        let replica = server.replica_with(with(&["--rate-fixed", "EUR=30000"]));
        let again = replica.send("POST", PAYMENTS, &headers, &order);
        assert_eq!((again.header("idempotent-replayed"), again.expect(201)), (Some("true"), first));
        let headers = [("X-Api-Key", server.manager.invoice.as_str()), ("Idempotency-Key", "other")];
        assert_eq!(replica.send("POST", PAYMENTS, &headers, &order).expect(201)["amount_sat"], 8_333);
    }
}
