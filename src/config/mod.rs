//! The configuration: flags, each with an environment twin, in one group for each concern.
//!
//! The groups are what clap fills and what the program reads: a flag is stated once, and its
//! value is checked where it is read ([`values`]). The command line tells all that is wrong at
//! once (`cli::arguments`).

use clap::Args;

mod lightning;
mod limits;
mod links;
mod listener;
mod login;
mod money;
mod rates;
mod sending;
mod storage;
mod telemetry;
pub(crate) mod values;
mod webhooks;

pub use lightning::Lightning;
pub use limits::Limits;
pub use links::Links;
pub use listener::Listener;
pub use login::Login;
pub use money::Money;
pub use rates::Rates;
pub use sending::Sending;
pub use storage::Storage;
pub use telemetry::Telemetry;
pub use webhooks::Webhooks;

/// The configuration, every value valid.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Where the server listens, and behind whom.
    #[command(flatten)]
    pub listener: Listener,
    /// Where everything is kept.
    #[command(flatten)]
    pub storage: Storage,
    /// What the outside calls this server.
    #[command(flatten)]
    pub links: Links,
    /// Invoices and amounts.
    #[command(flatten)]
    pub money: Money,
    /// The Lightning node behind the ledger.
    #[command(flatten)]
    pub lightning: Lightning,
    /// What payments to other nodes may cost, and how many may be under way.
    #[command(flatten)]
    pub sending: Sending,
    /// What a bitcoin costs in other currencies.
    #[command(flatten)]
    pub rates: Rates,
    /// How people get in.
    #[command(flatten)]
    pub login: Login,
    /// How much at once.
    #[command(flatten)]
    pub limits: Limits,
    /// Where webhooks may go, and what they look like.
    #[command(flatten)]
    pub webhooks: Webhooks,
    /// What the server tells of itself.
    #[command(flatten)]
    pub telemetry: Telemetry,
}

/// Everything that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is not valid:\n  {}", .0.join("\n  "))]
pub struct InvalidConfig(pub Vec<String>);
