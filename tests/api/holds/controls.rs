//! Who may do what with holds, and what stands in the way.

use serde_json::{Value, json};

use super::{HOLDS, balances, capture, capture_to, find, id_of, order, order_in, place, settle, sums, void};
use crate::harness::{Server, Wallet, both_stores};

const WALLETS: &str = "/usermanager/api/v1/wallets";
const USERS: &str = "/usermanager/api/v1/users";

fn freeze(server: &Server, wallet: &Wallet, scope: &str) {
    let path = format!("{WALLETS}/{}/freeze", wallet.id);
    server.put(&path, &server.manager.admin, &json!({ "scope": scope })).expect(200);
}

fn thaw(server: &Server, wallet: &Wallet) {
    server.delete(&format!("{WALLETS}/{}/freeze", wallet.id), &server.manager.admin).expect(200);
}

/// Asserts that for the holder of a key a hold and its wallet are not there.
#[track_caller]
fn assert_not_there(server: &Server, key: &str, hold: &Value, own: &Wallet) {
    let path = format!("{HOLDS}/{}", id_of(hold));
    let wallet = hold["wallet_id"].as_str().unwrap();
    server.get(&path, key).refused(404, "hold_not_found", "Hold does not exist");
    server.get(&format!("{HOLDS}?wallet={wallet}"), key).refused(404, "wallet_not_found", "");
    assert_eq!(server.get(HOLDS, key).expect(200), json!([]));
    server.post(HOLDS, key, &json!({"wallet": wallet, "amount": 1})).refused(404, "wallet_not_found", "");
    let terms = json!({"to_wallet": own.id});
    server.post(&format!("{path}/capture"), key, &terms).refused(404, "hold_not_found", "Hold does not exist");
    server.post(&format!("{path}/void"), key, &json!({})).refused(404, "hold_not_found", "Hold does not exist");
    for settlement in
        [json!({"captures": [{"hold": hold["id"], "to": [{"wallet": own.id}]}]}), json!({"void": [hold["id"]]})]
    {
        server.post(&format!("{HOLDS}/settle"), key, &settlement).refused(404, "hold_not_found", "");
    }
    let group = json!({"group": hold["group"]});
    assert_eq!(server.post(&format!("{HOLDS}/settle"), key, &group).expect(200), json!([]));
}

