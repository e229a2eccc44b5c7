//! The node: the key that signs our invoices, and issuing them.

use std::fmt;
use std::time::Duration;

use bitcoin_hashes::hex::{DisplayHex, FromHex};
use bitcoin_hashes::{Hash, sha256};
use lightning_invoice::{CreationError, Currency, InvoiceBuilder, PaymentSecret};
use secp256k1::{PublicKey, Secp256k1, SecretKey, SignOnly};
use zeroize::Zeroizing;

use super::ids::{InvoiceId, PaymentHash};
use super::money::Amount;
use super::text::{InvalidText, Memo};
use super::time::UnixMs;
use crate::crypto::random;
use crate::crypto::secret::{MasterKey, Purpose, Sealed, Sealer, UnsealError};

/// The number of blocks that the last hop must leave us (BOLT 11, field `c`); the default of BOLT
/// 11.
const MIN_FINAL_CLTV_EXPIRY_DELTA: u64 = 18;

/// The Bitcoin network that invoices are issued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The main network; invoices begin with `lnbc`.
    Bitcoin,
    /// `lntb`.
    Testnet,
    /// `lntbs`.
    Signet,
    /// `lnbcrt`.
    Regtest,
}

impl Network {
    /// The network with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "bitcoin" => Some(Self::Bitcoin),
            "testnet" => Some(Self::Testnet),
            "signet" => Some(Self::Signet),
            "regtest" => Some(Self::Regtest),
            _ => None,
        }
    }

    /// What stands behind `ln` in invoices.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Bitcoin => "bc",
            Self::Testnet => "tb",
            Self::Signet => "tbs",
            Self::Regtest => "bcrt",
        }
    }

    const fn currency(self) -> Currency {
        match self {
            Self::Bitcoin => Currency::Bitcoin,
            Self::Testnet => Currency::BitcoinTestnet,
            Self::Signet => Currency::Signet,
            Self::Regtest => Currency::Regtest,
        }
    }
}

/// A secret whose SHA-256 is the payment hash: knowing it proves the payment. Wiped when dropped,
/// never shown by `Debug`.
#[derive(Clone)]
pub struct Preimage(Zeroizing<[u8; 32]>);

impl Preimage {
    /// A new secret.
    pub fn generate() -> Self {
        Self(random::secret_bytes())
    }

    /// From the hex characters that a client gives.
    pub fn from_client(text: &str) -> Result<Self, InvalidText> {
        let bytes = <[u8; 32]>::from_hex(text).or(Err(InvalidText::Form("64 hex characters")))?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The payment hash.
    pub fn payment_hash(&self) -> PaymentHash {
        PaymentHash::new(sha256::Hash::hash(self.0.as_slice()).to_byte_array())
    }

    /// The preimage in hex, for the payer and the payee of a settled payment.
    pub fn reveal(&self) -> String {
        self.0.to_lower_hex_string()
    }

    /// Encrypts the preimage for storage, bound to its invoice.
    pub fn seal(&self, sealer: &Sealer, invoice: InvoiceId) -> Sealed {
        sealer.seal(Purpose::Preimage, invoice.as_bytes(), self.0.as_slice())
    }

    /// Decrypts what [`Preimage::seal`] made.
    pub fn unseal(sealer: &Sealer, invoice: InvoiceId, sealed: &Sealed) -> Result<Self, UnsealError> {
        let plain = sealer.unseal(Purpose::Preimage, invoice.as_bytes(), sealed.as_bytes())?;
        <[u8; 32]>::try_from(plain.as_slice()).map(|bytes| Self(Zeroizing::new(bytes))).or(Err(UnsealError))
    }
}

impl fmt::Debug for Preimage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Preimage(…)")
    }
}

/// An invoice's description (BOLT 11, fields `d` and `h`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Description {
    /// In words.
    Words(Memo),
    /// The SHA-256 of a description that is given elsewhere.
    Hash([u8; 32]),
}

impl Description {
    /// The hash of these words.
    pub fn hash_of(words: &[u8]) -> Self {
        Self::Hash(sha256::Hash::hash(words).to_byte_array())
    }

