//! Taps: a card is shown to a till or a wallet, and proves that it was there.

use super::{CardError, HIT_S, whose};
use crate::clock;
use crate::domain::card::secrets::CardSecrets;
use crate::domain::card::sun::{SunError, SunMessage, Tap};
use crate::domain::card::tokens::WithdrawToken;
use crate::domain::ids::{CardId, HitId};
use crate::domain::money::Amount;
use crate::services::callers::{Caller, WalletKey};
use crate::services::{Error, Services};
use crate::store::cards::hits::{self, Hit, NewHit};
use crate::store::{Db, StoreError, cards};

/// What somebody shows who was shown a card.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What stands in the card's URL.
    pub external_id: String,
    /// What the card has put there: its unique id and counter, encrypted.
    pub p: String,
    /// And the proof of it.
    pub c: String,
    /// From where it is shown.
    pub ip: String,
    /// By what it is shown.
    pub useragent: String,
}

/// What may be paid with a tap.
#[derive(Debug)]
pub struct Offer {
    /// What it is paid with.
    pub token: WithdrawToken,
    /// What it is known by.
    pub hit: HitId,
    /// The most. It promises nothing: what is decided is decided when it is paid.
    pub max: Amount,
}

/// Accepts a tap, once: with it may be paid, once and for a short while.
pub async fn scan(services: &Services, shown: Shown) -> Result<Offer, CardError> {
    let message = SunMessage::parse(&shown.p, &shown.c)?;
    let external_id = shown.external_id.clone();
    let found = services.store.read(move |connection| cards::shown(connection, &external_id)).await;
    let card = found.map_err(of_card)?.card;
    let secrets = CardSecrets::unseal(&services.sealer, card.id, &card.secrets).map_err(StoreError::from)?;
    let tap = message.verify(&secrets.keys.k1, &secrets.keys.k2)?;
    // For most of those who show it again, without a lock.
    tap.check(card.uid, card.counter)?;
    let id = card.id;
    services.store.write(move |connection| accept(connection, id, tap, shown)).await.map_err(of_card)?
}

/// Moves the card's counter on, and keeps the tap where anything may be paid with it. A tap that is
/// refused is used up as well: nobody shall come back with it on a better day.
fn accept(connection: &mut Db, card: CardId, tap: Tap, shown: Shown) -> Result<Result<Offer, CardError>, StoreError> {
    let state = cards::lock_for_tap(connection, card)?;
    if let Err(refused) = tap.check(tap.uid, state.counter) {
        return Ok(Err(refused.into()));
    }
    if !cards::move_counter(connection, card, state.counter, tap.counter)? {
        return Ok(Err(SunError::AlreadyUsed.into()));
    }
    if !state.is_enabled {
        return Ok(Err(CardError::CardDisabled));
    }
    let now = clock::now();
    let max = match state.limits.withdrawable(state.spent.today(now).total) {
        Ok(max) => max,
        Err(exceeded) => return Ok(Err(exceeded.into())),
    };
    let token = WithdrawToken::generate();
    let hit = NewHit {
        id: token.hit(),
        card,
        ip: shown.ip,
        useragent: shown.useragent,
        old_counter: state.counter.get().into(),
        new_counter: tap.counter.get().into(),
        created_at: now,
        expires_at: now.plus_seconds(HIT_S),
    };
    hits::insert(connection, &hit)?;
    Ok(Ok(Offer { hit: hit.id, token, max }))
}

fn of_card(error: StoreError) -> CardError {
    if matches!(error, StoreError::NotFound) { CardError::CardNotFound } else { error.into() }
}

/// The taps of the cards of a key's wallet, or of all wallets of its user, newest first.
pub async fn hits(
    services: &Services,
    key: WalletKey,
    all_wallets: bool,
    offset: i64,
    limit: i64,
) -> Result<Vec<Hit>, Error> {
    let list = move |connection: &mut Db| {
        key.recheck(connection)?;
        hits::list(connection, whose(key, all_wallets), offset, limit)
    };
    Ok(services.store.read_list(key.consumer(), list).await?)
}
