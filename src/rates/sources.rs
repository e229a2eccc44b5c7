//! Who is asked what a bitcoin costs, and by which requests.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::answers::{Place, Pointer};
use super::currency::Currency;
use crate::net::targets::Target;

/// The longest answer that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How long an answer may take, in milliseconds.
pub const ANSWER_TIME_MS_MAX: u64 = 3_000;
/// The longest name of a source, in bytes.
const NAME_BYTES_MAX: usize = 32;
/// The name of the operator's own rates.
const FIXED: &str = "fixed";

/// A source that is known by name: where it is asked, and where in its answer prices stand. The
/// table is in code, because an address that nobody has looked at must not slip into it.
struct Known {
    name: &'static str,
    /// `{CUR}` or `{cur}` stands for one currency, `{PAIRS}` for all as Kraken writes them.
    url: &'static str,
    place: KnownPlace,
    /// The currencies that it has; none where that is for its answer to tell.
    covers: &'static str,
    /// Where the time stands that the answer is of, in Unix seconds.
    time: Option<&'static str>,
}

enum KnownPlace {
    Pointer(&'static str),
    /// One of several members, whose names come between the two pointers.
    OneOf(&'static str, &'static [&'static str], &'static str),
    /// An array of objects, with a member that is the code and one that is the price.
    List(&'static str, &'static str, &'static str),
}

const KNOWN: [Known; 10] = [
    Known {
        name: "coinbase",
        url: "https://api.coinbase.com/v2/exchange-rates?currency=BTC",
        place: KnownPlace::Pointer("/data/rates/{CUR}"),
        covers: "",
        time: None,
    },
    Known {
        name: "kraken",
        url: "https://api.kraken.com/0/public/Ticker?pair={PAIRS}",
        place: KnownPlace::OneOf("/result", &["XXBTZ{CUR}", "XBT{CUR}"], "/c/0"),
        covers: "USD EUR GBP CAD JPY CHF AUD",
        time: None,
    },
    Known {
        name: "bitstamp",
        url: "https://www.bitstamp.net/api/v2/ticker/btc{cur}/",
        place: KnownPlace::Pointer("/last"),
        covers: "USD EUR GBP",
        time: None,
    },
    Known {
        name: "bitfinex",
        url: "https://api.bitfinex.com/v1/pubticker/btc{cur}",
        place: KnownPlace::Pointer("/last_price"),
        covers: "USD EUR GBP JPY",
        time: None,
    },
    Known {
        name: "blockchain",
        url: "https://blockchain.info/ticker",
        place: KnownPlace::Pointer("/{CUR}/last"),
        covers: "",
        time: None,
    },
    Known {
        name: "yadio",
        url: "https://api.yadio.io/exrates/BTC",
        place: KnownPlace::Pointer("/BTC/{CUR}"),
        covers: "",
        time: None,
    },
    Known {
        name: "bitpay",
        url: "https://bitpay.com/rates",
        place: KnownPlace::List("/data", "code", "rate"),
        covers: "",
        time: None,
    },
    Known {
        name: "coingecko",
        url: "https://api.coingecko.com/api/v3/exchange_rates",
        place: KnownPlace::Pointer("/rates/{cur}/value"),
        covers: "",
        time: None,
    },
    Known {
        name: "mempool",
        url: "https://mempool.space/api/v1/prices",
        place: KnownPlace::Pointer("/{CUR}"),
        covers: "USD EUR GBP CAD CHF AUD JPY",
        time: Some("/time"),
    },
    Known {
        name: "lnbits",
        url: "https://price.lnbits.com/rate/{CUR}",
        place: KnownPlace::Pointer("/rates/median"),
        covers: "",
        time: None,
    },
];

/// Sources that need no key, are used by many, and do not have each other's prices.
pub const USUAL: [&str; 5] = ["coinbase", "kraken", "bitstamp", "blockchain", "mempool"];

/// The name of a source: lower-case letters, digits, `-` and `_`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceName(Arc<str>);

impl SourceName {
    /// Checks a name.
    pub fn new(name: &str) -> Option<Self> {
        let is_of_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        let is_name = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_of_name);
        is_name.then(|| Self(name.into()))
    }

    /// The operator's own rates.
    pub fn fixed() -> Self {
        Self(FIXED.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text does not say where prices are. What stands there is not told: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSource {
    /// There is none of this name.
    #[error(
        "must be coinbase, kraken, bitstamp, bitfinex, blockchain, yadio, bitpay, coingecko, mempool or lnbits, or \
         name=url#/json/pointer/{{CUR}}"
    )]
    Unknown,
    /// The name of a source of the operator's own.
    #[error("must have a name of at most 32 lower-case letters, digits, - and _ that no other source has")]
    Name,
    /// Its URL.
    #[error("must be an http or https URL without user name and password, and with #/json/pointer behind")]
    Url,
    /// All currencies would have the same price.
    #[error("must have {{CUR}} or {{cur}} in the URL or in the pointer, in place of the currency")]
    NoCurrency,
}

/// A request that is to be made: a GET.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Of which source.
    pub source: SourceName,
    /// What it asks for.
    pub currencies: BTreeSet<Currency>,
    /// Where; it may hold a key of the operator's, and is not to be logged.
    pub url: String,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, currencies, .. } = self;
        f.debug_struct("Request").field("source", source).field("currencies", currencies).finish_non_exhaustive()
    }
}

