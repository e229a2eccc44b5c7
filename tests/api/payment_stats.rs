//! `/api/v1/payments/stats/…`

use serde_json::{Value, json};

use crate::harness::{Server, StoreKind, Wallet, both_stores};

/// Three payments in, one out, one that waits.
fn world(server: &Server) -> Wallet {
    let wallet = server.wallet("shop", 0);
    for (amount, tag) in [(100, json!({"tag": "b"})), (20, json!({"tag": "a"})), (3, json!({"tag": "b"}))] {
        let order = json!({"out": false, "amount": amount, "extra": tag});
        let invoice = server.post("/api/v1/payments", &wallet.invoice, &order).expect(201);
        server.pay(&server.manager, invoice["bolt11"].as_str().unwrap()).expect(201);
    }
    server.pay(&wallet, &server.invoice(&server.manager, 7)).expect(201);
    server.invoice(&wallet, 1000);
    wallet
}

both_stores! {
    fn payments_are_counted(server) {
        let wallet = world(server);
        let count = |query: &str| server.get(&format!("/api/v1/payments/stats/count{query}"), &wallet.invoice).expect(200);
        let by_tag = json!([{"field": "", "total": 2}, {"field": "a", "total": 1}, {"field": "b", "total": 2}]);
        assert_eq!(count(""), by_tag);
        assert_eq!(count("?count_by=tag"), by_tag);
        assert_eq!(count("?count_by=status"), json!([{"field": "pending", "total": 1}, {"field": "success", "total": 4}]));
        assert_eq!(count("?count_by=wallet_id"), json!([{"field": wallet.id, "total": 5}]));
        assert_eq!(count("?count_by=extension"), json!([{"field": "", "total": 5}]));
        assert_eq!(count("?count_by=tag&amount[lt]=0"), json!([{"field": "", "total": 1}]));
        assert_eq!(count("?count_by=tag&amount[ge]=20000.0&tag=a&tag=b"), json!([{"field": "a", "total": 1}, {"field": "b", "total": 1}]));
        assert_eq!(count("?memo=nothing"), json!([]));
        server.database.execute("UPDATE invoices SET expires_at_ms = 1 WHERE state = 'open'").unwrap();
        assert_eq!(count("?count_by=status"), json!([{"field": "failed", "total": 1}, {"field": "success", "total": 4}]));
        for query in ["count_by=x", "amount=x", "status=x"] {
            server.get(&format!("/api/v1/payments/stats/count?{query}"), &wallet.invoice).refused(400, "invalid_request", "");
        }
    }

    fn only_the_largest_groups_are_shown(server) {
        let wallet = server.wallet("shop", 0);
        let (id, account) = match server.store {
            StoreKind::Sqlite => ("CAST(printf('%032d', i) AS BLOB)", server.store.bytes(&wallet.id)),
            StoreKind::Postgres => ("convert_to(lpad(i::text, 32, '0'), 'UTF8')", server.store.bytes(&wallet.id)),
        };
        // Two of the tags that come last in the alphabet, one of each other.
        server.database.execute(&format!(
            "INSERT INTO invoices (id, wallet_id, payment_hash, preimage_sealed, amount_msat, memo, state, created_at_ms,
                expires_at_ms, tag)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1201)
             SELECT {id}, {account}, {id}, {id}, 1000, '', 'open', 1, 1, 'tag ' || (CASE WHEN i > 1200 THEN 1200 ELSE i END) FROM n"
        )).unwrap();
        let counted = server.get("/api/v1/payments/stats/count", &wallet.invoice).expect(200);
        let counted = counted.as_array().unwrap();
        assert_eq!(counted.len(), 1000);
        assert!(counted.contains(&json!({"field": "tag 1200", "total": 2})));
        assert!(counted.is_sorted_by_key(|group| group["field"].as_str().unwrap().to_owned()));
    }

    fn settled_payments_are_summed_up(server) {
        let wallet = world(server);
        let get = |path: &str| server.get(&format!("/api/v1/payments/stats/{path}"), &wallet.admin).expect(200);
        assert_eq!(get("wallets"), json!([{
            "wallet_id": wallet.id, "wallet_name": "shop", "user_id": wallet.user, "payments_count": 4, "balance": 116_000,
        }]));
        assert_eq!(get("wallets?tag=b")[0]["balance"], 103_000);
        assert_eq!(get("wallets?status=pending"), json!([]));
        assert_eq!(get("breakdown"), json!([
            {"tag": null, "is_fiat": false, "payments_count": 1, "total": -7_000},
            {"tag": "a", "is_fiat": false, "payments_count": 1, "total": 20_000},
            {"tag": "b", "is_fiat": false, "payments_count": 2, "total": 103_000},
        ]));
        let nobody = server.wallet("nobody", 0);
        for path in ["count", "wallets", "daily", "breakdown"] {
            assert_eq!(server.get(&format!("/api/v1/payments/stats/{path}"), &nobody.invoice).expect(200), json!([]), "{path}");
        }
    }

    fn days_are_summed_up_without_a_gap(server) {
        let wallet = world(server);
        // The largest payment was the day before yesterday.
        let day_ms = 86_400_000;
        let sql = format!("UPDATE invoices SET paid_at_ms = paid_at_ms - {} WHERE amount_msat = 100000", 2 * day_ms);
        server.database.execute(&sql).unwrap();
        let days = server.get("/api/v1/payments/stats/daily", &wallet.invoice).expect(200);
        let of = |day: &Value| {
            let number = |name: &str| day[name].as_i64().unwrap();
            [number("balance"), number("balance_in"), number("balance_out"), number("count_in"), number("count_out"), number("payments_count")]
        };
        let shown: Vec<_> = days.as_array().unwrap().iter().map(of).collect();
        assert_eq!(shown, [[100, 100, 0, 1, 0, 1], [100, 0, 0, 0, 0, 0], [116, 23, -7, 2, 1, 3]]);
        assert!(days[0]["date"].as_str().unwrap().ends_with("T00:00:00Z"));
        assert_eq!(days[2]["fee"], 0);
    }
}
