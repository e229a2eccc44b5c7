//! Keys that the environment gives, and processes that were not given them.

use serde_json::Value;

use super::{Before, file, key_in, marks, restart, under_load, wait_for_log};
use crate::harness::{Options, Server, both_stores, satkeep};

both_stores! {
    fn keys_from_the_environment_are_rotated(server) {
        let mut before = Before::prepare(server);
        let (old_key, new_key) = (key_in(server, "master.key"), "5a".repeat(32));
        server.signal("-TERM");
        assert!(server.wait().success());
        std::fs::remove_file(file(server, "master.key")).unwrap();
        let next_file = file(server, "given");
        std::fs::write(&next_file, &new_key).unwrap();
        let next_path = next_file.to_str().unwrap();
        let with = |variables: &[(&str, &str)]| Options {
            environment: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Options::default()
        };
        let rotate = |server: &Server, variables: &[(&str, &str)]| {
            let mut command = satkeep(&server.database);
            command.envs(variables.iter().copied()).args(["--json", "master-key", "rotate", "--grace-s", "3"]);
            let output = command.output().unwrap();
            let shown = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(!shown.contains(&old_key) && !shown.contains(&new_key), "{shown}");
            if output.status.success() { Ok(serde_json::from_slice::<Value>(&output.stdout).unwrap()) } else { Err(shown) }
        };
        let old = ("SATKEEP_MASTER_KEY", old_key.as_str());
        let next = ("SATKEEP_MASTER_KEY_NEXT_FILE", next_path);

        // A process that was not given the next key says so, and goes on with what it has.
        *server = server.replica_with(with(&[old]));
        let error = rotate(server, &[old]).unwrap_err();
        assert!(error.contains("SATKEEP_MASTER_KEY_NEXT"), "{error}");
        before.check(server);
        *server = server.replica_with(with(&[old, next]));
        let rotated = under_load(&[server], || rotate(server, &[old, next]).unwrap());
        assert_eq!(rotated["in_place"], false);
        assert!(rotated["resealed"]["preimages"].as_u64().unwrap() > 0);
        before.check(server);
        // Again, and with both still given, there is nothing to do, and that is said.
        let error = rotate(server, &[old, next]).unwrap_err();
        assert!(error.contains("nothing was rotated") && error.contains(next_path), "{error}");
        *server = server.replica_with(with(&[old, next]));
        before.check(server);
        assert_eq!(marks(server), [rotated["mark"].as_str().unwrap()]);
        let new = ("SATKEEP_MASTER_KEY", new_key.as_str());
        *server = server.replica_with(with(&[new]));
        before.check(server);
        let credit = ["credit", "--wallet", &server.manager.id, "--amount-sat", "1"];
        let with_old = satkeep(&server.database).env(old.0, old.1).args(credit).output().unwrap();
        assert!(String::from_utf8_lossy(&with_old.stderr).contains("not the one"), "{with_old:?}");
        assert!(satkeep(&server.database).env(new.0, new.1).args(credit).output().unwrap().status.success());
        assert!(!file(server, "master.key").exists());
    }

    fn a_process_without_the_next_key_is_heard_and_recovers(server) {
        let mut before = Before::prepare(server);
        let (old_key, new_key) = (key_in(server, "master.key"), "a5".repeat(32));
        // The server is cut off from the new key: only the command line has it.
        let rotate = |server: &Server| {
            let mut command = satkeep(&server.database);
            command.env("SATKEEP_MASTER_KEY", &old_key).env("SATKEEP_MASTER_KEY_NEXT", &new_key);
            let output = command.args(["--json", "master-key", "rotate", "--grace-s", "0"]).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            serde_json::from_slice::<Value>(&output.stdout).unwrap()
        };
        let rotated = rotate(server);
        let log = wait_for_log(server, "nowhere to be found");
        assert!(log.contains(rotated["mark"].as_str().unwrap()), "{log}");
        // It goes on with the key that it has.
        let late = server.wallet("late", 0);
        server.pay(&server.manager, &server.invoice(&late, 4)).expect(201);
        assert_eq!(marks(server).len(), 2);
        let ready = || server.send("GET", "/api/v1/health/ready", &[], "");
        ready().expect(503);
        server.send("GET", "/api/v1/health", &[], "").expect(200);
        // It finds the new key without a restart.
        std::fs::write(file(server, "master.key.next"), &new_key).unwrap();
        wait_for_log(server, "the master key has been rotated");
        ready().expect(200);
        before.check(server);
        let finished = server.cli(&["master-key", "rotate", "--grace-s", "0"]).unwrap();
        assert!(finished["resealed"]["wallet_keys"].as_u64().unwrap() >= 2, "{finished}");
        assert_eq!(marks(server), [rotated["mark"].as_str().unwrap()]);
        assert_eq!(key_in(server, "master.key"), new_key);
        assert_eq!(server.balance(&late), 4);
        restart(server);
        before.check(server);
    }
}
