//! Files that hold secrets: their permissions are set explicitly, independent of the umask and of
//! whoever created the directory.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// For the owner only.
pub const OWNER: u32 = 0o600;
/// For the owner, and for a group that may read.
pub const GROUP_READS: u32 = 0o640;
/// The permission bits of anybody but the owner.
const OTHERS: u32 = 0o077;

/// Creates a file, which must not exist yet, and which never has a wider mode than this.
/// Permissions that the umask removed are restored.
pub fn create(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Removes others' permissions on a file, if it exists and is ours, and logs that. If the file is
/// somebody else's, it is only logged.
pub fn tighten(path: &Path, allowed: impl FnOnce(&Owned) -> u32) -> io::Result<()> {
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => found,
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mode = found.mode() & 0o777;
    let is_other_group = found.gid() != rustix::process::getegid().as_raw();
    let allowed = mode & allowed(&Owned { mode, is_other_group });
    if allowed == mode {
        return Ok(());
    }
    let place = path.display();
    if found.uid() != rustix::process::geteuid().as_raw() {
        tracing::warn!("{place} is open to others (mode {mode:o}), and is not ours to change: chmod {allowed:o} it");
        return Ok(());
    }
    match std::fs::set_permissions(path, Permissions::from_mode(allowed)) {
        Ok(()) => tracing::info!("{place} was open to others: its mode was {mode:o}, and is {allowed:o} now"),
        Err(error) => tracing::warn!("{place} is open to others (mode {mode:o}), and stays so: {error}"),
    }
    Ok(())
}

/// A file's permissions.
#[derive(Clone, Copy, Debug)]
pub struct Owned {
    /// Its mode.
    pub mode: u32,
    /// Whether its group is not the one that this process creates files for, so somebody has set
    /// it.
    pub is_other_group: bool,
}

/// Warns of a directory that others can read, search or write.
pub fn warn_of_others(directory: &Path) {
    let Ok(found) = std::fs::metadata(directory) else { return };
    let mode = found.mode() & 0o7777;
    if mode & OTHERS != 0 {
        let place = directory.display();
        tracing::warn!("the directory {place} is open to others (mode {mode:o}): chmod 700 it");
    }
}
