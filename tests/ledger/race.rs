//! Races over HTTP: on one process on both stores, and on two processes on PostgreSQL.

use serde_json::json;

use super::revocation::{
    a_frozen_wallet_stops_at_once, a_key_is_revoked_before_the_body_arrives,
    a_manager_is_deleted_while_it_creates_users, a_remembered_key_is_told_nothing_more,
    a_right_is_taken_away_before_the_body_arrives, a_right_is_taken_away_while_money_moves,
    a_rotated_key_stops_at_once, a_session_ends_before_the_body_arrives, the_keys_of_a_lost_rotation_stay_lost,
};
use crate::api::idempotency::post_under;
use crate::harness::{Answer, Options, Server, StoreKind, Wallet, at_once, both_stores};

/// The server that the `index`th racer talks to.
pub(crate) fn at<'a>(servers: &[&'a Server], index: usize) -> &'a Server {
    servers[index % servers.len()]
}

/// 50 payers race for one invoice: one wins, the others keep their money.
fn payers_race_for_one_invoice(servers: &[&Server]) {
    let server = servers[0];
    let payee = server.wallet("payee", 0);
    let payers: Vec<Wallet> = (0..50).map(|_| server.wallet("payer", 100)).collect();
    let invoice = server.invoice(&payee, 60);
    let answers = at_once(50, |index| at(servers, index).pay(&payers[index], &invoice));
    let paid = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(paid, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refused(400, "invoice_already_paid", "Invoice already paid");
    }
    assert_eq!(server.balance(&payee), 60);
    let left: i64 = payers.iter().map(|payer| server.balance(payer)).sum();
    assert_eq!(left, 50 * 100 - 60);
    server.audit();
}

/// One wallet races with 50 invoices of which it can pay only 10.
fn one_wallet_races_with_many_invoices(servers: &[&Server]) {
    let server = servers[0];
    let payer = server.wallet("payer", 100);
    let payee = server.wallet("payee", 0);
    let invoices: Vec<_> = (0..50).map(|_| server.invoice(&payee, 10)).collect();
    let answers = at_once(50, |index| at(servers, index).pay(&payer, &invoices[index]));
    let paid = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(paid, 10);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.refused(400, "insufficient_balance", "Insufficient balance");
    }
    assert_eq!((server.balance(&payer), server.balance(&payee)), (0, 100));
    server.audit();
}

/// Everyone pays the next one in a ring, over and over, in both directions: locks cross,
/// nobody waits for ever, and nobody ends up with more or less.
fn payments_cross_in_a_ring(servers: &[&Server]) {
    let server = servers[0];
    let ring: Vec<_> = (0..8).map(|_| server.wallet("ring", 1_000)).collect();
    let rounds = 6;
    let invoices: Vec<Vec<(usize, String)>> = (0..ring.len())
        .map(|payer| {
            let neighbours = [(payer + 1) % ring.len(), (payer + ring.len() - 1) % ring.len()];
            (0..rounds).flat_map(|_| neighbours).map(|payee| (payee, server.invoice(&ring[payee], 7))).collect()
        })
        .collect();
    let answers = at_once(ring.len() * 2, |racer| {
        let payer = racer / 2;
        // Two racers share a wallet; each pays every other of its invoices.
        let own = invoices[payer].iter().skip(racer % 2).step_by(2);
        own.map(|(_, invoice)| at(servers, racer).pay(&ring[payer], invoice)).collect::<Vec<Answer>>()
    });
    for answer in answers.iter().flatten() {
        answer.expect(201);
    }
    for wallet in &ring {
        assert_eq!(server.balance(wallet), 1_000);
    }
    server.audit();
}

