//! Server-sent events: everything once and in order, also after a reconnect.

use serde_json::Value;
use tungstenite::protocol::frame::coding::CloseCode;

use super::{assert_all_once, hashes, pay_once, transfer};
use crate::harness::{StoreKind, at_once, both_stores};

both_stores! {
    fn payer_and_payee_see_every_payment_once(server) {
        let payer = server.wallet("payer", 100);
        let payee = server.wallet("payee", 0);
        let stranger = server.wallet("stranger", 0);
        let mut sent = server.events(&payer.admin, None);
        let mut received = server.events(&payee.admin, None);
        let mut received_too = server.events(&payee.invoice, None);
        let mut by_query = server.events_at(&format!("/api/v1/payments/sse?api-key={}", payee.invoice), "", None);
        let mut foreign = server.events(&stranger.admin, None);
        assert_eq!((sent.id, received.id, by_query.id, foreign.id), (1, 0, 0, 0));

        let mut paid = at_once(40, |_| pay_once(server, &payer, &payee));
        let sent = sent.take(40);
        assert_all_once(&sent, 2, "payment-sent");
        let events = received.take(40);
        assert_all_once(&events, 1, "payment-received");
        assert_eq!(received_too.take(40), events);
        assert_eq!(by_query.take(40), events);
        // Both sides in the order in which they were settled, which is the same.
        assert_eq!(hashes(&sent), hashes(&events));
        let mut heard = hashes(&events);
        heard.sort();
        paid.sort();
        assert_eq!(heard, paid);

        // An event shows what a look shows.
        for (key, event) in [(&payer.admin, &sent[0]), (&payee.invoice, &events[0])] {
            let hash = event.data["payment_hash"].as_str().unwrap();
            let look = server.get(&format!("/api/v1/payments/{hash}"), key).expect(200);
            assert_eq!(event.data, look["details"]);
            assert_eq!(event.data["status"], "success");
        }
        // And others hear of none of it: the first thing that they hear is their own.
        let own = pay_once(server, &payer, &stranger);
        let event = foreign.next().unwrap();
        assert_eq!((event.id, event.data["payment_hash"].as_str()), (1, Some(own.as_str())));
    }

    fn nothing_in_a_payment_breaks_the_framing(server) {
        let payee = server.wallet("payee", 0);
        let mut events = server.events(&payee.invoice, None);
        for separator in ["\n\n", "\r\n", "\r", "\n\ndata: x\n\n"] {
            let gap = if separator.contains("data") { "\n\n \n" } else { separator };
            let body = format!("{{{gap}\"amount\": 1, \"memo\": \"a\\n\\nb\", \"extra\": {{{gap}\"a\":{gap}1, \"b\": \"\\r\\n\"}}}}");
            let invoice = server.send("POST", "/api/v1/payments", &[("X-Api-Key", &payee.invoice)], &body).expect(201);
            server.pay(&server.manager, invoice["bolt11"].as_str().unwrap()).expect(201);
            let event = events.next().unwrap();
            assert_eq!(event.data["extra"], serde_json::json!({"a": 1, "b": "\r\n"}));
            assert_eq!(event.data["memo"], "a\n\nb");
        }
        // Not even where it was stored so.
        let invoice = server.post("/api/v1/payments", &payee.invoice, &serde_json::json!({"amount": 1, "extra": {"a": 1}})).expect(201);
        let line_break = if server.store == StoreKind::Sqlite { "char(10)" } else { "chr(10)" };
        server.database.execute(&format!("UPDATE invoices SET extra = '{{' || {line_break} || {line_break} || '\"a\":1}}' WHERE state = 'open'")).unwrap();
        server.pay(&server.manager, invoice["bolt11"].as_str().unwrap()).expect(201);
        assert_eq!(events.next().unwrap().data["extra"], serde_json::json!({"a": 1}));
    }

    fn whoever_pays_itself_sees_both_sides(server) {
        let wallet = server.wallet("player", 10);
        let mut events = server.events(&wallet.invoice, None);
        let hash = pay_once(server, &wallet, &wallet);
        let both = events.take(2);
        assert_eq!(hashes(&both), [hash.clone(), hash]);
        assert_eq!(both.iter().map(|event| event.id).collect::<Vec<_>>(), [2, 3]);
        let names: Vec<_> = both.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(names, ["payment-sent", "payment-received"]);
    }

    fn what_was_missed_comes_first(server) {
        let payee = server.wallet("payee", 0);
        let mut events = server.events(&payee.invoice, None);
        pay_once(server, &server.manager, &payee);
        let seen = events.next().unwrap();
        drop(events);
        let missed: Vec<_> = (0..5).map(|_| pay_once(server, &server.manager, &payee)).collect();
        let transfers = transfer(server, &server.manager, &payee, 120);

        let last = seen.id.to_string();
        let at_path = format!("/api/v1/payments/sse?last_event_id={last}");
        let mut by_header = server.events(&payee.invoice, Some(&last));
        let mut by_query = server.events_at(&at_path, &payee.invoice, None);
        // The header is newer than the query of the URL that a browser was given.
        let mut newer = server.events_at(&at_path, &payee.invoice, Some("6"));
        assert_eq!((by_header.id, by_query.id, newer.id), (1, 1, 6));
        let live = pay_once(server, &server.manager, &payee);
        let heard = by_header.take(126);
        assert_all_once(&heard, 2, "payment-received");
        assert_eq!(hashes(&heard)[..5], missed);
        assert_eq!(hashes(&heard)[125], live);
        assert_eq!(transfers.as_array().unwrap().len(), 120);
        assert_eq!(by_query.take(126), heard);
        assert_eq!(newer.take(121), heard[5..]);

        // From the beginning, from the end, and from beyond it.
        assert_all_once(&server.events(&payee.invoice, Some("0")).take(127), 1, "payment-received");
        for last in ["127", "128", "9223372036854775807", ""] {
            assert_eq!(server.events(&payee.invoice, Some(last)).id, 127, "{last}");
        }
        for last in ["abc", "-1", "1.5", "9223372036854775808", "00000000-0000", "+5"] {
            let refused = server.events(&payee.invoice, Some(last));
            assert_eq!(refused.status, 400, "{last}");
            let body: Value = serde_json::from_str(&refused.rest()).unwrap();
            assert_eq!(body["errors"][0]["field"], "Last-Event-ID");
        }
        server.get("/api/v1/payments/sse?last_event_id=abc", &payee.invoice).refused(400, "invalid_request", "last_event_id");
    }

    fn an_old_invoice_that_is_paid_late_is_found(server) {
        let payee = server.wallet("payee", 0);
        let old = server.invoice(&payee, 1);
        transfer(server, &server.manager, &payee, 1000);
        transfer(server, &server.manager, &payee, 100);
        let waits = server.invoice(&payee, 1);
        let hash = server.pay(&server.manager, &old).expect(201)["payment_hash"].clone();
        let event = server.events(&payee.invoice, Some("1100")).next().unwrap();
        assert_eq!((event.id, &event.data["payment_hash"]), (1101, &hash));
        // The payer's side as well, behind all of its transfers.
        let payer = server.events(&server.manager.invoice, Some("1101")).next().unwrap();
        assert_eq!((payer.id, payer.name.as_str(), &payer.data["payment_hash"]), (1102, "payment-sent", &hash));
        server.pay(&server.manager, &waits).expect(201);
    }

    fn too_much_that_was_missed_is_not_sent(server) {
        let payee = server.wallet("payee", 0);
        for _ in 0..10 {
            transfer(server, &server.manager, &payee, 1000);
        }
        let mut all = server.events(&payee.invoice, Some("0"));
        assert_all_once(&all.take(10_000), 1, "payment-received");
        pay_once(server, &server.manager, &payee);
        assert_eq!(all.next().unwrap().id, 10_001);
        let refused = server.events(&payee.invoice, Some("0"));
        assert_eq!(refused.status, 400);
        let text = refused.rest();
        assert!(text.contains("more than 10000 payments back; list them with GET /api/v1/payments"), "{text}");
        assert_eq!(server.events(&payee.invoice, Some("1")).next().unwrap().id, 2);
    }

    fn what_stands_behind_too_many_invoices_is_not_searched_for(server) {
        let payee = server.wallet("payee", 0);
        pay_once(server, &server.manager, &payee);
        pay_once(server, &server.manager, &payee);
        let mut told = server.events(&payee.invoice, None);
        let mut socket = server.socket(&payee.invoice).unwrap();
        // Newer invoices that nobody pays.
        let (wallet, sealed) = (server.store.bytes(&payee.id), server.store.bytes("00"));
        let (numbers, id, hash) = match server.store {
            StoreKind::Sqlite => (
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
                    SELECT i FROM n",
                "unhex(printf('ff%030x', i))",
                "unhex(printf('%064x', i))",
            ),
            StoreKind::Postgres => (
                "SELECT generate_series(1, 100000) AS i",
                "decode('ff' || lpad(to_hex(i), 30, '0'), 'hex')",
                "decode(lpad(to_hex(i), 64, '0'), 'hex')",
            ),
        };
        let bury = format!(
            "INSERT INTO invoices (id, wallet_id, payment_hash, preimage_sealed, amount_msat, memo, state,
                created_at_ms, expires_at_ms)
            SELECT {id}, {wallet}, {hash}, {sealed}, 1000, '', 'open', 0, 0 FROM ({numbers}) AS numbers"
        );
        server.database.execute(&bury).unwrap();
        let refused = server.events(&payee.invoice, Some("1"));
        assert_eq!(refused.status, 400);
        let text = refused.rest();
        assert!(text.contains("not among the wallet's newest 100000 invoices; list them with GET"), "{text}");
        // Whoever is told need not search, who is not told must.
        pay_once(server, &server.manager, &payee);
        assert_eq!(told.next().unwrap().id, 3);
        assert_eq!(socket.next().unwrap()["payment"]["amount_sat"], 1);
        server.cli(&["credit", "--wallet", &payee.id, "--amount-sat", "7"]).unwrap();
        assert_eq!(told.next(), None);
        assert_eq!(socket.next(), Err((CloseCode::Policy, "too far behind".to_owned())));
        assert_eq!(server.events(&payee.invoice, Some("4")).status, 200);
    }

    fn what_another_process_settles_is_heard_of(server) {
        let wallet = server.wallet("player", 0);
        let mut events = server.events(&wallet.invoice, None);
        let mut socket = server.socket(&wallet.invoice).unwrap();
        server.cli(&["credit", "--wallet", &wallet.id, "--amount-sat", "7"]).unwrap();
        let event = events.next().unwrap();
        assert_eq!((event.id, event.name.as_str(), &event.data["amount_sat"]), (1, "payment-received", &Value::from(7)));
        assert_eq!(socket.next().unwrap()["wallet_balance"], 7);
    }

    fn refused_payments_are_not_told(server) {
        let poor = server.wallet("poor", 1);
        let payee = server.wallet("payee", 0);
        let mut events = server.events(&payee.invoice, None);
        server.pay(&poor, &server.invoice(&payee, 5)).refused(400, "insufficient_balance", "Insufficient");
        let paid = pay_once(server, &poor, &payee);
        assert_eq!(events.next().unwrap().data["payment_hash"], Value::from(paid));
    }
}
