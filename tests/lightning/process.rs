//! A program beside the tests, which ends with them.
//!
//! A shell stands between, as before the tests' PostgreSQL: it reads orders from its standard input,
//! whose end is the end of this process, however that comes; then it kills the program and removes
//! its files.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

const SHELL: &str = r#"
directory=$0
"$@" </dev/null >>"$directory/log" 2>&1 &
program=$!
while read -r order; do
    case $order in
        keep) directory= ;;
        *) kill -s "$order" $program ;;
    esac
done
kill -s KILL $program
wait $program
[ -z "$directory" ] || rm -rf "$directory"
"#;

pub(super) struct Process {
    /// Its end is the signal to stop; an option, so that it can be closed before the shell is waited for.
    orders: Option<ChildStdin>,
    shell: Child,
}

impl Process {
    /// Starts a program that has its files in this directory. What it says goes to `log` there.
    pub(super) fn start<A: AsRef<OsStr>>(directory: &Path, program: &Path, arguments: &[A]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SHELL])
            .arg(directory)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // The shell says when the program was killed.
            .stderr(Stdio::null())
            // An interrupt from the keyboard is for the tests; their end stops the program, and tidies up.
            .process_group(0)
            .spawn()
            .unwrap();
        let orders = shell.stdin.take();
        Self { orders, shell }
    }

    /// Sends the program a signal, such as `STOP`.
    pub(super) fn signal(&mut self, signal: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{signal}").unwrap();
    }

    /// Kills the program as a crash would, and keeps its files.
    pub(super) fn kill(mut self) {
        self.signal("keep");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.shell.wait();
    }
}

/// The end of a program's log, for a test that fails.
pub(super) fn log(directory: &Path) -> String {
    let said = std::fs::read(directory.join("log")).unwrap_or_default();
    let tail = said.len().saturating_sub(8 * 1024);
    String::from_utf8_lossy(&said[tail..]).into_owned()
}

/// An empty directory for a program, which removes it.
pub(super) fn directory(name: &str) -> std::path::PathBuf {
    let directory = tempfile::Builder::new().prefix(&format!("satkeep-{name}-")).tempdir().unwrap().keep();
    File::create(directory.join("log")).unwrap();
    directory
}

/// A free port, outside the range that the kernel takes for connections: a program that is started
/// again must find its port still free.
pub(super) fn port() -> u16 {
    loop {
        let port = rand::random_range(10_000..32_000);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
