//! Races between using a key or a session and taking it away (promise I9). Run with the others,
//! in `race.rs`.

use std::io::{Read, Write};

use serde_json::{Value, json};

use super::race::at;
use crate::api::idempotency::post_under;
use crate::harness::{Server, Wallet, at_once};

/// Keys are rotated while the wallet pays: whatever is paid after the answer of the rotation
/// is paid with the new key.
pub(super) fn a_rotated_key_stops_at_once(servers: &[&Server]) {
    let server = servers[0];
    let payer = server.wallet("payer", 1_000);
    let payee = server.wallet("payee", 0);
    let invoices: Vec<_> = (0..40).map(|_| server.invoice(&payee, 1)).collect();
    let path = format!("/usermanager/api/v1/wallets/{}/keys", payer.id);
    let answers = at_once(41, |index| match index.checked_sub(1) {
        None => server.put(&path, &server.manager.admin, &json!({})),
        Some(index) => at(servers, index).pay(&payer, &invoices[index]),
    });
    let renewed = answers[0].expect(200);
    let paid = answers[1..].iter().filter(|answer| answer.status == 201).count();
    for answer in answers[1..].iter().filter(|answer| answer.status != 201) {
        answer.refused(401, "bad_auth", "Bad auth");
    }
    for index in 0..4 {
        at(servers, index).get("/api/v1/wallet", &payer.admin).refused(401, "bad_auth", "Bad auth");
        at(servers, index).get("/api/v1/wallet", &payer.invoice).refused(401, "bad_auth", "Bad auth");
    }
    let renewed = Wallet::from_json(&renewed);
    assert_eq!(server.balance(&renewed), 1_000 - i64::try_from(paid).unwrap());
    server.audit();
}

/// A wallet is frozen while it pays: whatever is paid after the answer of the freeze would be
/// missing from its balance.
pub(super) fn a_frozen_wallet_stops_at_once(servers: &[&Server]) {
    let server = servers[0];
    let payee = server.wallet("payee", 0);
    for (scope, status, code) in [("spending", 400, "wallet_frozen"), ("everything", 403, "key_frozen")] {
        let payer = server.wallet("payer", 1_000);
        let invoices: Vec<_> = (0..44).map(|_| server.invoice(&payee, 1)).collect();
        let path = format!("/usermanager/api/v1/wallets/{}/freeze", payer.id);
        let answers = at_once(41, |index| match index.checked_sub(1) {
            None => server.put(&path, &server.manager.admin, &json!({ "scope": scope })),
            Some(index) => at(servers, index).pay(&payer, &invoices[index]),
        });
        let frozen = answers[0].expect(200);
        let paid = answers[1..].iter().filter(|answer| answer.status == 201).count();
        // Those that had proved their key before are refused by the ledger.
        for answer in answers[1..].iter().filter(|answer| answer.status != 201) {
            answer.refused(status, code, "frozen");
        }
        for (index, invoice) in invoices[40..].iter().enumerate() {
            at(servers, index).pay(&payer, invoice).refused(status, code, "frozen");
        }
        assert_eq!(frozen["id"], payer.id);
        server.delete(&path, &server.manager.admin).expect(200);
        assert_eq!(server.balance(&payer), 1_000 - i64::try_from(paid).unwrap());
    }
    server.audit();
}

/// What a process remembers of a key lets nobody learn anything with it once it is revoked or
/// frozen, whatever the request.
pub(super) fn a_remembered_key_is_told_nothing_more(servers: &[&Server]) {
    let server = servers[0];
    let bodies = [
        json!({"out": true, "bolt11": "lnbc1"}),
        json!({"out": true}),
        json!({"out": false, "amount": 0}),
        json!({"out": false, "amount": 5}),
        json!([]),
    ];
    let refused_everywhere = |wallet: &Wallet, status, code, detail: &str| {
        for key in [&wallet.admin, &wallet.invoice] {
            for (index, body) in bodies.iter().chain(&bodies).enumerate() {
                at(servers, index).post("/api/v1/payments", key, body).refused(status, code, detail);
            }
        }
    };
    let [rotated, frozen, deleted] = ["rotated", "frozen", "deleted"].map(|name| {
        let wallet = server.wallet(name, 0);
        for index in 0..4 {
            for key in [&wallet.admin, &wallet.invoice] {
                at(servers, index).post("/api/v1/payments", key, &json!({"out": false, "amount": 5})).expect(201);
            }
        }
        wallet
    });
    let manager = &server.manager.admin;
    let path = |wallet: &Wallet| format!("/usermanager/api/v1/wallets/{}", wallet.id);
    server.put(&format!("{}/keys", path(&rotated)), manager, &json!({})).expect(200);
    server.put(&format!("{}/freeze", path(&frozen)), manager, &json!({"scope": "everything"})).expect(200);
    server.delete(&path(&deleted), manager).expect(200);
    refused_everywhere(&rotated, 401, "bad_auth", "Bad auth");
    refused_everywhere(&frozen, 403, "key_frozen", "frozen");
    refused_everywhere(&deleted, 401, "bad_auth", "Bad auth");
    server.delete(&format!("{}/freeze", path(&frozen)), manager).expect(200);
    for index in 0..2 {
        at(servers, index).post("/api/v1/payments", &frozen.admin, &bodies[3]).expect(201);
    }
}

