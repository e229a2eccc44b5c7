//! The chain: btcd in regtest, which mines when it is told to.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::process::{self, Process};

pub(super) const USER: &str = "satkeep";
pub(super) const PASSWORD: &str = "regtest";

/// How long a program may take for what is to happen by itself: generous, because the machine may be
/// busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Chain {
    directory: PathBuf,
    port: u16,
    agent: ureq::Agent,
    process: Process,
}

impl Chain {
    /// Starts a chain that has nothing but its first block.
    pub(super) fn start(programs: &Path) -> Self {
        let directory = process::directory("btcd");
        let port = process::port();
        let process = run(programs, &directory, port, None);
        let chain = Self { directory, port, agent: agent(), process };
        chain.wait();
        chain
    }

    /// Starts again, now with an address that gets what is mined.
    pub(super) fn mine_to(self, programs: &Path, address: &str) -> Self {
        let Self { directory, port, agent, process } = self;
        process.kill();
        let process = run(programs, &directory, port, Some(address));
        let chain = Self { directory, port, agent, process };
        chain.wait();
        chain
    }

    fn wait(&self) {
        let started = Instant::now();
        while self.try_call("getblockcount", &json!([])).is_err() {
            assert!(started.elapsed() < PATIENCE, "btcd does not start:\n{}", process::log(&self.directory));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Mines blocks. While others pay, no more than two: a payment whose payee has seen three blocks that
    /// the payer had not seen is refused.
    pub(crate) fn mine(&self, blocks: u32) {
        self.call("generate", &json!([blocks]));
    }

    /// How many blocks there are.
    pub(crate) fn height(&self) -> u64 {
        self.call("getblockcount", &json!([])).as_u64().unwrap()
    }

    /// Waits until a transaction is in the memory pool, so that the next block takes it.
    pub(super) fn wait_for_transaction(&self, id: &str) {
        let started = Instant::now();
        while self.try_call("getrawtransaction", &json!([id])).is_err() {
            assert!(started.elapsed() < PATIENCE, "{id} does not come:\n{}", process::log(&self.directory));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn call(&self, method: &str, parameters: &Value) -> Value {
        self.try_call(method, parameters).unwrap_or_else(|error| panic!("btcd, {method}: {error}"))
    }

    fn try_call(&self, method: &str, parameters: &Value) -> Result<Value, String> {
        let order = json!({"jsonrpc": "1.0", "id": 1, "method": method, "params": parameters});
        let mut answer = self
            .agent
            .post(format!("https://127.0.0.1:{}/", self.port))
            .header("Authorization", format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}"))))
            .send_json(order)
            .map_err(|error| error.to_string())?;
        let answer: Value = answer.body_mut().read_json().map_err(|error| error.to_string())?;
        if answer["error"].is_null() { Ok(answer["result"].clone()) } else { Err(answer["error"].to_string()) }
    }

    /// Where its RPC is.
    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The certificate of its RPC.
    pub(super) fn certificate(&self) -> PathBuf {
        self.directory.join("rpc.cert")
    }
}

fn run(programs: &Path, directory: &Path, port: u16, mining_address: Option<&str>) -> Process {
    let file = |name: &str| directory.join(name).display().to_string();
    let mut arguments = vec![
        "--regtest".to_owned(),
        "--txindex".to_owned(),
        "--nolisten".to_owned(),
        "--nodnsseed".to_owned(),
        format!("--configfile={}", file("btcd.conf")),
        format!("--datadir={}", file("data")),
        format!("--logdir={}", file("logs")),
        format!("--rpccert={}", file("rpc.cert")),
        format!("--rpckey={}", file("rpc.key")),
        format!("--rpclisten=127.0.0.1:{port}"),
        format!("--rpcuser={USER}"),
        format!("--rpcpass={PASSWORD}"),
        // Every node of the tests takes a few, and what is closed is counted for a while.
        "--rpcmaxclients=100".to_owned(),
        "--rpcmaxwebsockets=500".to_owned(),
    ];
    arguments.extend(mining_address.map(|address| format!("--miningaddr={address}")));
    Process::start(directory, &programs.join("btcd"), &arguments)
}

/// A client that takes the certificates which the programs make for themselves.
pub(super) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .tls_config(ureq::tls::TlsConfig::builder().disable_verification(true).build())
        .build()
        .new_agent()
}
