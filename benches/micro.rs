//! Micro-benchmarks: what the parts of a payment cost on one core, and what one settled batch
//! costs on each store.
//!
//! SQLite's file is put beside the build, on whatever disk that is; PostgreSQL is the server
//! whose URL `SATKEEP_BENCH_POSTGRES` names (`benches/run` starts one). Settling writes into
//! that database. Every batch that is measured is paid out of fresh invoices, which are made
//! outside of the time that counts.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use satkeep::clock;
use satkeep::crypto::secret::{MasterKey, Sealer};
use satkeep::domain::ids::{AccountId, InvoiceId, TransferId};
use satkeep::domain::invoice::PaymentRequest;
use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::node::{Description, Network, Node, Preimage};
use satkeep::domain::text::{Memo, Name};
use satkeep::ledger::command::{Adjust, Authority, Command, CreateInvoice, NewInvoice, Pay};
use satkeep::ledger::decide::decide;
use satkeep::ledger::settle::{SettlementStore, settle_batch};
use satkeep::ledger::state::{Account, AccountKind, Invoice, InvoiceState, Snapshot};
use satkeep::services::operators::accounts::NewManager;
use satkeep::services::operators::balance::{Direction, adjustment};
use satkeep::store::db::migrations;
use satkeep::store::{Database, Store};
use secp256k1::{Message, Secp256k1, SecretKey};

/// Payments in one batch.
const BATCHES: [usize; 4] = [1, 10, 100, 1000];
/// Payees of a hot payer.
const PAYEES: usize = 50;
const EXPIRY_S: u32 = 3600;
const MEMO: &str = "Payment/Tip from service/game";
const POSTGRES: &str = "SATKEEP_BENCH_POSTGRES";

/// What issues invoices.
struct Issuer {
    node: Node,
    sealer: Sealer,
}

impl Issuer {
    fn new() -> Self {
        let master = MasterKey::generate();
        Self { node: Node::new(&master, Network::Bitcoin), sealer: Sealer::new(&master) }
    }

    fn text(&self, preimage: &Preimage) -> String {
        let memo = Memo::new(MEMO.to_owned()).expect("the memo is short");
        let description = Description::Words(memo);
        self.node
            .issue(preimage.payment_hash(), one_sat(), description, EXPIRY_S, clock::now())
            .expect("the invoice is like any other")
    }

    /// A new invoice, made as a request to the API makes it.
    fn invoice(&self, payee: AccountId) -> NewInvoice {
        let (id, preimage, now) = (InvoiceId::next(), Preimage::generate(), clock::now());
        NewInvoice {
            id,
            payment_hash: preimage.payment_hash(),
            preimage: Some(preimage.seal(&self.sealer, id)),
            payee,
            bolt11: Some(self.text(&preimage)),
            amount: one_sat(),
            memo: MEMO.to_owned(),
            webhook: None,
            extra: None,
            external_id: None,
            created_at: now,
            expires_at: now.plus_seconds(EXPIRY_S.into()),
            is_at_node: false,
        }
    }

    fn invoices(&self, payees: &[AccountId], count: usize) -> Vec<NewInvoice> {
        payees.iter().cycle().take(count).map(|payee| self.invoice(*payee)).collect()
    }
}

fn one_sat() -> Amount {
    Amount::from_sat(1).expect("one is above zero")
}

/// The payment of an invoice by one payer, whose keys were never rotated.
fn pay(payer: AccountId, invoice: &NewInvoice) -> Command {
    Command::Pay(Pay {
        authority: Authority { account: payer, keys_version: 1, manager: None },
        claim: None,
        transfer: TransferId::next(),
        payment_hash: invoice.payment_hash,
        bolt11: invoice.bolt11.clone().unwrap_or_default(),
        extra: None,
        webhook: None,
        external_id: None,
        send: None,
    })
}

fn create(invoice: NewInvoice) -> Command {
    let authority = Authority { account: invoice.payee, keys_version: 1, manager: None };
    Command::CreateInvoice(CreateInvoice { authority, claim: None, invoice })
}

/// Reading and making invoices.
fn texts(criterion: &mut Criterion) {
    let issuer = Issuer::new();
    let text = issuer.text(&Preimage::generate());
    let mut group = criterion.benchmark_group("invoice");
    group.throughput(Throughput::Elements(1));
    group.bench_function("decode own", |bencher| bencher.iter(|| PaymentRequest::parse(black_box(&text))));
    group.bench_function("decode and check", |bencher| {
        bencher.iter(|| PaymentRequest::parse(black_box(&text)).and_then(PaymentRequest::verify));
    });
    let secp = Secp256k1::signing_only();
    let secret = SecretKey::from_slice(&[7; 32]).expect("the key is in range");
    let digest = Message::from_digest([9; 32]);
    group.bench_function("sign", |bencher| bencher.iter(|| secp.sign_ecdsa_recoverable(black_box(&digest), &secret)));
    let payee = AccountId::new([1; 16]);
    group.bench_function("issue", |bencher| bencher.iter(|| issuer.invoice(black_box(payee))));
    group.finish();
}

