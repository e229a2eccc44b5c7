//! Rotations that were interrupted, at any moment, and what is late: nothing is lost, and the
//! next run goes on.

use std::process::{Child, Stdio};
use std::time::Duration;

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
        for _ in 0..600 {
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
        assert!(marks(server).contains(&old_mark));
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
        interrupt(server, || false);
        before.check(server);
        std::fs::rename(file(server, "master.key.next"), file(server, "master.key")).unwrap();
        *server = server.replica();
        before.check(server);
        // A value that was late all the same is found.
        let rotated = server.cli(&["master-key", "rotate", "--grace-s", "0"]).unwrap();
        assert_eq!((&rotated["from"], &rotated["mark"]), (&json!(mark), &json!(mark)));
        assert_eq!(key_in(server, "master.key"), next_key);
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
        server.cli(&["master-key", "rotate", "--grace-s", "3"]).unwrap();
        assert_done(server, &old_key, &old_mark);
        restart(server);
        before.check(server);
    }

    fn what_is_late_is_not_lost(server) {
        let mut before = Before::prepare(server);
        // Without grace the old key's file is gone before the server has heard of the new one.
        let (load, mut last) = (|| server.cli(&["master-key", "rotate", "--grace-s", "0"]), String::new());
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
