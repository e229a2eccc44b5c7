//! Where webhooks may go: the guard against being sent where nobody from outside may look.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::Method;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use satkeep::domain::ids::UserId;
use satkeep::domain::time::UnixMs;
use satkeep::domain::webhooks::WebhookSecret;
use satkeep::net::allow_list::AllowList;
use satkeep::net::client::{Client, Reach};
use satkeep::net::request::{Limits, Request, RequestError};
use satkeep::net::resolver::{Resolver, system_resolver};
use satkeep::net::targets::{Forbidden, Target, TargetPolicy, is_public};
use satkeep::net::tls::{Roots, connector};
use satkeep::webhooks::post::{Answer, Post, TIME_MAX};
use serde_json::json;

use crate::harness::{Receiver, Reply, both_stores, serve_tls};

const NOT_PUBLIC: [&str; 45] = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "168.63.129.16",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
];

const PUBLIC: [&str; 9] = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "192.167.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2a01:4f8::1",
];

/// URLs that name, in one way or another, what is not public; or that are none.
const REFUSED: [&str; 22] = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://0x7f.1/hook",
    "http://127.0.0.1.:80/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://169.254.169.254/latest/meta-data",
    "http://10.0.0.1:8080/",
    "http://192.168.0.1",
    "http://localhost/",
    "https://LOCALHOST./",
    "http://a.localhost/",
    "http://0/",
    "http://１２７.０.０.１/",
    "https://game.example:22/",
    "https://game.example:25",
    "http://user@game.example/",
    "ftp://game.example/",
];

const ACCEPTED: [&str; 5] = [
    "https://game.example/hook",
    "http://game.example:8080/",
    "http://8.8.8.8/",
    "https://[2a01:4f8::1]:3000/",
    "http://localhost.example/",
];

pub(crate) fn strict() -> TargetPolicy {
    TargetPolicy { ports: "80,443,1024-65535".parse().unwrap(), outgoing: AllowList::default(), allow_private: false }
}

fn for_development() -> TargetPolicy {
    TargetPolicy { allow_private: true, ..strict() }
}

#[test]
fn addresses_are_public_or_not() {
    for text in NOT_PUBLIC {
        assert!(!is_public(text.parse().unwrap()), "{text}");
    }
    for text in PUBLIC {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn urls_are_accepted_or_not() {
    for text in REFUSED {
        assert!(strict().accept(text.to_owned()).is_err(), "{text}");
    }
    for text in ACCEPTED {
        assert!(strict().accept(text.to_owned()).is_ok(), "{text}");
    }
    assert!(for_development().accept("http://127.0.0.1:99/".to_owned()).is_ok());
    assert!(for_development().accept("file:///etc/passwd".to_owned()).is_err());
    for ports in ["", "0", "80-", "443-80", "65536", "http"] {
        assert!(ports.parse::<satkeep::net::targets::Ports>().is_err(), "{ports}");
    }
}

both_stores! {
    fn an_invoice_cannot_name_what_is_not_public(server) {
        for url in REFUSED {
            let order = json!({"out": false, "amount": 1, "webhook": url});
            server.post("/api/v1/payments", &server.manager.admin, &order).refused(400, "invalid_request", "webhook");
        }
        for url in ACCEPTED {
            let order = json!({"out": false, "amount": 1, "webhook": url});
            server.post("/api/v1/payments", &server.manager.admin, &order).expect(201);
        }
    }
}

/// A resolver that answers this, in turn, and counts how often it was asked.
pub(crate) fn resolver(answers: &[&[SocketAddr]]) -> (Arc<Resolver>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, answers) = (Arc::clone(&asked), answers.iter().map(|answer| answer.to_vec()).collect::<Vec<_>>());
    let resolver: Arc<Resolver> = Arc::new(move |host, _port| {
        assert_eq!(host, "hooks.example");
        let number = count.fetch_add(1, Ordering::SeqCst);
        let answer = answers[number.min(answers.len() - 1)].clone();
        Box::pin(async move { Ok(answer) })
    });
    (resolver, asked)
}

pub(crate) fn client_of(policy: TargetPolicy, resolver: Arc<Resolver>) -> Client {
    Client::new(Reach::Judged(policy), resolver, connector(Roots::Usual(None)).unwrap())
}

fn an_event(url: &str) -> Post {
    Post {
        target: Target::parse(url).unwrap(),
        consumer: satkeep::domain::consumer::Consumer::manager(UserId::new([7; 16])),
        event: "5eed".to_owned(),
        signature: WebhookSecret::generate().sign(UnixMs::new(1000), "5eed", "{}"),
        headers: Vec::new(),
        body: "{}".to_owned(),
    }
}

pub(crate) fn post(client: &Client, url: &str) -> Result<Answer, RequestError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(an_event(url).send(client))
}

/// That the address is why, and what would change it.
#[track_caller]
fn assert_refused(came: &Result<Answer, RequestError>, setting: &str) {
    let Err(RequestError::Forbidden(refused)) = came else { panic!("{came:?}") };
    assert_eq!(refused.why, Forbidden::Address);
    assert!(refused.to_string().contains(setting), "{refused}");
}

