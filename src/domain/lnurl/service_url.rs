//! Where an LNURL leads to: the URL of a service, over https, or over http where the way to it is
//! safe without (LUD-01, LUD-17).

use std::fmt;

use url::{Host, Url};

/// The longest URL of a service, in bytes.
pub const SERVICE_URL_BYTES_MAX: usize = 2048;

/// Which services may be asked over http.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    /// Those in the Tor network, which encrypts by itself.
    OnionOnly,
    /// And those on this machine: for tests.
    OnionAndLoopback,
}

impl PlainHttp {
    fn allows<S: AsRef<str>>(self, host: &Host<S>) -> bool {
        match self {
            Self::OnionOnly => is_onion(host),
            Self::OnionAndLoopback => is_onion(host) || is_loopback(host),
        }
    }
}

/// The URL of a service, checked: with a host, without user name, password and fragment. Whether
/// it may be asked from here is for whoever asks it to judge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceUrl(Url);

/// Why a text is not the URL of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServiceUrl {
    /// It is too long.
    #[error("must be a URL of at most {SERVICE_URL_BYTES_MAX} bytes")]
    TooLong,
    /// It is no URL with a host.
    #[error("must be a URL with a host, as https://service.example/path")]
    Form,
    /// It has a user name or a password.
    #[error("must be a URL without user name and password")]
    Credentials,
    /// It is not https, and http is not enough there.
    #[error("must be an https URL (http is only for .onion)")]
    NotHttps,
}

impl ServiceUrl {
    /// Reads a URL.
    pub fn parse(text: &str, plain_http: PlainHttp) -> Result<Self, InvalidServiceUrl> {
        if text.len() > SERVICE_URL_BYTES_MAX {
            return Err(InvalidServiceUrl::TooLong);
        }
        // Browsers forgive these; a wallet that is strict would not get to the same place.
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(InvalidServiceUrl::Form);
        }
        let mut url = Url::parse(text).or(Err(InvalidServiceUrl::Form))?;
        let host = url.host().ok_or(InvalidServiceUrl::Form)?;
        let is_safe = match url.scheme() {
            "https" => true,
            "http" => plain_http.allows(&host),
            _ => false,
        };
        if !is_safe {
            return Err(InvalidServiceUrl::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidServiceUrl::Credentials);
        }
        url.set_fragment(None);
        if url.as_str().len() > SERVICE_URL_BYTES_MAX {
            return Err(InvalidServiceUrl::TooLong);
        }
        Ok(Self(url))
    }

    /// Reads what stands behind the scheme of a URL: it is http where that may be, else https.
    pub fn without_scheme(rest: &str, plain_http: PlainHttp) -> Result<Self, InvalidServiceUrl> {
        let over_https = Self::parse(&format!("https://{rest}"), plain_http)?;
        let is_plain = over_https.0.host().is_some_and(|host| plain_http.allows(&host));
        if is_plain { Self::parse(&format!("http://{rest}"), plain_http) } else { Ok(over_https) }
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The URL in its parts.
    pub const fn url(&self) -> &Url {
        &self.0
    }

    /// The host with its port, where that is not the usual one.
    pub fn authority(&self) -> &str {
        self.0.authority()
    }

    /// What stands behind `https://`.
    pub fn rest(&self) -> &str {
        self.0.as_str().split_once("://").map_or_else(|| self.0.as_str(), |(_, rest)| rest)
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

fn is_onion<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref();
            name.strip_suffix('.').unwrap_or(name).strip_suffix(".onion").is_some_and(|label| !label.is_empty())
        }
        Host::Ipv4(_) | Host::Ipv6(_) => false,
    }
}

