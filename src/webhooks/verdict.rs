//! What happens to a delivery after an attempt, or if there was nothing to send. The clock and
//! randomness are used only for the time of the retry.

use std::time::Duration;

use crate::clock;
use crate::crypto::random;
use crate::domain::time::UnixMs;
use crate::domain::webhooks::{holds_its_line, next_attempt};
use crate::net::request::RequestError;
use crate::store::webhooks::attempts::{Attempt, Verdict};
use crate::store::webhooks::claims::Claimed;
use crate::webhooks::fairness::CameBack;
use crate::webhooks::post::Answer;

/// When a delivery that could not be built or sent is tried again, in seconds.
pub(super) const UNREADY_S: i64 = 5;
/// A later response delays others.
const PROMPT_MS: i64 = 2000;

fn blank(delivery: Claimed, verdict: Verdict) -> Attempt {
    Attempt { delivery, verdict, at: clock::now(), duration_ms: 0, status_code: None, answer: None, error: None }
}

pub(super) fn untried(delivery: Claimed, seconds: i64) -> Attempt {
    blank(delivery, Verdict::Postponed(clock::now().plus_seconds(seconds)))
}

pub(super) fn parked(delivery: Claimed, why: &str) -> Attempt {
    Attempt { error: Some(why.to_owned()), ..blank(delivery, Verdict::Parked) }
}

/// What happens to a delivery whose attempt failed.
fn failed(delivery: &Claimed) -> Verdict {
    match next_attempt(clock::now(), delivery.attempts, u16::from_be_bytes(random::bytes())) {
        Some(at) => Verdict::Retry { at, holds_line: holds_its_line(delivery.attempts) },
        None => Verdict::Parked,
    }
}

pub(super) fn unmakeable(delivery: Claimed) -> Attempt {
    let why = "nothing was sent: what happened, or the secret that signs it, cannot be read here";
    let verdict = failed(&delivery);
    Attempt { error: Some(why.to_owned()), ..blank(delivery, verdict) }
}

/// The result of an attempt.
pub(super) fn attempt(delivery: Claimed, at: UnixMs, took: Duration, came: Result<Answer, RequestError>) -> Attempt {
    if came == Err(RequestError::Busy) {
        return untried(delivery, UNREADY_S);
    }
    let (status_code, answer, error) = match came {
        Ok(answer) if answer.is_success() => (Some(answer.status), Some(answer.body), None),
        Ok(answer) => {
            let error = format!("the status of the answer was {}, not one of 200 to 299", answer.status);
            (Some(answer.status), Some(answer.body), Some(error))
        }
        Err(error) => (None, None, Some(error.to_string())),
    };
    let verdict = if error.is_none() { Verdict::Delivered } else { failed(&delivery) };
    let duration_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
    Attempt { delivery, verdict, at, duration_ms, status_code, answer, error }
}

/// How the delivery ended, for the limits on concurrent deliveries.
pub(super) fn how(attempt: &Attempt) -> CameBack {
    if matches!(attempt.verdict, Verdict::Postponed(_)) {
        CameBack::Untried
    } else if attempt.status_code.is_some() && attempt.duration_ms < PROMPT_MS {
        CameBack::Promptly
    } else {
        CameBack::Badly
    }
}
