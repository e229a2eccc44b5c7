//! Fills a database that a server has made, and that nothing else has open, with wallets and
//! settled payments: as many as years of use would leave, in minutes.
//!
//! `loader --data-dir DIR --database-url URL --accounts N --payments N --listed N` adds users
//! of the first manager, each with one wallet, and payments: one half from the manager's own
//! wallet to anybody, the other half among wallets that hold money. The first new wallet takes
//! part in `--listed` of them. The chains of entries go on from what is there, so `satkeep
//! audit` passes afterwards. On standard output it prints a JSON line for each of up to
//! [`SHOWN_MAX`] of the new wallets, the listed one first: id, admin key, invoice key.
//!
//! # What is real, and what is not
//!
//! Keys are real ones, sealed and digested by the library itself; so are preimages and their
//! hashes, and the texts of the invoices but for their signatures, which are all the same
//! (nobody checks that of a paid invoice of our own). The payments lie in the past, so nothing
//! counts against anybody's limit of today. Ids and times grow with the payments.
//!
//! # How it is fast
//!
//! Rows are computed by all cores while those before them are written: on PostgreSQL by
//! `COPY`, on SQLite by statements of many rows in one transaction without a journal. Foreign
//! keys are not checked meanwhile, and on PostgreSQL the indexes that would grow at random
//! places are made anew at the end. Should it be interrupted, the database is worth nothing.

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use satkeep::domain::api_keys::KeyKind;
use satkeep::master_key;
use satkeep::store::{Database, Store};

mod people;
mod plan;
mod postgres;
mod rows;
#[path = "../../src/store/db/schema.rs"]
mod schema;
mod sqlite;
mod target;

use people::Person;
use plan::{Plan, Sizes};
use target::Target;

/// Wallets whose keys are told.
const SHOWN_MAX: usize = 10_000;
/// Payments that are computed and written at once.
const CHUNK: usize = 20_000;
/// After how many payments it says how far it is.
const TOLD: usize = 1_000_000;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What the command line asks for.
struct Arguments {
    data_dir: PathBuf,
    database: Database,
    sizes: Sizes,
}

impl Arguments {
    /// `None` where the loader is not asked to load anything: `cargo test` and `cargo bench`
    /// run every bench.
    fn read() -> Fallible<Option<Self>> {
        let words: Vec<_> = std::env::args().skip(1).collect();
        let mut given: HashMap<_, _> = words.iter().zip(words.iter().skip(1)).collect();
        let Some(data_dir) = given.remove(&"--data-dir".to_owned()) else { return Ok(None) };
        let value = |name: &str| given.get(&name.to_owned()).ok_or(format!("{name} is missing"));
        let count = |name: &str| -> Fallible<usize> { Ok(value(name)?.parse()?) };
        Ok(Some(Self {
            data_dir: PathBuf::from(data_dir),
            database: Database::from_url(value("--database-url")?)?,
            sizes: Sizes { accounts: count("--accounts")?, payments: count("--payments")?, listed: count("--listed")? },
        }))
    }
}

fn main() -> Fallible<()> {
    let Some(Arguments { data_dir, database, sizes }) = Arguments::read()? else { return Ok(()) };
    let store = Store::open(database.clone())?;
    let vault = master_key::open(&store, &data_dir)?;
    drop(store);
    let started = Instant::now();
    let mut target: Box<dyn Target> = match &database {
        Database::Sqlite(path) => Box::new(sqlite::Sqlite::open(path)?),
        Database::Postgres(url) => Box::new(postgres::Postgres::open(url.reveal())?),
    };
    let manager = target.manager()?;
    let people: Vec<_> = std::iter::repeat_with(Person::new).take(sizes.accounts).collect();
    let mut plan = Plan::new(sizes, &manager, &people)?;
    target.begin()?;
    for people in people.chunks(CHUNK) {
        target.people(&people::rows(people, manager.user, &vault.sealer)?)?;
    }
    eprintln!("{} wallets after {:.0} s", sizes.accounts, started.elapsed().as_secs_f64());
    let issuer = rows::Issuer::new(&vault.sealer, manager.user)?;
    write(target.as_mut(), &issuer, &mut plan)?;
    target.accounts(&plan.accounts(), manager.user)?;
    target.finish()?;
    eprintln!("{} payments after {:.0} s", sizes.payments, started.elapsed().as_secs_f64());
    for person in people.iter().take(SHOWN_MAX) {
        let (admin, invoice) = (person.keys.of(KeyKind::Admin), person.keys.of(KeyKind::Invoice));
        println!(
            "{{\"id\":\"{}\",\"adminkey\":\"{}\",\"inkey\":\"{}\"}}",
            person.wallet,
            admin.reveal(),
            invoice.reveal()
        );
    }
    Ok(())
}

/// Writes the payments chunk by chunk, each while the next one is computed.
fn write(target: &mut dyn Target, issuer: &rows::Issuer<'_>, plan: &mut Plan) -> Fallible<()> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(2);
    std::thread::scope(|scope| {
        let computing = scope.spawn(move || -> Fallible<()> {
            loop {
                let planned: Vec<_> = plan.by_ref().take(CHUNK).collect();
                // A closed channel means that writing has failed, which is told below.
                if planned.is_empty() || sender.send(issuer.rows(&planned)?).is_err() {
                    return Ok(());
                }
            }
        });
        let mut count = 0;
        let written = receiver.iter().try_for_each(|rows| {
            target.payments(&rows)?;
            count += rows.transfers.len();
            if count.is_multiple_of(TOLD) {
                eprintln!("{count} payments are written");
            }
            Ok(())
        });
        drop(receiver);
        let computed = computing.join().or(Err("computing rows has panicked"))?;
        written.and(computed)
    })
}
