//! Taps of cards that were accepted, what was paid with them, and what was paid back.

use diesel::prelude::*;

use super::{Whose, consumer};
use crate::domain::consumer::Consumer;
use crate::domain::ids::{CardId, HitId, PaymentHash, UserId, WalletId};
use crate::domain::money::Msat;
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::prune::Prunable;
use crate::store::db::schema::{accounts, cards, hits, invoices};

/// Rows that are pruned in one transaction.
const PRUNE_ROWS: i64 = 500;

/// A tap to be kept.
#[derive(Clone, Debug)]
pub struct NewHit {
    /// What it is known by.
    pub id: HitId,
    /// The card.
    pub card: CardId,
    /// From where it was shown.
    pub ip: String,
    /// By what it was shown.
    pub useragent: String,
    /// Where the card's counter stood before.
    pub old_counter: i64,
    /// What the card counted.
    pub new_counter: i64,
    /// When.
    pub created_at: UnixMs,
    /// From when on nothing can be paid with it.
    pub expires_at: UnixMs,
}

/// A tap as it is listed.
#[derive(Clone, Debug)]
pub struct Hit {
    /// What it is known by.
    pub id: HitId,
    /// What clients know its card by.
    pub card: String,
    /// From where it was shown.
    pub ip: String,
    /// By what it was shown.
    pub useragent: String,
    /// Where the card's counter stood before.
    pub old_counter: i64,
    /// What the card counted.
    pub new_counter: i64,
    /// What was paid with it, where anything was.
    pub amount: Option<Msat>,
    /// When it was accepted.
    pub created_at: UnixMs,
}

/// A tap, for who pays with it or pays it back.
#[derive(Clone, Debug)]
pub struct HitOfCard {
    /// The card's wallet.
    pub wallet: WalletId,
    /// What clients know the card by.
    pub card: String,
    /// Whether the card pays.
    pub is_enabled: bool,
    /// What was paid with the tap, where anything was.
    pub amount: Option<Msat>,
    /// Whose share what is done with it is charged to.
    pub consumer: Consumer,
}

/// A payment that came back for one that was made with a card.
#[derive(Clone, Debug)]
pub struct Refund {
    /// What the payment is known by.
    pub payment_hash: PaymentHash,
    /// For which tap.
    pub hit: HitId,
    /// How much.
    pub amount: Msat,
    /// When it was paid.
    pub paid_at: UnixMs,
}

/// Keeps a tap.
pub fn insert(connection: &mut Db, new: &NewHit) -> Result<(), StoreError> {
    diesel::insert_into(hits::table)
        .values((
            hits::id.eq(new.id.as_bytes().as_slice()),
            hits::card_id.eq(new.card.as_bytes().as_slice()),
            hits::ip.eq(new.ip.as_str()),
            hits::useragent.eq(new.useragent.as_str()),
            hits::old_counter.eq(new.old_counter),
            hits::new_counter.eq(new.new_counter),
            hits::created_at_ms.eq(new.created_at.get()),
            hits::expires_at_ms.eq(new.expires_at.get()),
        ))
        .execute(connection)?;
    Ok(())
}

type Columns = (Vec<u8>, String, (String, String), (i64, i64), Option<i64>, i64);

/// Taps, newest first.
pub fn list(connection: &mut Db, whose: Whose, offset: i64, limit: i64) -> Result<Vec<Hit>, StoreError> {
    let all = hits::table
        .inner_join(cards::table.inner_join(accounts::table))
        .filter(accounts::closed_at_ms.is_null())
        .order((hits::created_at_ms.desc(), hits::id.desc()))
        .offset(offset)
        .limit(limit)
        .select((
            hits::id,
            cards::public_id,
            (hits::ip, hits::useragent),
            (hits::old_counter, hits::new_counter),
            hits::amount_msat,
            hits::created_at_ms,
        ));
    let rows: Vec<Columns> = match whose {
        Whose::Wallet(wallet) => all.filter(cards::wallet_id.eq(wallet.as_bytes().as_slice())).load(connection)?,
        Whose::User(user) => all.filter(cards::user_id.eq(user.as_bytes().as_slice())).load(connection)?,
    };
    let hit = |(id, card, (ip, useragent), (old_counter, new_counter), amount, created_at_ms): Columns| {
        Ok(Hit {
            id: HitId::from_slice(&id)?,
            card,
            ip,
            useragent,
            old_counter,
            new_counter,
            amount: amount.map(Msat::new),
            created_at: UnixMs::new(created_at_ms),
        })
    };
    rows.into_iter().map(hit).collect()
}

