//! Replacing the master key while servers go on serving.
//!
//! | step | what | after an interruption |
//! |---|---|---|
//! | 1 | there is a next key: made here, or given to every process | it is found again |
//! | 2 | one transaction puts it into `master_key_check`; servers follow within seconds | nothing to do |
//! | 3 | values under other keys are sealed anew, in batches | those that are left are |
//! | 4 | once no request can be under way that began before, again, until none is found | all of step 3 again |
//! | 5 | files: the next key gets the usual name, and the one before is removed | each rename on its own |
//!
//! Values under either key open at any time, because every process looks for keys when it
//! meets a value under one that it does not know. Nothing here waits while it holds a lock
//! that settling needs.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::places::{self, FILE_NAME, Found, Keys, NEXT_FILE_NAME, NEXT_VARIABLE};
use super::{Vault, VaultError};
use crate::domain::secret::{Mark, MasterKey, Purpose, Sealed, Sealer, UnsealError};
use crate::store::sealed::{self, Place, RowId, Stale};
use crate::store::{Db, Store, StoreError, settings};

/// Values that are replaced in one transaction.
const BATCH_VALUES: usize = 256;
/// Pauses before the database is asked again while it is busy or away.
const RETRY_PAUSES_MS: [u64; 6] = [10, 50, 200, 1000, 3000, 10_000];
/// How often values under the old key may turn up after the grace.
const LATE_PASSES_MAX: u32 = 20;
/// The shortest time between two passes, once the grace is over.
const PASS_PAUSE: Duration = Duration::from_secs(1);

/// The rotation did not come to its end. Run again, it goes on.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// There is no key to rotate to.
    #[error(
        "there is no next master key: the current one comes from {0}, so give {NEXT_VARIABLE} (or \
         {NEXT_VARIABLE}_FILE), another 64 hex characters, to every satkeep process, restart them, and then run this \
         again with it"
    )]
    NoNext(String),
    /// The lock cannot be had.
    #[error("another rotation is under way, or the data directory cannot be written: {0}")]
    Lock(std::io::Error),
    /// Two keys that cannot be told apart, a chance of one in 2^32.
    #[error("the next master key cannot be told from the one in use: take another one")]
    SameMark,
    /// A process elsewhere has rotated at the same time.
    #[error("another process has just rotated the master key; run this again")]
    Raced,
    /// A value that no key opens.
    #[error("one of the {place} does not open with the master keys that are here (its key has the mark {mark})")]
    Unopened {
        /// Among which values.
        place: &'static str,
        /// The mark of its master key.
        mark: String,
    },
    /// A process does not follow.
    #[error(
        "values are still being sealed under the old master key: a satkeep process cannot find the new one; see its \
         log, and run this again"
    )]
    StillUsed,
    /// The keys.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A rotation that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key that was in use when this began; the new one where an earlier run has switched.
    pub from: Mark,
    /// The key that is in use now.
    pub to: Mark,
    /// How many values were sealed anew, for each place.
    pub resealed: [(Place, u64); 3],
    /// Whether the key is at the usual place already; otherwise the operator puts it there.
    pub in_place: bool,
}

/// Which key a rotation is to, and whether its files are to be renamed.
struct Target {
    key: MasterKey,
    by_files: bool,
}

/// Replaces the master key, or goes on with replacing it. `grace` is how long a request that
/// began before the switch may take to write what it has sealed.
pub fn rotate(store: &Store, data_dir: &Path, grace: Duration) -> Result<Rotated, RotationError> {
    let lock = File::create(data_dir.join(".rotation.lock")).map_err(RotationError::Lock)?;
    lock.try_lock().map_err(|error| RotationError::Lock(error.into()))?;
    let Vault { master, sealer } = super::open(store, data_dir)?;
    let target = target(data_dir)?;
    let (from, to) = (master.mark(), target.key.mark());
    sealer.add(&target.key);
    sealer.switch_to(to).map_err(StoreError::from)?;
    if !patiently(|| store.write_blocking(|connection| switch(connection, &sealer, &master)))? {
        return Err(RotationError::Raced);
    }
    if !is_in_use(store, &target.key)? {
        return Err(RotationError::SameMark);
    }
    tracing::info!(%from, %to, "the new master key seals from now on; sealing anew what is under another one");
    let switched_at = Instant::now();
    let mut rotated = Rotated { from, to, resealed: Place::ALL.map(|place| (place, 0)), in_place: target.by_files };
    pass(store, &sealer, &mut rotated)?;
    let left = grace.saturating_sub(switched_at.elapsed());
    tracing::info!(seconds = left.as_secs(), "waiting for requests that may be under way");
    thread::sleep(left);
    let mut late_passes: u32 = 0;
    while pass(store, &sealer, &mut rotated)? > 0 {
        late_passes = late_passes.saturating_add(1);
        if late_passes >= LATE_PASSES_MAX {
            return Err(RotationError::StillUsed);
        }
        thread::sleep(PASS_PAUSE);
    }
    if target.by_files {
        finish_files(store, data_dir, &target.key)?;
    }
    Ok(rotated)
}