/// A failover loses a rotation, whose keys processes remember; and then the keys are rotated
/// again: that gives nothing to the lost ones.
pub(super) fn the_keys_of_a_lost_rotation_stay_lost(servers: &[&Server]) {
    let server = servers[0];
    let wallet = server.wallet("player", 100);
    let path = format!("/usermanager/api/v1/wallets/{}/keys", wallet.id);
    let rotated = || Wallet::from_json(&server.put(&path, &server.manager.admin, &json!({})).expect(200));
    let id = server.store.bytes(&wallet.id);
    let keep = "CREATE TABLE kept_keys AS SELECT * FROM wallet_keys WHERE wallet_id = ID;
        CREATE TABLE kept_version AS SELECT keys_version FROM accounts WHERE id = ID";
    server.database.execute(&keep.replace("ID", &id)).unwrap();
    let lost = rotated();
    for index in 0..2 {
        for key in [&lost.admin, &lost.invoice] {
            at(servers, index).post("/api/v1/payments", key, &json!({"out": false, "amount": 5})).expect(201);
        }
    }
    let lose = "UPDATE accounts SET keys_version = (SELECT keys_version FROM kept_version) WHERE id = ID;
        DELETE FROM wallet_keys WHERE wallet_id = ID;
        INSERT INTO wallet_keys SELECT * FROM kept_keys;
        DROP TABLE kept_keys; DROP TABLE kept_version";
    server.database.execute(&lose.replace("ID", &id)).unwrap();
    server.get("/api/v1/wallet", &wallet.admin).expect(200);
    let renewed = rotated();
    let payee = server.wallet("payee", 0);
    for index in 0..2 {
        let own = json!({"out": false, "amount": 5});
        at(servers, index).post("/api/v1/payments", &lost.invoice, &own).refused(401, "bad_auth", "Bad auth");
        at(servers, index).pay(&lost, &server.invoice(&payee, 5)).refused(401, "bad_auth", "Bad auth");
        at(servers, index).pay(&renewed, &server.invoice(&payee, 5)).expect(201);
    }
    assert_eq!((server.balance(&renewed), server.balance(&payee)), (90, 10));
}

/// Sends a request whose body comes only after something else has been done.
fn slowly(server: &Server, method: &str, path: &str, header: &str, body: &Value, meanwhile: impl FnOnce()) -> String {
    let body = body.to_string();
    let mut slow = server.connect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\n{header}\r\nIdempotency-Key: k\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{{",
        body.len()
    );
    slow.write_all(head.as_bytes()).unwrap();
    // Time to prove the key.
    std::thread::sleep(std::time::Duration::from_millis(200));
    meanwhile();
    slow.write_all(&body.as_bytes()[1..]).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    answer
}

/// A key is rotated, or its wallet frozen, after a request has proved it, and before the
/// request's body has come.
pub(super) fn a_key_is_revoked_before_the_body_arrives(servers: &[&Server]) {
    let server = servers[0];
    for (method, path, body) in [
        ("POST", "/usermanager/api/v1/users", json!({"user_name": "late"})),
        ("PATCH", "/api/v1/wallet", json!({"name": "late"})),
        ("POST", "/api/v1/payments", json!({"amount": 1})),
    ] {
        for (what, order, status, code) in
            [("keys", json!({}), "401", "bad_auth"), ("freeze", json!({"scope": "everything"}), "403", "key_frozen")]
        {
            let caller = server.creator_of(&server.manager.admin, "caller");
            // Also where it would only be answered again.
            if method == "POST" {
                post_under(server, path, &caller.admin, "k", &body).expect(201);
            }
            let header = format!("X-Api-Key: {}", caller.admin);
            let answer = slowly(at(servers, 1), method, path, &header, &body, || {
                let path = format!("/usermanager/api/v1/wallets/{}/{what}", caller.id);
                server.put(&path, &server.manager.admin, &order).expect(200);
            });
            let refused = answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(code);
            assert!(refused, "{method} {path} {what}: {answer}");
        }
    }
}

/// A user may no longer create users, after a request has proved that it may, and before the
/// request's body has come.
pub(super) fn a_right_is_taken_away_before_the_body_arrives(servers: &[&Server]) {
    let server = servers[0];
    let caller = server.creator_of(&server.manager.admin, "caller");
    let (path, body) = ("/usermanager/api/v1/users", json!({"user_name": "late"}));
    let header = format!("X-Api-Key: {}", caller.admin);
    let answer = slowly(at(servers, 1), "POST", path, &header, &body, || {
        let order = json!({"may_create_users": false});
        server.put(&format!("{path}/{}", caller.user), &server.manager.admin, &order).expect(200);
    });
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("not_a_manager"), "{answer}");
}

