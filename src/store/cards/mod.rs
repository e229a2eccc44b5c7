//! Cards, and what was done with them.

pub mod counters;
pub mod hits;

use diesel::prelude::*;

use crate::crypto::secret::Sealed;
use crate::domain::card::CardUid;
use crate::domain::card::limits::CardLimits;
use crate::domain::card::sun::SunCounter;
use crate::domain::card::tokens::OtpDigest;
use crate::domain::consumer::Consumer;
use crate::domain::controls::Spent;
use crate::domain::ids::{CardId, UserId, WalletId};
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, cards};

/// The cards of one wallet at most: all of them are shown at once.
pub const CARDS_MAX: i64 = 100;

/// A card as stored.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its id.
    pub id: CardId,
    /// What clients know it by: its id, or what it was known by elsewhere.
    pub public_id: String,
    /// The wallet that it pays from.
    pub wallet: WalletId,
    /// The wallet's user, within whose cards [`Card::uid`] is unique.
    pub user: UserId,
    /// Its name.
    pub name: String,
    /// Its unique id, which any phone reads.
    pub uid: CardUid,
    /// What stands in the URL on the card.
    pub external_id: String,
    /// Of the last tap that was accepted.
    pub counter: SunCounter,
    /// How much may be spent with it.
    pub limits: CardLimits,
    /// Whether it pays.
    pub is_enabled: bool,
    /// Its keys and its code, sealed.
    pub secrets: Sealed,
    /// Until when the code holds; `None` after it was used.
    pub otp_expires_at: Option<UnixMs>,
    /// When it was created.
    pub created_at: UnixMs,
}

/// Whose cards are asked for.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    /// Those of one wallet.
    Wallet(WalletId),
    /// Those of all wallets of a user.
    User(UserId),
}

/// A card that somebody shows, and whose share that is charged to.
#[derive(Clone, Debug)]
pub struct ShownCard {
    /// The card.
    pub card: Card,
    /// Whose share.
    pub consumer: Consumer,
}

/// What a tap is judged by, locked until the transaction ends.
#[derive(Clone, Copy, Debug)]
pub struct TapState {
    /// Of the last tap that was accepted.
    pub counter: SunCounter,
    /// Whether the card pays.
    pub is_enabled: bool,
    /// How much may be spent with it.
    pub limits: CardLimits,
    /// What was spent with it last.
    pub spent: Spent,
}

type Columns = (
    (Vec<u8>, String, Vec<u8>, Vec<u8>),
    (String, Vec<u8>, String, i64),
    (i64, i64, bool),
    (Vec<u8>, Option<i64>, i64),
);

type Selection = (
    (cards::id, cards::public_id, cards::wallet_id, cards::user_id),
    (cards::name, cards::uid, cards::external_id, cards::counter),
    (cards::tx_limit_sat, cards::daily_limit_sat, cards::enabled),
    (cards::keys_sealed, cards::otp_expires_at_ms, cards::created_at_ms),
);

const COLUMNS: Selection = (
    (cards::id, cards::public_id, cards::wallet_id, cards::user_id),
    (cards::name, cards::uid, cards::external_id, cards::counter),
    (cards::tx_limit_sat, cards::daily_limit_sat, cards::enabled),
    (cards::keys_sealed, cards::otp_expires_at_ms, cards::created_at_ms),
);

fn card(columns: Columns) -> Result<Card, StoreError> {
    let ((id, public_id, wallet, user), (name, uid, external_id, counter), limits, (secrets, otp_expires_at, created)) =
        columns;
    let (tx_limit_sat, daily_limit_sat, is_enabled) = limits;
    Ok(Card {
        id: CardId::from_slice(&id)?,
        public_id,
        wallet: WalletId::from_slice(&wallet)?,
        user: UserId::from_slice(&user)?,
        name,
        uid: CardUid::from_slice(&uid).map_err(|error| StoreError::Broken(format!("a card's unique id {error}")))?,
        external_id,
        counter: counter_of(counter)?,
        limits: limits_of(tx_limit_sat, daily_limit_sat)?,
        is_enabled,
        secrets: Sealed::from_stored(secrets),
        otp_expires_at: otp_expires_at.map(UnixMs::new),
        created_at: UnixMs::new(created),
    })
}

fn counter_of(count: i64) -> Result<SunCounter, StoreError> {
    SunCounter::new(count).map_err(|error| StoreError::Broken(format!("a card's counter {error}")))
}

fn limits_of(transaction_sat: i64, daily_sat: i64) -> Result<CardLimits, StoreError> {
    let limits = CardLimits::from_sat(transaction_sat, daily_sat);
    limits.map_err(|error| StoreError::Broken(format!("a card's limit {error}")))
}

