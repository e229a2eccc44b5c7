//! The master key: where it is stored, whether it is the one that the database needs, and how it is
//! replaced.
//!
//! All keys that are found (see [`sources`]) can decrypt. The database determines which one
//! encrypts: the one that opens `master_key_check`. A rotation (see [`rotation`]) therefore
//! switches every process with one row.
//!
//! The database also stores the previous keys, encrypted under the current one. They tell a thief
//! nothing that the current key does not; but a process that was slow to notice a rotation may have
//! encrypted values with one of them, and those values must not be lost.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::crypto::random;
use crate::crypto::secret::{FindKeys, InvalidMasterKey, Mark, MasterKey, Purpose, Sealed, Sealer, UnsealError};
use crate::store::db::settings;
use crate::store::{Db, Store, StoreError};

mod reencryption;
pub(crate) mod rotation;
pub mod sources;

use sources::{FILE_NAME, Found, Keys, Source, VARIABLE};

/// A plaintext that only the right key can decrypt.
const CHECK: &[u8] = b"satkeep master key";

/// Why the master key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The value found is not a key.
    #[error("the master key in {found_in} is not valid: {error}")]
    Invalid {
        /// Where it was found.
        found_in: String,
        /// The error.
        error: InvalidMasterKey,
    },
    /// The file cannot be read, created or renamed.
    #[error("the master key file {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        error: std::io::Error,
    },
    /// The file that an environment variable names cannot be read.
    #[error("the file that {variable} names cannot be read: {error}")]
    NamedFile {
        /// The variable.
        variable: &'static str,
        /// The error.
        error: std::io::Error,
    },
    /// The database is not bound to a key yet.
    #[error("the database has no master key yet: `satkeep serve` and `satkeep manager create` create one")]
    Unbound,
    /// There is no key, but the database needs one.
    #[error(
        "the database was made with a master key, and there is none: set {VARIABLE}, or put the file {FILE_NAME} \
         back into the data directory"
    )]
    Missing,
    /// None of the keys found is the database's.
    #[error("the master key in {0} is not the one that the database needs")]
    Wrong(String),
    /// The database cannot be queried.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The current master key, and the sealer that encrypts with it.
#[derive(Debug)]
pub struct KeyRing {
    /// The current key.
    pub master: MasterKey,
    /// The previous keys, the latest one first.
    pub before: Vec<MasterKey>,
    /// Encrypts with the current key, and decrypts with all keys found.
    pub sealer: Sealer,
}

/// Gets the master key, creating one for a database that has none, and checks that it is the
/// database's. Run by one process at a time on a data directory.
pub fn create(store: &Store, data_dir: &Path) -> Result<KeyRing, MasterKeyError> {
    if store.read_blocking(|connection| settings::get(connection, settings::MASTER_KEY_CHECK))?.is_none() {
        bind(store, data_dir)?;
    }
    open(store, data_dir)
}

/// Gets the master key of a database that has one, and checks that it is the database's.
pub fn open(store: &Store, data_dir: &Path) -> Result<KeyRing, MasterKeyError> {
    match try_open(store, data_dir) {
        // A rotation may have finished between reading the database and looking for keys.
        Err(MasterKeyError::Wrong(_) | MasterKeyError::Missing) => try_open(store, data_dir),
        opened => opened,
    }
}

fn try_open(store: &Store, data_dir: &Path) -> Result<KeyRing, MasterKeyError> {
    let (check, digest_key, before) = store.read_blocking(|connection| {
        let check = settings::get(connection, settings::MASTER_KEY_CHECK)?;
        let digest_key = settings::get(connection, settings::DIGEST_KEY)?;
        Ok((check, digest_key, settings::get(connection, settings::KEYS_BEFORE)?))
    })?;
    let check = check.ok_or(MasterKeyError::Unbound)?;
    let keys = sources::find(data_dir);
    let Some(Found { key: master, source }) = keys.iter().find(|found| opens(&found.key, &check)) else {
        return Err(none_opens(keys));
    };
    for problem in &keys.problems {
        tracing::warn!("{problem}; using the master key in {source}");
    }
    if let (Some(first), Source::DataDir(_)) = (keys.current.first(), source)
        && !matches!(first.source, Source::DataDir(_))
        && keys.current.iter().any(|found| found.source == *source)
    {
        tracing::warn!("the master key in {} is not the database's; using the one in {source}", first.source);
    }
    let master = master.clone();
    let sealer = Sealer::new(&master).with_find_keys(finder(data_dir.to_owned()));
    for found in keys.iter() {
        sealer.add(&found.key);
    }
    let before = open_keys_before(&sealer, before.as_deref()).map_err(StoreError::from)?;
    for key in &before {
        sealer.add(key);
    }
    let digest_key = match digest_key {
        Some(digest_key) => digest_key,
        None => store.write_blocking(|connection| derived_digest_key(connection, &sealer, &master))?,
    };
    let digest_key = open_digest_key(&sealer, &digest_key).map_err(StoreError::from)?;
    Ok(KeyRing { master, before, sealer: sealer.with_digest_key(digest_key) })
}

/// Why none of the keys is the database's: if one could not be read, it is most likely that one.
fn none_opens(keys: Keys) -> MasterKeyError {
    let sources: Vec<_> = keys.iter().map(|found| found.source.to_string()).collect();
    match keys.problems.into_iter().next() {
        Some(problem) => problem,
        None if sources.is_empty() => MasterKeyError::Missing,
        None => MasterKeyError::Wrong(sources.join(" or ")),
    }
}

