//! Webhooks that tell of holds.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{HOLDS, capture, capture_to, find, id_of, order, order_in, place, settle, void};
use crate::harness::{Hook, Options, Receiver, Server, Wallet, both_stores};

fn options() -> Options {
    Options { arguments: vec!["--webhook-allow-private".to_owned()], ..Options::default() }
}

fn endpoint(server: &Server, key: &str, url: &str, events: &[&str]) {
    let order = json!({"url": url, "events": events});
    server.post("/usermanager/api/v1/webhooks", key, &order).expect(201);
}

const ALL: [&str; 3] = ["hold.placed", "hold.captured", "hold.released"];

/// What was told of a hold, in order.
fn told(hooks: &[Hook], hold: &Value) -> Vec<(String, Value)> {
    let of_it = hooks.iter().map(Hook::json).filter(|body| body["id"] == hold["id"]);
    of_it.map(|body| (body["event"].as_str().unwrap().to_owned(), body)).collect()
}

/// The hold that an event tells of.
fn hold_of(event: &Value) -> Value {
    let mut hold = event.clone();
    for name in ["event", "event_id", "time"] {
        assert!(hold.as_object_mut().unwrap().remove(name).is_some(), "{name} in {event}");
    }
    hold
}

both_stores! {
    fn a_tenants_holds_are_told_of(server, options()) {
        let receiver = Receiver::start();
        let key = server.manager.admin.clone();
        endpoint(server, &key, &receiver.url, &ALL);
        let (player, shop) = (server.wallet("player", 200), server.wallet("shop", 0));
        let extra = json!({"b": 1.0, "a": "ü"});
        let paid = place(server, &json!({"wallet": player.id, "amount": 50, "memo": "sword", "extra": extra, "group": "g"}));
        let part = capture(server, &paid, &json!({"to_wallet": shop.id, "amount": 10, "final": false})).expect(201);
        let rest = capture_to(server, &paid, &shop, Some(30)).expect(201);
        let voided = place(server, &order(&player, 20));
        let given_back = void(server, &voided).expect(200);
        let expiring = place(server, &json!({"wallet": player.id, "amount": 20, "expires_in": 1}));
        let cup = place(server, &json!([order_in("cup", &player, 5), order_in("cup", &player, 6)]));
        let terms = json!({"captures": [{"hold": cup[0]["id"], "to": [{"wallet": shop.id, "amount": 2}, {"wallet": shop.id}]}], "group": "cup"});
        let settled = settle(server, &terms).expect(201);

        let hooks = receiver.wait_for(11);
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert_eq!(receiver.hooks().len(), 11);
        let expected = [
            (&paid, vec![("hold.placed", paid.clone()), ("hold.captured", part), ("hold.captured", rest)]),
            (&voided, vec![("hold.placed", voided.clone()), ("hold.released", given_back)]),
            (&expiring, vec![("hold.placed", expiring.clone()), ("hold.released", find(server, &expiring))]),
            (&cup[0], vec![("hold.placed", cup[0].clone()), ("hold.captured", settled[0].clone())]),
            (&cup[1], vec![("hold.placed", cup[1].clone()), ("hold.released", settled[1].clone())]),
        ];
        for (hold, events) in expected {
            let told = told(&hooks, hold);
            assert_eq!(told.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), events.iter().map(|(kind, _)| *kind).collect::<Vec<_>>());
            for ((_, body), (_, then)) in told.iter().zip(&events) {
                assert_eq!(hold_of(body), *then);
            }
        }
        assert_eq!(find(server, &expiring)["state"], "expired");
        let ids: BTreeSet<_> = hooks.iter().map(|hook| hook.event().to_owned()).collect();
        assert_eq!(ids.len(), 11);
        for hook in &hooks {
            let body = hook.json();
            assert_eq!((body["event_id"].as_str().unwrap(), body["time"].is_i64()), (hook.event(), true));
        }
        // As it was written, not rewritten.
        assert!(hooks.iter().any(|hook| hook.body.contains(r#""extra":{"a":"ü","b":1.0}"#) || hook.body.contains(r#""extra":{"b":1.0,"a":"ü"}"#)));
        server.audit();
    }

    fn nobody_is_told_of_others_or_of_what_was_not_asked_for(server, options()) {
        let receiver = Receiver::start();
        let key = server.manager.admin.clone();
        endpoint(server, &key, &format!("{}/released", receiver.url), &["hold.released"]);
        let stranger = server.new_manager("stranger", 10);
        endpoint(server, &stranger.admin, &format!("{}/stranger", receiver.url), &ALL);
        let player: Wallet = server.wallet("player", 100);
        let hold = place(server, &order(&player, 5));
        server.post(HOLDS, &key, &order(&player, 500)).refused(400, "insufficient_balance", "");
        void(server, &hold).expect(200);
        void(server, &hold).refused(409, "hold_closed", "");
        let hooks = receiver.wait_for(1);
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert_eq!(receiver.hooks().len(), 1);
        assert_eq!((hooks[0].path.as_str(), &hooks[0].json()["event"]), ("/released", &json!("hold.released")));
        assert_eq!(id_of(&hooks[0].json()), id_of(&hold));
    }
}