/// A user may no longer create users while it moves money between those that it has created:
/// whatever is asked after the answer is refused, and what was moved was moved before.
pub(super) fn a_right_is_taken_away_while_money_moves(servers: &[&Server]) {
    let server = servers[0];
    let studio = server.creator_of(&server.manager.admin, "studio");
    let payee = server.wallet_of(&studio.admin, "payee");
    server.pay(&server.manager, &server.invoice(&studio, 100)).expect(201);
    let order = json!({"from_wallet": studio.id, "to_wallet": payee.id, "amount": 1});
    let path = format!("/usermanager/api/v1/users/{}", studio.user);
    let send = |index| at(servers, index).post("/usermanager/api/v1/transfers", &studio.admin, &order);
    let answers = at_once(41, |index| match index.checked_sub(1) {
        None => server.put(&path, &server.manager.admin, &json!({"may_create_users": false})),
        Some(index) => send(index),
    });
    answers[0].expect(200);
    let moved = answers[1..].iter().filter(|answer| answer.status == 201).count();
    for answer in answers[1..].iter().filter(|answer| answer.status != 201) {
        answer.refused(403, "not_a_manager", "");
    }
    for index in 0..4 {
        send(index).refused(403, "not_a_manager", "");
    }
    assert_eq!(server.balance(&payee), i64::try_from(moved).unwrap());
    server.audit();
}

/// A manager is deleted while it creates users: either it has users and stays, or it is gone
/// and nobody is left behind.
pub(super) fn a_manager_is_deleted_while_it_creates_users(servers: &[&Server]) {
    let server = servers[0];
    let operator = server.operator("deleter");
    for round in 0..8 {
        let manager = server.new_manager("short-lived", 0);
        let path = format!("/users/api/v1/user/{}", manager.user);
        let order = json!({ "user_name": format!("orphan {round}") });
        let answers = at_once(5, |index| match index {
            0 => server.as_session("DELETE", &path, &operator, &Value::Null),
            _ => at(servers, index).post("/usermanager/api/v1/users", &manager.admin, &order),
        });
        let created: Vec<_> = answers[1..].iter().filter(|answer| answer.status == 201).collect();
        for answer in answers[1..].iter().filter(|answer| answer.status != 201) {
            answer.refused(401, "bad_auth", "");
        }
        if created.is_empty() {
            answers[0].expect(200);
        } else {
            answers[0].refused(409, "user_has_users", "");
            server.get("/api/v1/wallet", &manager.admin).expect(200);
        }
    }
    server.cli(&["operator", "remove", "--username", "deleter"]).unwrap();
}

/// An operator logs out, after a request has proved the session, and before the request's body
/// has come.
pub(super) fn a_session_ends_before_the_body_arrives(servers: &[&Server]) {
    let server = servers[0];
    let wallet = server.wallet("x", 0);
    for (number, (method, path, body)) in [
        ("POST", "/users/api/v1/user", json!({"name": "late"})),
        ("PUT", "/users/api/v1/balance", json!({"id": wallet.id, "amount": 1})),
        ("PUT", &*format!("/users/api/v1/wallet/{}/freeze", wallet.id), json!({"scope": "spending"})),
    ]
    .into_iter()
    .enumerate()
    {
        let operator = server.operator(&format!("late-{number}"));
        let header = format!("Authorization: Bearer {operator}");
        let answer = slowly(at(servers, 1), method, path, &header, &body, || {
            server.as_session("POST", "/api/v1/auth/logout", &operator, &Value::Null).expect(200);
        });
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("bad_auth"), "{method} {path}: {answer}");
    }
    assert_eq!(server.balance(&wallet), 0);
    // The same of a token that a manager has made.
    let user = format!("/users/api/v1/user/{}", wallet.user);
    for (method, path, body) in [
        ("POST", "/users/api/v1/user", json!({"name": "late"})),
        ("PUT", &*user, json!({"name": "late"})),
        ("POST", &*format!("{user}/wallet"), json!({"name": "late"})),
        ("POST", "/api/v1/auth/tokens", json!({"name": "late", "scopes": ["all"]})),
    ] {
        let made = server.cli(&["manager", "token", "create", "--user", &server.manager.user, "--name", "x"]).unwrap();
        let header = format!("Authorization: Bearer {}", made["token"].as_str().unwrap());
        let answer = slowly(at(servers, 1), method, path, &header, &body, || {
            server.cli(&["manager", "token", "revoke", "--id", made["id"].as_str().unwrap()]).unwrap();
        });
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("bad_auth"), "{method} {path}: {answer}");
    }
}
