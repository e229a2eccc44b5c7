//! Promise I8: a manager sees and touches only what it created; anything else does not
//! exist for it, and looks exactly like what is absent.

use serde_json::{Value, json};

use crate::harness::{Server, Wallet, both_stores};

/// The answer without what is different in every answer.
fn shape(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("request_id");
    answer
}

/// Every call that names a user or wallet, for these ids.
fn calls(user: &str, wallet: &str, own: &Wallet) -> Vec<(&'static str, String, Value)> {
    let manager = "/usermanager/api/v1";
    vec![
        ("GET", format!("{manager}/users/{user}"), json!({})),
        ("POST", format!("{manager}/users/{user}"), json!({})),
        ("PUT", format!("{manager}/users/{user}"), json!({"user_name": "mine"})),
        ("DELETE", format!("{manager}/users/{user}"), json!({})),
        ("POST", format!("{manager}/users/{user}/verify"), json!({"password": "guess"})),
        ("DELETE", format!("{manager}/users/{user}?sweep=true"), json!({})),
        ("POST", format!("{manager}/wallets"), json!({"user_id": user, "wallet_name": "mine"})),
        ("GET", format!("{manager}/wallets/{user}"), json!({})),
        ("PUT", format!("{manager}/wallets/{wallet}/keys"), json!({})),
        ("DELETE", format!("{manager}/wallets/{wallet}?sweep=true"), json!({})),
        ("GET", format!("{manager}/transactions/{wallet}"), json!({})),
        ("POST", format!("{manager}/transfers"), json!({"from_wallet": wallet, "to_wallet": own.id, "amount": 1})),
        ("POST", format!("{manager}/transfers"), json!({"from_wallet": own.id, "to_wallet": wallet, "amount": 1})),
        (
            "POST",
            format!("{manager}/transfers"),
            json!([
                {"from_wallet": own.id, "to_wallet": own.id, "amount": 1},
                {"from_wallet": wallet, "to_wallet": own.id, "amount": 1},
            ]),
        ),
        ("POST", format!("{manager}/extensions?extension=x&userid={user}"), json!({})),
    ]
}

/// Everything that the first manager can see.
fn everything(server: &Server) -> Vec<String> {
    ["/usermanager/api/v1/users", "/usermanager/api/v1/wallets", "/api/v1/wallet", "/api/v1/payments?limit=1000"]
        .iter()
        .map(|path| server.get(path, &server.manager.admin).text)
        .collect()
}

both_stores! {
    fn another_tenant_finds_nothing(server) {
        let victim = server.wallet("victim", 500);
        let open = server.invoice(&victim, 7);
        let before = everything(server);
        let stranger = server.new_manager("stranger", 1_000);
        let strangers_user = server.wallet_of(&stranger.admin, "x");
        let absent = "00000000000000000000000000000000";
        // Another manager is one without these users, and a user's own admin key manages nobody.
        for caller in [&stranger, &strangers_user, &victim] {
            let foreign = calls(&victim.user, &victim.id, caller);
            for ((method, path, body), (_, absent_path, absent_body)) in foreign.into_iter().zip(calls(absent, absent, caller)) {
                let itself = caller.id == victim.id;
                if itself && (path.ends_with("/transfers") || path.contains("/extensions")) {
                    continue; // Here a caller may name itself.
                }
                let headers = [("X-Api-Key", caller.admin.as_str())];
                let answer = server.send(method, &path, &headers, &body.to_string());
                let manages = caller.id == stranger.id;
                let for_all = method == "GET" || path.contains("/extensions");
                let status = if manages || for_all { 404 } else { 403 };
                assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
                let of_absent = server.send(method, &absent_path, &headers, &absent_body.to_string());
                assert_eq!(shape(answer.json()), shape(of_absent.json()), "{method} {path}");
            }
        }
        for list in ["users", "wallets"] {
            let path = format!("/usermanager/api/v1/{list}");
            let of_stranger = server.get(&path, &stranger.admin).expect(200);
            assert_eq!(of_stranger.as_array().unwrap().len(), 1);
            assert!(!of_stranger.to_string().contains(&victim.id));
            assert_eq!(server.get(&path, &victim.admin).expect(200), json!([]));
            let by_id = server.get(&format!("/usermanager/api/v1/users?id={}", victim.user), &stranger.admin);
            assert_eq!(by_id.expect(200), json!([]));
        }
        let list = server.get(&format!("/api/v1/payments?wallet_id={}", victim.id), &stranger.admin);
        assert_eq!(list.expect(200), json!([]));
        assert_eq!(everything(server), before);
        // To pay an invoice is the one thing that crosses tenants.
        server.pay(&stranger, &open).expect(201);
        assert_eq!(server.balance(&victim), 507);
        server.audit();
    }

    fn the_manager_itself_is_in_nobodys_tenant(server) {
        let manager = server.manager.clone();
        for (method, path, body) in calls(&manager.user, "00000000000000000000000000000000", &manager) {
            if path.contains("/extensions") {
                continue; // Old scripts enable an extension for the manager itself.
            }
            let answer = server.send(method, &path, &[("X-Api-Key", &manager.admin)], &body.to_string());
            answer.refused(404, "", "does not exist");
        }
    }
}
