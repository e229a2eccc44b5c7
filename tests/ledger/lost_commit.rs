//! The connection to PostgreSQL dies under a commit, or under everything: what was committed
//! is looked up before anyone is answered, and nothing happens twice.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{Fault, Options, Proxy, Server, StoreKind};

/// A server whose way to the database goes through the proxy.
pub(super) fn behind_proxy() -> Option<(Server, Proxy)> {
    let plain = Server::start(StoreKind::Postgres, Options::default())?;
    let url = plain.database.tcp_url().unwrap();
    let port = url.split(':').nth(2).unwrap().split('/').next().unwrap().parse().unwrap();
    let proxy = Proxy::start(port);
    let url = url.replace(&port.to_string(), &proxy.port.to_string());
    // Without TLS the proxy can see the commits.
    let arguments = vec!["--database-url".to_owned(), format!("{url}?sslmode=disable")];
    let server = plain.replica_with(Options { arguments, ..Options::default() });
    Some((server, proxy))
}

#[test]
fn a_commit_without_an_answer_is_looked_up() {
    let Some((server, proxy)) = behind_proxy() else { return };
    let (payer, payee) = (server.wallet("payer", 100), server.wallet("payee", 0));
    for (round, fault) in [Fault::LoseAnswer, Fault::LoseQuestion, Fault::LoseAnswer].into_iter().enumerate() {
        let invoice = server.invoice(&payee, 10);
        proxy.arm(fault);
        let paid = server.pay(&payer, &invoice).expect(201);
        assert!(proxy.has_struck(), "{fault:?} did not happen");
        assert_eq!(paid["status"], "success");
        assert_eq!(server.balance(&payee), 10 * (i64::try_from(round).unwrap() + 1));
        server.pay(&payer, &invoice).refused(400, "invoice_already_paid", "Invoice already paid");
    }
    // A refused command commits nothing, so that there is nothing to lose.
    let dear = server.invoice(&payee, 1_000);
    proxy.arm(Fault::LoseAnswer);
    server.pay(&payer, &dear).refused(400, "insufficient_balance", "Insufficient balance");
    assert!(!proxy.has_struck());
    server.audit();
}

#[test]
fn a_deletion_takes_few_round_trips_however_many_users_it_deletes() {
    let Some((server, proxy)) = behind_proxy() else { return };
    let key = server.manager.admin.clone();
    let mut counts = [4, 4, 100].map(|users| {
        let studio = server.creator_of(&key, "studio");
        for index in 0..users {
            server.wallet_of(&studio.admin, &format!("player {index}"));
        }
        let before = proxy.sent();
        server.delete(&format!("/usermanager/api/v1/users/{}", studio.user), &key).expect(200);
        proxy.sent() - before
    });
    // The first one has prepared the statements.
    counts[0] = 0;
    assert!(counts[2] < counts[1] + 50, "{counts:?}");
    server.audit();
}

#[test]
fn a_server_outlives_its_connections() {
    let Some(server) = Server::start(StoreKind::Postgres, Options::default()) else { return };
    let (payer, payee) = (server.wallet("payer", 1_000), server.wallet("payee", 0));
    let invoices: Vec<_> = (0..200).map(|_| server.invoice(&payee, 1)).collect();
    let done = AtomicBool::new(false);
    let mut paid = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                server
                    .database
                    .execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = current_database() AND pid <> pg_backend_pid()",
                    )
                    .unwrap();
                std::thread::sleep(std::time::Duration::from_millis(40));
            }
        });
        for invoice in &invoices {
            let answer = server.pay(&payer, invoice);
            match answer.status {
                201 => paid += 1,
                _ => answer.refused(503, "unavailable", "try again"),
            }
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(paid > 0);
    // Connections that died while idle are found out one by one, and replaced.
    let recovered = (0..20).any(|_| server.get("/api/v1/wallet", &payee.invoice).status == 200);
    assert!(recovered);
    for _ in 0..20 {
        let answer = server.get("/api/v1/wallet", &payee.invoice);
        assert!(matches!(answer.status, 200 | 503), "{}", answer.text);
    }
    assert_eq!(server.balance(&payee), paid);
    server.audit();
}
