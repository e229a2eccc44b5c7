//! Fields of what nodes answer: numbers in texts, bytes in base64 and hex, money in several units.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin_hashes::hex::{DisplayHex, FromHex};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::node::{InvoiceMade, NodeError};
use super::wire::unreadable;
use crate::domain::ids::PaymentHash;
use crate::domain::money::{Amount, Msat};
use crate::domain::node::Preimage;
use crate::domain::skim::SkimmedRequest;
use crate::domain::time::UnixMs;

const MSAT_PER_SAT: i64 = 1000;

/// A whole number that is not negative, as itself or as a text, with or without the unit `msat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Whole(pub(super) i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Whole;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number, or a text of one")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
                i64::try_from(number).map(Whole).or(Err(E::invalid_value(Unexpected::Unsigned(number), &self)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Whole, E> {
                let digits = text.strip_suffix("msat").unwrap_or(text);
                let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                let number = is_number.then(|| digits.parse().ok()).flatten();
                number.map(Whole).ok_or_else(|| E::invalid_value(Unexpected::Other("another text"), &self))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

impl Whole {
    /// So many msat.
    pub(super) const fn msat(self) -> Msat {
        Msat::new(self.0)
    }

    /// So many msat, above 0.
    pub(super) fn amount(self) -> Option<Amount> {
        Amount::from_msat(self.0).ok()
    }

    /// So many sat in msat.
    pub(super) const fn sat(self) -> i64 {
        self.0.saturating_mul(MSAT_PER_SAT)
    }

    /// So many seconds since 1970.
    pub(super) const fn seconds(self) -> UnixMs {
        UnixMs::new(0).plus_seconds(self.0)
    }
}

/// A preimage in hex, if it is that of this payment.
pub(super) fn preimage_of(hex: &str, payment_hash: PaymentHash) -> Option<Preimage> {
    Preimage::from_client(hex).ok().filter(|preimage| preimage.payment_hash() == payment_hash)
}

/// The proof of a payment: without it, nothing was paid.
pub(super) fn proof(hex: Option<&str>, payment_hash: PaymentHash) -> Result<Preimage, NodeError> {
    hex.and_then(|hex| preimage_of(hex, payment_hash))
        .ok_or_else(|| unreadable("a payment that is said to have arrived has no preimage of its hash"))
}

/// The bytes of a hash in base64.
pub(super) fn hash_of_base64(text: &str) -> Option<PaymentHash> {
    PaymentHash::from_slice(&STANDARD.decode(text).ok()?).ok()
}

/// Base64 in hex.
pub(super) fn hex_of_base64(text: &str) -> Option<Zeroizing<String>> {
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    Some(Zeroizing::new(bytes.to_lower_hex_string()))
}

/// A preimage in base64.
pub(super) fn base64_of(preimage: &Preimage) -> Option<Zeroizing<String>> {
    let hex = Zeroizing::new(preimage.reveal());
    let bytes = Zeroizing::new(<[u8; 32]>::from_hex(&hex).ok()?);
    Some(Zeroizing::new(STANDARD.encode(*bytes)))
}

/// An amount that is a whole number of sat, in sat.
pub(super) fn whole_sat(amount: Amount) -> Option<i64> {
    (amount.msat() % MSAT_PER_SAT == 0).then(|| amount.to_sat())
}

/// An invoice that a node says it has made, if it is for this amount, and of this hash where that is known.
pub(super) fn invoice_made(
    bolt11: &str,
    payment_hash: Option<PaymentHash>,
    amount: Amount,
) -> Result<InvoiceMade, NodeError> {
    let request = SkimmedRequest::skim(bolt11).or(Err(unreadable("what it has made is no invoice")))?;
    if payment_hash.is_some_and(|hash| hash != request.payment_hash()) {
        return Err(unreadable("the invoice that it has made is of another hash"));
    }
    if request.amount_msat() != Some(amount.msat()) {
        return Err(unreadable("the invoice that it has made is of another amount"));
    }
    Ok(InvoiceMade { bolt11: request.text().to_owned(), payment_hash: request.payment_hash(), preimage: None })
}

/// The amount that an invoice names, if it names one.
pub(super) fn amount_named(bolt11: &str) -> Option<Amount> {
    let msat = SkimmedRequest::skim(bolt11).ok()?.amount_msat()?;
    Amount::from_msat(msat).ok()
}
