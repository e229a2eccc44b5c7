//! One tenant's load is its own (promise I14): lists, searches, passwords.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Answer, Server, StoreKind, Wallet, at_once, both_stores};

/// What takes so long is felt: far more than a quiet server needs, on however busy a machine.
const FELT: Duration = Duration::from_secs(4);

/// Gives a wallet many invoices with this memo, behind satkeep's back.
fn fill(server: &Server, wallet: &Wallet, count: usize, memo: &str) {
    server.invoice(wallet, 1);
    let random = match server.store {
        StoreKind::Sqlite => "randomblob(16), wallet_id, randomblob(32)",
        StoreKind::Postgres => "uuid_send(gen_random_uuid()), wallet_id, sha256(uuid_send(gen_random_uuid()))",
    };
    let id = server.store.bytes(&wallet.id);
    let columns =
        "id, wallet_id, payment_hash, preimage_sealed, amount_msat, memo, state, created_at_ms, expires_at_ms";
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO invoices ({columns})
         SELECT {random}, preimage_sealed, amount_msat, '{memo}', state, created_at_ms, expires_at_ms
         FROM invoices, n WHERE wallet_id = {id} AND memo = 'test'"
    );
    server.database.execute(&sql).unwrap();
}

/// How long something takes.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    (work(), began.elapsed())
}

/// Whether an answer is an honest refusal of who asks for too much.
fn is_refusal(answer: &Answer) -> bool {
    if answer.status == 503 {
        assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().unwrap() >= 1));
        let code = answer.json()["code"].as_str().unwrap().to_owned();
        assert!(["query_too_long", "tenant_overloaded", "overloaded"].contains(&code.as_str()), "{code}");
    }
    answer.status == 503
}

