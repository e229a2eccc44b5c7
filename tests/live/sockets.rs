//! WebSockets: by key and by payment hash.

use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::frame::coding::CloseCode;

use super::pay_once;
use crate::harness::{Server, Wallet, both_stores};

/// An invoice with its hash.
fn invoice(server: &Server, payee: &Wallet, order: &Value) -> (String, String) {
    let invoice = server.post("/api/v1/payments", &payee.invoice, order).expect(201);
    let text = |name: &str| invoice[name].as_str().unwrap().to_owned();
    (text("bolt11"), text("payment_hash"))
}

both_stores! {
    fn a_key_hears_of_its_wallets_payments(server) {
        let payer = server.wallet("payer", 10);
        let payee = server.wallet("payee", 0);
        let mut sockets: Vec<_> =
            [&payer.admin, &payer.invoice, &payee.admin, &payee.invoice].map(|key| server.socket(key).unwrap()).into();
        let paid: Vec<_> = (0..3).map(|_| pay_once(server, &payer, &payee)).collect();
        for (socket, balances) in sockets.iter_mut().zip([[9, 8, 7], [9, 8, 7], [1, 2, 3], [1, 2, 3]]) {
            let messages = socket.take(3);
            let heard: Vec<_> = messages.iter().map(|m| m["payment"]["payment_hash"].as_str().unwrap()).collect();
            assert_eq!(heard, paid);
            let held: Vec<_> = messages.iter().map(|m| m["wallet_balance"].as_i64().unwrap()).collect();
            assert_eq!(held, balances);
        }
        let look = server.get(&format!("/api/v1/payments/{}", paid[2]), &payee.invoice).expect(200);
        pay_once(server, &payer, &payee);
        let message = sockets[3].next().unwrap();
        assert_eq!(message.as_object().unwrap().len(), 2);
        let fields = |payment: &Value| payment.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(&message["payment"]), fields(&look["details"]));
    }

    fn a_hash_hears_that_it_is_paid(server) {
        let payee = server.wallet("payee", 0);
        let (bolt11, hash) = invoice(server, &payee, &json!({"out": false, "amount": 5}));
        let (_, other) = invoice(server, &payee, &json!({"out": false, "amount": 5}));
        let mut waiting = [server.socket(&hash).unwrap(), server.socket(&hash).unwrap()];
        let mut others = server.socket(&other).unwrap();
        // Of other payments of the same wallet it hears nothing.
        pay_once(server, &server.manager, &payee);
        server.pay(&server.manager, &bolt11).expect(201);
        let late = server.socket(&hash).unwrap();
        for socket in waiting.iter_mut().chain([&mut { late }]) {
            assert_eq!(socket.next(), Ok(json!({"pending": false, "status": "success"})));
            assert_eq!(socket.next(), Err((CloseCode::Normal, "paid".to_owned())));
        }
        others.0.send(Message::Ping("there?".into())).unwrap();
        assert_eq!(others.0.read().unwrap(), Message::Pong("there?".into()));
    }

    fn a_hash_that_can_no_longer_be_paid_is_closed(server) {
        let payee = server.wallet("payee", 0);
        let (_, expires) = invoice(server, &payee, &json!({"out": false, "amount": 5, "expiry": 1}));
        let mut socket = server.socket(&expires).unwrap();
        assert_eq!(socket.next(), Err((CloseCode::Normal, "expired".to_owned())));
        let mut again = server.socket(&expires).unwrap();
        assert_eq!(again.next(), Err((CloseCode::Normal, "expired".to_owned())));
        let (_, cancelled) = invoice(server, &payee, &json!({"out": false, "amount": 5}));
        let path = format!("/usermanager/api/v1/wallets/{}", payee.id);
        server.delete(&path, &server.manager.admin).expect(200);
        let mut socket = server.socket(&cancelled).unwrap();
        assert_eq!(socket.next(), Err((CloseCode::Normal, "cancelled".to_owned())));
    }

    fn what_is_nobodys_is_not_opened(server) {
        let wallet = server.wallet("player", 0);
        let (_, hash) = invoice(server, &wallet, &json!({"out": false, "amount": 5}));
        let unknown = "5eed5eed5eed5eed5eed5eed5eed5eed";
        for item in [unknown, &wallet.id, &wallet.user, "x", "%F0%9F%92%A9"] {
            assert_eq!(server.socket(item).err(), Some(401), "{item}");
        }
        assert_eq!(server.socket(&unknown.repeat(2)).err(), Some(404));
        // The same answers as elsewhere, and the same again without a handshake.
        let path = |item: &str| format!("/api/v1/ws/{item}");
        server.get(&path(unknown), "").refused(401, "bad_auth", "Bad auth");
        server.get(&path(&unknown.repeat(2)), "").refused(404, "payment_not_found", "Payment does not exist.");
        for item in [&wallet.admin, &hash] {
            server.get(&path(item), "").refused(400, "invalid_request", "opened as a WebSocket");
        }
        assert_eq!(server.get(&path(""), "").status, 404);

        let mut open = server.socket(&wallet.admin).unwrap();
        pay_once(server, &server.manager, &wallet);
        open.next().unwrap();
        drop(open);
        let path = format!("/usermanager/api/v1/wallets/{}/keys", wallet.id);
        server.put(&path, &server.manager.admin, &Value::Null).expect(200);
        assert_eq!(server.socket(&wallet.admin).err(), Some(401));
        // A key in the path is in no line of the log.
        let log = server.logged();
        assert!(log.contains("/api/v1/ws/{item}"), "{log}");
        for secret in [&wallet.admin, &wallet.invoice, unknown, &hash] {
            assert!(!log.contains(secret), "{secret} is in {log}");
        }
    }

    fn a_frozen_key_opens_nothing(server) {
        let operator = server.operator("root");
        let wallet = server.wallet("player", 0);
        let path = format!("/users/api/v1/wallet/{}/freeze", wallet.id);
        server.as_session("PUT", &path, &operator, &json!({"scope": "everything"})).expect(200);
        assert_eq!(server.socket(&wallet.admin).err(), Some(403));
        assert_eq!(server.events(&wallet.admin, None).status, 403);
    }

    fn a_client_that_sends_too_much_is_closed(server) {
        let mut socket = server.socket(&server.manager.invoice).unwrap();
        // Words are passed over.
        socket.0.send(Message::Text("hello".into())).unwrap();
        socket.0.send(Message::Ping("there?".into())).unwrap();
        assert_eq!(socket.0.read().unwrap(), Message::Pong("there?".into()));
        socket.0.send(Message::Text("x".repeat(10_000).into())).unwrap();
        let (code, _) = socket.next().unwrap_err();
        assert_eq!(code, CloseCode::Protocol);
    }
}
