//! Taps: a card is shown to a till or a wallet, and proves that it was there.

use super::{CardError, HIT_S, pay, payer, whose};
use crate::clock;
use crate::domain::card::secrets::CardSecrets;
use crate::domain::card::sun::{SunCounter, SunError, SunMessage, Tap};
use crate::domain::card::tokens::WithdrawToken;
use crate::domain::ids::{CardId, HitId};
use crate::domain::money::Amount;
use crate::domain::skim::SkimmedRequest;
use crate::services::callers::{Caller, WalletKey};
use crate::services::{Error, Services};
use crate::store::cards::ShownCard;
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

/// What becomes of a tap that is not paid with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpaid {
    /// It is used up: whoever was shown it shall not come back with it on a better day.
    UsedUp,
    /// It was not there: a till has it and no other, and tries again.
    Forgotten,
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
    card: CardId,
    counter: SunCounter,
    counter_before: SunCounter,
}

/// Accepts a tap, once: with it may be paid, once and for a short while.
pub async fn scan(services: &Services, shown: Shown, unpaid: Unpaid) -> Result<Offer, CardError> {
    let message = SunMessage::parse(&shown.p, &shown.c)?;
    let external_id = shown.external_id.clone();
    let found = services.store.read(move |connection| cards::shown(connection, &external_id)).await;
    let ShownCard { card, consumer } = found.map_err(of_card)?;
    let secrets = CardSecrets::unseal(&services.sealer, card.id, &card.secrets).map_err(StoreError::from)?;
    let tap = message.verify(&secrets.keys.k1, &secrets.keys.k2)?;
    // For most of those who show it again, without a lock.
    tap.check(card.uid, card.counter)?;
    let id = card.id;
    let accept = move |connection: &mut Db| accept(connection, id, tap, &shown, unpaid);
    services.store.write(consumer, accept).await.map_err(of_card)?
}

/// Moves the card's counter on, and keeps the tap where anything may be paid with it.
fn accept(
    connection: &mut Db,
    card: CardId,
    tap: Tap,
    shown: &Shown,
    unpaid: Unpaid,
) -> Result<Result<Offer, CardError>, StoreError> {
    let state = cards::lock_for_tap(connection, card)?;
    if let Err(refused) = tap.check(tap.uid, state.counter) {
        return Ok(Err(refused.into()));
    }
    let now = clock::now();
    let max = match state.limits.withdrawable(state.spent.today(now).total) {
        _ if !state.is_enabled => Err(CardError::CardDisabled),
        max => max.map_err(CardError::from),
    };
    let is_used = max.is_ok() || unpaid == Unpaid::UsedUp;
    if is_used && !cards::move_counter(connection, card, state.counter, tap.counter)? {
        return Ok(Err(SunError::AlreadyUsed.into()));
    }
    let max = match max {
        Ok(max) => max,
        Err(refused) => return Ok(Err(refused)),
    };
    let token = WithdrawToken::generate();
    let hit = NewHit {
        id: token.hit(),
        card,
        ip: shown.ip.clone(),
        useragent: shown.useragent.clone(),
        old_counter: state.counter.get().into(),
        new_counter: tap.counter.get().into(),
        created_at: now,
        expires_at: now.plus_seconds(HIT_S),
    };
    hits::insert(connection, &hit)?;
    let (counter, counter_before) = (tap.counter, state.counter);
    Ok(Ok(Offer { hit: hit.id, token, max, card, counter, counter_before }))
}

/// Pays with a tap that only the caller was shown. Where it is refused, the tap is as before.
pub async fn scan_and_pay(services: &Services, shown: Shown, request: SkimmedRequest) -> Result<(), CardError> {
    let offer = scan(services, shown, Unpaid::Forgotten).await?;
    let payer = payer(services, offer.hit, &offer.token).await?;
    let paid = pay(services, payer, request).await;
    if let Err(refused) = &paid
        && refused.is_final()
    {
        let Offer { hit, card, counter, counter_before, .. } = offer;
        let forgotten = services.store.write_in_background(move |connection| {
            hits::lock_unspent(connection, card, hit)?;
            cards::move_counter(connection, card, counter, counter_before)?;
            hits::delete(connection, hit)
        });
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "a tap that nothing was paid with is used up");
        }
    }
    paid
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
