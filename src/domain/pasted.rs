//! What people paste in place of an invoice: a link that contains one, or something else that is
//! recognized, so that the response can say what to do.

use std::borrow::Cow;

use crate::domain::text::strip_start;

/// The scheme of a link with an invoice.
const SCHEME: &str = "lightning:";
/// The scheme of an on-chain payment link, which may also contain an invoice (BIP 21).
const CHAIN_SCHEME: &str = "bitcoin:";
/// Schemes of LNURLs, in plain text (LUD 17) or before bech32.
const LNURL_SCHEMES: [&str; 5] = ["lnurlp:", "lnurlw:", "lnurlc:", "keyauth:", "lnurl:"];
/// The prefixes of invoices of every network.
const INVOICE_STARTS: [&str; 3] = ["lnbc", "lntb", "lnsb"];
/// The characters of base58.
const BASE58: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// A text that is not a BOLT11 invoice, if it is recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pasted {
    /// An LNURL, in bech32 or with a scheme of its own.
    Lnurl,
    /// A Lightning address.
    Address,
    /// A BOLT12 offer.
    Offer,
    /// A BOLT12 invoice request.
    InvoiceRequest,
    /// A BOLT12 invoice.
    Bolt12Invoice,
    /// An on-chain address.
    ChainAddress,
    /// A BIP21 link without an invoice.
    ChainLink,
    /// The address of a web page.
    WebLink,
    /// A node, with or without its host.
    Node,
    /// 32 bytes in hex: a payment hash, or a preimage.
    Hash,
}

impl Pasted {
    /// What it is, and what to do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Lnurl => {
                "this is an LNURL; pay it with POST /api/v1/payments/lnurl, or let a wallet that reads LNURLs ask it for an \
                 invoice, and give that invoice here"
            }
            Self::Address => {
                "this is a Lightning address; pay it with POST /api/v1/payments/lnurl, or let a wallet ask it for an invoice, \
                 and give that invoice here"
            }
            Self::Offer => "this is a BOLT12 offer; ask the payee for a BOLT11 invoice (it begins with lnbc)",
            Self::InvoiceRequest => {
                "this is a BOLT12 invoice request; ask the payee for a BOLT11 invoice (it begins with lnbc)"
            }
            Self::Bolt12Invoice => "this is a BOLT12 invoice; ask the payee for a BOLT11 invoice (it begins with lnbc)",
            Self::ChainAddress => {
                "this is an on-chain bitcoin address, which is not paid here; ask the payee for a Lightning invoice"
            }
            Self::ChainLink => {
                "this is a bitcoin: link (BIP21) without a lightning= invoice, which is not paid here; ask the payee \
                 for a Lightning invoice"
            }
            Self::WebLink => "this is a web link; open it, and give the invoice that is shown there",
            Self::Node => "this is a node, not an invoice; ask its owner for an invoice",
            Self::Hash => {
                "this is a payment hash or a preimage; give the whole invoice (it begins with lnbc), not its hash"
            }
        }
    }

    /// What a text is, if it is one of the things that people mistake for an invoice.
    pub fn name(text: &str) -> Option<Self> {
        let begins_with = |start: &str| strip_start(text, start).is_some();
        if INVOICE_STARTS.into_iter().any(begins_with) {
            return None;
        }
        let by_start = [
            ("lnurl1", Self::Lnurl),
            ("lno1", Self::Offer),
            ("lnr1", Self::InvoiceRequest),
            ("lni1", Self::Bolt12Invoice),
            ("http://", Self::WebLink),
            ("https://", Self::WebLink),
            (CHAIN_SCHEME, Self::ChainLink),
        ];
        if let Some((_, found)) = by_start.into_iter().find(|(start, _)| begins_with(start)) {
            let is_wrapped = found == Self::WebLink && parameter(text, "lightning").is_some_and(|it| is_lnurl(&it));
            return Some(if is_wrapped { Self::Lnurl } else { found });
        }
        if LNURL_SCHEMES.into_iter().any(begins_with) {
            return Some(Self::Lnurl);
        }
        if is_node(text) {
            return Some(Self::Node);
        }
        if text.len() == 64 && is_hex(text) {
            return Some(Self::Hash);
        }
        if is_address(text) {
            return Some(Self::Address);
        }
        is_chain_address(text).then_some(Self::ChainAddress)
    }
}

/// The part of a pasted text that may be an invoice: without surrounding whitespace or a scheme,
/// and extracted from a BIP21 link.
pub fn invoice_in(text: &str) -> Cow<'_, str> {
    let text = without_scheme(text.trim());
    if strip_start(text, CHAIN_SCHEME).is_none() {
        return Cow::Borrowed(text);
    }
    match parameter(text, "lightning") {
        Some(invoice) => Cow::Owned(without_scheme(invoice.trim()).to_owned()),
        None => Cow::Borrowed(text),
    }
}

fn without_scheme(text: &str) -> &str {
    match strip_start(text, SCHEME) {
        Some(rest) => rest.strip_prefix("//").unwrap_or(rest).trim_start(),
        None => text,
    }
}

/// The first non-empty value of a link's parameter, ignoring the case of names.
fn parameter<'t>(link: &'t str, name: &str) -> Option<Cow<'t, str>> {
    let (_, query) = link.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(found, value)| found.eq_ignore_ascii_case(name) && !value.is_empty()).map(|(_, value)| value)
}

fn is_lnurl(text: &str) -> bool {
    strip_start(text, "lnurl1").is_some()
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A compressed public key in hex, alone or before a host.
fn is_node(text: &str) -> bool {
    let key = text.split('@').next().unwrap_or_default();
    key.len() == 66 && is_hex(key) && (key.starts_with("02") || key.starts_with("03"))
}

/// A name and a host (LUD 16), optionally with the prefix of BIP 353.
fn is_address(text: &str) -> bool {
    let Some((name, host)) = text.strip_prefix('₿').unwrap_or(text).split_once('@') else { return false };
    let is_word = |word: &str, more: &str| {
        !word.is_empty() && word.chars().all(|character| character.is_alphanumeric() || more.contains(character))
    };
    is_word(name, ".-_+") && is_word(host, ".-:")
}

fn is_chain_address(text: &str) -> bool {
    let is_segwit = ["bc1", "tb1", "bcrt1"].into_iter().any(|start| {
        strip_start(text, start).is_some_and(|data| {
            (11..=87).contains(&data.len()) && data.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    });
    let is_base58 = (26..=35).contains(&text.len())
        && text.starts_with(['1', '3', 'm', 'n', '2'])
        && text.chars().all(|character| BASE58.contains(character));
    is_segwit || is_base58
}