/// Whether this key alone opens the check.
fn opens(key: &MasterKey, check: &[u8]) -> bool {
    Sealer::new(key).unseal(Purpose::Check, &[], check).is_ok()
}

/// Whether these are the same key.
fn same(one: &MasterKey, other: &MasterKey) -> bool {
    *one.reveal() == *other.reveal()
}

/// Looks for keys whenever a value is encrypted under an unknown one: a rotation adds new keys
/// while servers are running.
fn finder(data_dir: PathBuf) -> Arc<FindKeys> {
    Arc::new(move || {
        let keys = sources::find(&data_dir);
        for problem in &keys.problems {
            tracing::warn!("looking for master keys: {problem}");
        }
        keys.iter().map(|found| found.key.clone()).collect()
    })
}

/// Binds a database without a master key to the one at the usual source, which is created if it
/// does not exist.
fn bind(store: &Store, data_dir: &Path) -> Result<(), MasterKeyError> {
    let Keys { current, problems, .. } = sources::find(data_dir);
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem);
    }
    let first = match current.into_iter().next() {
        Some(found) => found,
        None => sources::make(data_dir, FILE_NAME)?,
    };
    let sealer = Sealer::new(&first.key);
    Ok(store.write_blocking(|connection| first_values(connection, &sealer))?)
}

/// Binds the database to a key, and generates a digest key. Someone who learns the master key after
/// it was replaced cannot derive the digest key from it. If another process has just bound the
/// database, its values win.
fn first_values(connection: &mut Db, sealer: &Sealer) -> Result<(), StoreError> {
    settings::lock(connection)?;
    if settings::get(connection, settings::MASTER_KEY_CHECK)?.is_some() {
        return Ok(());
    }
    let check = sealer.seal(Purpose::Check, &[], CHECK);
    settings::insert(connection, settings::MASTER_KEY_CHECK, check.as_bytes())?;
    let digest_key = sealer.seal(Purpose::DigestKey, &[], random::secret_bytes::<32>().as_slice());
    settings::insert(connection, settings::DIGEST_KEY, digest_key.as_bytes())
}

/// For a database from before the digest key was stored: stores it, encrypted, so that it outlives
/// the master key that it was derived from. A retry finds it already stored.
fn derived_digest_key(connection: &mut Db, sealer: &Sealer, master: &MasterKey) -> Result<Vec<u8>, StoreError> {
    settings::lock(connection)?;
    if let Some(kept) = settings::get(connection, settings::DIGEST_KEY)? {
        return Ok(kept);
    }
    let derived = sealer.seal(Purpose::DigestKey, &[], master.digest_key().as_slice());
    settings::insert(connection, settings::DIGEST_KEY, derived.as_bytes())?;
    Ok(derived.as_bytes().to_vec())
}

fn open_digest_key(sealer: &Sealer, kept: &[u8]) -> Result<Zeroizing<[u8; 32]>, UnsealError> {
    let plain = sealer.unseal(Purpose::DigestKey, &[], kept)?;
    plain.as_slice().try_into().map(Zeroizing::new).or(Err(UnsealError))
}

/// The number of previous keys that are kept.
const KEYS_BEFORE_MAX: usize = 16;

/// Encrypts the previous keys, the latest one first.
fn seal_keys_before(sealer: &Sealer, keys: &[MasterKey]) -> Sealed {
    let lines: Vec<_> = keys.iter().take(KEYS_BEFORE_MAX).map(MasterKey::reveal).collect();
    // Joined by hand with the full capacity: a string that grows would leave copies in memory.
    let mut text = Zeroizing::new(String::with_capacity(lines.iter().map(|line| line.len() + 1).sum()));
    for line in &lines {
        text.push_str(line);
        text.push('\n');
    }
    sealer.seal(Purpose::KeysBefore, &[], text.as_bytes())
}

fn open_keys_before(sealer: &Sealer, kept: Option<&[u8]>) -> Result<Vec<MasterKey>, UnsealError> {
    let Some(kept) = kept else { return Ok(Vec::new()) };
    let plain = sealer.unseal(Purpose::KeysBefore, &[], kept)?;
    let text = std::str::from_utf8(&plain).or(Err(UnsealError))?;
    text.lines().map(|line| line.parse().or(Err(UnsealError))).collect()
}

/// The result of checking for a new master key in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The key is unchanged.
    Same,
    /// The key has changed, and the sealer now encrypts with the new one.
    Switched(Mark),
    /// The key has changed, and the new one cannot be found.
    Unknown(Mark),
}

/// Switches the sealer to the database's master key if it has changed.
pub fn follow(connection: &mut Db, sealer: &Sealer) -> Result<Followed, StoreError> {
    let check = settings::get(connection, settings::MASTER_KEY_CHECK)?.ok_or(StoreError::NotFound)?;
    let mark = Mark::of_sealed(&check).ok_or(UnsealError)?;
    if mark == sealer.mark() {
        return Ok(Followed::Same);
    }
    let switched = sealer.unseal(Purpose::Check, &[], &check).and_then(|_| sealer.switch_to(mark));
    Ok(if switched.is_ok() { Followed::Switched(mark) } else { Followed::Unknown(mark) })
}
