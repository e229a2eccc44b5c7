//! What an operator lets webhooks go to, besides the public internet.

use std::net::IpAddr;

use satkeep::net::allow_list::AllowList;
use satkeep::net::request::RequestError;
use satkeep::net::targets::{Forbidden, Target, TargetPolicy};
use serde_json::json;

use super::delivery::invoice;
use super::endpoints::WEBHOOKS;
use super::targets::{address_of, client_of, post, resolver, strict};
use crate::harness::{Options, Receiver, Server, StoreKind};

fn list(text: &str) -> AllowList {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn policy(text: &str) -> TargetPolicy {
    TargetPolicy { outgoing: list(text), ..strict() }
}

#[test]
fn entries_are_hosts_networks_and_ports() {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    for (entry, host, port, is_named) in [
        ("app", "app", 1, true),
        ("App.", "app", 65535, true),
        ("app", "app.", 80, true),
        ("app", "an.app", 80, false),
        ("app:7000", "app", 7000, true),
        ("app:7000", "app", 7001, false),
        ("app:7000-7009", "app", 7009, true),
        ("app:7000-7009", "app", 7010, false),
        ("*.internal", "a.internal", 80, true),
        ("*.internal", "b.a.internal", 80, true),
        ("*.internal", "internal", 80, false),
        ("*.internal", "notinternal", 80, false),
        ("*.internal:443", "a.internal", 80, false),
        ("bücher.example", "xn--bcher-kva.example", 80, true),
        ("one, two:80 ,three", "two", 80, true),
        ("10.0.0.0/8", "10.example", 80, false),
    ] {
        assert_eq!(list(entry).names(host, port), is_named, "{entry}: {host}:{port}");
    }
    for (entry, within, port, is_contained) in [
        ("127.0.0.1:7000", "127.0.0.1", 7000, true),
        ("127.0.0.1:7000", "127.0.0.1", 7001, false),
        ("127.0.0.1:7000", "127.0.0.2", 7000, false),
        ("127.0.0.1:7000", "::ffff:127.0.0.1", 7000, true),
        ("10.0.0.0/8", "10.255.255.255", 1, true),
        ("10.0.0.0/8", "11.0.0.0", 1, false),
        ("10.0.0.0/8:80-89", "10.1.1.1", 85, true),
        ("10.0.0.0/8:80-89", "10.1.1.1", 90, false),
        ("::1", "::1", 9, true),
        ("[::1]", "::1", 9, true),
        ("[::1]:81", "::1", 81, true),
        ("[::1]:81", "::1", 82, false),
        ("fd00::/8", "fd12::1", 80, true),
        ("[fd00::/8]:8000-8999", "fd12::1", 8500, true),
        ("[fd00::]/8:8000", "fd12::1", 8000, true),
        ("[fd00::]/8:8000", "fd12::1", 8001, false),
        ("app", "127.0.0.1", 80, false),
        ("", "127.0.0.1", 80, false),
    ] {
        assert_eq!(list(entry).contains(address(within), port), is_contained, "{entry}: {within} {port}");
    }
    for wrong in [
        "http://app/",
        "app/path",
        "user:secret@app:80",
        "app:",
        "app:0",
        "app:65536",
        "app:90-80",
        "app:http",
        "*",
        "*.",
        "a.*.b",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "[::1",
        "[app]:80",
        "[::1]81",
        "a b",
        "app,http://app/",
    ] {
        let error = wrong.parse::<AllowList>().expect_err(wrong).to_string();
        assert!(error.contains("127.0.0.1:7000") && !error.contains("secret"), "{wrong}: {error}");
    }
}

#[test]
fn what_is_allowed_is_judged_alike_by_address_and_by_name() {
    let judge = |list: &str, url: &str| policy(list).check(&Target::parse(url).unwrap()).map_err(|refused| refused.why);
    for (list, url, expected) in [
        ("", "http://127.0.0.1:7000/", Err(Forbidden::Address)),
        ("", "http://localhost:7000/", Err(Forbidden::Address)),
        ("", "http://localhost.localdomain/", Err(Forbidden::Address)),
        ("127.0.0.1:7000", "http://127.0.0.1:7000/", Ok(())),
        ("127.0.0.1:7000", "http://0x7f.1:7000/", Ok(())),
        ("127.0.0.1:7000", "http://[::ffff:127.0.0.1]:7000/", Ok(())),
        ("127.0.0.1:7000", "http://localhost:7000/", Ok(())),
        ("127.0.0.1:7000", "http://a.localhost:7000/", Ok(())),
        ("127.0.0.1:7000", "http://127.0.0.1:7001/", Err(Forbidden::Address)),
        ("127.0.0.1:7000", "http://localhost:7001/", Err(Forbidden::Address)),
        ("[::1]:7000", "http://localhost:7000/", Ok(())),
        ("localhost:7000", "http://localhost:7000/", Ok(())),
        ("localhost:7000", "http://127.0.0.1:7000/", Err(Forbidden::Address)),
        ("10.0.0.0/8", "http://10.1.2.3:22/", Ok(())),
        ("10.0.0.0/8:22", "http://10.1.2.3:80/", Err(Forbidden::Address)),
        ("app", "http://app:22/", Ok(())),
        ("app", "http://app.example:22/", Err(Forbidden::Port)),
        // It may lead into the network: its addresses are judged later.
        ("10.0.0.0/8", "http://app.example:22/", Ok(())),
        ("8.8.8.8:53", "http://8.8.8.8:53/", Ok(())),
        ("8.8.8.8:53", "http://8.8.8.9:53/", Err(Forbidden::Port)),
    ] {
        assert_eq!(judge(list, url), expected, "{list}: {url}");
    }
    let refused = |url: &str| policy("").accept(url.to_owned()).unwrap_err().to_string();
    assert!(refused("http://10.1.2.3:7000/hook").contains("--outgoing-allow 10.1.2.3:7000"));
    assert!(refused("http://[fd00::1]/").contains("--outgoing-allow [fd00::1]:80"));
    assert!(refused("http://localhost:81/").contains("--outgoing-allow localhost:81"));
    let port = refused("http://app.example:22/");
    assert!(port.contains("--webhook-ports") && port.contains("--outgoing-allow app.example:22"), "{port}");
}

#[test]
fn a_name_is_followed_where_its_address_or_itself_is_allowed() {
    let receiver = Receiver::start();
    let inside = address_of(&receiver);
    let url = format!("http://hooks.example:{}/", inside.port());
    let asked = |list: &str| {
        let client = client_of(policy(list), resolver(&[&[inside]]).0);
        post(&client, &url)
    };
    let port = inside.port();
    for list in [format!("127.0.0.1:{port}"), "127.0.0.0/8".into(), "hooks.example".into(), format!("*.example:{port}")]
    {
        assert_eq!(asked(&list).unwrap().status, 200, "{list}");
    }
    assert_eq!(receiver.hooks().len(), 4);
    for list in ["127.0.0.1:1", "10.0.0.0/8", "hooks.example:1", "other.example", "*.hooks.example"] {
        let Err(RequestError::Forbidden(refused)) = asked(list) else { panic!("{list}") };
        assert_eq!(refused.why, Forbidden::Address);
        assert!(refused.to_string().contains(&format!("--outgoing-allow hooks.example:{port}")), "{refused}");
    }
    assert_eq!(receiver.hooks().len(), 4);
}

#[test]
fn an_operator_allows_one_port_of_this_machine() {
    for store in [StoreKind::Sqlite, StoreKind::Postgres] {
        let (receiver, other) = (Receiver::start(), Receiver::start());
        let allowed = receiver.url.strip_prefix("http://").unwrap().to_owned();
        let options = Options { arguments: vec!["--outgoing-allow".into(), allowed], ..Options::default() };
        let Some(server) = Server::start(store, options) else { continue };
        let by_name = |url: &str| url.replace("127.0.0.1", "localhost");
        for url in [receiver.url.clone(), by_name(&receiver.url)] {
            let issued = invoice(&server, &server.manager, 3, &format!("{url}/hook"));
            server.pay(&server.manager, issued["bolt11"].as_str().unwrap()).expect(201);
        }
        assert!(receiver.wait_for(2).iter().all(|hook| hook.path == "/hook"));
        for url in [other.url.clone(), by_name(&other.url), "http://10.0.0.1:7000".into()] {
            let setting = format!("--outgoing-allow {}", url.strip_prefix("http://").unwrap());
            let order = json!({"out": false, "amount": 3, "webhook": format!("{url}/hook")});
            let refused = server.post("/api/v1/payments", &server.manager.invoice, &order);
            refused.refused(400, "invalid_request", &setting);
            let refused = server.post(WEBHOOKS, &server.manager.admin, &json!({ "url": url }));
            refused.refused(400, "invalid_request", &setting);
        }
        assert!(other.hooks().is_empty());
    }
}
