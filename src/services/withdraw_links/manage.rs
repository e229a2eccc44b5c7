//! Creating, listing, changing and deleting withdraw links.

use super::{Terms, WithdrawLink};
use crate::clock;
use crate::domain::idempotency::Claim;
use crate::domain::ids::WithdrawLinkId;
use crate::domain::lnurl::sendable::Sendable;
use crate::domain::lnurl::webhook::{WebhookBody, WebhookHeaders};
use crate::domain::text::{Memo, WebhookUrl};
use crate::domain::window::{LIMIT_MAX, Window};
use crate::domain::withdraw::secret::LinkSecret;
use crate::domain::withdraw::short_uuid;
use crate::domain::withdraw::uses::UsesLeft;
use crate::services::callers::{AdminKey, Caller, WalletKey};
use crate::services::idempotency::{Created, once};
use crate::services::{Error, Missing, Services};
use crate::store::pay_links::Owner;
use crate::store::{Db, StoreError, withdraw_links};

/// What a link is to be. What a change does not name stays as it is.
#[derive(Clone, Debug)]
pub struct Order {
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
    pub is_enabled: Option<bool>,
    /// Who is told of withdrawals.
    pub webhook: Option<WebhookUrl>,
    /// What is added to the headers of that.
    pub webhook_headers: Option<WebhookHeaders>,
    /// What is added to its body.
    pub webhook_body: Option<WebhookBody>,
    /// A picture, for whoever prints it.
    pub custom_url: Option<WebhookUrl>,
}

impl Order {
    fn terms(self, before: Option<Terms>) -> Terms {
        let was_enabled = before.as_ref().is_none_or(|terms| terms.is_enabled);
        let (webhook, headers, body, custom_url) = before.map_or((None, None, None, None), |terms| {
            (terms.webhook, terms.webhook_headers, terms.webhook_body, terms.custom_url)
        });
        Terms {
            title: self.title,
            range: self.range,
            uses: self.uses,
            wait_s: self.wait_s,
            is_unique: self.is_unique,
            is_enabled: self.is_enabled.unwrap_or(was_enabled),
            webhook: self.webhook.or(webhook),
            webhook_headers: self.webhook_headers.or(headers),
            webhook_body: self.webhook_body.or(body),
            custom_url: self.custom_url.or(custom_url),
        }
    }
}

/// Creates a link of the key's wallet, once for each claim, and answers it as it is shown.
pub async fn create(
    services: &Services,
    caller: AdminKey,
    claim: Option<Claim>,
    order: Order,
    show: impl FnOnce(WithdrawLink) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
) -> Result<Created<Vec<u8>>, Error> {
    let sealer = services.sealer.clone();
    let create = move |connection: &mut Db| {
        let uses_left = UsesLeft::new(order.uses);
        let link = WithdrawLink {
            id: WithdrawLinkId::random(),
            public_id: short_uuid::random(),
            secret: LinkSecret::generate(),
            wallet: caller.wallet(),
            terms: order.terms(None),
            used: 0,
            uses_left,
            last_used_at: None,
            created_at: clock::now(),
        };
        withdraw_links::create(connection, &sealer, &link)?;
        show(link)
    };
    once(services, caller, claim, create, Error::of(Missing::Wallet)).await
}

/// Changes a link of the key's wallet. It is not to have fewer uses than it has had.
pub async fn update(services: &Services, caller: AdminKey, id: String, order: Order) -> Result<WithdrawLink, Error> {
    let sealer = services.sealer.clone();
    let updated = services.write_as(caller, move |connection| {
        let before = withdraw_links::lock(connection, &sealer, caller.wallet(), &id)?;
        let Some(left) = order.uses.checked_sub(before.used) else {
            let message = format!("is wrong: Cannot reduce uses below current used ({})", before.used);
            return Ok(Err(Error::Invalid { field: "uses", message }));
        };
        let (uses_left, terms) = (before.uses_left.resized(left), order.terms(Some(before.terms)));
        let link = WithdrawLink { terms, uses_left, ..before };
        withdraw_links::update(connection, &sealer, &link)?;
        Ok(Ok(link))
    });
    updated.await.map_err(Error::of(Missing::WithdrawLink))?
}

/// Deletes a link of the key's wallet.
pub async fn delete(services: &Services, caller: AdminKey, id: String) -> Result<(), Error> {
    let deleted = services.write_as(caller, move |connection| withdraw_links::delete(connection, caller.wallet(), &id));
    deleted.await.map_err(Error::of(Missing::WithdrawLink))
}

/// A link of any wallet of the key's user.
pub async fn find(services: &Services, caller: WalletKey, id: String) -> Result<WithdrawLink, Error> {
    let sealer = services.sealer.clone();
    let found = services.store.read(move |connection| {
        caller.recheck(connection)?;
        withdraw_links::find(connection, &sealer, caller.user(), &id)
    });
    found.await.map_err(Error::of(Missing::WithdrawLink))
}

/// A page of the links of the key's wallet, or of all wallets of its user, newest first, and how many
/// there are, as `show` makes them.
pub async fn list<T: Send + 'static>(
    services: &Services,
    caller: WalletKey,
    all_wallets: bool,
    window: Window,
    show: impl FnOnce(Vec<WithdrawLink>, i64) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let sealer = services.sealer.clone();
    let owner = if all_wallets { Owner::User(caller.user()) } else { Owner::Wallet(caller.wallet()) };
    let list = move |connection: &mut Db| {
        caller.recheck(connection)?;
        let limit = window.limit.unwrap_or(LIMIT_MAX);
        let (page, total) = withdraw_links::list(connection, &sealer, owner, window.offset, limit)?;
        show(page, total)
    };
    Ok(services.store.read_list(caller.consumer(), list).await?)
}
