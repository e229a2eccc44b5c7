//! The network of the tests: one chain, a router, and the nodes around it.

use std::cell::Cell;
use std::path::Path;
use std::sync::LazyLock;

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use serde_json::json;

use super::chain::Chain;
use super::lnd::Lnd;
use super::programs::programs;

/// What a channel holds, half of it on either side.
const CHANNEL_SATS: u64 = 10_000_000;
/// What a node gets on the chain, of which LND keeps a reserve for its channels.
const ONCHAIN_SATS: u64 = 1_000_000;
/// How many blocks it takes until segregated witness is active: three periods of 144.
const FIRST_BLOCKS: u32 = 440;
/// How deep a channel must be until its nodes tell others of it, which LND does not let us choose.
const BLOCKS_OF_CHANNEL: u32 = 6;

/// What the router takes for a payment that goes through it: LND's defaults.
pub(crate) const fn router_fee_msat(amount_msat: u64) -> u64 {
    1000 + amount_msat / 1_000_000
}

/// `ours` and `world` have a channel with `router` each, so that a payment between them costs
/// [`router_fee_msat`]. All tests of the process share them: a test that kills a node, or counts all
/// that a node has, takes one of its own with [`Network::join`].
pub(crate) struct Network {
    pub(crate) chain: Chain,
    pub(crate) router: Lnd,
    /// The node that stands behind satkeep.
    pub(crate) ours: Lnd,
    /// The rest of the world.
    pub(crate) world: Lnd,
    programs: &'static Path,
}

/// Shared by all tests that may be paying, and taken alone to open a channel. That takes more blocks at
/// once than a payment can bear which is on its way: a payee that has seen them before the payer had
/// refuses it.
static CALM: RwLock<()> = RwLock::new(());

thread_local! {
    /// Kept until the thread ends, and with it the test.
    static KEPT: Cell<Option<RwLockReadGuard<'static, ()>>> = const { Cell::new(None) };
}

/// The running network, built and started when it is first asked for; `None` where there is no Go. While
/// the test runs that asks, no channel is opened, except by itself.
pub(crate) fn network() -> Option<&'static Network> {
    // A start that has failed is not tried again by every test.
    static NETWORK: LazyLock<Option<Network>> = LazyLock::new(|| programs().map(Network::start));
    let network = NETWORK.as_ref()?;
    // A thread may ask again, and a test may have several, all while another one waits to be alone.
    KEPT.set(KEPT.take().or_else(|| Some(CALM.read_recursive())));
    Some(network)
}

impl Network {
    fn start(programs: &'static Path) -> Self {
        let chain = Chain::start(programs);
        let router = Lnd::start(programs, &chain, "router");
        router.wait_until_it_answers();
        let chain = chain.mine_to(programs, &address(&router));
        // LND goes on when btcd comes back, but takes none of its coins for old enough.
        router.kill();
        chain.mine(FIRST_BLOCKS);
        router.run();
        let (ours, world) = (Lnd::start(programs, &chain, "ours"), Lnd::start(programs, &chain, "world"));
        let network = Self { chain, router, ours, world, programs };
        network.router.wait_until_ready();
        // It may have seen the blocks, and not yet what is in them.
        network.router.wait_until("get what was mined", || coins(&network.router) > 0);
        network.open_channels(&[&network.ours, &network.world]);
        network
    }

    /// A node of a test's own, with a channel with the router. A test asks for it before it pays anything.
    pub(crate) fn join(&self, name: &str) -> Lnd {
        let node = self.start_node(name);
        drop(KEPT.take());
        let alone = CALM.write();
        self.open_channels(&[&node]);
        KEPT.set(Some(RwLockWriteGuard::downgrade(alone)));
        node
    }

    /// A node of a test's own that has no channel, so that nobody can pay it.
    pub(crate) fn start_node(&self, name: &str) -> Lnd {
        let node = Lnd::start(self.programs, &self.chain, name);
        node.wait_until_ready();
        node
    }

    /// Opens a channel between the router and each of these, and waits until payments go both ways.
    fn open_channels(&self, nodes: &[&Lnd]) {
        for node in nodes {
            node.wait_until_ready();
        }
        self.send_coins(nodes);
        let identities: Vec<_> = nodes.iter().map(|node| node.identity()).collect();
        for (node, identity) in nodes.iter().zip(&identities) {
            let peer = json!({"addr": {"pubkey": identity, "host": node.peer_address()}, "perm": true});
            self.router.post("/v1/peers", &peer).unwrap();
            self.router.wait_until("find its peer", || has(&self.router, "/v1/peers", "peers", "pub_key", identity));
            let channel = json!({
                "node_pubkey_string": identity,
                "local_funding_amount": CHANNEL_SATS.to_string(),
                "push_sat": (CHANNEL_SATS / 2).to_string(),
                "spend_unconfirmed": true,
            });
            let opened = self.router.post("/v1/channels", &channel).unwrap();
            let bytes = opened["funding_txid_bytes"].as_str().unwrap();
            self.chain.wait_for_transaction(&transaction_id(bytes));
        }
        self.chain.mine(BLOCKS_OF_CHANNEL);
        let router = self.router.identity();
        for (node, identity) in nodes.iter().zip(&identities) {
            for (from, to) in [(*node, &router), (&self.router, identity)] {
                from.wait_until("open its channel", || {
                    has(from, "/v1/channels?active_only=true", "channels", "remote_pubkey", to)
                });
            }
        }
        let world = self.world.identity();
        for (node, identity) in nodes.iter().zip(&identities).filter(|(_, identity)| **identity != world) {
            for (from, to) in [(*node, &world), (&self.world, identity)] {
                from.wait_until("find a way", || from.get(&format!("/v1/graph/routes/{to}/1000")).is_ok());
            }
        }
    }

    /// Gives nodes coins on the chain.
    fn send_coins(&self, nodes: &[&Lnd]) {
        let outputs: serde_json::Map<_, _> =
            nodes.iter().map(|node| (address(node), ONCHAIN_SATS.to_string().into())).collect();
        let sent = self.router.post("/v1/transactions/many", &json!({"AddrToAmount": outputs, "sat_per_vbyte": "5"}));
        self.chain.wait_for_transaction(sent.unwrap()["txid"].as_str().unwrap());
        self.chain.mine(1);
        for node in nodes {
            node.wait_until("get its coins", || coins(node) == ONCHAIN_SATS);
        }
        for node in nodes.iter().chain([&&self.router]) {
            node.wait_until("see the newest blocks", || node.get("/v1/getinfo").unwrap()["synced_to_chain"] == true);
        }
    }
}

/// A new address of a node on the chain.
fn address(node: &Lnd) -> String {
    node.get("/v1/newaddress?type=WITNESS_PUBKEY_HASH").unwrap()["address"].as_str().unwrap().to_owned()
}

/// What a node has on the chain, in sat.
fn coins(node: &Lnd) -> u64 {
    node.get("/v1/balance/blockchain").unwrap()["confirmed_balance"].as_str().unwrap().parse().unwrap()
}

/// Whether a list of a node has an entry with this value.
fn has(node: &Lnd, path: &str, list: &str, field: &str, value: &str) -> bool {
    node.get(path).unwrap()[list].as_array().unwrap().iter().any(|entry| entry[field] == value)
}

/// A transaction's id, from the bytes that LND tells of it, which are in the other order.
fn transaction_id(base64: &str) -> String {
    use base64::Engine as _;
    use bitcoin_hashes::hex::DisplayHex as _;
    let mut bytes = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
    bytes.reverse();
    bytes.to_lower_hex_string()
}
