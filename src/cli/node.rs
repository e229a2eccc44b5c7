//! The Lightning node at the command line.

use clap::Subcommand;
use serde_json::json;

use super::{Answer, CliError};
use crate::config::Config;
use crate::domain::money::Msat;
use crate::server;
use crate::server::{Base, block_on};
use crate::services::lightning::comparison::{self, Comparison};
use crate::services::lightning::operating::{self, Looked, Reconciled};

#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// Show who the node is, what it holds, and what is under way; fails if it does not answer
    Status,
    /// Look up every payment under way and every invoice at the node, and book what has ended or arrived
    Reconcile,
}

pub(super) fn run(config: &Config, command: &NodeCommand) -> Result<Answer, CliError> {
    match command {
        NodeCommand::Status => status(config),
        NodeCommand::Reconcile => reconcile(config),
    }
}

fn status(config: &Config) -> Result<Answer, CliError> {
    let services = Base::open(config)?.on_the_spot(config).0.with_lightning(server::lightning(config)?);
    let Looked { name, identity, balance, under_way, oldest_s, liabilities } = block_on(operating::look(&services))??;
    let msat = |amount: Option<Msat>| amount.map_or_else(|| "not told".to_owned(), |it| format!("{} msat", it.get()));
    let oldest = oldest_s.map_or_else(String::new, |age_s| format!(", the oldest for {age_s} s"));
    let text = format!(
        "{name}\nid: {}\nalias: {}\nversion: {}\nsynced: {}\nin channels: {}\ncan receive: {}\non the chain: {}\nheld by wallets: {} msat\nunder way: {under_way}{oldest}",
        identity.id,
        identity.alias,
        identity.version,
        identity.is_synced,
        msat(Some(balance.local)),
        msat(balance.remote),
        msat(balance.onchain),
        liabilities.get(),
    );
    let json = json!({
        "name": name,
        "id": identity.id,
        "alias": identity.alias,
        "version": identity.version,
        "synced": identity.is_synced,
        "network": identity.network,
        "local_msat": balance.local,
        "remote_msat": balance.remote,
        "onchain_msat": balance.onchain,
        "liabilities_msat": liabilities,
        "under_way": under_way,
        "oldest_under_way_s": oldest_s,
    });
    Ok(Answer { text, json })
}

fn reconcile(config: &Config) -> Result<Answer, CliError> {
    let services = Base::open(config)?.on_the_spot(config).0.with_lightning(server::lightning(config)?);
    let Reconciled { looked_up, ended, booked } = block_on(operating::reconcile(&services))??;
    let text =
        format!("looked up {looked_up} payments under way, of which {ended} have ended; booked {booked} receipts");
    Ok(Answer { text, json: json!({"looked_up": looked_up, "ended": ended, "booked": booked}) })
}

/// Compares the node's books with the rows; fails if they differ.
pub(super) fn audit(config: &Config, json: bool) -> Result<(), CliError> {
    let services = Base::open(config)?.on_the_spot(config).0.with_lightning(server::lightning(config)?);
    let comparison = block_on(comparison::compare(&services))??;
    let Comparison { node, payments, receipts, differences, node_balance_msat, liabilities_msat } = &comparison;
    if json {
        println!("{}", json!({"holds": differences.is_empty(), "comparison": comparison}));
    } else {
        println!("node {node}: {payments} payments and {receipts} receipts, {} differences", differences.len());
        for difference in differences {
            let (hash, msat) = (difference.payment_hash, difference.amount_msat.get());
            println!("{hash} {msat} msat: {}", difference.what.words());
        }
        let held = node_balance_msat.map_or_else(|| "not told".to_owned(), |it| format!("{} msat", it.get()));
        println!("in channels: {held}; held by wallets: {} msat", liabilities_msat.get());
    }
    if differences.is_empty() { Ok(()) } else { Err(CliError::Node(differences.len())) }
}