/// The next key where there is one; else the current one, where an earlier run has come as
/// far as to rename it; else a new one, where the current one is in the data directory.
fn target(data_dir: &Path) -> Result<Target, RotationError> {
    let Keys { next, current, old } = places::find(data_dir)?;
    let by_files =
        |found: &Option<Found>| found.as_ref().is_none_or(|found| matches!(found.place, places::Place::DataDir(_)));
    let current_in_file = by_files(&current);
    match (next, old, current) {
        (Some(next), _, _) => {
            let by_files = current_in_file && matches!(next.place, places::Place::DataDir(_));
            Ok(Target { key: next.key, by_files })
        }
        (None, Some(_), Some(current)) if current_in_file => Ok(Target { key: current.key, by_files: true }),
        (None, _, Some(_)) if current_in_file => {
            let made = places::make(data_dir, NEXT_FILE_NAME)?;
            Ok(Target { key: made.key, by_files: true })
        }
        (None, _, Some(current)) => Err(RotationError::NoNext(current.place.to_string())),
        (None, _, None) => Err(VaultError::Missing.into()),
    }
}

/// Makes the sealer's key the database's, in the place of `from`, and seals under it what
/// goes with it. Answers whether it is the database's; it may be a third one.
fn switch(connection: &mut Db, sealer: &Sealer, from: &MasterKey) -> Result<bool, StoreError> {
    settings::lock(connection)?;
    let check = settings::get(connection, settings::MASTER_KEY_CHECK)?.ok_or(StoreError::NotFound)?;
    let mark = Mark::of_sealed(&check);
    if mark == Some(sealer.mark()) {
        return Ok(true);
    }
    if mark != Some(from.mark()) {
        return Ok(false);
    }
    let check = sealer.reseal(Purpose::Check, &[], &check)?;
    settings::set(connection, settings::MASTER_KEY_CHECK, check.as_bytes())?;
    let digest_key = settings::get(connection, settings::DIGEST_KEY)?.ok_or(StoreError::NotFound)?;
    let digest_key = sealer.reseal(Purpose::DigestKey, &[], &digest_key)?;
    settings::set(connection, settings::DIGEST_KEY, digest_key.as_bytes())?;
    let mut before = super::open_keys_before(sealer, settings::get(connection, settings::KEYS_BEFORE)?.as_deref())?;
    before.insert(0, from.clone());
    settings::set(connection, settings::KEYS_BEFORE, super::seal_keys_before(sealer, &before).as_bytes())?;
    Ok(true)
}

/// Whether this key alone opens the database's check.
fn is_in_use(store: &Store, key: &MasterKey) -> Result<bool, StoreError> {
    let check = store.read_blocking(|connection| settings::get(connection, settings::MASTER_KEY_CHECK))?;
    Ok(check.is_some_and(|check| super::opens(key, &check)))
}

/// Looks at all values, and seals anew those that are under another key; answers how many
/// there were.
fn pass(store: &Store, sealer: &Sealer, rotated: &mut Rotated) -> Result<u64, RotationError> {
    let mark = sealer.mark();
    let mut found: u64 = 0;
    for (place, resealed) in &mut rotated.resealed {
        let mut after = RowId::default();
        loop {
            let page = patiently(|| store.read_blocking(|connection| sealed::page(connection, *place, mark, &after)))?;
            let Some(last) = page.last else { break };
            after = last;
            for stale in page.stale.chunks(BATCH_VALUES) {
                found = found.saturating_add(u64::try_from(stale.len()).unwrap_or(u64::MAX));
                let fresh = stale.iter().map(|stale| reseal(sealer, *place, stale)).collect::<Result<Vec<_>, _>>()?;
                let began = Instant::now();
                let replace = || store.write_blocking(|connection| sealed::replace(connection, *place, &fresh));
                *resealed = resealed.saturating_add(patiently(replace)?);
                // SQLite has one writer at a time: the others get as long as this one had.
                thread::sleep(began.elapsed().min(PASS_PAUSE));
            }
        }
    }
    Ok(found)
}

fn reseal(sealer: &Sealer, place: Place, stale: &Stale) -> Result<(Stale, Sealed), RotationError> {
    let fresh = sealer.reseal(stale.purpose, &stale.owner, &stale.sealed).map_err(|UnsealError| {
        let mark = Mark::of_sealed(&stale.sealed).map_or_else(|| "none".to_owned(), |mark| mark.to_string());
        RotationError::Unopened { place: place.as_str(), mark }
    })?;
    Ok((stale.clone(), fresh))
}

/// Puts the new key at the usual place, makes sure that it is there, and removes the old one,
/// under which nothing is left.
fn finish_files(store: &Store, data_dir: &Path, key: &MasterKey) -> Result<(), RotationError> {
    if places::find(data_dir)?.next.is_some() {
        places::promote(data_dir)?;
    }
    let current = places::find(data_dir)?.current;
    let here = current.is_some_and(|found| *found.key.reveal() == *key.reveal());
    if !here || !is_in_use(store, key)? {
        return Err(VaultError::Wrong(data_dir.join(FILE_NAME).display().to_string()).into());
    }
    places::forget_old(data_dir)?;
    Ok(())
}

/// Asks again while the database is busy or away. What is asked here may be done twice.
fn patiently<T>(mut ask: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
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