/// Creates a card of a user that the transaction has locked. Of one user's cards no two have the same
/// unique id: that is a conflict.
pub fn create(connection: &mut Db, new: &Card, otp: OtpDigest) -> Result<(), StoreError> {
    let in_wallet: i64 =
        cards::table.filter(cards::wallet_id.eq(new.wallet.as_bytes().as_slice())).count().get_result(connection)?;
    if in_wallet >= CARDS_MAX {
        return Err(StoreError::TooManyCards);
    }
    diesel::insert_into(cards::table)
        .values((
            (
                cards::id.eq(new.id.as_bytes().as_slice()),
                cards::public_id.eq(new.public_id.as_str()),
                cards::wallet_id.eq(new.wallet.as_bytes().as_slice()),
                cards::user_id.eq(new.user.as_bytes().as_slice()),
            ),
            (
                cards::name.eq(new.name.as_str()),
                cards::uid.eq(new.uid.as_bytes().as_slice()),
                cards::external_id.eq(new.external_id.as_str()),
                cards::counter.eq(i64::from(new.counter.get())),
            ),
            (
                cards::tx_limit_sat.eq(new.limits.transaction_sat()),
                cards::daily_limit_sat.eq(new.limits.daily_sat()),
                cards::enabled.eq(new.is_enabled),
            ),
            (
                cards::keys_sealed.eq(new.secrets.as_bytes()),
                cards::otp_digest.eq(otp.as_bytes().as_slice()),
                cards::otp_expires_at_ms.eq(new.otp_expires_at.map(UnixMs::get)),
                cards::created_at_ms.eq(new.created_at.get()),
            ),
        ))
        .execute(connection)?;
    Ok(())
}

/// The card of a user that has a unique id and belongs to a wallet that is deleted. Nobody else can
/// delete it: it must not be in a new one's way.
pub fn of_closed_wallet(connection: &mut Db, user: UserId, uid: CardUid) -> Result<Option<Card>, StoreError> {
    let found: Option<Columns> = cards::table
        .inner_join(accounts::table)
        .filter(accounts::closed_at_ms.is_not_null())
        .filter(cards::user_id.eq(user.as_bytes().as_slice()))
        .filter(cards::uid.eq(uid.as_bytes().as_slice()))
        .select(COLUMNS)
        .first(connection)
        .optional()?;
    found.map(card).transpose()
}

/// Cards, oldest first.
pub fn list(connection: &mut Db, whose: Whose) -> Result<Vec<Card>, StoreError> {
    let all = cards::table
        .inner_join(accounts::table)
        .filter(accounts::closed_at_ms.is_null())
        .order((cards::created_at_ms, cards::id))
        .select(COLUMNS);
    let rows: Vec<Columns> = match whose {
        Whose::Wallet(wallet) => all.filter(cards::wallet_id.eq(wallet.as_bytes().as_slice())).load(connection)?,
        Whose::User(user) => all.filter(cards::user_id.eq(user.as_bytes().as_slice())).load(connection)?,
    };
    rows.into_iter().map(card).collect()
}

/// One of a wallet's cards, locked until the transaction ends, and with it the card of the same user
/// that has a unique id which this one is to have: in the order in which everybody locks cards.
pub fn lock(connection: &mut Db, wallet: WalletId, public_id: &str, uid: Option<CardUid>) -> Result<Card, StoreError> {
    let it = cards::table.filter(cards::public_id.eq(public_id));
    let it = it.filter(cards::wallet_id.eq(wallet.as_bytes().as_slice())).select(COLUMNS);
    let found = card(it.first(connection)?)?;
    if let Db::Postgres(c) = connection {
        let mut uids = vec![found.uid.as_bytes().to_vec()];
        uids.extend(uid.map(|uid| uid.as_bytes().to_vec()));
        let both =
            cards::table.filter(cards::user_id.eq(found.user.as_bytes().to_vec())).filter(cards::uid.eq_any(uids));
        both.select(cards::id).order(cards::id).for_update().load::<Vec<u8>>(c)?;
    }
    // As it stands now.
    card(it.first(connection)?)
}

