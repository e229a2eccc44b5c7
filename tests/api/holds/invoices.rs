//! Hold invoices, as clients of LNbits know them: the payee keeps the preimage, paying holds the
//! payer's money, and the payee settles or cancels.

use satkeep::domain::node::Preimage;
use serde_json::{Value, json};

use super::{assert_adds_up, balances, wait_until};
use crate::harness::{Answer, Server, Wallet, both_stores};

const PAYMENTS: &str = "/api/v1/payments";

/// A preimage that only the test knows, and its hash, in hex.
fn secret() -> (String, String) {
    let preimage = Preimage::generate();
    (preimage.reveal(), preimage.payment_hash().to_string())
}

#[track_caller]
fn hold_invoice(server: &Server, payee: &Wallet, sats: i64, hash: &str) -> Value {
    let order = json!({"out": false, "amount": sats, "memo": "escrow", "payment_hash": hash});
    server.post(PAYMENTS, &payee.invoice, &order).expect(201)
}

fn settle(server: &Server, payee: &Wallet, preimage: &str) -> Answer {
    server.post("/api/v1/payments/settle", &payee.admin, &json!({"preimage": preimage}))
}

fn cancel(server: &Server, payee: &Wallet, hash: &str) -> Answer {
    server.post("/api/v1/payments/cancel", &payee.admin, &json!({"payment_hash": hash}))
}

/// What a wallet sees of a payment: whether it is paid, its status, and its state.
#[track_caller]
fn seen(server: &Server, wallet: &Wallet, hash: &str) -> (bool, String, Value) {
    let seen = server.get(&format!("{PAYMENTS}/{hash}"), &wallet.invoice).expect(200);
    (seen["paid"] == true, seen["status"].as_str().unwrap().to_owned(), seen["details"]["state"].clone())
}

fn words(paid: bool, status: &str, state: &str) -> (bool, String, Value) {
    (paid, status.to_owned(), json!(state))
}

