//! Lists: of holds, and of payments with holds among them.

use serde_json::{Value, json};

use super::{
    HOLDS, assert_adds_up, balances, capture, capture_to, find, id_of, order, order_in, place, void, wait_until,
};
use crate::harness::{Server, both_stores};

/// The ids of a list of holds of the first manager's.
#[track_caller]
fn listed(server: &Server, query: &str) -> Vec<String> {
    let list = server.get(&format!("{HOLDS}?{query}"), &server.manager.invoice).expect(200);
    list.as_array().unwrap().iter().map(|hold| id_of(hold).to_owned()).collect()
}

both_stores! {
    fn an_open_hold_is_a_pending_payment(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        let hold = place(server, &json!({"wallet": player.id, "amount": 60, "memo": "sword", "extra": {"secret": "move"}}));
        server.pay(&player, &server.invoice(&shop, 10)).expect(201);
        let list = |query: &str| server.get(&format!("/api/v1/payments?{query}"), &player.invoice).expect(200);
        let rows = list("limit=1000");
        assert_eq!(rows.as_array().unwrap().len(), 3, "{rows}");
        let row = rows[1].clone();
        assert_eq!((&row["amount"], &row["status"], &row["pending"]), (&json!(-60_000), &json!("pending"), &json!(true)));
        assert_eq!((&row["tag"], &row["memo"], &row["bolt11"]), (&json!("hold"), &json!("sword"), &json!("")));
        assert_eq!((&row["payment_hash"], &row["preimage"]), (&hold["payment_hash"], &Value::Null));
        // The manager's own data is not for the holder of the wallet's key.
        assert_eq!(row["extra"], json!({"tag": "hold", "hold": hold["id"]}));
        for query in ["status=pending", "tag=hold", "amount[lt]=-50000", "search=swor", "status=pending&tag=hold&limit=5"] {
            assert_eq!(list(query), json!([row]), "{query}");
        }
        assert_eq!(list(&format!("payment_hash={}", row["payment_hash"].as_str().unwrap())), json!([row]));
        assert_eq!(list("status=success").as_array().unwrap().len(), 2);
        assert_eq!(list("sortby=amount&direction=asc&limit=1"), json!([row]));
        let page = server.get("/api/v1/payments/paginated?tag=hold", &player.invoice).expect(200);
        assert_eq!((&page["total"], &page["data"]), (&json!(1), &json!([row])));
        let path = format!("/usermanager/api/v1/transactions/{}", player.id);
        assert_eq!(server.get(&path, &server.manager.invoice).expect(200), rows);
        let path = format!("/api/v1/payments/{}", hold["payment_hash"].as_str().unwrap());
        let seen = server.get(&path, &player.invoice).expect(200);
        assert_eq!((&seen["paid"], &seen["status"], &seen["details"]), (&json!(false), &json!("pending"), &row));
        assert_eq!(server.get(&path, &shop.invoice).expect(200), json!({"paid": false, "status": "pending"}));
        assert_adds_up(server, &player);

        capture(server, &hold, &json!({"to_wallet": shop.id, "amount": 15, "final": false})).expect(201);
        assert_eq!(list("status=pending")[0]["amount"], json!(-45_000));
        assert_eq!(list("tag=hold").as_array().unwrap().len(), 2);
        assert_adds_up(server, &player);
        void(server, &hold).expect(200);
        assert_eq!(list("status=pending"), json!([]));
        assert_eq!(list("tag=hold")[0]["amount"], json!(-15_000));
        assert_adds_up(server, &player);
        server.get(&path, &player.invoice).refused(404, "payment_not_found", "Payment does not exist.");
        server.audit();
    }

    fn pages_of_payments_have_holds_in_their_places(server) {
        let (player, shop) = (server.wallet("player", 100), server.wallet("shop", 0));
        for index in 0..9 {
            if index % 3 == 0 {
                server.pay(&player, &server.invoice(&shop, 1)).expect(201);
            } else {
                place(server, &order(&player, 2));
            }
        }
        let get = |query: &str| server.get(&format!("/api/v1/payments?{query}"), &player.invoice).expect(200);
        let whole = get("limit=100");
        let amounts: Vec<_> = whole.as_array().unwrap().iter().map(|row| row["amount_sat"].as_i64().unwrap()).collect();
        assert_eq!(amounts, [-2, -2, -1, -2, -2, -1, -2, -2, -1, 100]);
        let pages: Vec<_> = (0..4).flat_map(|page| get(&format!("limit=3&offset={}", page * 3)).as_array().unwrap().clone()).collect();
        assert_eq!(json!(pages), whole);
        assert_eq!(get("direction=asc&sortby=time&limit=1")[0]["amount_sat"], json!(100));
    }

    fn holds_are_listed(server) {
        let (a, b) = (server.wallet("a", 100), server.wallet("b", 100));
        let holds = place(server, &json!([
            order_in("x", &a, 1), order_in("y, z", &a, 1), order(&b, 1), order_in("x", &b, 1),
            {"wallet": b.id, "amount": 1, "expires_in": 1},
        ]));
        let ids: Vec<String> = holds.as_array().unwrap().iter().map(|hold| id_of(hold).to_owned()).collect();
        let of = |places: &[usize]| -> Vec<String> { places.iter().map(|place| ids[*place].clone()).collect() };
        let captured = capture_to(server, &holds[0], &b, None).expect(201);
        void(server, &holds[2]).expect(200);
        wait_until(|| find(server, &holds[4])["state"] == "expired");
        for (query, expected) in [
            ("", vec![4, 3, 2, 1, 0]),
            ("limit=2", vec![4, 3]),
            ("limit=2&offset=2", vec![2, 1]),
            ("limit=0&offset=4", vec![0]),
            ("offset=9", vec![]),
            ("group=x", vec![3, 0]),
            ("group=y,%20z", vec![1]),
            ("group=X", vec![]),
            ("state=open", vec![3, 1]),
            ("state=captured", vec![0]),
            ("state=voided", vec![2]),
            ("state=expired", vec![4]),
            ("state=open&state=captured", vec![3, 1, 0]),
            ("state[in]=open,expired", vec![4, 3, 1]),
            ("state=expired&state=voided", vec![4, 2]),
            ("group=x&state=open", vec![3]),
            ("group=&state=&wallet=&limit=&offset=", vec![4, 3, 2, 1, 0]),
            ("unknown=1", vec![4, 3, 2, 1, 0]),
        ] {
            assert_eq!(listed(server, query), of(&expected), "{query}");
        }
        assert_eq!(listed(server, &format!("wallet={}", a.id)), of(&[1, 0]));
        assert_eq!(listed(server, &format!("wallet={}&state=open&group=x", b.id)), of(&[3]));
        // The same states once the sweeper has been there.
        wait_until(|| balances(server, &b)[1] == 1);
        assert_eq!(listed(server, "state=open&state=captured"), of(&[3, 1, 0]));
        assert_eq!(listed(server, "state=expired"), of(&[4]));
        let list = server.get(&format!("{HOLDS}?state=captured"), &server.manager.admin).expect(200);
        assert_eq!(list, json!([captured]));
        for (query, field) in [("state=closed", "state"), ("limit=-1", "limit"), ("offset=x", "offset"), ("group[like]=x", "group[like]")] {
            server.get(&format!("{HOLDS}?{query}"), &server.manager.invoice).refused(400, "invalid_request", field);
        }
        for wallet in ["0".repeat(32), "x".to_owned()] {
            server.get(&format!("{HOLDS}?wallet={wallet}"), &server.manager.invoice).refused(404, "wallet_not_found", "Wallet does not exist");
        }
    }

    fn a_page_has_at_most_a_hundred(server) {
        let player = server.wallet("player", 250);
        place(server, &json!((0..250).map(|_| order(&player, 1)).collect::<Vec<_>>()));
        for query in ["", "limit=100", "limit=1000", "limit=0"] {
            assert_eq!(listed(server, query).len(), 100, "{query}");
        }
        let pages: Vec<_> = (0..3).flat_map(|page| listed(server, &format!("offset={}", page * 100))).collect();
        assert_eq!(pages.len(), 250);
        assert!(pages.windows(2).all(|pair| pair[0] > pair[1]));
    }
}
