//! What is kept of taps, and for how long; and what the audit says of them.

use satkeep::domain::time::UnixMs;
use satkeep::store::cards::hits;
use satkeep::store::{Database, Store};

use super::{ask, hits as listed, new_card, pay_path, tap, tap_and_pay};
use crate::harness::both_stores;

both_stores! {
    fn taps_that_came_to_nothing_are_forgotten(server) {
        let (alice, till) = (server.wallet("alice", 500), server.wallet("till", 0));
        let (_, mut card) = new_card(server, &alice);
        tap_and_pay(server, &mut card, &server.invoice(&till, 10));
        for _ in 0..3 {
            tap(server, &mut card);
        }
        let store = Store::open(Database::from_url(&server.database.url).unwrap()).unwrap();
        let prune = |before| store.write_blocking(|connection| hits::prune(connection, UnixMs::new(before))).unwrap();
        assert!(!prune(1));
        assert_eq!(listed(server, &alice).len(), 4);
        assert!(!prune(i64::MAX));
        let left = listed(server, &alice);
        assert!(left.len() == 1 && left[0]["spent"] == true, "{left:?}");
        server.audit();
    }

    fn a_tap_that_pays_what_its_wallet_did_not_is_found(server) {
        let (alice, till) = (server.wallet("alice", 500), server.wallet("till", 0));
        let (_, mut card) = new_card(server, &alice);
        let offer = tap(server, &mut card);
        assert_eq!(ask(server, &pay_path(server, &offer, &server.invoice(&till, 10)))["status"], "OK");
        server.audit();
        for change in ["amount_msat = 9000", "amount_msat = 10000, transfer_id = id"] {
            server.database.execute(&format!("UPDATE hits SET {change}")).unwrap();
            let said = server.cli(&["audit"]).unwrap_err();
            assert!(said.contains("I4 does not hold") && said.contains("taps of cards that paid otherwise than their wallet: 1"), "{said}");
        }
    }
}
