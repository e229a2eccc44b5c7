//! `/api/v1/payments`: creating invoices, paying them, asking for their status.

use bitcoin_hashes::hex::FromHex;
use bitcoin_hashes::{Hash, sha256};
use lightning_invoice::{Bolt11Invoice, Bolt11InvoiceDescriptionRef};
use serde_json::json;

use crate::harness::{Options, Server, both_stores};

/// An invoice of another node (an example of BOLT 11, for 2500 micro-bitcoin).
const FOREIGN: &str = "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh";
/// The same node's, with the amount left to the payer.
const AMOUNTLESS: &str = "lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql";

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// A copy of an invoice with one character of its data part replaced, and its checksum made
/// right again: what somebody who tampers would do.
fn tampered(invoice: &str, position: usize) -> String {
    const CHARSET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let (hrp, data) = invoice.rsplit_once('1').unwrap();
    let mut values: Vec<u8> = data.bytes().map(|b| CHARSET.iter().position(|c| *c == b).unwrap() as u8).collect();
    values.truncate(values.len() - 6);
    values[position] ^= 1;
    let polymod = |values: &[u8]| {
        values.iter().fold(1u32, |checksum, value| {
            let top = checksum >> 25;
            let next = ((checksum & 0x01ff_ffff) << 5) ^ u32::from(*value);
            [0x3b6a_57b2u32, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
                .iter()
                .enumerate()
                .fold(next, |next, (bit, generator)| if top >> bit & 1 == 1 { next ^ generator } else { next })
        })
    };
    let expanded = hrp.bytes().map(|b| b >> 5).chain([0]).chain(hrp.bytes().map(|b| b & 31));
    let whole: Vec<u8> = expanded.chain(values.iter().copied()).chain([0; 6]).collect();
    let checksum = polymod(&whole) ^ 1;
    values.extend((0..6).map(|index| (checksum >> (5 * (5 - index)) & 31) as u8));
    let data: String = values.iter().map(|value| char::from(CHARSET[usize::from(*value)])).collect();
    format!("{hrp}1{data}")
}

both_stores! {
    fn an_invoice_is_created_and_says_what_was_asked(server) {
        let wallet = server.wallet("payee", 0);
        let order = json!({
            "out": false, "amount": 1000, "memo": "Payment/Tip – ☕", "expiry": 600,
            "webhook": "https://game.example/hook?x=1", "extra": {"tag": "shop", "b": [1, 2.50], "a": null},
        });
        for key in [&wallet.invoice, &wallet.admin] {
            let answer = server.post("/api/v1/payments", key, &order).expect(201);
            let bolt11 = text(&answer["bolt11"]);
            assert!(bolt11.starts_with("lnbc10u1"), "{bolt11}");
            let invoice: Bolt11Invoice = bolt11.parse().unwrap();
            assert_eq!(invoice.payment_hash().to_string(), text(&answer["payment_hash"]));
            assert_eq!(invoice.amount_milli_satoshis(), Some(1_000_000));
            assert_eq!(invoice.description(), Bolt11InvoiceDescriptionRef::Direct(
                &lightning_invoice::Description::new("Payment/Tip – ☕".to_owned()).unwrap()
            ));
            assert_eq!(invoice.expiry_time().as_secs(), 600);
            assert_eq!(invoice.min_final_cltv_expiry_delta(), 18);
            let features = invoice.features().unwrap();
            assert!(features.requires_variable_length_onion() && features.requires_payment_secret());
            assert_eq!(answer["payment_request"], answer["bolt11"]);
            assert_eq!(answer["checking_id"], answer["payment_hash"]);
            assert_eq!(answer["wallet_id"], wallet.id);
            assert_eq!((&answer["amount"], &answer["amount_sat"], &answer["fee"]), (&json!(1_000_000), &json!(1000), &json!(0)));
            assert_eq!((&answer["pending"], &answer["status"], &answer["state"]), (&json!(true), &json!("pending"), &json!("open")));
            assert_eq!(answer["preimage"], json!(null));
            assert_eq!(answer["webhook"], "https://game.example/hook?x=1");
            assert_eq!((&answer["extra"], &answer["tag"]), (&json!({"tag": "shop", "b": [1, 2.50], "a": null}), &json!("shop")));
            assert_eq!(answer["expiry"].as_i64().unwrap() - answer["time"].as_i64().unwrap(), 600);
            assert!(answer["created_at"].as_str().unwrap().ends_with('Z'));
            assert!(answer.get("detail").is_none());
        }
    }

    fn an_invoice_can_hold_a_hash_in_place_of_words(server) {
        let key = server.manager.invoice.clone();
        let words = "6c6f6e67"; // "long"
        let hash = sha256::Hash::hash(b"long");
        let orders = [
            json!({"amount": 1, "memo": "x", "unhashed_description": words}),
            json!({"amount": 1, "memo": "x", "description_hash": hash.to_string()}),
        ];
        for order in orders {
            let answer = server.post("/api/v1/payments", &key, &order).expect(201);
            let invoice: Bolt11Invoice = text(&answer["bolt11"]).parse().unwrap();
            assert_eq!(invoice.description(), Bolt11InvoiceDescriptionRef::Hash(&lightning_invoice::Sha256(hash)));
            assert_eq!(answer["memo"], "");
        }
        for order in [
            json!({"amount": 1, "description_hash": "abc"}),
            json!({"amount": 1, "unhashed_description": "xyz"}),
        ] {
            server.post("/api/v1/payments", &key, &order).refused(400, "invalid_request", "hex");
        }
    }

    fn an_order_outside_of_the_limits_is_refused_and_leaves_nothing(server) {
        let wallet = server.wallet("payee", 0);
        let bad = [
            (json!({}), "amount"),
            (json!({"memo": "x"}), "amount"),
            (json!({"amount": 0}), "amount"),
            (json!({"amount": -1}), "amount"),
            (json!({"amount": 100_000_001}), "amount"),
            (json!({"amount": i64::MAX}), "amount"),
            (json!({"amount": 1, "expiry": -5}), "expiry"),
            (json!({"amount": 1, "expiry": 315_360_001}), "expiry"),
            (json!({"amount": 1, "memo": "x".repeat(640)}), "memo"),
            (json!({"amount": 1, "webhook": "ftp://game.example"}), "webhook"),
            (json!({"amount": 1, "webhook": "http://user:pass@game.example"}), "webhook"),
            (json!({"amount": 1, "webhook": "no url"}), "webhook"),
            (json!({"amount": 0, "expiry": -1, "memo": "x".repeat(640)}), "amount"),
        ];
        for (order, field) in bad {
            let answer = server.post("/api/v1/payments", &wallet.invoice, &order);
            answer.refused(400, "invalid_request", field);
        }
        let all = server.post("/api/v1/payments", &wallet.invoice, &json!({"amount": 0, "expiry": -1})).json();
        assert_eq!(all["errors"].as_array().unwrap().len(), 2);
        let answer = server.post("/api/v1/payments", &wallet.invoice, &json!({"amount": 1, "unit": "USD"}));
        answer.refused(400, "unsupported_unit", "The provided unit is not supported");
        assert_eq!(server.get("/api/v1/payments", &wallet.invoice).expect(200), json!([]));

        let edge = json!({"amount": 100_000_000, "expiry": 315_360_000, "memo": "x".repeat(639)});
        server.post("/api/v1/payments", &wallet.invoice, &edge).expect(201);
    }

    fn a_payment_moves_the_money_and_shows_both_sides(server) {
        let (payer, payee) = (server.wallet("payer", 1_500), server.wallet("payee", 0));
        let invoice = server.post("/api/v1/payments", &payee.invoice, &json!({"amount": 1000, "memo": "tip", "extra": {"a": 1}})).expect(201);
        let order = json!({"out": true, "bolt11": invoice["bolt11"], "extra": {"tag": "mine"}});
        let paid = server.post("/api/v1/payments", &payer.admin, &order).expect(201);
        assert_eq!((server.balance(&payer), server.balance(&payee)), (500, 1_000));

        assert_eq!(paid["payment_hash"], invoice["payment_hash"]);
        assert_eq!(paid["checking_id"], invoice["payment_hash"]);
        assert_eq!(paid["wallet_id"], payer.id);
        assert_eq!((&paid["amount"], &paid["amount_sat"]), (&json!(-1_000_000), &json!(-1000)));
        assert_eq!((&paid["pending"], &paid["status"], &paid["state"]), (&json!(false), &json!("success"), &json!("paid")));
        assert_eq!((&paid["memo"], &paid["extra"], &paid["tag"]), (&json!("tip"), &json!({"tag": "mine"}), &json!("mine")));
        let preimage = Vec::<u8>::from_hex(paid["preimage"].as_str().unwrap()).unwrap();
        assert_eq!(sha256::Hash::hash(&preimage).to_string(), text(&paid["payment_hash"]));

        let path = format!("/api/v1/payments/{}", text(&paid["payment_hash"]));
        let of_payee = server.get(&path, &payee.invoice).expect(200);
        assert_eq!((&of_payee["paid"], &of_payee["status"]), (&json!(true), &json!("success")));
        assert_eq!(of_payee["preimage"], paid["preimage"]);
        assert_eq!((&of_payee["details"]["amount"], &of_payee["details"]["extra"]), (&json!(1_000_000), &json!({"a": 1})));
        let of_payer = server.get(&path, &payer.invoice).expect(200);
        assert_eq!(of_payer["details"], paid);
        // The list shows the same as the answer did.
        assert_eq!(server.get("/api/v1/payments?limit=1", &payer.admin).expect(200)[0], paid);

        let outsider = json!({"paid": true, "status": "success"});
        assert_eq!(server.send("GET", &path, &[], "").expect(200), outsider);
        assert_eq!(server.get(&path, &server.wallet("stranger", 0).admin).expect(200), outsider);
        server.get(&path, "0").refused(401, "bad_auth", "Bad auth");
        server.audit();
    }

    fn a_missing_out_means_what_the_body_says(server) {
        let (payer, payee) = (server.wallet("payer", 10), server.wallet("payee", 0));
        let invoice = server.post("/api/v1/payments", &payee.invoice, &json!({"amount": 10})).expect(201);
        server.post("/api/v1/payments", &payer.admin, &json!({"bolt11": invoice["bolt11"]})).expect(201);
        assert_eq!(server.balance(&payee), 10);
        // An invoice is created even where one stands beside.
        let order = json!({"out": false, "amount": 3, "bolt11": invoice["bolt11"]});
        assert_eq!(server.post("/api/v1/payments", &payee.invoice, &order).expect(201)["amount"], 3_000);
    }

    fn an_invoice_key_never_spends(server) {
        let (payer, payee) = (server.wallet("payer", 10), server.wallet("payee", 0));
        let invoice = server.invoice(&payee, 10);
        for order in [json!({"out": true, "bolt11": invoice}), json!({"bolt11": invoice}), json!({"out": true})] {
            let answer = server.post("/api/v1/payments", &payer.invoice, &order);
            answer.refused(403, "admin_key_required", "Admin key required");
        }
        assert_eq!(server.balance(&payer), 10);
    }

    fn every_refusal_of_a_payment_has_its_words(server) {
        let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
        let pay = |bolt11: &str| server.pay(&payer, bolt11);
        pay(&server.invoice(&payee, 101)).refused(400, "insufficient_balance", "Insufficient balance");
        let invoice = server.invoice(&payee, 1);
        pay(&invoice).expect(201);
        pay(&invoice).refused(400, "invoice_already_paid", "Invoice already paid");
        pay(FOREIGN).refused(400, "invoice_not_payable", "Invoice is not payable here");
        pay(AMOUNTLESS).refused(400, "amountless_invoice", "Amountless invoices are not supported");
        pay("lnbc1garbage").refused(400, "invalid_invoice", "BOLT11");
        pay(&"lnbc1".repeat(2_000)).refused(400, "invalid_invoice", "longer");
        pay("").refused(400, "invalid_request", "bolt11");
        let short = server.post("/api/v1/payments", &payee.invoice, &json!({"amount": 1, "expiry": 1})).expect(201);
        let hash = text(&short["payment_hash"]);
        std::thread::sleep(std::time::Duration::from_millis(1_200));
        pay(&text(&short["bolt11"])).refused(400, "invoice_expired", "Invoice expired");
        let status = server.get(&format!("/api/v1/payments/{hash}"), &payee.invoice).expect(200);
        assert_eq!((&status["paid"], &status["status"]), (&json!(false), &json!("failed")));
        assert_eq!((&status["details"]["state"], &status["details"]["pending"]), (&json!("expired"), &json!(false)));
        assert_eq!((server.balance(&payer), server.balance(&payee)), (99, 1));
        assert_eq!(server.get("/api/v1/payments/paginated?amount[lt]=0", &payer.admin).expect(200)["total"], 1);
        server.audit();
    }

    fn a_tampered_invoice_is_refused(server) {
        let (payer, payee) = (server.wallet("payer", 100_000), server.wallet("payee", 0));
        let invoice = server.invoice(&payee, 2_000);
        assert!(invoice.starts_with("lnbc20u1"));
        // Positions in the data part: the time, the description, and the signature at the end.
        let length = invoice.rsplit_once('1').unwrap().1.len();
        for position in [3, 12, length - 60, length - 8] {
            let altered = tampered(&invoice, position);
            let answer = server.pay(&payer, &altered);
            answer.refused(400, "", "");
            assert!(
                ["Invoice does not match the one issued", "Not a valid BOLT11 invoice"]
                    .iter()
                    .any(|words| answer.text.contains(words)),
                "{position}: {}",
                answer.text
            );
        }
        // Another amount in front: the checksum is wrong, and where it is made right, the text
        // is not the one that was issued.
        let cheaper = invoice.replace("lnbc20u1", "lnbc10u1");
        server.pay(&payer, &cheaper).refused(400, "invalid_invoice", "BOLT11");
        let mut resealed = tampered(&cheaper, 3);
        resealed = tampered(&resealed, 3);
        server.pay(&payer, &resealed).refused(400, "invoice_mismatch", "Invoice does not match the one issued");
        assert_eq!((server.balance(&payer), server.balance(&payee)), (100_000, 0));
        server.pay(&payer, &invoice).expect(201);
    }

    fn upper_case_and_a_scheme_are_accepted_when_paying(server) {
        let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
        server.pay(&payer, &server.invoice(&payee, 1).to_uppercase()).expect(201);
        server.pay(&payer, &format!("lightning:{}", server.invoice(&payee, 1))).expect(201);
        server.pay(&payer, &format!("  LIGHTNING:{}\n", server.invoice(&payee, 1).to_uppercase())).expect(201);
        server.pay(&payer, &format!("lightning:{}", server.invoice(&payee, 1).to_uppercase())).expect(201);
        let mut mixed = server.invoice(&payee, 1);
        mixed.replace_range(0..2, "LN");
        server.pay(&payer, &mixed).refused(400, "invalid_invoice", "case");
        assert_eq!(server.balance(&payee), 4);
    }

    fn a_payment_to_oneself_leaves_the_balance(server) {
        let wallet = server.wallet("self", 50);
        let invoice = server.post("/api/v1/payments", &wallet.invoice, &json!({"amount": 50})).expect(201);
        let paid = server.pay(&wallet, &text(&invoice["bolt11"])).expect(201);
        assert_eq!(paid["amount"], -50_000);
        assert_eq!(server.balance(&wallet), 50);
        let status = server.get(&format!("/api/v1/payments/{}", text(&paid["payment_hash"])), &wallet.invoice);
        assert_eq!(status.expect(200)["details"]["amount"], 50_000);
        server.pay(&wallet, &server.invoice(&wallet, 51)).refused(400, "insufficient_balance", "Insufficient balance");
        server.audit();
    }

    fn an_unknown_payment_does_not_exist(server) {
        let key = server.manager.admin.clone();
        for hash in ["0".repeat(64), "x".to_owned(), "0".repeat(63), "%20".to_owned()] {
            let path = format!("/api/v1/payments/{hash}");
            server.get(&path, &key).refused(404, "payment_not_found", "Payment does not exist.");
            server.send("GET", &path, &[], "").refused(404, "payment_not_found", "Payment does not exist.");
        }
    }

    fn the_fee_reserve_is_nothing(server) {
        let invoice = server.invoice(&server.manager, 5);
        let path = format!("/api/v1/payments/fee-reserve?invoice={invoice}");
        assert_eq!(server.send("GET", &path, &[], "").expect(200), json!({"fee_reserve": 0}));
        let foreign = format!("/api/v1/payments/fee-reserve?invoice={FOREIGN}");
        server.send("GET", &foreign, &[], "").refused(400, "invoice_not_payable", "Invoice is not payable here");
        let path = "/api/v1/payments/fee-reserve";
        server.send("GET", path, &[], "").refused(400, "invalid_request", "invoice");
    }

    fn the_largest_amount_and_the_network_are_configured(server, Options {
        arguments: ["--invoice-sat-max", "50", "--network", "regtest"].map(str::to_owned).to_vec(),
        ..Options::default()
    }) {
        let key = server.manager.invoice.clone();
        let invoice = server.post("/api/v1/payments", &key, &json!({"amount": 50})).expect(201);
        assert!(text(&invoice["bolt11"]).starts_with("lnbcrt500n1"), "{invoice}");
        let answer = server.post("/api/v1/payments", &key, &json!({"amount": 51}));
        answer.refused(400, "invalid_request", "at most 50 sat");
    }
}

#[test]
fn the_foreign_examples_are_valid() {
    for example in [FOREIGN, AMOUNTLESS] {
        example.parse::<Bolt11Invoice>().unwrap();
    }
}

/// The signature of a whole server's invoice is its node's: two invoices, one payee.
#[test]
fn the_node_key_follows_from_the_master_key() {
    let Some(server) = Server::start(crate::harness::StoreKind::Sqlite, Options::default()) else { return };
    let payee = |invoice: String| invoice.parse::<Bolt11Invoice>().unwrap().get_payee_pub_key();
    let first = payee(server.invoice(&server.manager, 1));
    let replica = server.replica();
    assert_eq!(payee(replica.invoice(&replica.manager, 1)), first);
}
