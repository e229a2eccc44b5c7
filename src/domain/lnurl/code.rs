//! Codes that lead to a service: bech32 (LUD-01), schemes of their own (LUD-17), plain URLs, and
//! Lightning addresses beside them.

use std::borrow::Cow;

use super::address::{Address, InvalidAddress};
use super::bech32::{BECH32_CHARS_MAX, InvalidBech32, decode};
use super::service_url::{InvalidServiceUrl, PlainHttp, SERVICE_URL_BYTES_MAX, ServiceUrl};
use crate::domain::text::strip_start;

/// How every LNURL in bech32 begins.
const START: &str = "lnurl1";
/// The longest text that is looked at, in bytes: a URL with an LNURL in a parameter.
const CODE_BYTES_MAX: usize = SERVICE_URL_BYTES_MAX + BECH32_CHARS_MAX;
/// Schemes that may stand in front of any code.
const WRAPPERS: [&str; 2] = ["lightning:", "lnurl:"];
/// The parameter of a URL that may hold an LNURL, for those who do not know what that is.
const FALLBACK: &str = "lightning";

/// What a code is for, where it says so itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Paying (LUD-06).
    Pay,
    /// Being paid (LUD-03).
    Withdraw,
}

impl Role {
    const ALL: [Self; 2] = [Self::Pay, Self::Withdraw];

    /// The scheme, with the colon.
    const fn scheme(self) -> &'static str {
        match self {
            Self::Pay => "lnurlp:",
            Self::Withdraw => "lnurlw:",
        }
    }
}

/// A code that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lnurl {
    /// Where it leads to.
    pub url: ServiceUrl,
    /// What it is for, where it says so itself; otherwise only the service tells.
    pub role: Option<Role>,
}

/// What somebody may scan or type to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// An LNURL of any kind.
    Lnurl(Lnurl),
    /// A Lightning address.
    Address(Address),
}

/// Why a text is not an LNURL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLnurl {
    /// It is too long.
    #[error("must be an LNURL of at most {CODE_BYTES_MAX} bytes")]
    TooLong,
    /// It is in bech32, and wrong.
    #[error(transparent)]
    Bech32(#[from] InvalidBech32),
    /// It asks for what is not spoken here.
    #[error("must be an LNURL to pay or to withdraw, not one to log in or to open a channel")]
    Unsupported,
    /// What it leads to is no service.
    #[error("must be an LNURL (LNURL1…, lnurlp://…, https://…); what it leads to {0}")]
    Url(#[from] InvalidServiceUrl),
}

/// Why a text is neither an LNURL nor an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCode {
    /// It would be an LNURL.
    #[error(transparent)]
    Lnurl(#[from] InvalidLnurl),
    /// It would be a Lightning address.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
}

impl Lnurl {
    /// Reads a code. Upper case, space around it, and a leading `lightning:` or `lnurl:` are
    /// accepted.
    pub fn parse(text: &str, plain_http: PlainHttp) -> Result<Self, InvalidLnurl> {
        if text.len() > CODE_BYTES_MAX {
            return Err(InvalidLnurl::TooLong);
        }
        let text = unwrapped(text);
        if let Some(url) = in_bech32(text) {
            return Ok(Self { url: ServiceUrl::parse(&url?, plain_http)?, role: None });
        }
        for role in Role::ALL {
            if let Some(rest) = strip_start(text, role.scheme()) {
                let rest = rest.strip_prefix("//").unwrap_or(rest);
                return Ok(Self { url: ServiceUrl::without_scheme(rest, plain_http)?, role: Some(role) });
            }
        }
        if ["keyauth:", "lnurlc:"].into_iter().any(|scheme| strip_start(text, scheme).is_some()) {
            return Err(InvalidLnurl::Unsupported);
        }
        let url = match fallback(text).as_deref().and_then(in_bech32) {
            Some(url) => ServiceUrl::parse(&url?, plain_http)?,
            None => ServiceUrl::parse(text, plain_http)?,
        };
        Ok(Self { url, role: None })
    }
}

impl Code {
    /// Reads what may be an LNURL or a Lightning address.
    pub fn parse(text: &str, plain_http: PlainHttp) -> Result<Self, InvalidCode> {
        let inner = unwrapped(text);
        // An `@` behind one of these belongs to a URL.
        let is_address = inner.split_once('@').is_some_and(|(name, _)| !name.contains([':', '/', '?', '#']));
        if is_address {
            return Ok(Self::Address(inner.parse()?));
        }
        Ok(Self::Lnurl(Lnurl::parse(text, plain_http)?))
    }

    /// Where it leads to.
    pub fn url(&self, plain_http: PlainHttp) -> Result<ServiceUrl, InvalidServiceUrl> {
        match self {
            Self::Lnurl(lnurl) => Ok(lnurl.url.clone()),
            Self::Address(address) => address.well_known(plain_http),
        }
    }
}

impl ServiceUrl {
    /// The URL with a scheme that says what it is for (LUD-17).
    pub fn with_role(&self, role: Role) -> String {
        format!("{}//{}", role.scheme(), self.rest())
    }
}

/// What is encoded in bech32, where that is what the text is.
fn in_bech32(text: &str) -> Option<Result<String, InvalidBech32>> {
    strip_start(text, START).map(|_| decode(text))
}

/// A code without space and schemes around it.
fn unwrapped(text: &str) -> &str {
    WRAPPERS.into_iter().fold(text.trim(), |text, scheme| match strip_start(text, scheme) {
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest).trim_start(),
        None => text,
    })
}

