//! SQLite's log is copied into its file beside the writers, and stays short.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::Integer;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use satkeep::store::Store;

use crate::harness::{StoreKind, TestDatabase, at_once};

/// The pages from which on the log is copied, those from which on writers copy it, and how
/// large its file may stay: as the store has them.
const LOG_PAGES: i32 = 8000;
const LOG_PAGES_MAX: i32 = 32_000;
const LOG_FILE_BYTES_MAX: u64 = 64 << 20;
/// A row of 1 MiB fills as many pages.
const ROW_PAGES: i32 = 256;
/// A page in the log, with its head.
const LOGGED_PAGE_BYTES: u64 = 4096 + 24;

#[derive(QueryableByName)]
struct Log {
    #[diesel(sql_type = Integer)]
    log: i32,
}

struct World {
    database: TestDatabase,
    store: Store,
}

impl World {
    fn new() -> Self {
        let (database, store) = TestDatabase::with_store(StoreKind::Sqlite).unwrap();
        database.execute("CREATE TABLE filler (bytes BLOB NOT NULL)").unwrap();
        Self { database, store }
    }

    fn path(&self) -> PathBuf {
        self.database.directory.path().join("test.sqlite")
    }

    fn connect(&self) -> SqliteConnection {
        SqliteConnection::establish(self.path().to_str().unwrap()).unwrap()
    }

    /// Writes so many rows of so many bytes, each in a transaction of its own.
    fn write(&self, rows: i32, bytes: i32) {
        for _ in 0..rows {
            let insert = format!("INSERT INTO filler VALUES (zeroblob({bytes}))");
            self.store.write_blocking(|connection| Ok(connection.batch_execute(&insert)?)).unwrap();
        }
    }

    fn log_pages(&self) -> i32 {
        let look = diesel::sql_query("PRAGMA wal_checkpoint(NOOP)");
        look.get_result::<Log>(&mut self.connect()).unwrap().log
    }

    fn log_file_bytes(&self) -> u64 {
        std::fs::metadata(self.path().with_extension("sqlite-wal")).unwrap().len()
    }

    /// Writes a little, over and over, until something holds.
    #[track_caller]
    fn write_until(&self, holds: impl Fn() -> bool, what: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !holds() {
            assert!(Instant::now() < deadline, "{what}");
            self.write(1, 1);
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_long_log_begins_anew_before_a_writer_would_have_to_copy_it() {
    let world = World::new();
    let rows = LOG_PAGES / ROW_PAGES * 3 / 2;
    assert!(rows * ROW_PAGES < LOG_PAGES_MAX / 2);
    world.write(rows, 1 << 20);
    world.write_until(|| world.log_pages() < LOG_PAGES, "the log is as long as ever");
    let kept: i32 =
        world.database.texts("SELECT count(*) AS text FROM filler WHERE length(bytes) > 1")[0].parse().unwrap();
    assert_eq!(kept, rows);
}

#[test]
fn the_log_stays_bounded_under_load_by_many_who_write_and_read() {
    let world = World::new();
    let writers = AtomicUsize::new(3);
    let is_over = || writers.load(Ordering::SeqCst) == 0;
    let longest = at_once(6, |number| {
        let mut longest = 0;
        if number == 0 {
            while !is_over() {
                longest = longest.max(world.log_file_bytes());
                std::thread::sleep(Duration::from_millis(1));
            }
        } else if number <= 2 {
            let count = "SELECT count(*) FROM sqlite_schema";
            while !is_over() {
                world.store.read_blocking(|connection| Ok(connection.batch_execute(count)?)).unwrap();
            }
        } else {
            world.write(100, 1 << 20);
            writers.fetch_sub(1, Ordering::SeqCst);
        }
        longest
    });
    let bound = 2 * u64::try_from(LOG_PAGES_MAX).unwrap() * LOGGED_PAGE_BYTES;
    assert!(longest[0] > 0 && longest[0] < bound, "the log was {} bytes long", longest[0]);
}

#[test]
fn a_long_read_stops_nobody_and_the_log_is_cut_down_after_it() {
    let world = World::new();
    world.write(1, 1);
    let mut reader = world.connect();
    reader.batch_execute("BEGIN; SELECT count(*) FROM filler").unwrap();
    let rows = i32::try_from(LOG_FILE_BYTES_MAX >> 20).unwrap() * 5 / 4;
    world.write(rows, 1 << 20);
    assert!(world.log_file_bytes() > LOG_FILE_BYTES_MAX, "the reader did not hold the log");
    // It still reads the state that it began with.
    reader.batch_execute("SELECT iif(count(*) = 1, 1, abs(-9223372036854775807 - 1)) FROM filler; ROLLBACK").unwrap();
    let is_short = || world.log_pages() < LOG_PAGES && world.log_file_bytes() <= LOG_FILE_BYTES_MAX;
    world.write_until(is_short, "the log does not become short");
}
