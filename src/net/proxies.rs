//! Proxies in front of satkeep, and which of the client addresses they report are trusted.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// The prefix length of IPv4-mapped IPv6 addresses, in bits.
const MAPPED_PREFIX_BITS: u8 = 96;

/// The proxies whose `X-Forwarded-For` is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// An entry of the list is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be addresses and networks with commas between, as 127.0.0.1,10.0.0.0/8, and `{0}` is neither")]
pub struct InvalidProxy(String);

impl TrustedProxies {
    /// Whether the address is that of a trusted proxy.
    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = InvalidProxy;

    /// Parses a comma-separated list; an empty text is an empty list.
    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let network = |entry: &str| parse_network(entry).ok_or_else(|| InvalidProxy(entry.to_owned()));
        text.split(',').map(|entry| network(entry.trim())).collect::<Result<_, _>>().map(Self)
    }
}

/// Parses a network, or an address as the network of only itself. A network of IPv4-mapped
/// addresses becomes an IPv4 network.
fn parse_network(text: &str) -> Option<IpNet> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(MAPPED_PREFIX_BITS)) {
        (address @ IpAddr::V4(_), Some(prefix)) => IpNet::new(address, prefix).ok(),
        (IpAddr::V4(_), None) | (IpAddr::V6(_), _) => Some(network),
    }
}

/// The client behind a connection: the peer, unless it is a trusted proxy. Then it is the last
/// address in all `X-Forwarded-For` headers, in the order received, that is not a trusted proxy. If
/// an entry is not an address, the search ends at what was found before it.
pub fn client_address(peer: IpAddr, forwarded: &[&str], proxies: &TrustedProxies) -> IpAddr {
    let mut client = peer.to_canonical();
    for entry in forwarded.iter().rev().flat_map(|header| header.rsplit(',')) {
        if !proxies.trust(client) {
            break;
        }
        let Some(before) = parse_address(entry.trim()) else { break };
        client = before;
    }
    client
}

/// The network that a client is rate-limited by: an IPv4 address itself, but only the first 64 bits
/// of an IPv6 address, because a client usually has all addresses within them.
pub fn network_of(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().into_iter().take(8).collect(),
    }
}

/// Parses an address, with or without brackets and a port.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().filter(IpAddr::is_ipv6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}