/// Who is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    name: SourceName,
    url: String,
    pub(super) place: Place,
    pub(super) time: Option<Pointer>,
    covers: Option<BTreeSet<Currency>>,
}

impl Source {
    /// Reads a name that is known, or `name=url#/json/pointer/{CUR}`.
    pub fn read(text: &str) -> Result<Self, InvalidSource> {
        let text = text.trim();
        let known = |name: &str| KNOWN.iter().find(|known| known.name == name);
        let Some((name, place)) = text.split_once('=') else {
            return known(text).map(Self::known).ok_or(InvalidSource::Unknown)?;
        };
        let is_free = known(name).is_none() && name != FIXED;
        let name = SourceName::new(name).filter(|_| is_free).ok_or(InvalidSource::Name)?;
        let (url, pointer) = place.split_once('#').ok_or(InvalidSource::Url)?;
        let pointer = Pointer::of_fragment(pointer).ok_or(InvalidSource::Url)?;
        if Target::parse(&url.replace("{CUR}", "USD").replace("{cur}", "usd")).is_err() {
            return Err(InvalidSource::Url);
        }
        if !Currency::is_placed_in(url) && !pointer.has_currency() {
            return Err(InvalidSource::NoCurrency);
        }
        Ok(Self { name, url: url.to_owned(), place: Place::of_pointer(pointer), time: None, covers: None })
    }

    fn known(known: &Known) -> Result<Self, InvalidSource> {
        let pointer = |text: &str| Pointer::read(text).ok_or(InvalidSource::Url);
        let owned = |text: &&str| (*text).to_owned();
        let place = match known.place {
            KnownPlace::Pointer(text) => Place::of_pointer(pointer(text)?),
            KnownPlace::OneOf(table, names, value) => Place::Table {
                table: pointer(table)?,
                names: names.iter().map(owned).collect(),
                value: pointer(value)?,
            },
            KnownPlace::List(list, code, price) => Place::List { list: pointer(list)?, code, price },
        };
        let covers = known.covers.split_ascii_whitespace().filter_map(|code| Currency::new(code).ok()).collect();
        Ok(Self {
            name: SourceName(known.name.into()),
            url: known.url.to_owned(),
            place,
            time: known.time.map(pointer).transpose()?,
            covers: Some(covers).filter(|covers: &BTreeSet<_>| !covers.is_empty()),
        })
    }

    /// Its name.
    pub const fn name(&self) -> &SourceName {
        &self.name
    }

    /// Whether it can have a currency, as far as that is known without asking.
    pub fn covers(&self, currency: Currency) -> bool {
        self.covers.as_ref().is_none_or(|covers| covers.contains(&currency))
    }

    /// Whether it is known for certain which currencies it has.
    pub(super) const fn has_known_currencies(&self) -> bool {
        self.covers.is_some()
    }

    /// Whether one answer has all currencies.
    pub fn has_all_in_one(&self) -> bool {
        !Currency::is_placed_in(&self.url)
    }

    /// The requests that ask for these currencies.
    pub fn requests(&self, currencies: &BTreeSet<Currency>) -> Vec<Request> {
        let currencies = currencies.iter().copied().filter(|currency| self.covers(*currency));
        let request = |currencies, url| Request { source: self.name.clone(), currencies, url };
        if !self.has_all_in_one() {
            return currencies.map(|currency| request([currency].into(), currency.fill_in(&self.url))).collect();
        }
        let currencies: BTreeSet<_> = currencies.collect();
        if currencies.is_empty() {
            return Vec::new();
        }
        let pairs: Vec<_> = currencies.iter().map(|currency| format!("XBT{currency}")).collect();
        vec![request(currencies, self.url.replace("{PAIRS}", &pairs.join(",")))]
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
