//! Unique values that are exchanged at once: nobody waits until the database breaks a circle, and nothing
//! is a fault.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Answer, Server, StoreKind, Wallet, at_once, both_stores};

/// Rounds in which two change at once: with a wait in a circle in each of them, a second long, it would
/// take far longer than is allowed.
const ROUNDS: usize = 12;
const ALLOWED: Duration = Duration::from_secs(10);

/// Sends two changes at once, often, each to a replica of its own: both are decided.
#[track_caller]
fn exchange(servers: [&Server; 2], change: impl Fn(&Server, usize) -> Answer + Sync) {
    let began = Instant::now();
    for _ in 0..ROUNDS {
        for answer in at_once(2, |index| change(servers[index], index)) {
            assert!([200, 409].contains(&answer.status), "{}", answer.text);
        }
    }
    assert!(began.elapsed() < ALLOWED, "{:?}", began.elapsed());
}

fn exchanges(servers: [&Server; 2]) {
    let server = servers[0];
    let key = server.manager.admin.as_str();
    // Two cards of a user.
    let alice = server.wallet("alice", 0);
    let uids = ["04996c6a926980", "04a39493cc8680"];
    let cards = uids.map(|uid| {
        let made = server.post("/boltcards/api/v1/cards", &alice.admin, &json!({"card_name": "x", "uid": uid}));
        format!("/boltcards/api/v1/cards/{}", made.expect(201)["id"].as_str().unwrap())
    });
    exchange(servers, |server, index| server.put(&cards[index], &alice.admin, &json!({"uid": uids[1 - index]})));
    // Two users of a manager, who create users themselves.
    let emails = ["a@game.example", "b@game.example"];
    let users = emails.map(|email| {
        let order = json!({"user_name": "sub", "email": email, "may_create_users": true});
        let made = server.post("/usermanager/api/v1/users", key, &order).expect(201);
        format!("/usermanager/api/v1/users/{}", made["id"].as_str().unwrap())
    });
    exchange(servers, |server, index| server.put(&users[index], key, &json!({"email": emails[1 - index]})));
    // Two links of different tenants.
    let other = server.new_manager("other", 0);
    let owners = [&server.manager, &other];
    let names = ["alpha", "beta"];
    let order = |name: &str| json!({"description": "x", "min": 1, "max": 10, "username": name});
    let links = [0, 1].map(|index| {
        let made = server.post("/lnurlp/api/v1/links", &owners[index].admin, &order(names[index])).expect(201);
        format!("/lnurlp/api/v1/links/{}", made["id"].as_str().unwrap())
    });
    let admins = owners.map(|owner| owner.admin.clone());
    exchange(servers, |server, index| server.put(&links[index], &admins[index], &order(names[1 - index])));
}

#[test]
fn on_two_processes() {
    let Some(first) = Server::start(StoreKind::Postgres, crate::harness::Options::default()) else { return };
    let second = first.replica();
    exchanges([&first, &second]);
}

both_stores! {
    fn on_one_process(server) {
        exchanges([server, server]);
    }

    /// One takes the value, and the others are told that it is taken.
    fn a_value_that_many_want_at_once_is_taken_by_one(server) {
        let key = &server.manager.admin;
        let order = json!({"user_name": "x", "email": "x@game.example"});
        let answers = at_once(20, |_| server.post("/usermanager/api/v1/users", key, &order));
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(409, "email_taken", "");
        }
        // Whoever gives it up at the same moment.
        let made: Vec<Wallet> = (0..6).map(|_| server.wallet_of(key, "y")).collect();
        let paths: Vec<_> = made.iter().map(|wallet| format!("/usermanager/api/v1/users/{}", wallet.user)).collect();
        for round in 0..10 {
            let answers = at_once(6, |index| {
                let email = format!("{}@game.example", (round + index) % 3);
                server.put(&paths[index], key, &json!({ "email": email }))
            });
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                answer.refused(409, "email_taken", "");
            }
        }
    }

    /// All wallets of a user at once, and each of them is told.
    fn a_user_with_many_wallets_is_deactivated_at_once(server) {
        const WALLETS: usize = 60;
        let key = &server.manager.admin;
        let hook = json!({"url": "https://hooks.example/x", "events": ["wallet.frozen"]});
        server.post("/usermanager/api/v1/webhooks", key, &hook).expect(201);
        let player = server.wallet("player", 0);
        let order = json!({"user_id": player.user, "wallet_name": "more"});
        for _ in 1..WALLETS {
            server.post("/usermanager/api/v1/wallets", key, &order).expect(201);
        }
        let token = crate::api::users::token(server, &server.manager, &[]);
        let path = format!("/users/api/v1/user/{}/activate", player.user);
        for (active, frozen) in [(false, WALLETS), (true, 0)] {
            assert_eq!(server.as_session("PUT", &path, &token, &Value::Null).expect(200)["activated"], active);
            let count = "SELECT CAST(count(*) AS TEXT) AS text FROM accounts WHERE deactivated";
            assert_eq!(server.database.texts(count), [frozen.to_string()]);
        }
        let told = "SELECT CAST((SELECT count(*) FROM events WHERE kind = 'wallet.frozen')
            + (SELECT count(*) FROM deliveries WHERE kind = 'wallet.frozen') AS TEXT) AS text";
        assert_eq!(server.database.texts(told), [WALLETS.to_string()]);
        server.audit();
    }
}
