//! Pay links: who may be paid by anybody, and what their payers are told.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::crypto::secret::{Purpose, Sealed, Sealer};
use crate::domain::consumer::Consumer;
use crate::domain::ids::{InvoiceId, PayLinkId, UserId, WalletId};
use crate::domain::lnurl::address::{Authority, LinkName};
use crate::domain::lnurl::link::{LinkId, LinkKey};
use crate::domain::lnurl::pay_range::{PayRange, RangeUnit};
use crate::domain::lnurl::sendable::CommentLimit;
use crate::domain::lnurl::success::{SuccessText, SuccessUrl};
use crate::domain::lnurl::webhook::{WebhookBody, WebhookHeaders};
use crate::domain::text::{Memo, WebhookUrl};
use crate::domain::time::UnixMs;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::lock::lock_row;
use crate::store::db::schema::{accounts, invoices, pay_links, wallets};
use crate::store::db::tenant_lock;
use crate::store::wallets::CHUNK_IDS;

/// Links of one wallet at most.
pub const LINKS_MAX: i64 = 1000;

/// A pay link as stored.
#[derive(Clone, Debug)]
pub struct PayLink {
    /// By what rows know it.
    pub id: PayLinkId,
    /// By what URLs know it.
    pub public_id: LinkId,
    /// Who is paid.
    pub wallet: WalletId,
    /// What it is to be.
    pub terms: Terms,
    /// How often it was looked at.
    pub served_meta: i64,
    /// How often it has given an invoice.
    pub served_pr: i64,
    /// When it was created.
    pub created_at: UnixMs,
    /// When it was last changed.
    pub updated_at: UnixMs,
}

/// What a link is to be.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What it is for.
    pub description: Memo,
    /// How much it takes.
    pub range: PayRange,
    /// The currency that its range is in, where it is not in sat.
    pub currency: Option<String>,
    /// By what clients divide the amounts that are shown in a currency.
    pub fiat_base_multiplier: i64,
    /// How long a comment may be.
    pub comment: CommentLimit,
    /// The name of its Lightning address.
    pub username: Option<LinkName>,
    /// Who is told of payments.
    pub webhook: Option<WebhookUrl>,
    /// What is added to the headers of that.
    pub webhook_headers: Option<WebhookHeaders>,
    /// What is added to its body.
    pub webhook_body: Option<WebhookBody>,
    /// What a payer is shown.
    pub success_text: Option<SuccessText>,
    /// Where a payer is sent.
    pub success_url: Option<SuccessUrl>,
    /// Whether wallets need not keep it.
    pub disposable: bool,
    /// The host of its own, where it has one.
    pub domain: Option<Authority>,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = pay_links, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: Vec<u8>,
    public_id: String,
    wallet_id: Vec<u8>,
    description: String,
    min: String,
    max: String,
    currency: Option<String>,
    fiat_base_multiplier: i64,
    comment_chars: i64,
    username: Option<String>,
    webhook_url: Option<String>,
    webhook_headers_sealed: Option<Vec<u8>>,
    webhook_body: Option<String>,
    success_text: Option<String>,
    success_url: Option<String>,
    domain: Option<String>,
    disposable: bool,
    created_at_ms: i64,
    updated_at_ms: i64,
}

/// How often a link was served, beside its row: what changes it does not touch this.
type Served = (i64, i64);

const SERVED: (pay_links::served_meta, pay_links::served_pr) = (pay_links::served_meta, pay_links::served_pr);

