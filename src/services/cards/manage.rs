//! What a wallet's keys do with its cards.

use super::{Card, CardRecord, OTP_S, Whose, whose};
use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::card::deterministic::IssuerKey;
use crate::domain::card::limits::CardLimits;
use crate::domain::card::secrets::{CardSecrets, KeySet};
use crate::domain::card::sun::SunCounter;
use crate::domain::card::tokens::Otp;
use crate::domain::card::{CardKey, CardUid};
use crate::domain::idempotency::Claim;
use crate::domain::ids::{CardId, UserId};
use crate::domain::text::Name;
use crate::services::callers::{AdminKey, Caller, WalletKey};
use crate::services::idempotency::{Created, once};
use crate::services::{Error, Missing, Services, Taken};
use crate::store::cards::counters::{self, Identity};
use crate::store::{Db, StoreError, cards, users};

/// What a new card is to be.
#[derive(Clone, Debug)]
pub struct CardTerms {
    /// Its name.
    pub name: Name,
    /// Its unique id.
    pub uid: CardUid,
    /// Everything else, each where it is said.
    pub more: CardChange,
}

/// What to change of a card: what is not named stays as it is.
#[derive(Clone, Debug, Default)]
pub struct CardChange {
    /// Its name.
    pub name: Option<Name>,
    /// Its unique id.
    pub uid: Option<CardUid>,
    /// The counter of the last tap that counts as used.
    pub counter: Option<SunCounter>,
    /// What it spends at once, in sat.
    pub transaction_sat: Option<i64>,
    /// What it spends in one day, in sat.
    pub daily_sat: Option<i64>,
    /// Whether it pays.
    pub is_enabled: Option<bool>,
    /// `k0` to `k2`.
    pub keys: [Option<CardKey>; 3],
    /// `k0` to `k2` before.
    pub previous: [Option<CardKey>; 3],
    /// From what `k0` to `k2` follow, in place of naming them.
    pub issuer: Option<Issuer>,
}

/// From what the keys of a card follow. It is used once, and not kept.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// The key of the issuer of cards.
    pub key: IssuerKey,
    /// Which keys of the card: with every new version it has new ones.
    pub version: u32,
}

impl CardChange {
    /// The limits, where they are named, or else as they were.
    fn limits(&self, before: CardLimits) -> Result<CardLimits, StoreError> {
        let transaction = self.transaction_sat.unwrap_or(before.transaction_sat());
        let limits = CardLimits::from_sat(transaction, self.daily_sat.unwrap_or(before.daily_sat()));
        limits.map_err(|error| StoreError::Fault(format!("the limit of a card {error}")))
    }

    /// The secrets, as far as they are named, or else as they were.
    fn secrets(&self, uid: CardUid, before: CardSecrets) -> CardSecrets {
        let keys = match &self.issuer {
            Some(Issuer { key, version }) => key.card_keys(uid, *version),
            None => named(&self.keys, before.keys),
        };
        CardSecrets { keys, previous: named(&self.previous, before.previous), ..before }
    }

    /// The card after the change, with its secrets, as far as the change tells.
    fn apply(self, sealer: &Sealer, before: Card) -> Result<CardRecord, StoreError> {
        let secrets_before = CardSecrets::unseal(sealer, before.id, &before.secrets)?;
        let uid = self.uid.unwrap_or(before.uid);
        let secrets = self.secrets(uid, secrets_before);
        let card = Card {
            uid,
            counter: self.counter.unwrap_or(before.counter),
            limits: self.limits(before.limits)?,
            is_enabled: self.is_enabled.unwrap_or(before.is_enabled),
            name: self.name.map_or(before.name, Name::into_inner),
            secrets: secrets.seal(sealer, before.id),
            ..before
        };
        Ok(CardRecord { card, secrets: Some(secrets) })
    }
}

/// What taps of a card prove.
fn identity(sealer: &Sealer, card: &Card, secrets: &CardSecrets) -> Identity {
    Identity { user: card.user, uid: card.uid, keys_digest: secrets.keys.reading_digest(sealer) }
}

/// A card as it is after a change, counting from where none of its taps is accepted again.
fn counted_on(
    connection: &mut Db,
    sealer: &Sealer,
    CardRecord { card, secrets }: CardRecord,
) -> Result<CardRecord, StoreError> {
    let Some(secrets) = secrets else { return Ok(CardRecord { card, secrets }) };
    let accepted = counters::last(connection, &identity(sealer, &card, &secrets))?;
    Ok(CardRecord { card: Card { counter: card.counter.max(accepted), ..card }, secrets: Some(secrets) })
}

/// Keeps how far a card has counted as it is.
fn keep_counter(connection: &mut Db, sealer: &Sealer, card: &Card) -> Result<(), StoreError> {
    let secrets = CardSecrets::unseal(sealer, card.id, &card.secrets)?;
    counters::keep(connection, &identity(sealer, card, &secrets), card.counter)
}

