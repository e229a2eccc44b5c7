//! What a withdraw link is opened with: LUD-03 calls it `k1`. It proves itself, so that opening a link
//! writes nothing, however often anybody does it.

use std::str::FromStr;

use bitcoin_hashes::hex::{DisplayHex, FromHex};
use subtle::ConstantTimeEq;

use crate::crypto::random;
use crate::crypto::secret::Sealer;
use crate::domain::ids::{WithdrawLinkId, WithdrawalId};
use crate::domain::time::UnixMs;

/// How long a link that was opened can be withdrawn from, in seconds.
pub const OPEN_S: i64 = 60;
/// Bytes of the time, in ms: enough until the year 10889.
const TIME_BYTES: usize = 6;
/// Bytes of the proof.
const PROOF_BYTES: usize = 16;

/// What a link was opened with. By its first half the withdrawal is known that it is good for: until
/// when, and random bits; the second half is the proof that this server has made it, for this link and
/// for this use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenToken {
    withdrawal: WithdrawalId,
    proof: [u8; PROOF_BYTES],
}

/// The text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be the k1 of a link that was opened")]
pub struct InvalidToken;

/// What is opened: a link, or one use of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The link.
    pub link: WithdrawLinkId,
    /// The number of the use, where each has a link of its own.
    pub number: Option<u32>,
}

impl Opened {
    fn proof(self, sealer: &Sealer, withdrawal: WithdrawalId) -> [u8; PROOF_BYTES] {
        let number = self.number.map(u32::to_be_bytes);
        let number = number.as_ref().map_or(&[][..], |bytes| bytes.as_slice());
        let digest = sealer.digest(&[b"withdraw-k1", self.link.as_bytes(), number, withdrawal.as_bytes()]);
        let mut proof = [0; PROOF_BYTES];
        for (place, byte) in proof.iter_mut().zip(digest) {
            *place = byte;
        }
        proof
    }
}

impl OpenToken {
    /// A new one, good for [`OPEN_S`] from now on.
    pub fn new(sealer: &Sealer, opened: Opened, now: UnixMs) -> Self {
        let mut id: [u8; WithdrawalId::LEN] = random::bytes();
        let [_, _, time @ ..] = now.plus_seconds(OPEN_S).get().to_be_bytes();
        for (place, byte) in id.iter_mut().zip(time) {
            *place = byte;
        }
        let withdrawal = WithdrawalId::new(id);
        Self { withdrawal, proof: opened.proof(sealer, withdrawal) }
    }

    /// The withdrawal that it is good for, where this server has made it for what is opened.
    pub fn verify(&self, sealer: &Sealer, opened: Opened) -> Result<WithdrawalId, InvalidToken> {
        let proof = opened.proof(sealer, self.withdrawal);
        if bool::from(proof.ct_eq(&self.proof)) { Ok(self.withdrawal) } else { Err(InvalidToken) }
    }

    /// The token as hex characters, for who has opened the link.
    pub fn reveal(&self) -> String {
        [self.withdrawal.as_bytes().as_slice(), &self.proof].concat().to_lower_hex_string()
    }
}

impl WithdrawalId {
    /// From when on it can no longer happen.
    pub fn expires_at(self) -> UnixMs {
        let mut ms = [0; 8];
        for (place, byte) in ms.iter_mut().skip(2).zip(self.as_bytes().iter().take(TIME_BYTES)) {
            *place = *byte;
        }
        UnixMs::new(i64::from_be_bytes(ms))
    }
}

/// Hex in any case.
impl FromStr for OpenToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let bytes = <[u8; WithdrawalId::LEN + PROOF_BYTES]>::from_hex(text).or(Err(InvalidToken))?;
        let (id, proof) = bytes.split_first_chunk().ok_or(InvalidToken)?;
        Ok(Self { withdrawal: WithdrawalId::new(*id), proof: proof.try_into().or(Err(InvalidToken))? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::MasterKey;

    #[test]
    fn a_token_is_good_for_what_it_was_made_for() {
        let sealer = Sealer::new(&MasterKey::generate());
        let (link, now) = (WithdrawLinkId::random(), UnixMs::new(1_764_000_000_123));
        let opened = [None, Some(0), Some(1)].map(|number| Opened { link, number });
        let token = OpenToken::new(&sealer, opened[1], now);
        let read: OpenToken = token.reveal().to_uppercase().parse().unwrap();
        let withdrawal = read.verify(&sealer, opened[1]).unwrap();
        assert_eq!((read, withdrawal.expires_at()), (token, now.plus_seconds(60)));
        assert_ne!(OpenToken::new(&sealer, opened[1], now), token);
        for other in [opened[0], opened[2], Opened { link: WithdrawLinkId::random(), ..opened[1] }] {
            assert_eq!(token.verify(&sealer, other), Err(InvalidToken));
        }
        assert!(token.verify(&Sealer::new(&MasterKey::generate()), opened[1]).is_err());
        // Nobody makes it good for longer.
        let mut later = token;
        later.withdrawal = OpenToken::new(&sealer, opened[1], now.plus_seconds(1)).withdrawal;
        assert_eq!(later.verify(&sealer, opened[1]), Err(InvalidToken));
        for wrong in ["", "00", &"0".repeat(63), &"g".repeat(64), &"0".repeat(66)] {
            assert_eq!(wrong.parse::<OpenToken>(), Err(InvalidToken), "{wrong}");
        }
    }
}