impl Row {
    fn of(sealer: &Sealer, link: &PayLink) -> Self {
        let terms = &link.terms;
        let seal = |headers: &WebhookHeaders| {
            let id = link.id.as_bytes();
            sealer.seal(Purpose::PayLinkHeaders, id, headers.as_str().as_bytes()).as_bytes().to_vec()
        };
        Self {
            id: link.id.as_bytes().to_vec(),
            public_id: link.public_id.as_str().to_owned(),
            wallet_id: link.wallet.as_bytes().to_vec(),
            description: terms.description.as_str().to_owned(),
            min: terms.range.min().to_string(),
            max: terms.range.max().to_string(),
            currency: terms.currency.clone(),
            fiat_base_multiplier: terms.fiat_base_multiplier,
            comment_chars: terms.comment.get().into(),
            username: terms.username.as_ref().map(ToString::to_string),
            webhook_url: terms.webhook.as_ref().map(ToString::to_string),
            webhook_headers_sealed: terms.webhook_headers.as_ref().map(seal),
            webhook_body: terms.webhook_body.as_ref().map(|body| body.as_str().to_owned()),
            success_text: terms.success_text.as_ref().map(|text| text.as_str().to_owned()),
            success_url: terms.success_url.as_ref().map(|url| url.as_str().to_owned()),
            domain: terms.domain.as_ref().map(ToString::to_string),
            disposable: terms.disposable,
            created_at_ms: link.created_at.get(),
            updated_at_ms: link.updated_at.get(),
        }
    }

    fn link(self, sealer: &Sealer, (served_meta, served_pr): Served) -> Result<PayLink, StoreError> {
        let id = PayLinkId::from_slice(&self.id)?;
        let headers = self.webhook_headers_sealed.map(|sealed| headers_of(sealer, id, sealed)).transpose()?;
        let unit = if self.currency.is_some() { RangeUnit::Currency } else { RangeUnit::Sat };
        let decimal = |text: &str| text.parse().or(Err(broken("an amount")));
        let range = PayRange::new(decimal(&self.min)?, decimal(&self.max)?, unit).or(Err(broken("a range")))?;
        let terms = Terms {
            description: read(Some(self.description), Memo::new)?.ok_or_else(|| broken("a description"))?,
            range,
            currency: self.currency,
            fiat_base_multiplier: self.fiat_base_multiplier,
            comment: CommentLimit::new(self.comment_chars).or(Err(broken("a limit of comments")))?,
            username: read(self.username, LinkName::new)?,
            webhook: read(self.webhook_url, WebhookUrl::new)?,
            webhook_headers: headers,
            webhook_body: read(self.webhook_body, WebhookBody::new)?,
            success_text: read(self.success_text, SuccessText::new)?,
            success_url: read(self.success_url, SuccessUrl::new)?,
            disposable: self.disposable,
            domain: read(self.domain, |text| text.parse())?,
        };
        Ok(PayLink {
            id,
            public_id: LinkId::new(&self.public_id).or(Err(broken("an id")))?,
            wallet: WalletId::from_slice(&self.wallet_id)?,
            terms,
            served_meta,
            served_pr,
            created_at: UnixMs::new(self.created_at_ms),
            updated_at: UnixMs::new(self.updated_at_ms),
        })
    }
}

fn broken(what: &str) -> StoreError {
    StoreError::Broken(format!("{what} of a pay link is none"))
}

/// A value that was checked before it was stored.
fn read<T, E: std::fmt::Display>(
    text: Option<String>,
    parse: impl FnOnce(String) -> Result<T, E>,
) -> Result<Option<T>, StoreError> {
    text.map(parse).transpose().map_err(|error| StoreError::Broken(format!("a value of a pay link {error}")))
}

fn headers_of(sealer: &Sealer, id: PayLinkId, sealed: Vec<u8>) -> Result<WebhookHeaders, StoreError> {
    let plain = sealer.unseal(Purpose::PayLinkHeaders, id.as_bytes(), Sealed::from_stored(sealed).as_bytes())?;
    let text = String::from_utf8(plain.to_vec()).or(Err(broken("a header")))?;
    WebhookHeaders::new(text).or(Err(broken("a header")))
}

/// Locks a wallet, so that its links are counted one by one.
fn lock(connection: &mut Db, wallet: WalletId) -> Result<(), StoreError> {
    let here = wallets::table.filter(wallets::id.eq(wallet.as_bytes().as_slice()));
    let here = here.filter(wallets::deleted_at_ms.is_null());
    lock_row!(connection, here, wallets::updated_at_ms, StoreError::NotFound)
}

/// Creates a link.
pub fn create(connection: &mut Db, sealer: &Sealer, link: &PayLink) -> Result<(), StoreError> {
    lock_names(connection, link)?;
    make_room(connection, link.wallet)?;
    free_name(connection, link)?;
    diesel::insert_into(pay_links::table).values(Row::of(sealer, link)).execute(connection)?;
    Ok(())
}