/// What a URL of any scheme has for those who know LNURLs.
fn fallback(text: &str) -> Option<Cow<'_, str>> {
    let (_, query) = text.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, value)| name.eq_ignore_ascii_case(FALLBACK) && !value.is_empty()).map(|(_, value)| value)
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test may fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::super::bech32::encode;
    use super::*;

    /// Of LUD-01.
    const URL: &str = "https://service.com/api?q=3fc3645b439ce8e7f2553a69e5267081d96dcd340693afabe04be7b0ccd178df";
    const CODE: &str = "LNURL1DP68GURN8GHJ7UM9WFMXJCM99E3K7MF0V9CXJ0M385EKVCENXC6R2C35XVUKXEFCV5MKVV34X5EKZD3EV56NYD3HXQURZ\
                        EPEXEJXXEPNXSCRVWFNV9NXZCN9XQ6XYEFHVGCXXCMYXYMNSERXFQ5FNS";

    fn parse(text: &str) -> Result<(String, Option<Role>), InvalidLnurl> {
        Lnurl::parse(text, PlainHttp::OnionOnly).map(|lnurl| (lnurl.url.to_string(), lnurl.role))
    }

    fn bech32_of(url: &str) -> String {
        encode(url.as_bytes()).unwrap()
    }

    #[test]
    fn the_known_vector_is_read_and_written() {
        let expected = Ok((URL.to_owned(), None));
        let lower = CODE.to_lowercase();
        for text in [
            CODE.to_owned(),
            lower.clone(),
            format!(" {CODE}\n"),
            format!("lightning:{CODE}"),
            format!("LIGHTNING:{CODE}"),
            format!("lightning://{lower}"),
            format!("Lightning: {CODE}"),
            format!("lnurl:{CODE}"),
            format!("lightning:lnurl:{lower}"),
            format!("https://service.com/giftcard/redeem?id=123&lightning={CODE}"),
            format!("https://service.com/giftcard/redeem?LIGHTNING={lower}&id=123#part"),
            format!("http://service.com/?lightning={CODE}"),
            format!("bitcoin:BC1Q?amount=1&lightning={CODE}"),
            URL.to_owned(),
            format!("lightning:{URL}"),
        ] {
            assert_eq!(parse(&text), expected, "{text}");
        }
        let url = ServiceUrl::parse(URL, PlainHttp::OnionOnly).unwrap();
        assert_eq!(url.to_bech32(), CODE);
        assert_eq!(url.with_role(Role::Pay), URL.replace("https", "lnurlp"));
    }

    #[test]
    fn schemes_say_what_a_code_is_for() {
        for (text, url, role) in [
            ("lnurlp://a.example/x?y=z", "https://a.example/x?y=z", Role::Pay),
            ("LNURLP://A.EXAMPLE/X", "https://a.example/X", Role::Pay),
            ("lnurlw:a.example", "https://a.example/", Role::Withdraw),
            ("lightning:lnurlw://a.example:8443/x", "https://a.example:8443/x", Role::Withdraw),
            ("lnurlp://abc.onion/x", "http://abc.onion/x", Role::Pay),
        ] {
            assert_eq!(parse(text), Ok((url.to_owned(), Some(role))), "{text}");
        }
        for text in ["keyauth://a.example?tag=login", "lnurlc://a.example"] {
            assert_eq!(parse(text), Err(InvalidLnurl::Unsupported), "{text}");
        }
        let url = ServiceUrl::parse("http://127.0.0.1:5001/x", PlainHttp::OnionAndLoopback).unwrap();
        for role in Role::ALL {
            let lnurl = Lnurl { url: url.clone(), role: Some(role) };
            assert_eq!(Lnurl::parse(&url.with_role(role), PlainHttp::OnionAndLoopback), Ok(lnurl));
        }
    }

    #[test]
    fn what_is_no_lnurl_says_why() {
        let mixed = format!("{}{}", &CODE[..20], CODE[20..].to_lowercase());
        let cases = [
            (mixed, InvalidLnurl::Bech32(InvalidBech32::MixedCase)),
            (format!("{CODE}Q"), InvalidLnurl::Bech32(InvalidBech32::Broken)),
            (encode(&[0xff]).unwrap(), InvalidLnurl::Bech32(InvalidBech32::NoText)),
            (bech32_of("lnurlp://a.example"), InvalidLnurl::Url(InvalidServiceUrl::NotHttps)),
            (bech32_of("http://a.example"), InvalidLnurl::Url(InvalidServiceUrl::NotHttps)),
            (bech32_of("http://127.0.0.1"), InvalidLnurl::Url(InvalidServiceUrl::NotHttps)),
            (bech32_of("https://u:p@a.example"), InvalidLnurl::Url(InvalidServiceUrl::Credentials)),
            (bech32_of("hello"), InvalidLnurl::Url(InvalidServiceUrl::Form)),
            (String::new(), InvalidLnurl::Url(InvalidServiceUrl::Form)),
            ("lightning:".to_owned(), InvalidLnurl::Url(InvalidServiceUrl::Form)),
            ("lnurlp://".to_owned(), InvalidLnurl::Url(InvalidServiceUrl::Form)),
            (format!("https://a.example/?lightning={}", &CODE[..50]), InvalidLnurl::Bech32(InvalidBech32::Broken)),
            ("x".repeat(CODE_BYTES_MAX + 1), InvalidLnurl::TooLong),
        ];
        for (text, why) in cases {
            assert_eq!(parse(&text), Err(why), "{text}");
        }
        // A fallback that is something else is part of the URL.
        let with_invoice = "https://a.example/?lightning=lnbc1x";
        assert_eq!(parse(with_invoice), Ok((with_invoice.to_owned(), None)));
        assert_eq!(
            InvalidLnurl::Url(InvalidServiceUrl::NotHttps).to_string(),
            "must be an LNURL (LNURL1…, lnurlp://…, https://…); what it leads to must be an https URL (http is only for .onion)"
        );
    }

    #[test]
    fn the_longest_url_is_encoded() {
        let longest = format!("https://a.example/{}", "x".repeat(SERVICE_URL_BYTES_MAX - 18));
        let url = ServiceUrl::parse(&longest, PlainHttp::OnionOnly).unwrap();
        assert!(url.to_bech32().len() <= BECH32_CHARS_MAX);
        assert_eq!(parse(&url.to_bech32()), Ok((longest.clone(), None)));
        assert_eq!(parse(&bech32_of(&format!("{longest}x"))), Err(InvalidLnurl::Url(InvalidServiceUrl::TooLong)));
    }

    #[test]
    fn addresses_are_told_from_lnurls() {
        let code = |text: &str| Code::parse(text, PlainHttp::OnionOnly);
        let address: Address = "satoshi@bitcoin.example".parse().unwrap();
        for text in ["satoshi@bitcoin.example", " Satoshi@Bitcoin.example", "lightning:satoshi@bitcoin.example"] {
            assert_eq!(code(text), Ok(Code::Address(address.clone())), "{text}");
        }
        let url = code("satoshi@bitcoin.example").unwrap().url(PlainHttp::OnionOnly).unwrap();
        assert_eq!(url.as_str(), "https://bitcoin.example/.well-known/lnurlp/satoshi");
        for text in
            [URL, CODE, "lnurlp://a.example/@bob", "https://a.example/@bob", "https://a.example/?to=bob@a.example"]
        {
            assert!(matches!(code(text), Ok(Code::Lnurl(_))), "{text}");
        }
        assert_eq!(
            code("https://u@a.example/"),
            Err(InvalidCode::Lnurl(InvalidLnurl::Url(InvalidServiceUrl::Credentials)))
        );
        assert!(matches!(code("bob@"), Err(InvalidCode::Address(_))));
        assert!(matches!(code("bob"), Err(InvalidCode::Lnurl(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

        #[test]
        fn whatever_is_shown_is_read_or_refused(
            text in "(lightning:|lnurl:|LNURL1|lnurl1|lnurlp:|lnurlw://|https://|http://|bob@)?.{0,60}",
            characters in "lnurl1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{0,120}",
            bytes in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let encoded = encode(&bytes).unwrap();
            for text in [text, characters, encoded] {
                if let Ok(lnurl) = Lnurl::parse(&text, PlainHttp::OnionOnly) {
                    let again = Lnurl::parse(&lnurl.url.to_bech32(), PlainHttp::OnionOnly).unwrap();
                    prop_assert_eq!(again.url, lnurl.url);
                }
                if let Ok(code) = Code::parse(&text, PlainHttp::OnionAndLoopback) {
                    prop_assert!(code.url(PlainHttp::OnionAndLoopback).is_ok(), "{}", text);
                }
            }
        }

        #[test]
        fn every_url_comes_back(
            host in "[a-z](-?[a-z0-9]){0,20}\\.(example|onion)",
            port in prop::option::of(1..u16::MAX),
            path in "(/[a-zA-Z0-9._~-]{0,20}){0,4}",
            query in prop::option::of("[a-zA-Z0-9=&%+]{0,300}"),
        ) {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            let rest = format!("{host}{port}{path}{query}");
            let url = ServiceUrl::without_scheme(&rest, PlainHttp::OnionOnly).unwrap();
            let code = url.to_bech32();
            for text in [code.to_lowercase(), code, format!("lnurlp://{rest}"), url.with_role(Role::Withdraw)] {
                prop_assert_eq!(&Lnurl::parse(&text, PlainHttp::OnionOnly).unwrap().url, &url);
            }
        }
    }
}
