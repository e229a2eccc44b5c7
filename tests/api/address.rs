//! Whose request it is, behind proxies and without.

use std::net::IpAddr;

use satkeep::api::framework::address::ClientAddress;
use satkeep::net::proxies::{TrustedProxies, client_address};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Who the client is, with these proxies, this peer and these headers.
#[track_caller]
fn client(proxies: &str, peer: &str, forwarded: &[&str]) -> IpAddr {
    client_address(ip(peer), forwarded, &proxies.parse().unwrap())
}

#[test]
fn a_peer_that_is_not_trusted_is_the_client() {
    for proxies in ["", " ", "10.0.0.1", "10.0.0.0/8, 2001:db8::/32"] {
        for forwarded in [&[][..], &["203.0.113.1"], &["203.0.113.1, 10.0.0.1"]] {
            assert_eq!(client(proxies, "192.0.2.1", forwarded), ip("192.0.2.1"));
            assert_eq!(client(proxies, "2001:db9::1", forwarded), ip("2001:db9::1"));
        }
    }
}

#[test]
fn a_trusted_proxy_names_the_client() {
    let through = |forwarded: &[&str]| client("10.0.0.0/8,127.0.0.1", "127.0.0.1", forwarded).to_string();
    assert_eq!(through(&[]), "127.0.0.1");
    assert_eq!(through(&["203.0.113.1"]), "203.0.113.1");
    // What a client claims itself stands to the left, and is not believed.
    assert_eq!(through(&["198.51.100.9, 203.0.113.1"]), "203.0.113.1");
    assert_eq!(through(&["198.51.100.9,203.0.113.1 , 10.1.2.3"]), "203.0.113.1");
    assert_eq!(through(&["127.0.0.1, 203.0.113.1, 10.1.2.3"]), "203.0.113.1");
    // Several headers are one list.
    assert_eq!(through(&["198.51.100.9", "203.0.113.1", "10.1.2.3, 10.1.2.4"]), "203.0.113.1");
    // Where all are trusted, the first one is the client.
    assert_eq!(through(&["10.1.2.3, 10.1.2.4"]), "10.1.2.3");
}

#[test]
fn garbage_ends_the_search_at_what_was_found_before() {
    let through = |forwarded: &[&str]| client("10.0.0.0/8", "10.0.0.1", forwarded).to_string();
    for garbage in ["", ",", "unknown", "203.0.113.1 x", "[203.0.113.1]", "[::1", "::1]:5", "203.0.113.1:", "1.2.3"] {
        assert_eq!(through(&[garbage]), "10.0.0.1", "{garbage}");
        assert_eq!(through(&[&format!("203.0.113.9, {garbage}, 10.0.0.2")]), "10.0.0.2", "{garbage}");
        assert_eq!(through(&["203.0.113.9", garbage, "10.0.0.2"]), "10.0.0.2", "{garbage}");
        assert_eq!(through(&[&format!("{garbage}, 203.0.113.9")]), "203.0.113.9", "{garbage}");
    }
}

#[test]
fn an_entry_may_have_brackets_and_a_port() {
    let through = |entry: &str| client("10.0.0.1", "10.0.0.1", &[entry]).to_string();
    for entry in ["203.0.113.1", "203.0.113.1:4711", "::ffff:203.0.113.1", "[::ffff:203.0.113.1]:4711"] {
        assert_eq!(through(entry), "203.0.113.1", "{entry}");
    }
    for entry in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711", "2001:DB8:0::1"] {
        assert_eq!(through(entry), "2001:db8::1", "{entry}");
    }
}

#[test]
fn a_mapped_address_is_an_ipv4_address() {
    assert_eq!(client("", "::ffff:192.0.2.1", &[]), ip("192.0.2.1"));
    for proxies in ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.0/24", "::ffff:192.0.2.0/120"] {
        for peer in ["192.0.2.1", "::ffff:192.0.2.1"] {
            assert_eq!(client(proxies, peer, &["203.0.113.1"]), ip("203.0.113.1"), "{proxies} {peer}");
        }
        assert_eq!(client(proxies, "192.0.3.1", &["203.0.113.1"]), ip("192.0.3.1"), "{proxies}");
    }
}

#[test]
fn a_list_of_proxies_has_addresses_and_networks() {
    for list in ["", "127.0.0.1", "::1, 10.0.0.0/8", "10.1.2.3/8,2001:db8::/32", "0.0.0.0/0"] {
        assert!(list.parse::<TrustedProxies>().is_ok(), "{list}");
    }
    for list in ["localhost", "10.0.0.0/33", "127.0.0.1,", ",", "127.0.0.1 10.0.0.1", "10.0.0.1:80", "10.0.0/8"] {
        assert!(list.parse::<TrustedProxies>().is_err(), "{list}");
    }
}

#[test]
fn a_client_is_counted_under_its_network() {
    let network = |text: &str| ClientAddress(ip(text)).network();
    assert_eq!(network("203.0.113.1"), [203, 0, 113, 1]);
    assert_eq!(network("2001:db8:1:2:3:4:5:6"), [0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2]);
    assert_eq!(network("2001:db8:1:2::"), network("2001:db8:1:2:ffff::1"));
    assert_ne!(network("2001:db8:1:2::"), network("2001:db8:1:3::"));
}
