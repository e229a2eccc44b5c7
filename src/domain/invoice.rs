//! Parsing BOLT11 invoices.
//!
//! There are three levels. [`SkimmedRequest`](super::skim::SkimmedRequest) is what paying an
//! invoice of our own needs: the invoice is looked up by its payment hash, and its whole text is
//! compared with what was issued. A [`PaymentRequest`] is parsed, but its signature is not checked.
//! A [`DecodedInvoice`] is for everything else, with the signature checked.

use bitcoin_hashes::Hash;
use bitcoin_hashes::hex::DisplayHex;
use lightning_invoice::{Bolt11Invoice, Bolt11InvoiceDescriptionRef, Currency, RouteHint, SignedRawBolt11Invoice};

use super::ids::PaymentHash;
use super::pasted::{Pasted, invoice_in};
use super::time::UnixMs;

/// The longest text that is parsed, in bytes (the limit of lightning-invoice and LND).
const REQUEST_BYTES_MAX: usize = 7089;

/// The text is not a BOLT11 invoice; says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid BOLT11 invoice: {0}")]
pub struct InvalidRequest(String);

/// A BOLT11 text from a payer: well-formed, with its signature not checked.
#[derive(Clone, Debug)]
pub struct PaymentRequest {
    text: String,
    payment_hash: PaymentHash,
    signed: SignedRawBolt11Invoice,
}

impl PaymentRequest {
    /// Parses the text.
    pub fn parse(text: &str) -> Result<Self, InvalidRequest> {
        Self::parse_normalized(normalized(text)?)
    }

    /// Parses a text returned by [`normalized`].
    pub(super) fn parse_normalized(text: String) -> Result<Self, InvalidRequest> {
        let signed: SignedRawBolt11Invoice =
            text.parse().map_err(|error: lightning_invoice::Bolt11ParseError| InvalidRequest(error.to_string()))?;
        let hash = signed.payment_hash().ok_or_else(|| InvalidRequest("it has no payment hash".to_owned()))?;
        let payment_hash = PaymentHash::new(hash.0.to_byte_array());
        Ok(Self { text, payment_hash, signed })
    }

    /// The text in lower case, without a scheme.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The payment hash.
    pub const fn payment_hash(&self) -> PaymentHash {
        self.payment_hash
    }

    /// True if the payee left the amount to the payer.
    pub fn is_amountless(&self) -> bool {
        self.signed.raw_invoice().hrp.raw_amount.is_none()
    }

    /// Checks what BOLT11 requires of a whole invoice, above all its signature.
    pub fn verify(self) -> Result<DecodedInvoice, InvalidRequest> {
        Bolt11Invoice::from_signed(self.signed)
            .map(|invoice| DecodedInvoice { invoice })
            .map_err(|error| InvalidRequest(error.to_string()))
    }
}

/// The text in lower case, without anything around it. Upper case (as in QR codes), a leading
/// `lightning:` and the invoice of a BIP21 link are accepted. If the text is recognized as
/// something else, the error says so.
pub(super) fn normalized(text: &str) -> Result<String, InvalidRequest> {
    let text = invoice_in(text);
    if text.len() > REQUEST_BYTES_MAX {
        return Err(InvalidRequest(format!("it is longer than {REQUEST_BYTES_MAX} bytes")));
    }
    if let Some(pasted) = Pasted::name(&text) {
        return Err(InvalidRequest(pasted.advice().to_owned()));
    }
    if text.chars().any(char::is_lowercase) && text.chars().any(char::is_uppercase) {
        return Err(InvalidRequest("upper and lower case are mixed".to_owned()));
    }
    Ok(text.to_lowercase())
}

/// A BOLT11 invoice of any node and network, with its signature checked.
#[derive(Clone, Debug)]
pub struct DecodedInvoice {
    invoice: Bolt11Invoice,
}