both_stores! {
    fn searches_of_one_tenant_are_not_felt_by_another(server) {
        let attacker = server.new_manager("attacker", 0);
        let player = server.wallet_of(&attacker.admin, "player");
        fill(server, &player, 3_000, &"a".repeat(639));
        let victim = server.wallet("victim", 100);
        let operator = server.operator("root");
        let path = format!("/api/v1/payments/paginated?search={}b", "a".repeat(127));
        let done = AtomicBool::new(false);
        let mut events = server.events(&victim.invoice, None);
        std::thread::scope(|scope| {
            for _ in 0..24 {
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        let answer = server.get(&path, &player.invoice);
                        assert!(is_refusal(&answer) || answer.expect(200)["total"] == 0);
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(300));
            for _ in 0..5 {
                let (list, took) = timed(|| server.get("/api/v1/payments?limit=20", &victim.invoice));
                list.expect(200);
                assert!(took < FELT, "a list took {took:?}");
                let (event, took) = timed(|| {
                    server.pay(&server.manager, &server.invoice(&victim, 1)).expect(201);
                    events.next().unwrap()
                });
                assert_eq!(event.name, "payment-received");
                assert!(took < FELT, "an event took {took:?}");
                let (ready, took) = timed(|| server.get("/api/v1/health/ready", ""));
                ready.expect(200);
                assert!(took < FELT, "health took {took:?}");
                let (audit, took) = timed(|| server.as_session("GET", "/users/api/v1/audit", &operator, &Value::Null));
                audit.expect(200);
                assert!(took < FELT, "an audit took {took:?}");
                let (users, took) = timed(|| server.get("/usermanager/api/v1/users?extra=x", &server.manager.admin));
                users.expect(200);
                assert!(took < FELT, "users took {took:?}");
            }
            done.store(true, Ordering::SeqCst);
        });
    }

    fn a_query_that_takes_too_long_is_broken_off(server) {
        let attacker = server.new_manager("attacker", 0);
        fill(server, &attacker, 1_500, "x");
        // What more payments would cost than anybody has.
        let slow = "DROP VIEW payments; CREATE VIEW payments AS SELECT p.* FROM
            (SELECT * FROM payments_in UNION ALL SELECT * FROM payments_out) AS p
            CROSS JOIN invoices AS a CROSS JOIN invoices AS b";
        server.database.execute(slow).unwrap();
        let operator = server.operator("root");
        std::thread::scope(|scope| {
            // More than its share of places.
            let slow: Vec<_> = (0..7)
                .map(|_| scope.spawn(|| timed(|| server.get("/api/v1/payments/paginated?limit=1", &attacker.invoice))))
                .collect();
            std::thread::sleep(Duration::from_millis(300));
            let (answers, took) = timed(|| {
                [
                    server.get("/api/v1/wallet", &attacker.invoice),
                    server.get("/usermanager/api/v1/users", &server.manager.admin),
                    server.get("/usermanager/api/v1/wallets", &server.manager.invoice),
                    server.get("/api/v1/health/ready", ""),
                    server.as_session("GET", "/users/api/v1/audit", &operator, &Value::Null),
                    server.as_session("GET", "/users/api/v1/user", &operator, &Value::Null),
                ]
            });
            for answer in answers {
                answer.expect(200);
            }
            assert!(took < FELT, "others took {took:?}");
            let mut too_long = 0;
            for thread in slow {
                let (answer, took) = thread.join().unwrap();
                assert!(is_refusal(&answer), "{}", answer.text);
                assert!(took < Duration::from_secs(30), "{took:?}");
                if answer.json()["code"] == "query_too_long" {
                    answer.refused(503, "query_too_long", "ask for less");
                    assert_eq!(answer.header("retry-after"), Some("10"));
                    too_long += 1;
                }
            }
            assert!(too_long >= 5, "{too_long}");
        });
        // Its connections go on to serve.
        server.get("/usermanager/api/v1/users", &attacker.admin).expect(200);
    }

    fn passwords_of_one_tenant_are_not_felt_by_another(server) {
        let attacker = server.new_manager("attacker", 0);
        let order = json!({"user_name": "player", "password": "correct horse"});
        let made = server.post("/usermanager/api/v1/users", &server.manager.admin, &order).expect(201);
        let path = format!("/usermanager/api/v1/users/{}/verify", made["id"].as_str().unwrap());
        std::thread::scope(|scope| {
            let flood = scope.spawn(|| {
                at_once(150, |_| server.post("/usermanager/api/v1/users", &attacker.invoice, &order))
            });
            std::thread::sleep(Duration::from_millis(200));
            for _ in 0..5 {
                let order = json!({"password": "correct horse", "client": "203.0.113.7"});
                let (answer, took) = timed(|| server.post(&path, &server.manager.admin, &order));
                answer.expect(200);
                assert!(took < FELT, "{took:?}");
            }
            let refused = flood.join().unwrap().iter().filter(|answer| is_refusal(answer)).count();
            assert!(refused > 0, "a flood is refused");
        });
    }

    fn writes_of_one_tenant_are_not_felt_by_another(server) {
        let attacker = server.new_manager("attacker", 0);
        let victim = server.wallet("victim", 100);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for index in 0..32 {
                let (server, attacker, done) = (&*server, &attacker, &done);
                scope.spawn(move || {
                    while !done.load(Ordering::SeqCst) {
                        let answer = match index % 2 {
                            0 => server.post("/usermanager/api/v1/users", &attacker.admin, &json!({"user_name": "x"})),
                            _ => server.put("/api/v1/wallet/renamed", &attacker.admin, &json!({})),
                        };
                        assert!(is_refusal(&answer) || [200, 201].contains(&answer.status), "{}", answer.text);
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(300));
            for _ in 0..10 {
                let (_, took) = timed(|| server.pay(&server.manager, &server.invoice(&victim, 1)).expect(201));
                assert!(took < FELT, "a payment took {took:?}");
                let (_, took) = timed(|| server.put("/api/v1/wallet/mine", &victim.admin, &json!({})).expect(200));
                assert!(took < FELT, "a name took {took:?}");
            }
            done.store(true, Ordering::SeqCst);
        });
    }

    fn a_tenants_waiting_writes_are_bounded(server) {
        let attacker = server.new_manager("attacker", 0);
        // On a busy machine the requests may come in no faster than they are answered.
        let is_bounded = (0..10).any(|_| {
            let answers = at_once(800, |_| server.put("/api/v1/wallet/renamed", &attacker.admin, &json!({})));
            for answer in answers.iter().filter(|answer| !is_refusal(answer)) {
                answer.expect(200);
            }
            answers.iter().any(|answer| is_refusal(answer) && answer.json()["code"] == "tenant_overloaded")
        });
        assert!(is_bounded);
        server.put("/api/v1/wallet/again", &attacker.admin, &json!({})).expect(200);
    }

    fn answers_that_nobody_reads_are_bounded(server) {
        const UNREAD: usize = 24;
        let attacker = server.new_manager("attacker", 0);
        let victim = server.wallet("victim", 100);
        fill(server, &attacker, 999, "x");
        // Each answer is far longer than what a connection takes.
        let extra = format!("{{\"x\": \"{}\"}}", "y".repeat(8_000));
        server.database.execute(&format!("UPDATE invoices SET extra = '{extra}' WHERE memo IN ('x', 'test')")).unwrap();
        let path = "/api/v1/payments?limit=1000";
        server.get(path, &attacker.invoice).expect(200);
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\n\r\n", attacker.invoice);
        let mut connections: Vec<_> = (0..UNREAD)
            .map(|_| {
                use std::io::Write as _;
                let mut connection = server.connect();
                connection.write_all(request.as_bytes()).unwrap();
                connection
            })
            .collect();
        // Each has a status, and then nobody reads on.
        let statuses: Vec<_> = connections
            .iter_mut()
            .map(|connection| {
                use std::io::Read as _;
                let mut line = [0; 12];
                connection.read_exact(&mut line).unwrap();
                String::from_utf8(line.to_vec()).unwrap()
            })
            .collect();
        let refused = statuses.iter().filter(|line| line.ends_with("503")).count();
        assert!(refused > 0 && refused < UNREAD, "{statuses:?}");
        assert!(statuses.iter().all(|line| line.ends_with("503") || line.ends_with("200")), "{statuses:?}");
        server.get(path, &attacker.invoice).refused(503, "tenant_overloaded", "");
        // Short answers, changes, and others are not refused.
        server.get("/api/v1/payments?limit=1", &attacker.invoice).expect(200);
        server.get("/usermanager/api/v1/users", &server.manager.admin).expect(200);
        server.pay(&server.manager, &server.invoice(&victim, 1)).expect(201);
        drop(connections);
        let began = Instant::now();
        while server.get(path, &attacker.invoice).status != 200 {
            assert!(began.elapsed() < Duration::from_secs(30), "the memory is given back");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn overload_is_not_a_guess(server) {
        let order = json!({"user_name": "player", "password": "correct horse"});
        let made = server.post("/usermanager/api/v1/users", &server.manager.admin, &order).expect(201);
        let path = format!("/usermanager/api/v1/users/{}/verify", made["id"].as_str().unwrap());
        let order = json!({"password": "correct horse", "client": "203.0.113.7"});
        let answers = at_once(130, |_| server.post(&path, &server.manager.admin, &order));
        let refused = answers.iter().filter(|answer| is_refusal(answer)).count();
        assert!(refused > 0 && refused < 130, "{refused}");
        for answer in answers.iter().filter(|answer| answer.status != 503) {
            answer.expect(200);
        }
        server.post(&path, &server.manager.admin, &order).expect(200);
        let counted = server.database.texts("SELECT CAST(failures AS TEXT) AS text FROM login_attempts");
        assert_eq!(counted, ["0"]);
    }
}
