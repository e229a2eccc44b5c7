//! One LND: its process, and its REST interface.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use bitcoin_hashes::hex::DisplayHex as _;
use serde_json::{Value, json};

use super::chain::{Chain, PASSWORD, PATIENCE, USER, agent};
use super::process::{self, Process};

/// The rights that satkeep needs, of those that LND knows: entity and action.
pub(crate) const RIGHTS: [(&str, &str); 5] =
    [("info", "read"), ("invoices", "read"), ("invoices", "write"), ("offchain", "read"), ("offchain", "write")];

/// What a node loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Invoices, payments and channels. It is the same node still.
    Database,
    /// All but its certificate: another node is at its address, and takes no macaroon of the first one.
    Everything,
}

pub(crate) struct Lnd {
    name: String,
    directory: PathBuf,
    rest_port: u16,
    peer_port: u16,
    program: PathBuf,
    arguments: Vec<String>,
    agent: ureq::Agent,
    process: Mutex<Option<Process>>,
}

impl Lnd {
    /// Starts a node on an empty directory, and does not wait for it.
    pub(super) fn start(programs: &Path, chain: &Chain, name: &str) -> Self {
        let directory = process::directory(name);
        let (rest_port, peer_port, grpc_port) = (process::port(), process::port(), process::port());
        let mut arguments = vec![
            format!("--lnddir={}", directory.display()),
            format!("--alias={name}"),
            format!("--restlisten=127.0.0.1:{rest_port}"),
            format!("--rpclisten=127.0.0.1:{grpc_port}"),
            format!("--listen=127.0.0.1:{peer_port}"),
            format!("--btcd.rpchost={}", chain.address()),
            format!("--btcd.rpccert={}", chain.certificate().display()),
            format!("--btcd.rpcuser={USER}"),
            format!("--btcd.rpcpass={PASSWORD}"),
        ];
        arguments.extend(SETTINGS.map(str::to_owned));
        let program = programs.join("lnd");
        let process = Process::start(&directory, &program, &arguments);
        let (name, process) = (name.to_owned(), Mutex::new(Some(process)));
        Self { name, directory, rest_port, peer_port, program, arguments, agent: agent(), process }
    }

    /// Waits until the node has everything running.
    #[track_caller]
    pub(super) fn wait_until_ready(&self) {
        self.wait_for_state(&["SERVER_ACTIVE"]);
    }

    /// Waits until the node answers, which it does before it has seen the newest blocks.
    #[track_caller]
    pub(super) fn wait_until_it_answers(&self) {
        self.wait_for_state(&["RPC_ACTIVE", "SERVER_ACTIVE"]);
    }

    #[track_caller]
    fn wait_for_state(&self, states: &[&str]) {
        self.wait_until("start", || {
            self.get("/v1/state").is_ok_and(|state| states.contains(&state["state"].as_str().unwrap()))
        });
    }

    /// Waits for what the node does by itself.
    #[track_caller]
    pub(super) fn wait_until(&self, what: &str, is_done: impl Fn() -> bool) {
        let started = Instant::now();
        while !is_done() {
            let log = || process::log(&self.directory);
            assert!(started.elapsed() < PATIENCE, "{} does not {what}:\n{}", self.name, log());
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// Kills the node, as a crash would.
    pub(crate) fn kill(&self) {
        let process = self.process.lock().unwrap().take();
        process.expect("the node runs").kill();
    }

    /// Starts the node again after [`Lnd::kill`], on the same ports and files.
    #[track_caller]
    pub(crate) fn restart(&self) {
        self.run();
        self.wait_until_ready();
    }

    /// Waits until the node can use its channel, which takes a moment after a restart of either side.
    #[track_caller]
    pub(crate) fn wait_until_connected(&self) {
        let channels = || self.get("/v1/channels?active_only=true").unwrap()["channels"].as_array().unwrap().len();
        self.wait_until("use its channel", || channels() > 0);
    }

    /// [`Lnd::restart`], without waiting for it.
    pub(super) fn run(&self) {
        let started = Process::start(&self.directory, &self.program, &self.arguments);
        let before = self.process.lock().unwrap().replace(started);
        assert!(before.is_none(), "the node runs");
    }

    /// Kills the node, and starts it without a part of its files.
    #[track_caller]
    pub(crate) fn lose(&self, loss: Loss) {
        self.kill();
        let lost = match loss {
            Loss::Database => "data/graph",
            Loss::Everything => "data",
        };
        std::fs::remove_dir_all(self.directory.join(lost)).unwrap();
        self.restart();
    }

    /// Stops the node's clock: it keeps its connections, and answers nothing.
    pub(crate) fn freeze(&self) {
        self.process.lock().unwrap().as_mut().expect("the node runs").signal("STOP");
    }

    /// Lets the node go on.
    pub(crate) fn thaw(&self) {
        self.process.lock().unwrap().as_mut().expect("the node runs").signal("CONT");
    }

    /// Where its REST interface is: `127.0.0.1:12345`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.rest_port)
    }

    /// Where other nodes find it.
    pub(super) fn peer_address(&self) -> String {
        format!("127.0.0.1:{}", self.peer_port)
    }

    /// The file of its certificate: a CA's, signed by itself, which LND uses as an end entity.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.join("tls.cert")
    }

