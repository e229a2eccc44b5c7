//! Withdraw links and cards that pay the rest of the world.

use serde_json::{Value, json};

use super::behind::{ours, wait_for_node, wait_until};
use super::{Network, Secret, network};
use crate::harness::{Card, Server, both_stores};

const LINKS: &str = "/withdraw/api/v1/links";

fn ask(server: &Server, url: &str) -> Value {
    server.send("GET", url.strip_prefix(&server.url).unwrap(), &[], "").expect(200)
}

/// Opens a link, and hands an invoice over.
fn withdraw(server: &Server, link: &Value, bolt11: &str) -> Value {
    hand_over(server, &ask(server, link["lnurl_url"].as_str().unwrap()), bolt11)
}

fn hand_over(server: &Server, offer: &Value, bolt11: &str) -> Value {
    ask(server, &format!("{}?k1={}&pr={bolt11}", offer["callback"].as_str().unwrap(), offer["k1"].as_str().unwrap()))
}

fn used(server: &Server, link: &Value) -> Value {
    let path = format!("{LINKS}/{}", link["id"].as_str().unwrap());
    server.get(&path, &server.manager.invoice).expect(200)["used"].clone()
}

both_stores! {
    fn a_link_pays_the_world_and_gives_back_what_fails(server, ours()) {
        let Some(Network { world, .. }) = network() else { return };
        wait_for_node(server);
        let order = json!({
            "title": "Prize", "min_withdrawable": 1, "max_withdrawable": 5000, "uses": 2, "wait_time": 3600, "is_unique": false
        });
        let link = server.post(LINKS, &server.manager.admin, &order).expect(201);
        // It is under way when the wallet is answered, and fails later.
        let secret = Secret::random();
        let held = world.add_hold_invoice(&secret, 3_000_000, 3600);
        assert_eq!(withdraw(server, &link, &held.bolt11), json!({"status": "OK"}));
        assert_eq!(used(server, &link), 1);
        let early = withdraw(server, &link, &world.add_invoice(1_000_000).bolt11);
        assert!(early["reason"].as_str().unwrap().starts_with("Wait "), "{early}");
        world.cancel(&secret.hash).unwrap();
        wait_until("the use is given back", || (used(server, &link) == 0).then_some(()));
        // So that nobody has to wait on its account.
        let invoice = world.add_invoice(2_000_000);
        assert_eq!(withdraw(server, &link, &invoice.bolt11), json!({"status": "OK"}));
        world.wait_for_invoice(&invoice.hash, "SETTLED");
        assert_eq!(used(server, &link), 1);
        let early = withdraw(server, &link, &world.add_invoice(1_000_000).bolt11);
        assert!(early["reason"].as_str().unwrap().starts_with("Wait "), "{early}");
        server.audit();
    }

    fn a_card_pays_the_world_and_what_fails_does_not_count(server, ours()) {
        let Some(Network { world, .. }) = network() else { return };
        wait_for_node(server);
        let order = json!({"card_name": "Alice", "uid": "04996c6a926980", "tx_limit": 1000, "daily_limit": 1000});
        let card = server.post("/boltcards/api/v1/cards", &server.manager.admin, &order).expect(201);
        let mut card = Card::programmed(&card);
        let mut tap = |server: &Server| server.send("GET", &card.tap(), &[], "").expect(200);
        let secret = Secret::random();
        let held = world.add_hold_invoice(&secret, 1_000_000, 3600);
        assert_eq!(hand_over(server, &tap(server), &held.bolt11), json!({"status": "OK"}));
        assert_eq!(tap(server)["reason"], "Max daily limit spent.");
        world.cancel(&secret.hash).unwrap();
        let offer = wait_until("the card may pay again", || {
            let offer = tap(server);
            (offer["tag"] == "withdrawRequest").then_some(offer)
        });
        let invoice = world.add_invoice(1_000_000);
        assert_eq!(hand_over(server, &offer, &invoice.bolt11), json!({"status": "OK"}));
        world.wait_for_invoice(&invoice.hash, "SETTLED");
        assert_eq!(tap(server)["reason"], "Max daily limit spent.");
        server.audit();
    }
}
