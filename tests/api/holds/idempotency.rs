//! Each POST is done once under its key, and is answered as it was at first.

use serde_json::{Value, json};

use super::{HOLDS, balances, capture, find, id_of, order, order_in, place, settle, void, wait_until};
use crate::api::idempotency::post_under;
use crate::harness::{Answer, Server, both_stores};

/// Asserts that a request is answered as it was before.
#[track_caller]
fn assert_again(server: &Server, path: &str, name: &str, body: &Value, first: &Answer) {
    let again = post_under(server, path, &server.manager.admin, name, body);
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
}

#[track_caller]
fn once(server: &Server, path: &str, name: &str, body: &Value, status: u16) -> Answer {
    let first = post_under(server, path, &server.manager.admin, name, body);
    first.expect(status);
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_again(server, path, name, body, &first);
    first
}

both_stores! {
    fn holds_are_placed_once(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let one = json!({"wallet": player.id, "amount": 20, "expires_in": 2, "extra": {"n": 1.0, "a": [1]}});
        let first = once(server, HOLDS, "one", &one, 201);
        let many = json!([order(&player, 10), order(&shop, 0)]);
        post_under(server, HOLDS, &server.manager.admin, "many", &many).refused(400, "invalid_request", "");
        // A refusal has done nothing, and is not remembered.
        let many = json!([order(&player, 10), order(&player, 5)]);
        let both = once(server, HOLDS, "many", &many, 201);
        assert_eq!(balances(server, &player), [65, 35, 100]);
        let key = server.manager.admin.clone();
        for (name, other) in [("one", &many), ("many", &one), ("one", &json!({"wallet": player.id, "amount": 20}))] {
            post_under(server, HOLDS, &key, name, other).refused(409, "idempotency_conflict", "Idempotency-Key");
        }
        // Whatever has become of them.
        void(server, &both.json()[0]).expect(200);
        capture(server, &both.json()[1], &json!({"to_wallet": shop.id})).expect(201);
        wait_until(|| balances(server, &player)[1] == 0);
        assert_again(server, HOLDS, "one", &one, &first);
        assert_again(server, HOLDS, "many", &many, &both);
        assert_eq!(balances(server, &player), [95, 0, 95]);
        server.audit();
    }

    fn captures_and_voids_are_done_once(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let holds = place(server, &json!([order(&player, 50), order(&player, 20)]));
        let path = format!("{HOLDS}/{}/capture", id_of(&holds[0]));
        let part = json!({"to_wallet": shop.id, "amount": 10, "final": false});
        let first = once(server, &path, "first", &part, 201);
        let second = once(server, &path, "second", &part, 201);
        assert_eq!((&first.json()["captured"], &second.json()["captured"]), (&json!(10_000), &json!(20_000)));
        let last = once(server, &path, "last", &json!({"to": [{"wallet": shop.id, "amount": 1}, {"wallet": shop.id, "amount": 2}]}), 201);
        assert_eq!((&last.json()["captured"], &last.json()["state"]), (&json!(23_000), &json!("captured")));
        assert_again(server, &path, "first", &part, &first);
        assert_again(server, &path, "second", &part, &second);
        let other = format!("{HOLDS}/{}", id_of(&holds[1]));
        let voided = once(server, &format!("{other}/void"), "void", &json!({}), 200);
        let key = server.manager.admin.clone();
        for (path, body) in [
            (path.clone(), json!({"to_wallet": shop.id, "amount": 11, "final": false})),
            (format!("{other}/capture"), part.clone()),
            (format!("{other}/void"), json!({})),
        ] {
            post_under(server, &path, &key, "first", &body).refused(409, "idempotency_conflict", "Idempotency-Key");
        }
        assert_eq!(voided.json()["state"], "voided");
        assert_eq!((balances(server, &player), balances(server, &shop)), ([77, 0, 77], [23, 0, 23]));
        server.audit();
    }

    fn a_settlement_is_made_once(server) {
        let (a, b, shop) = (server.wallet("a", 50), server.wallet("b", 50), server.wallet("shop", 0));
        let path = format!("{HOLDS}/settle");
        let holds = place(server, &json!([order_in("cup", &a, 50), order_in("cup", &b, 50)]));
        let terms = json!({"captures": [{"hold": holds[0]["id"], "to": [{"wallet": shop.id, "amount": 20}], "final": false}], "group": "cup"});
        let first = once(server, &path, "cup", &terms, 201);
        assert_eq!(first.json().as_array().unwrap().len(), 2);
        void(server, &holds[0]).expect(200);
        place(server, &order_in("cup", &b, 5));
        assert_again(server, &path, "cup", &terms, &first);
        let another = json!({"group": "cup"});
        post_under(server, &path, &server.manager.admin, "cup", &another).refused(409, "idempotency_conflict", "");
        // Of nothing as well: what comes into the group later is not touched by the same request.
        let nothing = json!({"group": "empty"});
        assert_eq!(once(server, &path, "empty", &nothing, 200).json(), json!([]));
        let late = place(server, &order_in("empty", &b, 5));
        let again = post_under(server, &path, &server.manager.admin, "empty", &nothing);
        assert_eq!((again.expect(200), find(server, &late)["state"].clone()), (json!([]), json!("open")));
        assert_eq!(settle(server, &nothing).expect(201).as_array().unwrap().len(), 1);
        assert_eq!(balances(server, &shop), [20, 0, 20]);
        server.audit();
    }
}
