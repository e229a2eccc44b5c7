//! The URL of a PostgreSQL server, which can contain secrets.
//!
//! libpq's errors quote what it cannot parse, which is sometimes part of a password that contains
//! an `@` or a `%`. A URL is therefore first parsed here, by libpq's own grammar, and one with more
//! than one meaning is refused with an error that quotes nothing. What libpq then says about a
//! server is shown without the secrets.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;

/// The parameters that the bundled libpq (18) accepts.
const PARAMETERS: [&str; 52] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "options",
    "passfile",
    "password",
    "port",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "scram_client_key",
    "scram_server_key",
    "service",
    "ssl",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslkeylogfile",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];
/// Those of them that are secret.
const SECRETS: [&str; 5] = ["password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"];
/// A shorter secret occurs in so many words that redacting it would reveal where.
const SECRET_CHARACTERS_MIN: usize = 4;

/// The replacement for a secret.
const REDACTED: &str = "…";

/// What is wrong with a URL. Errors quote none of it, because it is unknown which part is the
/// password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPostgresUrl {
    /// It contains a space or a control character.
    #[error("must not contain blanks or control characters; a blank is written %20")]
    Blank,
    /// A percent sign is not followed by a valid code.
    #[error("must have two hex digits (not 00) behind every `%`; a `%` itself is written %25")]
    Percent,
    /// It is unclear where the user name and the password end.
    #[error(
        "is ambiguous: in the user name, the password and the name of the database `@` is written %40, `/` %2F, `?` %3F"
    )]
    Ambiguous,
    /// A host or port is invalid.
    #[error(
        "must name hosts as HOST:PORT, with a port from 1 to 65535 or none, an IPv6 address in brackets; in a password \
         `@` is written %40, `/` %2F, `?` %3F"
    )]
    Host,
    /// A parameter is in the wrong part.
    #[error("must have parameters, as ?password=…&sslmode=…, behind a `?` and not in another part")]
    Misplaced,
    /// A parameter has no value, or more than one.
    #[error("must have parameters as NAME=VALUE with `&` between; in a value `&` is written %26, `=` %3D")]
    Parameter,
    /// libpq does not know the parameter.
    #[error("has a parameter that PostgreSQL's libpq does not know; in a value `&` is written %26, `=` %3D")]
    UnknownParameter,
}

/// A URL that libpq parses in the same way.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    url: String,
    hosts: String,
    /// The names of its parameters, if it has any.
    parameters: Option<Vec<String>>,
    /// Its secrets, both as written and decoded.
    secrets: Vec<String>,
}

impl PostgresUrl {
    /// Parses a URL; `None` if it is not a PostgreSQL URL.
    pub(crate) fn parse(url: &str) -> Option<Result<Self, InvalidPostgresUrl>> {
        let rest = ["postgres://", "postgresql://"].into_iter().find_map(|scheme| url.strip_prefix(scheme))?;
        Some(Self::parse_rest(url, rest))
    }

    fn parse_rest(url: &str, rest: &str) -> Result<Self, InvalidPostgresUrl> {
        if rest.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err(InvalidPostgresUrl::Blank);
        }
        check_percent(rest)?;
        let mut secrets = Vec::new();
        let (user_info, rest) = match rest.split_once('@') {
            Some((user_info, rest)) if !user_info.contains('/') => (Some(user_info), rest),
            _ => (None, rest),
        };
        if let Some(user_info) = user_info {
            if user_info.contains('?') {
                return Err(InvalidPostgresUrl::Ambiguous);
            }
            let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
            check_user(user)?;
            keep_secret(&mut secrets, password);
        }
        let hosts = rest.split(['/', '?']).next().unwrap_or_default();
        let rest = rest.strip_prefix(hosts).unwrap_or_default();
        hosts.split(',').try_for_each(check_host)?;
        let (database, query) = match rest.strip_prefix('/') {
            Some(path) => path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query))),
            None => ("", rest.strip_prefix('?')),
        };
        check_database(database)?;
        let parameters = query.map(|query| read_parameters(query, &mut secrets)).transpose()?;
        secrets.retain(|secret| secret.chars().count() >= SECRET_CHARACTERS_MIN);
        // One secret may be part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Ok(Self { url: url.to_owned(), hosts: hosts.to_owned(), parameters, secrets })
    }

    /// The URL itself, for connecting.
    pub fn reveal(&self) -> &str {
        &self.url
    }

    /// The URL with time limits added if it sets none, so that a server that disappears silently is
    /// noticed within seconds.
    pub(crate) fn with_time_limits(&self) -> String {
        const LIMITS: [(&str, &str); 5] = [
            ("connect_timeout", "10"),
            ("keepalives_idle", "10"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "15000"),
        ];
        let set = self.parameters.as_deref().unwrap_or_default();
        let missing = LIMITS.iter().filter(|(name, _)| !set.iter().any(|set| set == name));
        let mut url = self.url.clone();
        if self.parameters.is_none() {
            url.push('?');
        }
        for (name, value) in missing {
            if !url.ends_with(['?', '&']) {
                url.push('&');
            }
            url.push_str(name);
            url.push('=');
            url.push_str(value);
        }
        url
    }

    /// Redacts the secrets in a text.
    pub(crate) fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
    }
}

