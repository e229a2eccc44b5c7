//! What the server tells of itself.

use std::net::SocketAddr;

use clap::Args;

use super::values;
use super::values::Maybe;
use crate::telemetry::log::LogFormat;
use crate::telemetry::traces;

/// The log, metrics and traces.
#[derive(Args, Clone, Debug)]
pub struct Telemetry {
    /// What the lines of the log look like: text or json
    #[arg(long, global = true, env = "SATKEEP_LOG_FORMAT", default_value = "text", value_parser = values::log_format)]
    pub log_format: LogFormat,
    /// Address and port of the metrics, for Prometheus; none by default
    #[arg(
        long, global = true, env = "SATKEEP_METRICS_LISTEN",
        default_value = "", value_parser = values::metrics_listen
    )]
    pub metrics_listen: Maybe<SocketAddr>,
    /// Collector that traces are sent to (OTLP, http/protobuf), as `http://127.0.0.1:4318`; none by default
    #[arg(
        long, global = true, env = "SATKEEP_OTLP_ENDPOINT", hide_env_values = true,
        default_value = "", value_parser = values::otlp_endpoint
    )]
    pub otlp_endpoint: Maybe<traces::Settings>,
}
