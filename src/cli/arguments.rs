//! Parsing the command line so that all invalid settings are reported at once: clap stops at the
//! first.

use std::error::Error as _;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, Error, FromArgMatches};

use super::{Cli, usage};
use crate::config::InvalidConfig;
use crate::config::values::Problems;

/// The parsed command line, or everything that is wrong with the settings. If there is nothing to
/// do, because it asks for help or cannot be parsed, prints that and exits the process.
pub(super) fn read() -> Result<Cli, InvalidConfig> {
    let mut command = Cli::command();
    let mut problems = Vec::new();
    loop {
        let error = match command.clone().try_get_matches_from(std::env::args_os()) {
            Ok(_) if !problems.is_empty() => return Err(InvalidConfig(problems)),
            Ok(mut matches) => match Cli::from_arg_matches_mut(&mut matches) {
                Ok(cli) => return Ok(cli),
                Err(error) => error,
            },
            Err(error) => error,
        };
        let Some(setting) = invalid_setting(&command, &error) else { usage::redact(error).exit() };
        let (id, problem) = (setting.get_id().clone(), error.source());
        if let Some(Problems(lines)) = problem.and_then(|problem| problem.downcast_ref()) {
            problems.extend(lines.iter().cloned());
        } else {
            let problem = problem.map_or_else(String::new, ToString::to_string);
            problems.push(format!("--{}: {problem}", setting.get_long().unwrap_or_default()));
        }
        // Parsed again without validating this one, to find further errors.
        command = command.mut_arg(id, |arg| arg.value_parser(ValueParser::os_string()));
    }
}

/// The setting whose value is invalid, if that is the error.
fn invalid_setting<'a>(command: &'a Command, error: &Error) -> Option<&'a Arg> {
    if error.kind() != ErrorKind::ValueValidation {
        return None;
    }
    let Some(ContextValue::String(usage)) = error.get(ContextKind::InvalidArg) else { return None };
    // The flag with the name of its value, such as `--listen <LISTEN>`.
    let name = usage.strip_prefix("--")?.split([' ', '[', '=']).next()?;
    command.get_arguments().find(|arg| arg.get_env().is_some() && arg.get_long() == Some(name))
}
