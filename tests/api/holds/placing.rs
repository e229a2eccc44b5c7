//! Putting money on hold, and what is shown of it.

use satkeep::domain::api_keys::ApiKey;
use serde_json::{Value, json};

use super::{HOLDS, assert_adds_up, balances, find, id_of, order, place, sums, void};
use crate::harness::{Server, Wallet, both_stores};

/// The balances that a list of wallets shows of one, in sat.
fn shown_in(list: &Value, wallet: &Wallet) -> [i64; 3] {
    let shown = list.as_array().unwrap().iter().find(|shown| shown["id"] == json!(wallet.id)).unwrap();
    ["balance_msat", "balance_held", "balance_total"].map(|name| shown[name].as_i64().unwrap() / 1000)
}

/// What a wallet app sees.
fn hub_balance(server: &Server, wallet: &Wallet) -> Value {
    let token = satkeep::domain::lndhub::token("invoice", &ApiKey::from_client(&wallet.invoice));
    let headers = [("Authorization", &*format!("Bearer {}", *token))];
    server.send("GET", "/lndhub/ext/balance", &headers, "").expect(200)["BTC"]["AvailableBalance"].clone()
}

both_stores! {
    fn a_hold_keeps_money_from_being_spent(server) {
        let (player, other) = (server.wallet("player", 100), server.wallet("other", 0));
        let extra = json!({"table": 7, "tag": "poker"});
        let hold = place(server, &json!({
            "wallet": player.id, "amount": "60", "unit": "sat", "expires_in": 600, "group": "duel 7", "memo": "stake", "extra": extra,
        }));
        assert_eq!(id_of(&hold).len(), 32);
        assert_eq!((&hold["wallet_id"], &hold["group"], &hold["memo"]), (&json!(player.id), &json!("duel 7"), &json!("stake")));
        assert_eq!((&hold["amount"], &hold["amount_sat"], &hold["extra"]), (&json!(60_000), &json!(60), &extra));
        assert_eq!(sums(&hold), (0, 0, 60, "open"));
        assert_eq!((&hold["closed_at"], &hold["captures"]), (&Value::Null, &json!([])));
        assert!(hold["created_at"].as_str() < hold["expires_at"].as_str(), "{hold}");
        assert_eq!(find(server, &hold), hold);

        assert_eq!(balances(server, &player), [40, 60, 100]);
        let key = server.manager.admin.clone();
        for path in ["/usermanager/api/v1/wallets".to_owned(), format!("/usermanager/api/v1/wallets/{}", player.user)] {
            assert_eq!(shown_in(&server.get(&path, &key).expect(200), &player), [40, 60, 100], "{path}");
        }
        let user = server.get(&format!("/usermanager/api/v1/users/{}", player.user), &key).expect(200);
        assert_eq!(shown_in(&user["wallets"], &player), [40, 60, 100]);
        assert_eq!(hub_balance(server, &player), json!(40));

        // By whichever way it would go.
        let invoice = server.invoice(&other, 41);
        server.pay(&player, &invoice).refused(400, "insufficient_balance", "Insufficient balance");
        let transfer = json!({"from_wallet": player.id, "to_wallet": other.id, "amount": 41});
        server.post("/usermanager/api/v1/transfers", &key, &transfer).refused(400, "insufficient_balance", "");
        server.post(HOLDS, &key, &order(&player, 41)).refused(400, "insufficient_balance", "Insufficient balance");
        let root = server.operator("root");
        let debit = json!({"id": player.id, "amount": -41});
        server.as_session("PUT", "/users/api/v1/balance", &root, &debit).refused(400, "insufficient_balance", "");
        server.pay(&player, &server.invoice(&other, 40)).expect(201);
        assert_eq!(balances(server, &player), [0, 60, 60]);
        let credited = server.cli(&["credit", "--wallet", &player.id, "--amount-sat", "5"]).unwrap();
        assert_eq!(credited["balance_msat"], json!(5_000));
        void(server, &hold).expect(200);
        server.pay(&player, &invoice).expect(201);
        assert_eq!(balances(server, &player), [24, 0, 24]);
        assert_adds_up(server, &player);
        server.audit();
    }

    fn what_is_left_out_has_a_default(server) {
        let player = server.wallet("player", 10);
        let hold = place(server, &order(&player, 10));
        assert_eq!((&hold["group"], &hold["memo"], &hold["extra"]), (&Value::Null, &json!(""), &json!({})));
        let seconds = |name: &str| {
            let path = format!("/api/v1/payments/{}", hold["payment_hash"].as_str().unwrap());
            server.get(&path, &player.invoice).expect(200)["details"][name].as_i64().unwrap()
        };
        assert_eq!(seconds("expiry") - seconds("time"), 3_600);
        // `null` and an empty text are as good as nothing; a key may hold its own wallet's money.
        let own = json!({"wallet": server.manager.id, "amount": 5, "group": "", "memo": null, "extra": null, "expires_in": "", "unit": ""});
        let own = place(server, &own);
        assert_eq!((&own["wallet_id"], &own["group"]), (&json!(server.manager.id), &Value::Null));
        assert_eq!(balances(server, &server.manager)[1], 5);
        server.audit();
    }

    fn an_array_is_all_or_none(server) {
        let key = server.manager.admin.clone();
        let (a, b) = (server.wallet("a", 100), server.wallet("b", 30));
        let made = place(server, &json!([order(&a, 20), order(&b, 10), order(&a, 30)]));
        let wallets: Vec<_> = made.as_array().unwrap().iter().map(|hold| hold["wallet_id"].as_str().unwrap()).collect();
        assert_eq!(wallets, [&a.id, &b.id, &a.id]);
        assert_eq!((balances(server, &a), balances(server, &b)), ([50, 50, 100], [20, 10, 30]));
        // One alone in an array is answered in an array.
        assert_eq!(place(server, &json!([order(&a, 1)])).as_array().unwrap().len(), 1);

        let refused = server.post(HOLDS, &key, &json!([order(&a, 25), order(&b, 5), order(&a, 25)]));
        refused.refused(400, "insufficient_balance", "Insufficient balance");
        assert_eq!(refused.json()["errors"][0]["field"], "[2]");
        let nowhere = Wallet { id: "0".repeat(32), ..a.clone() };
        let foreign = server.new_manager("foreign", 50);
        for other in [&nowhere, &foreign, &Wallet { id: "x".to_owned(), ..a.clone() }] {
            let refused = server.post(HOLDS, &key, &json!([order(&a, 1), order(other, 1)]));
            refused.refused(404, "wallet_not_found", "Wallet does not exist");
            assert_eq!(refused.json()["errors"][0]["field"], "[1]");
            server.post(HOLDS, &key, &order(other, 1)).refused(404, "wallet_not_found", "Wallet does not exist");
        }
        let refused = server.post(HOLDS, &key, &json!([order(&a, 1), order(&a, 0), {"amount": 1, "expires_in": 0}]));
        refused.refused(400, "invalid_request", "[1].amount");
        let errors = refused.json()["errors"].clone();
        let fields: Vec<_> = errors.as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["[1].amount", "[2].wallet", "[2].expires_in"]);
        assert_eq!((balances(server, &a), balances(server, &b)), ([49, 51, 100], [20, 10, 30]));
        assert_eq!(server.get(HOLDS, &key).expect(200).as_array().unwrap().len(), 4);
        server.audit();
    }

    fn a_thousand_at_once(server) {
        let players = [server.wallet("a", 500), server.wallet("b", 500)];
        let orders: Vec<_> = (0..1_000).map(|index| order(&players[index % 2], 1)).collect();
        let made = place(server, &json!(orders));
        assert_eq!(made.as_array().unwrap().len(), 1_000);
        for player in &players {
            assert_eq!(balances(server, player), [0, 500, 500]);
            assert_adds_up(server, player);
        }
        let many: Vec<_> = (0..1_001).map(|_| json!({})).collect();
        for body in [json!([]), json!(many)] {
            server.post(HOLDS, &server.manager.admin, &body).refused(400, "invalid_request", "1 to 1000");
        }
        server.audit();
    }

    fn what_cannot_be_read_is_named(server) {
        let key = server.manager.admin.clone();
        let player = server.wallet("player", 100);
        let with = |name: &str, value: Value| {
            let mut order = order(&player, 1);
            order[name] = value;
            order
        };
        for (body, field) in [
            (json!({}), "wallet"),
            (json!({"amount": 1}), "wallet"),
            (json!({"wallet": player.id}), "amount"),
            (with("amount", json!(0)), "amount"),
            (with("amount", json!(-1)), "amount"),
            (with("amount", json!(1.5)), "amount"),
            (with("amount", json!("much")), "amount"),
            (with("amount", json!(100_000_001)), "amount"),
            (with("amount", json!([1])), "amount"),
            (with("wallet", json!([])), "wallet"),
            (with("expires_in", json!(0)), "expires_in"),
            (with("expires_in", json!(-5)), "expires_in"),
            (with("expires_in", json!(2_592_001)), "expires_in"),
            (with("expires_in", json!("soon")), "expires_in"),
            (with("group", json!("x".repeat(257))), "group"),
            (with("group", json!("a\nb")), "group"),
            (with("group", json!(["a"])), "group"),
            (with("memo", json!("x".repeat(640))), "memo"),
            (with("extra", json!([1])), "extra"),
            (with("extra", json!({"x": "y".repeat(9_000)})), "extra"),
            (json!([1]), "[0]"),
        ] {
            let refused = server.post(HOLDS, &key, &body);
            refused.refused(400, "invalid_request", field);
            let named = refused.json()["errors"][0]["field"].as_str().unwrap_or_default().to_owned();
            assert!(named == field, "{named} for {body}");
        }
        server.post(HOLDS, &key, &with("unit", json!("USD"))).refused(400, "", "");
        server.send("POST", HOLDS, &[("X-Api-Key", &key)], "{").refused(400, "invalid_json", "");
        assert_eq!(balances(server, &player), [100, 0, 100]);
        place(server, &with("expires_in", json!(2_592_000)));
    }
}
