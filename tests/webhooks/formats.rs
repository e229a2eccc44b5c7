//! The two forms of an invoice's webhook, and who chooses between them.

use std::collections::BTreeSet;

use satkeep::domain::ids::UserId;
use satkeep::domain::webhooks::WebhookFormat;
use satkeep::store::webhooks::formats;
use satkeep::store::{Database, Store};
use serde_json::{Value, json};

use super::delivery::invoice;
use super::endpoints::endpoint;
use super::options;
use crate::harness::{Hook, Options, Receiver, Server, StoreKind, Wallet, both_stores};

const FORMAT: &str = "/usermanager/api/v1/webhook-format";

/// The webhook of an invoice that was just paid, and the invoice.
fn told(server: &Server, receiver: &Receiver, payee: &Wallet) -> (Hook, Value, Value) {
    let before = receiver.hooks().len();
    let issued = invoice(server, payee, 1000, &format!("{}/own", receiver.url));
    let paid = server.pay(&server.manager, issued["bolt11"].as_str().unwrap()).expect(201);
    let hooks = receiver.wait_until(|hooks| hooks.iter().skip(before).any(|hook| hook.path == "/own"));
    (hooks.into_iter().rfind(|hook| hook.path == "/own").unwrap(), issued, paid)
}

/// A time of ours as Python writes it.
fn of_python(time: &Value) -> String {
    match time.as_str().unwrap().trim_end_matches('Z').split_once('.') {
        Some((whole, fraction)) => format!("{whole}.{fraction:0<6}+00:00"),
        None => format!("{}+00:00", time.as_str().unwrap().trim_end_matches('Z')),
    }
}

both_stores! {
    fn a_manager_chooses_the_form_of_its_webhooks(server, options()) {
        let receiver = Receiver::start();
        endpoint(server, &format!("{}/endpoint", receiver.url), &["payment.received"]);
        let payee = server.wallet("payee", 0);
        let admin = &server.manager.admin;
        assert_eq!(server.get(FORMAT, admin).expect(200), json!({"format": "reference", "chosen": null}));
        assert_eq!(told(server, &receiver, &payee).0.json()["amount"], 1000);
        let chosen = json!({"format": "lnbits", "chosen": "lnbits"});
        assert_eq!(server.put(FORMAT, admin, &json!({"format": "lnbits"})).expect(200), chosen);
        assert_eq!(server.get(FORMAT, admin).expect(200), chosen);

        let (hook, issued, paid) = told(server, &receiver, &payee);
        let expected = json!({
            "checking_id": issued["payment_hash"], "payment_hash": issued["payment_hash"], "wallet_id": payee.id,
            "amount": 1_000_000, "fee": 0, "bolt11": issued["bolt11"], "payment_request": issued["bolt11"],
            "fiat_provider": null, "status": "success", "memo": "hooked", "expiry": of_python(&issued["expires_at"]),
            "webhook": issued["webhook"], "webhook_status": null, "preimage": paid["preimage"], "tag": "shop",
            "extension": null, "time": of_python(&issued["created_at"]), "created_at": of_python(&issued["created_at"]),
            "updated_at": of_python(&paid["updated_at"]), "labels": [], "extra": {"tag": "shop", "n": 2.50},
            "external_id": null, "pending": false, "paid": true,
        });
        assert_eq!(hook.json(), expected);
        assert_eq!(hook.event().len(), 32);
        assert!(hook.headers["x-satkeep-signature"].starts_with("t="));
        // An endpoint is told of events all the same.
        let to_endpoint = receiver.wait_until(|hooks| hooks.iter().filter(|hook| hook.path == "/endpoint").count() >= 2);
        let to_endpoint: Vec<_> = to_endpoint.iter().filter(|hook| hook.path == "/endpoint").map(Hook::json).collect();
        assert!(to_endpoint.iter().all(|body| body["event"] == "payment.received" && body["amount"] == 1000));
        assert!(to_endpoint.iter().all(|body| body["paid"] == true));

        // It is nobody else's business, and no invoice key's.
        let other = server.new_manager("other", 0);
        assert_eq!(server.get(FORMAT, &other.admin).expect(200)["chosen"], json!(null));
        assert_eq!(told(server, &receiver, &other).0.json()["amount"], 1000);
        server.put(FORMAT, &server.manager.invoice, &json!({"format": "reference"})).refused(403, "admin_key_required", "");
        server.put(FORMAT, admin, &json!({"format": "xml"})).refused(400, "invalid_request", "format");
        assert_eq!(server.put(FORMAT, admin, &json!({"format": null})).expect(200)["chosen"], json!(null));
        assert_eq!(told(server, &receiver, &payee).0.json()["amount"], 1000);
    }

    fn what_a_users_users_are_told_is_the_managers_choice(server) {
        let (maker, made) = (server.wallet("maker", 0), server.wallet("made", 0));
        let bytes = |id: &str| server.store.bytes(id);
        let sql = format!("UPDATE users SET manager_id = {} WHERE id = {}", bytes(&maker.user), bytes(&made.user));
        server.database.execute(&sql).unwrap();
        let store = Store::open(Database::from_url(&server.database.url).unwrap()).unwrap();
        let ids: Vec<UserId> =
            [&server.manager, &maker, &made].map(|wallet| wallet.user.parse().unwrap()).into_iter().collect();
        let formats = || {
            let found = store.read_blocking(|connection| formats::of_tenants(connection, ids.clone())).unwrap();
            ids.iter().map(|id| found.get(id).copied()).collect::<Vec<_>>()
        };
        assert_eq!(formats(), [None; 3]);
        server.put(FORMAT, &server.manager.admin, &json!({"format": "lnbits"})).expect(200);
        assert_eq!(formats(), [Some(WebhookFormat::Lnbits); 3]);
        server.put(FORMAT, &server.manager.admin, &json!({"format": "reference"})).expect(200);
        assert_eq!(formats(), [Some(WebhookFormat::Reference); 3]);
    }
}

#[test]
fn a_server_has_a_form_for_who_has_not_chosen() {
    for store in [StoreKind::Sqlite, StoreKind::Postgres] {
        let arguments = ["--webhook-allow-private", "--webhook-format", "lnbits"].map(str::to_owned).to_vec();
        let Some(server) = Server::start(store, Options { arguments, ..Options::default() }) else { continue };
        let receiver = Receiver::start();
        let chosen = json!({"format": "lnbits", "chosen": null});
        assert_eq!(server.get(FORMAT, &server.manager.admin).expect(200), chosen);
        let (of_lnbits, ..) = told(&server, &receiver, &server.manager);
        assert_eq!(of_lnbits.json()["amount"], 1_000_000);
        server.put(FORMAT, &server.manager.admin, &json!({"format": "reference"})).expect(200);
        let (of_reference, ..) = told(&server, &receiver, &server.manager);
        assert_eq!((&of_reference.json()["amount"], &of_reference.json()["paid"]), (&json!(1000), &json!(true)));
        let names = |hook: &Hook| hook.json().as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert!(names(&of_reference).contains("comment") && !names(&of_lnbits).contains("comment"));
    }
}
