//! Codes of currencies.

use std::fmt;
use std::str::FromStr;

/// Units of bitcoin, which have no price in bitcoin to be asked for.
const BITCOIN: [&str; 3] = ["BTC", "XBT", "SAT"];

/// Currencies that are offered where the operator names none: those of ISO 4217 that are in use,
/// and a few without a code there that sources have.
const USUAL: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN \
                     BZD CAD CDF CHF CLF CLP CNH CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
                     GEL GGP GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS IMP INR IQD IRR IRT ISK JEP JMD JOD JPY \
                     KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR \
                     MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF \
                     SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS \
                     UAH UGX USD UYU UZS VES VND VUV WST XAF XAG XAU XCD XCG XOF XPD XPF XPT YER ZAR ZMW ZWG";

/// The code of a currency: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// The text is not the code of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the code of a currency: three upper-case letters, as USD, and not bitcoin's")]
pub struct InvalidCurrency;

impl Currency {
    /// From a code as it is written in requests that take no other case.
    pub fn new(code: &str) -> Result<Self, InvalidCurrency> {
        let letters = code.as_bytes().try_into().or(Err(InvalidCurrency))?;
        let is_code = code.bytes().all(|byte| byte.is_ascii_uppercase()) && !BITCOIN.contains(&code);
        if is_code { Ok(Self(letters)) } else { Err(InvalidCurrency) }
    }

    /// From a code in any case, with space around it.
    pub fn any_case(code: &str) -> Result<Self, InvalidCurrency> {
        Self::new(&code.trim().to_ascii_uppercase())
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        // It holds letters of ASCII alone.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Currencies that are offered where the operator names none.
    pub fn usual() -> impl Iterator<Item = Self> {
        USUAL.split_ascii_whitespace().filter_map(|code| Self::new(code).ok())
    }

    /// A text with the code in place of `{CUR}`, and of `{cur}` in lower case.
    pub(super) fn fill_in(self, template: &str) -> String {
        template.replace("{CUR}", self.as_str()).replace("{cur}", &self.as_str().to_ascii_lowercase())
    }

    /// Whether a text has a place for the code.
    pub(super) fn is_placed_in(template: &str) -> bool {
        template.contains("{CUR}") || template.contains("{cur}")
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        Self::any_case(text)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_three_upper_case_letters() {
        assert_eq!(Currency::new("EUR").unwrap().to_string(), "EUR");
        for text in ["", "E", "EU", "EURO", "eur", "Eur", "E1R", " EUR", "EUR ", "€", "ÄÖ", "BTC", "XBT", "SAT"] {
            assert_eq!(Currency::new(text), Err(InvalidCurrency), "{text}");
        }
    }

    #[test]
    fn any_case_is_made_upper() {
        for text in ["eur", "Eur", "EUR", " eUR\n"] {
            assert_eq!(Currency::any_case(text), Currency::new("EUR"), "{text}");
        }
        for text in ["", "euro", "e r", "sat", "btc", "ſss"] {
            assert_eq!(Currency::any_case(text), Err(InvalidCurrency), "{text}");
        }
    }

    #[test]
    fn every_usual_currency_is_a_code_and_stands_there_once() {
        let usual: Vec<_> = Currency::usual().collect();
        assert_eq!(usual.len(), USUAL.split_ascii_whitespace().count());
        assert!(usual.is_sorted_by(|a, b| a < b), "sorted, and none twice");
        assert!(!usual.contains(&Currency::new("RRR").unwrap()));
    }

    #[test]
    fn a_template_takes_the_code_in_both_cases() {
        let currency = Currency::new("EUR").unwrap();
        assert_eq!(currency.fill_in("/btc{cur}/{CUR}"), "/btceur/EUR");
        assert!(Currency::is_placed_in("{cur}") && !Currency::is_placed_in("/Cur"));
    }
}
