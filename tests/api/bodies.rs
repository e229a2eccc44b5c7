//! What bodies may say: numbers and switches as text, instructions that are not followed, data of
//! the client's own.

use serde_json::{Value, json};

use crate::harness::{Answer, Options, Server, both_stores};

/// A body that is sent as it is written.
fn send(server: &Server, method: &str, path: &str, key: &str, body: &str) -> Answer {
    server.send(method, path, &[("X-Api-Key", key)], body)
}

const PAYMENTS: &str = "/api/v1/payments";
const USERS: &str = "/usermanager/api/v1/users";
const TRANSFERS: &str = "/usermanager/api/v1/transfers";

both_stores! {
    fn amounts_and_switches_may_be_texts(server) {
        let key = &server.manager.admin;
        for (out, amount, sat) in [
            (r#""false""#, r#""21.0""#, 21), ("false", "21", 21), ("0", r#""1.0E7""#, 10_000_000), (r#""off""#, "1.0E7", 10_000_000),
            (r#""F""#, r#"" 21 ""#, 21), ("0.0", r#""+5""#, 5), (r#""No""#, r#""1_000""#, 1000), ("null", "5.00", 5),
            (r#""""#, "500e-2", 5), (r#""n""#, "100000000.0", 100_000_000),
        ] {
            let body = format!(r#"{{"out": {out}, "amount": {amount}, "expiry": 0}}"#);
            let invoice = send(server, "POST", PAYMENTS, key, &body).expect(201);
            assert_eq!(invoice["amount_sat"], sat, "{body}");
            assert_eq!(invoice["expiry"].as_i64().unwrap() - invoice["time"].as_i64().unwrap(), 3600, "{body}");
        }
        for amount in [
            "0.99999999999999999999", "1.00000000000000000001", "0.5", "1e1000000000", "1e-1000000000", r#""nan""#, r#""inf""#,
            r#""1,5""#, "true", "[1]", r#"{"sat": 1}"#, "18446744073709551616", r#""1e400""#, r#""\ud800""#,
        ] {
            let answer = send(server, "POST", PAYMENTS, key, &format!(r#"{{"out": false, "amount": {amount}}}"#));
            answer.refused(400, "invalid_request", "amount must");
            assert_eq!(answer.json()["errors"][0]["field"], "amount");
        }
        for out in [r#""maybe""#, "2", "0.5", "[]"] {
            let answer = send(server, "POST", PAYMENTS, key, &format!(r#"{{"out": {out}, "amount": 1}}"#));
            answer.refused(400, "invalid_request", "out must be true or false");
        }
        send(server, "POST", PAYMENTS, key, r#"{"amount": 1, "expiry": "0"}"#).expect(201);
        send(server, "POST", PAYMENTS, key, r#"{"amount": 1, "expiry": "60.0"}"#).expect(201);
        send(server, "POST", PAYMENTS, key, r#"{"amount": 1, "expiry": -1}"#).refused(400, "invalid_request", "expiry");
        // To pay, by every word for yes.
        let payee = server.wallet("payee", 0);
        for (paid, out) in ["1", "1.0", r#""yes""#, r#""T""#, r#""ON""#].into_iter().enumerate() {
            let invoice = server.invoice(&payee, 1);
            send(server, "POST", PAYMENTS, key, &format!(r#"{{"out": {out}, "bolt11": "{invoice}"}}"#)).expect(201);
            assert_eq!(server.balance(&payee), i64::try_from(paid).unwrap() + 1);
        }
    }

    fn every_body_and_query_reads_numbers_alike(server) {
        let (key, player) = (server.manager.admin.clone(), server.wallet("player", 100));
        let transfer = format!(r#"[{{"from_wallet": "{}", "to_wallet": "{}", "amount": "2.0E1"}}]"#, player.id, server.manager.id);
        send(server, "POST", TRANSFERS, &key, &transfer).expect(201);
        let half = transfer.replace("2.0E1", "0.5");
        send(server, "POST", TRANSFERS, &key, &half).refused(400, "invalid_request", "[0].amount must be a whole number");
        let limits = format!("/usermanager/api/v1/wallets/{}/limits", player.id);
        let limited = send(server, "PUT", &limits, &key, r#"{"payment_max_sat": "1e3", "day_max_sat": 9007199254740993e-12}"#);
        limited.refused(400, "invalid_request", "day_max_sat");
        let limited = send(server, "PUT", &limits, &key, r#"{"payment_max_sat": "1e3", "day_max_sat": 2000.0}"#).expect(200);
        assert_eq!((&limited["payment_max_sat"], &limited["day_max_sat"]), (&json!(1000), &json!(2000)));
        let operator = server.operator("root");
        let change = |amount: &str| {
            let headers = [("Authorization", format!("Bearer {operator}"))];
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let body = format!(r#"{{"id": "{}", "amount": {amount}}}"#, player.id);
            server.send("PUT", "/users/api/v1/balance", &headers, &body)
        };
        // More digits than a float holds.
        change("8007199254740993.0").refused(400, "invalid_request", "21000000 bitcoin");
        change("1007199254740993.0").expect(200);
        assert_eq!(server.balance(&player), 1_007_199_254_741_073);
        change("-1007199254740993").expect(200);
        assert_eq!(server.balance(&player), 80);
        let listed = server.get(&format!("{USERS}?limit=1.0&offset=0.0"), &key).expect(200);
        assert_eq!(listed.as_array().unwrap().len(), 1);
        server.get(&format!("{USERS}?limit=0.5"), &key).refused(400, "invalid_request", "limit");
        let path = format!("/usermanager/api/v1/wallets/{}?sweep=ON", player.id);
        server.delete(&path, &key).expect(200);
        server.audit();
    }

    fn numbers_given_as_texts_keep_their_digits(server) {
        let key = &server.manager.admin;
        for (given, name) in [("5", "5"), ("1e2", "1e2"), ("18446744073709551616", "18446744073709551616"), ("1.50", "1.50")] {
            let user = send(server, "POST", USERS, key, &format!(r#"{{"user_name": {given}}}"#)).expect(201);
            assert_eq!((&user["name"], &user["wallets"][0]["name"]), (&json!(name), &json!(name)));
            let invoice = send(server, "POST", PAYMENTS, key, &format!(r#"{{"amount": 1, "memo": {given}}}"#)).expect(201);
            assert_eq!(invoice["memo"], name);
        }
        for bad in ["true", "[]", "{}", r#""\ud800""#] {
            send(server, "POST", USERS, key, &format!(r#"{{"user_name": {bad}}}"#)).refused(400, "invalid_request", "user_name");
        }
        // Forms are read alike.
        server.send("POST", "/api/v1/auth", &[], "username=nobody&password=12345678").refused(401, "invalid_credentials", "");
    }

    fn instructions_are_not_dropped_in_silence(server) {
        let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
        let instructions = [
            ("lnurl_callback", json!("https://a.example/cb")), ("lnurl_withdraw", json!({"tag": "withdrawRequest"})),
            ("lnurl_balance_check", json!("https://a.example")), ("fiat_provider", json!("stripe")), ("labels", json!(["a"])), ("max_sat", json!(5)),
        ];
        for (field, value) in &instructions {
            let answer = server.post(PAYMENTS, &payee.invoice, &json!({"out": false, "amount": 1, *field: value}));
            answer.refused(400, "invalid_request", &format!("{field} is not supported"));
            assert_eq!(answer.json()["errors"][0]["field"], *field);
            let invoice = server.invoice(&payee, 1);
            let answer = server.post(PAYMENTS, &payer.admin, &json!({"out": true, "bolt11": invoice, *field: value}));
            answer.refused(400, "invalid_request", &format!("{field} is not supported"));
        }
        let all: serde_json::Map<String, Value> = instructions.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
        let mut order = json!({"out": false, "amount": 0});
        order.as_object_mut().unwrap().extend(all);
        assert_eq!(server.post(PAYMENTS, &payee.invoice, &order).json()["errors"].as_array().unwrap().len(), 7);
        for unit in ["USD", "msat"] {
            let invoice = server.invoice(&payee, 1);
            server.post(PAYMENTS, &payer.admin, &json!({"bolt11": invoice, "unit": unit})).refused(400, "unsupported_unit", "unit");
        }
        assert_eq!((server.balance(&payer), server.balance(&payee)), (100, 0));
        // What says nothing is no instruction, nor is what nobody knows.
        let nothing = r#"{"out": false, "amount": 1, "payment_hash": "", "lnurl_callback": null, "lnurl_withdraw": { }, "labels": [ ],
            "fiat_provider": null, "external_id": "", "internal": true, "unit": "SAT", "max_sat": 0, "colour": "red"}"#;
        send(server, "POST", PAYMENTS, &payee.invoice, nothing).expect(201);

        // Elsewhere.
        let admin = &server.manager.admin;
        let refused = |answer: Answer, field: &str| answer.refused(400, "invalid_request", field);
        let transfer = |field: &str, value: Value| {
            server.post(TRANSFERS, admin, &json!({"from_wallet": payer.id, "to_wallet": payee.id, "amount": 1, field: value}))
        };
        refused(transfer("unit", json!("USD")), "unit must be sat");
        refused(transfer("webhook", json!("https://a.example")), "webhook");
        refused(transfer("external_id", json!("a b")), "external_id");
        transfer("unit", json!("sat")).expect(201);
        refused(send(server, "PATCH", "/api/v1/wallet", admin, r#"{"name": "n", "currency": "USD"}"#), "currency must be sat");
        send(server, "PATCH", "/api/v1/wallet", admin, r#"{"name": "n", "currency": "sat", "icon": "x"}"#).expect(200);
        let operator = server.operator("root");
        let account = "/users/api/v1/user";
        let as_operator = |method: &str, path: &str, body: Value| server.as_session(method, path, &operator, &body);
        let login = json!({"username": "game", "password": "correct horse"});
        let with = |more: Value| {
            let mut order = login.clone();
            order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            order
        };
        for (more, field) in [
            (json!({"external_id": "7"}), "external_id"), (json!({"pubkey": "02"}), "pubkey"), (json!({"id": "0".repeat(64)}), "id is made here"),
            (json!({"password_repeat": "correct house"}), "password_repeat"),
        ] {
            refused(as_operator("POST", account, with(more)), field);
        }
        let made = as_operator("POST", account, with(json!({"password_repeat": "correct horse", "id": ""}))).expect(200);
        let path = format!("{account}/{}", made["id"].as_str().unwrap());
        as_operator("PUT", &path, json!({"id": made["id"], "name": "Game"})).expect(200);
        refused(as_operator("PUT", &path, json!({"id": payer.user, "name": "Game"})), "id must be that of the path");
        refused(as_operator("POST", &format!("{path}/wallet"), json!({"currency": "EUR"})), "currency must be sat");
        refused(as_operator("PUT", "/users/api/v1/balance", json!({"id": payer.id, "amount": 1, "unit": "EUR"})), "unit must be sat");
        assert_eq!((server.balance(&payer), server.balance(&payee)), (99, 1));
        server.audit();
    }

    fn merging_extra_rewrites_nothing(server) {
        let key = &server.manager.admin;
        let body = "{\"user_name\": \"x\", \"extra\": {\"z\": 18446744073709551616,\n \"a\": 1e2, \"m\": [1.50]}}";
        let user = send(server, "POST", USERS, key, body);
        assert!(user.text.contains(r#""extra":{"z": 18446744073709551616, "a": 1e2, "m": [1.50]}"#), "{}", user.text);
        let path = format!("{USERS}/{}", user.json()["id"].as_str().unwrap());
        let merged = send(server, "PUT", &path, key, "{\"extra\": {\"n\": 0.10,\n\"a\": 2}}");
        assert!(merged.text.contains(r#""extra":{"z":18446744073709551616,"a":2,"m":[1.50],"n":0.10}"#), "{}", merged.text);
        assert!(server.get(&path, key).text.contains(r#""z":18446744073709551616,"a":2"#));
        let operator = server.operator("root");
        let headers = [("Authorization", format!("Bearer {operator}"))];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let account = format!("/users/api/v1/user/{}", server.manager.user);
        server.send("PUT", &account, &headers, r#"{"extra": {"b": 1e2, "a": 1.0}}"#).expect(200);
        let merged = server.send("PUT", &account, &headers, r#"{"extra": {"c": 9007199254740993.0}}"#);
        assert!(merged.text.contains(r#""extra":{"b":1e2,"a":1.0,"c":9007199254740993.0}"#), "{}", merged.text);
    }

    fn there_are_no_more_bitcoin_than_there_are(server) {
        let operator = server.operator("root");
        let (a, b) = (server.wallet("a", 0), server.wallet("b", 0));
        let change = |wallet: &str, amount: i64| {
            server.as_session("PUT", "/users/api/v1/balance", &operator, &json!({"id": wallet, "amount": amount}))
        };
        change(&a.id, 2_100_000_000_000_001).refused(400, "invalid_request", "21000000 bitcoin");
        change(&a.id, -2_100_000_000_000_001).refused(400, "invalid_request", "21000000 bitcoin");
        change(&a.id, 2_099_999_999_000_000 - 1).expect(200);
        // The manager was given a million at the start; no more than one is left.
        change(&b.id, 2).refused(400, "balance_limit", "no more than 21000000 bitcoin");
        change(&b.id, 1).expect(200);
        change(&b.id, 1).refused(400, "balance_limit", "");
        let credit = |amount: &str| server.cli(&["credit", "--wallet", &b.id, "--amount-sat", amount]).unwrap_err();
        assert!(credit("1").contains("no more than 21000000 bitcoin"));
        assert!(credit("2100000000000001").contains("at most 2100000000000000 sat"));
        assert!(credit("9223372036854775807").contains("at most 2100000000000000 sat"));
        let limits = format!("/usermanager/api/v1/wallets/{}/limits", b.id);
        let answer = server.put(&limits, &server.manager.admin, &json!({"payment_max_sat": 2_100_000_000_000_001_i64}));
        answer.refused(400, "invalid_request", "payment_max_sat must be at most 2100000000000000 sat");
        server.audit();
    }

    fn sums_of_a_database_that_holds_more_do_not_overflow(server, Options { bootstrap_sats: 0, ..Options::default() }) {
        // As an older version let operators do: three times nine million bitcoin in, and out again.
        let rich = server.wallet("rich", 0);
        let operator = server.operator("root");
        server.as_session("PUT", "/users/api/v1/balance", &operator, &json!({"id": rich.id, "amount": 1})).expect(200);
        let id = |hex: &str| server.store.bytes(hex);
        let (wallet, issuance) = (id(&rich.id), id("73797374656d2f69737375616e63652f"));
        let huge = 9_000_000_000_000_000_000_i64;
        let mut held = 1_000;
        for step in 1..=6_i64 {
            let is_in = step % 2 == 1;
            held += if is_in { huge } else { -huge };
            let (from, to) = if is_in { (&issuance, &wallet) } else { (&wallet, &issuance) };
            let (left, right) = if is_in { (-held, held) } else { (held, -held) };
            let (invoice, hash) = (id(&format!("{step:032x}")), id(&format!("{step:064x}")));
            let entry = step + 1;
            server.database.execute(&format!(
                "INSERT INTO invoices (id, wallet_id, payment_hash, preimage_sealed, amount_msat, memo, state, created_at_ms, expires_at_ms, paid_at_ms)
                    VALUES ({invoice}, {to}, {hash}, {invoice}, {huge}, '', 'paid', {step}, {step}, {step});
                 INSERT INTO transfers (id, invoice_id, kind, debit_account, credit_account, amount_msat, debit_balance_msat,
                    credit_balance_msat, debit_entry, credit_entry, created_at_ms)
                    VALUES ({invoice}, {invoice}, 'credit', {from}, {to}, {huge}, {left}, {right}, {entry}, {entry}, {step});
                 UPDATE accounts SET entries = {entry}, balance_msat = CASE WHEN id = {wallet} THEN {held} ELSE {} END WHERE id IN ({wallet}, {issuance})",
                -held
            )).unwrap();
            server.audit();
            let audit = server.as_session("GET", "/users/api/v1/audit", &operator, &Value::Null).expect(200);
            assert_eq!(audit["holds"], true, "{audit}");
        }
        let history = server.get("/api/v1/payments/history?group=month", &rich.invoice).expect(200);
        assert_eq!(history.as_array().unwrap().len(), 2);
        let history = server.get("/api/v1/payments/history?group=month", &rich.invoice).text;
        assert!(history.contains(r#""income":27000000000000000000,"spending":27000000000000000000,"balance":0"#), "{history}");
        // It is debited as before, and not credited beyond what there is.
        server.database.execute(&format!(
            "UPDATE accounts SET balance_msat = CASE WHEN id = {wallet} THEN {huge} ELSE -{huge} END WHERE id IN ({wallet}, {issuance})"
        )).unwrap();
        assert!(server.cli(&["audit"]).unwrap_err().contains("I1 does not hold"));
        let change = |amount: i64| server.as_session("PUT", "/users/api/v1/balance", &operator, &json!({"id": rich.id, "amount": amount}));
        change(1).refused(400, "balance_limit", "");
        change(-2_100_000_000_000_000).expect(200);
        change(-1).expect(200);
    }

    fn what_was_pasted_is_taken_or_named(server) {
        let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
        for (index, form) in ["lightning://{}", "LIGHTNING:{}", "bitcoin:bc1qx?amount=1&lightning={}", "BITCOIN:?LIGHTNING={}"].into_iter().enumerate() {
            let invoice = server.invoice(&payee, 1);
            let text = form.replace("{}", if index % 2 == 1 { invoice.to_uppercase() } else { invoice.clone() }.as_str());
            let decoded = server.send("POST", "/api/v1/payments/decode", &[], &json!({"data": text}).to_string()).expect(200);
            assert_eq!(decoded["amount_msat"], 1000);
            let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let reserve = server.send("GET", &format!("/api/v1/payments/fee-reserve?invoice={encoded}"), &[], "");
            assert_eq!(reserve.expect(200)["fee_reserve"], 0);
            assert_eq!(server.pay(&payer, &text).expect(201)["bolt11"], invoice);
        }
        for (text, what) in [
            ("lnurl1dp68gurn8ghj7um9dej8xct5wvhxcmmv9akxuatjd3cz7", "LNURL"), ("lnurlp://a.example/p", "LNURL"), ("alice@a.example", "Lightning address"),
            ("lno1pqps7sjqpgt", "BOLT12 offer"), ("bitcoin:bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "BIP21"),
            ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "on-chain"), ("https://a.example/i/1", "web link"), (&"0".repeat(64), "payment hash"),
            (&format!("02{}@a.example:9735", "0".repeat(64)), "node"),
        ] {
            server.pay(&payer, text).refused(400, "invalid_invoice", what);
            server.send("POST", "/api/v1/payments/decode", &[], &json!({"data": text}).to_string()).refused(400, "invalid_invoice", what);
        }
        assert_eq!(server.balance(&payee), 4);
    }
}
