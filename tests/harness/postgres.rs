//! A throw-away PostgreSQL, started once for the whole run.
//!
//! Its server refuses to run as root, so root drops to the user `postgres`. A shell stands
//! between: it waits for the end of its standard input, which is the end of this process,
//! however that comes; then it stops the server and removes its files.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

pub(crate) struct Cluster {
    directory: PathBuf,
    port: u16,
    /// Held until this process ends; its end is the signal to stop.
    _alive: ChildStdin,
    _shell: Child,
}

const WATCHDOG: &str = r#"
"$0/postgres" -D "$1/data" -k "$1" -p "$2" -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=400 \
    -c ssl="$3" -c ssl_cert_file="$1/server.crt" -c ssl_key_file="$1/server.key" >"$1/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$1"
"#;

/// The running cluster. Where there are no server binaries, `None`, said loudly, and a
/// failure in CI.
pub(crate) fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER
        .get_or_init(|| {
            let Some(binaries) = find_binaries() else {
                let message = "\n*** NO POSTGRESQL SERVER BINARIES FOUND: nothing is tested on PostgreSQL. ***\n\
                               *** Install them (on Debian: apt-get install postgresql), or set PG_BIN.  ***\n\n";
                // Past the test runner's capture.
                std::io::stderr().write_all(message.as_bytes()).unwrap();
                assert!(std::env::var_os("CI").is_none(), "CI must test on PostgreSQL");
                return None;
            };
            Some(Cluster::start(&binaries))
        })
        .as_ref()
}

fn find_binaries() -> Option<PathBuf> {
    let named = std::env::var_os("PG_BIN").map(PathBuf::from);
    let installed =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|e| e.path().join("bin"));
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut found: Vec<_> = named
        .into_iter()
        .chain(installed)
        .chain(on_path.into_iter().flatten())
        .filter(|directory| directory.join("initdb").exists() && directory.join("postgres").exists())
        .collect();
    found.sort();
    found.pop()
}

/// A command that runs as `postgres` where this process is root.
fn unprivileged(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = drop_to() {
        command.uid(user).gid(group);
    }
    command.current_dir("/");
    command
}

fn drop_to() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> u32 {
        let output = Command::new("id").args(arguments).output().expect("id runs");
        String::from_utf8(output.stdout).unwrap().trim().parse().expect("the user postgres exists")
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])))
}

impl Cluster {
    fn start(binaries: &Path) -> Self {
        let directory = tempfile::Builder::new().prefix("satkeep-postgres-").tempdir().unwrap().keep();
        if let Some((user, group)) = drop_to() {
            std::os::unix::fs::chown(&directory, Some(user), Some(group)).unwrap();
        }
        let made = unprivileged(binaries.join("initdb"))
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(directory.join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let tls = make_certificate(&directory);
        // Another process may take the port between the look and the use; then another one.
        for _ in 0..5 {
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut shell = unprivileged("sh")
                .args(["-c", WATCHDOG])
                .arg(binaries)
                .arg(&directory)
                .arg(port.to_string())
                .arg(if tls { "on" } else { "off" })
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let alive = shell.stdin.take().unwrap();
            let cluster = Self { directory: directory.clone(), port, _alive: alive, _shell: shell };
            if cluster.wait() {
                return cluster;
            }
        }
        panic!("PostgreSQL does not start: {}", std::fs::read_to_string(directory.join("log")).unwrap_or_default());
    }

    fn wait(&self) -> bool {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(20) {
            if PgConnection::establish(&self.url("postgres")).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// The URL of a database, over the socket.
    pub(crate) fn url(&self, database: &str) -> String {
        let host: String = url::form_urlencoded::byte_serialize(self.directory.to_str().unwrap().as_bytes()).collect();
        format!("postgres:///{database}?user=postgres&host={host}&port={}", self.port)
    }

    /// The URL of a database, over TCP.
    pub(crate) fn tcp_url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database.
    pub(crate) fn create(&self, database: &str) {
        let mut connection = PgConnection::establish(&self.url("postgres")).unwrap();
        connection.batch_execute(&format!("CREATE DATABASE {database}")).unwrap();
    }

    /// Removes a database.
    pub(crate) fn drop_database(&self, database: &str) {
        if let Ok(mut connection) = PgConnection::establish(&self.url("postgres")) {
            // A leftover is removed with the whole cluster.
            let _ = connection.batch_execute(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"));
        }
    }
}

/// Makes a self-signed certificate for the server; false where there is no `openssl`.
fn make_certificate(directory: &Path) -> bool {
    let made = unprivileged("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout"])
        .arg(directory.join("server.key"))
        .arg("-out")
        .arg(directory.join("server.crt"))
        .output();
    made.is_ok_and(|made| made.status.success())
}
