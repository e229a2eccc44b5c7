//! What every handler shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::auth::{Caller, KnownKeys};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::rate_limit::RateLimits;
use crate::clock;
use crate::config::Config;
use crate::crypto::password::{HashError, Hasher, Password};
use crate::crypto::secret::Sealer;
use crate::domain::consumer::{Consumer, Party};
use crate::domain::ids::UserId;
use crate::domain::node::Node;
use crate::domain::time::UnixMs;
use crate::domain::webhooks::WebhookFormat;
use crate::fairness::gate::{Gate, PATIENCE, Turn};
use crate::fairness::turns::{Limits, Share, Tenant};
use crate::ledger::command::Command;
use crate::ledger::outcome::Outcome;
use crate::ledger::settler::Settler;
use crate::live::hub::Hub;
use crate::net::proxies::TrustedProxies;
use crate::net::targets::TargetPolicy;
use crate::store::{Db, Store, StoreError};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::Traces;

/// Passwords of users that are hashed at once: each takes a core and 19 MiB, and payments must
/// go on. What waits longer than its turn can take is refused.
const PASSWORDS: Limits = Limits::new(2, 1024, 64);
/// Logins at once: these have turns of their own, so that nobody's users keep operators out.
const LOGINS: Limits = Limits::new(1, 1024, 64);
/// Pictures that are drawn at once, for callers without a key.
const PICTURES: Limits = Limits::new(1, 1024, 64);

/// Keys that are remembered, at about 150 bytes each.
const KNOWN_KEYS_MAX: usize = 20_000;

/// The service behind the handlers.
#[derive(Debug)]
pub struct App {
    /// The database.
    pub store: Store,
    /// The way to the ledger.
    pub settler: Settler,
    /// Issues invoices.
    pub node: Node,
    /// Seals and unseals keys and preimages.
    pub sealer: Sealer,
    /// Who listens to payments.
    pub hub: Arc<Hub>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Makes spans of requests, where they are exported.
    pub traces: Option<Traces>,
    /// The largest amount of one invoice, in sat.
    pub invoice_sat_max: i64,
    /// Where webhooks may go.
    pub targets: TargetPolicy,
    /// What the webhooks of invoices look like, where a manager has not chosen.
    pub webhook_format: WebhookFormat,
    /// How many requests a second are served.
    pub limits: RateLimits,
    /// What keys grant that were used lately.
    pub known_keys: KnownKeys,
    /// Whose word on a client's address is taken.
    pub trusted_proxies: TrustedProxies,
    /// How long a login lasts, in seconds.
    pub session_s: i64,
    /// Whether anybody may open a manager account.
    pub allow_signup: bool,
    started_at: UnixMs,
    hasher: Hasher,
    /// Where passwords of users take turns, by tenant.
    passwords: Gate<UserId>,
    /// Where logins take turns, by the network that they come from.
    logins: Gate<Vec<u8>>,
    /// Who draws a picture.
    pictures: Gate<Vec<u8>>,
    draining: AtomicBool,
    lacks_master_key: AtomicBool,
}

/// The service, as a handler gets it.
pub type State = web::Data<App>;

impl App {
    /// Puts the service together.
    pub fn new(
        store: Store,
        settler: Settler,
        node: Node,
        sealer: Sealer,
        hub: Arc<Hub>,
        metrics: Arc<Metrics>,
        config: &Config,
    ) -> Self {
        Self {
            store,
            settler,
            node,
            sealer,
            hub,
            metrics,
            traces: None,
            invoice_sat_max: config.money.invoice_sat_max,
            targets: config.webhooks.targets(),
            webhook_format: config.webhooks.webhook_format,
            limits: RateLimits::new(&config.limits),
            known_keys: KnownKeys::new(KNOWN_KEYS_MAX),
            trusted_proxies: config.listener.trusted_proxies.clone(),
            session_s: config.login.session_s(),
            allow_signup: config.login.allow_signup,
            started_at: clock::now(),
            hasher: config.login.hasher(),
            passwords: Gate::new(PASSWORDS, PATIENCE),
            logins: Gate::new(LOGINS, PATIENCE),
            pictures: Gate::new(PICTURES, PATIENCE),
            draining: AtomicBool::new(false),
            lacks_master_key: AtomicBool::new(false),
        }
    }

