//! Operators on the command line, the only place where the first one can be created.

use std::io::Read;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Answer, CliError, Login, OperatorCommand};
use crate::config::Config;
use crate::crypto::password::Password;
use crate::domain::session::SessionToken;
use crate::domain::text::Username;
use crate::server;
use crate::server::{Base, block_on};
use crate::services::operators::logins;
use crate::services::{self, Missing, Taken};

/// The longest password that is read, in bytes; a longer one is refused as too long.
const INPUT_BYTES_MAX: u64 = 4096;

pub(super) fn run(config: &Config, command: OperatorCommand) -> Result<Answer, CliError> {
    match command {
        OperatorCommand::Create(login) => {
            let (username, made, password) = read(login)?;
            let store = Base::create(config)?.store;
            let created = block_on(logins::create(&store, &config.login.hasher(), username.clone(), password))?;
            created.map_err(|error| about(error, &username))?;
            Ok(answer(&username, made.as_ref()))
        }
        OperatorCommand::SetPassword(login) => {
            let (username, made, password) = read(login)?;
            let store = server::open_store(config)?;
            let changed = block_on(logins::set_password(&store, &config.login.hasher(), username.clone(), password))?;
            changed.map_err(|error| about(error, &username))?;
            Ok(answer(&username, made.as_ref()))
        }
        OperatorCommand::Remove { username } => {
            let username = check(username)?;
            let removed = block_on(logins::remove(&server::open_store(config)?, username.clone()))?;
            removed.map_err(|error| about(error, &username))?;
            Ok(Answer { text: format!("removed {username}"), json: json!({ "removed": username.as_str() }) })
        }
        OperatorCommand::List => {
            let all = block_on(logins::list(&server::open_store(config)?))??;
            let lines: Vec<_> = all.iter().map(|(id, username)| format!("{id} {username}")).collect();
            let rows = all.iter().map(|(id, username)| json!({"user": id, "username": username}));
            Ok(Answer { text: lines.join("\n"), json: Value::Array(rows.collect()) })
        }
    }
}

fn check(username: String) -> Result<Username, CliError> {
    Username::new(username).map_err(|error| CliError::Usage(format!("--username {error}")))
}

/// The user name, the password to print if it was generated here, and the password.
fn read(login: Login) -> Result<(Username, Option<SessionToken>, Password), CliError> {
    let username = check(login.username)?;
    let made = (!login.password_stdin).then(SessionToken::generate);
    let text = match &made {
        Some(made) => Zeroizing::new(made.reveal().to_owned()),
        None => read_line()?,
    };
    let password = Password::new_for_login(text.as_str().to_owned())
        .map_err(|error| CliError::Usage(format!("the password on standard input {error}")))?;
    Ok((username, made, password))
}

/// One line of standard input, without its line ending.
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

/// What an error means for an operator.
fn about(error: services::Error, username: &Username) -> CliError {
    if matches!(error, services::Error::Taken(Taken::Username)) {
        CliError::Usage(format!("--username {username} is taken"))
    } else if matches!(error, services::Error::Missing(Missing::User)) {
        CliError::Usage(format!("--username {username} is no operator"))
    } else {
        error.into()
    }
}
