//! What the outside calls the server.

use serde_json::json;

use super::{LINKS, refused};
use crate::harness::{Options, Server, both_stores};

fn options(arguments: &[&str]) -> Options {
    Options { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), ..Options::default() }
}

fn at(server: &Server, host: &str, path: &str) -> crate::harness::Answer {
    server.send("GET", path, &[("Host", host)], "")
}

both_stores! {
    fn links_have_the_public_host(server, options(&["--public-url", "https://pay.example", "--allowed-hosts", "shop.example,abc.onion"])) {
        let admin = &server.manager.admin;
        let made = server.post(LINKS, admin, &json!({"description": "x", "username": "bob"})).expect(201);
        assert_eq!(made["domain"], "pay.example");
        for host in ["pay.example", "evil.example", "127.0.0.1:1", "shop.example"] {
            let request = at(server, host, "/.well-known/lnurlp/bob").expect(200);
            let callback = format!("https://pay.example/lnurlp/api/v1/lnurl/cb/{}", made["id"].as_str().unwrap());
            assert_eq!(request["callback"], callback, "{host}");
            assert!(request["metadata"].as_str().unwrap().contains("bob@pay.example"), "{request}");
        }
        // A link may have another host that is named, and no other.
        let order = |domain: &str| json!({"description": "x", "domain": domain});
        let own = server.post(LINKS, admin, &order("shop.example")).expect(201);
        assert_eq!(own["domain"], "shop.example");
        let path = format!("/lnurlp/{}", own["id"].as_str().unwrap());
        assert!(at(server, "evil.example", &path).expect(200)["callback"].as_str().unwrap().starts_with("https://shop.example/"));
        let onion = server.post(LINKS, admin, &order("abc.onion")).expect(201);
        let path = format!("/lnurlp/{}", onion["id"].as_str().unwrap());
        assert!(at(server, "pay.example", &path).expect(200)["callback"].as_str().unwrap().starts_with("http://abc.onion/"));
        server.post(LINKS, admin, &order("evil.example")).refused(400, "invalid_request", "--allowed-hosts");
    }

    fn without_it_a_requests_host_must_be_named(server, options(&["--allowed-hosts", "pay.example"])) {
        let admin = &server.manager.admin;
        let create = |host: &str| {
            let body = json!({"description": "x"}).to_string();
            server.send("POST", LINKS, &[("X-Api-Key", admin), ("Host", host)], &body)
        };
        assert_eq!(create("pay.example").expect(201)["domain"], "pay.example");
        let made = create("localhost:5001").expect(201);
        assert_eq!(made["domain"], "localhost:5001");
        let refusal = create("evil.example");
        refusal.refused(400, "no_public_url", "--public-url");
        let path = format!("/lnurlp/{}", made["id"].as_str().unwrap());
        refused(&at(server, "evil.example", &path), "--public-url");
        assert!(at(server, "PAY.example:443", &path).expect(200)["callback"].as_str().unwrap().starts_with("https://pay.example/"));
        // Owners see their links all the same.
        let headers = [("X-Api-Key", admin.as_str()), ("Host", "evil.example")];
        let list = server.send("GET", LINKS, &headers, "").expect(200);
        assert_eq!((list[0]["lnurl"].clone(), list[0]["domain"].clone()), (json!(null), json!(null)));
    }
}