impl DecodedInvoice {
    /// SHA-256 of the preimage, in hex.
    pub fn payment_hash(&self) -> String {
        self.invoice.payment_hash().to_byte_array().to_lower_hex_string()
    }

    /// The amount in msat, if the invoice has one.
    pub fn amount_msat(&self) -> Option<u64> {
        self.invoice.amount_milli_satoshis()
    }

    /// The description, if the invoice has one.
    pub fn description(&self) -> Option<String> {
        match self.invoice.description() {
            Bolt11InvoiceDescriptionRef::Direct(text) => Some(text.as_inner().0.clone()),
            Bolt11InvoiceDescriptionRef::Hash(_) => None,
        }
    }

    /// SHA-256 of the description, in hex, if the invoice has only that.
    pub fn description_hash(&self) -> Option<String> {
        match self.invoice.description() {
            Bolt11InvoiceDescriptionRef::Direct(_) => None,
            Bolt11InvoiceDescriptionRef::Hash(hash) => Some(hash.0.to_byte_array().to_lower_hex_string()),
        }
    }

    /// The public key of the node that signed it, in hex.
    pub fn payee(&self) -> String {
        self.invoice.get_payee_pub_key().to_string()
    }

    /// When it was issued, in seconds since 1970.
    pub fn date(&self) -> u64 {
        self.invoice.duration_since_epoch().as_secs()
    }

    /// How long it can be paid, in seconds from [`DecodedInvoice::date`].
    pub fn expiry_s(&self) -> u64 {
        self.invoice.expiry_time().as_secs()
    }

    /// The time from which it can no longer be paid.
    pub fn expires_at(&self) -> UnixMs {
        let seconds = self.date().saturating_add(self.expiry_s());
        UnixMs::new(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))
    }

    /// Whether it can no longer be paid.
    pub fn has_expired_at(&self, now: UnixMs) -> bool {
        now >= self.expires_at()
    }

    /// The payment secret, in hex.
    pub fn payment_secret(&self) -> String {
        self.invoice.payment_secret().0.to_lower_hex_string()
    }

    /// The routes to the payee that the invoice proposes.
    pub fn route_hints(&self) -> Vec<RouteHint> {
        self.invoice.route_hints()
    }

    /// The number of blocks that the last hop must leave the payee.
    pub fn min_final_cltv_expiry(&self) -> u64 {
        self.invoice.min_final_cltv_expiry_delta()
    }

    /// The network's prefix in BOLT11: `bc`, `tb`, `tbs`, `bcrt` or `sb`.
    pub fn currency(&self) -> &'static str {
        match self.invoice.currency() {
            Currency::Bitcoin => "bc",
            Currency::BitcoinTestnet => "tb",
            Currency::Signet => "tbs",
            Currency::Regtest => "bcrt",
            Currency::Simnet => "sb",
        }
    }

    /// The signature with its recovery id as the last byte, in hex.
    pub fn signature(&self) -> String {
        let signed = self.invoice.clone().into_signed_raw();
        let (recovery, compact) = signed.signature().0.serialize_compact();
        let recovery = u8::try_from(recovery.to_i32()).unwrap_or_default();
        [compact.as_slice(), &[recovery]].concat().to_lower_hex_string()
    }

    /// The features that the invoice names (BOLT 9), each either `required` or `optional`.
    pub fn features(&self) -> Vec<(&'static str, &'static str)> {
        let Some(features) = self.invoice.features() else { return Vec::new() };
        let named = [
            ("var_onion_optin", features.supports_variable_length_onion(), features.requires_variable_length_onion()),
            ("payment_secret", features.supports_payment_secret(), features.requires_payment_secret()),
            ("basic_mpp", features.supports_basic_mpp(), features.requires_basic_mpp()),
            ("payment_metadata", features.supports_payment_metadata(), features.requires_payment_metadata()),
        ];
        named
            .into_iter()
            .filter(|(_, supported, _)| *supported)
            .map(|(name, _, required)| (name, if required { "required" } else { "optional" }))
            .collect()
    }
}
