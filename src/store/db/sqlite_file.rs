//! The file of a SQLite database, and what SQLite keeps beside it: for its owner alone.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::files;

/// What SQLite appends to the name of the file for its log, its shared memory, and its journal.
/// It gives these the mode that the file has when it makes them.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];
/// Links that lead to a file, one after the other.
const LINKS_MAX: usize = 40;

/// Sees to it that the file is there before SQLite makes it for everybody, and that only its
/// owner may read it and what is beside it. Connections of others to the file are not disturbed:
/// a file that is there is not opened, because closing it would take their locks (fcntl(2)).
pub(crate) fn prepare(path: &Path) -> io::Result<()> {
    if !path.try_exists()? {
        match files::create(&end_of_links(path)?, files::OWNER) {
            // Another process has made it just now.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => drop(created?),
        }
    }
    // What is beside it is where the file is, and not where a link to it is.
    let file = std::fs::canonicalize(path)?;
    files::tighten(&file, |_| files::OWNER)?;
    for suffix in BESIDE {
        let mut name = OsString::from(&file);
        name.push(suffix);
        files::tighten(Path::new(&name), |_| files::OWNER)?;
    }
    Ok(())
}

/// Where a path leads whose file is not there: a link to it may be.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match std::fs::read_link(&path) {
            // As the system does: a relative one begins in the directory of the link.
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links lead to it"))
}