/// Makes sure that a wallet may have one more link.
fn make_room(connection: &mut Db, wallet: WalletId) -> Result<(), StoreError> {
    lock(connection, wallet)?;
    let of_wallet = pay_links::table.filter(pay_links::wallet_id.eq(wallet.as_bytes().as_slice()));
    let count: i64 = of_wallet.count().get_result(connection)?;
    if count < LINKS_MAX { Ok(()) } else { Err(StoreError::TooManyPayLinks) }
}

/// Waits for others who give names to links: before anything is locked, because names are unique
/// among all tenants.
fn lock_names(connection: &mut Db, link: &PayLink) -> Result<(), StoreError> {
    if link.terms.username.is_some() { tenant_lock::take_link_names(connection) } else { Ok(()) }
}

/// Takes the name of a link away from links of deleted wallets, which nobody pays any more.
fn free_name(connection: &mut Db, link: &PayLink) -> Result<(), StoreError> {
    let Some(name) = &link.terms.username else { return Ok(()) };
    let deleted = accounts::table.filter(accounts::closed_at_ms.is_not_null()).select(accounts::id);
    let holder =
        pay_links::table.filter(pay_links::username.eq(name.as_str())).filter(pay_links::wallet_id.eq_any(deleted));
    diesel::update(holder).set(pay_links::username.eq(None::<String>)).execute(connection)?;
    Ok(())
}