pub(crate) fn address_of(receiver: &Receiver) -> SocketAddr {
    receiver.url.strip_prefix("http://").unwrap().parse().unwrap()
}

#[test]
fn a_name_that_leads_inside_is_not_followed() {
    let receiver = Receiver::start();
    let inside = address_of(&receiver);
    let mapped = SocketAddr::new(IpAddr::V6("::ffff:127.0.0.1".parse().unwrap()), inside.port());
    for answer in [vec![inside], vec![mapped], vec![mapped, inside]] {
        let (resolver, _) = resolver(&[&answer]);
        let client = client_of(strict(), resolver);
        let url = format!("http://hooks.example:{}/", inside.port());
        assert_refused(&post(&client, &url), "--outgoing-allow hooks.example:");
    }
    // Nor an address, in whatever form it got into the database.
    let client = client_of(strict(), resolver(&[&[inside]]).0);
    for host in ["127.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]"] {
        let refused = post(&client, &format!("http://{host}:{}/", inside.port()));
        assert_refused(&refused, "--outgoing-allow ");
    }
    assert!(receiver.hooks().is_empty());
}

#[test]
fn a_name_that_leads_inside_the_second_time_is_not_followed() {
    let receiver = Receiver::start();
    let inside = address_of(&receiver);
    // Public by its network, which is given to nobody.
    let outside = SocketAddr::new("2d00::1".parse().unwrap(), inside.port());
    let (resolver, asked) = resolver(&[&[outside], &[inside]]);
    let client = client_of(strict(), resolver);
    let url = format!("http://hooks.example:{}/", inside.port());
    // What was judged is what is connected to: nobody asks again in between.
    assert!(matches!(post(&client, &url), Err(RequestError::Unconnected(_) | RequestError::TooSlow(_))));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_refused(&post(&client, &url), "--outgoing-allow hooks.example:");
    assert!(receiver.hooks().is_empty());
}

#[test]
fn connections_are_kept_and_may_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let post_both = |receiver: SocketAddr| {
        let (resolver, asked) = resolver(&[&[receiver]]);
        let client = client_of(for_development(), resolver);
        runtime.block_on(async {
            for _ in 0..2 {
                assert_eq!(an_event("http://hooks.example/").send(&client).await.unwrap().status, 200);
                // The other end may do what it is about to do.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        asked.load(Ordering::SeqCst)
    };
    let receiver = Receiver::start();
    assert_eq!((post_both(address_of(&receiver)), receiver.hooks().len()), (1, 2));
    // One that says that it will end, and one that ends just when it is asked again.
    let receiver = Receiver::answering(|_| Reply { headers: "Connection: close\r\n", ..Reply::status(200) });
    assert_eq!((post_both(address_of(&receiver)), receiver.hooks().len()), (2, 2));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
            // It ends when it is asked once more.
            assert!(stream.read(&mut request).is_ok());
        }
    });
    assert_eq!(post_both(address), 2);
}

#[test]
fn redirects_are_not_followed() {
    let inside = Receiver::start();
    let location: &'static str = format!("Location: {}/secret\r\n", inside.url).leak();
    let receiver = Receiver::answering(move |_| Reply { headers: location, ..Reply::status(302) });
    let client = client_of(for_development(), resolver(&[&[address_of(&receiver)]]).0);
    let answer = post(&client, "http://hooks.example/").unwrap();
    assert_eq!((answer.status, answer.is_success()), (302, false));
    assert!(!answer.body.contains("secret"));
    assert_eq!((receiver.hooks().len(), inside.hooks().len()), (1, 0));
}

#[test]
fn answers_are_bounded() {
    let long = "ä\0\u{1b}".repeat(100_000);
    let body = long.clone();
    let receiver = Receiver::answering(move |_| Reply { body: body.clone(), ..Reply::status(500) });
    let client = client_of(for_development(), resolver(&[&[address_of(&receiver)]]).0);
    let answer = post(&client, "http://hooks.example/").unwrap();
    assert_eq!(answer.status, 500);
    assert!(answer.body.len() <= 1024 && answer.body.starts_with('ä'), "{answer:?}");
    assert!(!answer.body.contains(['\0', '\u{1b}']), "{answer:?}");
    // A head that is too large is no answer.
    let head: &'static str = format!("X-Long: {}\r\n", "x".repeat(100_000)).leak();
    let receiver = Receiver::answering(move |_| Reply { headers: head, ..Reply::status(200) });
    let client = client_of(for_development(), resolver(&[&[address_of(&receiver)]]).0);
    assert_eq!(post(&client, "http://hooks.example/"), Err(RequestError::Broken));
    // And one that does not come is not waited for for ever.
    let receiver = Receiver::answering(|_| Reply { after: Duration::from_secs(40), ..Reply::status(200) });
    let client = client_of(for_development(), resolver(&[&[address_of(&receiver)]]).0);
    let began = Instant::now();
    assert_eq!(post(&client, "http://hooks.example/"), Err(RequestError::TooSlow(TIME_MAX)));
    assert!(began.elapsed() >= TIME_MAX);
}

