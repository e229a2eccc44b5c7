//! Looking at what others offer.

use std::time::Duration;

use bitcoin_hashes::{Hash, sha256};
use serde_json::json;

use super::{METADATA, PAY, SCAN, Service, options};
use crate::harness::{Server, Silent, StoreKind, both_stores};
use crate::lnurl::{ask, link};

/// A code in bech32.
fn code(url: &str) -> String {
    bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("lnurl").unwrap(), url.as_bytes()).unwrap()
}

both_stores! {
    fn offers_of_others_are_shown(server, options()) {
        let service = Service::with_bob();
        let key = &server.manager.invoice;
        let expected = json!({
            "tag": "payRequest", "callback": service.url("/cb?x=1"), "minSendable": 1000, "maxSendable": 100_000,
            "metadata": METADATA, "commentAllowed": 10, "kind": "pay", "domain": service.address("").trim_start_matches('@'),
            "fixed": false, "description": "Tea", "description_hash": sha256::Hash::hash(METADATA.as_bytes()).to_string(),
            "targetUser": "bob@shop.example"
        });
        let url = service.url("/.well-known/lnurlp/bob");
        let rest = url.strip_prefix("http://").unwrap();
        for text in [service.address("bob"), service.address("BOB"), code(&url), format!("lightning:{}", code(&url)), format!("lnurlp://{rest}")] {
            assert_eq!(server.post(SCAN, key, &json!({ "lnurl": text })).expect(200), expected, "{text}");
        }
        assert_eq!(server.get(&format!("{SCAN}/{}", service.address("bob")), key).expect(200), expected);

        // What it says besides is passed on, and what it does not say is left out.
        let more = json!({
            "tag": "payRequest", "callback": service.url("/cb"), "minSendable": "5000", "maxSendable": 5000.0, "status": "OK",
            "metadata": "[[\"text/plain\",\"x\"]]", "payerData": {"name": {"mandatory": true}}, "allowsNostr": true, "nostrPubkey": "ab"
        });
        service.answers("/more", &more);
        let scanned = server.post(SCAN, key, &json!({"lnurl": service.url("/more")})).expect(200);
        for (name, value) in [("fixed", json!(true)), ("payerData", more["payerData"].clone()), ("allowsNostr", json!(true)), ("nostrPubkey", json!("ab"))] {
            assert_eq!(scanned[name], value, "{name}");
        }
        assert_eq!((scanned.get("commentAllowed"), scanned.get("targetUser")), (None, None));

        let withdraw = json!({
            "tag": "withdrawRequest", "callback": service.url("/w"), "k1": "secret", "minWithdrawable": 1000,
            "maxWithdrawable": 9000, "defaultDescription": "Prize", "payLink": "lnurlp://a.example/x"
        });
        service.answers("/withdraw", &withdraw);
        let scanned = server.post(SCAN, key, &json!({"lnurl": service.url("/withdraw").replace("http:", "lnurlw:")})).expect(200);
        for (name, value) in withdraw.as_object().unwrap() {
            assert_eq!(&scanned[name], value, "{name}");
        }
        assert_eq!((&scanned["kind"], &scanned["fixed"]), (&json!("withdraw"), &json!(false)));
        server.get(&format!("{SCAN}/{}", service.address("bob")), "").refused(401, "no_api_key", "");
    }

    fn what_is_of_no_use_is_named(server, options()) {
        let service = Service::start();
        let key = &server.manager.invoice;
        service.answers("/refuses", &json!({"status": "ERROR", "reason": "The shop\u{7} is closed"}));
        service.replies("/refuses-loudly", 404, "", "{\"status\": \"ERROR\", \"reason\": \"nobody here\"}", Duration::ZERO);
        service.replies("/breaks", 500, "", "<html>", Duration::ZERO);
        service.replies("/html", 200, "", "<html>", Duration::ZERO);
        service.replies("/long", 200, "", &format!("{{\"x\": \"{}\"}}", "x".repeat(300_000)), Duration::ZERO);
        service.answers("/channel", &json!({"tag": "channelRequest"}));
        service.answers("/insecure", &json!({"tag": "payRequest", "callback": "http://a.example/", "minSendable": 1, "maxSendable": 2, "metadata": METADATA}));
        service.replies("/round", 302, "Location: /round\r\n", "", Duration::ZERO);
        service.replies("/away", 302, "Location: ftp://a.example/\r\n", "", Duration::ZERO);
        for (path, says) in [
            ("/refuses", "The shop  is closed"),
            ("/refuses-loudly", "nobody here"),
            ("/nothing", "answers with status 404"),
            ("/breaks", "answers with status 500"),
            ("/html", "does not answer as LNURL has it"),
            ("/long", "too long"),
            ("/channel", "\"channelRequest\", which is not spoken here"),
            ("/insecure", "must be an https URL"),
            ("/round", "leads nowhere"),
            ("/away", "leads nowhere"),
            ("/login?tag=login&k1=00", "\"login\""),
        ] {
            let host = service.address("");
            let refusal = server.post(SCAN, key, &json!({"lnurl": service.url(path)}));
            refusal.refused(400, "lnurl_failed", says);
            assert!(refusal.json()["detail"].as_str().unwrap().starts_with(host.trim_start_matches('@')), "{}", refusal.text);
        }
        // Nobody was asked to log in, and it was sent on no further than so often.
        let asked = service.asked();
        assert!(!asked.iter().any(|path| path.starts_with("/login")), "{asked:?}");
        assert_eq!(asked.iter().filter(|path| *path == "/round").count(), 4);
        // Where a service sends on to another place, that one is asked.
        service.replies("/moved", 301, "Location: /new\r\n", "", Duration::ZERO);
        service.answers("/new", &service.offer());
        server.post(SCAN, key, &json!({"lnurl": service.url("/moved")})).expect(200);
    }

    fn what_is_inside_is_not_asked(server) {
        let service = Service::with_bob();
        let key = &server.manager.admin;
        let scan = server.post(SCAN, key, &json!({"lnurl": service.address("bob")}));
        scan.refused(400, "lnurl_failed", "--outgoing-allow");
        let pay = json!({"callback": service.url("/cb"), "amount": 1000});
        server.post(PAY, key, &pay).refused(400, "lnurl_failed", "--outgoing-allow");
        server.post(SCAN, key, &json!({"lnurl": "http://169.254.169.254/x"})).refused(400, "invalid_request", "https");
        server.post(SCAN, key, &json!({"lnurl": "https://169.254.169.254/x"})).refused(400, "lnurl_failed", "");
        assert_eq!(service.asked(), Vec::<String>::new());
    }

    /// Links of this server are looked at without asking anybody.
    fn own_links_are_looked_at_from_inside(server) {
        let key = &server.manager.invoice;
        let order = json!({"title": "Prize", "min_withdrawable": 7, "max_withdrawable": 7, "uses": 2, "wait_time": 1, "is_unique": true});
        let made = server.post("/withdraw/api/v1/links", &server.manager.admin, &order).expect(201);
        let scanned = server.post(SCAN, key, &json!({"lnurl": made["lnurl"]})).expect(200);
        assert_eq!((&scanned["tag"], &scanned["kind"], &scanned["fixed"]), (&json!("withdrawRequest"), &json!("withdraw"), &json!(true)));
        let by_role = made["lnurl_url"].as_str().unwrap().replace("http:", "lnurlw:");
        assert_eq!(server.post(SCAN, key, &json!({"lnurl": by_role})).expect(200)["callback"], scanned["callback"]);
        let path = scanned["callback"].as_str().unwrap().strip_prefix(&server.url).unwrap();
        let bolt11 = server.invoice(&server.manager, 7);
        let paid = ask(server, &format!("{path}&k1={}&pr={bolt11}", scanned["k1"].as_str().unwrap()));
        assert_eq!(paid.expect(200), json!({"status": "OK"}));
        let gone = format!("{}/withdraw/api/v1/lnurl/nobodys", server.url);
        server.post(SCAN, key, &json!({ "lnurl": gone })).refused(400, "withdraw_refused", "does not exist");
    }

    /// A tenant whose services do not answer keeps no other from theirs.
    fn slow_services_are_one_tenants_own(server, options()) {
        let silent = Silent::start(1);
        let lnurl = json!({"lnurl": silent.urls()[0]});
        let service = Service::with_bob();
        let other = server.new_manager("other", 0);
        std::thread::scope(|scope| {
            for _ in 0..48 {
                scope.spawn(|| server.post(SCAN, &server.manager.invoice, &lnurl));
            }
            let mut waiting = 0;
            while waiting < 16 {
                waiting += silent.connections();
                std::thread::sleep(Duration::from_millis(5));
            }
            let quick = json!({"lnurl": service.address("bob")});
            server.post(SCAN, &other.invoice, &quick).expect(200);
        });
    }
}

/// Another satkeep is a server like any other.
#[test]
fn another_satkeep_is_asked() {
    let [first, second] = [(); 2].map(|()| Server::start(StoreKind::Sqlite, options()).unwrap());
    let shop = second.wallet("shop", 0);
    link(&second, &shop, &json!({"description": "Tea", "max": 1000, "username": "tea"}));
    let address = format!("tea@{}", second.url.strip_prefix("http://").unwrap());
    let scanned = first.post(SCAN, &first.manager.invoice, &json!({ "lnurl": address })).expect(200);
    assert_eq!((&scanned["targetUser"], &scanned["maxSendable"]), (&json!(address), &json!(1_000_000)));
    let pay = json!({"lnurl": address, "amount": 5000});
    let refusal = first.post(PAY, &first.manager.admin, &pay);
    refusal.refused(400, "invoice_not_payable", "Invoice is not payable here");
    first.audit();
}
