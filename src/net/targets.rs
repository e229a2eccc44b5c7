//! Where webhooks may go: which URLs are accepted, and which addresses are public. Pure; the
//! names behind the URLs are resolved elsewhere, and every address is judged here before
//! anything is connected to it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::{Ipv4Net, Ipv6Net};
use url::{Host, Url};

use crate::domain::text::{InvalidText, WebhookUrl};
use crate::net::allow_list::{AllowList, read_ports};

/// IPv4 networks that are not the public internet.
const NOT_PUBLIC_V4: [Ipv4Net; 17] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    // Link-local; the metadata services of most clouds.
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    // Azure's metadata, in the midst of public addresses.
    v4(168, 63, 129, 16, 32),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// All that is routed as public in IPv6 is in here …
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0], 3);
/// … but for protocols (Teredo and benchmarking among them), documentation, and 6to4.
const NOT_PUBLIC_V6: [Ipv6Net; 4] =
    [v6([0x2001, 0], 23), v6([0x2001, 0xdb8], 32), v6([0x2002, 0], 16), v6([0x3fff, 0], 20)];
/// Where IPv6 networks reach IPv4 (NAT64); the last 32 bits are the IPv4 address.
const NAT64: Ipv6Net = v6([0x64, 0xff9b], 96);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b]: [u16; 2], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

/// Whether an address is one of the public internet: nobody's own machine, network or cloud.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None if NAT64.contains(&address) => {
                let [.., a, b, c, d] = address.octets();
                is_public_v4(Ipv4Addr::new(a, b, c, d))
            }
            None => GLOBAL_V6.contains(&address) && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&address)),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address))
}

/// Ports that webhooks may go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports(Vec<RangeInclusive<u16>>);

/// The text does not name ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be ports and ranges of ports, with commas between, as 80,443,1024-65535")]
pub struct InvalidPorts;

impl Ports {
    fn contain(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }
}

impl FromStr for Ports {
    type Err = InvalidPorts;

    fn from_str(text: &str) -> Result<Self, InvalidPorts> {
        text.split(',').map(|range| read_ports(range).ok_or(InvalidPorts)).collect::<Result<_, _>>().map(Self)
    }
}

/// Where webhooks may go.
#[derive(Clone, Debug)]
pub struct TargetPolicy {
    /// To these ports of the public internet.
    pub ports: Ports,
    /// And besides to what the operator names.
    pub outgoing: AllowList,
    /// To any address and port: for development.
    pub allow_private: bool,
}

/// Where one webhook goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
}

/// Why a URL is not one that webhooks may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// It is no URL of a web server.
    Form,
    /// It names this machine, or an address that is not public.
    Address,
    /// Its port is not one of those that are allowed.
    Port,
}

/// A text is not the URL of a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// It is no URL that could be kept.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// Requests must not go there.
    #[error("must be {0}")]
    Refused(#[from] Refused),
}

/// A URL must not be asked: what is accepted in its place, and by which setting it would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Forbidden,
    /// Its host and port, as whoever named it wrote them.
    place: String,
}

impl Refused {
    /// A URL that cannot be asked at all.
    pub const FORM: Self = Self { why: Forbidden::Form, place: String::new() };
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match self.why {
            Forbidden::Form => f.write_str("an http or https URL without user name and password"),
            Forbidden::Address => write!(
                f,
                "the URL of a host on the public internet, or of one that this server allows by --outgoing-allow {place}"
            ),
            Forbidden::Port => write!(
                f,
                "a URL with a port that this server allows, by --webhook-ports or by --outgoing-allow {place}"
            ),
        }
    }
}

impl std::error::Error for Refused {}

impl Target {
    /// Reads a URL. Every way to write an IP address (`http://0x7f.1/`) is one here.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let url = Url::parse(text).or(Err(Refused::FORM))?;
        let plain = url.username().is_empty() && url.password().is_none();
        let named = url.host_str().is_some_and(|host| !host.is_empty());
        if matches!(url.scheme(), "http" | "https") && named && plain { Ok(Self { url }) } else { Err(Refused::FORM) }
    }

    /// Whether it is to be reached over TLS.
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host, in lower case; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The address, where the host is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    /// The whole URL, in which there may be secrets.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// What the header `Host` says: the port is there where it is not the usual one.
    pub fn authority(&self) -> String {
        self.url.port().map_or_else(|| self.host().to_owned(), |port| format!("{}:{port}", self.host()))
    }

    /// The path with the query: what is asked for.
    pub fn path_and_query(&self) -> String {
        let path = self.url.path();
        self.url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
    }

    /// Host and port: what has one owner, whose slowness is nobody else's.
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    fn refused(&self, why: Forbidden) -> Refused {
        Refused { why, place: self.host_and_port() }
    }
}

/// Whether a name is this machine's, wherever it is looked up.
fn is_this_machine(host: &str) -> bool {
    matches!(host, "localhost" | "localhost.localdomain" | "ip6-localhost" | "ip6-loopback")
        || host.ends_with(".localhost")
}

impl TargetPolicy {
    /// Whether a target may be told of events, as far as that is known before its name is
    /// resolved.
    pub fn check(&self, target: &Target) -> Result<(), Refused> {
        self.judge(target).map_err(|why| target.refused(why))
    }

    /// Whether an address that the name of a target leads to may be connected to.
    pub fn check_address(&self, target: &Target, address: IpAddr) -> Result<(), Refused> {
        if self.is_named(target) {
            return Ok(());
        }
        self.judge_address(address, target.port()).map_err(|why| target.refused(why))
    }

    fn judge(&self, target: &Target) -> Result<(), Forbidden> {
        let port = target.port();
        if self.is_named(target) {
            return Ok(());
        }
        if let Some(address) = target.address() {
            return self.judge_address(address, port);
        }
        if is_this_machine(target.host().trim_end_matches('.')) {
            let is_allowed = self.outgoing.contains_this_machine(port);
            return if is_allowed { Ok(()) } else { Err(Forbidden::Address) };
        }
        // A name may lead into a network that is allowed, whose ports are its own.
        let is_allowed = self.ports.contain(port) || self.outgoing.has_network(port);
        if is_allowed { Ok(()) } else { Err(Forbidden::Port) }
    }

    fn is_named(&self, target: &Target) -> bool {
        self.allow_private || self.outgoing.names(target.host(), target.port())
    }

    fn judge_address(&self, address: IpAddr, port: u16) -> Result<(), Forbidden> {
        if self.outgoing.contains(address, port) {
            Ok(())
        } else if !is_public(address) {
            Err(Forbidden::Address)
        } else if self.ports.contain(port) {
            Ok(())
        } else {
            Err(Forbidden::Port)
        }
    }

    /// Accepts a URL that a caller gives.
    pub fn accept(&self, text: String) -> Result<WebhookUrl, InvalidTarget> {
        let url = WebhookUrl::new(text)?;
        self.check(&Target::parse(url.as_str())?)?;
        Ok(url)
    }
}
