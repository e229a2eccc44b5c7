//! `external_id`: what a client calls a payment in its own books.

use serde_json::{Value, json};

use crate::harness::{Wallet, at_once, both_stores};

const PAYMENTS: &str = "/api/v1/payments";
const TRANSFERS: &str = "/usermanager/api/v1/transfers";

both_stores! {
    fn a_payment_is_found_by_the_name_that_its_client_gave_it(server) {
        let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
        let order = json!({"amount": 5, "external_id": "order-4711"});
        let created = server.post(PAYMENTS, &payee.invoice, &order).expect(201);
        assert_eq!(created["external_id"], "order-4711");
        // The other side has names of its own.
        let pay = json!({"bolt11": created["bolt11"], "external_id": "order-4711"});
        let paid = server.post(PAYMENTS, &payer.admin, &pay).expect(201);
        assert_eq!((&paid["external_id"], &paid["labels"], &paid["extension"]), (&json!("order-4711"), &json!([]), &json!(null)));
        server.post(PAYMENTS, &payee.invoice, &json!({"amount": 1})).expect(201);
        let found = |wallet: &Wallet, query: &str| server.get(&format!("{PAYMENTS}?{query}"), &wallet.invoice).expect(200);
        for wallet in [&payer, &payee] {
            let one = found(wallet, "external_id=order-4711");
            assert_eq!((one.as_array().unwrap().len(), &one[0]["payment_hash"]), (1, &created["payment_hash"]));
            assert_eq!(found(wallet, "external_id[like]=ORDER")[0]["payment_hash"], created["payment_hash"]);
            assert_eq!(found(wallet, "external_id=order-1"), json!([]));
        }
        assert_eq!(found(&payee, "external_id[ne]=order-4711")[0]["external_id"], json!(null));
        let path = format!("{PAYMENTS}/{}", created["payment_hash"].as_str().unwrap());
        assert_eq!(server.get(&path, &payer.invoice).expect(200)["details"]["external_id"], "order-4711");
    }

    fn a_name_is_given_once_in_a_wallet(server) {
        let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
        let issued = server.post(PAYMENTS, &payee.invoice, &json!({"amount": 5, "external_id": "a"})).expect(201);
        let exists = |answer: crate::harness::Answer, hash: &Value| {
            answer.refused(409, "external_id_exists", "external_id");
            assert_eq!(&answer.json()["payment_hash"], hash);
        };
        exists(server.post(PAYMENTS, &payee.invoice, &json!({"amount": 6, "external_id": "a"})), &issued["payment_hash"]);
        let [first, second] = [1, 2].map(|_| server.invoice(&payee, 1));
        let pay = |bolt11: &str, name: &str| server.post(PAYMENTS, &payer.admin, &json!({"bolt11": bolt11, "external_id": name}));
        let paid = pay(&first, "b").expect(201);
        exists(pay(&second, "b"), &paid["payment_hash"]);
        assert_eq!(server.balance(&payer), 99);
        pay(&second, "c").expect(201);
        // An invoice and a payment of one wallet share their names, and so do movements.
        exists(server.post(PAYMENTS, &payer.invoice, &json!({"amount": 6, "external_id": "b"})), &paid["payment_hash"]);
        let movement = |name: &str| json!({"from_wallet": payer.id, "to_wallet": payee.id, "amount": 1, "external_id": name});
        let admin = &server.manager.admin;
        let moved = server.post(TRANSFERS, admin, &json!([movement("d"), movement("e")])).expect(201);
        assert_eq!(moved[1]["external_id"], "e");
        let answer = server.post(TRANSFERS, admin, &json!([movement("f"), movement("d")]));
        assert_eq!(answer.json()["errors"][0]["field"], "[1]");
        exists(answer, &moved[0]["payment_hash"]);
        exists(server.post(TRANSFERS, admin, &movement("e")), &moved[1]["payment_hash"]);
        server.post(TRANSFERS, admin, &json!([movement("g"), movement("g")])).refused(409, "external_id_exists", "");
        server.post(TRANSFERS, admin, &movement("f")).expect(201);
        // Under the same idempotency key it is the same request.
        let again = [("Idempotency-Key", "k"), ("X-Api-Key", payer.invoice.as_str())];
        let body = json!({"amount": 2, "external_id": "h"}).to_string();
        let once = server.send("POST", PAYMENTS, &again, &body).expect(201);
        assert_eq!(server.send("POST", PAYMENTS, &again, &body).expect(201)["payment_hash"], once["payment_hash"]);
        for (bad, why) in [(json!("a b"), "spaces"), (json!("x".repeat(257)), "256"), (json!({}), "external_id")] {
            server.post(PAYMENTS, &payer.invoice, &json!({"amount": 1, "external_id": bad})).refused(400, "invalid_request", why);
        }
        server.audit();
    }

    fn every_name_of_many_movements_is_looked_at(server) {
        let (payer, payee) = (server.wallet("payer", 400), server.wallet("payee", 0));
        let movements = |from: usize| {
            let one = |number| json!({"from_wallet": payer.id, "to_wallet": payee.id, "amount": 1, "external_id": format!("n{number}")});
            (from..from + 200).map(one).collect::<Vec<_>>()
        };
        let admin = &server.manager.admin;
        let moved = server.post(TRANSFERS, admin, &json!(movements(0))).expect(201);
        // The last one of the second is the first one of the first.
        let mut second = movements(200);
        second[199]["external_id"] = json!("n0");
        let answer = server.post(TRANSFERS, admin, &json!(second));
        answer.refused(409, "external_id_exists", "external_id");
        assert_eq!((&answer.json()["payment_hash"], &answer.json()["errors"][0]["field"]), (&moved[0]["payment_hash"], &json!("[199]")));
        server.post(TRANSFERS, admin, &json!(movements(200))).expect(201);
        assert_eq!((server.balance(&payer), server.balance(&payee)), (0, 400));
        server.audit();
    }

    fn of_many_at_once_one_gets_the_name(server) {
        let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
        let invoices: Vec<_> = (0..20).map(|_| server.invoice(&payee, 1)).collect();
        let answers = at_once(20, |index| {
            server.post(PAYMENTS, &payer.admin, &json!({"bolt11": invoices[index], "external_id": "one"})).status
        });
        assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
        assert_eq!(server.balance(&payer), 99);
        server.audit();
    }
}
