//! Deleting users and wallets.

use serde_json::{Value, json};

use crate::harness::{Server, StoreKind, Wallet, at_once, both_stores};

const USERS: &str = "/usermanager/api/v1/users";
const WALLETS: &str = "/usermanager/api/v1/wallets";

fn freeze(server: &Server, key: &str, wallet: &Wallet, scope: &str) {
    server.put(&format!("{WALLETS}/{}/freeze", wallet.id), key, &json!({ "scope": scope })).expect(200);
}

/// An operator's freeze, behind the API's back.
fn freeze_as_operator(server: &Server, wallet: &Wallet, scope: &str) {
    let id = server.store.bytes(&wallet.id);
    server.database.execute(&format!("UPDATE accounts SET frozen_by_operator = {scope} WHERE id = {id}")).unwrap();
}

/// Lets the database set an operator's freeze at the moment that another wallet is deleted.
fn freeze_when_closed(server: &Server, first: &Wallet, then: &Wallet) {
    let sql = match server.store {
        StoreKind::Sqlite => format!(
            "CREATE TRIGGER freeze_it AFTER UPDATE OF closed_at_ms ON accounts WHEN NEW.id = x'{}' BEGIN
                UPDATE accounts SET frozen_by_operator = 'spending' WHERE id = x'{}';
            END",
            first.id, then.id
        ),
        StoreKind::Postgres => format!(
            "CREATE FUNCTION freeze_it() RETURNS trigger AS $$ BEGIN
                UPDATE accounts SET frozen_by_operator = 'spending' WHERE id = '\\x{}'::bytea;
                RETURN NEW;
            END $$ LANGUAGE plpgsql;
            CREATE TRIGGER freeze_it AFTER UPDATE OF closed_at_ms ON accounts FOR EACH ROW
            WHEN (NEW.id = '\\x{}'::bytea) EXECUTE FUNCTION freeze_it()",
            then.id, first.id
        ),
    };
    server.database.execute(&sql).unwrap();
}

/// A user of the manager's that has created others, and three of these some more: 270 in all.
fn large_studio(server: &Server) -> (Wallet, Vec<Wallet>) {
    let studio = server.creator_of(&server.manager.admin, "studio");
    let some = at_once(3, |index| {
        let team = server.creator_of(&studio.admin, &format!("team {index}"));
        let players = (0..89).map(|index| {
            let maker = if index % 2 == 0 { &team } else { &studio };
            server.wallet_of(&maker.admin, &format!("player {index}"))
        });
        let players: Vec<_> = players.collect();
        [vec![team], players].concat()
    });
    (studio, some.concat())
}