both_stores! {
    fn the_payee_settles_with_the_preimage(server) {
        let (payer, payee, third) = (server.wallet("payer", 100), server.wallet("payee", 0), server.wallet("third", 100));
        let (preimage, hash) = secret();
        let invoice = hold_invoice(server, &payee, 60, &hash.to_ascii_uppercase());
        assert_eq!((&invoice["payment_hash"], &invoice["state"]), (&json!(hash), &json!("open")));
        let bolt11 = invoice["bolt11"].as_str().unwrap();
        let key = [("X-Api-Key", payer.admin.as_str()), ("Idempotency-Key", "escrow-1")];
        let order = json!({"out": true, "bolt11": bolt11, "extra": {"order": 7}, "external_id": "order-7"}).to_string();
        let paid = server.send("POST", PAYMENTS, &key, &order).expect(201);
        assert_eq!((&paid["pending"], &paid["status"], &paid["state"]), (&json!(true), &json!("pending"), &json!("held")));
        assert_eq!((&paid["amount"], &paid["preimage"]), (&json!(-60_000), &Value::Null));
        assert_eq!((balances(server, &payer), balances(server, &payee)), ([40, 60, 100], [0, 0, 0]));
        for wallet in [&payer, &payee] {
            assert_eq!(seen(server, wallet, &hash), words(false, "pending", "held"));
            assert_adds_up(server, wallet);
        }
        // Nobody else pays it, nor is it paid twice; the payer's external id is taken.
        server.pay(&third, bolt11).refused(400, "invoice_already_paid", "");
        server.pay(&payer, bolt11).refused(400, "invoice_already_paid", "");
        let other = json!({"out": true, "bolt11": server.invoice(&payee, 1), "external_id": "order-7"});
        server.post(PAYMENTS, &payer.admin, &other).refused(409, "external_id_exists", "");
        assert_eq!(server.send("POST", PAYMENTS, &key, &order).expect(201)["state"], "held");

        let settled = settle(server, &payee, &preimage).expect(200);
        assert_eq!(settled, json!({
            "ok": true, "checking_id": hash, "payment_request": bolt11, "error_message": null, "preimage": preimage, "fee_msat": 0
        }));
        assert_eq!((balances(server, &payer), balances(server, &payee)), ([40, 0, 40], [60, 0, 60]));
        for wallet in [&payer, &payee] {
            assert_eq!(seen(server, wallet, &hash), words(true, "success", "paid"));
            let details = server.get(&format!("{PAYMENTS}/{hash}"), &wallet.invoice).expect(200);
            assert_eq!(details["preimage"], json!(preimage));
            assert_adds_up(server, wallet);
        }
        let sent = server.get(&format!("{PAYMENTS}?external_id=order-7"), &payer.invoice).expect(200);
        assert_eq!((&sent[0]["payment_hash"], &sent[0]["extra"]), (&json!(hash), &json!({"order": 7})));
        // What was asked for again is the same payment, settled since.
        assert_eq!(server.send("POST", PAYMENTS, &key, &order).expect(201)["payment_hash"], json!(hash));
        settle(server, &payee, &preimage).refused(400, "invoice_already_paid", "");
        cancel(server, &payee, &hash).refused(400, "invoice_already_paid", "");
        server.audit();
    }

    fn the_payee_cancels_before_or_after_it_was_paid(server) {
        let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
        for is_paid in [true, false] {
            let (preimage, hash) = secret();
            let invoice = hold_invoice(server, &payee, 60, &hash);
            if is_paid {
                server.pay(&payer, invoice["bolt11"].as_str().unwrap()).expect(201);
            }
            assert_eq!(cancel(server, &payee, &hash).expect(200)["preimage"], Value::Null);
            assert_eq!((balances(server, &payer), balances(server, &payee)), ([100, 0, 100], [0, 0, 0]));
            assert_eq!(seen(server, &payee, &hash), words(false, "failed", "cancelled"));
            if is_paid {
                assert_eq!(seen(server, &payer, &hash), words(false, "failed", "cancelled"));
            }
            server.pay(&payer, invoice["bolt11"].as_str().unwrap()).refused(400, "invoice_cancelled", "");
            settle(server, &payee, &preimage).refused(400, "invoice_cancelled", "");
            cancel(server, &payee, &hash).refused(400, "invoice_cancelled", "");
        }
        assert_adds_up(server, &payer);
        server.audit();
    }

    fn what_is_not_settled_in_time_goes_back(server) {
        let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
        let (preimage, hash) = secret();
        let order = json!({"out": false, "amount": 60, "payment_hash": hash, "expiry": 2});
        let invoice = server.post(PAYMENTS, &payee.invoice, &order).expect(201);
        server.pay(&payer, invoice["bolt11"].as_str().unwrap()).expect(201);
        wait_until(|| balances(server, &payer) == [100, 0, 100]);
        settle(server, &payee, &preimage).refused(400, "invoice_cancelled", "");
        assert_eq!(seen(server, &payer, &hash), words(false, "failed", "cancelled"));
        server.audit();
    }

    fn only_the_payee_settles_and_only_hold_invoices(server) {
        let (payer, payee, stranger) = (server.wallet("payer", 100), server.wallet("payee", 0), server.new_manager("stranger", 0));
        let (preimage, hash) = secret();
        let bolt11 = hold_invoice(server, &payee, 60, &hash)["bolt11"].as_str().unwrap().to_owned();
        settle(server, &payee, &preimage).refused(400, "invoice_not_held", "Nobody has paid the invoice yet");
        server.pay(&payer, &bolt11).expect(201);
        for wallet in [&payer, &stranger] {
            settle(server, wallet, &preimage).refused(404, "payment_not_found", "");
            cancel(server, wallet, &hash).refused(404, "payment_not_found", "");
        }
        settle(server, &payee, &secret().0).refused(404, "payment_not_found", "");
        server.post("/api/v1/payments/settle", &payee.invoice, &json!({"preimage": preimage})).expect(403);
        for body in [json!({}), json!({"preimage": "ab"}), json!({"preimage": "zz".repeat(32)})] {
            server.post("/api/v1/payments/settle", &payee.admin, &body).refused(400, "invalid_request", "preimage");
        }
        server.post("/api/v1/payments/cancel", &payee.admin, &json!({"payment_hash": 7})).refused(400, "invalid_request", "payment_hash");
        // A hash is used once, whoever has used it.
        let again = json!({"out": false, "amount": 1, "payment_hash": hash});
        server.post(PAYMENTS, &stranger.invoice, &again).refused(400, "payment_hash_taken", "");
        let long = json!({"out": false, "amount": 1, "payment_hash": secret().1, "expiry": 2_592_001});
        server.post(PAYMENTS, &payee.invoice, &long).refused(400, "invalid_request", "expiry");
        let bad = json!({"out": false, "amount": 1, "payment_hash": "ab"});
        server.post(PAYMENTS, &payee.invoice, &bad).refused(400, "invalid_request", "payment_hash");
        let paying = json!({"out": true, "bolt11": bolt11, "payment_hash": hash});
        server.post(PAYMENTS, &payer.admin, &paying).refused(400, "invalid_request", "payment_hash");
        // An ordinary invoice has a preimage of the server's.
        let ordinary = server.post(PAYMENTS, &payee.invoice, &json!({"out": false, "amount": 5})).expect(201);
        let ordinary = ordinary["payment_hash"].as_str().unwrap().to_owned();
        cancel(server, &payee, &ordinary).refused(400, "not_a_hold_invoice", "");
        // The manager sees what is held, and leaves it to the payee.
        let held = server.get(&format!("/usermanager/api/v1/holds?wallet={}", payer.id), &server.manager.invoice).expect(200);
        let path = format!("/usermanager/api/v1/holds/{}/void", held[0]["id"].as_str().unwrap());
        server.post(&path, &server.manager.admin, &json!({})).refused(400, "hold_of_invoice", "");
        settle(server, &payee, &preimage).expect(200);
        server.audit();
    }
}
