//! What every handler shares.

use std::sync::Arc;

use actix_web::web;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::rate_limit::RateLimits;
use crate::api::framework::unread::Unread;
use crate::config::Config;
use crate::fairness::gate::{Gate, PATIENCE, Turn};
use crate::fairness::turns::Limits;
use crate::live::hub::Hub;
use crate::net::proxies::TrustedProxies;
use crate::services::Services;
use crate::services::health::Health;
use crate::services::passwords::enter_by_network;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces::Traces;

/// Pictures that are drawn at once, for callers without a key.
const PICTURES: Limits = Limits::new(1, 1024, 64);

/// Lookups for callers without a key, at once: fewer than there are connections to the database, so that
/// others get through.
const ANONYMOUS_LOOKUPS: Limits = Limits::new(6, 2048, 512);

/// Invoices issued to payers without a key, at once: few compared with what the ledger has room for, so
/// that they cannot use up the share of the tenant whose links they pay.
const ANONYMOUS_INVOICES: Limits = Limits::new(64, 2048, 512);

/// The service behind the handlers.
#[derive(Debug)]
pub struct App {
    /// What can be done.
    pub services: Services,
    /// Who listens to payments.
    pub hub: Arc<Hub>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Makes spans of requests, where they are exported.
    pub traces: Option<Traces>,
    /// How many requests a second are served.
    pub limits: Arc<RateLimits>,
    /// The proxies that are trusted to name the address of a client.
    pub trusted_proxies: TrustedProxies,
    /// The state of this process.
    pub health: Arc<Health>,
    /// The memory for answers that are not read yet.
    pub(crate) unread: Unread,
    /// Limits drawing pictures.
    pictures: Gate<Vec<u8>>,
    /// Limits lookups without a key.
    lookups: Gate<Vec<u8>>,
    /// Limits invoices without a key.
    invoices: Gate<Vec<u8>>,
}

/// The service, as a handler gets it.
pub type State = web::Data<App>;

impl App {
    /// Puts the service together.
    pub fn new(services: Services, hub: Arc<Hub>, metrics: Arc<Metrics>, config: &Config) -> Self {
        Self {
            services,
            hub,
            metrics,
            traces: None,
            limits: Arc::new(RateLimits::new(&config.limits)),
            trusted_proxies: config.listener.trusted_proxies.clone(),
            health: Arc::new(Health::starting()),
            unread: Unread::default(),
            pictures: Gate::new(PICTURES, PATIENCE),
            lookups: Gate::new(ANONYMOUS_LOOKUPS, PATIENCE),
            invoices: Gate::new(ANONYMOUS_INVOICES, PATIENCE),
        }
    }

    /// Makes spans of requests.
    #[must_use]
    pub fn with_traces(self, traces: Option<Traces>) -> Self {
        Self { traces, ..self }
    }

    /// Waits for the turn of a client without a key to look something up.
    pub async fn anonymous_turn(&self, client: ClientAddress) -> Result<Turn<Vec<u8>>, ApiError> {
        Ok(enter_by_network(&self.lookups, client.network()).await?)
    }

    /// Waits for the turn of a client without a key to be given an invoice.
    pub async fn invoice_turn(&self, client: ClientAddress) -> Result<Turn<Vec<u8>>, ApiError> {
        Ok(enter_by_network(&self.invoices, client.network()).await?)
    }

    /// Draws a picture for whoever asks, when it is the client's turn, without keeping a worker
    /// busy.
    pub async fn draw<T: Send + 'static>(
        &self,
        client: ClientAddress,
        draw: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = enter_by_network(&self.pictures, client.network()).await?;
        let drawn = web::block(move || (draw(), turn)).await;
        drawn.map(|(picture, _turn)| picture).or(Err(ErrorCode::Unavailable.into()))
    }
}
