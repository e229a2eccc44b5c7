//! Use cases: what can be done with users, wallets and money, for whoever asks: a handler, the
//! command line, or a task.
//!
//! A use case takes words of the domain and somebody who has proved who they are
//! ([`callers`]), and answers records or an [`Error`]. It knows nothing of HTTP. Where showing
//! its result takes a while, or must be kept under an idempotency key, it is handed a function
//! that shows it, and runs that where blocking is allowed.

pub(crate) mod administrators;
pub(crate) mod callers;
pub(crate) mod cards;
pub(crate) mod deletion;
mod error;
pub(crate) mod foreign_links;
pub(crate) mod health;
pub(crate) mod holds;
pub(crate) mod idempotency;
pub(crate) mod keys;
pub mod ledger;
pub(crate) mod lightning;
mod login_throttle;
pub(crate) mod managed_wallets;
pub mod operators;
pub(crate) mod passwords;
pub(crate) mod pay_links;
pub(crate) mod payments;
pub mod rates;
mod records;
pub(crate) mod sessions;
pub(crate) mod streams;
pub(crate) mod tenants;
pub(crate) mod tokens;
pub(crate) mod transfers;
pub(crate) mod users;
pub(crate) mod wallets;
pub(crate) mod webhooks;
pub(crate) mod withdraw_links;

pub use crate::store::StoreError;
pub use crate::store::users::{Cursor, ExtraTest, User, UserFilter};
pub use crate::store::wallets::{Wallet, WalletFilter};
pub use error::{Error, Missing, Taken};
pub use records::{UserWithWallets, WalletWithKeys};

use std::sync::Arc;

use crate::config::Config;
use crate::crypto::secret::Sealer;
use crate::domain::consumer::Consumer;
use crate::domain::lnurl::places::Places;
use crate::domain::node::{Network, Node};
use crate::domain::webhooks::WebhookFormat;
use crate::ledger::operation::Operation;
use crate::net::client::Client;
use crate::net::targets::TargetPolicy;
use crate::store::{Db, Store};
use callers::{Caller, KnownKeys, UsesOfTokens};
use foreign_links::ask::Outside;
use ledger::Ledger;
use lightning::Lightning;
use passwords::Passwords;
use pay_links::served::ServedCounts;
use rates::Rates;

/// Keys that are remembered, at about 150 bytes each.
const KNOWN_KEYS_MAX: usize = 20_000;
/// Tokens of which it is remembered when they were used: of others the rows tell.
const USES_MAX: usize = 20_000;

/// What use cases work with.
#[derive(Debug)]
pub struct Services {
    /// The database.
    pub store: Store,
    /// The way to the ledger.
    pub ledger: Ledger,
    /// Issues invoices.
    pub node: Node,
    /// Seals and unseals keys and preimages.
    pub sealer: Sealer,
    /// Hashes and verifies passwords, by turns.
    pub passwords: Passwords,
    /// How often pay links were served lately.
    pub served: Arc<ServedCounts>,
    /// What the operator has set.
    pub policy: Policy,
    /// What a bitcoin costs in other currencies, where that is known.
    pub rates: Rates,
    /// The Lightning node, where one is configured.
    pub lightning: Lightning,
    /// The network of invoices.
    pub network: Network,
    /// Asks services of other servers.
    pub outside: Outside,
    known_keys: KnownKeys,
    uses_of_tokens: UsesOfTokens,
}

/// What the operator has set, as far as use cases ask for it.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The largest amount of one invoice, in sat.
    pub invoice_sat_max: i64,
    /// Where webhooks may go.
    pub targets: TargetPolicy,
    /// What the webhooks of invoices look like, where a manager has not chosen.
    pub webhook_format: WebhookFormat,
    /// How long a login lasts, in seconds.
    pub session_s: i64,
    /// Whether anybody may open a manager account.
    pub allow_signup: bool,
    /// What the outside calls this server.
    pub places: Places,
    /// How many invoices of one pay link or refund may wait to be paid.
    pub link_invoices_max: u32,
}

impl Policy {
    /// As configured.
    pub fn of(config: &Config) -> Self {
        Self {
            invoice_sat_max: config.money.invoice_sat_max,
            targets: config.webhooks.targets(),
            webhook_format: config.webhooks.webhook_format,
            session_s: config.login.session_s(),
            allow_signup: config.login.allow_signup,
            places: config.links.places(),
            link_invoices_max: config.links.link_invoices_max,
        }
    }
}

impl Services {
    /// Puts them together.
    pub fn new(store: Store, ledger: Ledger, node: Node, sealer: Sealer, config: &Config) -> Self {
        let (passwords, policy) = (Passwords::new(config.login.hasher()), Policy::of(config));
        let (rates, known_keys) = (Rates::default(), KnownKeys::new(KNOWN_KEYS_MAX));
        let uses_of_tokens = UsesOfTokens::new(USES_MAX);
        Self {
            store,
            ledger,
            node,
            sealer,
            passwords,
            served: Arc::default(),
            policy,
            rates,
            lightning: Lightning::default(),
            network: config.money.network,
            outside: Outside::new(None),
            known_keys,
            uses_of_tokens,
        }
    }

    /// Counts in other currencies as well.
    #[must_use]
    pub fn with_rates(self, rates: Rates) -> Self {
        Self { rates, ..self }
    }

    /// Pays and is paid over Lightning as well.
    #[must_use]
    pub fn with_lightning(self, lightning: Lightning) -> Self {
        Self { lightning, ..self }
    }

    /// Asks services of other servers as well, by this client.
    #[must_use]
    pub fn with_outside(self, client: Client) -> Self {
        Self { outside: Outside::new(Some(client)), ..self }
    }

    /// Has an operation settled, on somebody's account.
    pub async fn settle<O: Operation + Send + 'static>(
        &self,
        operation: O,
        consumer: Consumer,
    ) -> Result<O::Output, Error>
    where
        O::Output: Send,
    {
        Ok(self.ledger.submit(operation, consumer).await??)
    }

    /// Changes rows on behalf of a caller, in one transaction on its account, at whose start the
    /// caller is looked at again: the request may have waited since the key or session was proved.
    pub async fn write_as<T: Send + 'static>(
        &self,
        caller: impl Caller,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<T, StoreError> {
        let authorized = move |connection: &mut Db| {
            caller.recheck(connection)?;
            work(connection)
        };
        self.store.write(caller.consumer(), authorized).await
    }
}
