//! Replacing the master key while servers keep running.
//!
//! | step | what | after an interruption |
//! |---|---|---|
//! | 1 | there is a next key: created here, or given to every process | it is found again |
//! | 2 | one transaction puts it into `master_key_check`; servers follow within seconds | nothing to do |
//! | 3 | values under other keys are re-encrypted, in batches | continues with those that are left |
//! | 4 | once every request from before the switch must have ended, again until no such values are found | starts again from step 3 |
//! | 5 | files: the next key gets the usual name, and the previous one another | each rename is separate |
//!
//! Values under either key can be decrypted at any time, because a process that meets a value under
//! an unknown key looks for new keys. Nothing here waits while it holds a lock that settlement
//! needs.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::crypto::secret::{Mark, MasterKey, Purpose, Sealer};
use crate::master_key::reencryption::{pass, patiently};
use crate::master_key::sources;
use crate::master_key::sources::{FILE_NAME, Found, Keys, NEXT_FILE_NAME, NEXT_VARIABLE};
use crate::master_key::{KeyRing, MasterKeyError, same};
use crate::store::db::{connection, settings};
use crate::store::encrypted_columns::EncryptedColumn;
use crate::store::{Db, Store, StoreError};

/// The most passes that may find values under the old key after the grace period.
const LATE_PASSES_MAX: u32 = 20;
/// The shortest time between two passes after the grace period.
pub(super) const PASS_PAUSE: Duration = Duration::from_secs(1);

/// Why a rotation did not complete. Running it again resumes it.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// There is no key to rotate to.
    #[error(
        "there is no next master key: the current one comes from {0}, so give {NEXT_VARIABLE} (or \
         {NEXT_VARIABLE}_FILE), another 64 hex characters, to every satkeep process, restart them, and then run this \
         again with it"
    )]
    NoNext(String),
    /// The lock cannot be acquired.
    #[error("another rotation is under way, or the data directory cannot be written: {0}")]
    Lock(std::io::Error),
    /// The two keys have the same mark, a chance of one in 2^32.
    #[error("the next master key has the same mark as the current one: use another one")]
    SameMark,
    /// Another process has rotated the key at the same time.
    #[error("another process has just rotated the master key; run this again")]
    Raced,
    /// A description of the values that no key decrypts.
    #[error(
        "all but some values are sealed anew; these do not open with the master keys that are here, so all keys were \
         left where they are: {0}"
    )]
    Unopened(String),
    /// The next key is already the current one, and there was nothing to resume.
    #[error(
        "nothing was rotated: the next master key ({0}) is the one in use, and everything is sealed under it; give \
         another one, or take it away"
    )]
    Unchanged(sources::Source),
    /// A process does not switch to the new key.
    #[error(
        "values are still being sealed under the old master key: a satkeep process cannot find the new one; see its \
         log, and run this again"
    )]
    StillUsed,
    /// A key cannot be used.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A completed rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key in use when this run began; the new one if an earlier run had already switched.
    pub from: Mark,
    /// The current key.
    pub to: Mark,
    /// The number of values that were re-encrypted, for each column.
    pub resealed: [(EncryptedColumn, u64); EncryptedColumn::ALL.len()],
    /// Whether the key is already at the usual source; otherwise the operator has to put it there.
    pub in_place: bool,
    /// Whether the file of the previous key is left.
    pub old_kept: bool,
}

/// The key to rotate to, and whether its files have to be renamed.
struct Target {
    found: Found,
    by_files: bool,
}

/// Replaces the master key, or resumes replacing it. `grace` is how long a request that began
/// before the switch may take to write what it has encrypted. With `forget_old`, the file of the
/// previous key is removed at the end.
pub fn rotate(store: &Store, data_dir: &Path, grace: Duration, forget_old: bool) -> Result<Rotated, RotationError> {
    let lock = sources::lock_file(data_dir, ".rotation.lock").map_err(RotationError::Lock)?;
    lock.try_lock().map_err(|error| RotationError::Lock(error.into()))?;
    let KeyRing { master, before, sealer } = crate::master_key::open(store, data_dir)?;
    let Target { found: Found { key, source }, by_files } = target(data_dir, &master, before.first())?;
    let (from, to) = (master.mark(), key.mark());
    sealer.add(&key);
    sealer.switch_to(to).map_err(StoreError::from)?;
    if !patiently(|| store.write_blocking(|connection| switch(connection, &sealer, &master)))? {
        return Err(RotationError::Raced);
    }
    if !is_in_use(store, &key)? {
        return Err(RotationError::SameMark);
    }
    tracing::info!(%from, %to, "the new master key seals from now on; sealing anew what is under another one");
    let mut resealed = EncryptedColumn::ALL.map(|column| (column, 0));
    pass_until_done(store, &sealer, grace, &mut resealed)?;
    patiently(|| store.read_blocking(connection::drop_old_pages))?;
    let moved = by_files && finish_files(store, data_dir, &key)?;
    if same(&key, &master) && !moved && resealed.iter().all(|(_, values)| *values == 0) {
        return Err(RotationError::Unchanged(source));
    }
    if by_files && forget_old {
        sources::delete_old(data_dir)?;
    }
    Ok(Rotated { from, to, resealed, in_place: by_files, old_kept: by_files && !forget_old })
}