#[test]
fn certificates_are_verified() {
    let directory = tempfile::tempdir().unwrap();
    // So many names that telling them all is longer than what is kept.
    let others: Vec<_> = (0..100).map(|number| format!(",DNS:other-name-{number}.example")).collect();
    let names = format!("DNS:hooks.example{}", others.concat());
    let address = serve_tls(directory.path(), &names, address_of(&Receiver::start()));
    let certificate = directory.path().join("certificate.pem");
    let url = format!("https://hooks.example:{}/", address.port());
    let trusting = |roots: Roots<'_>| {
        Client::new(Reach::Judged(for_development()), resolver(&[&[address]]).0, connector(roots).unwrap())
    };
    let pinned = trusting(Roots::Only(&certificate));
    assert_eq!(post(&pinned, &url).unwrap().status, 200);
    let client = trusting(Roots::Usual(Some(&certificate)));
    assert_eq!(post(&client, &url).unwrap().status, 200);
    // Of another name, and of nobody whom we trust.
    let refused = post(&client, &format!("https://127.0.0.1:{}/", address.port()));
    let Err(RequestError::Tls(problem)) = refused else { panic!("{refused:?}") };
    assert!(problem.contains("other-name-1.example") && (1000..=1024).contains(&problem.len()), "{problem}");
    let client = client_of(for_development(), resolver(&[&[address]]).0);
    let refused = post(&client, &url);
    assert!(matches!(refused, Err(RequestError::Tls(_))), "{refused:?}");
    let key = directory.path().join("key.pem");
    for path in [&key, &directory.path().join("none.pem")] {
        assert!(connector(Roots::Usual(Some(path))).is_err() && connector(Roots::Only(path)).is_err());
    }
}

#[test]
fn lookups_that_are_over_make_room_for_others() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let resolver = system_resolver();
    runtime.block_on(async {
        let lookups: Vec<_> = (0..200).map(|_| tokio::spawn(resolver("localhost".to_owned(), 81))).collect();
        for lookup in lookups {
            let addresses = lookup.await.unwrap().unwrap();
            assert!(!addresses.is_empty() && addresses.iter().all(|it| it.ip().is_loopback() && it.port() == 81));
        }
    });
}

#[test]
fn anything_can_be_asked_and_what_comes_is_limited() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let receiver =
        Receiver::answering(|_| Reply { headers: "X-Told: yes\r\n", body: "0123456789".into(), ..Reply::status(404) });
    let client =
        Client::new(Reach::Anywhere, resolver(&[&[address_of(&receiver)]]).0, connector(Roots::Usual(None)).unwrap());
    let ask = |bytes: usize, is_repeatable: bool| {
        let mut token = HeaderValue::from_static("s3cret");
        token.set_sensitive(true);
        let request = Request {
            method: Method::PUT,
            target: Target::parse("http://hooks.example/v1/some?a=b").unwrap(),
            headers: HeaderMap::from_iter([
                (HeaderName::from_static("grpc-metadata-macaroon"), token),
                (HeaderName::from_static("content-length"), HeaderValue::from_static("99")),
            ]),
            body: "s3cret body".into(),
            consumer: None,
            is_repeatable,
            limits: Limits::whole(Duration::from_secs(10), bytes),
        };
        assert!(!format!("{request:?}").contains("s3cret"), "{request:?}");
        runtime.block_on(client.ask(request)).unwrap()
    };
    let whole = ask(10, true);
    assert_eq!((whole.status.as_u16(), whole.headers["x-told"].to_str().unwrap()), (404, "yes"));
    assert_eq!(whole.into_whole_body().unwrap(), "0123456789");
    let cut = ask(9, false);
    assert_eq!(cut.body, "012345678");
    assert_eq!(cut.into_whole_body(), Err(RequestError::Incomplete));
    let hooks = receiver.hooks();
    assert!(hooks.iter().all(|hook| hook.path == "/v1/some?a=b" && hook.body == "s3cret body"), "{hooks:?}");
    assert!(hooks.iter().all(|hook| hook.headers["grpc-metadata-macaroon"] == "s3cret"), "{hooks:?}");
}

#[test]
fn what_must_not_be_asked_twice_gets_a_connection_of_its_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let receiver = Receiver::start();
    let (resolver, asked) = resolver(&[&[address_of(&receiver)]]);
    let client = client_of(for_development(), resolver);
    runtime.block_on(async {
        for is_repeatable in [true, true, false, true] {
            let request = Request {
                method: Method::GET,
                target: Target::parse("http://hooks.example/").unwrap(),
                headers: HeaderMap::new(),
                body: "".into(),
                consumer: None,
                is_repeatable,
                limits: Limits::whole(Duration::from_secs(10), 1024),
            };
            assert!(client.ask(request).await.unwrap().is_whole);
        }
    });
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}
