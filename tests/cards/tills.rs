//! Tills have an invoice paid by the card that is held to them.

use serde_json::json;

use super::{CARDS, hits, new_card};
use crate::harness::{Answer, Server, Wallet, both_stores};

fn pay_with_nfc(server: &Server, till: &Wallet, bolt11: &str, lnurl_w: &str) -> Answer {
    let path = format!("/api/v1/payments/{bolt11}/pay-with-nfc");
    server.post(&path, &till.invoice, &json!({ "lnurl_w": lnurl_w }))
}

both_stores! {
    fn a_till_is_paid_by_a_card(server) {
        let (alice, till) = (server.wallet("alice", 500), server.wallet("till", 0));
        let (_, mut card) = new_card(server, &alice);
        let authority = server.url.strip_prefix("http://").unwrap().to_owned();
        let forms = [format!("lnurlw://{authority}"), format!("LNURLW://{authority}"), format!("http://{authority}"), format!("lightning:lnurlw://{authority}")];
        for form in &forms {
            let paid = pay_with_nfc(server, &till, &server.invoice(&till, 10), &format!("{form}{}", card.tap()));
            assert_eq!(paid.expect(200), json!({"success": true, "detail": {"status": "OK"}}));
        }
        assert_eq!((server.balance(&alice), server.balance(&till)), (460, 40));
        assert_eq!(hits(server, &alice).len(), 4);

        let invoice = server.invoice(&till, 10);
        let used = format!("lnurlw://{authority}{}", card.shown(card.counter));
        pay_with_nfc(server, &till, &invoice, &used).refused(400, "card_refused", "This link is already used.");
        let next = card.tap();
        for wrong in [
            String::new(),
            "x".into(),
            format!("lnurlw://other.example{next}"),
            format!("lnurlp://{authority}{next}"),
            format!("lnurlw://{authority}/boltcards/api/v1/cards"),
            format!("lnurlw://{authority}/boltcards/api/v1/scan/"),
            format!("lnurlw://{authority}/boltcards/api/v1/scan/a/b"),
        ] {
            pay_with_nfc(server, &till, &invoice, &wrong).refused(400, "invalid_request", "lnurl_w");
        }
        let shown = format!("lnurlw://{authority}{next}");
        // What is no invoice uses up no tap.
        pay_with_nfc(server, &till, "lnbc1", &shown).refused(400, "invalid_invoice", "");
        pay_with_nfc(server, &Wallet { invoice: "0".repeat(32), ..till.clone() }, &invoice, &shown).refused(401, "bad_auth", "");
        // Nor does what is not paid.
        let counted = hits(server, &alice).len();
        pay_with_nfc(server, &till, &server.invoice(&till, 101), &shown).refused(400, "card_refused", "at most 100 sat");
        let spent = server.invoice(&till, 10);
        server.pay(&server.manager, &spent).expect(201);
        pay_with_nfc(server, &till, &spent, &shown).refused(400, "card_refused", "paid already");
        assert_eq!(hits(server, &alice).len(), counted);
        pay_with_nfc(server, &till, &invoice, &shown).expect(200);
        pay_with_nfc(server, &till, &server.invoice(&till, 10), &shown).refused(400, "card_refused", "already used");
        pay_with_nfc(server, &till, &server.invoice(&till, 10), &format!("lnurlw://{authority}{}", card.tap())).expect(200);
        server.audit();
    }

    fn a_tap_that_a_till_shows_too_early_pays_later(server) {
        let (alice, till) = (server.wallet("alice", 500), server.wallet("till", 0));
        let (made, mut card) = new_card(server, &alice);
        let shown = format!("lnurlw://{}{}", server.url.strip_prefix("http://").unwrap(), card.tap());
        let path = format!("{}/{}", CARDS, made["id"].as_str().unwrap());
        for (change, reason) in [(json!({"daily_limit": 0}), "Max daily limit spent."), (json!({"enable": false}), "Card is disabled.")] {
            server.put(&path, &alice.admin, &change).expect(200);
            pay_with_nfc(server, &till, &server.invoice(&till, 10), &shown).refused(400, "card_refused", reason);
            server.put(&path, &alice.admin, &json!({"daily_limit": 1000, "enable": true})).expect(200);
        }
        // 20 at once: one pays.
        let invoices: Vec<_> = (0..20).map(|_| server.invoice(&till, 10)).collect();
        let answers = crate::harness::at_once(20, |index| pay_with_nfc(server, &till, &invoices[index], &shown));
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert_eq!((server.balance(&alice), server.balance(&till)), (490, 10));
        server.audit();
    }
}
