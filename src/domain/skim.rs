//! Reading only as much of a BOLT11 text as is needed to find an invoice of our own.

use super::ids::PaymentHash;
use super::invoice::{InvalidRequest, PaymentRequest, normalized};

/// The characters of bech32 in the order of their values (BIP 173).
const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Characters before the tagged fields: the time of issue (BOLT 11).
const TIMESTAMP_CHARS: usize = 7;
/// Characters after the tagged fields: the signature, and the checksum of bech32.
const SIGNATURE_CHARS: usize = 104 + 6;
/// The type of the field that holds the payment hash: the value of `p`.
const PAYMENT_HASH_TYPE: u8 = 1;
/// Characters of a payment hash: 256 bits, five in each.
const PAYMENT_HASH_CHARS: usize = 52;

/// A BOLT11 text of which only the payment hash was read. It is used to find an invoice of our own,
/// whose whole text is then compared with this one. A text that is not one of ours must be
/// [parsed](Self::parse) to say what is wrong with it.
#[derive(Clone, Debug)]
pub struct SkimmedRequest {
    text: String,
    payment_hash: PaymentHash,
}

impl SkimmedRequest {
    /// Skims a text; if that finds no payment hash, parses it.
    pub fn skim(text: &str) -> Result<Self, InvalidRequest> {
        let text = normalized(text)?;
        match payment_hash(&text) {
            Some(payment_hash) => Ok(Self { text, payment_hash }),
            None => PaymentRequest::parse_normalized(text.clone())
                .map(|parsed| Self { payment_hash: parsed.payment_hash(), text }),
        }
    }

    /// The text in lower case, without a scheme.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The payment hash, if the text is an invoice.
    pub const fn payment_hash(&self) -> PaymentHash {
        self.payment_hash
    }

    /// The amount in the prefix of the text, in msat; `None` if there is none or it is out of
    /// range.
    pub fn amount_msat(&self) -> Option<i64> {
        amount_msat(&self.text)
    }

    /// Parses the text.
    pub fn parse(&self) -> Result<PaymentRequest, InvalidRequest> {
        PaymentRequest::parse_normalized(self.text.clone())
    }
}

/// The amount between the network's prefix and the separator: a number and a fraction of a bitcoin
/// (BOLT 11).
fn amount_msat(text: &str) -> Option<i64> {
    let (readable, _) = text.rsplit_once('1')?;
    let (_, amount) = readable.split_at_checked(readable.find(|character: char| character.is_ascii_digit())?)?;
    let digits = amount.trim_end_matches(['m', 'u', 'n', 'p']);
    let number: i64 = digits.parse().ok()?;
    match amount.strip_prefix(digits)? {
        "" => number.checked_mul(100_000_000_000),
        "m" => number.checked_mul(100_000_000),
        "u" => number.checked_mul(100_000),
        "n" => number.checked_mul(100),
        "p" => (number % 10 == 0).then_some(number / 10),
        _ => None,
    }
}

fn payment_hash(text: &str) -> Option<PaymentHash> {
    let (_, data) = text.rsplit_once('1')?;
    let fields_end = data.len().checked_sub(SIGNATURE_CHARS)?;
    let mut fields = data.as_bytes().get(TIMESTAMP_CHARS..fields_end)?;
    loop {
        let (&[kind, high, low], rest) = fields.split_first_chunk()?;
        let length = usize::from(value(high)?) * CHARSET.len() + usize::from(value(low)?);
        let (field, rest) = rest.split_at_checked(length)?;
        if value(kind)? == PAYMENT_HASH_TYPE && length == PAYMENT_HASH_CHARS {
            return hash_of(field);
        }
        fields = rest;
    }
}

/// Decodes characters of five bits each to bytes; the remainder at the end is padding.
fn hash_of(field: &[u8]) -> Option<PaymentHash> {
    let mut hash = [0; 32];
    let mut bytes = hash.iter_mut();
    let (mut bits, mut count) = (0_u16, 0);
    for character in field {
        bits = bits << 5 | u16::from(value(*character)?);
        count += 5;
        if count >= 8 {
            count -= 8;
            let [_, byte] = (bits >> count).to_be_bytes();
            *bytes.next()? = byte;
        }
    }
    bytes.next().is_none().then(|| PaymentHash::new(hash))
}

fn value(character: u8) -> Option<u8> {
    CHARSET.iter().position(|c| *c == character).and_then(|position| u8::try_from(position).ok())
}
