//! Rotations that were interrupted, at any moment, and what is late: nothing is lost, and the
//! next run goes on.

use std::process::{Child, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use satkeep::crypto::secret::{MasterKey, Sealed};
use satkeep::store::encrypted_columns;
use satkeep::store::encrypted_columns::{EncryptedColumn, RowId, Stale};
use satkeep::store::{Database, Db, Store};
use serde_json::json;

use super::{Before, assert_done, file, key_in, mark_in_use, marks, restart, under_load};
use crate::harness::{Server, StoreKind, both_stores, satkeep};

/// Starts a rotation, and kills it once something has happened.
fn interrupt(server: &Server, happened: impl Fn() -> bool) {
    let mut rotation = begin(server);
    for _ in 0..20_000 {
        if happened() || rotation.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = rotation.kill();
    rotation.wait().unwrap();
}

fn begin(server: &Server) -> Child {
    let mut command = satkeep(&server.database);
    command.args(["master-key", "rotate", "--grace-s", "600"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// How many preimages are under which mark, without the binary.
fn preimage_marks(server: &Server) -> Vec<String> {
    let mark = match server.store {
        StoreKind::Sqlite => "lower(hex(substr(preimage_sealed, 2, 4)))",
        StoreKind::Postgres => "encode(substr(preimage_sealed, 2, 4), 'hex')",
    };
    server.database.texts(&format!("SELECT DISTINCT {mark} AS text FROM invoices"))
}

fn check_in_database(server: &Server) -> String {
    let value = match server.store {
        StoreKind::Sqlite => "lower(hex(value))",
        StoreKind::Postgres => "encode(value, 'hex')",
    };
    server.database.texts(&format!("SELECT {value} AS text FROM settings WHERE name = 'master_key_check'")).remove(0)
}

both_stores! {
    fn an_interrupted_rotation_goes_on(server) {
        let mut before = Before::prepare(server);
        for _ in 0..1500 {
            server.invoice(&before.payee, 1);
        }
        let (old_key, old_mark) = (key_in(server, "master.key"), mark_in_use(server));
        // As soon as there is a next key.
        interrupt(server, || file(server, "master.key.next").exists());
        let next_key = key_in(server, "master.key.next");
        before.check(server);
        // As soon as the database has switched.
        let check = check_in_database(server);
        interrupt(server, || check_in_database(server) != check);
        before.check(server);
        let mark = mark_in_use(server);
        assert_ne!(mark, old_mark);
        *server = server.replica();
        before.check(server);
        // In the middle of sealing anew.
        interrupt(server, || preimage_marks(server).contains(&mark));
        before.check(server);
        // When all is sealed anew, and only late requests are waited for.
        interrupt(server, || preimage_marks(server) == [mark.clone()]);
        before.check(server);
        assert_eq!(key_in(server, "master.key.next"), next_key);
        // After each renaming.
        std::fs::rename(file(server, "master.key"), file(server, "master.key.old")).unwrap();
        *server = server.replica();
        before.check(server);
        let looks = std::cell::Cell::new(0);
        interrupt(server, || looks.replace(looks.get() + 1) > 500);
        before.check(server);
        std::fs::rename(file(server, "master.key.next"), file(server, "master.key")).unwrap();
        *server = server.replica();
        before.check(server);
        // Now it is done, and what comes is another one. No key is written over.
        let rotated = server.cli(&["master-key", "rotate", "--grace-s", "0"]).unwrap();
        assert_eq!((&rotated["from"], &rotated["old_kept"]), (&json!(mark), &json!(true)));
        assert_eq!(key_in(server, "master.key.old"), next_key);
        assert_eq!(key_in(server, &format!("master.key.old.{old_mark}")), old_key);
        assert_ne!(mark_in_use(server), mark);
        before.check(server);
        server.cli(&["master-key", "rotate", "--grace-s", "0", "--forget-old"]).unwrap();
        assert_done(server, &old_key, &old_mark);
        before.check(server);
        restart(server);
        before.check(server);
    }

    fn a_rotation_killed_at_any_moment_loses_nothing(server) {
        let mut before = Before::prepare(server);
        for _ in 0..300 {
            server.invoice(&before.payee, 1);
        }
        let (old_key, old_mark) = (key_in(server, "master.key"), mark_in_use(server));
        for milliseconds in [5, 20, 40, 60, 80, 100, 150, 200] {
            let mut rotation = satkeep(&server.database);
            rotation.args(["master-key", "rotate", "--grace-s", "0"]).stdout(Stdio::null()).stderr(Stdio::null());
            let mut rotation = rotation.spawn().unwrap();
            std::thread::sleep(Duration::from_millis(milliseconds));
            let _ = rotation.kill();
            rotation.wait().unwrap();
            before.check(server);
        }
        server.cli(&["master-key", "rotate", "--grace-s", "3", "--forget-old"]).unwrap();
        assert_done(server, &old_key, &old_mark);
        restart(server);
        before.check(server);
    }

    fn what_is_late_is_not_lost(server) {
        let mut before = Before::prepare(server);
        // Without grace the old key's file is gone before the server has heard of the new one.
        let rotate = ["master-key", "rotate", "--grace-s", "0", "--forget-old"];
        let (load, mut last) = (|| server.cli(&rotate), String::new());
        for _ in 0..3 {
            // Where too many are late the rotation says so, and goes on the next time.
            match under_load(&[server], load) {
                Ok(rotated) => rotated["mark"].as_str().unwrap().clone_into(&mut last),
                Err(error) => assert!(error.contains("still being sealed"), "{error}"),
            }
        }
        before.check(server);
        restart(server);
        before.check(server);
        server.cli(&["master-key", "rotate", "--grace-s", "2"]).unwrap();
        assert_eq!(marks(server), [mark_in_use(server)]);
        assert_ne!(mark_in_use(server), last);
        before.check(server);
    }

    fn values_are_replaced_where_they_still_stand(server) {
        Before::prepare(server);
        let store = Store::open(Database::from_url(&server.database.url).unwrap()).unwrap();
        let directory = server.database.directory.path();
        let sealer = satkeep::master_key::open(&store, directory).unwrap().sealer;
        let (new, column) = (MasterKey::generate(), EncryptedColumn::Preimages);
        sealer.add(&new);
        sealer.switch_to(new.mark()).unwrap();
        let stale = || {
            let page = |connection: &mut Db| encrypted_columns::page(connection, column, new.mark(), &RowId::default());
            store.read_blocking(page).unwrap().stale
        };
        let fresh: Vec<_> = stale()
            .into_iter()
            .map(|stale| (stale.clone(), sealer.reseal(stale.purpose, &stale.owner, &stale.sealed).unwrap()))
            .collect();
        let replace = |fresh: &[(Stale, Sealed)]| store.write_blocking(|c| encrypted_columns::replace(c, column, fresh)).unwrap();
        let all = u64::try_from(fresh.len()).unwrap();
        assert_eq!(replace(&[]), 0);
        if server.store == StoreKind::Postgres {
            // A row that somebody has locked is left, and not waited for.
            let mut other = PgConnection::establish(&server.database.url).unwrap();
            other.batch_execute("BEGIN; SELECT FROM invoices ORDER BY id LIMIT 1 FOR UPDATE").unwrap();
            assert_eq!(replace(&fresh), all - 1);
            other.batch_execute("ROLLBACK").unwrap();
            assert_eq!((stale().len(), replace(&fresh)), (1, 1));
        } else {
            assert_eq!(replace(&fresh), all);
        }
        assert_eq!((stale().len(), replace(&fresh)), (0, 0));
    }

    fn two_rotations_are_not_under_way_at_once(server) {
        Before::prepare(server);
        let old_mark = mark_in_use(server);
        let mut first = begin(server);
        while mark_in_use(server) == old_mark {
            std::thread::sleep(Duration::from_millis(5));
        }
        let error = server.cli(&["master-key", "rotate", "--grace-s", "0"]).unwrap_err();
        assert!(error.contains("another rotation"), "{error}");
        first.kill().unwrap();
        first.wait().unwrap();
        server.cli(&["master-key", "rotate", "--grace-s", "0"]).unwrap();
    }
}
