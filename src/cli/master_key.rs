//! `satkeep master-key`: showing the current key, and replacing it.

use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use super::{Answer, CliError};
use crate::config::Config;
use crate::crypto::secret::Mark;
use crate::master_key::rotation;
use crate::master_key::rotation::Rotated;
use crate::master_key::sources;
use crate::master_key::sources::{Found, NEXT_VARIABLE, OLD_FILE_NAME, VARIABLE};
use crate::server;
use crate::server::StartupError;
use crate::server::data_dirs;
use crate::store::db::settings;
use crate::store::encrypted_columns;

#[derive(Debug, Subcommand)]
pub(super) enum MasterKeyCommand {
    /// Replace the master key and re-encrypt everything while servers keep running. If it was
    /// interrupted, run it again
    Rotate {
        /// Seconds that requests in progress may take to write what they have encrypted
        #[arg(long, default_value = "40")]
        grace_s: u32,
        /// Remove the previous key's file at the end; backups made before need that key
        #[arg(long)]
        forget_old: bool,
    },
    /// How many values are encrypted under which master key, by the keys' marks
    Status,
}

pub(super) fn run(config: &Config, command: &MasterKeyCommand) -> Result<Answer, CliError> {
    match command {
        MasterKeyCommand::Rotate { grace_s, forget_old } => {
            rotate(config, Duration::from_secs((*grace_s).into()), *forget_old)
        }
        MasterKeyCommand::Status => status(config),
    }
}

fn rotate(config: &Config, grace: Duration, forget_old: bool) -> Result<Answer, CliError> {
    let store = server::open_store(config)?;
    data_dirs::make(&config.storage).map_err(StartupError::DataDir)?;
    eprintln!("backups made before this rotation need the master key from before it: keep a copy as long as them");
    let rotated = rotation::rotate(&store, &config.storage.data_dir, grace, forget_old)?;
    let Rotated { from, to, resealed, in_place, old_kept } = rotated;
    let mut lines = vec![format!("the master key with the mark {to} is in use, and everything is sealed under it")];
    lines.extend(resealed.iter().map(|(column, values)| format!("{} sealed anew: {values}", column.as_str())));
    lines.push(if in_place {
        "keep a copy of master.key apart from the database".to_owned()
    } else {
        format!(
            "now give every satkeep process the new key as {VARIABLE} (or its file), take {NEXT_VARIABLE} away, and \
             restart them"
        )
    });
    if old_kept {
        let old = config.storage.data_dir.join(OLD_FILE_NAME);
        lines.push(format!(
            "the key before is left in {0}; once there is a copy of it, or no backup that needs it: rm '{0}'",
            old.display()
        ));
    }
    let values: serde_json::Map<_, _> =
        resealed.iter().map(|(column, values)| (name_in_json(column.as_str()), json!(values))).collect();
    let json = json!({
        "from": from.to_string(), "mark": to.to_string(), "resealed": values, "in_place": in_place,
        "old_kept": old_kept,
    });
    Ok(Answer { text: lines.join("\n"), json })
}

fn status(config: &Config) -> Result<Answer, CliError> {
    let store = server::open_store(config)?;
    let check = store.read_blocking(|connection| settings::get(connection, settings::MASTER_KEY_CHECK))?;
    let current = check.as_deref().and_then(Mark::of_sealed).map(|mark| mark.to_string());
    let counts = store.read_blocking(encrypted_columns::count)?;
    let keys = sources::find(&config.storage.data_dir);
    let mut lines = vec![match &current {
        Some(mark) => format!("the master key in use has the mark {mark}"),
        None => "the database has no master key yet".to_owned(),
    }];
    let mut found = Vec::new();
    for Found { key, source } in keys.iter() {
        let mark = key.mark().to_string();
        lines.push(format!("{source} has the mark {mark}"));
        found.push(json!({"place": source.to_string(), "mark": mark}));
    }
    lines.extend(keys.problems.iter().map(|problem| format!("not usable: {problem}")));
    lines.extend(counts.iter().map(|count| format!("{} under {}: {}", count.kind, count.mark, count.values)));
    let values: Vec<_> = counts
        .iter()
        .map(|count| json!({"kind": name_in_json(count.kind), "mark": count.mark.to_string(), "values": count.values}))
        .collect();
    Ok(Answer { text: lines.join("\n"), json: json!({"mark": current, "keys": found, "values": values}) })
}

fn name_in_json(words: &str) -> String {
    words.replace(' ', "_")
}
