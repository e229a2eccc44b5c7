//! Operators at the command line: the first one can be made nowhere else.

use std::io::Read;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Answer, CliError, Login, OperatorCommand};
use crate::clock;
use crate::config::Config;
use crate::crypto::password::Password;
use crate::domain::ids::UserId;
use crate::domain::session::SessionToken;
use crate::domain::text::Username;
use crate::server;
use crate::server::Base;
use crate::store::StoreError;
use crate::store::access::operators;

/// The longest password that is read, in bytes; a longer one is refused as such.
const INPUT_BYTES_MAX: u64 = 4096;

pub(super) fn run(config: &Config, command: OperatorCommand) -> Result<Answer, CliError> {
    match command {
        OperatorCommand::Create(login) => {
            let (username, password, hash) = read(config, login)?;
            let store = Base::create(config)?.store;
            let id = UserId::random();
            let created =
                store.write_blocking(|connection| operators::create(connection, id, &username, &hash, clock::now()));
            created.map_err(|error| about(error, &username))?;
            Ok(answer(&username, password.as_ref()))
        }
        OperatorCommand::SetPassword(login) => {
            let (username, password, hash) = read(config, login)?;
            let store = server::open_store(config)?;
            let changed =
                store.write_blocking(|connection| operators::set_password(connection, &username, &hash, clock::now()));
            changed.map_err(|error| about(error, &username))?;
            Ok(answer(&username, password.as_ref()))
        }
        OperatorCommand::Remove { username } => {
            let username = check(username)?;
            let store = server::open_store(config)?;
            let removed = store.write_blocking(|connection| operators::remove(connection, &username, clock::now()));
            removed.map_err(|error| about(error, &username))?;
            Ok(Answer { text: format!("removed {username}"), json: json!({ "removed": username.as_str() }) })
        }
        OperatorCommand::List => {
            let all = server::open_store(config)?.read_blocking(operators::list)?;
            let lines: Vec<_> = all.iter().map(|(id, username)| format!("{id} {username}")).collect();
            let rows = all.iter().map(|(id, username)| json!({"user": id, "username": username}));
            Ok(Answer { text: lines.join("\n"), json: Value::Array(rows.collect()) })
        }
    }
}

fn check(username: String) -> Result<Username, CliError> {
    Username::new(username).map_err(|error| CliError::Usage(format!("--username {error}")))
}

/// The user name, the password where one was made, and its hash.
fn read(config: &Config, login: Login) -> Result<(Username, Option<SessionToken>, String), CliError> {
    let username = check(login.username)?;
    let made = (!login.password_stdin).then(SessionToken::generate);
    let text = match &made {
        Some(made) => Zeroizing::new(made.reveal().to_owned()),
        None => read_line()?,
    };
    let password = Password::new_for_login(text.as_str().to_owned())
        .map_err(|error| CliError::Usage(format!("the password on standard input {error}")))?;
    let hash = config.login.hasher().hash(&password)?;
    Ok((username, made, hash))
}

/// Standard input without the end of its line.
fn read_line() -> Result<Zeroizing<String>, CliError> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().take(INPUT_BYTES_MAX).read_to_string(&mut text)?;
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    Ok(text)
}

fn answer(username: &Username, made: Option<&SessionToken>) -> Answer {
    match made {
        Some(password) => Answer {
            text: format!("operator: {username}\npassword: {}", password.reveal()),
            json: json!({"username": username.as_str(), "password": password.reveal()}),
        },
        None => Answer { text: format!("operator: {username}"), json: json!({ "username": username.as_str() }) },
    }
}

/// What an error of the store means for an operator.
fn about(error: StoreError, username: &Username) -> CliError {
    match error {
        StoreError::Conflict => CliError::Usage(format!("--username {username} is taken")),
        StoreError::NotFound => CliError::Usage(format!("--username {username} is no operator")),
        StoreError::Unavailable(_)
        | StoreError::OutcomeUnknown(_)
        | StoreError::Revoked
        | StoreError::Frozen
        | StoreError::NotAManager
        | StoreError::NoRoomForManager(_)
        | StoreError::TooManyWallets
        | StoreError::Busy(_)
        | StoreError::TooLong
        | StoreError::Broken(_)
        | StoreError::Fault(_) => error.into(),
    }
}
