//! What pay links of this server are called in URLs, and which of its URLs lead to one.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::address::{LinkName, Recipient, read_tag};
use super::service_url::ServiceUrl;
use crate::crypto::random;

/// The characters of a new id: none that is taken for another one.
const ALPHABET: &[u8; 57] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// How many a new id has: so few that QR codes stay small, and so many (58 bits) that nobody finds
/// others by trying.
const ID_CHARS: usize = 10;
/// The longest id that is looked for, in bytes: links that come from elsewhere keep theirs.
const ID_BYTES_MAX: usize = 128;

/// The id of a pay link, as URLs have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LinkId(String);

/// The text is the id of no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the id of a pay link")]
pub struct InvalidLinkId;

impl LinkId {
    /// A new id.
    pub fn random() -> Self {
        let mut number = u128::from_be_bytes(random::bytes());
        let base = 57;
        let id = (0..ID_CHARS).filter_map(|_| {
            let digit = usize::try_from(number.checked_rem(base)?).ok()?;
            number = number.checked_div(base)?;
            ALPHABET.get(digit).map(|byte| char::from(*byte))
        });
        Self(id.collect())
    }

    /// An id as somebody names it.
    pub fn new(text: &str) -> Result<Self, InvalidLinkId> {
        let is_id = (1..=ID_BYTES_MAX).contains(&text.len()) && !text.contains('\0');
        if is_id { Ok(Self(text.to_owned())) } else { Err(InvalidLinkId) }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a link is named by who wants to pay it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkKey {
    /// By its id.
    Id(LinkId),
    /// By the name of its Lightning address.
    Name(LinkName),
}

/// A link as it is named, and the tag by which its owner tells payments apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRef {
    /// Which link.
    pub key: LinkKey,
    /// The tag.
    pub tag: Option<String>,
    /// What the payer's page wants to have in the webhook.
    pub webhook_data: Option<String>,
}

impl LinkRef {
    /// A link by its id, with a tag where a `+` stands behind it: so the callback of an address has
    /// its tag where no wallet takes it away.
    pub fn by_id(text: &str) -> Result<Self, InvalidLinkId> {
        let (id, tag) = match text.split_once('+') {
            Some((id, tag)) => (id, Some(read_tag(tag).or(Err(InvalidLinkId))?)),
            None => (text, None),
        };
        Ok(Self { key: LinkKey::Id(LinkId::new(id)?), tag, webhook_data: None })
    }

    /// A link by the name of its address.
    pub fn by_name(Recipient { name, tag }: Recipient) -> Self {
        Self { key: LinkKey::Name(name), tag, webhook_data: None }
    }

    /// The link that a URL of this server leads to, where it leads to one: its page, its address or
    /// its callback.
    pub fn of_url(url: &ServiceUrl) -> Option<Self> {
        let path: Vec<_> = url.url().path_segments()?.collect();
        let found = match path.as_slice() {
            ["lnurlp", id] | ["lnurlp", "api", "v1", "lnurl", id] | ["lnurlp", "api", "v1", "lnurl", "cb", id] => {
                Self::by_id(&decoded(id)?).ok()?
            }
            [".well-known", "lnurlp", name] | ["lnurlp", "api", "v1", "well-known", name] => {
                Self::by_name(decoded(name)?.parse().ok()?)
            }
            _ => return None,
        };
        let webhook_data = url.url().query_pairs().find(|(name, _)| name == "webhook_data");
        Some(Self { webhook_data: webhook_data.map(|(_, value)| value.into_owned()), ..found })
    }
}

fn decoded(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

impl LinkId {
    /// The path of the link's page, which wallets ask as well.
    pub fn page_path(&self) -> String {
        format!("/lnurlp/{}", self.encoded())
    }

    /// The path of the callback.
    pub fn callback_path(&self, tag: Option<&str>) -> String {
        let tag = tag.map(|tag| format!("+{tag}")).unwrap_or_default();
        format!("/lnurlp/api/v1/lnurl/cb/{}{tag}", self.encoded())
    }

    fn encoded(&self) -> impl fmt::Display {
        utf8_percent_encode(&self.0, NON_ALPHANUMERIC)
    }
}

#[cfg(test)]
mod tests {
    use super::super::service_url::PlainHttp;
    use super::*;

    fn of(url: &str) -> Option<LinkRef> {
        LinkRef::of_url(&ServiceUrl::parse(url, PlainHttp::OnionAndLoopback).unwrap())
    }

    #[test]
    fn new_ids_are_short_and_differ() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| LinkId::random().0).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == ID_CHARS && id.bytes().all(|byte| ALPHABET.contains(&byte))));
    }

    #[test]
    fn urls_lead_to_links() {
        let by_id = |id: &str| Some(LinkRef::by_id(id).unwrap());
        assert_eq!(of("https://a.example/lnurlp/Abc23"), by_id("Abc23"));
        assert_eq!(of("http://127.0.0.1:5001/lnurlp/api/v1/lnurl/7"), by_id("7"));
        assert_eq!(of("https://a.example/lnurlp/api/v1/lnurl/cb/Abc23+Tips?amount=1"), by_id("Abc23+tips"));
        assert_eq!(of("https://a.example/lnurlp/a%20b%2Fc"), by_id("a b/c"));
        let bob = Some(LinkRef::by_name("bob+tips".parse().unwrap()));
        assert_eq!(of("https://a.example/.well-known/lnurlp/Bob+tips"), bob);
        assert_eq!(of("https://a.example/lnurlp/api/v1/well-known/bob+tips"), bob);
        let with_data = of("https://a.example/lnurlp/x?webhook_data=order%207").unwrap();
        assert_eq!(with_data.webhook_data.as_deref(), Some("order 7"));
        for url in ["/", "/lnurlp", "/lnurlp/", "/lnurlp/a/b", "/.well-known/lnurlp/b@c", "/lnurlp/%ff", "/lnurlp/a+"] {
            assert_eq!(of(&format!("https://a.example{url}")), None, "{url}");
        }
    }

    #[test]
    fn paths_are_read_again() {
        for id in ["Abc23", "7", "a b/c", "ä?#%"] {
            let id = LinkId::new(id).unwrap();
            for path in [id.page_path(), id.callback_path(None)] {
                assert_eq!(of(&format!("https://a.example{path}")), Some(LinkRef::by_id(id.as_str()).unwrap()));
            }
            let tagged = of(&format!("https://a.example{}", id.callback_path(Some("tips")))).unwrap();
            assert_eq!((tagged.key, tagged.tag.as_deref()), (LinkKey::Id(id), Some("tips")));
        }
        for id in ["", "a\0", &"x".repeat(ID_BYTES_MAX + 1)] {
            assert_eq!(LinkId::new(id), Err(InvalidLinkId));
        }
    }
}