/// Writes what has been changed of a card that the transaction has locked. Another card of the
/// user's with the same unique id is a conflict.
pub fn update(connection: &mut Db, changed: &Card) -> Result<(), StoreError> {
    let updated = diesel::update(cards::table.filter(cards::id.eq(changed.id.as_bytes().as_slice())))
        .set((
            cards::name.eq(changed.name.as_str()),
            cards::uid.eq(changed.uid.as_bytes().as_slice()),
            cards::counter.eq(i64::from(changed.counter.get())),
            cards::tx_limit_sat.eq(changed.limits.transaction_sat()),
            cards::daily_limit_sat.eq(changed.limits.daily_sat()),
            cards::enabled.eq(changed.is_enabled),
            cards::keys_sealed.eq(changed.secrets.as_bytes()),
        ))
        .execute(connection)?;
    if updated == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Gives a card that the transaction has locked another code, and the secrets that hold it.
pub fn replace_otp(connection: &mut Db, changed: &Card, otp: OtpDigest) -> Result<(), StoreError> {
    let updated = diesel::update(cards::table.filter(cards::id.eq(changed.id.as_bytes().as_slice())))
        .set((
            cards::keys_sealed.eq(changed.secrets.as_bytes()),
            cards::otp_digest.eq(otp.as_bytes().as_slice()),
            cards::otp_expires_at_ms.eq(changed.otp_expires_at.map(UnixMs::get)),
        ))
        .execute(connection)?;
    if updated == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Deletes a card that the transaction has locked, with what is known of its taps.
pub fn delete(connection: &mut Db, card: CardId) -> Result<(), StoreError> {
    let it = cards::table.filter(cards::id.eq(card.as_bytes().as_slice()));
    let deleted = diesel::delete(it).execute(connection)?;
    if deleted == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// The card that a code is for, of a wallet that is there, and whose share that is charged to.
pub fn by_otp(connection: &mut Db, otp: OtpDigest, now: UnixMs) -> Result<ShownCard, StoreError> {
    let (columns, root): (Columns, Option<Vec<u8>>) = cards::table
        .inner_join(accounts::table)
        .filter(accounts::closed_at_ms.is_null())
        .filter(cards::otp_digest.eq(otp.as_bytes().as_slice()))
        .filter(cards::otp_expires_at_ms.gt(now.get()))
        .select((COLUMNS, accounts::root_id))
        .first(connection)?;
    let card = card(columns)?;
    Ok(ShownCard { consumer: consumer(root, card.user)?, card })
}

/// The card that a code is for, of a wallet that is there. The code is gone with that, but where
/// the transaction is given up.
pub fn take_by_otp(connection: &mut Db, otp: OtpDigest, now: UnixMs) -> Result<Card, StoreError> {
    let digest = otp.as_bytes().as_slice();
    let ShownCard { card, .. } = by_otp(connection, otp, now)?;
    // Of many who show it at once, one is the first.
    let taken = diesel::update(cards::table.filter(cards::otp_digest.eq(digest)))
        .set((cards::otp_digest.eq(None::<Vec<u8>>), cards::otp_expires_at_ms.eq(None::<i64>)))
        .execute(connection)?;
    if taken == 1 { Ok(card) } else { Err(StoreError::NotFound) }
}

/// The card that has this in its URL, of a wallet that is there.
pub fn shown(connection: &mut Db, external_id: &str) -> Result<ShownCard, StoreError> {
    let (columns, root): (Columns, Option<Vec<u8>>) = cards::table
        .inner_join(accounts::table)
        .filter(accounts::closed_at_ms.is_null())
        .filter(cards::external_id.eq(external_id))
        .select((COLUMNS, accounts::root_id))
        .first(connection)?;
    let card = card(columns)?;
    Ok(ShownCard { consumer: consumer(root, card.user)?, card })
}

/// Whose share a user's card is charged to.
fn consumer(root: Option<Vec<u8>>, user: UserId) -> Result<Consumer, StoreError> {
    let root = root.map(|root| UserId::from_slice(&root)).transpose()?;
    Ok(root.map_or(Consumer::NOBODY, |root| Consumer::of(root, user)))
}

/// Locks what a tap of a card is judged by.
pub fn lock_for_tap(connection: &mut Db, card: CardId) -> Result<TapState, StoreError> {
    let row = cards::table.filter(cards::id.eq(card.as_bytes().as_slice())).select((
        (cards::counter, cards::enabled),
        (cards::tx_limit_sat, cards::daily_limit_sat),
        (cards::spent_day, cards::spent_msat),
    ));
    let ((count, is_enabled), (tx_limit_sat, daily_limit_sat), (day, spent_msat)) = match connection {
        // The transaction holds the only write lock.
        Db::Sqlite(c) => row.first::<((i64, bool), (i64, i64), (i64, i64))>(c)?,
        Db::Postgres(c) => row.for_no_key_update().first(c)?,
    };
    Ok(TapState {
        counter: counter_of(count)?,
        is_enabled,
        limits: limits_of(tx_limit_sat, daily_limit_sat)?,
        spent: Spent { day, total: Msat::new(spent_msat) },
    })
}

/// Moves the counter of a card on, where it still stands where it was; answers whether it did.
pub fn move_counter(connection: &mut Db, card: CardId, from: SunCounter, to: SunCounter) -> Result<bool, StoreError> {
    let it = cards::table.filter(cards::id.eq(card.as_bytes().as_slice()));
    let moved = diesel::update(it.filter(cards::counter.eq(i64::from(from.get()))))
        .set(cards::counter.eq(i64::from(to.get())))
        .execute(connection)?;
    Ok(moved == 1)
}
