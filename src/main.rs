//! The satkeep binary: parses the command line, and reports errors on standard error.

use std::process::ExitCode;

use satkeep::cli::Cli;

fn main() -> ExitCode {
    let done = Cli::read().map_err(|error| error.to_string()).and_then(|cli| {
        satkeep::telemetry::log::start(cli.log_format());
        cli.run().map_err(|error| error.to_string())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("satkeep: {error}");
            ExitCode::FAILURE
        }
    }
}
