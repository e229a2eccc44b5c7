//! The satkeep binary: reads the command line, and says on standard error what went wrong.

use std::process::ExitCode;

use satkeep::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::read();
    satkeep::telemetry::log::start(cli.log_format());
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("satkeep: {error}");
            ExitCode::FAILURE
        }
    }
}
