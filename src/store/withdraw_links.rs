//! Withdraw links, and what was withdrawn by them.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::crypto::secret::{Purpose, Sealed, Sealer};
use crate::domain::consumer::Consumer;
use crate::domain::ids::{PaymentRow, UserId, WalletId, WithdrawLinkId};
use crate::domain::lnurl::sendable::Sendable;
use crate::domain::lnurl::webhook::{WebhookBody, WebhookHeaders};
use crate::domain::money::Amount;
use crate::domain::text::{Memo, WebhookUrl};
use crate::domain::time::UnixMs;
use crate::domain::withdraw::secret::LinkSecret;
use crate::domain::withdraw::uses::UsesLeft;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::lock::lock_row;
use crate::store::db::schema::{accounts, transfers, wallets, withdraw_links, withdrawals};
use crate::store::pay_links::{Hook, Owner};
use crate::store::wallets::CHUNK_IDS;

/// Links of one wallet at most that are not spent.
pub const LINKS_MAX: i64 = 10_000;

/// A withdraw link as stored.
#[derive(Clone, Debug)]
pub struct WithdrawLink {
    /// By what rows know it.
    pub id: WithdrawLinkId,
    /// By what clients know it.
    pub public_id: String,
    /// What stands in its URL.
    pub secret: LinkSecret,
    /// Who pays.
    pub wallet: WalletId,
    /// What it is to be.
    pub terms: Terms,
    /// How often it was used.
    pub used: u32,
    /// The uses that are left.
    pub uses_left: UsesLeft,
    /// When it was used last.
    pub last_used_at: Option<UnixMs>,
    /// When it was created.
    pub created_at: UnixMs,
}

/// What a link is to be.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What it is for.
    pub title: Memo,
    /// How much it pays at once.
    pub range: Sendable,
    /// How often it pays.
    pub uses: u32,
    /// How long it pays nobody after a use, in seconds.
    pub wait_s: i64,
    /// Whether each use has a link of its own.
    pub is_unique: bool,
    /// Whether it pays.
    pub is_enabled: bool,
    /// Who is told of withdrawals.
    pub webhook: Option<WebhookUrl>,
    /// What is added to the headers of that.
    pub webhook_headers: Option<WebhookHeaders>,
    /// What is added to its body.
    pub webhook_body: Option<WebhookBody>,
    /// A picture, for whoever prints it.
    pub custom_url: Option<WebhookUrl>,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = withdraw_links, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: Vec<u8>,
    public_id: String,
    secret_digest: Vec<u8>,
    secret_sealed: Vec<u8>,
    wallet_id: Vec<u8>,
    title: String,
    min_msat: i64,
    max_msat: i64,
    uses: i64,
    used: i64,
    uses_left: String,
    next_use: i64,
    wait_s: i64,
    is_unique: bool,
    enabled: bool,
    webhook_url: Option<String>,
    webhook_headers_sealed: Option<Vec<u8>>,
    webhook_body: Option<String>,
    custom_url: Option<String>,
    last_used_at_ms: Option<i64>,
    created_at_ms: i64,
}

impl Row {
    fn of(sealer: &Sealer, link: &WithdrawLink) -> Self {
        let (id, terms) = (link.id.as_bytes(), &link.terms);
        let seal = |purpose, text: &str| sealer.seal(purpose, id, text.as_bytes()).as_bytes().to_vec();
        let headers = terms.webhook_headers.as_ref();
        Self {
            id: id.to_vec(),
            public_id: link.public_id.clone(),
            secret_digest: link.secret.digest().to_vec(),
            secret_sealed: seal(Purpose::WithdrawLinkSecret, link.secret.reveal()),
            wallet_id: link.wallet.as_bytes().to_vec(),
            title: terms.title.as_str().to_owned(),
            min_msat: terms.range.min().msat(),
            max_msat: terms.range.max().msat(),
            uses: terms.uses.into(),
            used: link.used.into(),
            uses_left: link.uses_left.to_string(),
            next_use: link.uses_left.next().into(),
            wait_s: terms.wait_s,
            is_unique: terms.is_unique,
            enabled: terms.is_enabled,
            webhook_url: terms.webhook.as_ref().map(ToString::to_string),
            webhook_headers_sealed: headers.map(|headers| seal(Purpose::WithdrawLinkHeaders, headers.as_str())),
            webhook_body: terms.webhook_body.as_ref().map(|body| body.as_str().to_owned()),
            custom_url: terms.custom_url.as_ref().map(ToString::to_string),
            last_used_at_ms: link.last_used_at.map(UnixMs::get),
            created_at_ms: link.created_at.get(),
        }
    }

    fn headers(&self, sealer: &Sealer) -> Result<Option<WebhookHeaders>, StoreError> {
        let Some(sealed) = &self.webhook_headers_sealed else { return Ok(None) };
        let text = unsealed(sealer, Purpose::WithdrawLinkHeaders, &self.id, sealed)?;
        read(Some(text), WebhookHeaders::new)
    }

