//! A tenant as a whole: all payments, all wallets, the overview, the export.

use satkeep::domain::api_keys::ApiKey;
use satkeep::domain::time::UnixMs;
use satkeep::store::payments::counts;
use satkeep::store::{Database, Store};
use serde_json::{Value, json};

use crate::harness::{Server, StoreKind, Wallet, both_stores};

const NONE: Value = Value::Null;
const ALL: &str = "/api/v1/payments/all/paginated";
const TRANSACTIONS: &str = "/usermanager/api/v1/transactions";
const OVERVIEW: &str = "/usermanager/api/v1/overview";
const EXPORT: &str = "/usermanager/api/v1/export";

/// A token of the first manager's.
fn token(server: &Server, scopes: &[&str]) -> String {
    let mut arguments = vec!["manager", "token", "create", "--user", &server.manager.user, "--name", "views"];
    arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
    server.cli(&arguments).unwrap()["token"].as_str().unwrap().to_owned()
}

/// A new user of the first manager's, with its wallet.
fn user(server: &Server, order: &Value) -> Wallet {
    let user = server.post("/usermanager/api/v1/users", &server.manager.admin, order).expect(201);
    Wallet::from_json(&user["wallets"][0])
}

/// What a wallet asks for, for something.
fn ask(server: &Server, payee: &Wallet, sats: i64, memo: &str) -> Value {
    let order = json!({"out": false, "amount": sats, "memo": memo});
    server.post("/api/v1/payments", &payee.invoice, &order).expect(201)
}

fn pay(server: &Server, payer: &Wallet, payee: &Wallet, sats: i64, memo: &str) -> String {
    let invoice = ask(server, payee, sats, memo);
    server.pay(payer, invoice["bolt11"].as_str().unwrap()).expect(201);
    invoice["payment_hash"].as_str().unwrap().to_owned()
}

/// The memo and the amount in sat of each payment of a list.
fn told(list: &Value) -> Vec<(String, i64)> {
    let told = |it: &Value| (it["memo"].as_str().unwrap().to_owned(), it["amount_sat"].as_i64().unwrap());
    list.as_array().unwrap().iter().map(told).collect()
}

fn transfer(server: &Server, from: &Wallet, to: &Wallet, count: usize) {
    let one = json!({"from_wallet": from.id, "to_wallet": to.id, "amount": 1, "memo": "one of many"});
    server.post("/usermanager/api/v1/transfers", &server.manager.admin, &json!(vec![one; count])).expect(201);
}

