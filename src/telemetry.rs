//! The log: on standard error, so that standard output is for what scripts read.
//!
//! Secrets never reach it: keys, passwords and preimages are types whose `Debug` shows
//! nothing, and a request is logged by the pattern of its route.

use tracing_subscriber::EnvFilter;

/// The environment variable that says what to log, as `warn` or `satkeep=debug`.
const FILTER: &str = "SATKEEP_LOG";
/// Warnings, and what satkeep does. What actix calls an error is a client's broken request,
/// with which anybody could fill the log.
const FILTER_DEFAULT: &str = "warn,satkeep=info,actix_http=off";

/// Starts logging, as the variable says.
pub fn start() {
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(FILTER_DEFAULT));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A second start in the same process would change nothing.
    drop(subscriber.with_ansi(colours).try_init());
}
