//! Lightning addresses (LUD-16): `name@host`, and `name+tag@host`, which leads to the same.

use std::fmt;
use std::str::FromStr;

use url::Host;

use super::service_url::{InvalidServiceUrl, PlainHttp, ServiceUrl, is_loopback};

/// The longest name in front of the `@`, in characters.
pub const NAME_CHARS_MAX: usize = 210;
/// The longest host, in characters: what the DNS holds.
const HOST_CHARS_MAX: usize = 253;
/// Where services say who is paid (LUD-16).
const WELL_KNOWN: &str = "/.well-known/lnurlp/";

/// The name in front of the `@`: 1 to [`NAME_CHARS_MAX`] of a to z, 0 to 9, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkName(String);

/// Who is paid at a host: a name, and a tag by which whoever is paid tells payments apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recipient {
    /// The name.
    pub name: LinkName,
    /// What stands behind the `+`.
    pub tag: Option<String>,
}

/// A host, with a port where it is named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    host: Host,
    port: Option<u16>,
}

/// A Lightning address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Who is paid.
    pub recipient: Recipient,
    /// Where.
    pub authority: Authority,
}

/// Why a text is no Lightning address, or no part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// There is no `@`.
    #[error("must be a Lightning address, as name@host")]
    Form,
    /// The name is none.
    #[error("must have a name of 1 to {NAME_CHARS_MAX} characters out of a to z, 0 to 9, `-`, `_` and `.`")]
    Name,
    /// The tag is none.
    #[error("must have, behind the `+`, a tag of 1 to {NAME_CHARS_MAX} characters like those of the name")]
    Tag,
    /// The host is none.
    #[error("must have a host, with or without a port, as service.example or service.example:8443")]
    Authority,
}

impl LinkName {
    /// Checks the name of a link of our own, which must be in lower case.
    pub fn new(text: String) -> Result<Self, InvalidAddress> {
        if is_name(&text) { Ok(Self(text)) } else { Err(InvalidAddress::Name) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `name` or `name+tag`. Case makes no difference: keyboards of phones begin with a capital.
impl FromStr for Recipient {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.to_ascii_lowercase();
        let (name, tag) = match text.split_once('+') {
            Some((name, tag)) => (name, Some(tag)),
            None => (text.as_str(), None),
        };
        Ok(Self { name: LinkName::new(name.to_owned())?, tag: tag.map(read_tag).transpose()? })
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tag {
            Some(tag) => write!(f, "{}+{tag}", self.name),
            None => self.name.fmt(f),
        }
    }
}

/// `host` or `host:port`, an IPv6 address in brackets.
impl FromStr for Authority {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        // Only a port stands behind the last colon, unless that is inside of brackets.
        let (host, port) = match text.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        // The parser of hosts would read escapes.
        if host.is_empty() || host.len() > HOST_CHARS_MAX || host.contains('%') {
            return Err(InvalidAddress::Authority);
        }
        let port = port.map(read_port).transpose()?;
        let host = Host::parse(host).or(Err(InvalidAddress::Authority))?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}

/// `name@host`, with or without a tag and a port; the sign of BIP 353 may stand in front.
impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        let (recipient, authority) =
            text.strip_prefix('₿').unwrap_or(text).split_once('@').ok_or(InvalidAddress::Form)?;
        Ok(Self { recipient: recipient.parse()?, authority: authority.parse()? })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.recipient, self.authority)
    }
}

