//! Freezing wallets, and limiting what they may spend.

use serde_json::{Value, json};

use crate::harness::{Server, Wallet, at_once, both_stores};

const WALLETS: &str = "/usermanager/api/v1/wallets";

fn freeze(server: &Server, wallet: &Wallet, scope: &str) -> Value {
    let path = format!("{WALLETS}/{}/freeze", wallet.id);
    server.put(&path, &server.manager.admin, &json!({ "scope": scope })).expect(200)
}

fn thaw(server: &Server, wallet: &Wallet) -> Value {
    server.delete(&format!("{WALLETS}/{}/freeze", wallet.id), &server.manager.admin).expect(200)
}

/// An operator's freeze, behind the API's back.
fn freeze_as_operator(server: &Server, wallet: &Wallet, scope: &str) {
    let id = server.store.bytes(&wallet.id);
    server.database.execute(&format!("UPDATE accounts SET frozen_by_operator = {scope} WHERE id = {id}")).unwrap();
}

both_stores! {
    fn a_wallet_is_frozen_for_spending(server) {
        let (a, b) = (server.wallet("a", 100), server.wallet("b", 0));
        let shown = freeze(server, &a, "spending");
        assert_eq!((&shown["frozen"], &shown["id"], &shown["adminkey"]), (&json!("spending"), &json!(a.id), &json!(a.admin)));
        server.pay(&a, &server.invoice(&b, 5)).refused(400, "wallet_frozen", "frozen");
        let transfer = json!({"from_wallet": a.id, "to_wallet": b.id, "amount": 5});
        server.post("/usermanager/api/v1/transfers", &server.manager.admin, &transfer).refused(400, "wallet_frozen", "");
        let path = format!("{WALLETS}/{}?sweep=true", a.id);
        server.delete(&path, &server.manager.admin).refused(400, "wallet_frozen", "");
        // It reads, receives, and is shown as frozen in lists.
        server.pay(&server.manager, &server.invoice(&a, 7)).expect(201);
        assert_eq!(server.balance(&a), 107);
        let list = server.get(&format!("{WALLETS}/{}", a.user), &server.manager.invoice).expect(200);
        assert_eq!(list[0]["frozen"], "spending");
        assert_eq!(thaw(server, &a)["frozen"], Value::Null);
        server.pay(&a, &server.invoice(&b, 5)).expect(201);
        server.audit();
    }

    fn a_wallet_is_frozen_for_everything(server) {
        let (a, b) = (server.wallet("a", 100), server.wallet("b", 50));
        let open = server.invoice(&a, 5);
        freeze(server, &a, "everything");
        for key in [&a.admin, &a.invoice] {
            for path in ["/api/v1/wallet", "/api/v1/payments", "/usermanager/api/v1/users"] {
                server.get(path, key).refused(403, "key_frozen", "frozen");
            }
            server.post("/api/v1/payments", key, &json!({"out": false, "amount": 1})).refused(403, "key_frozen", "");
        }
        server.pay(&b, &open).refused(400, "receiver_frozen", "frozen");
        let transfer = json!({"from_wallet": b.id, "to_wallet": a.id, "amount": 5});
        server.post("/usermanager/api/v1/transfers", &server.manager.admin, &transfer).refused(400, "receiver_frozen", "");
        thaw(server, &a);
        server.pay(&b, &open).expect(201);
        assert_eq!((server.balance(&a), server.balance(&b)), (105, 45));
        server.audit();
    }

    fn a_manager_does_not_thaw_what_an_operator_froze(server) {
        let a = server.wallet("a", 10);
        freeze_as_operator(server, &a, "'spending'");
        let path = format!("{WALLETS}/{}/freeze", a.id);
        server.delete(&path, &server.manager.admin).refused(409, "frozen_by_operator", "operator");
        // Nor is it weakened by a freeze of the manager's own.
        freeze_as_operator(server, &a, "'everything'");
        assert_eq!(freeze(server, &a, "spending")["frozen"], "everything");
        freeze_as_operator(server, &a, "NULL");
        assert_eq!(thaw(server, &a)["frozen"], Value::Null);
    }

    fn what_to_freeze_is_checked(server) {
        let a = server.wallet("a", 0);
        let path = format!("{WALLETS}/{}/freeze", a.id);
        for body in [json!({}), json!({"scope": "none"}), json!({"scope": 7})] {
            server.put(&path, &server.manager.admin, &body).refused(400, "invalid_request", "scope");
        }
        server.put(&path, &server.manager.invoice, &json!({"scope": "spending"})).refused(403, "admin_key_required", "");
        server.put(&path, &a.admin, &json!({"scope": "spending"})).refused(403, "not_a_manager", "");
    }

    fn spending_is_limited(server) {
        let (a, b) = (server.wallet("a", 1_000), server.wallet("b", 0));
        let path = format!("{WALLETS}/{}/limits", a.id);
        let shown = server.put(&path, &server.manager.admin, &json!({"payment_max_sat": 100, "day_max_sat": "250"})).expect(200);
        assert_eq!((&shown["payment_max_sat"], &shown["day_max_sat"]), (&json!(100), &json!(250)));
        server.pay(&a, &server.invoice(&b, 101)).refused(400, "payment_limit", "limit");
        server.pay(&a, &server.invoice(&b, 100)).expect(201);
        server.pay(&a, &server.invoice(&b, 100)).expect(201);
        // Of ten at once that fit one by one, only so many go through as the day allows.
        let invoices: Vec<_> = (0..10).map(|_| server.invoice(&b, 20)).collect();
        let answers = at_once(10, |index| server.pay(&a, &invoices[index]));
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 2);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(400, "day_limit", "today");
        }
        // The manager's own transfers are another matter.
        let transfer = json!({"from_wallet": a.id, "to_wallet": b.id, "amount": 300});
        server.post("/usermanager/api/v1/transfers", &server.manager.admin, &transfer).expect(201);
        // What is not named is lifted; what was spent before counts for a limit set later.
        let lifted = server.put(&path, &server.manager.admin, &json!({"day_max_sat": 245})).expect(200);
        assert_eq!((&lifted["payment_max_sat"], &lifted["day_max_sat"]), (&Value::Null, &json!(245)));
        server.pay(&a, &server.invoice(&b, 6)).refused(400, "day_limit", "");
        server.pay(&a, &server.invoice(&b, 5)).expect(201);
        server.put(&path, &server.manager.admin, &json!({})).expect(200);
        server.pay(&a, &server.invoice(&b, 400)).expect(201);
        for bad in [json!({"payment_max_sat": 0}), json!({"day_max_sat": -1}), json!({"day_max_sat": "much"})] {
            server.put(&path, &server.manager.admin, &bad).refused(400, "invalid_request", "_max_sat");
        }
        server.audit();
    }
}
