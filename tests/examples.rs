//! The programs in `examples/` do what they say, against a real server.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Server, both_stores};

/// The example in Rust, which Cargo builds beside the tests.
fn workflow() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_satkeep")).with_file_name("examples").join("workflow")
}

#[track_caller]
fn run_example(server: &Server, program: &Path, arguments: &[&str]) -> String {
    let key = &server.manager.admin;
    let output = Command::new(program).args(arguments).arg(&server.url).env("SATKEEP_KEY", key).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{out}{err}");
    out
}

both_stores! {
    fn the_workflow_runs_in_each_language(server) {
        for (program, arguments) in [(workflow(), vec![]), (PathBuf::from("python3"), vec!["examples/workflow.py"])] {
            let out = run_example(server, &program, &arguments);
            let last = out.lines().last().unwrap_or_default().to_lowercase();
            assert_eq!(last, "paid: true, balance: 21 sat", "{out}");
        }
        let output = Command::new(workflow()).arg(&server.url).env("SATKEEP_KEY", "0".repeat(32)).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && err.contains("401"), "{err}");
        server.audit();
    }

    fn the_recipe_for_withdraw_links_runs(server) {
        let out = run_example(server, Path::new("python3"), &["examples/vouchers.py"]);
        assert_eq!(out.lines().last().unwrap_or_default(), "winner: 100 sat, vouchers left: 2", "{out}");
        server.audit();
    }

    fn the_recipes_for_holds_run(server) {
        for (recipe, last) in [
            ("duel", "winner: 145 sat, loser: 50 sat"),
            ("tournament", "played, 100 sat paid: [90, 60, 40, 30, 30]"),
            ("split_payout", "buyer: 285 sat, creator: 193 sat"),
        ] {
            let out = run_example(server, Path::new("python3"), &[&format!("examples/{recipe}.py")]);
            assert_eq!(out.lines().last().unwrap_or_default(), last, "{out}");
            let open = server.get("/usermanager/api/v1/holds?state=open", &server.manager.invoice).expect(200);
            assert_eq!(open, serde_json::json!([]), "{recipe} has left holds");
        }
        server.audit();
    }
}