both_stores! {
    fn an_empty_user_is_deleted_and_its_keys_stop(server) {
        let key = server.manager.admin.clone();
        let wallet = server.wallet("leaver", 0);
        let invoice = server.post("/api/v1/payments", &wallet.invoice, &json!({"amount": 5})).expect(201);
        assert_eq!(server.delete(&format!("{USERS}/{}", wallet.user), &key).expect(200), Value::Null);
        for old in [&wallet.admin, &wallet.invoice] {
            server.get("/api/v1/wallet", old).refused(401, "bad_auth", "Bad auth");
        }
        assert_eq!(server.get(USERS, &key).expect(200), json!([]));
        assert_eq!(server.get(WALLETS, &key).expect(200), json!([]));
        for path in [format!("{USERS}/{}", wallet.user), format!("{WALLETS}/{}", wallet.user)] {
            server.get(&path, &key).refused(404, "user_not_found", "User does not exist");
        }
        server.delete(&format!("{USERS}/{}", wallet.user), &key).refused(404, "user_not_found", "User does not exist");
        let order = json!({"user_id": wallet.user, "wallet_name": "x"});
        server.post(WALLETS, &key, &order).refused(404, "user_not_found", "User does not exist");
        let path = format!("/usermanager/api/v1/transactions/{}", wallet.id);
        server.get(&path, &key).refused(404, "wallet_not_found", "Wallet does not exist");
        // Its open invoices can no longer be paid.
        server.pay(&server.manager, invoice["bolt11"].as_str().unwrap()).refused(400, "invoice_cancelled", "Invoice cancelled");
        let path = format!("/api/v1/payments/{}", invoice["payment_hash"].as_str().unwrap());
        assert_eq!(server.send("GET", &path, &[], "").expect(200), json!({"paid": false, "status": "failed"}));
        server.audit();
    }

    fn money_is_not_deleted_but_swept(server) {
        let key = server.manager.admin.clone();
        let wallet = server.wallet("rich", 70);
        let order = json!({"user_id": wallet.user, "wallet_name": "second"});
        let second = Wallet::from_json(&server.post(WALLETS, &key, &order).expect(201));
        server.pay(&wallet, &server.invoice(&second, 20)).expect(201);
        for path in [
            format!("{USERS}/{}?sweep=false", wallet.user),
            format!("{WALLETS}/{}?sweep=false", second.id),
            format!("{USERS}/{}?sweep=0", wallet.user),
        ] {
            server.delete(&path, &key).refused(409, "wallet_holds_money", "sweep=false");
        }
        server.delete(&format!("{USERS}/{}?sweep=perhaps", wallet.user), &key).refused(400, "invalid_request", "sweep");
        assert_eq!((server.balance(&wallet), server.balance(&second)), (50, 20));

        let before = server.balance(&server.manager);
        server.delete(&format!("{WALLETS}/{}?sweep=true", second.id), &key).expect(200);
        assert_eq!(server.balance(&server.manager), before + 20);
        server.get("/api/v1/wallet", &second.admin).refused(401, "bad_auth", "Bad auth");
        assert_eq!(server.balance(&wallet), 50);
        server.delete(&format!("{USERS}/{}", wallet.user), &key).expect(200);
        assert_eq!(server.balance(&server.manager), before + 70);
        // History stays with the others.
        let list = server.get("/api/v1/payments?limit=2", &key).expect(200);
        assert_eq!((&list[0]["amount_sat"], &list[1]["amount_sat"]), (&json!(50), &json!(20)));
        server.audit();
    }

    fn users_go_with_the_user_that_has_created_them(server) {
        let key = server.manager.admin.clone();
        let before = server.balance(&server.manager);
        let top = server.creator_of(&key, "top");
        let middle = server.creator_of(&top.admin, "middle");
        let bottom = server.wallet_of(&middle.admin, "bottom");
        let beside = server.wallet_of(&top.admin, "beside");
        let other = server.wallet("other", 3);
        for (wallet, sats) in [(&top, 1), (&middle, 20), (&bottom, 300)] {
            server.pay(&server.manager, &server.invoice(wallet, sats)).expect(201);
        }
        let path = format!("{USERS}/{}", top.user);
        server.delete(&format!("{path}?sweep=false"), &key).refused(409, "wallet_holds_money", "");
        assert_eq!((server.balance(&bottom), server.balance(&middle)), (300, 20));
        server.delete(&path, &key).expect(200);
        assert_eq!(server.balance(&server.manager), before - 3);
        for gone in [&top, &middle, &bottom, &beside] {
            server.get("/api/v1/wallet", &gone.invoice).refused(401, "bad_auth", "");
        }
        assert_eq!(server.balance(&other), 3);
        server.audit();
    }

    fn a_freeze_from_below_keeps_nobody(server) {
        let key = server.manager.admin.clone();
        let studio = server.creator_of(&key, "studio");
        let path = format!("{USERS}/{}", studio.user);
        let [empty, rich, shut] = [("empty", 0, "spending"), ("rich", 30, "spending"), ("shut", 5, "everything")]
            .map(|(name, sats, scope)| {
                let wallet = server.wallet_of(&studio.admin, name);
                if sats > 0 {
                    server.pay(&server.manager, &server.invoice(&wallet, sats)).expect(201);
                }
                freeze(server, &studio.admin, &wallet, scope);
                wallet
            });
        let before = server.balance(&server.manager);
        // To whoever has frozen a wallet itself, it stays.
        for wallet in [&empty, &rich, &shut] {
            let path = format!("{USERS}/{}", wallet.user);
            server.delete(&path, &studio.admin).refused(400, "wallet_frozen", "frozen");
        }
        freeze(server, &key, &studio, "spending");
        server.delete(&path, &key).refused(400, "wallet_frozen", "frozen");
        server.delete(&format!("{WALLETS}/{}/freeze", studio.id), &key).expect(200);
        freeze_as_operator(server, &empty, "'spending'");
        server.delete(&path, &key).refused(400, "wallet_frozen", "frozen");
        freeze_as_operator(server, &empty, "NULL");
        server.delete(&path, &key).expect(200);
        assert_eq!(server.balance(&server.manager), before + 35);
        server.get(&path, &key).refused(404, "user_not_found", "");
        server.audit();
    }

    fn users_of_any_number_go_part_by_part(server) {
        let key = server.manager.admin.clone();
        let (studio, players) = large_studio(server);
        let path = format!("{USERS}/{}", studio.user);
        for player in [&players[0], &players[269]] {
            server.pay(&server.manager, &server.invoice(player, 10)).expect(201);
        }
        let before = server.balance(&server.manager);
        // What refuses it is known before anything is deleted, or any right is taken away.
        server.delete(&format!("{path}?sweep=false"), &key).refused(409, "wallet_holds_money", "");
        freeze_as_operator(server, &players[100], "'spending'");
        server.delete(&path, &key).refused(400, "wallet_frozen", "frozen");
        freeze_as_operator(server, &players[100], "NULL");
        freeze(server, &key, &studio, "spending");
        server.delete(&path, &key).refused(400, "wallet_frozen", "frozen");
        server.delete(&format!("{WALLETS}/{}/freeze", studio.id), &key).expect(200);
        let order = json!({"user_name": "late", "may_create_users": true});
        server.post(USERS, &studio.admin, &order).expect(201);
        assert_eq!((server.balance(&players[0]), server.balance(&players[269])), (10, 10));
        // Frozen below, it goes all the same.
        freeze(server, &studio.admin, &players[0], "everything");
        server.delete(&path, &key).expect(200);
        assert_eq!(server.balance(&server.manager), before + 20);
        for gone in [&studio, &players[0], &players[150], &players[269]] {
            server.get("/api/v1/wallet", &gone.invoice).refused(401, "bad_auth", "");
        }
        assert_eq!(server.get(USERS, &key).expect(200), json!([]));
        server.audit();
    }

    fn what_is_refused_half_way_goes_on_from_there(server) {
        let key = server.manager.admin.clone();
        let (studio, players) = large_studio(server);
        let path = format!("{USERS}/{}", studio.user);
        let bolt11 = server.invoice(&studio, 7);
        let before = server.balance(&server.manager);
        // The studio's own wallet is the last one; perhaps money comes to it before that.
        let answers = at_once(3, |index| match index {
            0 => server.delete(&format!("{path}?sweep=false"), &key),
            1 => server.delete(&path, &key),
            _ => server.pay(&server.manager, &bolt11),
        });
        for answer in answers.iter().filter(|answer| answer.status != 200 && answer.status != 201) {
            assert!([400, 404, 409].contains(&answer.status), "{}", answer.text);
        }
        let again = server.delete(&path, &key);
        assert!([200, 404].contains(&again.status), "{}", again.text);
        for gone in [&studio, &players[0], &players[269]] {
            server.get("/api/v1/wallet", &gone.invoice).refused(401, "bad_auth", "");
        }
        assert_eq!(server.balance(&server.manager), before);
        server.audit();
    }

    fn a_part_that_is_refused_says_that_others_are_done(server) {
        let key = server.manager.admin.clone();
        let (studio, players) = large_studio(server);
        let path = format!("{USERS}/{}", studio.user);
        // An operator freezes the studio's own wallet, the last one, as soon as a first one is gone.
        freeze_when_closed(server, &players[1], &studio);
        server.delete(&path, &key).refused(400, "wallet_frozen", "A part is deleted already");
        let marked = server.database.texts("SELECT name AS text FROM users WHERE deleting_until_ms IS NOT NULL AND deleted_at_ms IS NULL");
        assert_eq!(marked, Vec::<String>::new());
        server.get("/api/v1/wallet", &players[1].invoice).refused(401, "bad_auth", "");
        server.get("/api/v1/wallet", &studio.invoice).expect(200);
        server.post(USERS, &studio.admin, &json!({"user_name": "late"})).refused(403, "not_a_manager", "");
        server.delete(&path, &key).refused(400, "wallet_frozen", "frozen");
        freeze_as_operator(server, &studio, "NULL");
        server.delete(&path, &key).expect(200);
        server.get(&path, &key).refused(404, "user_not_found", "");
        server.audit();
    }

    fn nobody_keeps_itself_from_being_deleted(server) {
        let key = server.manager.admin.clone();
        let busy = server.creator_of(&key, "busy");
        let below = server.creator_of(&busy.admin, "below");
        // A further wallet of one's own, or a user with one, and away with it again.
        let churn = |index: usize| {
            let owner = if index.is_multiple_of(2) { &busy } else { &below };
            loop {
                let created = match index % 4 {
                    0 | 1 => server.post("/api/v1/wallet", &owner.admin, &json!({"name": "more"})),
                    _ => server.post(USERS, &owner.admin, &json!({"user_name": "more"})),
                };
                match created.status {
                    200 | 201 => {}
                    409 => continue,
                    _ => return created.status,
                }
                let made = created.json();
                match index % 4 {
                    0 | 1 => server.delete("/api/v1/wallet", made["adminkey"].as_str().unwrap()),
                    _ => server.delete(&format!("{USERS}/{}", made["id"].as_str().unwrap()), &owner.admin),
                };
            }
        };
        let statuses = at_once(5, |index| {
            if index < 4 {
                return churn(index);
            }
            std::thread::sleep(std::time::Duration::from_millis(300));
            let deleted = server.delete(&format!("{USERS}/{}", busy.user), &key);
            assert_eq!(deleted.status, 200, "{}", deleted.text);
            deleted.status
        });
        assert!(statuses[..4].iter().all(|status| [401, 403].contains(status)), "{statuses:?}");
        assert_eq!(server.get(USERS, &key).expect(200), json!([]));
        server.audit();
    }

    fn nothing_is_created_for_whom_is_being_deleted(server) {
        let key = server.manager.admin.clone();
        let studio = server.creator_of(&key, "studio");
        let player = server.wallet_of(&studio.admin, "player");
        let mark = |until: i64| {
            let id = server.store.bytes(&studio.user);
            let sql = format!("UPDATE users SET deleting_until_ms = {until} WHERE id = {id}");
            server.database.execute(&sql).unwrap();
        };
        let create = || {
            let of = |user: &Wallet| json!({"user_id": user.user, "wallet_name": "more"});
            [
                server.post("/api/v1/wallet", &studio.admin, &json!({"name": "more"})),
                server.post("/api/v1/wallet", &player.admin, &json!({"name": "more"})),
                server.post(WALLETS, &key, &of(&studio)),
                server.post(WALLETS, &studio.admin, &of(&player)),
                server.post(USERS, &studio.admin, &json!({"user_name": "more"})),
            ]
        };
        mark(i64::MAX);
        for answer in create() {
            answer.refused(409, "user_being_deleted", "being deleted");
            assert!(answer.header("retry-after").is_some());
        }
        // Money moves, and others are created.
        server.pay(&server.manager, &server.invoice(&player, 5)).expect(201);
        server.wallet("other", 0);
        // A deletion that died has left the mark: it ends, and does not keep a next one from its end.
        mark(1);
        for answer in create() {
            assert!([200, 201].contains(&answer.status), "{}", answer.text);
        }
        mark(i64::MAX);
        server.delete(&format!("{USERS}/{}", studio.user), &key).expect(200);
        server.get("/api/v1/wallet", &player.invoice).refused(401, "bad_auth", "");
        server.audit();
    }

    fn an_operator_deletes_a_manager_with_many_wallets(server) {
        let operator = server.operator("root");
        let manager = server.new_manager("hoarder", 0);
        let path = format!("/users/api/v1/user/{}", manager.user);
        for index in 0..260 {
            let order = json!({"name": format!("wallet {index}")});
            server.as_session("POST", &format!("{path}/wallet"), &operator, &order).expect(200);
        }
        let user = server.wallet_of(&manager.admin, "player");
        server.as_session("DELETE", &path, &operator, &Value::Null).refused(409, "user_has_users", "");
        server.delete(&format!("{USERS}/{}", user.user), &manager.admin).expect(200);
        let credit = |amount: i64| {
            let order = json!({"id": manager.id, "amount": amount});
            server.as_session("PUT", "/users/api/v1/balance", &operator, &order).expect(200);
        };
        credit(5);
        server.as_session("DELETE", &path, &operator, &Value::Null).refused(409, "wallet_holds_money", "");
        credit(-5);
        server.as_session("DELETE", &path, &operator, &Value::Null).expect(200);
        server.get("/api/v1/wallet", &manager.invoice).refused(401, "bad_auth", "");
        server.audit();
    }

    fn wallets_of_any_number_go_part_by_part(server) {
        let key = server.manager.admin.clone();
        let user = server.wallet("hoarder", 3);
        for index in 0..300 {
            let order = json!({"user_id": user.user, "wallet_name": format!("wallet {index}")});
            server.post(WALLETS, &key, &order).expect(201);
        }
        let path = format!("{USERS}/{}", user.user);
        let before = server.balance(&server.manager);
        server.delete(&format!("{path}?sweep=false"), &key).refused(409, "wallet_holds_money", "");
        server.delete(&path, &key).expect(200);
        assert_eq!(server.balance(&server.manager), before + 3);
        assert_eq!(server.get(WALLETS, &key).expect(200), json!([]));
        server.audit();
    }

    fn no_user_has_more_wallets_than_are_shown_at_once(server) {
        let key = server.manager.admin.clone();
        let early = server.wallet("early", 0);
        let user = server.creator_of(&key, "hoarder");
        let create = || server.post(WALLETS, &key, &json!({"user_id": user.user, "wallet_name": "one more"}));
        for _ in 0..998 {
            create().expect(201);
        }
        // Of two at once, one is the last.
        let (last, refused): (Vec<_>, Vec<_>) =
            at_once(2, |_| create()).into_iter().partition(|answer| answer.status == 201);
        assert_eq!((last.len(), refused.len()), (1, 1));
        refused[0].refused(409, "too_many_wallets", "1000");
        // A deleted one makes room.
        let last = Wallet::from_json(&last[0].json());
        server.delete(&format!("{WALLETS}/{}", last.id), &key).expect(200);
        create().expect(201);
        create().refused(409, "too_many_wallets", "1000");

        // Lists are whole, however few users are read at once, and count users.
        let (late, latest) = (server.wallet("late", 0), server.wallet("latest", 0));
        let extra = json!({"extra": {"n": 1}});
        for wallet in [&user, &late, &latest] {
            server.put(&format!("{USERS}/{}", wallet.user), &key, &extra).expect(200);
        }
        let listed = |query: &str| {
            let users = server.get(&format!("{USERS}{query}"), &key).expect(200);
            let one = |it: &Value| (it["id"].as_str().unwrap().to_owned(), it["wallets"].as_array().unwrap().len());
            users.as_array().unwrap().iter().map(one).collect::<Vec<_>>()
        };
        let all = [(&early, 1), (&user, 1000), (&late, 1), (&latest, 1)].map(|(it, count)| (it.user.clone(), count));
        assert_eq!(listed(""), all);
        assert_eq!(listed("?limit=3"), all[..3]);
        assert_eq!(listed("?limit=2&offset=1"), all[1..3]);
        let pairs = "?extra=%7B%22n%22:1%7D";
        assert_eq!(listed(pairs), all[1..]);
        assert_eq!(listed(&format!("{pairs}&limit=2")), all[1..3]);
        assert_eq!(listed(&format!("{pairs}&limit=5&offset=1")), all[2..]);

        server.delete(&format!("{USERS}/{}", user.user), &key).expect(200);
        server.audit();
    }

    fn a_deleted_wallet_takes_no_part_in_anything(server) {
        let key = server.manager.admin.clone();
        let (gone, wallet) = (server.wallet("gone", 0), server.wallet("here", 10));
        server.delete(&format!("{WALLETS}/{}", gone.id), &key).expect(200);
        server.delete(&format!("{WALLETS}/{}", gone.id), &key).refused(404, "wallet_not_found", "Wallet does not exist");
        server.put(&format!("{WALLETS}/{}/keys", gone.id), &key, &json!({})).refused(404, "wallet_not_found", "");
        for (from, to) in [(&gone, &wallet), (&wallet, &gone)] {
            let order = json!({"from_wallet": from.id, "to_wallet": to.id, "amount": 1});
            let answer = server.post("/usermanager/api/v1/transfers", &key, &order);
            answer.refused(404, "wallet_not_found", "Wallet does not exist");
        }
        assert!(server.cli(&["credit", "--wallet", &gone.id, "--amount-sat", "1"]).is_err());
        // The user stays, without wallets.
        assert_eq!(server.get(&format!("{USERS}/{}", gone.user), &key).expect(200)["wallets"], json!([]));
        server.audit();
    }
}
