//! The hosts, networks and ports that an operator allows requests to go to, in addition to the
//! public internet: one list for all outgoing requests. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::IpNet;
use url::Host;

/// The loopback addresses.
const THIS_MACHINE: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Hosts, networks and ports that requests may go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    place: Place,
    /// These ports; any port if `None`.
    ports: Option<RangeInclusive<u16>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// The host with this name, whatever its address.
    Name(String),
    /// Every host whose name ends with this, which begins with a dot.
    Under(String),
    /// Every address of this network, under any name.
    Net(IpNet),
}

/// An entry of the list cannot be parsed. The error does not show it, because it may be a URL with
/// a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be hosts, addresses and networks with commas between, each with or without a port or range of ports, as \
     127.0.0.1:7000,10.0.0.0/8,[fd00::/8]:8000-8999,app,*.internal:443; the {number}. is none of these{hint}"
)]
pub struct InvalidAllowList {
    number: usize,
    hint: &'static str,
}

impl AllowList {
    /// Whether a host is allowed by name, with this port. It may then have any address.
    pub fn names(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.');
        self.at(port).any(|place| match place {
            Place::Name(name) => name == host,
            Place::Under(suffix) => host.strip_suffix(suffix.as_str()).is_some_and(|rest| !rest.is_empty()),
            Place::Net(_) => false,
        })
    }

    /// Whether an address is in one of the networks, with this port.
    pub fn contains(&self, address: IpAddr, port: u16) -> bool {
        let address = address.to_canonical();
        self.at(port).any(|place| matches!(place, Place::Net(net) if net.contains(&address)))
    }

    /// Whether requests may go to this machine itself at this port.
    pub fn contains_this_machine(&self, port: u16) -> bool {
        THIS_MACHINE.into_iter().any(|address| self.contains(address, port))
    }

    /// Whether there is any network with this port, which a name may turn out to resolve into.
    pub fn has_network(&self, port: u16) -> bool {
        self.at(port).any(|place| matches!(place, Place::Net(_)))
    }

    fn at(&self, port: u16) -> impl Iterator<Item = &Place> {
        let has_port = move |entry: &&Entry| entry.ports.as_ref().is_none_or(|ports| ports.contains(&port));
        self.0.iter().filter(has_port).map(|entry| &entry.place)
    }
}

impl FromStr for AllowList {
    type Err = InvalidAllowList;

    fn from_str(text: &str) -> Result<Self, InvalidAllowList> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let read = |(entry, number)| Entry::read(entry).map_err(|hint| InvalidAllowList { number, hint });
        entries.zip(1..).map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl Entry {
    /// Parses an entry; an error explains what is wrong unless that is obvious.
    fn read(text: &str) -> Result<Self, &'static str> {
        if text.contains("://") {
            return Err(" (a host, and not a URL)");
        }
        // An IPv6 address without a port needs no brackets.
        if let Some(net) = read_net(text) {
            return Ok(Self { place: Place::Net(net?), ports: None });
        }
        let Some(rest) = text.strip_prefix('[') else {
            let (place, ports) = split_ports(text)?;
            return Ok(Self { place: read_place(place)?, ports });
        };
        let (address, rest) = rest.split_once(']').ok_or("")?;
        let (prefix, ports) = split_ports(rest)?;
        if !prefix.is_empty() && !prefix.starts_with('/') {
            return Err("");
        }
        let net = read_net(&format!("{address}{prefix}")).ok_or("")??;
        Ok(Self { place: Place::Net(net), ports })
    }
}

/// The text before the last colon, and the ports after it.
fn split_ports(text: &str) -> Result<(&str, Option<RangeInclusive<u16>>), &'static str> {
    let Some((rest, ports)) = text.rsplit_once(':') else { return Ok((text, None)) };
    read_ports(ports).map(|ports| (rest, Some(ports))).ok_or(" (ports are 1 to 65535, or a range of them as 8000-8999)")
}

/// Ports: a single one, or the first and the last of a range.
pub(crate) fn read_ports(text: &str) -> Option<RangeInclusive<u16>> {
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (port(from)?, port(to)?);
    (from <= to).then_some(from..=to)
}

/// A network or an address, if the text is one.
fn read_net(text: &str) -> Option<Result<IpNet, &'static str>> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Ok(address.to_canonical().into()));
    }
    let net: IpNet = text.parse().ok()?;
    // A typo would open more than intended.
    Some(if net.addr() == net.network() { Ok(net) } else { Err(" (the address is not the first of its network)") })
}

fn read_place(text: &str) -> Result<Place, &'static str> {
    if let Some(net) = read_net(text) {
        return net.map(Place::Net);
    }
    let (name, is_suffix) = text.strip_prefix("*.").map_or((text, false), |name| (name, true));
    // Allowing everything is not done with a `*` here but with the all-or-nothing switch.
    if name.is_empty() || name.contains(['*', '/', '@', '?', '#', '\\', '%', ' ']) {
        return Err("");
    }
    // Normalized as in a URL: lower case, and Punycode for names beyond ASCII.
    match Host::parse(name).or(Err(""))? {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            Ok(if is_suffix { Place::Under(format!(".{name}")) } else { Place::Name(name.to_owned()) })
        }
        Host::Ipv4(address) if !is_suffix => Ok(Place::Net(IpNet::from(IpAddr::V4(address)))),
        Host::Ipv4(_) | Host::Ipv6(_) => Err(""),
    }
}