    /// Makes spans of requests.
    #[must_use]
    pub fn with_traces(self, traces: Option<Traces>) -> Self {
        Self { traces, ..self }
    }

    /// From now on every new request is refused, and live streams end.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.hub.close();
    }

    /// Whether the server is shutting down.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Remembers whether the master key that is in use is nowhere to be found.
    pub fn set_lacks_master_key(&self, lacks: bool) {
        self.lacks_master_key.store(lacks, Ordering::SeqCst);
    }

    /// Whether the master key that is in use is nowhere to be found.
    pub fn lacks_master_key(&self) -> bool {
        self.lacks_master_key.load(Ordering::SeqCst)
    }

    /// Seconds since the start.
    pub fn up_time_s(&self) -> i64 {
        clock::now().seconds() - self.started_at.seconds()
    }

    /// Has a command settled, on somebody's account.
    pub async fn settle(&self, command: Command, consumer: Consumer) -> Result<Outcome, ApiError> {
        self.settler.submit(command, consumer).await?.map_err(|rejection| ApiError::from_rejection(rejection, false))
    }

    /// Changes rows on behalf of a caller, in one transaction, at whose start the caller is
    /// looked at again: the request may have waited since the key or session was proved.
    pub async fn write_as<T: Send + 'static>(
        &self,
        caller: impl Caller,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let authorized = move |connection: &mut Db| {
            caller.recheck(connection)?;
            work(connection)
        };
        self.store.write(authorized).await
    }

    /// Hashes a password, when it is the consumer's turn.
    pub async fn hash_password(&self, consumer: Consumer, password: Password) -> Result<String, ApiError> {
        let turn = self.password_turn(consumer).await?;
        let (hash, _turn) = self.unhurried(turn, move |hasher| hasher.hash(&password)).await?;
        Ok(hash)
    }

    /// Waits for the turn to have a user's password judged.
    pub async fn password_turn(&self, consumer: Consumer) -> Result<Turn<UserId>, ApiError> {
        Ok(self.passwords.enter(consumer).await.map_err(ErrorCode::from)?)
    }

    /// Waits for the turn to log in.
    pub async fn login_turn(&self, client: ClientAddress) -> Result<Turn<Vec<u8>>, ApiError> {
        enter_by_network(&self.logins, client).await
    }

    /// Draws a picture for whoever asks, when it is the client's turn, without keeping a worker
    /// busy.
    pub async fn draw<T: Send + 'static>(
        &self,
        client: ClientAddress,
        draw: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = enter_by_network(&self.pictures, client).await?;
        let drawn = web::block(move || (draw(), turn)).await;
        drawn.map(|(picture, _turn)| picture).or(Err(ErrorCode::Unavailable.into()))
    }

    /// Whether a password is the hashed one, for who has its turn, and gets it back.
    pub async fn verify_password<N: Tenant>(
        &self,
        turn: Turn<N>,
        password: Password,
        hash: Option<String>,
    ) -> Result<(bool, Turn<N>), ApiError> {
        self.unhurried(turn, move |hasher| hasher.verify(&password, hash.as_deref())).await
    }

    /// Works on a password without keeping a worker busy. The turn goes with the work, so that it
    /// is held until that is done, whether or not anybody still waits for it.
    async fn unhurried<T: Send + 'static, N: Tenant>(
        &self,
        turn: Turn<N>,
        work: impl FnOnce(&Hasher) -> Result<T, HashError> + Send + 'static,
    ) -> Result<(T, Turn<N>), ApiError> {
        let hasher = self.hasher;
        let worked =
            web::block(move || work(&hasher).map(|done| (done, turn))).await.or(Err(ErrorCode::Unavailable))?;
        worked.map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            ErrorCode::Internal.into()
        })
    }
}

/// Waits for a client's turn, where nobody's key says whose share it is.
async fn enter_by_network(gate: &Gate<Vec<u8>>, client: ClientAddress) -> Result<Turn<Vec<u8>>, ApiError> {
    let network = Share { tenant: client.network(), party: Party::Manager };
    // It is no manager whose requests are too many, if it is that.
    Ok(gate.enter(network).await.or(Err(ErrorCode::Overloaded))?)
}