/// Re-encrypts values. Once no process can be encrypting with another key, catches those written
/// late.
fn pass_until_done(
    store: &Store,
    sealer: &Sealer,
    grace: Duration,
    resealed: &mut [(EncryptedColumn, u64); EncryptedColumn::ALL.len()],
) -> Result<(), RotationError> {
    let switched_at = Instant::now();
    pass(store, sealer, resealed)?;
    let left = grace.saturating_sub(switched_at.elapsed());
    tracing::info!(seconds = left.as_secs(), "waiting for requests that may still be in progress");
    thread::sleep(left);
    for _ in 0..LATE_PASSES_MAX {
        let seen = pass(store, sealer, resealed)?;
        if seen.stale == 0 {
            return seen.unopened().map_or(Ok(()), |words| Err(RotationError::Unopened(words)));
        }
        thread::sleep(PASS_PAUSE);
    }
    Err(RotationError::StillUsed)
}

/// The next key if there is one; otherwise a new one, unless the current one comes from the
/// environment. Files are renamed unless the environment provides either key.
fn target(data_dir: &Path, master: &MasterKey, before: Option<&MasterKey>) -> Result<Target, RotationError> {
    let Keys { next, current, old: _, problems } = sources::find(data_dir);
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem.into());
    }
    let given = |key: &MasterKey| current.iter().find(|found| !is_in_data_dir(found) && same(&found.key, key));
    match (next.into_iter().next(), given(master)) {
        (Some(next), _) => {
            // If the database has already been switched, the previous key is the one to retire.
            let leaving = if same(&next.key, master) { before } else { Some(master) };
            let is_given = given(&next.key).or_else(|| leaving.and_then(given)).is_some();
            Ok(Target { by_files: is_in_data_dir(&next) && !is_given, found: next })
        }
        (None, Some(current)) => Err(RotationError::NoNext(current.source.to_string())),
        (None, None) => Ok(Target { found: sources::make(data_dir, NEXT_FILE_NAME)?, by_files: true }),
    }
}

const fn is_in_data_dir(found: &Found) -> bool {
    matches!(found.source, sources::Source::DataDir(_))
}

/// Makes the sealer's key the database's, replacing `from`, and encrypts what belongs with it under
/// the new key. Returns false if the database has some other key by now.
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
    let mut before =
        crate::master_key::open_keys_before(sealer, settings::get(connection, settings::KEYS_BEFORE)?.as_deref())?;
    before.insert(0, from.clone());
    settings::set(connection, settings::KEYS_BEFORE, crate::master_key::seal_keys_before(sealer, &before).as_bytes())?;
    Ok(true)
}

/// Whether this key alone opens the database's check.
fn is_in_use(store: &Store, key: &MasterKey) -> Result<bool, StoreError> {
    let check = store.read_blocking(|connection| settings::get(connection, settings::MASTER_KEY_CHECK))?;
    Ok(check.is_some_and(|check| crate::master_key::opens(key, &check)))
}

/// Puts the new key at the usual source, and checks that it is there. Returns whether it was not
/// there before.
fn finish_files(store: &Store, data_dir: &Path, key: &MasterKey) -> Result<bool, RotationError> {
    let is_next = |found: &Found| is_in_data_dir(found) && same(&found.key, key);
    let is_here = |keys: &Keys| keys.current.iter().any(is_next);
    let keys = sources::find(data_dir);
    let was_here = is_here(&keys);
    if !was_here && keys.next.iter().any(is_next) {
        sources::promote(data_dir)?;
    }
    if !is_here(&sources::find(data_dir)) || !is_in_use(store, key)? {
        return Err(MasterKeyError::Wrong(data_dir.join(FILE_NAME).display().to_string()).into());
    }
    Ok(!was_here)
}
