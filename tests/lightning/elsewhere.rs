//! A node that is on another network than satkeep: nothing of it is used, because its coins are none.

use serde_json::json;

use super::behind::wait_until;
use super::fakes::{FakeNode, Kind};
use crate::harness::{Options, both_stores};

both_stores! {
    fn a_node_of_another_network_is_not_used(server) {
        // On regtest, and satkeep on the main network.
        let world = FakeNode::start(Kind::Phoenixd);
        let setting = ["--lightning", &world.setting];
        let arguments = setting.into_iter().map(str::to_owned).collect();
        *server = server.replica_with(Options { arguments, ..Options::default() });
        wait_until("the health is degraded", || {
            (server.get("/api/v1/health", "").expect(200)["status"] == "degraded").then_some(())
        });
        let made = server.post("/api/v1/payments", &server.manager.admin, &json!({"out": false, "amount": 5}));
        made.refused(503, "node_away", "");
        for arguments in [&["node", "status"][..], &["node", "reconcile"], &["audit", "--node"]] {
            let said = server.cli(&[&setting[..], arguments].concat()).unwrap_err();
            assert!(said.contains("another network: regtest"), "{arguments:?}: {said}");
        }
        assert_eq!(world.book.lock().invoices.len(), 0, "nothing was made at it");
    }
}
