//! The metrics, on a listener of their own: whoever may reach it may read them, so it is off
//! where nobody has named an address.

use actix_web::http::header;
use actix_web::{App as ActixApp, HttpResponse, HttpServer, ResponseError, dev, web};

use crate::api::framework::app::State;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::clock;
use crate::rates::currency::Currency;
use crate::rates::quotes::Rate;
use crate::services::health::{self, Load};
use crate::services::lightning::NodeStanding;
use crate::services::lightning::operating;
use crate::services::rates::{Rates, Standing};
use crate::telemetry::metrics::lightning::NodeState;
use crate::telemetry::metrics::rates::{OneRate, RateStanding};
use crate::telemetry::metrics::{GRAFANA, Snapshot};

/// What Prometheus is told that it reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Connections at once: a few servers of Prometheus, and a person.
const CONNECTIONS_MAX: usize = 32;

/// Serves `/metrics`, and the dashboard at `/grafana.json`.
pub fn serve(listener: std::net::TcpListener, app: &State) -> std::io::Result<dev::Server> {
    let app = app.clone();
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(app.clone())
            .route("/metrics", web::get().to(metrics))
            .route("/metrics", web::head().to(metrics))
            .route("/grafana.json", web::get().to(dashboard))
            .route("/grafana.json", web::head().to(dashboard))
    })
    .workers(1)
    .max_connections(CONNECTIONS_MAX)
    .disable_signals()
    .listen(listener)?;
    for address in server.addrs() {
        tracing::info!("metrics are at http://{address}/metrics; a dashboard for Grafana is at /grafana.json");
    }
    Ok(server.run())
}

async fn metrics(app: State) -> HttpResponse {
    let Load { queued, pool_busy, pool_idle } = health::load(&app.services);
    let rates = standing(&app.services.rates);
    let node = node(&app).await;
    let now = Snapshot { queued, pool_busy, pool_idle, streams: app.hub.open(), rates, node };
    match app.metrics.text(&now) {
        Ok(text) => HttpResponse::Ok().insert_header((header::CONTENT_TYPE, OPEN_METRICS)).body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            ApiError::from(ErrorCode::Internal).error_response()
        }
    }
}

/// How the Lightning node is; none where there is none, or where the database does not tell what is under way.
async fn node(app: &State) -> Option<NodeState> {
    let connected = app.services.lightning.connected()?;
    let load = operating::load(&app.services).await.ok()?;
    let NodeStanding { identity, balance, heard_at, .. } = connected.standing.now();
    let now = clock::now();
    Some(NodeState {
        is_up: identity.is_some(),
        local_msat: balance.map(|balance| balance.local.get()),
        liabilities_msat: load.liabilities.get(),
        under_way: load.under_way,
        oldest_s: load.oldest_s,
        heard_s: now.seconds().saturating_sub(heard_at.seconds()),
    })
}

fn standing(rates: &Rates) -> RateStanding {
    let (Standing { wanted, unavailable, divergent }, now) = (rates.standing(), clock::now());
    let one = |(currency, rate): (Currency, Option<Rate>)| OneRate {
        currency: currency.to_string(),
        sources: rate.as_ref().map_or(0, |rate| rate.sources.len()),
        age_s: rate.map(|rate| rate.age_s(now)),
    };
    RateStanding { wanted: wanted.into_iter().map(one).collect(), unavailable, divergent }
}

async fn dashboard() -> HttpResponse {
    HttpResponse::Ok().insert_header(header::ContentType::json()).body(GRAFANA)
}
