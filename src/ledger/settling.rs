//! How the settler's thread handles one batch: it retries while the database is unavailable, and
//! settles commands one by one if the database refuses them together.

use std::thread;
use std::time::Duration;

use super::command::Command;
use super::outcome::{Outcome, Rejection};
use super::settle::{SettleError, SettlementStore, settle_batch};
use super::settler::{Answer, Job, SubmitError};
use crate::domain::time::UnixMs;
use crate::telemetry::traces;

/// Pauses between retries of a batch while the database is unavailable.
const RETRY_PAUSES_MS: [u64; 5] = [5, 25, 100, 300, 1000];

/// Settles a batch, and answers everyone.
pub(super) fn settle_jobs(store: &mut dyn SettlementStore, batch: Vec<Job>, clock: fn() -> UnixMs) {
    let mut commands = Vec::with_capacity(batch.len());
    let mut waiting = Vec::with_capacity(batch.len());
    for Job { command, reply, origin, place, .. } in batch {
        commands.push(command);
        waiting.push((reply, place, origin));
    }
    let _for_all = traces::on_behalf_of(waiting.iter().filter_map(|(_, _, origin)| origin.as_ref()));
    tracing::debug!(commands = commands.len(), "settling");
    match settle_patiently(store, &commands, clock) {
        Ok(outcomes) => {
            for ((reply, _place, _), outcome) in waiting.into_iter().zip(outcomes) {
                // A caller who is gone does not need the answer.
                drop(reply.send(Ok(outcome)));
            }
        }
        // A command that the database refuses must not affect the others in its batch. A command
        // whose idempotency key or payment hash was just taken by another replica will find it taken on
        // the retry.
        Err(SettleError::Refused(error)) if commands.len() > 1 || commands.iter().any(Command::may_be_forestalled) => {
            tracing::warn!(%error, "a batch was refused; settling its commands one by one");
            let mut away = None;
            for (command, (reply, _place, origin)) in commands.iter().zip(waiting) {
                let _for_one = traces::on_behalf_of(origin.iter());
                // If the database is gone, the other commands need not find that out one by one.
                let answer = match away {
                    Some(error) => Err(error),
                    None => settle_one(store, command, clock),
                };
                if answer == Err(SubmitError::Unavailable) {
                    away = Some(SubmitError::Unavailable);
                }
                drop(reply.send(answer));
            }
        }
        Err(error) => {
            tracing::error!(%error, commands = commands.len(), "not settled");
            let answer = SubmitError::from(&error);
            for (reply, _place, _) in waiting {
                drop(reply.send(Err(answer)));
            }
        }
    }
}

fn settle_one(store: &mut dyn SettlementStore, command: &Command, clock: fn() -> UnixMs) -> Answer {
    let command = std::slice::from_ref(command);
    let settled = match settle_patiently(store, command, clock) {
        // What it names was taken between the lookup and the write; a retry finds it.
        Err(SettleError::Refused(_)) if command.iter().any(Command::may_be_forestalled) => {
            settle_patiently(store, command, clock)
        }
        settled => settled,
    };
    match settled {
        Ok(outcomes) => outcomes.into_iter().next().ok_or(SubmitError::Fault),
        Err(error) => {
            tracing::error!(%error, "not settled");
            Err(SubmitError::from(&error))
        }
    }
}

impl From<&SettleError> for SubmitError {
    fn from(error: &SettleError) -> Self {
        match error {
            SettleError::Unavailable(_) => Self::Unavailable,
            SettleError::Refused(_) => Self::Fault,
            SettleError::OutcomeUnknown(_) => Self::OutcomeUnknown,
        }
    }
}

/// Retries while the database is unavailable: an unavailable database has done nothing yet.
fn settle_patiently(
    store: &mut dyn SettlementStore,
    commands: &[Command],
    clock: fn() -> UnixMs,
) -> Result<Vec<Result<Outcome, Rejection>>, SettleError> {
    for pause_ms in RETRY_PAUSES_MS {
        match settle_batch(store, commands, &clock) {
            Err(SettleError::Unavailable(error)) => {
                tracing::warn!(%error, pause_ms, "the database is not available; retrying");
                thread::sleep(Duration::from_millis(pause_ms));
            }
            settled => return settled,
        }
    }
    settle_batch(store, commands, &clock)
}
