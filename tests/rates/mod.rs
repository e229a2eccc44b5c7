//! Amounts in other currencies: fixed rates, sources that are good and bad, and what is refused.

mod amounts;
mod endpoints;
mod off;
mod sources;
mod transfers;
mod wallets;

use crate::harness::Options;

/// A server with these flags.
fn with(arguments: &[&str]) -> Options {
    Options { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), ..Options::default() }
}

/// A server where a bitcoin costs what the operator says.
fn fixed() -> Options {
    with(&["--rate-fixed", "USD=65000,EUR=60000.50,PTS=1000000"])
}
