//! Small nodes of the tests' own, one for each kind: they answer as the real ones document it, over one
//! book of invoices and payments, or wrongly, where a test wants that.

mod book;
mod cln;
mod lnbits;
mod lnd;
mod phoenixd;
mod server;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use satkeep::domain::ids::PaymentHash;
use satkeep::lightning;
use satkeep::lightning::node::{InvoiceMade, Node};
use tokio::runtime::Runtime;

pub(super) use self::book::{Fate, Fault, Op, Shared, now_ms};
use super::world::{MSAT, World};
use crate::harness::serve_tls_as;

/// What all secrets of the fakes are: nothing that is told may hold it.
pub(super) const SECRET: &str = "5ec7e75ec7e75ec7e75ec7e75ec7e75e";

/// An invoice that no node pays: nobody has its preimage.
pub(super) fn unpayable(msat: i64) -> (String, PaymentHash) {
    let foreign = Shared::default().lock().foreign(msat);
    (foreign.bolt11, foreign.hash)
}

/// A kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Lnd,
    Cln,
    Phoenixd,
    Lnbits,
}

/// A node that is asked, and the one behind it.
pub(super) struct FakeNode {
    pub(super) kind: Kind,
    /// How satkeep finds it.
    pub(super) setting: String,
    pub(super) node: Arc<dyn Node>,
    pub(super) book: Shared,
    runtime: Runtime,
    _directory: tempfile::TempDir,
}

impl FakeNode {
    pub(super) fn start(kind: Kind) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let book = Shared::default();
        let inner = match kind {
            Kind::Lnd => server::serve(lnd::Lnd(book.clone()), &book),
            Kind::Cln => server::serve(cln::Cln(book.clone()), &book),
            Kind::Phoenixd => server::serve(phoenixd::Phoenixd(book.clone()), &book),
            Kind::Lnbits => server::serve(lnbits::Lnbits(book.clone()), &book),
        };
        std::fs::write(directory.path().join("secret"), SECRET).unwrap();
        let secret = directory.path().join("secret").display().to_string();
        let url = match kind {
            Kind::Phoenixd => format!("phoenixd://{inner}?password={secret}"),
            Kind::Lnbits => format!("lnbits+http://{inner}?key={secret}"),
            // LND's certificate calls itself an authority.
            Kind::Lnd => over_tls(directory.path(), "CA:TRUE", inner, "lnd", "macaroon", "cert"),
            Kind::Cln => over_tls(directory.path(), "CA:FALSE", inner, "cln", "rune", "ca"),
        };
        let node = lightning::connect(&url.parse().unwrap()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { kind, setting: url, node, book, runtime, _directory: directory }
    }

    /// What of a payment is found, without waiting for its end.
    pub(super) fn found(&self, hash: PaymentHash) -> lightning::node::PaymentAtNode {
        self.run(self.node.find_payment(hash, Duration::ZERO)).unwrap()
    }
}

impl World for FakeNode {
    fn node(&self) -> &dyn Node {
        &*self.node
    }

    fn run<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }

    fn payer(&self) -> Box<dyn Fn(&InvoiceMade) + Send> {
        let book = self.book.clone();
        Box::new(move |invoice| book.lock().pay(invoice.payment_hash, MSAT))
    }

    fn foreign(&self) -> (String, PaymentHash) {
        let foreign = self.book.lock().foreign(MSAT);
        (foreign.bolt11, foreign.hash)
    }

    fn fee_msat(&self) -> i64 {
        self.book.lock().fee_msat
    }

    fn times_paid(&self, hash: PaymentHash) -> usize {
        self.book.lock().attempts(hash).len()
    }
}

fn over_tls(
    directory: &Path,
    constraints: &str,
    inner: std::net::SocketAddr,
    scheme: &str,
    secret: &str,
    trust: &str,
) -> String {
    let address = serve_tls_as(directory, "IP:127.0.0.1", constraints, inner);
    let directory = directory.display();
    format!("{scheme}://{address}?{secret}={directory}/secret&{trust}={directory}/certificate.pem")
}
