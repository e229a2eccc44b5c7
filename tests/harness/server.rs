//! The real server, as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Wallet;
use super::database::{StoreKind, TestDatabase};

/// How a server is started.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) bootstrap_sats: i64,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self { bootstrap_sats: 1_000_000, arguments: Vec::new(), environment: Vec::new() }
    }
}

pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
    pub(crate) store: StoreKind,
    /// The first manager's wallet.
    pub(crate) manager: Wallet,
    pub(crate) database: Arc<TestDatabase>,
    pub(crate) agent: ureq::Agent,
    options: Options,
    log: Mutex<mpsc::Receiver<String>>,
}

/// How long a server may take to start: generous, because the machine may be busy.
const START_TIMEOUT: Duration = Duration::from_secs(60);

impl Server {
    /// A server on a fresh database; `None` where there is no PostgreSQL.
    pub(crate) fn start(store: StoreKind, options: Options) -> Option<Self> {
        let database = Arc::new(TestDatabase::create(store)?);
        Some(Self::start_on(store, database, options, None))
    }

    fn start_on(store: StoreKind, database: Arc<TestDatabase>, options: Options, manager: Option<Wallet>) -> Self {
        let mut process = satkeep(&database)
            .args(["serve", "--listen", "127.0.0.1:0", "--bootstrap-sats", &options.bootstrap_sats.to_string()])
            .args(&options.arguments)
            .env("SATKEEP_LOG", "warn,satkeep=info")
            .envs(options.environment.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = lines_of(process.stderr.take().unwrap());
        let printed = lines_of(process.stdout.take().unwrap());
        let url = wait_for_address(&log);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .max_idle_connections(256)
            .max_idle_connections_per_host(256)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .build()
            .new_agent();
        let unknown = Wallet { user: String::new(), id: String::new(), admin: String::new(), invoice: String::new() };
        let first = manager.is_none();
        let manager = manager.unwrap_or(unknown);
        let mut server = Self { process, url, store, manager, database, agent, options, log: Mutex::new(log) };
        if first {
            server.read_manager(&printed);
        }
        server
    }

    /// Reads the three lines of the first start.
    fn read_manager(&mut self, printed: &mpsc::Receiver<String>) {
        let value = |label: &str| {
            let line = printed.recv_timeout(START_TIMEOUT).expect("the first start prints the manager");
            line.strip_prefix(label).unwrap_or_else(|| panic!("{label} in {line}")).to_owned()
        };
        self.manager.user = value("manager user id: ");
        self.manager.admin = value("manager admin key: ");
        self.manager.invoice = value("manager invoice key: ");
        let wallet = self.get("/api/v1/wallet", &self.manager.admin).expect(200);
        wallet["id"].as_str().unwrap().clone_into(&mut self.manager.id);
    }

    /// Another process on the same database.
    pub(crate) fn replica(&self) -> Self {
        self.replica_with(self.options.clone())
    }

    /// Another process on the same database, started in another way.
    pub(crate) fn replica_with(&self, options: Options) -> Self {
        Self::start_on(self.store, Arc::clone(&self.database), options, Some(self.manager.clone()))
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end of the process.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }

    /// Runs another subcommand on the same database, and answers its JSON.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Result<Value, String> {
        run_cli(&self.database, arguments)
    }

    /// A second manager with this many sats, made at the command line.
    pub(crate) fn new_manager(&self, name: &str, sats: i64) -> Wallet {
        let sats = sats.to_string();
        let made = self.cli(&["manager", "create", "--name", name, "--bootstrap-sats", &sats]).unwrap();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        Wallet { user: text("user"), id: text("wallet"), admin: text("adminkey"), invoice: text("inkey") }
    }

    /// Asserts that the audit passes.
    #[track_caller]
    pub(crate) fn audit(&self) {
        let audit = self.cli(&["audit"]).unwrap();
        assert_eq!(audit["holds"], true, "{audit}");
        assert_eq!(audit["invariants"].as_array().unwrap().len(), 7);
    }

    /// What the server has logged since the last look.
    pub(crate) fn logged(&self) -> String {
        // The line of a request is written before its answer, but read by another thread.
        thread::sleep(Duration::from_millis(100));
        self.log.lock().unwrap().try_iter().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            let log: Vec<_> = self.log.lock().unwrap().try_iter().filter(|line| !line.contains(" INFO ")).collect();
            eprintln!("--- the server's log ---\n{}", log.join("\n"));
        }
    }
}

/// The binary, for a database.
pub(crate) fn satkeep(database: &TestDatabase) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_satkeep"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SATKEEP_") || name.starts_with("OTEL_")) {
        command.env_remove(name);
    }
    // By the environment, so that a flag of the test's own comes first.
    command.env("SATKEEP_DATA_DIR", database.directory.path()).env("SATKEEP_DATABASE_URL", &database.url);
    command.stdin(Stdio::null());
    command
}

/// Runs a subcommand: its JSON, or what it said on standard error.
pub(crate) fn run_cli(database: &TestDatabase, arguments: &[&str]) -> Result<Value, String> {
    let output = satkeep(database).arg("--json").args(arguments).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    if output.status.success() {
        Ok(serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}")))
    } else {
        Err(format!("{printed}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

fn lines_of(output: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let Ok(line) = line else { break };
            // Read on, even when nobody listens: the process must not block on a full pipe.
            let _ = sender.send(line);
        }
    });
    receiver
}

fn wait_for_address(log: &mpsc::Receiver<String>) -> String {
    let started = Instant::now();
    let mut seen = Vec::new();
    while started.elapsed() < START_TIMEOUT {
        match log.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => {
                if let Some((_, rest)) = line.split_once("listening on ") {
                    return rest.split(';').next().unwrap().to_owned();
                }
                seen.push(line);
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    panic!("the server does not start:\n{}", seen.join("\n"));
}