    /// From the hash, or otherwise the hash of the words, whichever a client gives, in hex; `None`
    /// if it gives neither.
    pub fn from_hex(hash: Option<&str>, words: Option<&str>) -> Result<Option<Self>, InvalidText> {
        if let Some(hash) = hash {
            let hash = <[u8; 32]>::from_hex(hash).or(Err(InvalidText::Form("64 hex characters")))?;
            return Ok(Some(Self::Hash(hash)));
        }
        let Some(words) = words else { return Ok(None) };
        let words =
            Vec::<u8>::from_hex(words).or(Err(InvalidText::Form("absent, and unhashed_description hex characters")))?;
        Ok(Some(Self::hash_of(&words)))
    }
}

/// Why an invoice could not be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// BOLT 11 cannot express the amount.
    #[error("the amount does not fit into an invoice")]
    Amount,
    /// Another field does not fit.
    #[error("the invoice cannot be made: {0}")]
    Creation(CreationError),
}

/// Issues and signs invoices.
pub struct Node {
    secret: SecretKey,
    secp: Secp256k1<SignOnly>,
    network: Network,
}

impl Node {
    /// The node whose key is derived from the master key.
    ///
    /// # Panics
    ///
    /// For about one master key in 2^128, from which no valid secp256k1 key can be derived.
    pub fn new(master: &MasterKey, network: Network) -> Self {
        let secret = SecretKey::from_slice(master.derive("satkeep/node").as_slice())
            .expect("a random 256-bit number is a valid key but for a chance of one in 2^128");
        Self { secret, secp: Secp256k1::signing_only(), network }
    }

    /// The network that its invoices are for.
    pub const fn network(&self) -> Network {
        self.network
    }

    /// The public key that the signatures of this node's invoices are checked with, in hex.
    pub fn public_key(&self) -> String {
        PublicKey::from_secret_key(&self.secp, &self.secret).to_string()
    }

    /// Issues an invoice with the features `var_onion` and `payment_secret` required, signed by
    /// this node. `expiry_s` is in seconds from `now`.
    pub fn issue(
        &self,
        payment_hash: PaymentHash,
        amount: Amount,
        description: Description,
        expiry_s: u32,
        now: UnixMs,
    ) -> Result<String, IssueError> {
        let amount_msat = u64::try_from(amount.msat()).or(Err(IssueError::Amount))?;
        let issued_s = u64::try_from(now.seconds()).unwrap_or_default();
        let description = match description {
            Description::Words(memo) => lightning_invoice::Bolt11InvoiceDescription::Direct(
                lightning_invoice::Description::new(memo.into_inner()).map_err(IssueError::Creation)?,
            ),
            Description::Hash(hash) => lightning_invoice::Bolt11InvoiceDescription::Hash(lightning_invoice::Sha256(
                sha256::Hash::from_byte_array(hash),
            )),
        };
        InvoiceBuilder::new(self.network.currency())
            .invoice_description(description)
            .amount_milli_satoshis(amount_msat)
            .payment_hash(sha256::Hash::from_byte_array(*payment_hash.as_bytes()))
            .payment_secret(PaymentSecret(random::bytes()))
            .duration_since_epoch(Duration::from_secs(issued_s))
            .expiry_time(Duration::from_secs(expiry_s.into()))
            .min_final_cltv_expiry_delta(MIN_FINAL_CLTV_EXPIRY_DELTA)
            .build_signed(|digest| self.secp.sign_ecdsa_recoverable(digest, &self.secret))
            .map(|invoice| invoice.to_string())
            .map_err(IssueError::Creation)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("network", &self.network).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_given_by_its_hash_or_by_what_is_hashed() {
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let abc = Some(Description::hash_of(b"abc"));
        assert_eq!(Description::from_hex(Some(hash), None), Ok(abc.clone()));
        assert_eq!(Description::from_hex(Some(&hash.to_uppercase()), None), Ok(abc.clone()));
        assert_eq!(Description::from_hex(None, Some("616263")), Ok(abc.clone()));
        assert_eq!(Description::from_hex(Some(hash), Some("00")), Ok(abc), "the hash is what counts");
        assert_eq!(Description::from_hex(None, Some("")), Ok(Some(Description::hash_of(b""))));
        assert_eq!(Description::from_hex(None, None), Ok(None));
        for (hash, words) in [(Some("ab"), None), (Some("abc"), Some("00")), (None, Some("abc")), (None, Some("xy"))] {
            assert!(Description::from_hex(hash, words).is_err(), "{hash:?} {words:?}");
        }
    }
}