/// A wallet is deleted while it is paid: the money is where somebody can get at it.
fn a_wallet_is_deleted_while_it_is_paid(servers: &[&Server]) {
    let server = servers[0];
    let payers: Vec<_> = (0..10).map(|_| server.wallet("payer", 100)).collect();
    let payee = server.wallet("payee", 0);
    let invoices: Vec<_> = payers.iter().map(|_| server.invoice(&payee, 10)).collect();
    let before = server.balance(&server.manager);
    let path = format!("/usermanager/api/v1/users/{}?sweep=true", payee.user);
    let answers = at_once(11, |index| match index.checked_sub(1) {
        None => server.delete(&path, &server.manager.admin),
        Some(index) => at(servers, index).pay(&payers[index], &invoices[index]),
    });
    answers[0].expect(200);
    let paid = answers[1..].iter().filter(|answer| answer.status == 201).count();
    for answer in answers[1..].iter().filter(|answer| answer.status != 201) {
        answer.refused(400, "invoice_cancelled", "Invoice cancelled");
    }
    assert_eq!(server.balance(&server.manager), before + 10 * i64::try_from(paid).unwrap());
    server.get("/api/v1/wallet", &payee.admin).refused(401, "bad_auth", "Bad auth");
    server.audit();
}

/// Wallets are added to a user while it is deleted: it is deleted all the same, and none is left alive.
fn a_user_gets_wallets_while_it_is_deleted(servers: &[&Server]) {
    let server = servers[0];
    let key = &server.manager.admin;
    for _ in 0..10 {
        let user = server.wallet("doomed", 0).user;
        let order = json!({"user_id": user, "wallet_name": "late"});
        let answers = at_once(5, |index| match index.checked_sub(1) {
            None => server.delete(&format!("/usermanager/api/v1/users/{user}"), key),
            Some(index) => at(servers, index).post("/usermanager/api/v1/wallets", key, &order),
        });
        answers[0].expect(200);
        for answer in &answers[1..] {
            match answer.status {
                201 => {
                    let invoice_key = Wallet::from_json(&answer.json()).invoice;
                    server.get("/api/v1/wallet", &invoice_key).refused(401, "bad_auth", "");
                }
                409 => answer.refused(409, "user_being_deleted", ""),
                _ => answer.refused(404, "user_not_found", "User does not exist"),
            }
        }
    }
    server.audit();
}

/// 50 equal requests under one idempotency key: one effect, 50 equal answers.
fn equal_requests_race_under_one_key(servers: &[&Server]) {
    let server = servers[0];
    let (payer, payee) = (server.wallet("payer", 1_000), server.wallet("payee", 0));
    let manager = server.new_manager("racing", 1_000);
    let user = server.wallet_of(&manager.admin, "x");
    let own = json!({"from_wallet": manager.id, "to_wallet": user.id, "amount": 7});
    let cases = [
        ("/api/v1/payments", &payee.invoice, json!({"amount": 5})),
        ("/api/v1/payments", &payer.admin, json!({"bolt11": server.invoice(&payee, 10)})),
        ("/usermanager/api/v1/users", &manager.admin, json!({"user_name": "u", "email": "a@b.example"})),
        ("/usermanager/api/v1/wallets", &manager.admin, json!({"user_id": user.user, "wallet_name": "w"})),
        ("/usermanager/api/v1/transfers", &manager.admin, json!([own, own])),
    ];
    for (index, (path, key, body)) in cases.iter().enumerate() {
        let name = format!("race-{index}");
        let answers = at_once(50, |racer| post_under(at(servers, racer), path, key, &name, body));
        for answer in &answers {
            assert_eq!((answer.status, &answer.text), (201, &answers[0].text), "{path}");
        }
        let first = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none());
        assert_eq!(first.count(), 1, "{path}");
    }
    assert_eq!((server.balance(&payer), server.balance(&payee)), (990, 10));
    assert_eq!((server.balance(&manager), server.balance(&user)), (986, 14));
    assert_eq!(server.get("/usermanager/api/v1/users", &manager.admin).expect(200).as_array().unwrap().len(), 2);
    assert_eq!(server.get("/usermanager/api/v1/wallets", &manager.admin).expect(200).as_array().unwrap().len(), 3);
    server.audit();
}

