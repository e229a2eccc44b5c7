//! The configuration: flags, each with an environment twin, checked all at once.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::crypto::password::Hasher;
use crate::domain::money::{Amount, SAT_MAX};
use crate::domain::node::Network;
use crate::domain::webhooks::WebhookFormat;
use crate::live::quota;
use crate::net::allow_list::AllowList;
use crate::net::proxies::TrustedProxies;
use crate::net::targets::{Ports, TargetPolicy};
use crate::store::Database;
use crate::telemetry::log::LogFormat;
use crate::telemetry::traces;

/// The flags of every subcommand, as they were given.
#[derive(Args, Clone)]
pub struct Flags {
    /// Address and port to listen on
    #[arg(long, global = true, env = "SATKEEP_LISTEN", default_value = "127.0.0.1:5001")]
    listen: String,
    /// `sqlite://PATH` or `postgres://…`; a SQLite file in the data directory by default
    #[arg(long, global = true, env = "SATKEEP_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Directory of the master key and of the default database
    #[arg(long, global = true, env = "SATKEEP_DATA_DIR", default_value = "./data")]
    data_dir: PathBuf,
    /// Network of new invoices: bitcoin, testnet, signet or regtest
    #[arg(long, global = true, env = "SATKEEP_NETWORK", default_value = "bitcoin")]
    network: String,
    /// Sats that a new manager of the command line starts with, credited from issuance
    #[arg(long, global = true, env = "SATKEEP_BOOTSTRAP_SATS", default_value = "0")]
    bootstrap_sats: String,
    /// Largest amount of one invoice, in sat; no amount or balance exceeds 21,000,000 BTC
    #[arg(long, global = true, env = "SATKEEP_INVOICE_SAT_MAX", default_value = "100000000")]
    invoice_sat_max: String,
    /// Memory of a password's hash (argon2id), in KiB; at least 19456
    #[arg(long, global = true, env = "SATKEEP_PASSWORD_MEMORY_KIB", default_value = "19456")]
    password_memory_kib: String,
    /// Passes of a password's hash (argon2id); at least 2
    #[arg(long, global = true, env = "SATKEEP_PASSWORD_PASSES", default_value = "2")]
    password_passes: String,
    /// Let webhooks go to any address and port, this machine included: for development
    #[arg(
        long, global = true, env = "SATKEEP_WEBHOOK_ALLOW_PRIVATE",
        num_args = 0..=1, default_value = "false", default_missing_value = "true"
    )]
    webhook_allow_private: String,
    /// Hosts, addresses and networks that requests may go to though they are not public, each with
    /// or without a port: `127.0.0.1:7000,10.0.0.0/8,app,*.internal:443`; none by default
    #[arg(long, global = true, env = "SATKEEP_OUTGOING_ALLOW", hide_env_values = true, default_value = "")]
    outgoing_allow: String,
    /// What webhooks of invoices look like, where a manager has not chosen: reference or lnbits
    #[arg(long, global = true, env = "SATKEEP_WEBHOOK_FORMAT", default_value = "reference")]
    webhook_format: String,
    /// Ports that webhooks may go to: ports and ranges, with commas between
    #[arg(long, global = true, env = "SATKEEP_WEBHOOK_PORTS", default_value = "80,443,1024-65535")]
    webhook_ports: String,
    /// File with certificates (PEM) of authorities that webhooks over TLS trust besides the usual ones
    #[arg(long, global = true, env = "SATKEEP_WEBHOOK_CA_FILE")]
    webhook_ca_file: Option<PathBuf>,
    /// Requests a second for each key; 0 is off
    #[arg(long, global = true, env = "SATKEEP_RATE_LIMIT", default_value = "0")]
    rate_limit: String,
    /// Requests a second for each client address (IPv6: for each /64); 0 is off
    #[arg(long, global = true, env = "SATKEEP_RATE_LIMIT_ADDRESS", default_value = "0")]
    rate_limit_address: String,
    /// Proxies whose `X-Forwarded-For` is believed: addresses and networks, with commas between,
    /// as `127.0.0.1,10.0.0.0/8`
    #[arg(long, global = true, env = "SATKEEP_TRUSTED_PROXIES", default_value = "")]
    trusted_proxies: String,
    /// Connections at once; further ones wait
    #[arg(long, global = true, env = "SATKEEP_CONNECTIONS_MAX", default_value = "10000")]
    connections_max: String,
    /// Live streams (SSE and WebSocket) at once; half of the connections at most
    #[arg(long, global = true, env = "SATKEEP_STREAMS_MAX", default_value = "5000")]
    streams_max: String,
    /// Live streams of all wallets and invoices of one tenant, at once; by default a quarter of
    /// all, and no fewer than of one wallet
    #[arg(long, global = true, env = "SATKEEP_STREAMS_PER_TENANT")]
    streams_per_tenant: Option<String>,
    /// Live streams of one wallet, or to one invoice, at once
    #[arg(long, global = true, env = "SATKEEP_STREAMS_PER_WALLET", default_value = "100")]
    streams_per_wallet: String,
    /// Address and port of the metrics, for Prometheus; none by default
    #[arg(long, global = true, env = "SATKEEP_METRICS_LISTEN", default_value = "")]
    metrics_listen: String,
    /// Collector that traces are sent to (OTLP, http/protobuf), as `http://127.0.0.1:4318`; none by default
    #[arg(long, global = true, env = "SATKEEP_OTLP_ENDPOINT", hide_env_values = true, default_value = "")]
    otlp_endpoint: String,
    /// What the lines of the log look like: text or json
    #[arg(long, global = true, env = "SATKEEP_LOG_FORMAT", default_value = "text")]
    log_format: String,
    /// Minutes that a login lasts
    #[arg(long, global = true, env = "SATKEEP_SESSION_MINUTES", default_value = "1440")]
    session_minutes: String,
    /// Let anybody open a manager account
    #[arg(
        long, global = true, env = "SATKEEP_ALLOW_SIGNUP",
        num_args = 0..=1, default_value = "false", default_missing_value = "true"
    )]
    allow_signup: String,
}

