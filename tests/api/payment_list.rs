//! Lists of payments: pages, order, filters, search, history.

use serde_json::{Value, json};

use crate::harness::{Server, Wallet, both_stores};

/// A wallet with four payments: three invoices, of which the first was paid, and a payment.
fn prepare(server: &Server) -> (Wallet, Wallet) {
    let (wallet, other) = (server.wallet("listed", 0), server.wallet("other", 1_000));
    for (sats, memo, tag) in [(300, "Beans 100%", "shop"), (100, "Tea_time", "shop"), (200, "tea", "café")] {
        let order = json!({"amount": sats, "memo": memo, "extra": {"tag": tag}});
        let invoice = server.post("/api/v1/payments", &wallet.invoice, &order).expect(201);
        if sats == 300 {
            server.pay(&other, invoice["bolt11"].as_str().unwrap()).expect(201);
        }
    }
    server.pay(&wallet, &server.invoice(&other, 50)).expect(201);
    (wallet, other)
}

fn memos(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|payment| payment["memo"].as_str().unwrap()).collect()
}

both_stores! {
    fn payments_are_listed_newest_first_in_pages(server) {
        let (wallet, _) = prepare(server);
        let list = |query: &str| server.get(&format!("/api/v1/payments{query}"), &wallet.invoice).expect(200);
        let all = ["test", "tea", "Tea_time", "Beans 100%"];
        assert_eq!(memos(&list("")), all);
        assert_eq!(memos(&list("?limit=2")), all[..2]);
        assert_eq!(memos(&list("?limit=2&offset=1")), all[1..3]);
        assert_eq!(memos(&list("?offset=4")), [""; 0]);
        assert_eq!(memos(&list("?direction=asc&limit=1")), all[3..]);
        let page = list("/paginated?limit=1&offset=2");
        assert_eq!((page["total"].as_i64(), memos(&page["data"])), (Some(4), vec!["Tea_time"]));
        for _ in 0..20 {
            server.invoice(&wallet, 1);
        }
        assert_eq!(list("").as_array().unwrap().len(), 20);
        assert_eq!(list("?limit=1000").as_array().unwrap().len(), 24);
    }

    fn payments_are_sorted_by_what_is_asked(server) {
        let (wallet, _) = prepare(server);
        let amounts = |sort: &str| -> Vec<i64> {
            let list = server.get(&format!("/api/v1/payments?{sort}"), &wallet.admin).expect(200);
            list.as_array().unwrap().iter().map(|payment| payment["amount_sat"].as_i64().unwrap()).collect()
        };
        assert_eq!(amounts("sortby=amount"), [300, 200, 100, -50]);
        assert_eq!(amounts("sortby=amount&direction=asc"), [-50, 100, 200, 300]);
        assert_eq!(amounts("sortby=memo&direction=asc&memo[ne]=test"), [300, 100, 200]);
        assert_eq!(amounts("sortby=tag&direction=asc&amount[gt]=0").len(), 3);
        for newest in ["sortby=time", "sortby=created_at&direction=desc", "sortby=fee"] {
            assert_eq!(amounts(newest), [-50, 200, 100, 300]);
        }
        assert_eq!(amounts("sortby=updated_at&direction=asc&status=success"), [300, -50]);
    }

    fn payments_are_filtered(server) {
        let (wallet, other) = prepare(server);
        let hash = {
            let list = server.get("/api/v1/payments?memo=tea", &wallet.admin).expect(200);
            list[0]["payment_hash"].as_str().unwrap().to_owned()
        };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let cases: Vec<(String, Vec<&str>)> = vec![
            ("status=success".into(), vec!["test", "Beans 100%"]),
            ("status=pending".into(), vec!["tea", "Tea_time"]),
            ("status=failed".into(), vec![]),
            ("status[ne]=success".into(), vec!["tea", "Tea_time"]),
            ("status[in]=success,pending".into(), vec!["test", "tea", "Tea_time", "Beans 100%"]),
            ("memo=tea".into(), vec!["tea"]),
            ("memo[eq]=TEA".into(), vec![]),
            ("memo[like]=TEA".into(), vec!["tea", "Tea_time"]),
            ("memo[in]=tea,test".into(), vec!["test", "tea"]),
            ("search=100%25".into(), vec!["Beans 100%"]),
            ("search=a_t".into(), vec!["Tea_time"]),
            ("search=%25".into(), vec!["Beans 100%"]),
            ("search=%5C".into(), vec![]),
            ("search='; DROP TABLE invoices; --".replace(' ', "%20"), vec![]),
            ("tag=shop".into(), vec!["Tea_time", "Beans 100%"]),
            ("tag[ne]=shop".into(), vec!["test", "tea"]),
            ("tag[like]=caf".into(), vec!["tea"]),
            ("amount[ge]=200000".into(), vec!["tea", "Beans 100%"]),
            ("amount[gt]=200000".into(), vec!["Beans 100%"]),
            ("amount[lt]=0".into(), vec!["test"]),
            ("amount[le]=100000&amount[ge]=0".into(), vec!["Tea_time"]),
            ("amount=300000".into(), vec!["Beans 100%"]),
            ("amount[ne]=300000".into(), vec!["test", "tea", "Tea_time"]),
            ("amount[in]=100000,200000".into(), vec!["tea", "Tea_time"]),
            ("fee=0&fee[le]=0&limit=1".into(), vec!["test"]),
            ("fee[gt]=0".into(), vec![]),
            (format!("time[ge]={}&limit=1", now - 600), vec!["test"]),
            (format!("time[gt]={}", now + 600), vec![]),
            (format!("time[le]={}&limit=1", now + 600), vec!["test"]),
            ("created_at[gt]=2020-01-01T00:00:00Z&created_at[lt]=2099-01-01&limit=1".into(), vec!["test"]),
            ("created_at[lt]=2020-01-01T00:00:00".into(), vec![]),
            (format!("payment_hash={hash}"), vec!["tea"]),
            (format!("checking_id[in]={hash},{}", "0".repeat(64)), vec!["tea"]),
            (format!("payment_hash[ne]={hash}&status=pending"), vec!["Tea_time"]),
            // A field that is named twice means either value; others hold all.
            ("status=success&status=pending".into(), vec!["test", "tea", "Tea_time", "Beans 100%"]),
            ("status=success&status[eq]=pending&status[ne]=success".into(), vec!["tea", "Tea_time"]),
            ("status[ne]=success&status[ne]=pending".into(), vec![]),
            ("memo=tea&memo=test".into(), vec!["test", "tea"]),
            ("memo=tea&memo[in]=test,Tea_time".into(), vec![]),
            ("memo[like]=beans&memo[like]=time".into(), vec!["Tea_time", "Beans 100%"]),
            ("search=beans&search=time".into(), vec!["Tea_time", "Beans 100%"]),
            ("search=tea&memo=tea".into(), vec!["tea"]),
            ("tag=shop&tag=caf%C3%A9".into(), vec!["tea", "Tea_time", "Beans 100%"]),
            ("tag[ne]=shop&tag[ne]=caf%C3%A9".into(), vec!["test"]),
            ("amount=100000&amount=200000".into(), vec!["tea", "Tea_time"]),
            ("amount[ne]=100000&amount[ne]=200000".into(), vec!["test", "Beans 100%"]),
            ("amount[in]=100000&amount[in]=200000".into(), vec!["tea", "Tea_time"]),
            (format!("payment_hash={hash}&payment_hash={}", "0".repeat(64)), vec!["tea"]),
            (format!("wallet_id={}&wallet_id={}&limit=1", wallet.id, other.id), vec!["test"]),
            // What is not known is ignored, whatever it says.
            (format!("wallet={}&limit=1", wallet.id), vec!["test"]),
            ("pending=true&usr=1&_=17&page=2&all_wallets=x&recheck_pending=&search[like]=x&limit=1".into(), vec!["test"]),
            ("[eq]=1&x%00=%00&limit=1".into(), vec!["test"]),
            (format!("{}=1&limit=1", "x".repeat(9_000)), vec!["test"]),
            (format!("wallet_id={}&limit=1", wallet.id), vec!["test"]),
            (format!("wallet_id={}", other.id), vec![]),
            (format!("wallet_id[ne]={}", wallet.id), vec![]),
        ];
        for (query, expected) in cases {
            let list = server.get(&format!("/api/v1/payments?{query}"), &wallet.invoice).expect(200);
            assert_eq!(memos(&list), expected, "{query}");
            let page = server.get(&format!("/api/v1/payments/paginated?{query}"), &wallet.invoice).expect(200);
            assert_eq!(memos(&page["data"]), expected, "{query}");
            if !query.contains("limit") {
                assert_eq!(page["total"], expected.len(), "{query}");
            }
        }
    }

    fn a_bad_value_is_refused(server) {
        let key = server.manager.invoice.clone();
        let bad = [
            "limit=-1", "limit=x", "limit=1.5", "limit=x&limit=1", "offset=-1", "offset=x",
            "sortby=nope", "sortby=memo;drop", "direction=up", "status=paid", "status[gt]=success", "memo[gt]=a",
            "status=success&status=paid", "amount=1.5", "amount[like]=1", "amount[nope]=1", "amount[gt=1", "time=yesterday",
            "time=2026-02-30", "created_at=2026-13-01", "time[ge]=2026-06-09T25:00", "time[like]=2026", "payment_hash=1",
            "payment_hash[like]=1", "wallet_id=1", "memo[]=1",
        ];
        for query in bad {
            for path in ["/api/v1/payments", "/api/v1/payments/paginated"] {
                let answer = server.get(&format!("{path}?{query}"), &key);
                answer.refused(400, "invalid_request", "");
            }
        }
        let extremes = format!("amount[gt]={}&time[le]={}&time[ge]={}", i64::MAX, i64::MAX, i64::MIN);
        server.get(&format!("/api/v1/payments?{extremes}"), &key).expect(200);
        server.send("GET", &format!("/api/v1/payments?limit=&api-key={key}"), &[], "").expect(200);
    }

    fn a_page_is_as_long_as_lists_allow(server) {
        // Everywhere alike: too much is the most, 0 and nothing are the default.
        let key = server.manager.admin.clone();
        let wallet = server.wallet("listed", 0);
        for _ in 0..21 {
            server.invoice(&wallet, 1);
        }
        let hook = server.post("/usermanager/api/v1/webhooks", &key, &json!({"url": "https://a.example/"})).expect(201);
        let operator = server.operator("root");
        let lists = [
            ("/api/v1/payments".to_owned(), 20), ("/api/v1/payments/paginated".to_owned(), 20),
            ("/api/v1/payments/all/paginated".to_owned(), 20), ("/api/v1/wallets".to_owned(), 1),
            ("/usermanager/api/v1/transactions".to_owned(), 22),
            ("/api/v1/webhooks/deliveries".to_owned(), 0), ("/usermanager/api/v1/users".to_owned(), 1),
            ("/usermanager/api/v1/wallets".to_owned(), 1),
            (format!("/usermanager/api/v1/transactions/{}", wallet.id), 21),
            (format!("/usermanager/api/v1/webhooks/{}/deliveries", hook["id"].as_str().unwrap()), 0),
            ("/users/api/v1/user".to_owned(), 1),
        ];
        for (path, default) in lists {
            let key = if path.starts_with("/api/v1/") { &wallet.admin } else { &key };
            let token = format!("Bearer {operator}");
            let headers = [("X-Api-Key", key.as_str()), ("Authorization", &token)];
            let get = |query: &str| server.send("GET", &format!("{path}?{query}"), &headers, "");
            let rows = |query: &str| {
                let list = get(query).expect(200);
                list.get("data").unwrap_or(&list).as_array().unwrap().len()
            };
            for query in ["", "limit=", "limit=0", "limit=00", "offset=", "offset=0", "offset=%2B0", "page=7&usr=x&_=1"] {
                assert_eq!(rows(query), default, "{path} {query}");
            }
            for query in ["limit=1", "limit=%201", "limit=1.0", "limit=7&limit=1"] {
                assert_eq!(rows(query), default.min(1), "{path} {query}");
            }
            for query in ["limit=10000", "limit=99999999999999999999"] {
                assert!(rows(query) >= default, "{path} {query}");
            }
            for query in ["offset=1000", "offset=1000000001", "offset=99999999999999999999", "limit=10000&offset=22"] {
                assert_eq!(rows(query), 0, "{path} {query}");
            }
            for query in ["limit=-1", "limit=x", "limit=1.5", "offset=-1", "offset=x", "offset=1e-3", "limit=x&limit=1"] {
                get(query).refused(400, "invalid_request", &query[..5]);
            }
        }
        let state = |query: &str| server.get(&format!("/api/v1/webhooks/deliveries?{query}"), &wallet.admin);
        for query in ["state=waiting&state=parked", "state[in]=waiting,delivered", "state="] {
            assert_eq!(state(query).expect(200), json!([]));
        }
        for query in ["state=lost", "state=waiting&state=lost", "state[ne]=waiting"] {
            state(query).refused(400, "invalid_request", "state");
        }
    }

    fn a_query_that_asks_for_too_much_is_refused(server) {
        let key = server.manager.invoice.clone();
        let many = |value: &str, count: usize| vec![value; count].join(",");
        let cases = [
            format!("amount[in]={}", many("1", 8_000)),
            format!("amount[in]={}", many("1", 101)),
            format!("status[in]={}", many("success", 2_000)),
            format!("memo[in]={}", ",".repeat(8_000)),
            format!("time[in]={}", many("1", 4_000)),
            format!("search={}", "x".repeat(16_000)),
            vec!["fee=0"; 2_000].join("&"),
            vec!["tag=x"; 101].join("&"),
        ];
        for query in cases {
            let answer = server.get(&format!("/api/v1/payments?{query}"), &key);
            answer.refused(400, "invalid_request", "at most");
        }
        let fits = format!("amount[in]={}&{}", many("1", 100), ["fee=0"; 100].join("&"));
        server.get(&format!("/api/v1/payments?{fits}"), &key).expect(200);
    }

    fn times_are_given_as_clients_have_them(server) {
        let wallet = server.wallet("timed", 0);
        server.invoice(&wallet, 1);
        let payment = server.get("/api/v1/payments", &wallet.invoice).expect(200)[0].clone();
        let (time, at) = (payment["time"].as_i64().unwrap(), payment["created_at"].as_str().unwrap().to_owned());
        let found = |query: &str| {
            let list = server.get(&format!("/api/v1/payments?{query}"), &wallet.invoice).expect(200);
            list.as_array().unwrap().len()
        };
        let long_ago = [
            "0", "0.5", "1700000000", "1700000000.123", "2023-06-09", "2023-06-09T00:00", "2023-06-09T00:00:00",
            "2023-06-09%2000:00:00", "2023-06-09T00:00:00.123456", "2023-06-09T00:00:00Z", "2023-06-09T00:00:00+02:00",
            "2023-06-09T00:00:00%2B02:00", "2023-06-09T00:00:00-0500", "2023-06-09%2000:00:00%20%2B02",
        ];
        for field in ["time", "created_at"] {
            for past in long_ago {
                assert_eq!(found(&format!("{field}[ge]={past}")), 1, "{field} {past}");
                assert_eq!(found(&format!("{field}[lt]={past}")), 0, "{field} {past}");
                let future = past.replace("2023", "2099").replace("17", "47").replace("0.5", "4700000000.5");
                if future.len() > 1 {
                    assert_eq!(found(&format!("{field}[gt]={past}&{field}[le]={future}")), 1, "{field} {past} {future}");
                    assert_eq!(found(&format!("{field}[gt]={future}")), 0, "{field} {future}");
                }
            }
            for same in [time.to_string(), format!("{time}.0"), at.clone()] {
                assert_eq!(found(&format!("{field}={same}&{field}[ge]={same}&{field}[le]={same}")), 1, "{field} {same}");
                assert_eq!(found(&format!("{field}[gt]={same}")), 0, "{field} {same}");
                assert_eq!(found(&format!("{field}=0&{field}={same}")), 1, "{field} {same}");
            }
        }
    }

    fn the_history_adds_up(server) {
        let (wallet, _) = prepare(server);
        for group in ["hour", "day", "month"] {
            let history = server.get(&format!("/api/v1/payments/history?group={group}"), &wallet.invoice).expect(200);
            let points = history.as_array().unwrap();
            let sum = |name: &str| points.iter().map(|point| point[name].as_i64().unwrap()).sum::<i64>();
            assert_eq!((sum("income"), sum("spending")), (300_000, 50_000), "{history}");
            assert_eq!(points.last().unwrap()["balance"], 250_000);
            assert!(points[0]["date"].as_str().unwrap().ends_with("00:00Z"), "{history}");
        }
        assert_eq!(server.get("/api/v1/payments/history", &server.wallet("new", 0).admin).expect(200), json!([]));
        let answer = server.get("/api/v1/payments/history?group=year", &wallet.invoice);
        answer.refused(400, "invalid_request", "group");
    }
}
