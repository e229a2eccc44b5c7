//! A programming app fetches keys: with a code, once.

use serde_json::{Value, json};

use super::{CARDS, UID, ask, new_card, pay_path};
use crate::harness::{Answer, Server, at_once, both_stores};

const AUTH: &str = "/boltcards/api/v1/auth";

fn auth(server: &Server, otp: &Value) -> Answer {
    server.send("GET", &format!("{AUTH}?a={}", otp.as_str().unwrap()), &[], "")
}

fn auth_by_post(server: &Server, query: &str, body: &Value) -> Answer {
    server.send("POST", &format!("{AUTH}?{query}"), &[], &body.to_string())
}

both_stores! {
    fn a_code_is_good_once(server) {
        let wallet = server.wallet("alice", 0);
        let (card, _) = new_card(server, &wallet);
        let otp = card["otp"].as_str().unwrap().to_owned();
        assert_eq!(server.send("HEAD", &format!("{AUTH}?a={otp}"), &[], "").status, 405);
        let keys = auth(server, &card["otp"]).expect(200);
        let base = format!("lnurlw://{}/boltcards/api/v1/scan/{}", server.url.strip_prefix("http://").unwrap(), card["external_id"].as_str().unwrap());
        let expected = json!({
            "card_name": "Alice's card", "id": "1", "k0": card["k0"], "k1": card["k1"], "k2": card["k2"], "k3": card["k1"],
            "k4": card["k2"], "lnurlw_base": base, "protocol_name": "new_bolt_card_response", "protocol_version": "1"
        });
        assert_eq!(keys, expected);
        auth(server, &card["otp"]).refused(404, "card_code_unknown", "was used");
        assert_eq!(server.get(CARDS, &wallet.admin).expect(200)[0]["otp"], Value::Null);

        let renew = format!("{CARDS}/{}/otp", card["id"].as_str().unwrap());
        let renewed = server.post(&renew, &wallet.admin, &json!({})).expect(200);
        assert_ne!(renewed["otp"], card["otp"]);
        assert_eq!(renewed["k1"], card["k1"]);
        auth(server, &card["otp"]).refused(404, "card_code_unknown", "");
        // Of many at once, one gets them.
        let answers = at_once(10, |_| auth(server, &renewed["otp"]).status);
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
        assert!(answers.iter().all(|status| [200, 404].contains(status)), "{answers:?}");
    }

    fn a_code_holds_for_an_hour(server) {
        let wallet = server.wallet("alice", 0);
        let (card, _) = new_card(server, &wallet);
        server.database.execute("UPDATE cards SET otp_expires_at_ms = otp_expires_at_ms - 3600000").unwrap();
        auth(server, &card["otp"]).refused(404, "card_code_unknown", "");
        assert_eq!(server.get(CARDS, &wallet.admin).expect(200)[0]["otp"], Value::Null);
    }

    fn nobody_gets_keys_for_a_unique_id(server) {
        let wallet = server.wallet("alice", 0);
        let (card, mut programmed) = new_card(server, &wallet);
        let shown = format!("{}{}", server.url, programmed.tap());
        for (query, code) in [("", "invalid_request"), ("a=", "invalid_request"), ("a=x", "card_code_unknown"), (&format!("a={}", "0".repeat(32)), "card_code_unknown")] {
            for body in [json!({"UID": UID}), json!({"LNURLW": shown}), json!({"UID": UID, "LNURLW": shown}), json!({})] {
                for wipe in ["", "&wipe=true"] {
                    let answer = auth_by_post(server, &format!("{query}{wipe}"), &body);
                    answer.refused(answer.status, code, "");
                    assert!([400, 404].contains(&answer.status) && !answer.text.contains(card["k1"].as_str().unwrap()));
                }
            }
        }
        // With the code of another card neither; and that code stays good.
        let other = server.post(CARDS, &wallet.admin, &json!({"card_name": "other", "uid": "04a39493cc8680"})).expect(201);
        let query = format!("a={}", other["otp"].as_str().unwrap());
        auth_by_post(server, &query, &json!({"UID": UID})).refused(404, "card_code_unknown", "");
        auth_by_post(server, &query, &json!({"UID": "x"})).refused(400, "invalid_request", "UID");
        let keys = auth_by_post(server, &format!("{query}&wipe=true"), &json!({"UID": "04A39493CC8680", "LNURLW": shown})).expect(200);
        assert_eq!((&keys["K0"], &keys["K3"], &keys["action"]), (&other["k0"], &other["k1"], &json!("wipe")));
        assert_eq!(keys["LNURLW"], keys["LNURLW_BASE"]);
        assert_eq!(keys["PROTOCOL_NAME"], "new_bolt_card_response");
        auth_by_post(server, &query, &json!({})).refused(404, "card_code_unknown", "");
    }

    fn neither_codes_nor_keys_nor_taps_are_logged_or_readable(server) {
        let wallet = server.wallet("alice", 1000);
        let payee = server.wallet("payee", 0);
        let (card, mut programmed) = new_card(server, &wallet);
        auth(server, &card["otp"]).expect(200);
        let tap = programmed.tap();
        let offer = ask(server, &tap);
        let path = pay_path(server, &offer, &server.invoice(&payee, 10));
        assert_eq!(ask(server, &path)["status"], "OK");
        let (log, rows) = (server.logged(), server.database.dump(&[]).join("\n"));
        assert!(log.contains("/boltcards/api/v1/scan/{external}"), "{log}");
        let (p, c) = tap.split_once("?p=").unwrap().1.split_once("&c=").unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let secrets = [text(&card["otp"]), text(&card["k0"]), text(&card["k1"]), text(&card["k2"]), text(&offer["k1"])];
        for secret in secrets.iter().map(String::as_str).chain([p, c]) {
            assert!(!log.contains(secret) && !rows.contains(&secret.to_lowercase()), "{secret}");
        }
    }
}
