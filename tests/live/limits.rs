//! When streams end, and how many there may be.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::protocol::frame::coding::CloseCode;

use super::{pay_once, transfer};
use crate::harness::{Events, Options, Server, Wallet, both_stores};

/// The hash of a new invoice.
fn waiting(server: &Server, wallet: &Wallet) -> String {
    let invoice = server.post("/api/v1/payments", &wallet.invoice, &json!({"out": false, "amount": 5})).expect(201);
    invoice["payment_hash"].as_str().unwrap().to_owned()
}

/// Waits until a stream can be opened that is refused with this status until then.
fn wait_for_place(server: &Server, key: &str, refused: u16) {
    loop {
        match server.events(key, None).status {
            200 => return,
            status => assert_eq!(status, refused),
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn with(arguments: &[&str]) -> Options {
    Options { arguments: arguments.iter().map(ToString::to_string).collect(), ..Options::default() }
}

/// Opens streams, takes the key away, pays, and asserts that the streams end without a word
/// of it.
fn ends_with(server: &Server, wallet: &Wallet, take_away: impl FnOnce()) {
    let mut streams = [&wallet.admin, &wallet.invoice].map(|key| server.events(key, None));
    let mut sockets = [&wallet.admin, &wallet.invoice].map(|key| server.socket(key).unwrap());
    pay_once(server, &server.manager, wallet);
    for stream in &mut streams {
        stream.next().unwrap();
    }
    for socket in &mut sockets {
        socket.next().unwrap();
    }
    let invoice = server.invoice(wallet, 1);
    take_away();
    // A payee that is gone or frozen is not paid.
    let paid = server.pay(&server.manager, &invoice).status;
    assert!([201, 400].contains(&paid), "{paid}");
    for mut stream in streams {
        assert_eq!(stream.next(), None);
    }
    for mut socket in sockets {
        assert_eq!(socket.next(), Err((CloseCode::Policy, "the key does not work any more".to_owned())));
    }
}

both_stores! {
    fn a_stream_ends_with_its_key(server) {
        let operator = server.operator("root");
        let wallet = |name: &str| {
            let wallet = server.wallet(name, 0);
            (format!("/usermanager/api/v1/wallets/{}", wallet.id), wallet)
        };
        let admin = &server.manager.admin;
        let (path, rotated) = wallet("rotated");
        ends_with(server, &rotated, || drop(server.put(&format!("{path}/keys"), admin, &Value::Null).expect(200)));
        let (path, frozen) = wallet("frozen");
        let scope = json!({"scope": "everything"});
        ends_with(server, &frozen, || drop(server.put(&format!("{path}/freeze"), admin, &scope).expect(200)));
        let (_, by_operator) = wallet("frozen by an operator");
        ends_with(server, &by_operator, || {
            let path = format!("/users/api/v1/wallet/{}/freeze", by_operator.id);
            server.as_session("PUT", &path, &operator, &scope).expect(200);
        });
        let (path, deleted) = wallet("deleted");
        ends_with(server, &deleted, || {
            server.delete(&format!("{path}?sweep=true"), admin).expect(200);
        });
    }

    fn a_wallet_that_may_not_spend_still_hears(server) {
        let wallet = server.wallet("player", 0);
        let mut events = server.events(&wallet.admin, None);
        let path = format!("/usermanager/api/v1/wallets/{}/freeze", wallet.id);
        server.put(&path, &server.manager.admin, &json!({"scope": "spending"})).expect(200);
        pay_once(server, &server.manager, &wallet);
        assert_eq!(events.next().unwrap().id, 1);
    }

    fn a_wallet_has_so_many_streams(server, with(&["--streams-per-wallet", "2"])) {
        let wallet = server.wallet("player", 0);
        let stream = server.events(&wallet.invoice, None);
        let socket = server.socket(&wallet.admin).unwrap();
        assert_eq!(server.socket(&wallet.invoice).err(), Some(429));
        let refused = server.get("/api/v1/payments/sse", &wallet.admin);
        refused.refused(429, "too_many_streams", "Too many live streams; close others first");
        assert_eq!(refused.header("retry-after"), Some("1"));
        // Another wallet, and an invoice, have places of their own.
        let hash = pay_once(server, &server.manager, &wallet);
        let invoice = server.socket(&hash).unwrap();
        assert_eq!(server.events(&server.manager.invoice, None).status, 200);
        // A place is free again when its client has gone.
        drop((stream, socket, invoice));
        wait_for_place(server, &wallet.invoice, 429);
    }

    fn a_server_has_so_many_streams(server, with(&["--streams-max", "3"])) {
        let wallets: Vec<_> = (0..3).map(|index| server.wallet(&format!("player {index}"), 0)).collect();
        // Whoever has no key takes at most half of the places.
        let keyless = [0, 1].map(|index| server.socket(&waiting(server, &wallets[index])).unwrap());
        assert_eq!(server.socket(&waiting(server, &wallets[2])).err(), Some(503));
        let stream = server.events(&wallets[0].invoice, None);
        assert_eq!(stream.status, 200);
        assert_eq!(server.socket(&wallets[1].admin).err(), Some(503));
        server.get("/api/v1/payments/sse", &wallets[2].admin).refused(503, "overloaded", "");
        drop((keyless, stream));
        wait_for_place(server, &wallets[1].invoice, 503);
    }

    fn a_tenant_has_so_many_streams(server, with(&["--streams-per-tenant", "3"])) {
        let wallets: Vec<_> = (0..2).map(|index| server.wallet(&format!("player {index}"), 0)).collect();
        let other = server.new_manager("other", 0);
        // Those of the manager itself are among them.
        let stream = server.events(&server.manager.invoice, None);
        let sockets = [0, 1].map(|index| server.socket(&wallets[index].admin).unwrap());
        let refused = server.get("/api/v1/payments/sse", &wallets[0].invoice);
        let detail = "The wallets of this manager and its users have too many live streams; close others first";
        refused.refused(429, "too_many_tenant_streams", detail);
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(server.socket(&server.manager.admin).err(), Some(429));
        assert_eq!(server.socket(&waiting(server, &wallets[1])).err(), Some(429));
        // Another tenant has places of its own.
        let others = [0, 1, 2].map(|_| server.socket(&other.invoice).unwrap());
        server.get("/api/v1/payments/sse", &other.invoice).refused(429, "too_many_tenant_streams", detail);
        drop((stream, sockets));
        wait_for_place(server, &wallets[0].invoice, 429);
        drop(others);
    }

    fn users_leave_streams_to_their_manager(server, with(&["--streams-per-tenant", "8", "--streams-per-wallet", "100"])) {
        let player = server.wallet("player", 0);
        let studio = server.creator_of(&server.manager.admin, "studio");
        // Users of users take from the same part.
        let players = server.wallet_of(&studio.admin, "a player of the studio's");
        let taken: Vec<_> =
            (0..6).map(|index| server.socket(&[&player, &studio, &players][index % 3].invoice).unwrap()).collect();
        for wallet in [&player, &studio, &players] {
            server.get("/api/v1/payments/sse", &wallet.admin).refused(429, "too_many_tenant_streams", "");
        }
        let own = [0, 1].map(|_| server.events(&server.manager.invoice, None));
        assert!(own.iter().all(|stream| stream.status == 200));
        server.get("/api/v1/payments/sse", &server.manager.admin).refused(429, "too_many_tenant_streams", "");
        drop((taken, own));
    }

    fn who_has_no_key_leaves_a_tenant_half_of_its_streams(server, with(&["--streams-per-tenant", "3"])) {
        let wallets: Vec<_> = (0..3).map(|index| server.wallet(&format!("player {index}"), 0)).collect();
        let other = server.new_manager("other", 0);
        let keyless = [0, 1].map(|index| server.socket(&waiting(server, &wallets[index])).unwrap());
        assert_eq!(server.socket(&waiting(server, &wallets[2])).err(), Some(429));
        assert_eq!(server.events(&wallets[2].invoice, None).status, 200);
        // Nor do those of one tenant keep another's out.
        let invoice = server.socket(&waiting(server, &other)).unwrap();
        drop((keyless, invoice));
    }

    fn a_tenant_has_a_quarter_of_the_streams(server, with(&["--streams-max", "8", "--streams-per-wallet", "1"])) {
        let wallets: Vec<_> = (0..3).map(|index| server.wallet(&format!("player {index}"), 0)).collect();
        let streams = [0, 1].map(|index| server.socket(&wallets[index].invoice).unwrap());
        server.get("/api/v1/payments/sse", &wallets[2].invoice).refused(429, "too_many_tenant_streams", "");
        drop(streams);
    }

    fn opening_a_stream_counts_as_a_request(server, with(&["--rate-limit", "5"])) {
        let wallet = server.wallet("player", 0);
        let statuses = crate::harness::at_once(40, |_| server.socket(&wallet.admin).err());
        assert!(statuses.contains(&Some(429)) && statuses.contains(&None), "{statuses:?}");
        let statuses = crate::harness::at_once(40, |_| server.events(&wallet.invoice, None).status);
        assert!(statuses.contains(&429) && statuses.contains(&200), "{statuses:?}");
    }

    fn streams_end_when_the_server_stops(server) {
        let mut stream = server.events(&server.manager.invoice, None);
        let mut socket = server.socket(&server.manager.invoice).unwrap();
        let hash = pay_once(server, &server.manager, &server.wallet("player", 0));
        stream.next().unwrap();
        socket.next().unwrap();
        assert_eq!(hash.len(), 64);
        server.signal("-TERM");
        assert_eq!(stream.next(), None);
        assert_eq!(socket.next(), Err((CloseCode::Away, "the server is shutting down".to_owned())));
        assert!(server.wait().success());
    }

    fn a_reader_that_does_not_read_holds_nobody_up(server, with(&["--streams-per-wallet", "2"])) {
        let wallet = server.wallet("player", 0);
        let address: SocketAddr = server.url.strip_prefix("http://").unwrap().parse().unwrap();
        let lazy = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        lazy.set_recv_buffer_size(4096).unwrap();
        lazy.connect(&address.into()).unwrap();
        let lazy = Events::open(lazy.into(), "/api/v1/payments/sse", &wallet.invoice, None);
        let mut other = server.events(&wallet.invoice, None);
        // Far more than the system buffers for a reader.
        for _ in 0..8 {
            transfer(server, &server.manager, &wallet, 1000);
        }
        assert_eq!(other.take(8000).last().unwrap().id, 8000);
        // It is dropped, and its place is free.
        while server.events(&wallet.invoice, None).status == 429 {
            thread::sleep(Duration::from_millis(500));
        }
        pay_once(server, &server.manager, &wallet);
        assert_eq!(other.next().unwrap().id, 8001);
        drop(lazy);
    }
}