both_stores! {
    fn a_manager_pages_through_all_payments(server) {
        let (alice, bob) = (server.wallet_of(&server.manager.admin, "Alice"), server.wallet_of(&server.manager.admin, "Bob"));
        let stranger = server.new_manager("stranger", 1_000);
        pay(server, &server.manager, &alice, 100, "fill");
        pay(server, &alice, &bob, 40, "between");
        pay(server, &stranger, &bob, 5, "from elsewhere");
        pay(server, &bob, &stranger, 3, "to elsewhere");
        ask(server, &bob, 7, "open");
        let expected: Vec<_> = [
            ("open", 7), ("to elsewhere", -3), ("from elsewhere", 5), ("between", -40), ("between", 40), ("fill", -100), ("fill", 100),
        ].map(|(memo, sats)| (memo.to_owned(), sats)).into();
        // The credit of the first start comes last.
        let (admin, read) = (server.manager.admin.clone(), token(server, &["read"]));
        for limit in [1, 3, 50] {
            let mut found = Vec::new();
            loop {
                let page = server.get(&format!("{ALL}?limit={limit}&offset={}", found.len()), &admin).expect(200);
                assert_eq!(page["total"], 8, "{page}");
                let rows = told(&page["data"]);
                found.extend(rows.clone());
                if rows.len() < limit {
                    break;
                }
            }
            assert_eq!((found.len(), &found[..7]), (8, &expected[..]));
        }
        let page = server.get(&format!("{ALL}?limit=50"), &admin).expect(200);
        assert_eq!(server.as_session("GET", &format!("{ALL}?limit=50"), &read, &NONE).expect(200), page);
        assert_eq!(server.get(TRANSACTIONS, &admin).expect(200), page["data"]);
        assert_eq!(server.as_session("GET", TRANSACTIONS, &read, &NONE).expect(200), page["data"]);
        assert_eq!(told(&server.get(&format!("{TRANSACTIONS}?limit=2&offset=1"), &admin).expect(200)), expected[1..3]);
        let cases: [(String, Vec<(&str, i64)>); 7] = [
            (format!("wallet_id={}", alice.id), vec![("between", -40), ("fill", 100)]),
            (format!("wallet_id={}&amount[lt]=0", bob.id), vec![("to elsewhere", -3)]),
            (format!("wallet_id={}&wallet_id={}&status=success&amount[gt]=0", alice.id, bob.id), vec![("from elsewhere", 5), ("between", 40), ("fill", 100)]),
            (format!("wallet_id={}", stranger.id), vec![]),
            ("status=pending".into(), vec![("open", 7)]),
            ("memo=between&sortby=amount&direction=asc".into(), vec![("between", -40), ("between", 40)]),
            (format!("wallet_id[ne]={}&memo[like]=ELSE", alice.id), vec![("to elsewhere", -3), ("from elsewhere", 5)]),
        ];
        for (query, expected) in cases {
            let page = server.get(&format!("{ALL}?{query}"), &admin).expect(200);
            let expected: Vec<_> = expected.into_iter().map(|(memo, sats)| (memo.to_owned(), sats)).collect();
            assert_eq!((told(&page["data"]), page["total"].as_u64()), (expected.clone(), Some(expected.len() as u64)), "{query}");
        }
        // Everybody else: an invoice key not, a user's own key what its wallet has, a strange manager its own.
        server.get(ALL, &server.manager.invoice).refused(403, "admin_key_required", "");
        server.send("GET", ALL, &[], "").refused(401, "no_api_key", "");
        assert_eq!(told(&server.get(ALL, &alice.admin).expect(200)["data"]), [("between".to_owned(), -40), ("fill".to_owned(), 100)]);
        for path in [TRANSACTIONS, EXPORT] {
            assert_eq!(server.get(&format!("{path}?what=payments"), &alice.admin).expect(200), json!([]), "{path}");
        }
        assert_eq!(server.get(ALL, &stranger.admin).expect(200)["total"], 3);
        let operator = server.operator("root");
        server.as_session("GET", ALL, &operator, &NONE).refused(403, "manager_required", "");
        for query in ["limit=x", "status=paid", "wallet_id=1"] {
            server.get(&format!("{ALL}?{query}"), &admin).refused(400, "invalid_request", "");
        }
        server.audit();
    }

    fn what_was_deleted_stays_in_the_history(server) {
        let (player, admin) = (server.wallet("player", 50), server.manager.admin.clone());
        let open = ask(server, &player, 7, "never paid");
        server.delete(&format!("/usermanager/api/v1/users/{}", player.user), &admin).expect(200);
        let page = server.get(&format!("{ALL}?wallet_id={}", player.id), &admin).expect(200);
        assert_eq!((page["total"].as_i64(), told(&page["data"])[1].clone()), (Some(3), ("never paid".to_owned(), 7)));
        let page = server.get(ALL, &admin).expect(200);
        assert_eq!(page["total"], 6);
        let cancelled = page["data"].as_array().unwrap().iter().find(|it| it["payment_hash"] == open["payment_hash"]).unwrap();
        assert_eq!((&cancelled["state"], &cancelled["status"], &cancelled["pending"]), (&json!("cancelled"), &json!("failed"), &json!(false)));
        for (status, count) in [("pending", 0), ("failed", 1), ("success", 5)] {
            assert_eq!(server.get(&format!("{ALL}?status={status}"), &admin).expect(200)["total"], count, "{status}");
        }
        assert_eq!(server.get(&format!("{ALL}?search=player"), &admin).expect(200)["total"], 3);
    }

    fn a_search_finds_users_wallets_and_hashes(server) {
        let admin = server.manager.admin.clone();
        let order = json!({"user_name": "Steve", "email": "s@example.org", "external_id": "mc-069a", "wallet_name": "Purse of S"});
        let steve = user(server, &order);
        let other = user(server, &json!({"user_name": "Other", "wallet_name": "chest"}));
        let hash = pay(server, &server.manager, &steve, 10, "a sword");
        pay(server, &server.manager, &other, 20, "a shield for steve's friend");
        let found = |text: &str| {
            let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let page = server.get(&format!("{ALL}?search={text}"), &admin).expect(200);
            let list = server.get(&format!("{TRANSACTIONS}?search={text}"), &admin).expect(200);
            assert_eq!(page["data"], list, "{text}");
            assert_eq!(page["total"], list.as_array().unwrap().len(), "{text}");
            told(&list).into_iter().map(|(_, sats)| sats).collect::<Vec<_>>()
        };
        for (text, expected) in [
            ("SWORD", vec![-10, 10]), ("purse", vec![10]), ("steve", vec![10]), ("S@EXAMPLE", vec![10]), ("mc-069a", vec![10]),
            (hash.as_str(), vec![-10, 10]), (steve.id.as_str(), vec![10]), (steve.user.as_str(), vec![10]), ("nothing at all", vec![]),
            ("chest", vec![20]), ("shield", vec![-20, 20]), ("e", vec![-20, 20, -10, 10, 1_000_000]), (&"0".repeat(64), vec![]), (&"0".repeat(32), vec![]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
        let names = |path: &str, text: &str| {
            let list = server.get(&format!("{path}?search={text}"), &admin).expect(200);
            list.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for path in ["/api/v1/wallets", "/usermanager/api/v1/wallets"] {
            for text in ["purse", "STEVE", "s@example.org", "mc-069", &steve.id, &steve.user] {
                assert_eq!(names(path, text), ["Purse of S"], "{path} {text}");
            }
            assert_eq!(names(path, "nobody").len(), 0);
        }
        for text in ["steve", "MC-069a", &steve.user] {
            assert_eq!(names("/usermanager/api/v1/users", text), ["Steve"]);
        }
        let long = "x".repeat(129);
        for path in [ALL, TRANSACTIONS, "/api/v1/wallets", "/usermanager/api/v1/wallets", "/usermanager/api/v1/users"] {
            server.get(&format!("{path}?search={long}"), &admin).refused(400, "invalid_request", "search");
        }
    }

    fn users_of_users_are_their_managers(server) {
        let studio = server.creator_of(&server.manager.admin, "studio");
        let player = server.wallet_of(&studio.admin, "player");
        pay(server, &server.manager, &studio, 30, "to the studio");
        pay(server, &studio, &player, 20, "to the player");
        let memos = |key: &str| -> Vec<_> { told(&server.get(TRANSACTIONS, key).expect(200)) };
        let own = |sats| ("to the player".to_owned(), sats);
        assert_eq!(memos(&studio.admin), [own(20)]);
        assert_eq!(memos(&server.manager.admin)[0], own(-20));
        assert!(!memos(&server.manager.admin).contains(&own(20)));
        let wallets = |key: &str| server.get("/api/v1/wallets", key).expect(200).as_array().unwrap().len();
        assert_eq!((wallets(&server.manager.admin), wallets(&studio.admin), wallets(&player.admin)), (2, 1, 1));
        let held = |key: &str| server.get(OVERVIEW, key).expect(200);
        let (of_manager, of_studio) = (held(&server.manager.admin), held(&studio.admin));
        assert_eq!((&of_studio["balance_msat"], &of_studio["users"], &of_studio["wallets"]), (&json!(20_000), &json!(1), &json!(1)));
        assert_eq!(of_manager["balance_msat"].as_i64().unwrap(), 1_000_000_000 - 20_000);
        // Revoked, it sees no more of them.
        let order = json!({"may_create_users": false});
        server.put(&format!("/usermanager/api/v1/users/{}", studio.user), &server.manager.admin, &order).expect(200);
        assert_eq!(memos(&studio.admin), []);
    }

    fn long_lists_come_page_by_page_while_more_is_added(server) {
        let (player, admin) = (server.wallet("player", 2_000), server.manager.admin.clone());
        transfer(server, &player, &server.manager, 700);
        let list = std::thread::scope(|scope| {
            let adding = scope.spawn(|| (0..20).for_each(|_| transfer(server, &player, &server.manager, 10)));
            let list = server.get(TRANSACTIONS, &admin).expect(200);
            adding.join().unwrap();
            list
        });
        let list = list.as_array().unwrap();
        let sides: std::collections::BTreeSet<_> = list.iter().map(|it| (it["payment_hash"].as_str().unwrap(), it["wallet_id"].as_str().unwrap())).collect();
        assert_eq!(sides.len(), list.len(), "nothing is told twice");
        let all = server.get(&format!("{EXPORT}?what=payments"), &admin);
        assert_eq!(all.header("x-total-count"), Some("1803"));
        let all = all.expect(200);
        assert_eq!(all.as_array().unwrap().len(), 1803);
        // Whatever was there when it began is in it.
        let oldest: std::collections::BTreeSet<_> = all.as_array().unwrap().iter().rev().take(1_403)
            .map(|it| (it["payment_hash"].as_str().unwrap(), it["wallet_id"].as_str().unwrap())).collect();
        assert!(oldest.is_subset(&sides));
        assert_eq!(server.get(&format!("{ALL}?limit=1"), &admin).expect(200)["total"], 1803);
    }

    fn a_count_goes_on_from_the_last_one(server) {
        let player = server.wallet("player", 2_000);
        transfer(server, &player, &server.manager, 300);
        let tenant = server.manager.user.parse().unwrap();
        let store = Store::open(Database::from_url(&server.database.url).unwrap()).unwrap();
        let rows = |sql: &str| server.database.texts(&format!("SELECT CAST({sql} AS TEXT) AS text FROM payment_counts"));
        let later = UnixMs::new(satkeep::clock::now().get() + 600_000);
        let mut steps = 0;
        let total = loop {
            let counted = store.write_blocking(|connection| {
                let counted = counts::count(connection, tenant, later, 100)?;
                counts::keep(connection, tenant, &counted)?;
                Ok(counted)
            }).unwrap();
            steps += 1;
            if let Some(total) = counted.total() {
                break total;
            }
            assert!(counted.is_worth_keeping());
        };
        assert_eq!((total, steps, rows("SUM(payments)")), (603, 4, vec!["603".to_owned()]));
        // What comes then is added to what is kept.
        transfer(server, &player, &server.manager, 5);
        server.database.execute("UPDATE payment_counts SET payments = payments + 1000").unwrap();
        let again = store.read_blocking(|connection| counts::count(connection, tenant, later, 100)).unwrap();
        assert_eq!((again.total(), again.is_worth_keeping()), (Some(2_603), false), "rows from before are not looked at again");
        // A count that has come less far is not kept.
        let early = UnixMs::new(1_000);
        store.write_blocking(|connection| {
            let counted = counts::count(connection, tenant, early, 100)?;
            counts::keep(connection, tenant, &counted)
        }).unwrap();
        assert_eq!(rows("SUM(payments)"), ["2603"]);
    }

    fn payments_from_before_are_given_their_tenants(server) {
        let (player, stranger) = (server.wallet("player", 100), server.new_manager("stranger", 1_000));
        pay(server, &stranger, &player, 5, "from elsewhere");
        pay(server, &player, &server.manager, 7, "within");
        ask(server, &player, 1, "open");
        let without = ["payment_counts", "__diesel_schema_migrations", "cursors"];
        let before = server.database.dump(&without);
        let version = |run: &Value| run.to_string().contains("00000000000022");
        while !version(&server.cli(&["migrate", "--revert"]).unwrap()) {}
        assert_ne!(server.database.dump(&without), before);
        server.cli(&["migrate"]).unwrap();
        assert_eq!(server.database.dump(&without), before);
        let counted = server.database.texts("SELECT side || ' ' || CAST(payments AS TEXT) AS text FROM payment_counts ORDER BY 1");
        // Unpaid invoices of links went away since, so the incoming ones are counted anew.
        assert_eq!(counted, ["out 1", "out 2"]);
        server.audit();
        assert_eq!(server.replica().get(ALL, &server.manager.admin).expect(200)["total"], 7);
    }

    fn wallets_are_shown_with_the_keys_that_the_caller_may_see(server) {
        let player = server.wallet("player", 5);
        let order = json!({"name": "the manager's second"});
        let second = server.post("/api/v1/wallet", &server.manager.admin, &order).expect(200);
        let [read, users, all] = [&["read"][..], &["users"], &["all"]].map(|scopes| token(server, scopes));
        let keys = |list: &Value, id: &str| {
            let wallet = list.as_array().unwrap().iter().find(|it| it["id"] == id).unwrap();
            (wallet["adminkey"].clone(), wallet["inkey"].clone())
        };
        let by_token = |token: &str| server.as_session("GET", "/api/v1/wallets", token, &NONE).expect(200);
        let own = (json!(player.admin), json!(player.invoice));
        assert_eq!(keys(&by_token(&read), &player.id), (NONE, NONE));
        assert_eq!(keys(&by_token(&users), &player.id), (NONE, own.1.clone()));
        assert_eq!(keys(&by_token(&all), &player.id), own);
        assert_eq!(keys(&by_token(&all), second["id"].as_str().unwrap()), (second["adminkey"].clone(), second["inkey"].clone()));
        let by_key = server.get("/api/v1/wallets", &server.manager.admin).expect(200);
        assert_eq!(by_key.as_array().unwrap().len(), 3);
        assert_eq!(keys(&by_key, &player.id), own);
        assert_eq!(keys(&by_key, &server.manager.id), (json!(server.manager.admin), json!(server.manager.invoice)));
        // One wallet's key is no key of another, though they are the same user's.
        assert_eq!(keys(&by_key, second["id"].as_str().unwrap()), (NONE, NONE));
        let alone = server.get("/api/v1/wallets", &player.admin).expect(200);
        assert_eq!((alone.as_array().unwrap().len(), keys(&alone, &player.id)), (1, own));
        assert_eq!(server.get("/api/v1/wallets?offset=1", &player.admin).expect(200), json!([]));
        assert_eq!(server.get("/api/v1/wallets?search=else", &player.admin).expect(200), json!([]));
        server.send("GET", &format!("/api/v1/wallets?usr={}", server.manager.user), &[], "").refused(401, "no_api_key", "");
        server.get("/api/v1/wallets", &player.invoice).refused(403, "admin_key_required", "");
    }

    fn the_overview_adds_up(server) {
        let (player, stranger) = (server.wallet("player", 100), server.new_manager("stranger", 1_000));
        pay(server, &stranger, &player, 50, "from elsewhere");
        pay(server, &player, &stranger, 20, "to elsewhere");
        let overview = server.get(OVERVIEW, &server.manager.admin).expect(200);
        let of = |name: &str| overview[name].as_i64().unwrap();
        let balance = 1_000_000_000 + 30_000;
        assert_eq!((of("balance_msat"), of("held_msat"), of("users"), of("wallets")), (balance, 0, 1, 2));
        // A credit, a payment within the tenant, one in, one out.
        let volume = 1_000_000_000 + 100_000 + 50_000 + 20_000;
        assert_eq!((of("payments_24h"), of("volume_24h_msat")), (4, volume));
        assert_eq!((of("payments_24h_before"), of("volume_24h_before_msat")), (0, 0));
        // The day before, and long ago.
        let earlier = |memo: &str, hours: i64| {
            let (at, id) = (satkeep::clock::now().get() - hours * 3_600_000, format!("{:012x}", satkeep::clock::now().get() - hours * 3_600_000));
            let new = match server.store {
                StoreKind::Sqlite => format!("unhex('{id}' || substr(hex(id), 13))"),
                StoreKind::Postgres => format!("'\\x{id}'::bytea || substr(id, 7)"),
            };
            let (off, on) = match server.store {
                StoreKind::Sqlite => (
                    "DROP TRIGGER transfers_are_not_updated",
                    "CREATE TRIGGER transfers_are_not_updated BEFORE UPDATE ON transfers\nBEGIN\n    SELECT RAISE(ABORT, 'transfers are append-only');\nEND",
                ),
                StoreKind::Postgres => (
                    "ALTER TABLE transfers DISABLE TRIGGER transfers_are_not_changed",
                    "ALTER TABLE transfers ENABLE TRIGGER transfers_are_not_changed",
                ),
            };
            let update = format!(
                "UPDATE transfers SET created_at_ms = {at}, id = {new} WHERE invoice_id IN (SELECT id FROM invoices WHERE memo = '{memo}')"
            );
            for sql in [off, &update, on] {
                server.database.execute(sql).unwrap();
            }
        };
        earlier("from elsewhere", 30);
        earlier("to elsewhere", 49);
        let overview = server.get(&format!("{OVERVIEW}?group=hour&periods=168"), &server.manager.admin).expect(200);
        let of = |name: &str| overview[name].as_i64().unwrap();
        assert_eq!((of("payments_24h"), of("volume_24h_msat")), (2, 1_000_100_000));
        assert_eq!((of("payments_24h_before"), of("volume_24h_before_msat")), (1, 50_000));
        let series = overview["series"].as_array().unwrap();
        assert_eq!(series.len(), 168);
        let moved: Vec<_> = series.iter().filter(|it| it["payments"] != 0).map(|it| it["volume_msat"].as_i64().unwrap()).collect();
        assert_eq!(moved.iter().sum::<i64>(), 1_000_170_000);
        assert_eq!(moved[..2], [20_000, 50_000]);
        let first = series.iter().position(|it| it["payments"] != 0).unwrap();
        let balances: Vec<_> = [first - 1, first, first + 10, 167].iter().map(|at| series[*at]["balance_msat"].as_i64().unwrap()).collect();
        assert_eq!(balances, [0, -20_000, -20_000, balance]);
        let times: Vec<_> = series.iter().map(|it| it["time"].as_i64().unwrap()).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 3600));
        let days = server.get(&format!("{OVERVIEW}?group=day"), &server.manager.admin).expect(200);
        assert_eq!((days["series"].as_array().unwrap().len(), &days["series"][6]["balance_msat"]), (7, &json!(balance)));
        let nothing = server.get(OVERVIEW, &player.admin).expect(200);
        assert_eq!((&nothing["balance_msat"], &nothing["users"], &nothing["series"][23]["payments"]), (&json!(0), &json!(0), &json!(0)));
        let days = server.get(&format!("{OVERVIEW}?group=day&periods=93"), &server.manager.admin).expect(200);
        assert_eq!(days["series"].as_array().unwrap().len(), 92);
        for query in ["group=month", "periods=0", "periods=x", "periods=169"] {
            server.get(&format!("{OVERVIEW}?{query}"), &server.manager.admin).refused(400, "invalid_request", if query == "group=month" { "group" } else { "periods" });
        }
    }

    fn all_of_a_tenant_is_exported(server) {
        let admin = server.manager.admin.clone();
        let order = json!({"user_name": "=HYPERLINK(\"http://evil.example\",\"x\")", "email": "a@example.org", "extra": {"level": 1}});
        let player = user(server, &order);
        pay(server, &server.manager, &player, 21, "-2+3 \"quoted\", and\nmore");
        pay(server, &player, &server.manager, 1, "plain");
        let get = |query: &str| server.get(&format!("{EXPORT}?{query}"), &admin);
        let users = get("what=users&format=csv");
        assert_eq!((users.header("x-total-count"), users.header("content-disposition")), (Some("1"), Some("attachment; filename=\"users.csv\"")));
        assert!(users.header("content-type").unwrap().starts_with("text/csv"));
        let lines: Vec<_> = users.text.split("\r\n").collect();
        assert_eq!(lines[0], "id,name,username,email,external_id,activated,may_create_users,wallet_count,balance_msat,extra,created_at,updated_at");
        let start = format!("{},\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\",,a@example.org,,true,false,1,20000,\"{{\"\"level\"\":1}}\",", player.user);
        assert!(lines[1].starts_with(&start), "{}", lines[1]);
        assert_eq!(lines[2], "");
        let payments = get("what=payments&format=csv");
        assert_eq!(payments.header("x-total-count"), Some("5"));
        assert!(payments.text.contains(",-1000,-1,plain,success,paid,"), "{}", payments.text);
        assert!(payments.text.contains(",21000,21,\"'-2+3 \"\"quoted\"\", and\nmore\",success,paid,"), "{}", payments.text);
        let wallets = get("what=wallets").expect(200);
        assert_eq!((wallets.as_array().unwrap().len(), &wallets[1]["id"], &wallets[1]["balance_msat"]), (2, &json!(player.id), &json!(20_000)));
        for answer in [get("what=wallets&format=csv"), get("what=users"), payments.clone()] {
            assert!([&admin, &player.admin, &player.invoice, &server.manager.invoice].iter().all(|key| !answer.text.contains(*key)));
        }
        let as_json = get("what=payments&format=json").expect(200);
        assert_eq!((as_json.as_array().unwrap().len(), &as_json[0]["memo"], &as_json[0]["amount_msat"]), (5, &json!("plain"), &json!(-1000)));
        let read = token(server, &["read"]);
        assert_eq!(server.as_session("GET", &format!("{EXPORT}?what=payments"), &read, &NONE).expect(200), as_json);
        for query in ["", "what=keys", "what=users&format=xml", "format=csv"] {
            get(query).refused(400, "invalid_request", "");
        }
        let nothing = server.get(&format!("{EXPORT}?what=wallets&format=csv"), &player.admin);
        assert_eq!((nothing.status, nothing.header("x-total-count"), nothing.text.lines().count()), (200, Some("0"), 1));
    }

    fn a_game_goes_through_all_doors(server) {
        let token = token(server, &["users", "payments"]);
        let cookie = format!("cookie_access_token={token}");
        let call = |method: &str, path: &str, body: Value| {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            server.send(method, path, &[("Cookie", &cookie)], &body)
        };
        // Create a player by its id in the game, and find it.
        let uuid = "069a79f4-44e9-4726-a5be-fca90e38aaf5";
        let order = json!({"username": "steve", "password": "correct horse", "password_repeat": "correct horse", "external_id": uuid});
        call("POST", "/users/api/v1/user", order).expect(201);
        let found = call("GET", &format!("/users/api/v1/user?external_id={uuid}"), NONE).expect(200);
        assert_eq!(found["total"], 1);
        let player = format!("/users/api/v1/user/{}/wallet", found["data"][0]["id"].as_str().unwrap());
        // Make a wallet, and read its keys.
        let made = call("POST", &player, json!({"name": "purse"})).expect(201);
        let wallets = call("GET", &player, NONE).expect(200);
        let purse = wallets.as_array().unwrap().iter().find(|it| it["id"] == made["id"]).unwrap();
        let purse = Wallet::from_json(purse);
        // Pay it by LNDHub, and by the API.
        let hub = |wallet: &Wallet, method: &str, path: &str, body: &Value| {
            let token = satkeep::domain::lndhub::token("admin", &ApiKey::from_client(&wallet.admin)).to_string();
            server.as_session(method, &format!("/lndhub/ext/{path}"), &token, body).expect(200)
        };
        let invoice = hub(&purse, "POST", "addinvoice", &json!({"amt": 500, "memo": "by a wallet app"}));
        let paid = hub(&server.manager, "POST", "payinvoice", &json!({"invoice": invoice["payment_request"]}));
        assert_eq!(paid["payment_error"], "");
        pay(server, &server.manager, &purse, 250, "by the API");
        assert_eq!(hub(&purse, "GET", "balance", &NONE)["BTC"]["AvailableBalance"], 750);
        // Page through all payments.
        let mut memos = Vec::new();
        loop {
            let page = call("GET", &format!("{ALL}?limit=2&offset={}&sortby=time&direction=desc", memos.len()), NONE).expect(200);
            assert_eq!(page["total"], 5);
            let rows = told(&page["data"]);
            memos.extend(rows.clone());
            if rows.len() < 2 {
                break;
            }
        }
        let expected = [("by the API", -250), ("by the API", 250), ("by a wallet app", -500), ("by a wallet app", 500)];
        assert_eq!(memos[..4], expected.map(|(memo, sats)| (memo.to_owned(), sats)));
        // Export.
        let export = call("GET", &format!("{EXPORT}?what=payments&format=csv"), NONE);
        assert_eq!((export.status, export.header("x-total-count"), export.text.lines().count()), (200, Some("5"), 6));
        let overview = call("GET", OVERVIEW, NONE).expect(200);
        assert_eq!((&overview["users"], &overview["wallets"], &overview["payments_24h"]), (&json!(1), &json!(3), &json!(3)));
        server.audit();
    }
}