/// A wallet, its root manager and user, its card, whether that pays, and what was paid.
type OfCard = (Vec<u8>, Option<Vec<u8>>, Vec<u8>, String, bool, Option<i64>);

/// A tap of a card of a wallet that is there.
pub fn find(connection: &mut Db, id: HitId) -> Result<HitOfCard, StoreError> {
    let found: OfCard = hits::table
        .inner_join(cards::table.inner_join(accounts::table))
        .filter(accounts::closed_at_ms.is_null())
        .filter(hits::id.eq(id.as_bytes().as_slice()))
        .select((accounts::id, accounts::root_id, cards::user_id, cards::public_id, cards::enabled, hits::amount_msat))
        .first(connection)?;
    let (wallet, root, user, card, is_enabled, amount) = found;
    Ok(HitOfCard {
        wallet: WalletId::from_slice(&wallet)?,
        card,
        is_enabled,
        amount: amount.map(Msat::new),
        consumer: consumer(root, UserId::from_slice(&user)?)?,
    })
}

/// What was paid back, newest first.
pub fn refunds(connection: &mut Db, whose: Whose, offset: i64, limit: i64) -> Result<Vec<Refund>, StoreError> {
    let all = invoices::table
        .inner_join(hits::table.on(invoices::origin.eq(hits::id.nullable())))
        .inner_join(cards::table.on(cards::id.eq(hits::card_id)))
        .inner_join(accounts::table.on(accounts::id.eq(cards::wallet_id)))
        .filter(accounts::closed_at_ms.is_null())
        .filter(invoices::state.eq("paid"))
        .order((invoices::paid_at_ms.desc(), invoices::id.desc()))
        .offset(offset)
        .limit(limit)
        .select((invoices::payment_hash, hits::id, invoices::amount_msat, invoices::paid_at_ms.assume_not_null()));
    let rows: Vec<(Vec<u8>, Vec<u8>, i64, i64)> = match whose {
        Whose::Wallet(wallet) => all.filter(cards::wallet_id.eq(wallet.as_bytes().as_slice())).load(connection)?,
        Whose::User(user) => all.filter(cards::user_id.eq(user.as_bytes().as_slice())).load(connection)?,
    };
    let refund = |(payment_hash, hit, amount, paid_at): (Vec<u8>, Vec<u8>, i64, i64)| {
        Ok(Refund {
            payment_hash: PaymentHash::from_slice(&payment_hash)?,
            hit: HitId::from_slice(&hit)?,
            amount: Msat::new(amount),
            paid_at: UnixMs::new(paid_at),
        })
    };
    rows.into_iter().map(refund).collect()
}

/// Locks a tap that nothing was paid with, and before it its card, as everybody does.
pub fn lock_unspent(connection: &mut Db, card: CardId, id: HitId) -> Result<(), StoreError> {
    super::lock_for_tap(connection, card)?;
    let it = hits::table.filter(hits::id.eq(id.as_bytes().as_slice())).filter(hits::transfer_id.is_null());
    let it = it.select(hits::id);
    match connection {
        // The transaction holds the only write lock.
        Db::Sqlite(c) => it.first::<Vec<u8>>(c)?,
        Db::Postgres(c) => it.for_update().first(c)?,
    };
    Ok(())
}

/// Deletes a tap that the transaction has locked.
pub fn delete(connection: &mut Db, id: HitId) -> Result<(), StoreError> {
    diesel::delete(hits::table.filter(hits::id.eq(id.as_bytes().as_slice()))).execute(connection)?;
    Ok(())
}

/// Prunes some of the taps before a time that nothing was paid with; answers whether there may be
/// more of them.
pub fn prune(connection: &mut Db, before: UnixMs) -> Result<bool, StoreError> {
    let over = Prunable {
        table: "hits",
        key: "id",
        is_over: "transfer_id IS NULL AND created_at_ms < $1",
        oldest_by: "created_at_ms",
        rows_max: PRUNE_ROWS,
    };
    over.prune(connection, before)
}
