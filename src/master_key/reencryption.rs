//! One pass of a rotation over all encrypted values.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use crate::crypto::secret::{Mark, Sealer};
use crate::master_key::rotation::PASS_PAUSE;
use crate::store::encrypted_columns;
use crate::store::encrypted_columns::{EncryptedColumn, RowId, Stale};
use crate::store::{Store, StoreError};

/// Values replaced in one transaction.
const BATCH_VALUES: usize = 256;
/// Pauses between retries while the database is busy or unavailable.
const RETRY_PAUSES_MS: [u64; 6] = [10, 50, 200, 1000, 3000, 10_000];
/// The most undecryptable rows that are named for each column.
const NAMED_MAX: usize = 10;

/// What a pass has found.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The number of decryptable values under another key.
    pub(super) stale: u64,
    unopened: Vec<Unopened>,
}

/// Values of a column that no key decrypts.
#[derive(Debug)]
struct Unopened {
    column: EncryptedColumn,
    number: u64,
    /// The marks of some of their keys.
    marks: BTreeSet<String>,
    /// Some of the rows they belong to.
    subjects: BTreeSet<String>,
}

impl Seen {
    /// A description of the values that no key decrypts; `None` if there are none.
    pub(super) fn unopened(&self) -> Option<String> {
        let words = |set: &BTreeSet<String>| set.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let kinds: Vec<_> = self
            .unopened
            .iter()
            .map(|Unopened { column, number, marks, subjects }| {
                let (what, whose) = (column.as_str(), column.subject());
                format!("{number} of the {what} (keys: {}; {whose}: {})", words(marks), words(subjects))
            })
            .collect();
        (!kinds.is_empty()).then(|| kinds.join("; "))
    }

    fn add_unopened(&mut self, column: EncryptedColumn, stale: &Stale) {
        let mark = Mark::of_sealed(&stale.sealed).map_or_else(|| "none".to_owned(), |mark| mark.to_string());
        if self.unopened.last().is_none_or(|last| last.column != column) {
            let (marks, subjects) = (BTreeSet::new(), BTreeSet::new());
            self.unopened.push(Unopened { column, number: 0, marks, subjects });
        }
        let Some(unopened) = self.unopened.last_mut() else { return };
        unopened.number = unopened.number.saturating_add(1);
        for (names, name) in [(&mut unopened.marks, mark), (&mut unopened.subjects, column.subject_of(&stale.row))] {
            if names.len() < NAMED_MAX {
                names.insert(name);
            }
        }
    }
}

/// Goes through all values, and re-encrypts those under another key. A value that no key decrypts
/// is left alone and reported.
pub(super) fn pass(
    store: &Store,
    sealer: &Sealer,
    resealed: &mut [(EncryptedColumn, u64); EncryptedColumn::ALL.len()],
) -> Result<Seen, StoreError> {
    let mark = sealer.mark();
    let mut seen = Seen::default();
    for (column, resealed) in resealed {
        let mut after = RowId::default();
        loop {
            let page = patiently(|| {
                store.read_blocking(|connection| encrypted_columns::page(connection, *column, mark, &after))
            })?;
            let Some(last) = page.last else { break };
            after = last;
            for stale in page.stale.chunks(BATCH_VALUES) {
                let mut fresh = Vec::new();
                for stale in stale {
                    match sealer.reseal(stale.purpose, &stale.owner, &stale.sealed) {
                        Ok(sealed) => fresh.push((stale.clone(), sealed)),
                        Err(_) => seen.add_unopened(*column, stale),
                    }
                }
                seen.stale = seen.stale.saturating_add(u64::try_from(fresh.len()).unwrap_or(u64::MAX));
                let began = Instant::now();
                let replace =
                    || store.write_blocking(|connection| encrypted_columns::replace(connection, *column, &fresh));
                *resealed = resealed.saturating_add(patiently(replace)?);
                // SQLite has one writer at a time: the others get as much time as this one took.
                thread::sleep(began.elapsed().min(PASS_PAUSE));
            }
        }
    }
    Ok(seen)
}

/// Retries while the database is busy or unavailable. The operation must be safe to repeat.
pub(super) fn patiently<T>(mut ask: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    for pause_ms in RETRY_PAUSES_MS {
        match ask() {
            Err(error @ (StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_) | StoreError::Fault(_))) => {
                tracing::warn!(%error, pause_ms, "the database is not available; trying again");
                thread::sleep(Duration::from_millis(pause_ms));
            }
            answered => return answered,
        }
    }
    ask()
}
