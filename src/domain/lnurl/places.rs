//! What the outside calls this server: the hosts by which its links are known.
//!
//! Anybody can write any host into a request, so it is believed only where the operator has named it,
//! or where it is this machine, which nobody is sent to by mistake.

use std::str::FromStr;

use super::address::Authority;
use super::service_url::{InvalidServiceUrl, PlainHttp, ServiceUrl};

/// Where URLs of this server begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    root: ServiceUrl,
    authority: Authority,
}

/// The URL is not one that a server can be reached at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBase {
    /// It is no URL, or not a safe one.
    #[error("must be an https URL, as https://pay.example (http is only for this machine and for .onion)")]
    Url,
    /// Something stands behind the host.
    #[error("must have nothing behind the host, as https://pay.example: addresses have no path")]
    Path,
}

/// The hosts that links may name, besides the public one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<Base>);

/// The text does not name hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be hosts with commas between, each with or without a port, as pay.example,127.0.0.1:5001")]
pub struct InvalidHosts;

/// All that is known of how this server is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// What the operator says that the outside calls it.
    pub public: Option<Base>,
    /// What it may be called besides.
    pub allowed: Hosts,
}

impl Base {
    /// Of a host, over https, or over http where that is safe.
    pub fn of(authority: &Authority) -> Result<Self, InvalidBase> {
        let root = ServiceUrl::without_scheme(&authority.to_string(), PlainHttp::OnionAndLoopback);
        Self::at(root.or(Err(InvalidBase::Url))?)
    }

    fn at(root: ServiceUrl) -> Result<Self, InvalidBase> {
        if root.url().path() != "/" || root.url().query().is_some() {
            return Err(InvalidBase::Path);
        }
        // Without the port that is the usual one of the scheme.
        let authority = root.authority().parse().or(Err(InvalidBase::Url))?;
        Ok(Self { root, authority })
    }

    /// The host, with its port where that is not the usual one.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The URL of a path and query, which begin with a slash.
    pub fn url(&self, path: &str) -> Result<ServiceUrl, InvalidServiceUrl> {
        ServiceUrl::parse(&format!("{}{path}", self.root.as_str().trim_end_matches('/')), PlainHttp::OnionAndLoopback)
    }
}

impl FromStr for Base {
    type Err = InvalidBase;

    fn from_str(text: &str) -> Result<Self, InvalidBase> {
        Self::at(ServiceUrl::parse(text, PlainHttp::OnionAndLoopback).or(Err(InvalidBase::Url))?)
    }
}

impl FromStr for Hosts {
    type Err = InvalidHosts;

