//! The log: on standard error, so that standard output is for what scripts read.
//!
//! Secrets never reach it: keys, passwords and preimages are types whose `Debug` shows
//! nothing, and a request is logged by the pattern of its route.

use std::time::{Duration, Instant};

use tracing_subscriber::EnvFilter;

/// The environment variable that says what to log, as `warn` or `satkeep=debug`.
const FILTER: &str = "SATKEEP_LOG";
/// Warnings, and what satkeep does. What actix calls an error is a client's broken request,
/// with which anybody could fill the log.
const FILTER_DEFAULT: &str = "warn,satkeep=info,actix_http=off";

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person.
    Text,
    /// For a program: one JSON object a line, with the fields of the event beside `message`.
    Json,
}

impl LogFormat {
    /// By its name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Starts logging, as the variable says.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(FILTER_DEFAULT));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A second start in the same process would change nothing.
    drop(match format {
        LogFormat::Text => subscriber.with_ansi(colours).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    });
}

/// How long a complaint that is told again and again is not told again.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(60);

/// When something was complained about last.
#[derive(Debug, Default)]
pub struct LogThrottle(Option<Instant>);

impl LogThrottle {
    /// Whether it is time to complain (again), which the caller then does.
    pub fn is_due(&mut self) -> bool {
        let is_due = self.0.is_none_or(|at| at.elapsed() >= COMPLAINT_PAUSE);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }

    /// The cause is gone: the next one is told at once.
    pub fn settle(&mut self) {
        self.0 = None;
    }
}
