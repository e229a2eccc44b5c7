//! LND and btcd, built from the Go module in `programs/`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// The directory of the built programs. Where there is no Go, `None`, said loudly, and a failure in CI.
pub(super) fn programs() -> Option<&'static Path> {
    static PROGRAMS: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let version = Command::new("go").arg("version").stdout(Stdio::null()).status();
        if version.is_ok_and(|status| status.success()) {
            return Some(build());
        }
        let message = "\n*** NO GO FOUND: nothing is tested with a real Lightning network.   ***\n\
                       *** CONTRIBUTING.md says how to install it; `go` must be on the path. ***\n\n";
        // Past the test runner's capture.
        std::io::stderr().write_all(message.as_bytes()).unwrap();
        assert!(std::env::var_os("CI").is_none(), "CI must test with a real Lightning network");
        None
    });
    PROGRAMS.as_deref()
}

/// Builds the programs: minutes once, a moment from Go's caches.
fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lightning");
    std::fs::create_dir_all(&directory).unwrap();
    // Other test processes wait rather than build the same.
    let lock = File::create(directory.join("lock")).unwrap();
    lock.lock().unwrap();
    let built = Command::new(root.join("tests/lightning/programs/build")).arg(&directory).output().unwrap();
    assert!(built.status.success(), "LND cannot be built:\n{}", String::from_utf8_lossy(&built.stderr));
    directory
}
