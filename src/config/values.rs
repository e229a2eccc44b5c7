//! How the values of flags are read. What is wrong is told without the value, which may be a
//! secret that has got into the wrong place.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use crate::domain::lnurl::places::{Base, InvalidBase};
use crate::domain::money::{Amount, MSAT_MAX, Msat, SAT_MAX};
use crate::domain::node::Network;
use crate::domain::webhooks::WebhookFormat;
use crate::lightning::settings::{InvalidSettings, Settings};
use crate::rates::settings::{InvalidQuorum, Quorum};
use crate::store::Database;
use crate::telemetry::log::LogFormat;
use crate::telemetry::traces;

/// A value that an empty text leaves out. By a name of its own, because to clap an `Option` is a
/// flag that may be missing.
pub type Maybe<T> = Option<T>;

/// The longest login: a year.
const SESSION_MINUTES_MAX: i64 = 365 * 24 * 60;
/// The highest limit of requests a second; a higher one would be no limit.
const RATE_LIMIT_MAX: u32 = 1_000_000;

/// The most invoices of one link that can be let wait: they are counted whenever one more is asked for.
const LINK_INVOICES_MAX: u32 = 100_000;
/// The most payments to other nodes that can be let be under way: they are added up whenever one more begins.
const PAYMENTS_MAX: u32 = 10_000;

/// What is wrong with settings that belong together, each line naming its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n  "))
    }
}

impl std::error::Error for Problems {}

/// What a text is read as, where there is one.
fn maybe<T, E>(text: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<Maybe<T>, E> {
    if text.is_empty() { Ok(None) } else { read(text).map(Some) }
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().or(Err("must be an address and a port, as 127.0.0.1:5001"))
}

pub(super) fn metrics_listen(text: &str) -> Result<Maybe<SocketAddr>, &'static str> {
    maybe(text, |text| text.parse().or(Err("must be an address and a port, as 127.0.0.1:9090")))
}

pub(super) fn database_url(text: &str) -> Result<Maybe<Database>, String> {
    maybe(text, |url| Database::from_url(url).map_err(|error| error.to_string()))
}

pub(super) fn public_url(text: &str) -> Result<Maybe<Base>, InvalidBase> {
    maybe(text, str::parse)
}

pub(super) fn network(text: &str) -> Result<Network, &'static str> {
    Network::from_name(text).ok_or("must be bitcoin, testnet, signet or regtest")
}

/// No sats are no credit.
pub(super) fn bootstrap_sats(text: &str) -> Result<Maybe<Amount>, String> {
    let sat = text.parse().ok();
    let amount = sat.and_then(|sat: i64| if sat == 0 { Some(None) } else { Amount::from_sat(sat).ok().map(Some) });
    amount.ok_or_else(|| format!("must be a whole number of sat, from 0 to {SAT_MAX}"))
}

pub(super) fn invoice_sat_max(text: &str) -> Result<i64, String> {
    let sat = text.parse().ok().filter(|sat| Amount::from_sat(*sat).is_ok());
    sat.ok_or_else(|| format!("must be a whole number of sat, from 1 to {SAT_MAX}"))
}

/// A fee that is no part of the amount.
pub(super) fn msat(text: &str) -> Result<Msat, String> {
    let msat = text.parse().ok().map(Msat::new).filter(|msat| !msat.is_negative() && !msat.is_beyond_supply());
    msat.ok_or_else(|| format!("must be a whole number of msat, from 0 to {}", MSAT_MAX.get()))
}

/// A part of an amount.
pub(super) fn ppm(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|ppm| *ppm <= 1_000_000).ok_or("must be a whole number of millionths, from 0 to 1000000")
}

pub(super) fn payments_max(text: &str) -> Result<u32, &'static str> {
    let most = text.parse().ok().filter(|most| (1..=PAYMENTS_MAX).contains(most));
    most.ok_or("must be a whole number from 1 to 10000")
}

/// No sats are no limit.
pub(super) fn sat_max(text: &str) -> Result<Maybe<Amount>, String> {
    bootstrap_sats(text)
}

pub(super) fn link_invoices_max(text: &str) -> Result<u32, &'static str> {
    let most = text.parse().ok().filter(|most| (1..=LINK_INVOICES_MAX).contains(most));
    most.ok_or("must be a whole number from 1 to 100000")
}

pub(super) fn lightning(text: &str) -> Result<Maybe<Settings>, InvalidSettings> {
    maybe(text, str::parse)
}

pub(super) fn rate_quorum(text: &str) -> Result<Maybe<Quorum>, InvalidQuorum> {
    maybe(text, str::parse)
}

pub(super) fn session_minutes(text: &str) -> Result<i64, String> {
    let minutes = text.parse().ok().filter(|minutes| (1..=SESSION_MINUTES_MAX).contains(minutes));
    minutes.ok_or_else(|| format!("must be a whole number from 1 to {SESSION_MINUTES_MAX}"))
}

pub(super) fn boolean(text: &str) -> Result<bool, &'static str> {
    text.parse().or(Err("must be true or false"))
}

pub(super) fn webhook_format(text: &str) -> Result<WebhookFormat, &'static str> {
    WebhookFormat::from_name(text).ok_or("must be reference or lnbits")
}

pub(super) fn rate_limit(text: &str) -> Result<u32, &'static str> {
    let limit = text.parse().ok().filter(|limit| *limit <= RATE_LIMIT_MAX);
    limit.ok_or("must be a whole number from 0 (off) to 1000000")
}

pub(super) fn connections_max(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().or(Err("must be a whole number, above 0"))
}

pub(super) fn streams(text: &str) -> Result<usize, &'static str> {
    text.parse().or(Err("must be a whole number, 0 or above"))
}

pub(super) fn streams_or_default(text: &str) -> Result<Maybe<usize>, &'static str> {
    maybe(text, streams)
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, &'static str> {
    LogFormat::from_name(text).ok_or("must be text or json")
}

/// Where traces go, which OpenTelemetry's own variables say as well.
pub(super) fn otlp_endpoint(text: &str) -> Result<Maybe<traces::Settings>, Problems> {
    let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    traces::Settings::check(text, variable).map_err(Problems)
}
