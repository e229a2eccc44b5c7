//! The log. It goes to standard error, so that standard output is free for what scripts read.
//!
//! Secrets never reach it: keys, passwords and preimages are types whose `Debug` shows nothing, and
//! requests are logged by their route patterns.

use std::time::{Duration, Instant};

use tracing_subscriber::EnvFilter;

/// The environment variable that sets the log filter, such as `warn` or `satkeep=debug`.
const FILTER: &str = "SATKEEP_LOG";
/// Warnings, and satkeep's own activity. What actix calls an error is a client's malformed request,
/// which would let anybody fill the log.
const FILTER_DEFAULT: &str = "warn,satkeep=info,actix_http=off";

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object per line, with the event's fields next to `message`.
    Json,
}

impl LogFormat {
    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Starts logging, filtered by the environment variable.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(FILTER_DEFAULT));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A second start in the same process has no effect.
    drop(match format {
        LogFormat::Text => subscriber.with_ansi(colours).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    });
}

/// How long a recurring message is suppressed after it was logged.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(60);

/// When something was last complained about.
#[derive(Debug, Default)]
pub struct LogThrottle(Option<Instant>);

impl LogThrottle {
    /// Whether the caller should log the message now.
    pub fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|at| at.elapsed() >= COMPLAINT_PAUSE);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }

    /// The cause is gone: the next message is logged at once.
    pub fn settle(&mut self) {
        self.0 = None;
    }
}
