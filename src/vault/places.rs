//! Where master keys are kept: the environment, files that it names, and the data directory.
//!
//! At the end of a rotation `master.key` becomes `master.key.old`, and `master.key.next`
//! becomes `master.key`. Whoever looks reads them in the order next, current, old: so a key
//! that is renamed meanwhile is found under its one name or its other.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::VaultError;
use crate::domain::secret::MasterKey;

/// The environment variable that carries the key.
pub const VARIABLE: &str = "SATKEEP_MASTER_KEY";
/// The environment variable that names a file with the key, as container secrets are given.
const FILE_VARIABLE: &str = "SATKEEP_MASTER_KEY_FILE";
/// The file in the data directory that keeps the key otherwise.
pub const FILE_NAME: &str = "master.key";
/// As [`VARIABLE`], for the key that the next rotation is to.
pub const NEXT_VARIABLE: &str = "SATKEEP_MASTER_KEY_NEXT";
/// As [`FILE_VARIABLE`], for the key that the next rotation is to.
const NEXT_FILE_VARIABLE: &str = "SATKEEP_MASTER_KEY_NEXT_FILE";
/// As [`FILE_NAME`], for the key that the next rotation is to.
pub const NEXT_FILE_NAME: &str = "master.key.next";
/// The file in the data directory that keeps the key before, until a rotation is done.
const OLD_FILE_NAME: &str = "master.key.old";

/// Where a key was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this environment variable.
    Variable(&'static str),
    /// In a file that an environment variable names.
    NamedFile(PathBuf),
    /// In this file of the data directory.
    DataDir(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(name),
            Self::NamedFile(path) | Self::DataDir(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A key, and where it was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The key.
    pub key: MasterKey,
    /// Where it was found.
    pub place: Place,
}

/// All keys that there are. Which of them is in use, the database says.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The one that the next rotation is to.
    pub next: Option<Found>,
    /// The one at the usual place.
    pub current: Option<Found>,
    /// The one before, while a rotation is not done.
    pub old: Option<Found>,
}

impl Keys {
    /// All of them, the one at the usual place first.
    pub fn iter(&self) -> impl Iterator<Item = &Found> {
        self.current.iter().chain(&self.next).chain(&self.old)
    }
}

/// Looks for keys everywhere.
pub fn find(data_dir: &Path) -> Result<Keys, VaultError> {
    let next = find_one(NEXT_VARIABLE, NEXT_FILE_VARIABLE, &data_dir.join(NEXT_FILE_NAME))?;
    let current = find_one(VARIABLE, FILE_VARIABLE, &data_dir.join(FILE_NAME))?;
    let old_file = data_dir.join(OLD_FILE_NAME);
    let old = read(Place::DataDir(old_file.clone()), &old_file, false)?;
    Ok(Keys { next, current, old })
}

/// The key of the variable, of the file that the other variable names, or of the file in the
/// data directory: whichever comes first.
fn find_one(variable: &'static str, file_variable: &str, file: &Path) -> Result<Option<Found>, VaultError> {
    if let Some(text) = non_empty(variable) {
        return parse(Place::Variable(variable), &Zeroizing::new(text)).map(Some);
    }
    match non_empty(file_variable).map(PathBuf::from) {
        Some(path) => read(Place::NamedFile(path.clone()), &path, true),
        None => read(Place::DataDir(file.to_owned()), file, false),
    }
}

fn read(place: Place, path: &Path, required: bool) -> Result<Option<Found>, VaultError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(place, &Zeroizing::new(text)).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(None),
        Err(error) => Err(VaultError::File { path: path.to_owned(), error }),
    }
}

fn parse(place: Place, text: &str) -> Result<Found, VaultError> {
    match text.parse() {
        Ok(key) => Ok(Found { key, place }),
        Err(error) => Err(VaultError::Invalid { place: place.to_string(), error }),
    }
}

fn non_empty(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|text| !text.is_empty())
}

/// Makes a key and its file, which only its owner may read. It is whole and on disk before
/// anything is sealed with it: it is written beside, and then gets its name.
pub fn make(data_dir: &Path, name: &str) -> Result<Found, VaultError> {
    let path = data_dir.join(name);
    let key = MasterKey::generate();
    let write = || -> std::io::Result<()> {
        let beside = data_dir.join(format!(".{name}.new"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        #[cfg(unix)]
        give_to_owner_of(&data_dir.join(FILE_NAME), &file)?;
        file.write_all(key.reveal().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        std::fs::rename(&beside, &path)?;
        sync(data_dir)
    };
    write().map_err(|error| VaultError::File { path: path.clone(), error })?;
    tracing::info!(path = %path.display(), "made a master key; keep a copy apart from the database");
    Ok(Found { key, place: Place::DataDir(path) })
}

/// A new key belongs to whom the key beside it belongs to: who rotates may be root, and the
/// server must read it.
#[cfg(unix)]
fn give_to_owner_of(model: &Path, file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let (Ok(model), own) = (std::fs::metadata(model), file.metadata()?) else { return Ok(()) };
    if (model.uid(), model.gid()) == (own.uid(), own.gid()) {
        return Ok(());
    }
    std::os::unix::fs::fchown(file, Some(model.uid()), Some(model.gid()))
}

/// Puts the next key in the usual place, and keeps the one before. Done again after an
/// interruption anywhere, it goes on where it stopped.
pub fn promote(data_dir: &Path) -> Result<(), VaultError> {
    rename(data_dir, FILE_NAME, OLD_FILE_NAME)?;
    rename(data_dir, NEXT_FILE_NAME, FILE_NAME)
}

/// Forgets the key before.
pub fn forget_old(data_dir: &Path) -> Result<(), VaultError> {
    let path = data_dir.join(OLD_FILE_NAME);
    match std::fs::remove_file(&path) {
        Ok(()) => sync(data_dir),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|error| VaultError::File { path, error })
}

/// Renames a file that may have been renamed before; durable when it returns.
fn rename(data_dir: &Path, from: &str, to: &str) -> Result<(), VaultError> {
    let path = data_dir.join(from);
    match std::fs::rename(&path, data_dir.join(to)) {
        Ok(()) => sync(data_dir),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|error| VaultError::File { path, error })
}

/// Makes the names in a directory durable.
fn sync(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}
