//! The file of a SQLite database, and the files that SQLite keeps beside it: readable only by their
//! owner.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::files;

/// What SQLite appends to the file's name for its log, its shared memory, and its journal. It
/// creates these with the mode of the file.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];
/// The most symbolic links followed.
const LINKS_MAX: usize = 40;

/// Makes sure that the file exists, before SQLite would create it readable for everybody, and that
/// only its owner can read it and the files beside it. Other connections to the file are not
/// disturbed: an existing file is not opened, because closing it would release their locks
/// (fcntl(2)).
pub(crate) fn prepare(path: &Path) -> io::Result<()> {
    if !path.try_exists()? {
        match files::create(&end_of_links(path)?, files::OWNER) {
            // Another process has just created it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => drop(created?),
        }
    }
    // The other files are beside the file itself, not beside a link to it.
    let file = std::fs::canonicalize(path)?;
    files::tighten(&file, |_| files::OWNER)?;
    for suffix in BESIDE {
        let mut name = OsString::from(&file);
        name.push(suffix);
        files::tighten(Path::new(&name), |_| files::OWNER)?;
    }
    Ok(())
}

/// Resolves a path whose file does not exist: it may be a link.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match std::fs::read_link(&path) {
            // As the system does it: a relative target starts at the link's directory.
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links lead to it"))
}
