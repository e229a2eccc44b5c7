//! Settling several holds in one commit.

use serde_json::{Value, json};

use super::{
    HOLDS, assert_adds_up, balances, capture_to, find, id_of, order, order_in, place, settle, sums, void, wait_until,
};
use crate::harness::{Wallet, both_stores};

fn payee(wallet: &Wallet, sats: i64) -> Value {
    json!({"wallet": wallet.id, "amount": sats})
}

both_stores! {
    fn a_duel_is_settled_with_a_share_for_the_house(server) {
        let (a, b) = (server.wallet("a", 100), server.wallet("b", 100));
        let before = server.balance(&server.manager);
        let stakes = place(server, &json!([order_in("duel", &a, 50), order_in("duel", &b, 50)]));
        let settled = settle(server, &json!({
            "captures": [{"hold": stakes[1]["id"], "to": [payee(&a, 45), {"wallet": server.manager.id}]}],
            "group": "duel",
        })).expect(201);
        // Those that have changed, the named ones first.
        assert_eq!(settled.as_array().unwrap().iter().map(id_of).collect::<Vec<_>>(), [id_of(&stakes[1]), id_of(&stakes[0])]);
        assert_eq!((sums(&settled[0]), sums(&settled[1])), ((50, 0, 0, "captured"), (0, 50, 0, "voided")));
        assert_eq!((balances(server, &a), balances(server, &b)), ([145, 0, 145], [50, 0, 50]));
        assert_eq!(server.balance(&server.manager), before + 5);
        for wallet in [&a, &b] {
            assert_adds_up(server, wallet);
        }
        server.audit();
    }

    fn a_settlement_is_all_or_nothing(server) {
        let (a, b, winner) = (server.wallet("a", 100), server.wallet("b", 100), server.wallet("winner", 0));
        let stakes = place(server, &json!([order_in("cup", &a, 50), order_in("cup", &b, 50), order(&b, 20)]));
        let closed = place(server, &order(&a, 1));
        void(server, &closed).expect(200);
        let frozen = server.wallet("frozen", 0);
        let path = format!("/usermanager/api/v1/wallets/{}/freeze", frozen.id);
        server.put(&path, &server.manager.admin, &json!({"scope": "everything"})).expect(200);
        let first = json!({"hold": stakes[0]["id"], "to": [payee(&winner, 50)]});
        let second = |to: Value| json!({"hold": stakes[1]["id"], "to": to});
        let unknown = json!("0".repeat(32));
        for (settlement, status, code, field) in [
            (json!({"captures": [first, second(json!([payee(&winner, 51)]))]}), 400, "capture_too_large", None),
            (json!({"captures": [first, second(json!([payee(&winner, 1), payee(&frozen, 1)]))]}), 400, "receiver_frozen", Some("captures.1.to.1")),
            (json!({"captures": [first, second(json!([{"wallet": unknown}]))]}), 404, "wallet_not_found", Some("captures.1.to.0")),
            (json!({"captures": [first, {"hold": closed["id"], "to": [payee(&winner, 1)]}]}), 409, "hold_closed", None),
            (json!({"captures": [first, {"hold": unknown, "to": [payee(&winner, 1)]}]}), 404, "hold_not_found", None),
            (json!({"captures": [first], "void": [closed["id"]], "group": "cup"}), 409, "hold_closed", None),
            (json!({"captures": [first], "void": [unknown], "group": "cup"}), 404, "hold_not_found", None),
            // One thing at a time.
            (json!({"captures": [first], "void": [stakes[0]["id"]]}), 409, "hold_closed", None),
            (json!({"captures": [first, first]}), 409, "hold_closed", None),
            (json!({"void": [stakes[0]["id"], stakes[0]["id"]]}), 409, "hold_closed", None),
        ] {
            let refused = settle(server, &settlement);
            refused.refused(status, code, "");
            assert_eq!(refused.json()["errors"][0]["field"].as_str(), field, "{settlement}");
            assert_eq!([&a, &b, &winner].map(|it| balances(server, it)), [[50, 50, 100], [30, 70, 100], [0, 0, 0]], "{settlement}");
        }
        // A part, then the rest, of the same hold.
        let part = json!({"hold": stakes[0]["id"], "to": [payee(&winner, 10)], "final": false});
        let settled = settle(server, &json!({"captures": [part, first.clone()], "void": [stakes[2]["id"]]}));
        settled.refused(400, "capture_too_large", "40000 msat");
        let rest = json!({"hold": stakes[0]["id"], "to": [{"wallet": winner.id}]});
        let settled = settle(server, &json!({"captures": [part, rest], "void": [stakes[2]["id"]]})).expect(201);
        assert_eq!(settled.as_array().unwrap().len(), 2);
        assert_eq!(sums(&settled[0]), (50, 0, 0, "captured"));
        assert_eq!([&a, &b, &winner].map(|it| balances(server, it)), [[50, 0, 50], [50, 50, 100], [50, 0, 50]]);
        server.audit();
    }

    fn a_group_is_voided_as_a_whole(server) {
        let players: Vec<_> = (0..5).map(|index| server.wallet(&format!("player {index}"), 20)).collect();
        let fees: Vec<_> = players.iter().map(|player| order_in("Cup 2026, final", player, 20)).collect();
        let holds = place(server, &json!(fees));
        let other = place(server, &order_in("cup 2026, final", &server.manager, 5));
        capture_to(server, &holds[0], &players[1], None).expect(201);
        let settled = settle(server, &json!({"group": "Cup 2026, final"})).expect(201);
        assert_eq!(settled.as_array().unwrap().iter().map(id_of).collect::<Vec<_>>(), (1..5).map(|index| id_of(&holds[index])).collect::<Vec<_>>());
        assert!(settled.as_array().unwrap().iter().all(|hold| sums(hold) == (0, 20, 0, "voided")));
        assert_eq!(sums(&find(server, &other)).3, "open");
        // There is nothing left, or never was anything.
        for group in ["Cup 2026, final", "nobody's"] {
            assert_eq!(settle(server, &json!({ "group": group })).expect(200), json!([]));
        }
        assert_eq!(players.iter().map(|it| server.balance(it)).collect::<Vec<_>>(), [0, 40, 20, 20, 20]);
        server.audit();
    }

    fn a_group_is_a_managers_own(server) {
        let studio = server.creator_of(&server.manager.admin, "studio");
        let player = server.wallet_of(&studio.admin, "player");
        server.pay(&server.manager, &server.invoice(&player, 10)).expect(201);
        let mine = place(server, &order_in("cup", &server.manager, 3));
        let theirs = server.post(HOLDS, &studio.admin, &order_in("cup", &player, 4)).expect(201);
        let settled = server.post(&format!("{HOLDS}/settle"), &studio.admin, &json!({"group": "cup"})).expect(201);
        assert_eq!(settled.as_array().unwrap().iter().map(id_of).collect::<Vec<_>>(), [id_of(&theirs)]);
        assert_eq!(sums(&find(server, &mine)).3, "open");
    }

    fn what_has_expired_in_a_group_stays_expired(server) {
        let player = server.wallet("player", 20);
        let short = json!({"wallet": player.id, "amount": 5, "group": "cup", "expires_in": 1});
        let holds = place(server, &json!([short, order_in("cup", &player, 10)]));
        wait_until(|| find(server, &holds[0])["state"] == "expired");
        let settled = settle(server, &json!({"group": "cup"})).expect(201);
        assert_eq!(settled.as_array().unwrap().iter().map(id_of).collect::<Vec<_>>(), [id_of(&holds[1])]);
        wait_until(|| balances(server, &player) == [20, 0, 20]);
        assert_eq!(sums(&find(server, &holds[0])), (0, 5, 0, "expired"));
        server.audit();
    }

    fn a_large_group_is_settled_whole_or_refused(server) {
        let (player, winner) = (server.wallet("player", 5_000), server.wallet("winner", 0));
        let some = |count: usize| json!((0..count).map(|_| order_in("cup", &player, 1)).collect::<Vec<_>>());
        let holds = place(server, &some(1_000));
        place(server, &some(5));
        assert_eq!(balances(server, &player), [3_995, 1_005, 5_000]);
        settle(server, &json!({"group": "cup"})).refused(400, "group_too_large", "1000");
        assert_eq!(balances(server, &player), [3_995, 1_005, 5_000]);
        // Named ones do not count: ten are captured, five voided, and no other is forgotten.
        let captures: Vec<_> = (0..10).map(|index| json!({"hold": holds[index]["id"], "to": [{"wallet": winner.id}]})).collect();
        let voided: Vec<_> = (10..15).map(|index| holds[index]["id"].clone()).collect();
        let settled = settle(server, &json!({"captures": captures, "void": voided, "group": "cup"})).expect(201);
        assert_eq!(settled.as_array().unwrap().len(), 1_005);
        assert_eq!((balances(server, &player), server.balance(&winner)), ([4_990, 0, 4_990], 10));
        for _ in 0..3 {
            place(server, &some(1_000));
        }
        settle(server, &json!({"group": "cup"})).refused(400, "group_too_large", "1000");
        server.audit();
    }

    fn a_thousand_are_paid_out_of_many_holds_at_once(server) {
        let players: Vec<_> = (0..4).map(|index| server.wallet(&format!("p{index}"), 250)).collect();
        let fees: Vec<_> = players.iter().map(|player| order_in("cup", player, 250)).collect();
        let holds = place(server, &json!(fees));
        let winners = [server.wallet("a", 0), server.wallet("b", 0)];
        let capture = |index: usize, count: usize| {
            let to: Vec<_> = (0..count).map(|winner| payee(&winners[winner % 2], 1)).collect();
            json!({"hold": holds[index]["id"], "to": to})
        };
        let captures: Vec<_> = (0..4).map(|index| capture(index, 250)).collect();
        let too_many = json!({"captures": captures, "void": [holds[0]["id"]]});
        settle(server, &too_many).refused(400, "invalid_request", "1000");
        let settled = settle(server, &json!({ "captures": captures })).expect(201);
        assert!(settled.as_array().unwrap().iter().all(|hold| sums(hold) == (250, 0, 0, "captured")));
        assert_eq!([&winners[0], &winners[1], &players[3]].map(|it| server.balance(it)), [500, 500, 0]);
        server.audit();
    }

    fn settlements_that_cannot_be_read_are_named(server) {
        let (player, winner) = (server.wallet("player", 100), server.wallet("winner", 0));
        let hold = place(server, &order_in("cup", &player, 60));
        let fine = json!({"hold": hold["id"], "to": [payee(&winner, 1)]});
        for (settlement, field) in [
            (json!({"captures": {}}), "captures"),
            (json!({"captures": [fine, {"to": [payee(&winner, 1)]}]}), "captures.1.hold"),
            (json!({"captures": [fine, {"hold": hold["id"]}]}), "captures.1.to"),
            (json!({"captures": [{"hold": hold["id"], "to": []}]}), "captures.0.to"),
            (json!({"captures": [{"hold": hold["id"], "to": [payee(&winner, 1), {"amount": 2}]}]}), "captures.0.to.1.wallet"),
            (json!({"captures": [{"hold": hold["id"], "to": [payee(&winner, -1)]}]}), "captures.0.to.0.amount"),
            (json!({"captures": [fine], "group": "x".repeat(257)}), "group"),
            (json!({"void": "all"}), "void"),
            (json!({"void": [7]}), "void"),
        ] {
            let refused = settle(server, &settlement);
            refused.refused(400, "invalid_request", field);
            assert!(refused.json()["errors"][0]["field"].as_str().unwrap().starts_with(field), "{settlement}");
        }
        for nothing in [json!({}), json!({"captures": [], "void": null, "group": ""})] {
            settle(server, &nothing).refused(400, "invalid_request", "Say what to settle");
        }
        let many: Vec<_> = (0..1_001).map(|_| hold["id"].clone()).collect();
        settle(server, &json!({ "void": many })).refused(400, "invalid_request", "at most 1000");
        assert_eq!(sums(&find(server, &hold)), (0, 0, 60, "open"));
    }
}
