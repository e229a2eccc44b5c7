//! Where master keys are stored: the environment, files that it names, and the data directory.
//!
//! At the end of a rotation, `master.key` becomes `master.key.old`, and `master.key.next` becomes
//! `master.key`. Readers read them in the order next, current, old, so a key that is being renamed
//! is found under one name or the other.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use bitcoin_hashes::hex::DisplayHex;
use zeroize::Zeroizing;

use crate::crypto::random;
use crate::crypto::secret::MasterKey;
use crate::files::{self, GROUP_READS, Owned};
use crate::master_key::MasterKeyError;

/// The environment variable that holds the key.
pub const VARIABLE: &str = "SATKEEP_MASTER_KEY";
/// The environment variable that names a file with the key, as for container secrets.
const FILE_VARIABLE: &str = "SATKEEP_MASTER_KEY_FILE";
/// The file in the data directory that holds the key otherwise.
pub const FILE_NAME: &str = "master.key";
/// Like [`VARIABLE`], for the key of the next rotation.
pub const NEXT_VARIABLE: &str = "SATKEEP_MASTER_KEY_NEXT";
/// Like [`FILE_VARIABLE`], for the key of the next rotation.
const NEXT_FILE_VARIABLE: &str = "SATKEEP_MASTER_KEY_NEXT_FILE";
/// Like [`FILE_NAME`], for the key of the next rotation.
pub const NEXT_FILE_NAME: &str = "master.key.next";
/// The file in the data directory that holds the previous key, until the operator removes it.
pub const OLD_FILE_NAME: &str = "master.key.old";

/// The mode of lock files when a group may read the key.
const LOCK_MODE: u32 = 0o660;

/// Where a key was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In this environment variable.
    Variable(&'static str),
    /// In a file that an environment variable names.
    NamedFile(PathBuf),
    /// In this file of the data directory.
    DataDir(PathBuf),
}

impl fmt::Display for Source {
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
    pub source: Source,
}

/// All keys that were found. The database determines which one is current, so an outdated key or an
/// unreadable file does not hide the others.
#[derive(Debug)]
pub struct Keys {
    /// For the next rotation; the first one is the one to rotate to.
    pub next: Vec<Found>,
    /// At the usual sources, the environment first.
    pub current: Vec<Found>,
    /// The previous key.
    pub old: Option<Found>,
    /// What could not be read.
    pub problems: Vec<MasterKeyError>,
}

impl Keys {
    /// All of them, those at the usual sources first.
    pub fn iter(&self) -> impl Iterator<Item = &Found> {
        self.current.iter().chain(&self.next).chain(&self.old)
    }
}

/// Looks for keys everywhere.
pub fn find(data_dir: &Path) -> Keys {
    let mut problems = Vec::new();
    let next = find_some(NEXT_VARIABLE, NEXT_FILE_VARIABLE, &data_dir.join(NEXT_FILE_NAME), &mut problems);
    let current = find_some(VARIABLE, FILE_VARIABLE, &data_dir.join(FILE_NAME), &mut problems);
    let old = keep(read_data_dir(&data_dir.join(OLD_FILE_NAME)), &mut problems);
    Keys { next, current, old, problems }
}

/// The keys in the variable, in the file that the other variable names, and in the file in the data
/// directory.
fn find_some(
    variable: &'static str,
    file_variable: &'static str,
    file: &Path,
    problems: &mut Vec<MasterKeyError>,
) -> Vec<Found> {
    let given = non_empty(variable).map(|text| parse(Source::Variable(variable), &Zeroizing::new(text)));
    let named = non_empty(file_variable).map(PathBuf::from).map(|path| read_named(file_variable, &path));
    let sources = [given.transpose(), named.transpose(), read_data_dir(file)];
    sources.into_iter().filter_map(|source| keep(source, problems)).collect()
}

/// Returns the key found; an error is added to the problems.
fn keep(source: Result<Option<Found>, MasterKeyError>, problems: &mut Vec<MasterKeyError>) -> Option<Found> {
    source.unwrap_or_else(|problem| {
        problems.push(problem);
        None
    })
}

/// The key in a file of the data directory, if the file exists.
fn read_data_dir(path: &Path) -> Result<Option<Found>, MasterKeyError> {
    match read(Source::DataDir(path.to_owned()), path) {
        Err(MasterKeyError::File { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        answered => answered.map(Some),
    }
}

/// The key in a file that a variable names. If there is no such file, the variable may hold the key
/// itself by mistake, so its value is not shown.
fn read_named(variable: &'static str, path: &Path) -> Result<Found, MasterKeyError> {
    match read(Source::NamedFile(path.to_owned()), path) {
        Err(MasterKeyError::File { error, .. }) => Err(MasterKeyError::NamedFile { variable, error }),
        answered => answered,
    }
}

fn read(source: Source, path: &Path) -> Result<Found, MasterKeyError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(source, &Zeroizing::new(text)),
        Err(error) => Err(MasterKeyError::File { path: path.to_owned(), error }),
    }
}

