//! Programming a card: an app fetches its keys with a code that its owner hands over, once.

use super::{Card, CardRecord, OTP_S};
use crate::clock;
use crate::domain::card::CardUid;
use crate::domain::card::secrets::CardSecrets;
use crate::domain::card::tokens::Otp;
use crate::services::callers::AdminKey;
use crate::services::{Error, Missing, Services};
use crate::store::cards;

/// What an app that programs or wipes a card is given.
#[derive(Debug)]
pub struct Programming {
    /// The card.
    pub card: Card,
    /// Its secrets.
    pub secrets: CardSecrets,
}

/// Gives a card of the key's wallet a new code; the one before is good for nothing any more.
pub async fn renew_otp(services: &Services, caller: AdminKey, card: String) -> Result<CardRecord, Error> {
    let sealer = services.sealer.clone();
    let renewed = services.write_as(caller, move |connection| {
        let before = cards::lock(connection, caller.wallet(), &card, None)?;
        let otp = Otp::generate();
        let secrets = CardSecrets { otp, ..CardSecrets::unseal(&sealer, before.id, &before.secrets)? };
        let otp_expires_at = Some(clock::now().plus_seconds(OTP_S));
        let card = Card { secrets: secrets.seal(&sealer, before.id), otp_expires_at, ..before };
        cards::replace_otp(connection, &card, secrets.otp.digest())?;
        Ok(CardRecord { card, secrets: Some(secrets) })
    });
    renewed.await.map_err(Error::of(Missing::Card))
}

/// The keys of the card that a code is for; the code is used up with that. Where the app says
/// which card it has before it, it must be that one: otherwise the code stays.
pub async fn take_keys(services: &Services, otp: Otp, uid: Option<CardUid>) -> Result<Programming, Error> {
    let sealer = services.sealer.clone();
    // Whoever guesses codes writes nothing.
    let digest = otp.digest();
    let shown = services.store.read(move |connection| cards::by_otp(connection, digest, clock::now())).await;
    let consumer = shown.map_err(Error::of(Missing::CardToProgram))?.consumer;
    let taken = services.store.write(consumer, move |connection| {
        let card = cards::take_by_otp(connection, digest, clock::now())?;
        if uid.is_some_and(|uid| uid != card.uid) {
            return Err(crate::store::StoreError::NotFound);
        }
        let secrets = CardSecrets::unseal(&sealer, card.id, &card.secrets)?;
        Ok(Programming { card, secrets })
    });
    taken.await.map_err(Error::of(Missing::CardToProgram))
}
