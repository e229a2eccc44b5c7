//! What only a card's owner and whoever programs it may know: its keys, those before, and the code
//! with which they are fetched.

use zeroize::Zeroizing;

use super::key::{BLOCK_BYTES, CardKey, InvalidCardBytes};
use super::tokens::Otp;
use crate::crypto::random;
use crate::crypto::secret::{Purpose, Sealed, Sealer, UnsealError};
use crate::domain::ids::CardId;

/// The three keys of a card that are in use.
#[derive(Clone, Debug)]
pub struct KeySet {
    /// Changes the others.
    pub k0: CardKey,
    /// Encrypts `p`.
    pub k1: CardKey,
    /// Proves `c`.
    pub k2: CardKey,
}

impl KeySet {
    /// New random keys.
    pub fn generate() -> Self {
        let [k0, k1, k2] = [random::secret_bytes(), random::secret_bytes(), random::secret_bytes()].map(CardKey::new);
        Self { k0, k1, k2 }
    }

    /// Those of a card that nobody has programmed yet.
    pub fn factory() -> Self {
        let [k0, k1, k2] = [CardKey::factory(), CardKey::factory(), CardKey::factory()];
        Self { k0, k1, k2 }
    }

    /// What tells keys apart under which taps prove different things, and does not tell the keys.
    pub fn reading_digest(&self, sealer: &Sealer) -> [u8; 32] {
        sealer.digest(&[b"card-keys", self.k1.as_bytes(), self.k2.as_bytes()])
    }

    const fn all(&self) -> [&CardKey; 3] {
        [&self.k0, &self.k1, &self.k2]
    }
}

/// All that is secret about a card.
#[derive(Clone, Debug)]
pub struct CardSecrets {
    /// The keys.
    pub keys: KeySet,
    /// The keys before, which a card still has that is to be programmed anew.
    pub previous: KeySet,
    /// With which the keys are fetched. Whether it still holds, it does not tell.
    pub otp: Otp,
}

impl CardSecrets {
    /// As the database keeps them: bound to their card.
    pub fn seal(&self, sealer: &Sealer, card: CardId) -> Sealed {
        let keys = self.keys.all().into_iter().chain(self.previous.all()).map(CardKey::as_bytes);
        let mut plain = Zeroizing::new(Vec::with_capacity(7 * BLOCK_BYTES));
        for bytes in keys.chain([self.otp.as_bytes()]) {
            plain.extend_from_slice(bytes);
        }
        sealer.seal(Purpose::CardKeys, card.as_bytes(), &plain)
    }

    /// Out of what [`CardSecrets::seal`] made.
    pub fn unseal(sealer: &Sealer, card: CardId, sealed: &Sealed) -> Result<Self, UnsealError> {
        let plain = sealer.unseal(Purpose::CardKeys, card.as_bytes(), sealed.as_bytes())?;
        let mut blocks = plain.chunks(BLOCK_BYTES);
        let mut block = || blocks.next().ok_or(UnsealError);
        let mut key =
            || block().and_then(|bytes| CardKey::from_slice(bytes).map_err(|InvalidCardBytes { .. }| UnsealError));
        let keys = KeySet { k0: key()?, k1: key()?, k2: key()? };
        let previous = KeySet { k0: key()?, k1: key()?, k2: key()? };
        let otp = Otp::from_slice(block()?).ok_or(UnsealError)?;
        if blocks.next().is_some() { Err(UnsealError) } else { Ok(Self { keys, previous, otp }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::MasterKey;

    #[test]
    fn what_is_sealed_opens_for_its_card_alone() {
        let sealer = Sealer::new(&MasterKey::generate());
        let secrets = CardSecrets { keys: KeySet::generate(), previous: KeySet::factory(), otp: Otp::generate() };
        let (card, other) = (CardId::random(), CardId::random());
        let sealed = secrets.seal(&sealer, card);
        let opened = CardSecrets::unseal(&sealer, card, &sealed).unwrap();
        for (a, b) in [(&secrets.keys, &opened.keys), (&secrets.previous, &opened.previous)] {
            assert!(a.all().iter().zip(b.all()).all(|(a, b)| a.as_bytes() == b.as_bytes()));
        }
        assert_eq!(*secrets.otp.reveal(), *opened.otp.reveal());
        assert!(CardSecrets::unseal(&sealer, other, &sealed).is_err());
        for length in [0, 16, 96, 111, 113, 128] {
            let wrong = sealer.seal(Purpose::CardKeys, card.as_bytes(), &vec![1; length]);
            assert!(CardSecrets::unseal(&sealer, card, &wrong).is_err(), "{length}");
        }
        let digest = |keys: &KeySet| keys.reading_digest(&sealer);
        assert_eq!(digest(&secrets.keys), digest(&opened.keys));
        let KeySet { k1, .. } = KeySet::generate();
        for other in [secrets.previous.clone(), KeySet { k1, ..secrets.keys.clone() }] {
            assert_ne!(digest(&secrets.keys), digest(&other));
        }
        assert!(!format!("{secrets:?}").contains(secrets.otp.reveal().as_str()));
    }
}