both_stores! {
    fn holds_of_others_are_not_there(server) {
        let player = server.wallet("player", 100);
        let hold = place(server, &order_in("cup", &player, 60));
        let stranger = server.new_manager("stranger", 100);
        assert_not_there(server, &stranger.admin, &hold, &stranger);
        let studio = server.creator_of(&server.manager.admin, "studio");
        assert_not_there(server, &studio.admin, &hold, &studio);
        // Nor are those of a user's users for its manager.
        let theirs = server.wallet_of(&studio.admin, "theirs");
        server.pay(&server.manager, &server.invoice(&theirs, 20)).expect(201);
        let deep = server.post(HOLDS, &studio.admin, &order(&theirs, 5)).expect(201);
        server.get(&format!("{HOLDS}/{}", id_of(&deep)), &server.manager.admin).refused(404, "hold_not_found", "");
        void(server, &deep).refused(404, "hold_not_found", "Hold does not exist");
        // And nothing is captured to somebody else's wallet.
        for wallet in [&stranger, &theirs] {
            capture_to(server, &hold, wallet, Some(1)).refused(404, "wallet_not_found", "Wallet does not exist");
        }
        // What its manager holds of a user's own wallet is not the user's to give back, or to see.
        server.pay(&server.manager, &server.invoice(&studio, 50)).expect(201);
        let stake = place(server, &json!({"wallet": studio.id, "amount": 40, "group": "cup", "extra": {"secret": "move"}}));
        let path = format!("{HOLDS}/{}", id_of(&stake));
        server.get(&path, &studio.admin).refused(404, "hold_not_found", "Hold does not exist");
        server.post(&format!("{path}/void"), &studio.admin, &json!({})).refused(404, "hold_not_found", "");
        let terms = json!({"to_wallet": studio.id});
        server.post(&format!("{path}/capture"), &studio.admin, &terms).refused(404, "hold_not_found", "");
        let settle_path = format!("{HOLDS}/settle");
        server.post(&settle_path, &studio.admin, &json!({"void": [stake["id"]]})).refused(404, "hold_not_found", "");
        assert_eq!(server.post(&settle_path, &studio.admin, &json!({"group": "cup"})).expect(200), json!([]));
        let own = server.post(HOLDS, &studio.admin, &order(&studio, 10)).expect(201);
        assert_eq!(server.get(&format!("{HOLDS}?wallet={}", studio.id), &studio.admin).expect(200), json!([own]));
        // The manager, who is above, may do both.
        let all = server.get(&format!("{HOLDS}?wallet={}", studio.id), &server.manager.invoice).expect(200);
        assert_eq!(all, json!([own, stake]));
        void(server, &own).expect(200);
        void(server, &stake).expect(200);
        // A user who may not create users has no part in holds.
        for (path, body) in [(HOLDS.to_owned(), order(&player, 1)), (format!("{HOLDS}/settle"), json!({"group": "cup"}))] {
            server.post(&path, &player.admin, &body).refused(403, "not_a_manager", "");
        }
        assert_eq!(server.get(HOLDS, &player.admin).expect(200), json!([]));
        server.get(&format!("{HOLDS}?wallet={}", player.id), &player.admin).refused(404, "wallet_not_found", "");
        server.get(&format!("{HOLDS}/{}", id_of(&hold)), &player.admin).refused(404, "hold_not_found", "");
        assert_eq!(sums(&find(server, &hold)), (0, 0, 60, "open"));
        server.audit();
    }

    fn an_invoice_key_reads_and_no_more(server) {
        let (player, key) = (server.wallet("player", 100), server.manager.invoice.clone());
        let hold = place(server, &order(&player, 60));
        let path = format!("{HOLDS}/{}", id_of(&hold));
        assert_eq!(server.get(&path, &key).expect(200), hold);
        assert_eq!(server.get(HOLDS, &key).expect(200), json!([hold]));
        for (path, body) in [
            (HOLDS.to_owned(), order(&player, 1)),
            (format!("{path}/capture"), json!({"to_wallet": player.id})),
            (format!("{path}/void"), json!({})),
            (format!("{HOLDS}/settle"), json!({"void": [hold["id"]]})),
        ] {
            server.post(&path, &key, &body).refused(403, "admin_key_required", "Admin key required");
            server.send("POST", &path, &[], &body.to_string()).refused(401, "no_api_key", "");
        }
        assert_eq!(sums(&find(server, &hold)), (0, 0, 60, "open"));
    }

    fn a_freeze_stops_placing_and_capturing_but_not_voiding(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let holds = place(server, &json!([order(&player, 20), order_in("cup", &player, 20), order(&player, 20)]));
        for scope in ["spending", "everything"] {
            freeze(server, &player, scope);
            server.post(HOLDS, &server.manager.admin, &order(&player, 1)).refused(400, "wallet_frozen", "frozen");
            capture_to(server, &holds[0], &shop, None).refused(400, "wallet_frozen", "frozen");
            let captures = json!({"captures": [{"hold": holds[0]["id"], "to": [{"wallet": shop.id}]}]});
            settle(server, &captures).refused(400, "wallet_frozen", "frozen");
            assert_eq!(sums(&find(server, &holds[0])), (0, 0, 20, "open"));
            thaw(server, &player);
        }
        freeze(server, &player, "everything");
        void(server, &holds[0]).expect(200);
        assert_eq!(settle(server, &json!({"group": "cup"})).expect(201).as_array().unwrap().len(), 1);
        thaw(server, &player);
        assert_eq!(balances(server, &player), [80, 20, 100]);
        // Who is paid must not be frozen for everything.
        freeze(server, &shop, "everything");
        capture_to(server, &holds[2], &shop, None).refused(400, "receiver_frozen", "frozen");
        let refused = capture(server, &holds[2], &json!({"to": [{"wallet": player.id, "amount": 1}, {"wallet": shop.id}]}));
        refused.refused(400, "receiver_frozen", "frozen");
        assert_eq!(refused.json()["errors"][0]["field"], "to.1");
        freeze(server, &shop, "spending");
        capture_to(server, &holds[2], &shop, None).expect(201);
        thaw(server, &shop);
        assert_eq!(balances(server, &shop), [20, 0, 20]);
        server.audit();
    }

    fn only_a_key_of_its_own_is_bound_by_a_wallets_limits(server) {
        let limits = json!({"payment_max_sat": 10, "day_max_sat": 25});
        let studio = server.creator_of(&server.manager.admin, "studio");
        let player = server.wallet("player", 100);
        server.pay(&server.manager, &server.invoice(&studio, 100)).expect(201);
        for wallet in [&player, &studio] {
            server.put(&format!("{WALLETS}/{}/limits", wallet.id), &server.manager.admin, &limits).expect(200);
        }
        let hold = place(server, &order(&player, 90));
        place(server, &order(&studio, 20));
        capture_to(server, &hold, &server.manager, None).expect(201);
        // What it holds of its own counts as spent.
        server.post(HOLDS, &studio.admin, &order(&studio, 11)).refused(400, "payment_limit", "limit");
        let two = json!([order(&studio, 10), order(&studio, 10)]);
        let made = server.post(HOLDS, &studio.admin, &two).expect(201);
        let refused = server.post(HOLDS, &studio.admin, &json!([order(&studio, 3), order(&studio, 3)]));
        refused.refused(400, "day_limit", "today");
        assert_eq!(refused.json()["errors"][0]["field"], "[1]");
        server.pay(&studio, &server.invoice(&player, 6)).refused(400, "day_limit", "");
        // So that it is no way around the limit, it does also when it is given back.
        let path = format!("{HOLDS}/{}/void", id_of(&made[0]));
        server.post(&path, &studio.admin, &json!({})).expect(200);
        server.pay(&studio, &server.invoice(&player, 6)).refused(400, "day_limit", "");
        server.pay(&studio, &server.invoice(&player, 5)).expect(201);
        let terms = json!({"to_wallet": studio.id});
        server.post(&format!("{HOLDS}/{}/capture", id_of(&made[1])), &studio.admin, &terms).expect(201);
        server.audit();
    }

    fn what_has_holds_is_not_deleted(server) {
        let key = server.manager.admin.clone();
        let player = server.wallet("player", 100);
        let hold = place(server, &order(&player, 60));
        let studio = server.creator_of(&key, "studio");
        let theirs = server.wallet_of(&studio.admin, "theirs");
        server.pay(&server.manager, &server.invoice(&theirs, 20)).expect(201);
        let deep = server.post(HOLDS, &studio.admin, &order(&theirs, 20)).expect(201);
        for sweep in ["", "?sweep=true", "?sweep=false"] {
            for path in [
                format!("{WALLETS}/{}{sweep}", player.id),
                format!("{USERS}/{}{sweep}", player.user),
                format!("{USERS}/{}{sweep}", studio.user),
            ] {
                server.delete(&path, &key).refused(409, "wallet_has_holds", "on hold");
            }
        }
        server.delete("/api/v1/wallet", &player.admin).refused(409, "wallet_has_holds", "on hold");
        // By its manager's session, and a manager's own wallets by an operator.
        let manager = server.new_manager("manager", 10);
        let own = server.post(HOLDS, &manager.admin, &order(&manager, 10)).expect(201);
        let root = server.operator("root");
        let path = format!("/users/api/v1/user/{}", manager.user);
        server.as_session("DELETE", &path, &root, &Value::Null).refused(409, "wallet_has_holds", "on hold");
        let login = json!({"username": "game", "password": "correct horse"});
        server.as_session("PUT", &format!("/users/api/v1/user/{}", server.manager.user), &root, &login).expect(200);
        let session = server.log_in("game", "correct horse").expect(200)["access_token"].as_str().unwrap().to_owned();
        let path = format!("/users/api/v1/user/{}", player.user);
        server.as_session("DELETE", &path, &session, &Value::Null).refused(409, "wallet_has_holds", "on hold");
        server.as_session("DELETE", &format!("{path}/wallet/{}", player.id), &session, &Value::Null).refused(409, "wallet_has_holds", "");
        let listed = server.as_session("GET", &format!("{path}/wallet"), &session, &Value::Null).expect(200);
        assert_eq!((&listed[0]["balance_msat"], &listed[0]["balance_held"], &listed[0]["balance_total"]), (&json!(40_000), &json!(60_000), &json!(100_000)));

        void(server, &hold).expect(200);
        server.post(&format!("{HOLDS}/{}/void", id_of(&deep)), &studio.admin, &json!({})).expect(200);
        server.delete(&format!("{USERS}/{}", studio.user), &key).expect(200);
        server.delete(&format!("{WALLETS}/{}", player.id), &key).expect(200);
        server.post(&format!("{HOLDS}/{}/void", id_of(&own)), &manager.admin, &json!({})).expect(200);
        server.audit();
    }

    fn nothing_is_captured_to_a_deleted_wallet(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let hold = place(server, &order(&player, 60));
        server.delete(&format!("{WALLETS}/{}", shop.id), &server.manager.admin).expect(200);
        capture_to(server, &hold, &shop, None).refused(404, "wallet_not_found", "Wallet does not exist");
        assert_eq!(balances(server, &player), [40, 60, 100]);
    }
}
