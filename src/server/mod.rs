//! Wiring, first start, and shutdown: HTTP first, then the settler, then the pool.

mod base;
pub(crate) mod data_dirs;
mod expiry;
mod holds;
mod node;
mod observers;
mod rates;
pub mod tasks;
mod upkeep;
pub mod wire;

use std::num::NonZeroUsize;
use std::sync::Arc;

use actix_web::web;
use tokio::sync::oneshot;

use crate::api;
use crate::api::framework::app::App;
use crate::clock;
use crate::config::Config;
use crate::domain::node::Node;
use crate::domain::text::Name;
use crate::ledger::observer::{Observed, Observer};
use crate::ledger::settler::Settler;
use crate::lightning::ConnectError;
use crate::live::hub::Hub;
use crate::live::publisher::Publisher;
use crate::live::relay::{Relay, RelayThread};
use crate::master_key::MasterKeyError;
use crate::net::client::{Client, Reach};
use crate::net::resolver::system_resolver;
use crate::net::tls;
use crate::net::tls::{InvalidRoots, Roots};
use crate::rates::settings::InvalidQuorum;
use crate::server::observers::{Counting, Tracing};
use crate::server::tasks::{TaskEnded, Tasks};
use crate::server::upkeep::Upkeep;
use crate::services::ledger::Ledger;
use crate::services::operators::{accounts, balance};
use crate::services::rates::Rates;
use crate::services::{self, Services, WalletWithKeys};
use crate::store::StoreError;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::traces;
use crate::telemetry::traces::{Exporting, Traces};
use crate::webhooks::outbox::Outbox;

pub use base::{Base, block_on, lightning, migrate, open_any_store, open_store};

