//! The documents: every relative link leads to a file that is there, and to a heading of it;
//! every page is in the index; and the README stays short.

use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

/// What a reader should have to read before knowing what satkeep is.
const README_BYTES_MAX: u64 = 12 * 1024;
/// Directories that hold no documents of ours.
const SKIPPED: [&str; 3] = ["target", "data", "secrets"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_markdown(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "md")
}

/// All Markdown files under a directory.
fn documents(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if name.starts_with('.') || SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            documents(&path, found);
        } else if is_markdown(&path) {
            found.push(path);
        }
    }
}

/// The lines of a document that are not code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The targets of a line's links.
fn links(line: &str) -> Vec<String> {
    // Code is no link, but a link's text can be code.
    let without_code: String = line.split('`').step_by(2).collect();
    let rest_of_each = without_code.split("](").skip(1);
    rest_of_each.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// How GitHub names a heading in a link.
fn anchor(heading: &str) -> String {
    let mut text = heading.trim().to_lowercase();
    while let Some((before, rest)) = text.split_once("](") {
        let after = rest.split_once(')').map_or("", |(_, after)| after);
        text = format!("{before}{after}");
    }
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The anchors of a document; a heading that is there already gets a number.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let headings =
        prose(text).filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    headings
        .map(|heading| {
            let anchor = anchor(heading);
            let count = seen.entry(anchor.clone()).or_default();
            *count += 1;
            if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
        })
        .collect()
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => assert!(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

/// What a link of a document leads to, and what is wrong with it.
fn follow(document: &Path, link: &str) -> (PathBuf, Option<&'static str>) {
    let (path, fragment) = link.split_once('#').map_or((link, None), |(path, fragment)| (path, Some(fragment)));
    let target = if path.is_empty() { document.to_owned() } else { plain(&document.parent().unwrap().join(path)) };
    let fault = match fragment {
        _ if !target.starts_with(root()) => Some("leads out of the repository"),
        _ if !target.exists() => Some("there is no such file"),
        Some(fragment) if is_markdown(&target) => {
            let there = anchors(&std::fs::read_to_string(&target).unwrap()).contains(fragment);
            (!there).then_some("there is no such heading")
        }
        _ => None,
    };
    (target, fault)
}

#[test]
fn every_link_leads_somewhere() {
    let mut files = Vec::new();
    documents(root(), &mut files);
    let mut dangling = Vec::new();
    let mut count = 0;
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let relative = prose(&text).flat_map(links).filter(|link| !link.contains(':'));
        for link in relative {
            count += 1;
            if let (_, Some(fault)) = follow(file, &link) {
                dangling.push(format!("{}: ({link}) {fault}", file.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(dangling.is_empty(), "{}", dangling.join("\n"));
    assert!(count > 100, "{count} links");
}

#[test]
fn the_index_names_every_page() {
    let docs = root().join("docs");
    let index = docs.join("README.md");
    let text = std::fs::read_to_string(&index).unwrap();
    let named: BTreeSet<PathBuf> = prose(&text).flat_map(links).map(|link| follow(&index, &link).0).collect();
    let mut pages = Vec::new();
    documents(&docs, &mut pages);
    let missing: Vec<_> = pages.iter().filter(|page| **page != index && !named.contains(*page)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_readme_is_short() {
    let bytes = std::fs::metadata(root().join("README.md")).unwrap().len();
    assert!(bytes <= README_BYTES_MAX, "the README has {bytes} bytes; what is longer belongs into docs/");
}

#[test]
fn links_and_anchors_are_read_as_github_does() {
    assert_eq!(links("[`a`](b.md#c) and `[no](link)`, ![d](e.png) [f](<g>"), ["b.md#c", "e.png"]);
    assert_eq!(anchor("What is there, and what is not yet"), "what-is-there-and-what-is-not-yet");
    assert_eq!(anchor("The [`crate`](src/lib.rs) doc"), "the-crate-doc");
    let twice = anchors("# A\n```sh\n# no heading\n```\n## A\ntext #no\n#no\n");
    assert_eq!(twice.into_iter().collect::<Vec<_>>(), ["a", "a-1"]);
}

#[test]
fn the_table_of_settings_is_that_of_the_flags() {
    let document = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_satkeep")).arg("settings").output().unwrap();
    let table = String::from_utf8(printed.stdout).unwrap();
    assert!(table.contains("`SATKEEP_LISTEN`"), "{table}");
    assert!(document.contains(&table), "`satkeep settings` prints what must stand in docs/configuration.md:\n{table}");
    let rows = |text: &str| text.lines().filter(|line| line.starts_with("| `--")).count();
    assert_eq!(rows(&document), rows(&table));
}
