//! Where webhooks may go: which URLs are accepted, and which addresses are public. Pure; names are
//! resolved elsewhere, and every address is checked here before anything connects to it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::{Ipv4Net, Ipv6Net};
use url::{Host, Url};

use crate::domain::text::{InvalidText, WebhookUrl};
use crate::net::allow_list::{AllowList, read_ports};

/// IPv4 networks that are not part of the public internet.
const NOT_PUBLIC_V4: [Ipv4Net; 17] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    // Link-local; the metadata services of most clouds.
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    // Azure's metadata service, in the middle of public addresses.
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

/// The range that contains all publicly routed IPv6 addresses.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0], 3);
/// Exceptions in that range: protocols (Teredo and benchmarking among them), documentation, and
/// 6to4.
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

/// Whether an address is on the public internet, and not on a machine or in a private or cloud
/// network.
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

/// The text is not a list of ports.
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
    /// The allowed ports on the public internet.
    pub ports: Ports,
    /// What the operator allows in addition.
    pub outgoing: AllowList,
    /// Allow any address and port: for development.
    pub allow_private: bool,
}

/// The target of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
}

/// Why a URL is not allowed for webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// It is not the URL of a web server.
    Form,
    /// It names this machine, or an address that is not public.
    Address,
    /// Its port is not allowed.
    Port,
}

/// Why a text is not the URL of a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// It is not a text that can be stored.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// Requests must not go there.
    #[error("must be {0}")]
    Refused(#[from] Refused),
}

/// A URL is not allowed. The message says what is accepted instead, and which setting would allow
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason.
    pub why: Forbidden,
    /// Its host and port, as given by whoever chose it.
    place: String,
}

impl Refused {
    /// The refusal of a URL that no setting could allow.
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
    /// Parses a URL. All notations of an IP address (`http://0x7f.1/`) are equivalent here.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let url = Url::parse(text).or(Err(Refused::FORM))?;
        let plain = url.username().is_empty() && url.password().is_none();
        let named = url.host_str().is_some_and(|host| !host.is_empty());
        if matches!(url.scheme(), "http" | "https") && named && plain { Ok(Self { url }) } else { Err(Refused::FORM) }
    }

    /// Whether it is reached over TLS.
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host, in lower case; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The address, if the host is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    /// The whole URL, which may contain secrets.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// The value of the `Host` header: the port is included unless it is the default.
    pub fn authority(&self) -> String {
        self.url.port().map_or_else(|| self.host().to_owned(), |port| format!("{}:{port}", self.host()))
    }

    /// The path with the query.
    pub fn path_and_query(&self) -> String {
        let path = self.url.path();
        self.url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
    }

    /// Host and port. They have one owner, whose slowness must not affect anybody else.
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", self.host(), self.port())
    }

    fn refused(&self, why: Forbidden) -> Refused {
        Refused { why, place: self.host_and_port() }
    }
}

/// Whether a name always means this machine.
fn is_this_machine(host: &str) -> bool {
    matches!(host, "localhost" | "localhost.localdomain" | "ip6-localhost" | "ip6-loopback")
        || host.ends_with(".localhost")
}

impl TargetPolicy {
    /// Whether a target may receive events, as far as that is known before its name is resolved.
    pub fn check(&self, target: &Target) -> Result<(), Refused> {
        self.judge(target).map_err(|why| target.refused(why))
    }

    /// Whether an address that a target's name resolves to may be connected to.
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
        // A name may resolve into an allowed network, which has its own ports.
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

    /// Checks a URL given by a caller.
    pub fn accept(&self, text: String) -> Result<WebhookUrl, InvalidTarget> {
        let url = WebhookUrl::new(text)?;
        self.check(&Target::parse(url.as_str())?)?;
        Ok(url)
    }
}
