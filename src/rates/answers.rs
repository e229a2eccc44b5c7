//! What sources answer: prices out of the text of JSON, never through a float. A source may lie,
//! and each of its prices is judged for itself.

use std::collections::{BTreeSet, HashMap};

use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use super::currency::Currency;
use super::price::{InvalidPrice, Price};
use super::sources::{ANSWER_BYTES_MAX, Source};
use crate::domain::json::Members;
use crate::domain::number::fixed_point;
use crate::domain::time::UnixMs;

/// Where in JSON something stands (RFC 6901): names of members and places in arrays, which may
/// hold `{CUR}` or `{cur}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pointer(Vec<String>);

impl Pointer {
    /// Reads a pointer; the empty one is the whole.
    pub(super) fn read(text: &str) -> Option<Self> {
        let Some(segments) = text.strip_prefix('/') else { return text.is_empty().then(Self::default) };
        Some(Self(segments.split('/').map(|segment| segment.replace("~1", "/").replace("~0", "~")).collect()))
    }

    /// Reads a pointer as it stands in a URL, percent-encoded where need be.
    pub(super) fn of_fragment(text: &str) -> Option<Self> {
        Self::read(&percent_decode_str(text).decode_utf8().ok()?)
    }

    /// Whether the currency has a place in it.
    pub(super) fn has_currency(&self) -> bool {
        self.0.iter().any(|segment| Currency::is_placed_in(segment))
    }

    /// What stands there, as it is written.
    fn follow<'a>(&self, json: &'a str, currency: Option<Currency>) -> Option<&'a str> {
        self.0.iter().try_fold(json, |json, segment| match currency {
            Some(currency) => step(json, &currency.fill_in(segment)),
            None => step(json, segment),
        })
    }
}

/// One step into an object or an array.
fn step<'a>(json: &'a str, segment: &str) -> Option<&'a str> {
    if json.starts_with('{') {
        return Members::read(json).ok()?.get(segment);
    }
    let place: usize = segment.parse().ok().filter(|place: &usize| place.to_string() == segment)?;
    let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    items.get(place).map(|item| item.get())
}

/// Where in an answer prices stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// There is one, of the currency that was asked for.
    Value(Pointer),
    /// In an object that has a member for each currency, by one of these names.
    Table { table: Pointer, names: Vec<String>, value: Pointer },
    /// In an array of objects, which have a member for the code and one for the price.
    List { list: Pointer, code: &'static str, price: &'static str },
}

impl Place {
    /// A table where the currency has a place in the pointer.
    pub(super) fn of_pointer(Pointer(mut segments): Pointer) -> Self {
        let Some(at) = segments.iter().position(|segment| Currency::is_placed_in(segment)) else {
            return Self::Value(Pointer(segments));
        };
        let mut rest = segments.split_off(at);
        let value = rest.split_off(1);
        Self::Table { table: Pointer(segments), names: rest, value: Pointer(value) }
    }

    /// What stands there for each currency, as it is written; `None` for one that is not there.
    fn find<'a>(&self, json: &'a str, currencies: &BTreeSet<Currency>) -> Result<Found<'a>, NotUnderstood> {
        match self {
            Self::Value(pointer) => {
                let value = pointer.follow(json, None).ok_or(NotUnderstood)?;
                Ok(currencies.iter().map(|currency| (*currency, Some(value))).collect())
            }
            Self::Table { table, names, value } => {
                let table =
                    table.follow(json, None).and_then(|table| Members::read(table).ok()).ok_or(NotUnderstood)?;
                let find = |currency: Currency| {
                    let cell = names.iter().find_map(|name| table.get(&currency.fill_in(name)))?;
                    // A cell of another form is a price that cannot be read.
                    Some(value.follow(cell, Some(currency)).unwrap_or("null"))
                };
                Ok(currencies.iter().map(|currency| (*currency, find(*currency))).collect())
            }
            Self::List { list, code, price } => {
                let list = list.follow(json, None).ok_or(NotUnderstood)?;
                let items: Vec<&RawValue> = serde_json::from_str(list).or(Err(NotUnderstood))?;
                let items = items.iter().filter_map(|item| Members::read(item.get()).ok());
                let priced = |item: Members<'a>| {
                    let code: String = serde_json::from_str(item.get(code)?).ok()?;
                    Some((code, item.get(price).unwrap_or("null")))
                };
                let prices: HashMap<_, _> = items.filter_map(priced).collect();
                Ok(currencies.iter().map(|currency| (*currency, prices.get(currency.as_str()).copied())).collect())
            }
        }
    }
}

/// Currencies, and what stands there for them.
type Found<'a> = Vec<(Currency, Option<&'a str>)>;

/// What a source says of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// What a bitcoin costs.
    Price(Price),
    /// Nothing: it does not have the currency.
    Nothing,
    /// What cannot be.
    Nonsense(InvalidPrice),
}

/// An answer: when it was true, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) at: UnixMs,
    pub(super) said: Vec<(Currency, Said)>,
}

/// The answer is not of the form that the source's answers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotUnderstood;

impl Answer {
    /// Reads an answer of a source that came at this time.
    pub(super) fn read(
        source: &Source,
        currencies: &BTreeSet<Currency>,
        body: &[u8],
        received: UnixMs,
    ) -> Result<Self, NotUnderstood> {
        if body.len() > ANSWER_BYTES_MAX {
            return Err(NotUnderstood);
        }
        let json: &RawValue = serde_json::from_slice(body).or(Err(NotUnderstood))?;
        let at = match &source.time {
            Some(pointer) => pointer.follow(json.get(), None).map_or(Ok(received), |time| time_of(time, received))?,
            None => received,
        };
        let found = source.place.find(json.get(), currencies)?;
        // Something else in place of the table (an error, say) is not the end of all currencies.
        let is_there = |found: &Found<'_>| found.iter().any(|(_, value)| value.is_some());
        if source.has_all_in_one() && !is_there(&found) {
            let usual = source.place.find(json.get(), &Currency::usual().collect())?;
            if !is_there(&usual) {
                return Err(NotUnderstood);
            }
        }
        Ok(Self { at, said: found.into_iter().map(|(currency, value)| (currency, said_of(value))).collect() })
    }
}

/// Unix seconds; never later than when the answer came.
fn time_of(json: &str, received: UnixMs) -> Result<UnixMs, NotUnderstood> {
    let ms = fixed_point(json, 3).or(Err(NotUnderstood))?.units;
    Ok(UnixMs::new(i64::try_from(ms).or(Err(NotUnderstood))?).min(received))
}

/// A price is a number, or a number in a text.
fn said_of(json: Option<&str>) -> Said {
    let Some(json) = json else { return Said::Nothing };
    let price = match json.as_bytes().first() {
        Some(b'"') => {
            let text = serde_json::from_str::<String>(json).or(Err(InvalidPrice::NotNumber));
            text.and_then(|text| Price::read(&text))
        }
        _ => Price::read(json),
    };
    price.map_or_else(Said::Nonsense, Said::Price)
}

#[cfg(test)]
mod tests;
