//! Asks sources what a bitcoin costs, as long as somebody wants to know.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode};
use tokio::time::MissedTickBehavior;

use crate::net::client::Client;
use crate::net::request::{self, Limits, RequestError};
use crate::net::targets::Target;
use crate::rates::book::{Outcome, RecordError, Recorded};
use crate::rates::sources::{ANSWER_BYTES_MAX, ANSWER_TIME_MS_MAX, Request, SourceName};
use crate::services::rates::Asking;
use crate::telemetry::log::LogThrottle;

/// How long an answer may take, and how much of it is read.
const LIMITS: Limits = Limits::whole(Duration::from_millis(ANSWER_TIME_MS_MAX), ANSWER_BYTES_MAX);
/// How often it is looked at what is to be asked.
const TICK: Duration = Duration::from_secs(1);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    /// Where it is, is not for the log.
    #[error("it is none that requests may go to; --outgoing-allow allows hosts that are not public")]
    Forbidden,
    #[error(transparent)]
    Request(RequestError),
    /// A redirect among them: none is followed.
    #[error("status {0}")]
    Status(StatusCode),
}

impl From<RequestError> for Unanswered {
    fn from(error: RequestError) -> Self {
        if matches!(error, RequestError::Forbidden(_)) { Self::Forbidden } else { Self::Request(error) }
    }
}

/// Asks for ever: once a second what is due, and at once where somebody waits.
pub(super) async fn run(asking: Asking, client: Client) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_way = FuturesUnordered::new();
    let mut log = SourceLog::default();
    loop {
        tokio::select! {
            Some((request, answer)) = under_way.next() => {
                log.note(&request, record(&asking, &request, answer));
                continue;
            }
            _ = ticks.tick() => {}
            () = asking.wanted() => {}
        }
        under_way.extend(asking.plan().into_iter().map(|request| ask(&client, request)));
    }
}

/// Asks a source.
async fn ask(client: &Client, request: Request) -> (Request, Result<Option<Vec<u8>>, Unanswered>) {
    let answer = try_ask(client, &request.url).await;
    (request, answer)
}

/// What a source answers; `None` where it does not have what was asked for.
async fn try_ask(client: &Client, url: &str) -> Result<Option<Vec<u8>>, Unanswered> {
    let request = request::Request {
        method: Method::GET,
        target: Target::parse(url).or(Err(Unanswered::Forbidden))?,
        headers: HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]),
        body: Bytes::new(),
        consumer: None,
        is_repeatable: true,
        limits: LIMITS,
    };
    let response = client.ask(request).await?;
    match response.status {
        StatusCode::OK => Ok(Some(response.into_whole_body()?.into())),
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
        other => Err(Unanswered::Status(other)),
    }
}

/// Why nothing came of a request.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error(transparent)]
    Unrecorded(#[from] RecordError),
}

/// Keeps what came of a request.
fn record(
    asking: &Asking,
    request: &Request,
    answer: Result<Option<Vec<u8>>, Unanswered>,
) -> Result<Recorded, Failure> {
    match answer {
        Ok(Some(body)) => Ok(asking.record(request, &Outcome::Answered(&body))?),
        Ok(None) => Ok(asking.record(request, &Outcome::NotFound)?),
        Err(why) => {
            // That it has failed is known already, and why.
            let (Ok(_) | Err(_)) = asking.record(request, &Outcome::Failed);
            Err(why.into())
        }
    }
}

/// Logs what became of requests to sources: by the names of these, because a URL may hold a key. A source
/// that keeps failing is logged from time to time.
#[derive(Debug, Default)]
struct SourceLog(BTreeMap<SourceName, LogThrottle>);

impl SourceLog {
    fn note(&mut self, request: &Request, recorded: Result<Recorded, Failure>) {
        let source = &request.source;
        let throttle = self.0.entry(source.clone()).or_default();
        match recorded {
            Err(error) if throttle.is_due() => tracing::warn!(%source, %error, "a source of rates has failed"),
            Err(error) => tracing::debug!(%source, %error, "a source of rates has failed"),
            Ok(Recorded { refused, .. }) if !refused.is_empty() && throttle.is_due() => {
                tracing::warn!(%source, ?refused, "a source of rates says what cannot be");
            }
            Ok(Recorded { quoted, missing, refused }) => {
                tracing::debug!(%source, ?quoted, ?missing, ?refused, "a source of rates has answered");
                if refused.is_empty() {
                    throttle.settle();
                }
            }
        }
    }
}