/// Two different requests race under one key: one of them wins, and the other is told so.
fn different_requests_race_under_one_key(servers: &[&Server]) {
    let server = servers[0];
    let manager = server.new_manager("racing", 0);
    let user = server.wallet_of(&manager.admin, "x").user;
    let cases = [
        ("/usermanager/api/v1/users", [json!({"user_name": "a"}), json!({"user_name": "b"})]),
        ("/usermanager/api/v1/wallets", ["a", "b"].map(|name| json!({"user_id": user, "wallet_name": name}))),
        ("/api/v1/payments", [json!({"amount": 1}), json!({"amount": 2})]),
    ];
    for (index, (path, bodies)) in cases.iter().enumerate() {
        for round in 0..5 {
            let key = format!("differ-{index}-{round}");
            let answers = at_once(8, |racer| {
                // Each of the processes gets both of the requests.
                post_under(at(servers, racer), path, &manager.admin, &key, &bodies[racer / 2 % 2])
            });
            let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
            assert_eq!(made.len(), 4, "{path}");
            assert!(made.iter().all(|answer| answer.text == made[0].text), "{path}");
            for answer in answers.iter().filter(|answer| answer.status != 201) {
                answer.refused(409, "idempotency_conflict", "Idempotency-Key");
            }
        }
    }
}

/// Many keys, each used twice at once, in opposite orders: locks cross, and nobody is told
/// anything but what came of it.
fn equal_requests_race_under_many_keys(servers: &[&Server]) {
    let wallet = servers[0].wallet("payee", 0);
    let order = json!({"amount": 5});
    let answers = at_once(60, |racer| {
        let key = if racer % 2 == 0 { racer / 2 } else { 29 - racer / 2 };
        (key, post_under(at(servers, racer), "/api/v1/payments", &wallet.invoice, &format!("many-{key}"), &order))
    });
    for (key, answer) in &answers {
        let twin = answers.iter().filter(|(other, _)| other == key);
        assert!(twin.clone().all(|(_, twin)| (twin.status, &twin.text) == (201, &answer.text)), "{}", answer.text);
        assert_eq!(twin.filter(|(_, twin)| twin.header("idempotent-replayed").is_some()).count(), 1);
    }
}

const RACES: [fn(&[&Server]); 17] = [
    the_keys_of_a_lost_rotation_stay_lost,
    payers_race_for_one_invoice,
    one_wallet_races_with_many_invoices,
    payments_cross_in_a_ring,
    a_rotated_key_stops_at_once,
    a_frozen_wallet_stops_at_once,
    a_remembered_key_is_told_nothing_more,
    a_wallet_is_deleted_while_it_is_paid,
    a_user_gets_wallets_while_it_is_deleted,
    a_key_is_revoked_before_the_body_arrives,
    a_right_is_taken_away_before_the_body_arrives,
    a_right_is_taken_away_while_money_moves,
    a_manager_is_deleted_while_it_creates_users,
    a_session_ends_before_the_body_arrives,
    equal_requests_race_under_one_key,
    equal_requests_race_under_many_keys,
    different_requests_race_under_one_key,
];

both_stores! {
    fn races_on_one_process(server) {
        for race in RACES {
            race(&[server]);
        }
    }
}

#[test]
fn races_on_two_processes() {
    let Some(first) = Server::start(StoreKind::Postgres, Options::default()) else { return };
    let second = first.replica();
    for race in RACES {
        race(&[&first, &second]);
    }
}

#[test]
fn the_command_line_credits_beside_running_servers() {
    for store in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some(server) = Server::start(store, Options::default()) else { continue };
        let wallet = server.wallet("credited", 0);
        let invoices: Vec<_> = (0..20).map(|_| server.invoice(&wallet, 1)).collect();
        at_once(2, |side| {
            if side == 0 {
                for _ in 0..5 {
                    server.cli(&["credit", "--wallet", &wallet.id, "--amount-sat", "100"]).unwrap();
                }
            } else {
                for invoice in &invoices {
                    server.pay(&server.manager, invoice).expect(201);
                }
            }
        });
        assert_eq!(server.balance(&wallet), 520);
        server.audit();
    }
}
