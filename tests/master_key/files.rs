//! The files of keys: who makes them, who may read them, and what is made of other ones.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use bitcoin_hashes::hex::DisplayHex;
use satkeep::master_key::sources;

use super::{Before, assert_done, file, key_in, mark_in_use, marks, restart};
use crate::harness::{Server, StoreKind, TestDatabase, at_once, both_stores, run_cli, satkeep};

const ROTATE: [&str; 4] = ["master-key", "rotate", "--grace-s", "0"];

fn names_in(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.contains("master.key")).collect();
    names.sort();
    names
}

#[test]
fn a_key_that_is_there_is_never_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let made = at_once(16, |_| sources::make(directory.path(), "master.key").unwrap().key.reveal().to_string());
    assert!(made.iter().all(|key| *key == made[0]));
    assert_eq!(std::fs::read_to_string(directory.path().join("master.key")).unwrap().trim(), made[0]);
    assert_eq!(names_in(directory.path()), ["master.key"]);
    // Not even one that is damaged.
    std::fs::write(directory.path().join("master.key"), "").unwrap();
    assert!(sources::make(directory.path(), "master.key").is_err());
    assert_eq!(names_in(directory.path()), ["master.key"]);
}

#[test]
fn only_who_makes_a_database_gives_it_its_key() {
    for store in [StoreKind::Sqlite, StoreKind::Postgres] {
        let Some((database, _)) = TestDatabase::with_store(store) else { continue };
        let directory = database.directory.path();
        let credit = ["credit", "--wallet", &"0".repeat(32), "--amount-sat", "1"];
        for command in [&ROTATE[..], &credit] {
            let error = run_cli(&database, command).unwrap_err();
            assert!(error.contains("has no master key yet"), "{error}");
            assert_eq!(names_in(directory), [""; 0]);
        }
        // A key that cannot be read is not taken for none.
        std::fs::write(directory.join("master.key"), "nonsense").unwrap();
        let create = ["manager", "create", "--name", "one"];
        assert!(run_cli(&database, &create).unwrap_err().contains("64 hex"));
        std::fs::remove_file(directory.join("master.key")).unwrap();
        let made = at_once(4, |_| run_cli(&database, &create));
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        assert_eq!(names_in(directory), ["master.key"]);
        run_cli(&database, &ROTATE).unwrap();
    }
}