/// `decide` alone: a hot payer pays a batch.
fn decisions(criterion: &mut Criterion) {
    let issuer = Issuer::new();
    let payer = AccountId::new([0; 16]);
    let payees: Vec<_> = (1_u8..=50).map(|n| AccountId::new([n; 16])).collect();
    let mut group = criterion.benchmark_group("decide");
    for size in BATCHES {
        let invoices = issuer.invoices(&payees, size);
        let commands: Vec<_> = invoices.iter().map(|invoice| pay(payer, invoice)).collect();
        let mut snapshot = Snapshot::default();
        snapshot.accounts.extend(payees.iter().chain([&payer]).map(|id| (*id, rich())));
        snapshot.invoices.extend(
            invoices.into_iter().map(|invoice| (invoice.payment_hash, Invoice::new(invoice, InvoiceState::Open))),
        );
        let now = clock::now();
        assert!(decide(&snapshot, &commands, now).0.iter().all(Result::is_ok), "every payment is accepted");
        group.throughput(Throughput::Elements(u64::try_from(size).expect("a batch is small")));
        group.bench_function(size.to_string(), |bencher| {
            bencher.iter(|| decide(black_box(&snapshot), black_box(&commands), now));
        });
    }
    group.finish();
}

fn rich() -> Account {
    Account {
        kind: AccountKind::Wallet,
        balance: Msat::new(1_000_000_000),
        held: Msat::ZERO,
        entries: 1,
        keys_version: 1,
        open: true,
        freezes: satkeep::domain::controls::Freezes::default(),
        limits: satkeep::domain::controls::Limits::default(),
        spent: satkeep::domain::controls::Spent::default(),
        subscribed: satkeep::domain::webhooks::EventKinds::default(),
        tenant: None,
    }
}

/// A migrated database with a rich payer and payees.
struct Bank {
    issuer: Issuer,
    settlement: Box<dyn SettlementStore>,
    payer: AccountId,
    payees: Vec<AccountId>,
}

impl Bank {
    fn open(database: Database) -> Self {
        let store = Store::open(database).expect("the database is there");
        store.read_blocking(migrations::run).expect("the migrations run");
        let issuer = Issuer::new();
        let name = Name::new("bench".to_owned()).expect("a short name");
        let wallet = || {
            let manager = NewManager::named(&issuer.sealer, name.clone());
            store.write_blocking(|connection| manager.create(connection)).expect("a wallet is created").wallet.wallet.id
        };
        let payer = wallet();
        let payees = std::iter::repeat_with(|| wallet().account()).take(PAYEES).collect();
        let money = Amount::from_sat(1_000_000_000).expect("it is above zero");
        let leg = adjustment(&issuer.sealer, payer, money, Direction::In);
        let mut bank = Self { settlement: Box::new(store.settlement()), issuer, payer: payer.account(), payees };
        bank.settle(&[Command::Adjust(Adjust { leg, session: None, claim: None })]);
        bank
    }

    /// Settles commands that must all be accepted; how long that took.
    fn settle(&mut self, commands: &[Command]) -> Duration {
        let started = Instant::now();
        let outcomes = settle_batch(self.settlement.as_mut(), commands, &clock::now).expect("the batch is settled");
        let took = started.elapsed();
        assert!(outcomes.iter().all(Result::is_ok), "every command is accepted");
        took
    }

    /// Pays so many fresh invoices in one batch; how long the payment took.
    fn pay_batch(&mut self, size: usize) -> Duration {
        let invoices = self.issuer.invoices(&self.payees, size);
        let payments: Vec<_> = invoices.iter().map(|invoice| pay(self.payer, invoice)).collect();
        let creates: Vec<_> = invoices.into_iter().map(create).collect();
        self.settle(&creates);
        self.settle(&payments)
    }
}

/// One batch of payments of a hot payer, settled: locked, read, decided, written, flushed.
fn settled(criterion: &mut Criterion, store: &str, database: Database) {
    let mut bank = Bank::open(database);
    let mut group = criterion.benchmark_group(format!("settle {store}"));
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    for size in BATCHES {
        group.throughput(Throughput::Elements(u64::try_from(size).expect("a batch is small")));
        group.bench_function(size.to_string(), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| bank.pay_batch(size)).sum());
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    texts(&mut criterion);
    decisions(&mut criterion);
    let directory = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("a place beside the build");
    settled(&mut criterion, "sqlite", Database::Sqlite(directory.path().join("micro.sqlite")));
    match std::env::var(POSTGRES) {
        Ok(url) => {
            let database = Database::from_url(&url).expect("the URL begins with postgres://");
            settled(&mut criterion, "postgres", database);
        }
        Err(_) => eprintln!("PostgreSQL was NOT measured: {POSTGRES} does not name a database"),
    }
    criterion.final_summary();
}
