//! The table of settings in the documentation, generated from the flags.

use std::fmt::Write;

use clap::{Arg, CommandFactory};

use super::Cli;

/// A Markdown table: each flag that has an environment variable, with its default and meaning.
pub(super) fn table() -> String {
    let mut table = "| flag | environment | default | what it sets |\n|---|---|---|---|\n".to_owned();
    let command = Cli::command();
    for (flag, variable) in command.get_arguments().filter_map(|arg| Some((arg, arg.get_env()?))) {
        let name = flag.get_long().unwrap_or_default();
        let (variable, default, help) = (variable.to_string_lossy(), default_of(flag), help_of(flag));
        // Writing to a String never fails.
        let _ = writeln!(table, "| `--{name}` | `{variable}` | {default} | {help} |");
    }
    table
}

fn default_of(flag: &Arg) -> String {
    let values: Vec<_> = flag.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let text = values.join(",");
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

fn help_of(flag: &Arg) -> String {
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    help.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