/// Whether a host is this machine.
pub(super) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost" || name.as_ref().ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<String, InvalidServiceUrl> {
        ServiceUrl::parse(text, PlainHttp::OnionOnly).map(|url| url.to_string())
    }

    #[test]
    fn https_is_asked_for_but_in_the_tor_network() {
        for url in
            ["https://a.example/x?y=z", "https://a.example:8443/", "http://abc.onion/x", "http://sub.abc.onion:81/"]
        {
            assert_eq!(parse(url).as_deref(), Ok(url));
        }
        assert_eq!(parse("HTTPS://A.Example#part").as_deref(), Ok("https://a.example/"));
        for url in
            ["http://a.example/", "http://onion/", "http://.onion/", "http://a.onion.example/", "ftp://a.example/"]
        {
            assert_eq!(parse(url), Err(InvalidServiceUrl::NotHttps), "{url}");
        }
        for url in [
            "",
            "a",
            "a.example/x",
            "https://",
            "https:///",
            "https://a b/",
            "https://a/\n",
            "https:\\\\a",
            "mailto:a@b",
        ] {
            assert_eq!(parse(url), Err(InvalidServiceUrl::Form), "{url}");
        }
        for url in ["https://u@a.example/", "https://u:p@a.example/", "https://:p@a.example/"] {
            assert_eq!(parse(url), Err(InvalidServiceUrl::Credentials), "{url}");
        }
        let long = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18));
        assert!(parse(&long(SERVICE_URL_BYTES_MAX)).is_ok());
        assert_eq!(parse(&long(SERVICE_URL_BYTES_MAX + 1)), Err(InvalidServiceUrl::TooLong));
        // Escapes make it longer.
        assert_eq!(parse(&format!("https://a.example/{}", "ä".repeat(600))), Err(InvalidServiceUrl::TooLong));
    }

    #[test]
    fn this_machine_is_asked_over_http_only_in_tests() {
        for host in ["127.0.0.1:5001", "127.1.2.3", "[::1]:80", "[::ffff:127.0.0.1]", "localhost:5001", "a.localhost"] {
            let url = format!("http://{host}/x");
            assert_eq!(parse(&url), Err(InvalidServiceUrl::NotHttps), "{url}");
            assert!(ServiceUrl::parse(&url, PlainHttp::OnionAndLoopback).is_ok(), "{url}");
        }
        for url in ["http://10.0.0.1/", "http://a.example/", "http://localhost.example/"] {
            assert_eq!(ServiceUrl::parse(url, PlainHttp::OnionAndLoopback), Err(InvalidServiceUrl::NotHttps));
        }
    }

    #[test]
    fn without_a_scheme_the_host_says_which_one_it_is() {
        let read = |rest, plain_http| ServiceUrl::without_scheme(rest, plain_http).map(|url| url.to_string());
        let cases = [
            ("a.example:443/x", PlainHttp::OnionOnly, "https://a.example/x"),
            ("a.example:80/x", PlainHttp::OnionOnly, "https://a.example:80/x"),
            ("abc.onion/x?y", PlainHttp::OnionOnly, "http://abc.onion/x?y"),
            ("abc.onion:443", PlainHttp::OnionOnly, "http://abc.onion:443/"),
            ("127.0.0.1:5001/x", PlainHttp::OnionOnly, "https://127.0.0.1:5001/x"),
            ("127.0.0.1:5001/x", PlainHttp::OnionAndLoopback, "http://127.0.0.1:5001/x"),
        ];
        for (rest, plain_http, expected) in cases {
            assert_eq!(read(rest, plain_http).as_deref(), Ok(expected));
        }
        assert_eq!(read("u@a.example/", PlainHttp::OnionOnly), Err(InvalidServiceUrl::Credentials));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        #[test]
        fn what_is_accepted_is_accepted_again(text in "(https?://)?[a-z@:/.\\[\\]#?%é0-9 ]{0,40}") {
            if let Ok(url) = ServiceUrl::parse(&text, PlainHttp::OnionAndLoopback) {
                prop_assert_eq!(ServiceUrl::parse(url.as_str(), PlainHttp::OnionAndLoopback), Ok(url.clone()));
                prop_assert!(!url.authority().is_empty() && url.as_str().ends_with(url.rest()));
            }
        }
    }
}