    /// The file of the macaroon that may do everything.
    pub(crate) fn admin_macaroon(&self) -> PathBuf {
        self.directory.join("data/chain/bitcoin/regtest/admin.macaroon")
    }

    /// Makes a macaroon with these rights, and answers its file.
    pub(crate) fn bake(&self, rights: &[(&str, &str)]) -> PathBuf {
        let permissions: Vec<_> =
            rights.iter().map(|(entity, action)| json!({"entity": entity, "action": action})).collect();
        let baked = self.post("/v1/macaroon", &json!({"permissions": permissions})).unwrap();
        let bytes: Vec<u8> = bitcoin_hashes::hex::FromHex::from_hex(baked["macaroon"].as_str().unwrap()).unwrap();
        let names: Vec<_> = rights.iter().map(|(entity, action)| format!("{entity}-{action}")).collect();
        let file = self.directory.join(format!("{}.macaroon", names.join("-")));
        // At once, because another test may be reading the one from before.
        let mut written = tempfile::NamedTempFile::new_in(&self.directory).unwrap();
        written.write_all(&bytes).unwrap();
        written.persist(&file).unwrap();
        file
    }

    /// The node as satkeep's `--lightning` names it, with a macaroon that has [`RIGHTS`].
    pub(crate) fn setting(&self) -> String {
        let (macaroon, certificate) = (self.bake(&RIGHTS), self.certificate());
        format!("lnd://{}?macaroon={}&cert={}", self.address(), macaroon.display(), certificate.display())
    }

    /// What the node says to a GET with all rights; or why it refuses.
    pub(crate) fn get(&self, path: &str) -> Result<Value, String> {
        self.get_with(&self.admin_macaroon(), path)
    }

    /// What the node says to a GET with this macaroon.
    pub(crate) fn get_with(&self, macaroon: &Path, path: &str) -> Result<Value, String> {
        let request = self.agent.get(self.url(path)).header(MACAROON, secret(macaroon));
        read(request.call())
    }

    /// What the node says to a POST with all rights; or why it refuses.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.post_with(&self.admin_macaroon(), path, body)
    }

    /// What the node says to a POST with this macaroon.
    pub(crate) fn post_with(&self, macaroon: &Path, path: &str, body: &Value) -> Result<Value, String> {
        let request = self.agent.post(self.url(path)).header(MACAROON, secret(macaroon));
        read(request.send_json(body))
    }

    /// The lines of an answer that comes bit by bit. Who drops them hangs up.
    pub(super) fn stream(
        &self,
        path: &str,
        body: Option<&Value>,
    ) -> impl Iterator<Item = Result<Value, String>> + use<> {
        let macaroon = secret(&self.admin_macaroon());
        let answer = match body {
            Some(body) => self.agent.post(self.url(path)).header(MACAROON, macaroon).send_json(body),
            None => self.agent.get(self.url(path)).header(MACAROON, macaroon).call(),
        };
        let reader = std::io::BufReader::new(answer.unwrap().into_body().into_reader());
        std::io::BufRead::lines(reader).map(|line| {
            let line: Value = serde_json::from_str(&line.map_err(|error| error.to_string())?).unwrap();
            line.get("result").cloned().ok_or_else(|| message(line.get("error").unwrap_or(&line)))
        })
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address())
    }
}

const MACAROON: &str = "Grpc-Metadata-Macaroon";

/// A macaroon as a header has it; empty before the node has made it.
fn secret(macaroon: &Path) -> String {
    std::fs::read(macaroon).unwrap_or_default().to_lower_hex_string()
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
    let mut answer = answer.map_err(|error| error.to_string())?;
    let body: Value = answer.body_mut().read_json().map_err(|error| error.to_string())?;
    if answer.status() == 200 { Ok(body) } else { Err(message(&body)) }
}

fn message(error: &Value) -> String {
    error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned)
}

/// What is the same for all nodes.
const SETTINGS: [&str; 16] = [
    "--bitcoin.regtest",
    "--bitcoin.node=btcd",
    "--bitcoin.defaultchanconfs=1",
    "--noseedbackup",
    "--nobootstrap",
    "--logging.file.disable",
    // Nobody waits for gossip, for a batch of writes, or for a peer that has just been started again.
    "--trickledelay=50",
    "--gossip.sub-batch-delay=5ms",
    "--caches.rpc-graph-cache-duration=100ms",
    "--db.batch-commit-interval=10ms",
    "--channel-commit-interval=10ms",
    "--minbackoff=200ms",
    "--maxbackoff=1s",
    "--numgraphsyncpeers=50",
    // A chain that is started again is no reason to stop.
    "--healthcheck.chainbackend.attempts=0",
    "--no-backup-archive",
];