/// Why satkeep could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// The data directory cannot be created.
    #[error("the data directory cannot be created: {0}")]
    DataDir(std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no database.
    #[error("there is no database yet: `satkeep serve`, `satkeep manager create` and `satkeep migrate` make one")]
    NoDatabase,
    /// The database has an older schema.
    #[error("the database has an older schema: run `satkeep migrate`, or start the server")]
    OldSchema,
    /// The master key cannot be used.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The first manager cannot be created.
    #[error("the first manager cannot be created: {0}")]
    Bootstrap(services::Error),
    /// The runtime for work before serving, or on the command line, cannot be started.
    #[error("the runtime cannot be started: {0}")]
    Runtime(std::io::Error),
    /// More sources would have to agree than there are.
    #[error("--rate-quorum: {0}")]
    Rates(#[from] InvalidQuorum),
    /// The certificates that webhooks trust cannot be used.
    #[error("--webhook-ca-file: {0}")]
    Roots(#[from] InvalidRoots),
    /// The Lightning node cannot be asked at all.
    #[error("--lightning: {0}")]
    Lightning(#[from] ConnectError),
    /// The certificates for the trace collector cannot be used.
    #[error("OTEL_EXPORTER_OTLP_CERTIFICATE: {0}")]
    CollectorRoots(InvalidRoots),
    /// The thread that exports traces cannot be started.
    #[error("traces cannot be exported: {0}")]
    Traces(std::io::Error),
    /// The server cannot listen or serve.
    #[error("cannot listen or serve: {0}")]
    Serve(std::io::Error),
    /// The address of the metrics cannot be used.
    #[error("cannot listen on the address in --metrics-listen: {0}")]
    MetricsListen(std::io::Error),
    /// A background task has ended.
    #[error("satkeep cannot continue: {0}; see the log")]
    Task(#[from] TaskEnded),
    /// The settler has died.
    #[error("the ledger has stopped; see the log")]
    Settler,
}

/// Creates the first manager on an empty database, and prints its keys once.
fn bootstrap(base: &Base, config: &Config) -> Result<(), StartupError> {
    let name = Name::new("manager".to_owned()).map_err(|e| StoreError::Fault(e.to_string()))?;
    let (services, administrator) = base.on_the_spot(config);
    let bootstrapped = block_on(async {
        let Some(manager) = accounts::create_first(&services, administrator, name).await? else { return Ok(()) };
        let WalletWithKeys { wallet, keys } = manager.wallet;
        println!("manager user id: {}", manager.user.id);
        println!("manager admin key: {}", keys.admin.reveal());
        println!("manager invoice key: {}", keys.invoice.reveal());
        if let Some(amount) = config.money.bootstrap_sats {
            balance::credit(&services, administrator, wallet.id, amount).await?;
        }
        Ok(())
    });
    bootstrapped?.map_err(StartupError::Bootstrap)
}

/// Serves until a signal asks to stop, then settles what is queued and answers everyone.
pub fn serve(config: &Config) -> Result<(), StartupError> {
    let rates = Rates::new(config.rates.settings()?);
    let connected = lightning(config)?;
    let base = Base::create(config)?;
    // Done before the first manager is created: its keys are printed only once, and an address in
    // use must not cause their loss.
    let listener = std::net::TcpListener::bind(config.listener.listen).map_err(StartupError::Serve)?;
    let metrics_listener = config.telemetry.metrics_listen.map(std::net::TcpListener::bind).transpose();
    let metrics_listener = metrics_listener.map_err(StartupError::MetricsListen)?;
    let trusted = tls::connector(Roots::Usual(config.webhooks.webhook_ca_file.as_deref()))?;
    let client = Client::new(Reach::Judged(config.webhooks.targets()), system_resolver(), trusted);
    let (traces, exporting) = config.telemetry.otlp_endpoint.clone().map(start_traces).transpose()?.unzip();
    bootstrap(&base, config)?;
    let hub = Arc::new(Hub::new(config.limits.streams(config.listener.connections_max)));
    let relay = Relay::start(base.store.clone(), Arc::clone(&hub)).map_err(StartupError::Serve)?;
    let (relay, relay_thread) = relay.unzip();
    let metrics = Arc::new(Metrics::new(api::operations()));
    let publisher = Publisher::new(Arc::clone(&hub), relay);
    let mut observers: Vec<Box<dyn Observer>> = vec![Box::new(publisher), Box::new(Counting(metrics.settling.clone()))];
    if let Some(traces) = traces.clone() {
        observers.push(Box::new(Tracing(traces)));
    }
    let ledger = Observed::new(base.store.settlement(), observers);
    let (settler, settler_thread, settler_ended) =
        Settler::start(Box::new(ledger), clock::now).map_err(StartupError::Serve)?;
    // After a rotation of the master key the node key changes, from the next start on.
    let node = Node::new(&base.master, config.money.network);
    let (store, sealer) = (base.store.clone(), base.sealer.clone());
    let (format, delivering) = (config.webhooks.webhook_format, metrics.delivering.clone());
    let outside = client.clone();
    let outbox = Outbox { store, sealer, format, client, metrics: delivering, traces: traces.clone() };
    let services = Services::new(base.store, Ledger::Queued(settler), node, base.sealer, config);
    let services = services.with_rates(rates).with_outside(outside).with_lightning(connected);
    let app = App::new(services, hub, metrics, config).with_traces(traces);
    let app = web::Data::new(app);
    let listeners = Listeners { api: listener, metrics: metrics_listener };
    let serving = run(listeners, app, outbox, config.listener.connections_max, settler_ended);
    let served = actix_web::rt::System::new().block_on(serving);
    let settled = settler_thread.stop();
    relay_thread.into_iter().for_each(RelayThread::stop);
    exporting.into_iter().for_each(Exporting::stop);
    match (served, settled) {
        (Ok(()), Ok(())) => {
            tracing::info!("stopped");
            Ok(())
        }
        (Ok(()), Err(_)) => Err(StartupError::Settler),
        (Err(error), _) => Err(error),
    }
}

fn start_traces(settings: traces::Settings) -> Result<(Traces, Exporting), StartupError> {
    let tls = tls::connector(Roots::Usual(settings.ca_file.as_deref())).map_err(StartupError::CollectorRoots)?;
    Traces::start(settings, tls).map_err(StartupError::Traces)
}

/// The parts of the handlers' state that the upkeep needs.
fn upkeep_of(app: &App) -> Upkeep {
    Upkeep {
        store: app.services.store.clone(),
        sealer: app.services.sealer.clone(),
        hub: Arc::clone(&app.hub),
        limits: Arc::clone(&app.limits),
        served: Arc::clone(&app.services.served),
        health: Arc::clone(&app.health),
    }
}

/// The sockets that the server listens on.
struct Listeners {
    api: std::net::TcpListener,
    metrics: Option<std::net::TcpListener>,
}

async fn run(
    listeners: Listeners,
    app: web::Data<App>,
    outbox: Outbox,
    connections_max: NonZeroUsize,
    mut settler_ended: oneshot::Receiver<()>,
) -> Result<(), StartupError> {
    let address = listeners.api.local_addr().map_err(StartupError::Serve)?;
    let server = wire::serve(listeners.api, &app, connections_max).map_err(StartupError::Serve)?;
    tracing::info!("listening on http://{address}; the API is described at http://{address}/docs");
    let mut tasks = Tasks::default();
    if let Some(listener) = listeners.metrics {
        // None of its responses is worth waiting for.
        let server = api::system::metrics::serve(listener, &app).map_err(StartupError::Serve)?;
        tasks.start("the metrics server", async {
            if let Err(error) = server.await {
                tracing::error!(%error, "the metrics cannot be served");
            }
        });
    }
    upkeep_of(&app).start(&mut tasks);
    tasks.start("the expiry of holds", holds::expire(app.clone()));
    node::start(&app, &mut tasks);
    if let Some(asking) = app.services.rates.asking() {
        tasks.start("the asking for rates", rates::run(asking, outbox.client.clone()));
    }
    tasks.start_finishing("the outbox", |stop| outbox.run(stop));
    let handle = server.handle();
    let mut serving = actix_web::rt::spawn(server);
    let stopped = tokio::select! {
        signal = stop_signal() => signal.map_err(StartupError::Serve),
        _ = &mut settler_ended => Err(StartupError::Settler),
        ended = tasks.ended() => Err(StartupError::Task(ended)),
        ended = &mut serving => {
            let ended = ended.unwrap_or_else(|error| Err(std::io::Error::other(error)));
            return ended.map_err(StartupError::Serve);
        }
    };
    tracing::info!("stopping: new requests are refused, requests in progress are answered");
    app.health.start_draining();
    app.hub.close();
    tasks.start_stopping();
    handle.stop(true).await;
    tasks.stop().await;
    node::leave(&app.services).await;
    stopped
}

/// Resolves when the process is asked to stop.
async fn stop_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
