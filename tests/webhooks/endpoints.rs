//! Endpoints of managers: which events come, and what may be done with them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::delivery::invoice;
use super::options;
use crate::api::idempotency::post_under;
use crate::harness::{Receiver, Reply, Server, StoreKind, both_stores};

pub(crate) const WEBHOOKS: &str = "/usermanager/api/v1/webhooks";

pub(crate) fn endpoint(server: &Server, url: &str, events: &[&str]) -> Value {
    let order = json!({"url": url, "events": events});
    server.post(WEBHOOKS, &server.manager.admin, &order).expect(201)
}

fn deliveries(server: &Server, endpoint: &Value) -> Vec<Value> {
    let path = format!("{WEBHOOKS}/{}/deliveries", endpoint["id"].as_str().unwrap());
    server.get(&path, &server.manager.admin).expect(200).as_array().unwrap().clone()
}

both_stores! {
    fn endpoints_are_kept(server, options()) {
        let (admin, made) = (&server.manager.admin, endpoint(server, "https://game.example/e", &["payment.sent", "user.created"]));
        assert_eq!(made["secret"].as_str().unwrap().len(), 64);
        let path = format!("{WEBHOOKS}/{}", made["id"].as_str().unwrap());
        let shown = server.get(&path, admin).expect(200);
        assert_eq!((&shown["secret"], &shown["active"]), (&Value::Null, &json!(true)));
        assert_eq!(shown["events"], json!(["payment.sent", "user.created"]));
        assert_eq!(server.get(WEBHOOKS, admin).expect(200), json!([shown]));
        let changed = server.put(&path, admin, &json!({"active": false, "events": ["wallet.frozen"]})).expect(200);
        assert_eq!((&changed["active"], &changed["events"], &changed["url"]), (&json!(false), &json!(["wallet.frozen"]), &made["url"]));
        let rotated = server.put(&format!("{path}/secret"), admin, &Value::Null).expect(200);
        assert_ne!(rotated["secret"], made["secret"]);
        server.delete(&path, admin).expect(200);
        server.get(&path, admin).refused(404, "webhook_not_found", "Webhook does not exist");
        server.delete(&path, admin).refused(404, "webhook_not_found", "");
        server.post(&format!("{path}/test"), admin, &json!({})).refused(404, "webhook_not_found", "");
        assert_eq!(server.get(WEBHOOKS, admin).expect(200), json!([]));
        for bad in [
            json!({}), json!({"url": "game.example"}), json!({"url": "https://a.example", "events": []}),
            json!({"url": "https://a.example", "events": ["payment.lost"]}), json!({"url": "https://a.example", "events": "all"}),
            json!({"url": "https://a.example", "active": "perhaps"}),
        ] {
            server.post(WEBHOOKS, admin, &bad).refused(400, "invalid_request", "");
        }
        // Once for each idempotency key, and no more than twenty.
        let order = json!({"url": "https://game.example/"});
        let once = post_under(server, WEBHOOKS, admin, "endpoint", &order);
        assert_eq!(once.expect(201)["events"].as_array().unwrap().len(), 10);
        assert_eq!(post_under(server, WEBHOOKS, admin, "endpoint", &order).text, once.text);
        for _ in 1..20 {
            server.post(WEBHOOKS, admin, &order).expect(201);
        }
        server.post(WEBHOOKS, admin, &order).refused(409, "too_many_webhooks", "20");
    }

    fn the_tenants_events_come(server, options()) {
        let receiver = Receiver::start();
        let all = ["payment.received", "payment.sent", "invoice.expired", "user.created", "wallet.created", "wallet.frozen"];
        let made = endpoint(server, &format!("{}/all", receiver.url), &all);
        let other = server.new_manager("stranger", 1_000);
        endpoint(server, &format!("{}/paid", receiver.url), &["payment.received"]);
        let wallet = server.wallet("player", 0);
        receiver.wait_for(2);
        server.pay(&server.manager, &server.invoice(&wallet, 7)).expect(201);
        let transfer = json!({"from_wallet": wallet.id, "to_wallet": wallet.id, "amount": 3, "memo": "round"});
        server.post("/usermanager/api/v1/transfers", &server.manager.admin, &transfer).expect(201);
        let path = format!("/usermanager/api/v1/wallets/{}/freeze", wallet.id);
        server.put(&path, &server.manager.admin, &json!({"scope": "spending"})).expect(200);
        server.delete(&path, &server.manager.admin).expect(200);
        // Of another tenant nothing comes.
        let theirs = server.wallet_of(&other.admin, "theirs");
        server.pay(&other, &server.invoice(&theirs, 5)).expect(201);
        let hooks = receiver.wait_for(9);
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert_eq!(receiver.hooks().len(), 9);
        let mut seen: Vec<_> = hooks
            .iter()
            .map(|hook| {
                let body = hook.json();
                assert_eq!(body["event_id"], hook.event());
                (hook.path.clone(), body["event"].as_str().unwrap().to_owned(), body["amount"].clone())
            })
            .collect();
        seen.sort_by_key(|(path, event, amount)| (path.clone(), event.clone(), amount.as_i64()));
        let row = |path: &str, event: &str, amount: Value| (path.to_owned(), event.to_owned(), amount);
        let expected = [
            row("/all", "payment.received", json!(3)), row("/all", "payment.received", json!(7)),
            row("/all", "payment.sent", json!(-7)), row("/all", "payment.sent", json!(-3)),
            row("/all", "user.created", json!(null)), row("/all", "wallet.created", json!(null)),
            row("/all", "wallet.frozen", json!(null)),
            row("/paid", "payment.received", json!(3)), row("/paid", "payment.received", json!(7)),
        ];
        assert_eq!(seen, expected);
        let of = |event: &str| hooks.iter().map(crate::harness::Hook::json).find(|body| body["event"] == event).unwrap();
        let created = of("user.created");
        assert_eq!((&created["id"], &created["name"], &created["admin"]), (&json!(wallet.user), &json!("player"), &json!(server.manager.user)));
        let created = of("wallet.created");
        assert_eq!((&created["id"], &created["user"]), (&json!(wallet.id), &json!(wallet.user)));
        let frozen = of("wallet.frozen");
        assert_eq!((&frozen["id"], &frozen["scope"], &frozen["by"]), (&json!(wallet.id), &json!("spending"), &json!("manager")));
        // The same event has one id, wherever it goes.
        let ids: BTreeSet<_> =
            hooks.iter().filter(|hook| hook.json()["event"] == "payment.received").map(|hook| hook.event().to_owned()).collect();
        assert_eq!(ids.len(), 2);
        let log = deliveries(server, &made);
        assert_eq!(log.len(), 7);
        assert!(log.iter().all(|it| it["state"] == "delivered" && it["status_code"] == 200 && it["attempts"] == 1), "{log:?}");
        assert!(log.windows(2).all(|pair| pair[0]["event_id"].as_str() > pair[1]["event_id"].as_str()));
        server.audit();
    }

    fn who_has_lost_the_right_to_create_users_is_told_nothing(server, options()) {
        let receiver = Receiver::start();
        let studio = server.creator_of(&server.manager.admin, "studio");
        let player = server.wallet_of(&studio.admin, "player");
        let order = json!({"url": receiver.url, "events": ["payment.received"]});
        server.post(WEBHOOKS, &studio.admin, &order).expect(201);
        let pay = |sats| drop(server.pay(&server.manager, &server.invoice(&player, sats)).expect(201));
        let may = |may: bool| {
            let path = format!("/usermanager/api/v1/users/{}", studio.user);
            server.put(&path, &server.manager.admin, &json!({"may_create_users": may})).expect(200);
        };
        pay(1);
        receiver.wait_for(1);
        may(false);
        pay(2);
        // The event is handed over to nobody, before the right comes back.
        while !server.database.texts("SELECT CAST(COUNT(*) AS TEXT) AS text FROM events").contains(&"0".to_owned()) {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        may(true);
        pay(3);
        let amounts: Vec<_> = receiver.wait_for(2).iter().map(|hook| hook.json()["amount"].clone()).collect();
        assert_eq!(amounts, [json!(1), json!(3)]);
    }

    fn a_burst_for_many_endpoints_is_handed_over(server, options()) {
        let receiver = Receiver::start();
        let all = ["payment.received", "payment.sent", "invoice.expired", "user.created", "wallet.created", "wallet.frozen"];
        for number in 0..12 {
            endpoint(server, &format!("{}/{number}", receiver.url), &all);
        }
        let legs: Vec<_> = (0..100)
            .map(|_| json!({"from_wallet": server.manager.id, "to_wallet": server.manager.id, "amount": 1, "memo": "round"}))
            .collect();
        server.post("/usermanager/api/v1/transfers", &server.manager.admin, &json!(legs)).expect(201);
        let paths = |hooks: &[crate::harness::Hook]| hooks.iter().map(|hook| hook.path.clone()).collect::<BTreeSet<_>>();
        receiver.wait_until(|hooks| paths(hooks).len() == 12);
        // Both sides of each, to every endpoint.
        let count = |table: &str| server.database.texts(&format!("SELECT CAST(COUNT(*) AS TEXT) AS text FROM {table}"));
        assert_eq!((count("deliveries"), count("events")), (vec!["2400".to_owned()], vec!["0".to_owned()]));
    }

    fn a_test_event_is_logged_and_sent_again(server, options()) {
        let receiver = Receiver::answering(|hook| Reply { body: format!("got {}", hook.path), ..Reply::status(201) });
        let made = endpoint(server, &format!("{}/t", receiver.url), &["wallet.frozen"]);
        let (admin, path) = (&server.manager.admin, format!("{WEBHOOKS}/{}", made["id"].as_str().unwrap()));
        let test = server.post(&format!("{path}/test"), admin, &json!({})).expect(201);
        let first = receiver.wait_for(1).remove(0);
        assert_eq!((first.json()["event"].as_str(), first.event()), (Some("test"), test["event_id"].as_str().unwrap()));
        let logged = wait_for_state(server, &path, "delivered");
        let mut alone = server.get(&format!("{WEBHOOKS}/deliveries/{}", test["id"].as_str().unwrap()), admin).expect(200);
        assert_eq!(alone.as_object_mut().unwrap().remove("failures"), Some(json!([])));
        assert_eq!(alone, logged);
        assert_eq!((&logged["answer"], &logged["status_code"], &logged["error"]), (&json!("got /t"), &json!(201), &Value::Null));
        let again = format!("{WEBHOOKS}/deliveries/{}/redeliver", test["id"].as_str().unwrap());
        assert_eq!(server.post(&again, admin, &json!({})).expect(200)["state"], "waiting");
        assert_eq!(receiver.wait_for(2)[1].event(), first.event());
        wait_for_state(server, &path, "delivered");
        let range = |since: i64, until: Value| server.post(&format!("{path}/redeliver"), admin, &json!({"since": since, "until": until}));
        assert_eq!(range(0, json!(1_000)).expect(200)["redelivered"], 0);
        assert_eq!(range(0, Value::Null).expect(200)["redelivered"], 1);
        assert_eq!(receiver.wait_for(3)[2].event(), first.event());
        range(-1, Value::Null).refused(400, "invalid_request", "since");
        let times = |since: Value, until: Value| {
            let order = json!({"since": since, "until": until});
            server.post(&format!("{path}/redeliver"), admin, &order)
        };
        for (since, until) in [
            (json!("0"), json!("1000")), (json!("1970-01-01"), json!("2020-06-09T00:00")),
            (json!("1970-01-01T00:00:00+00:00"), json!("2020-06-09T00:00:00.5 02:00")), (json!("2099-01-01"), json!("")),
        ] {
            assert_eq!(times(since.clone(), until).expect(200)["redelivered"], 0, "{since}");
        }
        times(json!(0), json!("tomorrow")).refused(400, "invalid_request", "until");
        server.post(&format!("{path}/redeliver"), admin, &json!({})).refused(400, "invalid_request", "since");
        server.get(&format!("{path}/deliveries?state=lost"), admin).refused(400, "invalid_request", "state");
        // A manager's log is not that of its wallets, nor the other way round.
        let own = format!("/api/v1/webhooks/deliveries/{}/redeliver", test["id"].as_str().unwrap());
        server.post(&own, admin, &json!({})).refused(404, "delivery_not_found", "");
    }

    fn a_paused_endpoint_is_left_alone(server, options()) {
        let receiver = Receiver::start();
        let made = endpoint(server, &receiver.url, &["payment.received"]);
        let path = format!("{WEBHOOKS}/{}", made["id"].as_str().unwrap());
        let wallet = server.wallet("player", 0);
        server.put(&path, &server.manager.admin, &json!({"active": false})).expect(200);
        server.pay(&server.manager, &server.invoice(&wallet, 7)).expect(201);
        server.post(&format!("{path}/test"), &server.manager.admin, &json!({})).expect(201);
        std::thread::sleep(std::time::Duration::from_secs(1));
        assert!(receiver.hooks().is_empty());
        server.put(&path, &server.manager.admin, &json!({"active": true})).expect(200);
        server.pay(&server.manager, &server.invoice(&wallet, 8)).expect(201);
        // What waited is sent, what was not collected is not.
        let hooks = receiver.wait_for(2);
        let amounts: Vec<_> = hooks.iter().map(|hook| hook.json()["amount"].clone()).collect();
        assert!(amounts.contains(&json!(8)) && amounts.contains(&Value::Null), "{amounts:?}");
    }

    fn what_waits_goes_to_the_new_place(server, options()) {
        let (before, after) = (Receiver::answering(|_| Reply::status(500)), Receiver::start());
        let made = endpoint(server, &before.url, &["payment.received"]);
        let path = format!("{WEBHOOKS}/{}", made["id"].as_str().unwrap());
        let wallet = server.wallet("player", 0);
        for amount in [5, 6, 7] {
            server.pay(&server.manager, &server.invoice(&wallet, amount)).expect(201);
        }
        // One was tried, two stand behind it.
        before.wait_for(1);
        server.put(&path, &server.manager.admin, &json!({"url": format!("{}/new", after.url)})).expect(200);
        let hooks = after.wait_for(3);
        let told: Vec<_> = hooks.iter().map(|hook| (hook.path.as_str(), hook.json()["amount"].as_i64().unwrap())).collect();
        assert_eq!(told, [("/new", 5), ("/new", 6), ("/new", 7)]);
        wait_for_state(server, &path, "delivered");
        let log = deliveries(server, &made);
        // That they were moved counts as no attempt.
        assert_eq!(log.iter().map(|it| it["attempts"] == 1).collect::<Vec<_>>(), [true, true, false], "{log:?}");
    }

    fn what_cannot_be_made_counts_as_tried_and_spoils_no_other(server, options()) {
        let receiver = Receiver::start();
        let path = |made: &Value| format!("{WEBHOOKS}/{}", made["id"].as_str().unwrap());
        let [damaged, healthy] = ["damaged", "healthy"].map(|name| endpoint(server, &format!("{}/{name}", receiver.url), &["wallet.frozen"]));
        let (bytes, id) = match server.store {
            StoreKind::Sqlite => ("x'01deadbeef'", "lower(hex(owner_id))"),
            StoreKind::Postgres => ("'\\x01deadbeef'::bytea", "encode(owner_id, 'hex')"),
        };
        let damage = format!("UPDATE webhook_secrets SET sealed = {bytes} WHERE {id} = '{}'", damaged["id"].as_str().unwrap());
        server.database.execute(&damage).unwrap();
        for made in [&damaged, &healthy] {
            server.post(&format!("{}/test", path(made)), &server.manager.admin, &json!({})).expect(201);
        }
        assert_eq!(receiver.wait_for(1)[0].path, "/healthy");
        let logged = || deliveries(server, &damaged)[0].clone();
        while logged()["attempts"].as_i64().unwrap() < 2 || logged()["error"].is_null() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(logged()["error"].as_str().unwrap().contains("nothing was sent"), "{}", logged());
        assert_eq!((&logged()["state"], &logged()["status_code"]), (&json!("waiting"), &Value::Null));
        // With a secret that can be read it goes out.
        server.put(&format!("{}/secret", path(&damaged)), &server.manager.admin, &Value::Null).expect(200);
        assert_eq!(receiver.wait_for(2)[1].path, "/damaged");
        wait_for_state(server, &path(&damaged), "delivered");
    }

    fn a_wallets_own_webhooks_are_logged_and_sent_again(server, options()) {
        let receiver = Receiver::answering(|_| Reply { body: "no\u{7}".to_owned(), ..Reply::status(500) });
        let payee = server.wallet("payee", 0);
        let issued = invoice(server, &payee, 5, &receiver.url);
        server.pay(&server.manager, issued["bolt11"].as_str().unwrap()).expect(201);
        let hooks = receiver.wait_for(2);
        // A retry has the same id, the same body, and a signature of its own time.
        assert_eq!((hooks[0].event(), &hooks[0].body), (hooks[1].event(), &hooks[1].body));
        let path = "/api/v1/webhooks/deliveries";
        let log = || server.get(path, &payee.admin).expect(200)[0].clone();
        let one = format!("{path}/{}", log()["id"].as_str().unwrap());
        let failures = || server.get(&one, &payee.admin).expect(200)["failures"].as_array().unwrap().clone();
        // An attempt counts from its beginning; what came of it is there a little later.
        while failures().len() < 2 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let logged = log();
        assert_eq!((&logged["state"], &logged["status_code"], &logged["answer"]), (&json!("waiting"), &json!(500), &json!("no\u{fffd}")));
        assert!(logged["error"].as_str().unwrap().contains("500") && !logged["next_at"].is_null(), "{logged}");
        // Every attempt that failed is there, the newest first, until it is sent again by hand.
        let before = failures();
        let at: Vec<_> = before.iter().map(|it| it["at"].as_str().unwrap().to_owned()).collect();
        assert!(at.len() >= 2 && at.windows(2).all(|pair| pair[0] > pair[1]), "{at:?}");
        for failure in &before {
            assert_eq!((&failure["status_code"], &failure["answer"], &failure["error"]), (&logged["status_code"], &logged["answer"], &logged["error"]));
        }
        let again = format!("{one}/redeliver");
        server.post(&again, &payee.admin, &json!({})).expect(200);
        receiver.wait_for(at.len() + 1);
        while failures().is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(failures().iter().all(|failure| !before.contains(failure)), "{:?}", failures());
        for key in [&server.manager.admin, &server.wallet("other", 0).admin] {
            server.post(&again, key, &json!({})).refused(404, "delivery_not_found", "");
            server.get(&one, key).refused(404, "delivery_not_found", "");
        }
        server.get(path, &payee.invoice).refused(403, "admin_key_required", "");
        let path = format!("/api/v1/payments/{}", issued["payment_hash"].as_str().unwrap());
        assert_eq!(server.get(&path, &payee.invoice).expect(200)["details"]["webhook_status"], "500");
    }
}

fn wait_for_state(server: &Server, path: &str, state: &str) -> Value {
    for _ in 0..500 {
        let log = server.get(&format!("{path}/deliveries"), &server.manager.admin).expect(200);
        if log[0]["state"] == state {
            return log[0].clone();
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("no delivery is {state}");
}
