//! Who may create users: managers, and users whom their manager lets.

use serde_json::{Value, json};

use crate::harness::{Server, StoreKind, Wallet, both_stores};

const USERS: &str = "/usermanager/api/v1/users";

fn may_create_users(server: &Server, user: &Wallet, may: &Value) {
    let order = json!({"may_create_users": may});
    server.put(&format!("{USERS}/{}", user.user), &server.manager.admin, &order).expect(200);
}

both_stores! {
    fn a_user_manages_nobody(server) {
        let player = server.wallet("player", 5);
        let other = server.wallet("other", 5);
        let users = format!("{USERS}/{}", other.user);
        let wallets = format!("/usermanager/api/v1/wallets/{}", other.id);
        let transfer = json!({"from_wallet": player.id, "to_wallet": player.id, "amount": 1});
        for key in [&player.admin, &player.invoice] {
            let text = "Only managers may do this";
            server.post(USERS, key, &json!({"user_name": "x"})).refused(403, "not_a_manager", text);
            let order = json!({"user_id": player.user, "wallet_name": "x"});
            server.post("/usermanager/api/v1/wallets", key, &order).refused(403, "not_a_manager", text);
            server.post(&users, key, &Value::Null).refused(403, "not_a_manager", text);
        }
        let refused = [
            ("PUT", users.clone(), json!({"user_name": "x"})),
            ("DELETE", users.clone(), Value::Null),
            ("POST", format!("{users}/verify"), json!({"password": "x"})),
            ("PUT", format!("{wallets}/keys"), Value::Null),
            ("PUT", format!("{wallets}/freeze"), json!({"scope": "spending"})),
            ("DELETE", format!("{wallets}/freeze"), Value::Null),
            ("PUT", format!("{wallets}/limits"), json!({})),
            ("DELETE", wallets.clone(), Value::Null),
            ("POST", "/usermanager/api/v1/transfers".to_owned(), transfer),
            ("POST", "/usermanager/api/v1/webhooks".to_owned(), json!({"url": "https://a.example/"})),
        ];
        for (method, path, body) in refused {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let answer = server.send(method, &path, &[("X-Api-Key", &player.admin)], &body);
            answer.refused(403, "not_a_manager", "");
        }
        for list in ["users", "wallets", "webhooks"] {
            let path = format!("/usermanager/api/v1/{list}");
            assert_eq!(server.get(&path, &player.admin).expect(200), json!([]), "{list}");
        }
        server.get(&users, &player.admin).refused(404, "user_not_found", "");
        // So whoever has a player's keys cannot keep its manager from deleting it.
        server.delete(&format!("{USERS}/{}", player.user), &server.manager.admin).expect(200);
        server.audit();
    }

    fn a_manager_lets_a_user_create_users(server) {
        let key = server.manager.admin.clone();
        let studio = server.creator_of(&key, "studio");
        assert_eq!(server.get(&format!("{USERS}/{}", studio.user), &key).expect(200)["may_create_users"], true);
        let order = json!({"user_id": studio.user, "wallet_name": "second"});
        let second = Wallet::from_json(&server.post("/usermanager/api/v1/wallets", &key, &order).expect(201));
        for caller in [&studio, &second] {
            let player = server.wallet_of(&caller.admin, "player");
            // It is the studio's, and not its manager's.
            server.get(&format!("{USERS}/{}", player.user), &studio.admin).expect(200);
            server.get(&format!("{USERS}/{}", player.user), &key).refused(404, "user_not_found", "");
        }
        // Taken back, it stops at once, for all wallets; what was created stays where it is.
        may_create_users(server, &studio, &json!(false));
        for caller in [&studio, &second] {
            server.post(USERS, &caller.admin, &json!({"user_name": "x"})).refused(403, "not_a_manager", "");
            assert_eq!(server.get(USERS, &caller.admin).expect(200), json!([]));
        }
        may_create_users(server, &studio, &json!(true));
        assert_eq!(server.get(USERS, &second.admin).expect(200).as_array().unwrap().len(), 2);
        may_create_users(server, &studio, &Value::Null);
        assert_eq!(server.get(USERS, &studio.admin).expect(200).as_array().unwrap().len(), 2);
        let path = format!("{USERS}/{}", studio.user);
        server.put(&path, &key, &json!({"may_create_users": "perhaps"})).refused(400, "invalid_request", "may_create_users");
        server.delete(&path, &key).expect(200);
        server.audit();
    }

    fn the_right_is_taken_from_all_who_have_it_through_a_user(server) {
        let key = server.manager.admin.clone();
        let studio = server.creator_of(&key, "studio");
        let game = server.creator_of(&studio.admin, "game");
        let level = server.creator_of(&game.admin, "level");
        let other = server.creator_of(&key, "other");
        may_create_users(server, &studio, &json!(false));
        for caller in [&studio, &game, &level] {
            server.post(USERS, &caller.admin, &json!({"user_name": "x"})).refused(403, "not_a_manager", "");
            assert_eq!(server.get(USERS, &caller.admin).expect(200), json!([]));
        }
        server.wallet_of(&other.admin, "player");
        // Given again, it is only the user's own.
        may_create_users(server, &studio, &json!(true));
        server.wallet_of(&studio.admin, "player");
        server.post(USERS, &game.admin, &json!({"user_name": "x"})).refused(403, "not_a_manager", "");
        may_create_users(server, &studio, &json!(true));
    }

    fn an_invoice_key_gives_no_right(server) {
        let order = json!({"user_name": "x", "may_create_users": true});
        server.post(USERS, &server.manager.invoice, &order).refused(403, "admin_key_required", "");
        for may in [json!(false), Value::Null] {
            let order = json!({"user_name": "x", "may_create_users": may});
            server.post(USERS, &server.manager.invoice, &order).expect(201);
        }
    }

    fn users_create_users_eight_levels_deep(server) {
        let mut above = server.manager.clone();
        for level in 2..8 {
            above = server.creator_of(&above.admin, &format!("level {level}"));
        }
        let order = json!({"user_name": "x", "may_create_users": true});
        let last = server.creator_of(&above.admin, "level 8");
        server.post(USERS, &last.admin, &order).refused(400, "invalid_request", "may_create_users cannot be true here");
        let leaf = server.wallet_of(&last.admin, "leaf");
        let path = format!("{USERS}/{}", leaf.user);
        server.put(&path, &last.admin, &json!({"may_create_users": true})).refused(400, "invalid_request", "levels deep");
        // The format of webhooks comes from far above.
        server.put("/usermanager/api/v1/webhook-format", &server.manager.admin, &json!({"format": "lnbits"})).expect(200);
        let format = server.get("/usermanager/api/v1/webhook-format", &leaf.admin).expect(200);
        assert_eq!(format, json!({"format": "lnbits", "chosen": null}));
    }

    fn a_thousand_users_of_a_manager_create_users(server) {
        let first = server.creator_of(&server.manager.admin, "first");
        let id = match server.store {
            StoreKind::Sqlite => "randomblob(16)",
            StoreKind::Postgres => "decode(md5(number::text), 'hex')",
        };
        server.database.execute(&format!(
            "WITH RECURSIVE numbers (number) AS (SELECT 2 UNION ALL SELECT number + 1 FROM numbers WHERE number < 1000)
             INSERT INTO users (id, manager_id, name, created_at_ms, updated_at_ms, root_id, may_create_users)
             SELECT {id}, u.manager_id, 'one of many', 1, 1, u.root_id, TRUE FROM numbers, users AS u WHERE u.name = 'first'"
        )).unwrap();
        let order = json!({"user_name": "x", "may_create_users": true});
        for key in [&server.manager.admin, &first.admin] {
            server.post(USERS, key, &order).refused(400, "invalid_request", "1000 users of a manager");
            server.wallet_of(key, "player");
        }
        may_create_users(server, &first, &json!(false));
        server.creator_of(&server.manager.admin, "one more");
        // Another tenant does not feel it.
        let other = server.new_manager("other", 0);
        server.creator_of(&other.admin, "first");
    }
}
