//! The command line.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde_json::{Value, json};

mod arguments;
mod master_key;
mod node;
mod operators;
mod settings;
mod tokens;
mod usage;

use crate::api;
use crate::config::{Config, InvalidConfig};
use crate::domain::ids::{UserId, WalletId};
use crate::domain::money::Amount;
use crate::domain::text::Name;
use crate::ledger::outcome::Rejection;
use crate::master_key::MasterKeyError;
use crate::master_key::rotation::RotationError;
use crate::server;
use crate::server::{Base, StartupError, block_on};
use crate::services::operators::{accounts, audit, balance, wallets};
use crate::services::{self, Missing, WalletWithKeys};
use crate::store::StoreError;
use crate::store::db::backup;
use crate::store::db::backup::BackupError;
use crate::store::db::migrations;
use crate::telemetry::log::LogFormat;
use master_key::MasterKeyCommand;
use node::NodeCommand;
use tokens::TokenCommand;

/// Users, wallets and invoices for services, on an internal double-entry ledger
#[derive(Parser)]
#[command(name = "satkeep", version)]
pub struct Cli {
    #[command(flatten)]
    config: Config,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (the default command)
    Serve,
    /// Managers: the service accounts whose keys create users
    #[command(subcommand)]
    Manager(ManagerCommand),
    /// The master key, which encrypts everything secret in the database
    #[command(subcommand)]
    MasterKey(MasterKeyCommand),
    /// Operators: who administer managers and their money over HTTP
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Credit a wallet from issuance, and print its new balance
    Credit {
        /// The wallet's id
        #[arg(long)]
        wallet: WalletId,
        /// The amount, in sat
        #[arg(long)]
        amount_sat: i64,
    },
    /// Recompute the ledger's promises from its rows; fails if one does not hold
    Audit {
        /// Compare the books of the Lightning node with the rows instead; fails if they differ
        #[arg(long = "node")]
        books_of_node: bool,
    },
    /// The Lightning node behind the ledger
    #[command(subcommand)]
    Node(NodeCommand),
    /// Print the OpenAPI document
    Openapi,
    /// Print the table of settings for the documentation
    #[command(hide = true)]
    Settings,
    /// Migrate the database to the newest schema
    Migrate {
        /// Revert the newest migration instead, including all data that it made room for
        #[arg(long)]
        revert: bool,
    },
    /// Copy a SQLite database to a file while it is in use
    Backup {
        /// The file, which must not exist yet
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum ManagerCommand {
    /// Create a manager with a wallet, and print its keys
    Create {
        /// The manager's name
        #[arg(long)]
        name: String,
    },
    /// List managers and their wallets
    List,
    /// Replace the keys of a manager's wallets, and print the new ones; the old ones stop working
    /// at once
    RotateKeys {
        /// The manager's user id
        #[arg(long)]
        user: UserId,
    },
    /// Tokens by which a manager's programs call
    #[command(subcommand)]
    Token(TokenCommand),
}

#[derive(Debug, Subcommand)]
enum OperatorCommand {
    /// Create an operator, and print the password if one is generated
    Create(Login),
    /// List operators
    List,
    /// Set an operator's password; all sessions end
    SetPassword(Login),
    /// Remove an operator; all sessions end
    Remove {
        /// The operator's user name
        #[arg(long)]
        username: String,
    },
}

#[derive(Args, Debug)]
struct Login {
    /// The operator's user name
    #[arg(long)]
    username: String,
    /// Read the password (at least 8 characters) from standard input, instead of generating one
    #[arg(long)]
    password_stdin: bool,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Startup failed.
    #[error(transparent)]
    Startup(#[from] StartupError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger's rules refused it.
    #[error("refused: {0}")]
    Refused(Rejection),
    /// A use case failed.
    #[error(transparent)]
    Service(services::Error),
    /// The master key cannot be used.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The master key rotation failed.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// The backup failed.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A value on the command line is invalid.
    #[error("{0}")]
    Usage(String),
    /// A promise does not hold.
    #[error("{0} does not hold")]
    Audit(&'static str),
    /// The node's books and the rows differ.
    #[error("the node's books and the rows differ in {0} places")]
    Node(usize),
    /// Standard input cannot be read.
    #[error("the password cannot be read: {0}")]
    Input(#[from] std::io::Error),
}

impl From<services::Error> for CliError {
    fn from(error: services::Error) -> Self {
        if let services::Error::Rejected(rejection) = error { Self::Refused(rejection) } else { Self::Service(error) }
    }
}

/// What a command prints: lines for people, or JSON for scripts.
struct Answer {
    text: String,
    json: Value,
}

impl Cli {
    /// Parses the command line. If there is nothing to do, because it asks for help or cannot be
    /// parsed, prints that and exits the process.
    pub fn read() -> Result<Self, InvalidConfig> {
        arguments::read()
    }

    /// The log format.
    pub fn log_format(&self) -> LogFormat {
        self.config.telemetry.log_format
    }

    /// Runs the command.
    pub fn run(self) -> Result<(), CliError> {
        let config = self.config;
        let answer = match self.command.unwrap_or(Command::Serve) {
            Command::Serve => return Ok(server::serve(&config)?),
            Command::Manager(ManagerCommand::Create { name }) => create_manager(&config, name)?,
            Command::Manager(ManagerCommand::List) => list_managers(&config)?,
            Command::Manager(ManagerCommand::RotateKeys { user }) => rotate_keys(&config, user)?,
            Command::Manager(ManagerCommand::Token(command)) => tokens::run(&config, command)?,
            Command::MasterKey(command) => master_key::run(&config, &command)?,
            Command::Operator(command) => operators::run(&config, command)?,
            Command::Credit { wallet, amount_sat } => credit(&config, wallet, amount_sat)?,
            Command::Audit { books_of_node: false } => return run_audit(&config, self.json),
            Command::Audit { books_of_node: true } => return node::audit(&config, self.json),
            Command::Node(command) => node::run(&config, &command)?,
            Command::Openapi => {
                print!("{}", api::openapi_text());
                return Ok(());
            }
            Command::Settings => {
                print!("{}", settings::table());
                return Ok(());
            }
            Command::Migrate { revert } => migrate(&config, revert)?,
            Command::Backup { file } => {
                server::open_store(&config)?.read_blocking(|connection| Ok(backup::run(connection, &file)))??;
                let file = file.display().to_string();
                Answer { text: format!("wrote {file}"), json: json!({ "file": file }) }
            }
        };
        if self.json {
            println!("{}", answer.json);
        } else {
            println!("{}", answer.text);
        }
        Ok(())
    }
}

fn create_manager(config: &Config, name: String) -> Result<Answer, CliError> {
    let name = Name::new(name).map_err(|error| CliError::Usage(format!("--name {error}")))?;
    let (services, administrator) = Base::create(config)?.on_the_spot(config);
    let created = block_on(async {
        let manager = accounts::create_named(&services, administrator, name).await?;
        if let Some(amount) = config.money.bootstrap_sats {
            balance::credit(&services, administrator, manager.wallet.wallet.id, amount).await?;
        }
        Ok::<_, services::Error>(manager.wallet)
    });
    let wallet = created??;
    Ok(Answer { text: describe(&wallet), json: wallet_json(&wallet) })
}

/// A manager's wallet with its keys.
fn describe(WalletWithKeys { wallet, keys }: &WalletWithKeys) -> String {
    let (user, id) = (wallet.user, wallet.id);
    let (admin, invoice) = (keys.admin.reveal(), keys.invoice.reveal());
    format!("user id: {user}\nwallet id: {id}\nadmin key: {admin}\ninvoice key: {invoice}")
}

fn wallet_json(WalletWithKeys { wallet, keys }: &WalletWithKeys) -> Value {
    json!({
        "user": wallet.user,
        "wallet": wallet.id,
        "adminkey": keys.admin.reveal(),
        "inkey": keys.invoice.reveal(),
    })
}

fn list_managers(config: &Config) -> Result<Answer, CliError> {
    let managers = block_on(accounts::list_with_wallets(&server::open_store(config)?))??;
    let mut lines = Vec::new();
    let mut rows = Vec::new();
    for (user, wallets) in managers {
        let name = &user.name;
        lines.push(format!("{} {}", user.id, on_one_line(name)));
        for wallet in &wallets {
            let name = on_one_line(&wallet.name);
            lines.push(format!("  wallet {} {} msat {name}", wallet.id, wallet.balance.get()));
        }
        let wallets: Vec<_> = wallets
            .iter()
            .map(|wallet| json!({"id": wallet.id, "name": wallet.name, "balance_msat": wallet.balance}))
            .collect();
        rows.push(json!({"user": user.id, "name": name, "wallets": wallets}));
    }
    Ok(Answer { text: lines.join("\n"), json: Value::Array(rows) })
}

/// A name in a form that fits on one line, whatever it contains.
fn on_one_line(name: &str) -> String {
    name.replace(char::is_control, " ")
}

fn rotate_keys(config: &Config, user: UserId) -> Result<Answer, CliError> {
    let (services, administrator) = Base::open(config)?.on_the_spot(config);
    let rotated = block_on(wallets::rotate_keys(&services, administrator, user))?;
    if matches!(rotated, Err(services::Error::Missing(Missing::User))) {
        return Err(CliError::Usage(format!("--user {user} is no manager")));
    }
    let rotated: Vec<_> = rotated?.into_iter().map(WalletWithKeys::from).collect();
    let text: Vec<_> = rotated.iter().map(describe).collect();
    Ok(Answer { text: text.join("\n"), json: rotated.iter().map(wallet_json).collect() })
}

fn credit(config: &Config, wallet: WalletId, amount_sat: i64) -> Result<Answer, CliError> {
    let amount = Amount::from_sat(amount_sat).map_err(|error| CliError::Usage(format!("--amount-sat {error}")))?;
    let (services, administrator) = Base::open(config)?.on_the_spot(config);
    let balance = block_on(balance::credit(&services, administrator, wallet, amount))??;
    Ok(Answer {
        text: format!("balance: {} msat", balance.get()),
        json: json!({"wallet": wallet, "balance_msat": balance, "balance_sat": balance.to_sat()}),
    })
}

fn run_audit(config: &Config, json: bool) -> Result<(), CliError> {
    let is_watched = std::io::stderr().is_terminal();
    let announce = move |promise: &str| {
        if is_watched {
            eprintln!("checking {promise} …");
        }
    };
    let verdicts = block_on(audit::run(&server::open_store(config)?, announce))??;
    if json {
        println!("{}", json!({"holds": verdicts.iter().all(|v| v.holds), "invariants": verdicts}));
    } else {
        for verdict in &verdicts {
            let word = if verdict.holds { "holds" } else { "BROKEN" };
            println!("{} {}: {word} ({})", verdict.invariant, verdict.name, verdict.detail);
        }
    }
    match verdicts.iter().find(|verdict| !verdict.holds) {
        Some(broken) => Err(CliError::Audit(broken.invariant)),
        None => Ok(()),
    }
}

fn migrate(config: &Config, revert: bool) -> Result<Answer, CliError> {
    if revert {
        let store = server::open_any_store(config)?;
        let name = store.read_blocking(migrations::revert_last)?;
        return Ok(Answer { text: format!("took back {name}"), json: json!({ "reverted": name }) });
    }
    server::migrate(config)?;
    Ok(Answer { text: "the schema is the newest".to_owned(), json: json!({ "current": true }) })
}