/// Shows the location, never the password.
impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.hosts.is_empty() { "(not named in the URL)" } else { &self.hosts })
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

fn keep_secret(secrets: &mut Vec<String>, text: &str) {
    let decoded = decode(text).into_owned();
    secrets.push(text.to_owned());
    secrets.push(decoded);
}

fn check_percent(text: &str) -> Result<(), InvalidPostgresUrl> {
    let is_code = |rest: &str| {
        let mut digits = rest.chars();
        let digits = [digits.next(), digits.next()];
        digits.iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())) && digits != [Some('0'); 2]
    };
    // The text before the first one is not a code.
    if text.split('%').skip(1).all(is_code) { Ok(()) } else { Err(InvalidPostgresUrl::Percent) }
}

fn check_host(text: &str) -> Result<(), InvalidPostgresUrl> {
    let (is_host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(InvalidPostgresUrl::Host)?;
        let address = decode(address);
        // The text after a percent sign is the name of an interface.
        let address = address.split('%').next().unwrap_or_default();
        let port = if port.is_empty() { Some("") } else { port.strip_prefix(':') };
        (address.parse::<Ipv6Addr>().is_ok(), port)
    } else {
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        check_host_name(host)?;
        (!host.contains(['[', ']']), Some(port))
    };
    let is_port = port.is_some_and(|port| port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0));
    if is_host && is_port { Ok(()) } else { Err(InvalidPostgresUrl::Host) }
}

/// The name of a host, or the path of a socket. libpq shows it in errors, as it does the names
/// below, so none of them may be something that was meant as a password.
fn check_host_name(text: &str) -> Result<(), InvalidPostgresUrl> {
    let name = decode(text);
    let is_path = name.starts_with('/') || name.starts_with('@') && !text.starts_with('@');
    if text.contains('@') || !is_path && name.contains(['@', ':', '/', '?']) {
        Err(InvalidPostgresUrl::Ambiguous)
    } else if name.contains('=') {
        Err(InvalidPostgresUrl::Misplaced)
    } else {
        Ok(())
    }
}

fn check_database(text: &str) -> Result<(), InvalidPostgresUrl> {
    let name = decode(text);
    if text.contains('@') || name.contains('@') && name.contains(':') {
        Err(InvalidPostgresUrl::Ambiguous)
    } else if name.contains('=') {
        Err(InvalidPostgresUrl::Misplaced)
    } else {
        Ok(())
    }
}

/// A user name may contain a `=`, as LDAP-style names do.
fn check_user(text: &str) -> Result<(), InvalidPostgresUrl> {
    let name = decode(text).to_ascii_lowercase();
    if name.contains("password=") || name.contains(':') { Err(InvalidPostgresUrl::Misplaced) } else { Ok(()) }
}

/// Parses the parameters. Returns their names, and collects the secret values.
fn read_parameters(query: &str, secrets: &mut Vec<String>) -> Result<Vec<String>, InvalidPostgresUrl> {
    let mut names = Vec::new();
    let query = query.strip_suffix('&').unwrap_or(query);
    for pair in query.split('&').filter(|_| !query.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(InvalidPostgresUrl::Parameter)?;
        if value.contains('=') {
            return Err(InvalidPostgresUrl::Parameter);
        }
        let name = decode(name);
        if !PARAMETERS.contains(&name.as_ref()) || name == "ssl" && value != "true" {
            return Err(InvalidPostgresUrl::UnknownParameter);
        }
        match name.as_ref() {
            name if SECRETS.contains(&name) => keep_secret(secrets, value),
            "host" => value.split(',').try_for_each(check_host_name)?,
            "dbname" => check_database(value)?,
            "user" => check_user(value)?,
            _ => {}
        }
        names.push(name.into_owned());
    }
    Ok(names)
}
