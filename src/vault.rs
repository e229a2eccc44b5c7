//! The master key: where it is kept, and whether it is the one that the database needs.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::domain::secret::{InvalidMasterKey, MasterKey, Purpose, Sealer};
use crate::store::{Db, Store, StoreError, settings};

/// The environment variable that carries the key.
const VARIABLE: &str = "SATKEEP_MASTER_KEY";
/// The environment variable that names a file with the key, as container secrets are given.
const FILE_VARIABLE: &str = "SATKEEP_MASTER_KEY_FILE";
/// The file in the data directory that keeps the key otherwise.
const FILE_NAME: &str = "master.key";
/// A text that only the right key unseals.
const CHECK: &[u8] = b"satkeep master key";

/// The master key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// What is kept there is no key.
    #[error("the master key in {place} is not valid: {error}")]
    Invalid {
        /// Where it was found.
        place: String,
        /// What is wrong.
        error: InvalidMasterKey,
    },
    /// The file cannot be read or made.
    #[error("the master key file {path}: {error}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: std::io::Error,
    },
    /// There is no key, but the database needs one.
    #[error(
        "the database was made with a master key, and there is none: set {VARIABLE}, or put the file {FILE_NAME} \
         back into the data directory"
    )]
    Missing,
    /// The key is another one.
    #[error("the master key in {0} is not the one that the database was made with")]
    Wrong(String),
    /// The database cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gets the master key, making one for a database that has none yet, and makes sure that it
/// is the database's.
pub fn open(store: &Store, data_dir: &Path) -> Result<MasterKey, VaultError> {
    let check = store.read_blocking(|connection| settings::get(connection, settings::MASTER_KEY_CHECK))?;
    let (key, place) = match find(data_dir)? {
        Some(found) => found,
        None if check.is_some() => return Err(VaultError::Missing),
        None => (make(data_dir)?, data_dir.join(FILE_NAME).display().to_string()),
    };
    let sealer = Sealer::new(&key);
    let check = match check {
        Some(check) => check,
        None => store.write_blocking(|connection| first_check(connection, &sealer))?,
    };
    sealer.unseal(Purpose::Check, &[], &check).or(Err(VaultError::Wrong(place)))?;
    Ok(key)
}

/// Binds the database to the key; where another process has just done so, its value counts.
fn first_check(connection: &mut Db, sealer: &Sealer) -> Result<Vec<u8>, StoreError> {
    settings::lock(connection)?;
    if let Some(check) = settings::get(connection, settings::MASTER_KEY_CHECK)? {
        return Ok(check);
    }
    let check = sealer.seal(Purpose::Check, &[], CHECK);
    settings::insert(connection, settings::MASTER_KEY_CHECK, check.as_bytes())?;
    Ok(check.as_bytes().to_vec())
}

/// The key and where it was found: the variable, the file that the other variable names, or
/// the file in the data directory.
fn find(data_dir: &Path) -> Result<Option<(MasterKey, String)>, VaultError> {
    if let Some(text) = non_empty(VARIABLE) {
        let text = Zeroizing::new(text);
        let key = text.parse().map_err(|error| VaultError::Invalid { place: VARIABLE.to_owned(), error })?;
        return Ok(Some((key, VARIABLE.to_owned())));
    }
    let (path, required) = match non_empty(FILE_VARIABLE) {
        Some(path) => (PathBuf::from(path), true),
        None => (data_dir.join(FILE_NAME), false),
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => return Ok(None),
        Err(error) => return Err(VaultError::File { path, error }),
    };
    let place = path.display().to_string();
    let key = text.parse().map_err(|error| VaultError::Invalid { place: place.clone(), error })?;
    Ok(Some((key, place)))
}

fn non_empty(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|text| !text.is_empty())
}

/// Makes a key and its file, which only its owner may read. It is whole and on disk before
/// anything is sealed with it: it is written beside, and then gets its name.
fn make(data_dir: &Path) -> Result<MasterKey, VaultError> {
    let path = data_dir.join(FILE_NAME);
    let key = MasterKey::generate();
    let write = || -> std::io::Result<()> {
        let beside = data_dir.join(".master.key.new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(key.reveal().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&beside, &path)?;
        File::open(data_dir)?.sync_all()
    };
    write().map_err(|error| VaultError::File { path: path.clone(), error })?;
    tracing::info!(path = %path.display(), "made a master key; keep a copy apart from the database");
    Ok(key)
}
