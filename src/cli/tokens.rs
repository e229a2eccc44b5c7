//! Tokens of managers at the command line.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{Answer, CliError, on_one_line};
use crate::config::Config;
use crate::domain::ids::{TokenId, UserId};
use crate::domain::text::Name;
use crate::domain::time::UnixMs;
use crate::domain::token::{Lifetime, Scope, Scopes};
use crate::server;
use crate::server::{Base, block_on};
use crate::services::tokens::{self, Token, TokenTerms};
use crate::services::{self, Missing, Taken};

/// Seconds in a day.
const DAY_S: i64 = 24 * 3600;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token, and print it, once
    Create {
        /// The manager's user id
        #[arg(long)]
        user: UserId,
        /// What the token is called in the list
        #[arg(long)]
        name: String,
        /// What it may do: read, users, payments, all; may be given several times
        #[arg(long, default_value = Scope::All.as_str())]
        scope: Vec<String>,
        /// For how many days it is good, up to 730
        #[arg(long, default_value_t = 90)]
        days: i64,
    },
    /// List a manager's tokens
    List {
        /// The manager's user id
        #[arg(long)]
        user: UserId,
    },
    /// Revoke a token; it stops at once
    Revoke {
        /// The token's id
        #[arg(long)]
        id: TokenId,
    },
}

pub(super) fn run(config: &Config, command: TokenCommand) -> Result<Answer, CliError> {
    match command {
        TokenCommand::Create { user, name, scope, days } => {
            let terms = TokenTerms {
                name: Name::new(name).map_err(|error| CliError::Usage(format!("--name {error}")))?,
                scopes: Scopes::of_names(&scope).map_err(|error| CliError::Usage(format!("--scope {error}")))?,
                lifetime: Lifetime::from_seconds(days.saturating_mul(DAY_S))
                    .or(Err(CliError::Usage("--days must be from 1 to 730".to_owned())))?,
            };
            let (services, administrator) = Base::open(config)?.on_the_spot(config);
            let made = block_on(tokens::create_for(&services, administrator, user, terms))?;
            let made = made.map_err(|error| about(error, user))?;
            let (mut json, text) = (token_json(&made.token), made.text.reveal());
            if let Some(fields) = json.as_object_mut() {
                fields.insert("token".to_owned(), text.into());
            }
            Ok(Answer { text: format!("{}\ntoken: {text}", describe(&made.token)), json })
        }
        TokenCommand::List { user } => {
            let found = block_on(tokens::list_of(&server::open_store(config)?, user))?;
            let found = found.map_err(|error| about(error, user))?;
            let lines: Vec<_> = found.iter().map(describe).collect();
            Ok(Answer { text: lines.join("\n"), json: found.iter().map(token_json).collect() })
        }
        TokenCommand::Revoke { id } => {
            let revoked = block_on(tokens::revoke_any(&server::open_store(config)?, id))?;
            if matches!(revoked, Err(services::Error::Missing(Missing::Token))) {
                return Err(CliError::Usage(format!("--id {id} is no token")));
            }
            revoked?;
            Ok(Answer { text: format!("revoked {id}"), json: json!({ "revoked": id }) })
        }
    }
}

fn describe(token: &Token) -> String {
    let (scopes, ends) = (token.scopes.names().join(","), token.expires_at.to_iso());
    let used = token.last_used_at.map_or_else(|| "never".to_owned(), UnixMs::to_iso);
    format!("{} {scopes} ends {ends}, last used {used}: {}", token.id, on_one_line(&token.name))
}

fn token_json(token: &Token) -> Value {
    json!({
        "id": token.id,
        "user": token.user,
        "name": token.name,
        "scopes": token.scopes.names(),
        "created_at": token.created_at.to_iso(),
        "expires_at": token.expires_at.to_iso(),
        "last_used_at": token.last_used_at.map(UnixMs::to_iso),
    })
}

/// What an error means for a manager.
fn about(error: services::Error, user: UserId) -> CliError {
    if matches!(error, services::Error::Missing(Missing::User)) {
        CliError::Usage(format!("--user {user} is no manager"))
    } else if matches!(error, services::Error::Taken(Taken::Tokens)) {
        CliError::Usage(format!("--user {user} has as many tokens as a manager may have; revoke one first"))
    } else {
        error.into()
    }
}
