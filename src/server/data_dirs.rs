//! The directories of the master key and of the database, and their permissions.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::config::Storage;
use crate::files;
use crate::master_key::sources;

/// Creates them, for their owner only.
pub fn make(storage: &Storage) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(&storage.data_dir)?;
    storage.database().sqlite_path().and_then(Path::parent).map_or(Ok(()), |directory| builder.create(directory))
}

/// Removes others' permissions on the master keys (opening the store does so for the database), and
/// warns of directories that others can access.
pub fn guard(storage: &Storage) {
    let data_dir = storage.data_dir.as_path();
    if data_dir.is_dir()
        && let Err(error) = sources::tighten(data_dir)
    {
        tracing::warn!("cannot check who else can read the master keys in {}: {error}", data_dir.display());
    }
    // A link to a file is as exposed as the file's directory.
    let database = storage.database();
    let file = database.sqlite_path().map(|path| path.canonicalize().unwrap_or_else(|_| path.to_owned()));
    let directory =
        file.as_deref().and_then(Path::parent).map(|it| if it == Path::new("") { Path::new(".") } else { it });
    // Canonical, so that the same directory is warned about only once.
    let directories = [Some(data_dir), directory].into_iter().flatten().filter_map(|it| it.canonicalize().ok());
    directories.collect::<BTreeSet<_>>().iter().for_each(|directory| files::warn_of_others(directory));
}