both_stores! {
    fn who_could_read_the_key_can_read_the_new_one(server) {
        let old = file(server, "master.key");
        let is_root = std::fs::metadata(&old).unwrap().uid() == 0;
        // A group that is not the process's own has been given the key.
        let given = if is_root { 0o640 } else { 0o600 };
        for (mode, expected) in [(0o666, given), (0o600, 0o600), (0o640, 0o640)] {
            std::fs::set_permissions(&old, std::fs::Permissions::from_mode(mode)).unwrap();
            if is_root {
                chown(&old, Some(0), Some(1234)).unwrap();
            }
            server.cli(&ROTATE).unwrap();
            let new = std::fs::metadata(&old).unwrap();
            assert_eq!(new.mode() & 0o777, expected);
            assert!(!is_root || (new.uid(), new.gid()) == (0, 1234));
        }
        // The files that are locked are for whom the key is for.
        server.cli(&["manager", "create", "--name", "one"]).unwrap();
        let lock = |name: &str| std::fs::metadata(file(server, name)).unwrap();
        for name in [".lock", ".rotation.lock"] {
            assert_eq!(lock(name).mode() & 0o777, 0o660);
            assert!(!is_root || lock(name).gid() == 1234);
        }
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o600)).unwrap();
        server.cli(&["manager", "create", "--name", "one"]).unwrap();
        assert_eq!(lock(".lock").mode() & 0o777, 0o600);
    }

    fn the_key_before_is_left_until_it_is_forgotten(server) {
        let mut before = Before::prepare(server);
        let (old_key, old_mark) = (key_in(server, "master.key"), mark_in_use(server));
        let output = satkeep(&server.database).args(ROTATE).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let (said, warned) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(said.contains("master.key.old") && said.contains("rm '"), "{said}");
        let at = |words: &str| warned.find(words).unwrap_or_else(|| panic!("{words} in {warned}"));
        assert!(at("backups made before") < at("seals from now on"));
        assert_eq!(key_in(server, "master.key.old"), old_key);
        // It is in nobody's way, and another rotation does not write over it.
        restart(server);
        before.check(server);
        server.cli(&[&ROTATE[..], &["--forget-old"]].concat()).unwrap();
        assert_eq!(key_in(server, &format!("master.key.old.{old_mark}")), old_key);
        assert_done(server, &old_key, &old_mark);
        before.check(server);
    }

    fn a_damaged_file_hides_no_key(server) {
        let mut before = Before::prepare(server);
        for name in ["master.key.next", "master.key.old"] {
            std::fs::write(file(server, name), "nonsense").unwrap();
            restart(server);
            before.check(server);
            // But nothing is rotated where it is not clear what to.
            let error = server.cli(&ROTATE).unwrap_err();
            assert!(error.contains(name) && !error.contains("nonsense"), "{error}");
            std::fs::remove_file(file(server, name)).unwrap();
        }
        server.cli(&ROTATE).unwrap();
    }

    fn a_key_that_is_out_of_date_hides_no_file(server) {
        let credit = ["credit", "--wallet", &server.manager.id, "--amount-sat", "1"];
        let stale = ["00".repeat(32), "nonsense".to_owned()];
        for stale in &stale {
            let output = satkeep(&server.database).env("SATKEEP_MASTER_KEY", stale).args(credit).output().unwrap();
            let warned = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && warned.contains("WARN"), "{warned}");
            assert!(warned.contains("SATKEEP_MASTER_KEY") && warned.contains("master.key"), "{warned}");
        }
        // It is the file that is replaced then.
        let old_mark = mark_in_use(server);
        let output = satkeep(&server.database).env("SATKEEP_MASTER_KEY", &stale[0]).args(ROTATE).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_ne!(mark_in_use(server), old_mark);
        assert_eq!(names_in(server.database.directory.path()), ["master.key", "master.key.old"]);
    }

    fn a_rotation_to_the_key_in_use_is_none(server) {
        Before::prepare(server);
        let (key, mark) = (key_in(server, "master.key"), mark_in_use(server));
        std::fs::write(file(server, "master.key.next"), &key).unwrap();
        let error = server.cli(&ROTATE).unwrap_err();
        assert!(error.contains("nothing was rotated"), "{error}");
        assert_eq!((key_in(server, "master.key"), mark_in_use(server)), (key, mark));
        std::fs::remove_file(file(server, "master.key.next")).unwrap();
        server.cli(&ROTATE).unwrap();
    }
}

#[test]
fn what_was_under_the_old_key_leaves_the_file() {
    let Some(server) = Server::start(StoreKind::Sqlite, crate::harness::Options::default()) else { return };
    Before::prepare(&server);
    let sealed = server.database.texts(
        "SELECT lower(hex(sealed)) AS text FROM wallet_keys UNION ALL
         SELECT lower(hex(preimage_sealed)) FROM invoices UNION ALL
         SELECT lower(hex(answer_sealed)) FROM idempotency WHERE answer_sealed IS NOT NULL",
    );
    assert!(sealed.len() > 20);
    let file = server.database.url.strip_prefix("sqlite://").unwrap();
    let left = || {
        let files = [std::fs::read(file).unwrap(), std::fs::read(format!("{file}-wal")).unwrap()].concat();
        let all = files.to_lower_hex_string();
        sealed.iter().filter(|value| all.contains(value.as_str())).count()
    };
    assert_eq!(left(), sealed.len());
    server.cli(&ROTATE).unwrap();
    assert_eq!(marks(&server), [mark_in_use(&server)]);
    assert_eq!(std::fs::metadata(format!("{file}-wal")).unwrap().len(), 0);
    // What is left is in unused parts of pages, as the documentation says.
    assert!(left() < sealed.len() / 2);
    server.database.execute("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    assert_eq!(left(), 0);
}