impl Authority {
    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Reads what stands behind the `+` of an address.
pub fn read_tag(text: &str) -> Result<String, InvalidAddress> {
    let text = text.to_ascii_lowercase();
    if is_name(&text) { Ok(text) } else { Err(InvalidAddress::Tag) }
}

impl Address {
    /// Where its service says how to pay.
    pub fn well_known(&self, plain_http: PlainHttp) -> Result<ServiceUrl, InvalidServiceUrl> {
        ServiceUrl::without_scheme(&format!("{}{WELL_KNOWN}{}", self.authority, self.recipient), plain_http)
    }
}

fn is_name(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    // As a step of a path, one or two dots alone would lead elsewhere.
    let is_step = matches!(text, "." | "..");
    (1..=NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_of_name) && !is_step
}

fn read_port(text: &str) -> Result<u16, InvalidAddress> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port > 0).ok_or(InvalidAddress::Authority)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url_of(text: &str) -> String {
        text.parse::<Address>().unwrap().well_known(PlainHttp::OnionOnly).unwrap().to_string()
    }

    #[test]
    fn addresses_lead_to_the_well_known_place() {
        for (address, url) in [
            ("satoshi@bitcoin.example", "https://bitcoin.example/.well-known/lnurlp/satoshi"),
            ("₿Satoshi@Bitcoin.Example ", "https://bitcoin.example/.well-known/lnurlp/satoshi"),
            ("a-z_0.9@a.example:8443", "https://a.example:8443/.well-known/lnurlp/a-z_0.9"),
            ("bob@a.example:443", "https://a.example/.well-known/lnurlp/bob"),
            ("bob+tips@a.example", "https://a.example/.well-known/lnurlp/bob+tips"),
            ("bob@abc.onion", "http://abc.onion/.well-known/lnurlp/bob"),
            ("bob@zoë.example", "https://xn--zo-ija.example/.well-known/lnurlp/bob"),
            ("bob@127.0.0.1:5001", "https://127.0.0.1:5001/.well-known/lnurlp/bob"),
            ("bob@[::1]:5001", "https://[::1]:5001/.well-known/lnurlp/bob"),
            ("bob@[::1]", "https://[::1]/.well-known/lnurlp/bob"),
        ] {
            assert_eq!(url_of(address), url, "{address}");
        }
        let local: Address = "bob@127.0.0.1:5001".parse().unwrap();
        let url = local.well_known(PlainHttp::OnionAndLoopback).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:5001/.well-known/lnurlp/bob");
    }

    #[test]
    fn a_dotted_name_stays_in_its_place() {
        // A URL with one or two dots as a step would be another one.
        for name in [".", ".."] {
            assert_eq!(LinkName::new(name.to_owned()), Err(InvalidAddress::Name), "{name}");
            assert_eq!(format!("{name}@a.example").parse::<Address>(), Err(InvalidAddress::Name));
        }
        assert!(LinkName::new("...".to_owned()).is_ok());
        assert_eq!(url_of("...@a.example"), "https://a.example/.well-known/lnurlp/...");
        assert_eq!("a+..@a.example".parse::<Address>(), Err(InvalidAddress::Tag));
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, why) in [
            ("", InvalidAddress::Form),
            ("bob", InvalidAddress::Form),
            ("@a.example", InvalidAddress::Name),
            ("bo b@a.example", InvalidAddress::Name),
            ("böb@a.example", InvalidAddress::Name),
            ("bob/x@a.example", InvalidAddress::Name),
            ("+tag@a.example", InvalidAddress::Name),
            ("bob+@a.example", InvalidAddress::Tag),
            ("bob+a/b@a.example", InvalidAddress::Tag),
            ("bob+a+b@a.example", InvalidAddress::Tag),
            ("bob@", InvalidAddress::Authority),
            ("bob@:80", InvalidAddress::Authority),
            ("bob@a.example:", InvalidAddress::Authority),
            ("bob@a.example:0", InvalidAddress::Authority),
            ("bob@a.example:+80", InvalidAddress::Authority),
            ("bob@a.example:65536", InvalidAddress::Authority),
            ("bob@a.example/x", InvalidAddress::Authority),
            ("bob@a.example?x", InvalidAddress::Authority),
            ("bob@a.example#x", InvalidAddress::Authority),
            ("bob@alice@a.example", InvalidAddress::Authority),
            ("bob@a%2eexample", InvalidAddress::Authority),
            ("bob@a b", InvalidAddress::Authority),
            ("bob@::1", InvalidAddress::Authority),
            ("bob@[::1", InvalidAddress::Authority),
        ] {
            assert_eq!(text.parse::<Address>(), Err(why), "{text}");
        }
    }

    #[test]
    fn names_of_our_own_are_in_lower_case() {
        for name in ["a", "0", "a-b_c.d", &"x".repeat(NAME_CHARS_MAX)] {
            assert_eq!(LinkName::new(name.to_owned()).unwrap().as_str(), name);
        }
        for name in ["", "A", "a b", "a+b", "a@b", "ä", "a/b", "a\n", "a\0", &"x".repeat(NAME_CHARS_MAX + 1)] {
            assert_eq!(LinkName::new(name.to_owned()), Err(InvalidAddress::Name), "{name}");
        }
        let recipient: Recipient = "Bob+Tips".parse().unwrap();
        assert_eq!((recipient.name.as_str(), recipient.tag.as_deref()), ("bob", Some("tips")));
        let address: Address = "Bob@A.Example:8443".parse().unwrap();
        assert_eq!(address.to_string(), "bob@a.example:8443");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        #[test]
        fn what_is_read_is_written_and_read_again(text in "[a-zA-Z0-9+._-]{0,12}@?[a-z0-9.:%é\\[\\]@/-]{0,24}", other in ".{0,40}") {
            for text in [text, other] {
                if let Ok(address) = text.parse::<Address>() {
                    prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address.clone()));
                    let url = address.well_known(PlainHttp::OnionOnly).unwrap();
                    let path = format!("{WELL_KNOWN}{}", address.recipient);
                    prop_assert_eq!(url.url().path(), path);
                }
            }
        }
    }
}
