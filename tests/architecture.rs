//! Dependencies between the modules of `src/` are those of the map in the crate's documentation,
//! no more and no fewer, and point one way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The modules of the map, in its order, and what each says that it uses.
fn map() -> Vec<(String, BTreeSet<String>)> {
    let root = fs::read_to_string("src/lib.rs").unwrap();
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
    let rows = root.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    rows.map(|row| {
        let (module, cells) = row.split_once('`').unwrap();
        let uses = cells.trim_end_matches('|').rsplit(" | ").next().unwrap();
        (module.to_owned(), names(uses))
    })
    .collect()
}

/// The code of a file, without its comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// What a text names behind `crate::`: one name, or those of a group.
fn uses_of(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for behind in code.split("crate::").skip(1) {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let first = |text: &str| text.trim_start().chars().take_while(|c| is_of_name(*c)).collect::<String>();
        let Some(group) = behind.strip_prefix('{') else {
            found.insert(first(behind));
            continue;
        };
        let mut depth = 0;
        for part in group.split_inclusive([',', '{', '}']) {
            if depth == 0 {
                found.insert(first(part));
            }
            depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
            if depth < 0 {
                break;
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Every edge between modules, with a file that draws it.
fn edges() -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for path in files_below(Path::new("src")) {
        let inside = path.strip_prefix("src").unwrap().to_str().unwrap().to_owned();
        if path.extension().is_none_or(|extension| extension != "rs") || matches!(&*inside, "lib.rs" | "main.rs") {
            continue;
        }
        let module = inside.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        for used in uses_of(&code(&path)).into_iter().filter(|used| *used != module) {
            found.insert((module.clone(), used), inside.clone());
        }
    }
    found
}

#[test]
fn modules_use_what_the_map_says() {
    let map = map();
    let edges = edges();
    let modules: BTreeSet<_> = map.iter().map(|(module, _)| module.clone()).collect();
    let there: BTreeSet<_> = files_below(Path::new("src"))
        .iter()
        .map(|path| path.strip_prefix("src").unwrap().to_str().unwrap().split('/').next().unwrap().to_owned())
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .filter(|name| !matches!(name.as_str(), "lib" | "main"))
        .collect();
    assert_eq!(there, modules, "the map in src/lib.rs names every module");
    let mut above = BTreeSet::new();
    for (module, uses) in &map {
        let below: Vec<_> = uses.difference(&above).collect();
        assert!(below.is_empty(), "{module} uses {below:?}, which must stand above it in the map");
        above.insert(module.clone());
        for used in modules.iter().filter(|used| *used != module) {
            match (uses.contains(used), edges.get(&(module.clone(), used.clone()))) {
                (false, Some(file)) => panic!("{file} uses {used}, which the map in src/lib.rs does not allow"),
                (true, None) => panic!("{module} does not use {used} any more: take it out of the map in src/lib.rs"),
                (true, Some(_)) | (false, None) => {}
            }
        }
    }
}

/// Crates that belong to one room: no other file names them, so that the rest of the house does not
/// depend on them.
const ROOMS_OF_CRATES: [(&str, &[&str]); 3] =
    [("diesel", &["store"]), ("actix", &["api", "server"]), ("clap", &["cli", "config"])];

/// Whether code names a crate, or one of its family, as the root of a path: `diesel::`, `actix_web::`.
fn names(code: &str, of: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    code.match_indices(of).any(|(at, _)| {
        let (before, behind) = (&code[..at], &code[at + of.len()..]);
        let is_root = !before.ends_with(is_of_name) && !before.ends_with("::");
        let is_family = behind.starts_with("::") || behind.starts_with('_');
        is_root && is_family && behind.trim_start_matches(is_of_name).starts_with("::")
    })
}

#[test]
fn crates_stay_in_their_rooms() {
    for path in files_below(Path::new("src")) {
        let inside = path.strip_prefix("src").unwrap().to_str().unwrap().to_owned();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let module = inside.split('/').next().unwrap().trim_end_matches(".rs");
        let code = code(&path);
        for (name, rooms) in ROOMS_OF_CRATES {
            assert!(rooms.contains(&module) || !names(&code, name), "{inside} names {name}, which only {rooms:?} do");
        }
    }
}

/// Ids are types of their own (`domain::ids`), which say what they are the id of.
#[test]
fn no_id_is_bare() {
    for path in files_below(Path::new("src")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        assert!(!code(&path).contains("[u8; 16]"), "{} has 16 bare bytes: what are they the id of?", path.display());
    }
}

#[test]
fn names_of_crates_are_found() {
    for code in [
        "use diesel::prelude::*;",
        "let x = diesel::select(1);",
        "use diesel_migrations::run;",
        "#[derive(diesel::Queryable)]",
    ] {
        assert!(names(code, "diesel"), "{code}");
    }
    for code in ["use crate::store::db::diesel_words;", "let diesel = 1;", "\"actix_http=off\"", "use my_diesel::x;"] {
        assert!(!names(code, "diesel") && !names(code, "actix"), "{code}");
    }
}

#[test]
fn uses_are_found_in_every_form() {
    let code = "use crate::store::{Store, users::User};\nuse crate::{clock, domain::{ids, money}, net};\n crate::files::open()";
    assert_eq!(uses_of(code), ["clock", "domain", "files", "net", "store"].map(str::to_owned).into());
}

/// Background tasks are given what they work on, not what the handlers share.
#[test]
fn background_tasks_do_not_know_the_handlers() {
    for file in ["expiry.rs", "tasks.rs", "upkeep.rs"] {
        assert!(!code(&Path::new("src/server").join(file)).contains("framework::app"), "{file}");
    }
}