/// Replaces a link of a wallet by what it is to be, which may pay to another wallet.
pub fn replace(connection: &mut Db, sealer: &Sealer, link: &PayLink, before: WalletId) -> Result<(), StoreError> {
    lock_names(connection, link)?;
    if link.wallet != before {
        make_room(connection, link.wallet)?;
    }
    free_name(connection, link)?;
    let row = pay_links::table
        .filter(pay_links::id.eq(link.id.as_bytes().as_slice()))
        .filter(pay_links::wallet_id.eq(before.as_bytes().as_slice()));
    let replaced = diesel::update(row).set(Row::of(sealer, link)).execute(connection)?;
    if replaced == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Deletes a link of a wallet. Invoices that it has given can still be paid.
pub fn delete(connection: &mut Db, wallet: WalletId, id: &LinkId) -> Result<(), StoreError> {
    let row = pay_links::table
        .filter(pay_links::public_id.eq(id.as_str()))
        .filter(pay_links::wallet_id.eq(wallet.as_bytes().as_slice()));
    if diesel::delete(row).execute(connection)? == 1 { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Whose links are asked for.
#[derive(Clone, Copy, Debug)]
pub enum Owner {
    /// Those of a wallet.
    Wallet(WalletId),
    /// Those of all wallets of a user.
    User(UserId),
}

/// Links, oldest first.
pub fn list(
    connection: &mut Db,
    sealer: &Sealer,
    owner: Owner,
    offset: i64,
    limit: i64,
) -> Result<Vec<PayLink>, StoreError> {
    let here = wallets::table.filter(wallets::deleted_at_ms.is_null());
    let ids: Vec<Vec<u8>> = match owner {
        Owner::Wallet(wallet) => vec![wallet.as_bytes().to_vec()],
        Owner::User(user) => {
            here.filter(wallets::user_id.eq(user.as_bytes().as_slice())).select(wallets::id).load(connection)?
        }
    };
    let rows: Vec<(Row, Served)> = pay_links::table
        .filter(pay_links::wallet_id.eq_any(ids))
        .order((pay_links::created_at_ms, pay_links::id))
        .offset(offset)
        .limit(limit)
        .select((Row::as_select(), SERVED))
        .load(connection)?;
    rows.into_iter().map(|(row, served)| row.link(sealer, served)).collect()
}

/// A link of any of a user's wallets.
pub fn find(connection: &mut Db, sealer: &Sealer, user: UserId, id: &LinkId) -> Result<PayLink, StoreError> {
    let (row, served): (Row, Served) = pay_links::table
        .inner_join(wallets::table.on(wallets::id.eq(pay_links::wallet_id)))
        .filter(pay_links::public_id.eq(id.as_str()))
        .filter(wallets::user_id.eq(user.as_bytes().as_slice()))
        .filter(wallets::deleted_at_ms.is_null())
        .select((Row::as_select(), SERVED))
        .first(connection)?;
    row.link(sealer, served)
}

/// A link, the root manager of its wallet, and that one's user.
type Found = (Row, Served, Option<Vec<u8>>, Vec<u8>);

/// A link as anybody may pay it, and whose share that is charged to. Those of deleted wallets are
/// not there.
pub fn find_public(connection: &mut Db, sealer: &Sealer, key: &LinkKey) -> Result<(PayLink, Consumer), StoreError> {
    let open = pay_links::table
        .inner_join(accounts::table.on(accounts::id.eq(pay_links::wallet_id)))
        .inner_join(wallets::table.on(wallets::id.eq(pay_links::wallet_id)))
        .filter(accounts::closed_at_ms.is_null())
        .select((Row::as_select(), SERVED, accounts::root_id, wallets::user_id));
    let (row, served, root, user): Found = match key {
        LinkKey::Id(id) => open.filter(pay_links::public_id.eq(id.as_str())).first(connection)?,
        LinkKey::Name(name) => open.filter(pay_links::username.eq(name.as_str())).first(connection)?,
    };
    let (root, user) = (root.map(|id| UserId::from_slice(&id)).transpose()?, UserId::from_slice(&user)?);
    let consumer = root.map_or(Consumer::NOBODY, |root| Consumer::of(root, user));
    Ok((row.link(sealer, served)?, consumer))
}

/// Adds how often links were served; those that are gone are left out. In the order of ids, which
/// is the order of locks.
pub fn add_served(connection: &mut Db, counts: &[(PayLinkId, i64, i64)]) -> Result<(), StoreError> {
    for (id, meta, pr) in counts {
        diesel::update(pay_links::table.filter(pay_links::id.eq(id.as_bytes().as_slice())))
            .set((
                pay_links::served_meta.eq(pay_links::served_meta + *meta),
                pay_links::served_pr.eq(pay_links::served_pr + *pr),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// What a link adds to the webhook of an invoice that it has given.
#[derive(Clone, Debug, Default)]
pub struct Hook {
    /// Headers.
    pub headers: Option<WebhookHeaders>,
    /// A body.
    pub body: Option<WebhookBody>,
}

/// An invoice, the link that has given it, and its webhook.
type GivenColumns = (Vec<u8>, Option<Vec<u8>>, Option<String>);

/// What links add to the webhooks of invoices, of those that no key has asked for. Who has given an
/// invoice, its row says: the payee's own data can say anything.
pub fn hooks(connection: &mut Db, sealer: &Sealer, ids: &[InvoiceId]) -> Result<HashMap<InvoiceId, Hook>, StoreError> {
    let mut found = HashMap::new();
    for ids in ids.chunks(CHUNK_IDS) {
        let ids: Vec<_> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
        let given: Vec<GivenColumns> = invoices::table
            .filter(invoices::id.eq_any(ids))
            .filter(invoices::origin.is_not_null())
            .select((invoices::id, invoices::origin, invoices::webhook))
            .load(connection)?;
        let origins: Vec<_> = given.iter().filter_map(|(_, origin, _)| origin.clone()).collect();
        let rows: Vec<(Row, Served)> = pay_links::table
            .filter(pay_links::id.eq_any(origins))
            .select((Row::as_select(), SERVED))
            .load(connection)?;
        let mut links = HashMap::new();
        for (row, served) in rows {
            let id = row.id.clone();
            links.insert(id, row.link(sealer, served)?.terms);
        }
        for (invoice, origin, target) in given {
            let hook = origin.and_then(|origin| links.get(&origin)).map(|terms| {
                // Headers may hold a secret of the target that they are meant for.
                let is_meant = terms.webhook.as_ref().map(WebhookUrl::as_str) == target.as_deref();
                let (headers, body) = (terms.webhook_headers.clone(), terms.webhook_body.clone());
                Hook { headers: headers.filter(|_| is_meant), body: body.filter(|_| is_meant) }
            });
            found.insert(InvoiceId::from_slice(&invoice)?, hook.unwrap_or_default());
        }
    }
    Ok(found)
}
