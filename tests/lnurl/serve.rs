//! What anybody who pays is told, and the invoices that links give.

use serde_json::json;

use super::{LINKS, ask, check, invoice_of, link, path_of, refused};
use crate::harness::{Server, both_stores};

/// How often a link was served, as its owner sees it.
fn served(server: &Server, id: &str, key: &str) -> (i64, i64) {
    let link = server.get(&format!("{LINKS}/{id}"), key).expect(200);
    (link["served_meta"].as_i64().unwrap(), link["served_pr"].as_i64().unwrap())
}

both_stores! {
    fn a_link_gives_invoices_that_are_what_it_says(server) {
        let wallet = server.wallet("payee", 0);
        let order = json!({"description": "Tea & \"cakes\" für Zoë", "min": 10, "max": 2000, "comment_chars": 5, "success_text": "Thanks"});
        let made = link(server, &wallet, &order);
        let id = made["id"].as_str().unwrap();
        let answer = ask(server, &format!("/lnurlp/{id}"));
        let request = answer.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let expected = json!({
            "tag": "payRequest", "callback": format!("{}/lnurlp/api/v1/lnurl/cb/{id}", server.url), "minSendable": 10_000,
            "maxSendable": 2_000_000, "metadata": "[[\"text/plain\",\"Tea & \\\"cakes\\\" für Zoë\"]]", "commentAllowed": 5,
        });
        assert_eq!(request, expected);
        assert_eq!(ask(server, &format!("/lnurlp/api/v1/lnurl/{id}")).expect(200), expected);
        let public = ask(server, &format!("{LINKS}/public/{id}")).expect(200);
        let expected = json!({
            "id": id, "username": null, "description": order["description"], "min": 10, "max": 2000,
            "domain": server.url.strip_prefix("http://").unwrap(), "currency": null, "lnurl": made["lnurl"],
        });
        assert_eq!(public, expected);

        let given = invoice_of(server, &request, "amount=1000000&comment=h%C3%A9llo");
        assert_eq!(given["successAction"], json!({"tag": "message", "message": "Thanks"}));
        assert_eq!(given["disposable"], true);
        let pr = check(server, &request, &given, 1_000_000);
        server.pay(&server.manager, &pr).expect(201);
        assert_eq!(server.balance(&wallet), 1000);
        let payment = server.get("/api/v1/payments", &wallet.invoice).expect(200)[0].clone();
        assert_eq!(payment["extra"], json!({"tag": "lnurlp", "link": id, "comment": "héllo"}));
        assert_eq!((&payment["tag"], &payment["memo"]), (&json!("lnurlp"), &order["description"]));
        assert_eq!(served(server, id, &wallet.invoice), (2, 1));
        server.audit();
    }

    fn what_a_link_does_not_take_is_refused(server) {
        let wallet = server.wallet("payee", 0);
        let made = link(server, &wallet, &json!({"description": "x", "min": 10, "max": 20, "comment_chars": 5}));
        let silent = link(server, &wallet, &json!({"description": "x", "min": 10, "max": 20}));
        let callback = format!("/lnurlp/api/v1/lnurl/cb/{}", made["id"].as_str().unwrap());
        for (query, reason) in [
            ("", "amount"),
            ("?amount=", "amount"),
            ("?amount=x", "amount"),
            ("?amount=10.5", "amount"),
            ("?amount=99999999999999999999999", "amount"),
            ("?amount=-10000", "Amount -10000 is smaller than minimum 10000."),
            ("?amount=9999", "Amount 9999 is smaller than minimum 10000."),
            ("?amount=20001", "Amount 20001 is greater than maximum 20000."),
            ("?amount=10500", "multiple of 1000"),
            ("?amount=10000&comment=123456", "Got a comment with 6 characters, but can only accept 5"),
            ("?amount=10000&comment=%00", "U+0000"),
        ] {
            refused(&ask(server, &format!("{callback}{query}")), reason);
        }
        // As long as a URL has it, wherever it stands.
        let link = callback.replace("/api/v1/lnurl/cb/", "/");
        for (data, fits) in [("x".repeat(1024), true), ("x".repeat(1025), false), ("%C3%A9".repeat(170), true), ("%C3%A9".repeat(171), false)] {
            for path in [format!("{callback}?amount=10000&webhook_data={data}"), format!("{link}?webhook_data={data}")] {
                let answer = ask(server, &path);
                if fits {
                    assert_eq!(answer.expect(200).get("reason"), None, "{}", answer.text);
                } else {
                    refused(&answer, "webhook_data must be at most 1024 bytes long");
                }
            }
        }
        let silent = format!("/lnurlp/api/v1/lnurl/cb/{}", silent["id"].as_str().unwrap());
        refused(&ask(server, &format!("{silent}?amount=10000&comment=x")), "can only accept 0");
        let made = ask(server, &format!("{silent}?amount=10000&comment=&nostr=x")).expect(200);
        assert_eq!(made.get("successAction"), None);
        for path in ["/lnurlp/nothing", "/lnurlp/api/v1/lnurl/nothing", "/lnurlp/api/v1/lnurl/cb/nothing?amount=1000",
            "/lnurlp/api/v1/links/public/nothing", "/lnurlp/x+", &format!("{callback}+tag?amount=10000")] {
            ask(server, path).refused(404, "pay_link_not_found", "Pay link does not exist.");
        }
        assert_eq!(server.get("/api/v1/payments", &wallet.invoice).expect(200).as_array().unwrap().len(), 3);
    }

    fn an_address_is_a_links_name(server) {
        let wallet = server.wallet("payee", 0);
        let order = json!({"description": "Tips", "min": 1, "max": 1000, "username": "bob"});
        let made = link(server, &wallet, &order);
        let host = server.url.strip_prefix("http://").unwrap();
        let request = ask(server, "/.well-known/lnurlp/bob").expect(200);
        let metadata = format!("[[\"text/plain\",\"Payment to bob\"],[\"text/identifier\",\"bob@{host}\"]]");
        assert_eq!(request["metadata"], metadata);
        assert_eq!(request.get("commentAllowed"), None);
        for path in ["/.well-known/lnurlp/Bob", "/lnurlp/api/v1/well-known/bob", &format!("/lnurlp/{}", made["id"].as_str().unwrap())] {
            assert_eq!(ask(server, path).expect(200), request, "{path}");
        }
        check(server, &request, &invoice_of(server, &request, "amount=7000"), 7000);

        // With a tag, which stands in the metadata, and so in the invoice; and also where a wallet
        // writes a question mark by itself.
        let tagged = ask(server, "/.well-known/lnurlp/bob+tips").expect(200);
        let metadata = format!("[[\"text/plain\",\"Payment to bob\"],[\"text/identifier\",\"bob+tips@{host}\"],[\"text/tag\",\"tips\"]]");
        assert_eq!(tagged["metadata"], metadata);
        let callback = path_of(server, &tagged["callback"]).to_owned();
        let given = ask(server, &format!("{callback}?amount=9000")).expect(200);
        let pr = check(server, &tagged, &given, 9000);
        server.pay(&server.manager, &pr).expect(201);
        let payment = server.get("/api/v1/payments?status=success", &wallet.invoice).expect(200)[0].clone();
        let expected = json!({"tag": "lnurlp", "link": made["id"], "lnaddress": format!("bob+tips@{host}")});
        assert_eq!(payment["extra"], expected);

        // What a payer's page adds goes with the callback.
        let with_data = ask(server, "/.well-known/lnurlp/bob?webhook_data=order%207%26x").expect(200);
        check(server, &with_data, &invoice_of(server, &with_data, "amount=5000"), 5000);
        let payment = server.get("/api/v1/payments?amount=5000", &wallet.invoice).expect(200)[0].clone();
        assert_eq!(payment["extra"]["webhook_data"], "order 7&x");
        for name in ["alice", "b%20b", "bob+", "bob+a+b", "..bob@x"] {
            refused(&ask(server, &format!("/.well-known/lnurlp/{name}")), "Lightning address not found.");
        }
    }

    fn counts_are_written_and_survive(server) {
        let wallet = server.wallet("payee", 0);
        let made = link(server, &wallet, &json!({"description": "x"}));
        let id = made["id"].as_str().unwrap();
        for _ in 0..20 {
            ask(server, &format!("/lnurlp/{id}")).expect(200);
        }
        let callback = format!("/lnurlp/api/v1/lnurl/cb/{id}?amount=1000");
        ask(server, &callback).expect(200);
        assert_eq!(server.send("HEAD", &callback, &[], "").status, 405);
        assert_eq!(served(server, id, &wallet.invoice), (20, 1));
        server.signal("-TERM");
        assert!(server.wait().success());
        let replica = server.replica();
        assert_eq!(served(&replica, id, &wallet.invoice), (20, 1));
    }

    fn a_range_in_a_currency_needs_rates(server) {
        let wallet = server.wallet("payee", 0);
        let made = link(server, &wallet, &json!({"description": "x"}));
        // As if it had been made while there were rates.
        server.database.execute("UPDATE pay_links SET currency = 'USD', min = '1.5', max = '10', fiat_base_multiplier = 100").unwrap();
        let id = made["id"].as_str().unwrap();
        let shown = server.get(&format!("{LINKS}/{id}"), &wallet.invoice).expect(200);
        assert_eq!((&shown["min"], &shown["max"], &shown["currency"]), (&json!(150), &json!(1000), &json!("USD")));
        for path in [format!("/lnurlp/{id}"), format!("/lnurlp/api/v1/lnurl/cb/{id}?amount=1000")] {
            refused(&ask(server, &path), "Other currencies are not enabled");
        }
        let page = server.send("GET", &format!("/lnurlp/{id}"), &[("Accept", "text/html")], "");
        assert!(page.text.contains("1.5 to 10 USD"), "{}", page.text);
        let pay = json!({"lnurl": made["lnurl"], "amount": 1000});
        server.post("/api/v1/payments/lnurl", &server.manager.admin, &pay).refused(400, "rates_disabled", "");
    }

    fn a_frozen_wallet_is_not_paid(server) {
        let wallet = server.wallet("payee", 0);
        let made = link(server, &wallet, &json!({"description": "x", "username": "ice"}));
        let callback = format!("/lnurlp/api/v1/lnurl/cb/{}?amount=1000", made["id"].as_str().unwrap());
        let freeze = format!("/usermanager/api/v1/wallets/{}/freeze", wallet.id);
        server.put(&freeze, &server.manager.admin, &json!({"scope": "spending"})).expect(200);
        ask(server, &callback).expect(200)["pr"].as_str().unwrap();
        server.put(&freeze, &server.manager.admin, &json!({"scope": "everything"})).expect(200);
        refused(&ask(server, &callback), "frozen");
        let pay = json!({"lnurl": format!("ice@{}", server.url.strip_prefix("http://").unwrap()), "amount": 1000});
        server.post("/api/v1/payments/lnurl", &server.manager.admin, &pay).refused(400, "receiver_frozen", "");
        server.audit();
    }
}
