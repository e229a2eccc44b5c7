//! Audit results: one verdict for each promise that can be recomputed from the rows.

use serde::Serialize;
use utoipa::ToSchema;

/// Whether one promise holds.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Verdict {
    /// Which promise: `I1` to `I4`, or `I11` to `I13`.
    pub invariant: &'static str,
    /// The promise in a few words.
    pub name: &'static str,
    /// True when every row agrees with it.
    pub holds: bool,
    /// What was looked at, or what is wrong.
    pub detail: String,
}

/// One way in which rows can violate a promise, and how many do.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What is wrong with the rows, in the plural.
    pub what: &'static str,
    /// The number of rows.
    pub rows: i64,
}

impl Verdict {
    /// The verdict on a promise. It holds when no finding has any rows.
    pub fn new(invariant: &'static str, name: &'static str, looked_at: String, findings: &[Finding]) -> Self {
        let broken: Vec<_> =
            findings.iter().filter(|f| f.rows != 0).map(|f| format!("{}: {}", f.what, f.rows)).collect();
        let holds = broken.is_empty();
        Self { invariant, name, holds, detail: if holds { looked_at } else { broken.join("; ") } }
    }
}