    fn link(self, sealer: &Sealer) -> Result<WithdrawLink, StoreError> {
        let secret = unsealed(sealer, Purpose::WithdrawLinkSecret, &self.id, &self.secret_sealed)?;
        let range = Amount::from_msat(self.min_msat).ok().zip(Amount::from_msat(self.max_msat).ok());
        let terms = Terms {
            webhook_headers: self.headers(sealer)?,
            title: Memo::new(self.title).or(Err(broken("a title")))?,
            range: range.and_then(|(min, max)| Sendable::new(min, max)).ok_or_else(|| broken("a range"))?,
            uses: u32::try_from(self.uses).or(Err(broken("a number")))?,
            wait_s: self.wait_s,
            is_unique: self.is_unique,
            is_enabled: self.enabled,
            webhook: read(self.webhook_url, WebhookUrl::new)?,
            webhook_body: read(self.webhook_body, WebhookBody::new)?,
            custom_url: read(self.custom_url, WebhookUrl::new)?,
        };
        Ok(WithdrawLink {
            id: WithdrawLinkId::from_slice(&self.id)?,
            public_id: self.public_id,
            secret: LinkSecret::new(secret).or(Err(broken("a secret")))?,
            wallet: WalletId::from_slice(&self.wallet_id)?,
            terms,
            used: u32::try_from(self.used).or(Err(broken("a number")))?,
            uses_left: uses_left(&self.uses_left, self.next_use)?,
            last_used_at: self.last_used_at_ms.map(UnixMs::new),
            created_at: UnixMs::new(self.created_at_ms),
        })
    }
}

/// The uses that are left, as they are stored.
pub(crate) fn uses_left(numbers: &str, next: i64) -> Result<UsesLeft, StoreError> {
    let next = u32::try_from(next).or(Err(broken("a number")))?;
    UsesLeft::parse(numbers, next).map_err(|error| StoreError::Broken(format!("the uses of a withdraw link {error}")))
}

fn unsealed(sealer: &Sealer, purpose: Purpose, id: &[u8], sealed: &[u8]) -> Result<String, StoreError> {
    let plain = sealer.unseal(purpose, id, Sealed::from_stored(sealed.to_vec()).as_bytes())?;
    String::from_utf8(plain.to_vec()).or(Err(broken("a sealed text")))
}

fn broken(what: &str) -> StoreError {
    StoreError::Broken(format!("{what} of a withdraw link is none"))
}

/// A value that was checked before it was stored.
fn read<T, E: std::fmt::Display>(
    text: Option<String>,
    parse: impl FnOnce(String) -> Result<T, E>,
) -> Result<Option<T>, StoreError> {
    text.map(parse).transpose().map_err(|error| StoreError::Broken(format!("a value of a withdraw link {error}")))
}

/// Creates a link, of a wallet that the transaction locks, so that its links are counted one by one.
pub fn create(connection: &mut Db, sealer: &Sealer, link: &WithdrawLink) -> Result<(), StoreError> {
    let here = wallets::table.filter(wallets::id.eq(link.wallet.as_bytes().as_slice()));
    let here = here.filter(wallets::deleted_at_ms.is_null());
    lock_row!(connection, here, wallets::updated_at_ms, StoreError::NotFound)?;
    let unspent: i64 = withdraw_links::table
        .filter(withdraw_links::wallet_id.eq(link.wallet.as_bytes().as_slice()))
        .filter(withdraw_links::used.lt(withdraw_links::uses))
        .count()
        .get_result(connection)?;
    if unspent >= LINKS_MAX {
        return Err(StoreError::TooManyWithdrawLinks);
    }
    diesel::insert_into(withdraw_links::table).values(Row::of(sealer, link)).execute(connection)?;
    Ok(())
}

/// A link of a wallet, locked until the transaction ends: nobody uses it meanwhile.
pub fn lock(
    connection: &mut Db,
    sealer: &Sealer,
    wallet: WalletId,
    public_id: &str,
) -> Result<WithdrawLink, StoreError> {
    let it = withdraw_links::table
        .filter(withdraw_links::public_id.eq(public_id))
        .filter(withdraw_links::wallet_id.eq(wallet.as_bytes().as_slice()));
    let row: Row = match connection {
        // The transaction holds the only write lock.
        Db::Sqlite(c) => it.select(Row::as_select()).first(c)?,
        Db::Postgres(c) => it.for_no_key_update().select(Row::as_select()).first(c)?,
    };
    row.link(sealer)
}

