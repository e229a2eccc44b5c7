//! Races about holds; `race` runs them on one process and on two.

use serde_json::{Value, json};

use super::race::at;
use crate::api::holds::{
    HOLDS, balances, capture, capture_to, find, id_of, order, order_in, place, settle, sums, void,
};
use crate::harness::{Answer, Server, Wallet, at_once};

/// The winner of a race, and who came too late, whom it asserts to be told so.
#[track_caller]
fn one_wins(answers: &[Answer]) -> Value {
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| matches!(answer.status, 200 | 201));
    assert_eq!(won.len(), 1, "{answers:?}");
    let winner = won[0].json();
    let hold = if winner.is_array() { winner[0].clone() } else { winner.clone() };
    let told = format!("Hold {} is {} already", id_of(&hold), sums(&hold).3);
    for answer in lost {
        answer.refused(409, "hold_closed", &told);
    }
    winner
}

/// 50 captures and voids of one hold: one wins.
pub(super) fn captures_and_voids_race_for_one_hold(servers: &[&Server]) {
    let server = servers[0];
    let (player, shop) = (server.wallet("player", 1_000), server.wallet("shop", 0));
    let mut earned = 0;
    for _ in 0..6 {
        let hold = place(server, &order_in("race", &player, 60));
        let answers = at_once(50, |index| {
            let server = at(servers, index);
            match index / 2 % 4 {
                0 => capture_to(server, &hold, &shop, Some(10)),
                1 => void(server, &hold),
                2 => settle(
                    server,
                    &json!({"captures": [{"hold": hold["id"], "to": [{"wallet": shop.id, "amount": 20}]}]}),
                ),
                _ => settle(server, &json!({"void": [hold["id"]], "group": "race"})),
            }
        });
        one_wins(&answers);
        let end = find(server, &hold);
        let (captured, released, remaining, _) = sums(&end);
        assert_eq!((captured + released, remaining), (60, 0));
        earned += captured;
        assert_eq!((balances(server, &player)[1], server.balance(&shop)), (0, earned));
    }
    assert_eq!(server.balance(&player), 1_000 - earned);
    server.audit();
}

/// 50 captures of a tenth each: ten are paid.
pub(super) fn captures_race_for_parts_of_a_hold(servers: &[&Server]) {
    let server = servers[0];
    let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
    let hold = place(server, &order(&player, 100));
    let part = json!({"to_wallet": shop.id, "amount": 10, "final": false});
    let answers = at_once(50, |index| capture(at(servers, index), &hold, &part));
    let paid: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    // Each saw what those before it had done.
    let mut captured: Vec<_> = paid.iter().map(|answer| sums(&answer.json()).0).collect();
    captured.sort_unstable();
    assert_eq!(captured, (1..=10).map(|part| part * 10).collect::<Vec<_>>());
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refused(409, "hold_closed", "captured already");
    }
    assert_eq!((balances(server, &player), server.balance(&shop)), ([0, 0, 0], 100));
    server.audit();
}

/// One wallet's money is held, paid and moved at once: no sat twice.
pub(super) fn holds_and_payments_race_for_money(servers: &[&Server]) {
    let server = servers[0];
    let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
    let invoices: Vec<_> = (0..20).map(|_| server.invoice(&shop, 10)).collect();
    let transfer = json!({"from_wallet": player.id, "to_wallet": shop.id, "amount": 10});
    let key = &server.manager.admin;
    let answers = at_once(60, |index| match index / 2 % 3 {
        0 => at(servers, index).post(HOLDS, key, &order(&player, 10)),
        1 => at(servers, index).post("/usermanager/api/v1/transfers", key, &transfer),
        _ => at(servers, index).pay(&player, &invoices[index / 6 * 2 + index % 2]),
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 10);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refused(400, "insufficient_balance", "Insufficient balance");
    }
    let [available, held, _] = balances(server, &player);
    assert_eq!((available, held + server.balance(&shop)), (0, 100));
    server.audit();
}

/// A group is settled by several while holds come into it, and while its wallets pay each other in
/// both directions: locks cross, nobody waits for ever, and each hold is voided once.
pub(super) fn settlements_race_for_a_group(servers: &[&Server]) {
    let server = servers[0];
    let players: Vec<Wallet> = (0..6).map(|_| server.wallet("player", 500)).collect();
    let key = &server.manager.admin;
    let all = |sats: i64| json!(players.iter().map(|player| order_in("crowd", player, sats)).collect::<Vec<_>>());
    for _ in 0..3 {
        place(server, &all(20));
        let answers = at_once(40, |index| {
            let (server, from, to) = (at(servers, index), &players[index % 6], &players[(index + 1) % 6]);
            match index / 2 % 4 {
                0 => settle(server, &json!({"group": "crowd"})),
                1 => server.post(HOLDS, key, &json!([order_in("crowd", to, 3), order_in("crowd", from, 2)])),
                2 => server.post("/usermanager/api/v1/transfers", key, &json!([
                    {"from_wallet": from.id, "to_wallet": to.id, "amount": 4}, {"from_wallet": to.id, "to_wallet": from.id, "amount": 4},
                ])),
                _ => server.pay(from, &server.invoice(to, 1)),
            }
        });
        let mut voided: Vec<String> = Vec::new();
        for (index, answer) in answers.iter().enumerate() {
            let changed = answer.json().as_array().is_none_or(|changed| !changed.is_empty());
            let body = answer.expect(if changed { 201 } else { 200 });
            if index / 2 % 4 == 0 {
                voided.extend(body.as_array().unwrap().iter().map(|hold| id_of(hold).to_owned()));
            }
        }
        let left = settle(server, &json!({"group": "crowd"})).json();
        voided.extend(left.as_array().unwrap().iter().map(|hold| id_of(hold).to_owned()));
        let count = voided.len();
        voided.sort_unstable();
        voided.dedup();
        assert_eq!((voided.len(), count), (6 + 20, 6 + 20));
        let totals: Vec<_> = players.iter().map(|player| balances(server, player)).collect();
        assert!(totals.iter().all(|[_, held, _]| *held == 0), "{totals:?}");
        assert_eq!(totals.iter().map(|[available, ..]| available).sum::<i64>(), 3_000);
    }
    server.audit();
}