/// Deletes the card of a deleted wallet that has a unique id which another card is to have.
fn free_uid(connection: &mut Db, sealer: &Sealer, user: UserId, uid: CardUid) -> Result<(), StoreError> {
    let Some(card) = cards::of_closed_wallet(connection, user, uid)? else { return Ok(()) };
    keep_counter(connection, sealer, &card)?;
    cards::delete(connection, card.id)
}

fn named([k0, k1, k2]: &[Option<CardKey>; 3], before: KeySet) -> KeySet {
    let or = |key: &Option<CardKey>, before| key.clone().unwrap_or(before);
    KeySet { k0: or(k0, before.k0), k1: or(k1, before.k1), k2: or(k2, before.k2) }
}

/// Creates a card of the key's wallet, once for each claim, and answers it as it is shown. Keys
/// that are not named are random ones; without limits it spends nothing.
pub async fn create(
    services: &Services,
    caller: AdminKey,
    claim: Option<Claim>,
    terms: CardTerms,
    show: impl FnOnce(CardRecord) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
) -> Result<Created<Vec<u8>>, Error> {
    let sealer = services.sealer.clone();
    let create = move |connection: &mut Db| {
        let CardTerms { name, uid, more } = terms;
        let (id, now, otp) = (CardId::random(), clock::now(), Otp::generate());
        let secrets = CardSecrets { keys: KeySet::generate(), previous: KeySet::factory(), otp };
        let blank = Card {
            id,
            public_id: id.to_string(),
            wallet: caller.wallet(),
            user: caller.user(),
            name: name.into_inner(),
            uid,
            external_id: CardId::random().to_string(),
            counter: SunCounter::ZERO,
            limits: CardLimits::NOTHING,
            is_enabled: true,
            secrets: secrets.seal(&sealer, id),
            otp_expires_at: Some(now.plus_seconds(OTP_S)),
            created_at: now,
        };
        users::lock_caller(connection, caller.user())?;
        free_uid(connection, &sealer, caller.user(), uid)?;
        let record = counted_on(connection, &sealer, more.apply(&sealer, blank)?)?;
        cards::create(connection, &record.card, secrets.otp.digest())?;
        show(record)
    };
    once(services, caller, claim, create, Error::of_change(Taken::CardUid, Missing::Card)).await
}

/// The cards of a key's wallet, or of all wallets of its user, oldest first. Secrets are there for
/// the admin key of a card's own wallet. As `show` makes them.
pub async fn list<T: Send + 'static>(
    services: &Services,
    key: WalletKey,
    all_wallets: bool,
    show: impl FnOnce(Vec<CardRecord>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let sealer = services.sealer.clone();
    let list = move |connection: &mut Db| {
        key.recheck(connection)?;
        let whose: Whose = whose(key, all_wallets);
        let record = |card: Card| {
            let may_see = key.sees_admin_keys() && card.wallet == key.wallet();
            if may_see { CardRecord::revealed(&sealer, card) } else { Ok(CardRecord { card, secrets: None }) }
        };
        show(cards::list(connection, whose)?.into_iter().map(record).collect::<Result<_, _>>()?)
    };
    Ok(services.store.read_list(key.consumer(), list).await?)
}

/// Changes a card of the key's wallet.
pub async fn update(
    services: &Services,
    caller: AdminKey,
    card: String,
    change: CardChange,
) -> Result<CardRecord, Error> {
    let sealer = services.sealer.clone();
    let changed = services.write_as(caller, move |connection| {
        let before = cards::lock(connection, caller.wallet(), &card, change.uid)?;
        if let Some(uid) = change.uid {
            free_uid(connection, &sealer, before.user, uid)?;
        }
        keep_counter(connection, &sealer, &before)?;
        let record = counted_on(connection, &sealer, change.apply(&sealer, before)?)?;
        cards::update(connection, &record.card)?;
        Ok(record)
    });
    changed.await.map_err(Error::of_change(Taken::CardUid, Missing::Card))
}

/// Switches a card of the key's wallet on or off.
pub async fn set_enabled(
    services: &Services,
    caller: AdminKey,
    card: String,
    is_enabled: bool,
) -> Result<CardRecord, Error> {
    update(services, caller, card, CardChange { is_enabled: Some(is_enabled), ..CardChange::default() }).await
}

/// Deletes a card of the key's wallet, with what is known of its taps.
pub async fn delete(services: &Services, caller: AdminKey, card: String) -> Result<(), Error> {
    let sealer = services.sealer.clone();
    let deleted = services.write_as(caller, move |connection| {
        let card = cards::lock(connection, caller.wallet(), &card, None)?;
        keep_counter(connection, &sealer, &card)?;
        cards::delete(connection, card.id)
    });
    deleted.await.map_err(Error::of(Missing::Card))
}