/// Writes what has been changed of a link that the transaction has locked.
pub fn update(connection: &mut Db, sealer: &Sealer, link: &WithdrawLink) -> Result<(), StoreError> {
    let it = withdraw_links::table.filter(withdraw_links::id.eq(link.id.as_bytes().as_slice()));
    let updated = diesel::update(it).set(Row::of(sealer, link)).execute(connection)?;
    if updated == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Deletes a link of a wallet. What was withdrawn by it stays known.
pub fn delete(connection: &mut Db, wallet: WalletId, public_id: &str) -> Result<(), StoreError> {
    let row = withdraw_links::table
        .filter(withdraw_links::public_id.eq(public_id))
        .filter(withdraw_links::wallet_id.eq(wallet.as_bytes().as_slice()));
    if diesel::delete(row).execute(connection)? == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// A page of links, newest first, and how many there are in all.
pub fn list(
    connection: &mut Db,
    sealer: &Sealer,
    owner: Owner,
    offset: i64,
    limit: i64,
) -> Result<(Vec<WithdrawLink>, i64), StoreError> {
    let here = wallets::table.filter(wallets::deleted_at_ms.is_null());
    let ids: Vec<Vec<u8>> = match owner {
        Owner::Wallet(wallet) => vec![wallet.as_bytes().to_vec()],
        Owner::User(user) => {
            here.filter(wallets::user_id.eq(user.as_bytes().as_slice())).select(wallets::id).load(connection)?
        }
    };
    let of_wallets = withdraw_links::table.filter(withdraw_links::wallet_id.eq_any(ids));
    let total = of_wallets.clone().count().get_result(connection)?;
    let rows: Vec<Row> = of_wallets
        .order((withdraw_links::created_at_ms.desc(), withdraw_links::id.desc()))
        .offset(offset)
        .limit(limit)
        .select(Row::as_select())
        .load(connection)?;
    Ok((rows.into_iter().map(|row| row.link(sealer)).collect::<Result<_, _>>()?, total))
}

/// A link of any of a user's wallets.
pub fn find(connection: &mut Db, sealer: &Sealer, user: UserId, public_id: &str) -> Result<WithdrawLink, StoreError> {
    let row: Row = withdraw_links::table
        .inner_join(wallets::table.on(wallets::id.eq(withdraw_links::wallet_id)))
        .filter(withdraw_links::public_id.eq(public_id))
        .filter(wallets::user_id.eq(user.as_bytes().as_slice()))
        .filter(wallets::deleted_at_ms.is_null())
        .select(Row::as_select())
        .first(connection)?;
    row.link(sealer)
}

/// The link that has this in its URL, of a wallet that is there, and whose share it is charged to.
pub fn open(connection: &mut Db, sealer: &Sealer, secret: &LinkSecret) -> Result<(WithdrawLink, Consumer), StoreError> {
    let (row, root, user): (Row, Option<Vec<u8>>, Vec<u8>) = withdraw_links::table
        .inner_join(accounts::table.on(accounts::id.eq(withdraw_links::wallet_id)))
        .inner_join(wallets::table.on(wallets::id.eq(withdraw_links::wallet_id)))
        .filter(accounts::closed_at_ms.is_null())
        .filter(withdraw_links::secret_digest.eq(secret.digest().to_vec()))
        .select((Row::as_select(), accounts::root_id, wallets::user_id))
        .first(connection)?;
    let (root, user) = (root.map(|id| UserId::from_slice(&id)).transpose()?, UserId::from_slice(&user)?);
    let consumer = root.map_or(Consumer::NOBODY, |root| Consumer::of(root, user));
    Ok((row.link(sealer)?, consumer))
}

/// What links add to the webhooks of payments, of those payers' rows that are withdrawals. A link that
/// is deleted adds nothing.
pub fn hooks(
    connection: &mut Db,
    sealer: &Sealer,
    rows: &[PaymentRow],
) -> Result<HashMap<PaymentRow, Hook>, StoreError> {
    let mut found = HashMap::new();
    for rows in rows.chunks(CHUNK_IDS) {
        let ids: Vec<_> = rows.iter().map(|row| row.as_bytes().to_vec()).collect();
        let is_paid =
            transfers::debit_account.eq(withdrawals::wallet_id).and(transfers::id.eq(withdrawals::transfer_id));
        let made: Vec<(Vec<u8>, Option<String>, Option<Row>)> = withdrawals::table
            .inner_join(transfers::table.on(is_paid))
            .left_join(withdraw_links::table.on(withdraw_links::id.eq(withdrawals::link_id)))
            .filter(withdrawals::transfer_id.eq_any(ids))
            .select((withdrawals::transfer_id, transfers::webhook, Option::<Row>::as_select()))
            .load(connection)?;
        for (transfer, target, row) in made {
            let terms = row.map(|row| row.link(sealer)).transpose()?.map(|link| link.terms);
            // Headers may hold a secret of the target that they are meant for.
            let is_meant = |terms: &Terms| terms.webhook.as_ref().map(WebhookUrl::as_str) == target.as_deref();
            let hook =
                terms.filter(is_meant).map(|terms| Hook { headers: terms.webhook_headers, body: terms.webhook_body });
            found.insert(PaymentRow::from_slice(&transfer)?, hook.unwrap_or_default());
        }
    }
    Ok(found)
}