fn parse(source: Source, text: &str) -> Result<Found, MasterKeyError> {
    match text.parse() {
        Ok(key) => Ok(Found { key, source }),
        Err(error) => Err(MasterKeyError::Invalid { found_in: source.to_string(), error }),
    }
}

fn non_empty(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|text| !text.is_empty())
}

/// Creates a key and its file, or returns the key of the file that already exists. The key is
/// complete and on disk before anything is encrypted with it: it is written to a temporary file,
/// which is then renamed unless the name is already taken.
pub fn make(data_dir: &Path, name: &str) -> Result<Found, MasterKeyError> {
    let path = data_dir.join(name);
    let key = MasterKey::generate();
    let beside = data_dir.join(format!(".{name}.{}", random::bytes::<8>().to_lower_hex_string()));
    let made = write(&beside, &key, &data_dir.join(FILE_NAME)).and_then(|()| std::fs::hard_link(&beside, &path));
    let removed = std::fs::remove_file(&beside);
    match made.and(removed).and_then(|()| sync(data_dir)) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return read(Source::DataDir(path.clone()), &path);
        }
        Err(error) => return Err(MasterKeyError::File { path, error }),
    }
    tracing::info!(path = %path.display(), "created a master key; keep a copy apart from the database");
    Ok(Found { key, source: Source::DataDir(path) })
}

/// Writes a key to a new file, which may be read by whoever may read the file `model`. If `model`
/// does not exist, only the owner may read it.
fn write(path: &Path, key: &MasterKey, model: &Path) -> std::io::Result<()> {
    let mut file = files::create(path, files::OWNER)?;
    if let Some(mode) = give_to_owner_of(model, &file)? {
        set_mode(&file, mode & GROUP_READS)?;
    }
    file.write_all(key.reveal().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Gives a file to the owner of the key file beside it: a rotation may run as root, and the server
/// must be able to read the file. Returns the mode of the key file, if there is one.
fn give_to_owner_of(model: &Path, file: &File) -> std::io::Result<Option<u32>> {
    let (Ok(model), own) = (std::fs::metadata(model), file.metadata()?) else { return Ok(None) };
    if (model.uid(), model.gid()) != (own.uid(), own.gid()) {
        std::os::unix::fs::fchown(file, Some(model.uid()), Some(model.gid()))?;
    }
    Ok(Some(model.mode()))
}

fn set_mode(file: &File, mode: u32) -> std::io::Result<()> {
    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

/// Opens a lock file, which whoever may use the key beside it can lock.
pub fn lock_file(data_dir: &Path, name: &str) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(files::OWNER);
    let file = options.open(data_dir.join(name))?;
    // Only the owner or root can do this; a file owned by somebody else has still been opened.
    let given = give_to_owner_of(&data_dir.join(FILE_NAME), &file);
    let group_reads = matches!(given, Ok(Some(mode)) if mode & GROUP_READS & !files::OWNER != 0);
    drop(set_mode(&file, if group_reads { LOCK_MODE } else { files::OWNER }));
    Ok(file)
}

/// Removes others' permissions on the keys in the data directory. A group keeps its read permission
/// if it was evidently granted: nobody else may read the key, or the group is not the process's
/// own.
pub fn tighten(data_dir: &Path) -> std::io::Result<()> {
    let allowed = |found: &Owned| {
        let is_given = found.is_other_group || found.mode & !0o770 == 0;
        if is_given { GROUP_READS } else { files::OWNER }
    };
    for entry in std::fs::read_dir(data_dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().trim_start_matches('.').starts_with(FILE_NAME) {
            files::tighten(&entry.path(), allowed)?;
        }
    }
    Ok(())
}

/// Puts the next key at the usual source, and keeps the previous one. If it was interrupted
/// anywhere, running it again resumes it.
pub fn promote(data_dir: &Path) -> Result<(), MasterKeyError> {
    if data_dir.join(FILE_NAME).exists()
        && let Some(older) = read_data_dir(&data_dir.join(OLD_FILE_NAME))?
    {
        // Left over from an earlier rotation: it is not overwritten.
        rename(data_dir, OLD_FILE_NAME, &format!("{OLD_FILE_NAME}.{}", older.key.mark()))?;
    }
    rename(data_dir, FILE_NAME, OLD_FILE_NAME)?;
    rename(data_dir, NEXT_FILE_NAME, FILE_NAME)
}

/// Removes the previous key.
pub fn delete_old(data_dir: &Path) -> Result<(), MasterKeyError> {
    let path = data_dir.join(OLD_FILE_NAME);
    match std::fs::remove_file(&path) {
        Ok(()) => sync(data_dir),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|error| MasterKeyError::File { path, error })
}

/// Renames a file that may already have been renamed; durable on return.
fn rename(data_dir: &Path, from: &str, to: &str) -> Result<(), MasterKeyError> {
    let path = data_dir.join(from);
    match std::fs::rename(&path, data_dir.join(to)) {
        Ok(()) => sync(data_dir),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|error| MasterKeyError::File { path, error })
}

/// Makes the names in a directory durable.
fn sync(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}