/// The configuration, every value valid.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Which database.
    pub database: Database,
    /// Where the master key is.
    pub data_dir: PathBuf,
    /// The network of new invoices.
    pub network: Network,
    /// What the first manager starts with.
    pub bootstrap: Option<Amount>,
    /// The largest amount of one invoice, in sat.
    pub invoice_sat_max: i64,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Where webhooks may go.
    pub targets: TargetPolicy,
    /// What the webhooks of invoices look like, where a manager has not chosen.
    pub webhook_format: WebhookFormat,
    /// Authorities that webhooks trust besides the usual ones.
    pub webhook_ca_file: Option<PathBuf>,
    /// Requests a second for each key; 0 is off.
    pub rate_limit: u32,
    /// Requests a second for each client address; 0 is off.
    pub rate_limit_address: u32,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Connections at once.
    pub connections_max: NonZeroUsize,
    /// Where to listen for who asks for metrics.
    pub metrics_listen: Option<SocketAddr>,
    /// Where traces go, where they go anywhere.
    pub traces: Option<traces::Settings>,
    /// How many live streams there may be.
    pub streams: quota::Limits,
    /// How long a login lasts, in seconds.
    pub session_s: i64,
    /// Whether anybody may open a manager account.
    pub allow_signup: bool,
}

/// The longest login: a year.
const SESSION_MINUTES_MAX: i64 = 365 * 24 * 60;

/// The highest limit of requests a second; a higher one would be no limit.
const RATE_LIMIT_MAX: u32 = 1_000_000;

/// Everything that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is not valid:\n  {}", .0.join("\n  "))]
pub struct InvalidConfig(Vec<String>);

impl Flags {
    /// What the log looks like, which must be known before anything is wrong: text, where the
    /// flag says nothing that is known.
    pub fn log_format(&self) -> LogFormat {
        LogFormat::from_name(&self.log_format).unwrap_or(LogFormat::Text)
    }

