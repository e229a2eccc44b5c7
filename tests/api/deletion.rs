//! Deleting users and wallets.

use serde_json::{Value, json};

use crate::harness::{Wallet, both_stores};

const USERS: &str = "/usermanager/api/v1/users";
const WALLETS: &str = "/usermanager/api/v1/wallets";

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

    fn no_more_is_deleted_at_once_than_fits_into_one_batch(server) {
        let key = server.manager.admin.clone();
        let user = server.wallet("hoarder", 0);
        for index in 0..1000 {
            let order = json!({"user_id": user.user, "wallet_name": format!("wallet {index}")});
            server.post(WALLETS, &key, &order).expect(201);
        }
        let path = format!("{USERS}/{}", user.user);
        server.delete(&path, &key).refused(409, "too_many_to_delete", "1000");
        server.delete(&format!("{WALLETS}/{}", user.id), &key).expect(200);
        server.delete(&path, &key).expect(200);
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