    fn from_str(text: &str) -> Result<Self, InvalidHosts> {
        let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
        let read = |host: &str| {
            let authority: Authority = host.parse().or(Err(InvalidHosts))?;
            Base::of(&authority).or(Err(InvalidHosts))
        };
        hosts.map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl Places {
    /// Whether the operator has named a host, or it is this machine.
    fn vouched(&self, authority: &Authority) -> Option<Base> {
        let base = Base::of(authority).ok()?;
        let is_named = self.public.iter().chain(&self.allowed.0).any(|known| known.authority == base.authority);
        (is_named || authority.is_loopback()).then_some(base)
    }

    /// Where the URLs of a link begin: at the link's own host, where it has one and that is one of
    /// this server, or at the public one, or at the one that a request was sent to.
    pub fn base(&self, own: Option<&Authority>, requested: Option<&Authority>) -> Option<Base> {
        let own = own.and_then(|host| self.named(host));
        own.or_else(|| self.public.clone()).or_else(|| requested.and_then(|host| self.vouched(host)))
    }

    /// A host that a link may have of its own.
    pub fn named(&self, authority: &Authority) -> Option<Base> {
        let base = Base::of(authority).ok()?;
        let mut known = self.public.iter().chain(&self.allowed.0);
        known.find(|known| known.authority == base.authority).cloned()
    }

    /// Whether a URL leads to this server, as somebody sees it who has sent a request to a host.
    pub fn is_ours(&self, url: &ServiceUrl, requested: Option<&Authority>) -> bool {
        let Ok(asked) = url.authority().parse::<Authority>() else { return false };
        let is_requested = requested.and_then(|host| Base::of(host).ok()).is_some_and(|base| base.authority == asked);
        is_requested || self.named(&asked).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(public: &str, allowed: &str) -> Places {
        Places { public: public.parse().ok(), allowed: allowed.parse().unwrap() }
    }

    fn base(places: &Places, own: &str, requested: &str) -> Option<String> {
        let (own, requested) = (own.parse().ok(), requested.parse().ok());
        let base = places.base(own.as_ref(), requested.as_ref())?;
        Some(base.url("/x?y=z").unwrap().to_string())
    }

    #[test]
    fn a_public_url_is_safe_and_has_no_path() {
        for (text, url) in [
            ("https://pay.example", "https://pay.example/x"),
            ("https://Pay.Example:8443/", "https://pay.example:8443/x"),
            ("https://pay.example:443", "https://pay.example/x"),
            ("http://127.0.0.1:5001", "http://127.0.0.1:5001/x"),
            ("http://[::1]:5001", "http://[::1]:5001/x"),
            ("http://abc.onion", "http://abc.onion/x"),
        ] {
            assert_eq!(text.parse::<Base>().unwrap().url("/x").unwrap().as_str(), url);
        }
        for text in ["", "pay.example", "http://pay.example", "ftp://pay.example", "https://u:p@pay.example"] {
            assert_eq!(text.parse::<Base>(), Err(InvalidBase::Url), "{text}");
        }
        for text in ["https://pay.example/satkeep", "https://pay.example/?x"] {
            assert_eq!(text.parse::<Base>(), Err(InvalidBase::Path), "{text}");
        }
    }

    #[test]
    fn a_requests_host_is_believed_where_it_is_named_or_this_machine() {
        let public = places("https://pay.example", "shop.example");
        assert_eq!(base(&public, "", "evil.example").as_deref(), Some("https://pay.example/x?y=z"));
        assert_eq!(base(&public, "shop.example", "").as_deref(), Some("https://shop.example/x?y=z"));
        assert_eq!(base(&public, "evil.example", "").as_deref(), Some("https://pay.example/x?y=z"));
        let private = places("", "pay.example, abc.onion,10.0.0.1:5001");
        for (host, url) in [
            ("pay.example", Some("https://pay.example/x?y=z")),
            ("PAY.example:443", Some("https://pay.example/x?y=z")),
            ("pay.example:8443", None),
            ("abc.onion", Some("http://abc.onion/x?y=z")),
            ("10.0.0.1:5001", Some("https://10.0.0.1:5001/x?y=z")),
            ("10.0.0.1", None),
            ("127.0.0.1:9", Some("http://127.0.0.1:9/x?y=z")),
            ("localhost:9", Some("http://localhost:9/x?y=z")),
            ("[::1]:9", Some("http://[::1]:9/x?y=z")),
            ("evil.example", None),
        ] {
            assert_eq!(base(&private, "", host).as_deref(), url, "{host}");
        }
        assert_eq!(base(&Places::default(), "127.0.0.1", "evil.example"), None);
    }

    #[test]
    fn what_is_ours_is_named_or_asked_itself() {
        let places = places("https://pay.example", "shop.example");
        let ours = |url: &str, requested: &str| {
            let url = ServiceUrl::parse(url, PlainHttp::OnionAndLoopback).unwrap();
            places.is_ours(&url, requested.parse().ok().as_ref())
        };
        assert!(ours("https://pay.example/x", "") && ours("https://shop.example:443/x", "x.example"));
        assert!(
            ours("http://127.0.0.1:5001/x", "127.0.0.1:5001") && !ours("http://127.0.0.1:5002/x", "127.0.0.1:5001")
        );
        assert!(!ours("https://pay.example:8443/", "pay.example") && !ours("https://evil.example/", "pay.example"));
    }

    #[test]
    fn lists_of_hosts_are_read() {
        assert_eq!("".parse::<Hosts>(), Ok(Hosts::default()));
        for text in ["https://a.example", "a.example/x", "a b", "a.example,:5"] {
            assert_eq!(text.parse::<Hosts>(), Err(InvalidHosts), "{text}");
        }
    }
}