    /// Checks all flags, and tells everything that is wrong with them.
    pub fn check(&self) -> Result<Config, InvalidConfig> {
        let mut errors = Vec::new();
        let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let traces = traces::Settings::check(&self.otlp_endpoint, variable);
        let traces = traces.map_err(|problems| errors.extend(problems)).ok();
        let mut note = |flag: &str, problem: &str| errors.push(format!("--{flag}: {problem}"));

        let listen: Option<SocketAddr> =
            parse(&self.listen, || note("listen", "must be an address and a port, as 127.0.0.1:5001"));
        let database = match self.database_url.as_deref().filter(|url| !url.is_empty()) {
            None => Some(Database::Sqlite(self.data_dir.join("satkeep.sqlite"))),
            Some(url) => Database::from_url(url).map_err(|error| note("database-url", &error.to_string())).ok(),
        };
        let network = Network::from_name(&self.network);
        if network.is_none() {
            note("network", "must be bitcoin, testnet, signet or regtest");
        }
        let bootstrap = match self.bootstrap_sats.parse::<i64>() {
            Ok(0) => Some(None),
            Ok(sat) => Amount::from_sat(sat).ok().map(Some),
            Err(_) => None,
        };
        if bootstrap.is_none() {
            note("bootstrap-sats", &format!("must be a whole number of sat, from 0 to {SAT_MAX}"));
        }
        let invoice_sat_max = self.invoice_sat_max.parse().ok().filter(|sat| Amount::from_sat(*sat).is_ok());
        if invoice_sat_max.is_none() {
            note("invoice-sat-max", &format!("must be a whole number of sat, from 1 to {SAT_MAX}"));
        }
        let cost = self.password_memory_kib.parse().ok().zip(self.password_passes.parse().ok());
        let hasher = cost.and_then(|(memory_kib, passes)| Hasher::new(memory_kib, passes));
        if hasher.is_none() {
            note("password-memory-kib", "must be from 19456 to 1048576, and --password-passes from 2 to 100");
        }
        let allow_private =
            parse(&self.webhook_allow_private, || note("webhook-allow-private", "must be true or false"));
        let ports = Ports::from_str(&self.webhook_ports);
        let ports = ports.map_err(|error| note("webhook-ports", &error.to_string())).ok();
        let outgoing = AllowList::from_str(&self.outgoing_allow);
        let outgoing = outgoing.map_err(|error| note("outgoing-allow", &error.to_string())).ok();
        let webhook_format = WebhookFormat::from_name(&self.webhook_format);
        if webhook_format.is_none() {
            note("webhook-format", "must be reference or lnbits");
        }
        let per_second = |text: &str| text.parse().ok().filter(|limit| *limit <= RATE_LIMIT_MAX);
        let rate_limit = per_second(&self.rate_limit);
        if rate_limit.is_none() {
            note("rate-limit", "must be a whole number from 0 (off) to 1000000");
        }
        let rate_limit_address = per_second(&self.rate_limit_address);
        if rate_limit_address.is_none() {
            note("rate-limit-address", "must be a whole number from 0 (off) to 1000000");
        }
        let trusted_proxies = TrustedProxies::from_str(&self.trusted_proxies);
        let trusted_proxies = trusted_proxies.map_err(|error| note("trusted-proxies", &error.to_string())).ok();
        let connections_max: Option<NonZeroUsize> =
            parse(&self.connections_max, || note("connections-max", "must be a whole number, above 0"));
        let metrics_listen = match self.metrics_listen.as_str() {
            "" => Some(None),
            address => address.parse::<SocketAddr>().ok().map(Some),
        };
        if metrics_listen.is_none() {
            note("metrics-listen", "must be an address and a port, as 127.0.0.1:9090");
        }
        if LogFormat::from_name(&self.log_format).is_none() {
            note("log-format", "must be text or json");
        }
        let streams = self.streams(connections_max, &mut note);
        let session_minutes: Option<i64> = self.session_minutes.parse().ok();
        let session_minutes = session_minutes.filter(|minutes| (1..=SESSION_MINUTES_MAX).contains(minutes));
        if session_minutes.is_none() {
            note("session-minutes", "must be a whole number from 1 to 525600");
        }
        let allow_signup = parse(&self.allow_signup, || note("allow-signup", "must be true or false"));
        let config = || {
            Some(Config {
                listen: listen?,
                database: database?,
                data_dir: self.data_dir.clone(),
                network: network?,
                bootstrap: bootstrap?,
                invoice_sat_max: invoice_sat_max?,
                hasher: hasher?,
                targets: TargetPolicy { ports: ports?, outgoing: outgoing?, allow_private: allow_private? },
                webhook_format: webhook_format?,
                webhook_ca_file: self.webhook_ca_file.clone(),
                rate_limit: rate_limit?,
                rate_limit_address: rate_limit_address?,
                trusted_proxies: trusted_proxies?,
                connections_max: connections_max?,
                metrics_listen: metrics_listen?,
                streams: streams?,
                traces: traces?,
                session_s: session_minutes?.saturating_mul(60),
                allow_signup: allow_signup?,
            })
        };
        config().filter(|_| errors.is_empty()).ok_or(InvalidConfig(errors))
    }

    /// How many live streams there may be.
    fn streams(
        &self,
        connections_max: Option<NonZeroUsize>,
        note: &mut impl FnMut(&str, &str),
    ) -> Option<quota::Limits> {
        let mut count = |flag, text: &str| parse(text, || note(flag, "must be a whole number, 0 or above"));
        let in_all: Option<usize> = count("streams-max", &self.streams_max);
        let per_wallet: Option<usize> = count("streams-per-wallet", &self.streams_per_wallet);
        let per_tenant = match self.streams_per_tenant.as_deref().filter(|text| !text.is_empty()) {
            None => Some(None),
            Some(text) => count("streams-per-tenant", text).map(Some),
        };
        // Others must get through beside all streams.
        let streams_max = in_all?.min(connections_max?.get() / 2);
        let topic_max = per_wallet?;
        let tenant_max = per_tenant?.unwrap_or_else(|| topic_max.max(streams_max / 4));
        Some(quota::Limits { streams_max, tenant_max, topic_max })
    }
}

/// A flag's value; where there is none, says so.
fn parse<T: FromStr>(text: &str, complain: impl FnOnce()) -> Option<T> {
    let value = text.parse().ok();
    if value.is_none() {
        complain();
    }
    value
}
