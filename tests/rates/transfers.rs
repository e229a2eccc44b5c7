//! `unit` of a transfer.

use serde_json::{Value, json};

use super::{fixed, with};
use crate::harness::{Wallet, both_stores};

const PATH: &str = "/usermanager/api/v1/transfers";

fn order(from: &Wallet, to: &Wallet, amount: Value, unit: &str) -> Value {
    json!({"from_wallet": from.id, "to_wallet": to.id, "amount": amount, "unit": unit, "memo": "prize"})
}

both_stores! {
    fn a_player_is_paid_ten_cents(server, fixed()) {
        let key = server.manager.admin.clone();
        let player = server.wallet("player", 0);
        let paid = server.post(PATH, &key, &order(&server.manager, &player, json!("0.10"), "USD")).expect(201);
        assert_eq!((&paid["amount"], &paid["extra"]["fiat_amount"], &paid["extra"]["fiat_currency"]), (&json!(-153_000), &json!(0.1), &json!("USD")));
        // Both sides have it, now and later.
        let path = format!("/api/v1/payments/{}", paid["payment_hash"].as_str().unwrap());
        assert_eq!(server.get(&path, &key).expect(200)["details"], paid);
        assert_eq!(server.get(&path, &player.invoice).expect(200)["details"]["extra"], paid["extra"]);
        // Several at once, in several units.
        let several = json!([
            order(&server.manager, &player, json!(1), "EUR"),
            order(&server.manager, &player, json!(7), "sat"),
            order(&server.manager, &player, json!(2.5), "PTS"),
        ]);
        let paid = server.post(PATH, &key, &several).expect(201);
        let amounts: Vec<_> = paid.as_array().unwrap().iter().map(|side| side["amount_sat"].as_i64().unwrap()).collect();
        assert_eq!(amounts, [-1_666, -7, -250]);
        assert_eq!(paid[1]["extra"], json!({}));
        assert_eq!(server.balance(&player), 153 + 1_666 + 7 + 250);
        server.audit();
    }

    fn one_that_cannot_be_is_named_and_nothing_moves(server, with(&["--rate-fixed", "USD=65000", "--invoice-sat-max", "1000000"])) {
        let key = server.manager.admin.clone();
        let player = server.wallet("player", 0);
        let to = |amount: Value, unit: &str| order(&server.manager, &player, amount, unit);
        for (amount, unit, field, why) in [
            (json!(1), "RRR", "unit", "a currency that is offered"),
            (json!(1), "usd", "unit", "a currency that is offered"),
            (json!("0.0001"), "USD", "amount", "at least 1 sat"),
            (json!(65000), "USD", "amount", "at most 1000000 sat"),
            (json!(0), "USD", "amount", "above 0"),
            (json!(1.5), "sat", "amount", "whole number"),
        ] {
            let alone = server.post(PATH, &key, &to(amount.clone(), unit));
            alone.refused(400, "invalid_request", why);
            assert_eq!(alone.json()["errors"][0]["field"], field);
            let among = server.post(PATH, &key, &json!([to(json!(1), "USD"), to(amount, unit)]));
            among.refused(400, "invalid_request", why);
            assert_eq!(among.json()["errors"][0]["field"], format!("[1].{field}"));
        }
        assert_eq!(server.balance(&player), 0);
        server.audit();
    }
}
