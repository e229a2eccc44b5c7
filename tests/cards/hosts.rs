//! By which host the links of cards are known: one that the operator has named, or this machine.

use serde_json::{Value, json};

use super::{assert_says, new_card};
use crate::harness::{Options, Server, both_stores};

fn with(arguments: &[&str]) -> Options {
    Options { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), ..Options::default() }
}

fn scan_at(server: &Server, path: &str, host: &str) -> Value {
    server.send("GET", path, &[("Host", host)], "").expect(200)
}

both_stores! {
    fn a_host_that_nobody_has_named_gets_no_links(server) {
        let alice = server.wallet("alice", 10);
        let (card, mut programmed) = new_card(server, &alice);
        let shown = programmed.tap();
        assert_says(&scan_at(server, &shown, "evil.example"), "--public-url");
        let auth = format!("/boltcards/api/v1/auth?a={}", card["otp"].as_str().unwrap());
        server.send("GET", &auth, &[("Host", "evil.example")], "").refused(400, "no_public_url", "--allowed-hosts");
        // Neither the tap nor the code was used up.
        let offer = scan_at(server, &shown, "localhost:5001");
        assert!(offer["callback"].as_str().unwrap().starts_with("http://localhost:5001/boltcards/"), "{offer}");
        let keys = server.send("GET", &auth, &[("Host", "127.0.0.1:81")], "").expect(200);
        assert!(keys["lnurlw_base"].as_str().unwrap().starts_with("lnurlw://127.0.0.1:81/boltcards/"), "{keys}");
    }

    fn the_public_url_stands_in_all_links(server, with(&["--public-url", "https://pay.example", "--allowed-hosts", "till.example:8443"])) {
        let (alice, till) = (server.wallet("alice", 100), server.wallet("till", 0));
        let (_, mut card) = new_card(server, &alice);
        for host in ["evil.example", "127.0.0.1", "till.example:8443"] {
            let offer = scan_at(server, &card.tap(), host);
            assert!(offer["callback"].as_str().unwrap().starts_with("https://pay.example/boltcards/"), "{offer}");
            assert!(offer["payLink"].as_str().unwrap().starts_with("lnurlp://pay.example/boltcards/"), "{offer}");
        }
        let bolt11 = server.invoice(&till, 10);
        let pay = |lnurl_w: String| server.post(&format!("/api/v1/payments/{bolt11}/pay-with-nfc"), &till.invoice, &json!({ "lnurl_w": lnurl_w }));
        for host in ["evil.example", "pay.example:8443", "till.example"] {
            pay(format!("lnurlw://{host}{}", card.shown(99))).refused(400, "invalid_request", "card of this server");
        }
        pay(format!("lnurlw://till.example:8443{}", card.tap())).expect(200);
        assert_eq!(server.balance(&till), 10);
    }
}
