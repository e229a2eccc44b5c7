//! Which node is behind the ledger, as the operator writes it: `lnd://host:8080?macaroon=FILE&cert=FILE`.
//! Secrets are only ever in files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bitcoin_hashes::hex::DisplayHex;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::net::targets::Target;

/// The most bytes of a file with a secret.
const SECRET_BYTES_MAX: usize = 64 * 1024;

/// A kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Lnd,
    Cln,
    Phoenixd,
    Lnbits,
}

impl Kind {
    /// The parameter that names the file with the secret.
    const fn secret_name(self) -> &'static str {
        match self {
            Self::Lnd => "macaroon",
            Self::Cln => "rune",
            Self::Phoenixd => "password",
            Self::Lnbits => "key",
        }
    }

    /// The kind that a scheme names, and whether over TLS.
    fn of_scheme(scheme: &str) -> Option<(Self, bool)> {
        match scheme {
            "lnd" => Some((Self::Lnd, true)),
            "cln" => Some((Self::Cln, true)),
            "phoenixd" => Some((Self::Phoenixd, false)),
            "phoenixd+https" => Some((Self::Phoenixd, true)),
            "lnbits" => Some((Self::Lnbits, true)),
            "lnbits+http" => Some((Self::Lnbits, false)),
            _ => None,
        }
    }
}

/// Which certificates of the node are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those of the usual authorities.
    Usual,
    /// Those of the authorities in a file.
    Authority(PathBuf),
    /// The one in a file.
    Pinned(PathBuf),
}

/// A node, and how to get in. `Debug` shows no secret.
#[derive(Clone)]
pub struct Settings {
    pub(super) kind: Kind,
    /// `http://` or `https://`, host and port.
    pub(super) base: String,
    /// As it is shown to the node.
    pub(super) secret: Zeroizing<String>,
    pub(super) trust: Trust,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("kind", &self.kind)
            .field("base", &self.base)
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}

/// The text names no node. It is not repeated: it may hold a secret that belongs into a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// It has another scheme.
    #[error(
        "must be lnd://HOST:PORT?macaroon=FILE&cert=FILE, cln://HOST:PORT?rune=FILE&cert=FILE, \
         phoenixd://HOST:PORT?password=FILE or lnbits://HOST?key=FILE"
    )]
    Form,
    /// It names no host, or more than a host and a port.
    #[error("must name a host and a port before the `?`, and nothing else: no user, no password, no path")]
    Place,
    /// It has a parameter that this kind of node has not.
    #[error("has a parameter that is none of {0}, cert and ca")]
    Unknown(&'static str),
    /// A parameter is there twice.
    #[error("has {0} twice")]
    Twice(&'static str),
    /// The secret's file is missing.
    #[error("needs {0}=FILE: secrets are read from files")]
    NoSecret(&'static str),
    /// Two ways to know the certificate.
    #[error("has cert and ca: it is either one certificate or those of an authority")]
    TwoTrusts,
    /// There is no certificate without TLS.
    #[error("has cert or ca, but does not use TLS")]
    NoTls,
    /// A file cannot be read. Its name is not told: it may be the secret itself.
    #[error("has {name}, which must be the name of a file that can be read ({kind}), not what belongs into it")]
    File {
        /// The parameter.
        name: &'static str,
        /// Why not.
        kind: std::io::ErrorKind,
    },
    /// There is something else in the secret's file.
    #[error("has a file of {0} with something else in it: it must be one line of printable text{hint}", hint = hint_of(.0))]
    Secret(&'static str),
}

/// What else may be in the file of a secret.
fn hint_of(name: &str) -> &'static str {
    if name == "macaroon" { ", or the macaroon as LND writes it" } else { "" }
}

/// What stands behind the `?`.
#[derive(Default)]
struct Files {
    secret: Option<PathBuf>,
    cert: Option<PathBuf>,
    ca: Option<PathBuf>,
}

impl Files {
    fn read(query: &str, secret_name: &'static str) -> Result<Self, InvalidSettings> {
        let mut files = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, place) = match name {
                "cert" => ("cert", &mut files.cert),
                "ca" => ("ca", &mut files.ca),
                other if other == secret_name => (secret_name, &mut files.secret),
                _ => return Err(InvalidSettings::Unknown(secret_name)),
            };
            let path = percent_decode_str(value).decode_utf8();
            let path = path.or(Err(InvalidSettings::File { name, kind: std::io::ErrorKind::InvalidFilename }))?;
            if place.replace(PathBuf::from(path.as_ref())).is_some() {
                return Err(InvalidSettings::Twice(name));
            }
        }
        Ok(files)
    }

    fn trust(&self, is_tls: bool) -> Result<Trust, InvalidSettings> {
        let trust = match (&self.cert, &self.ca) {
            (None, None) => return Ok(Trust::Usual),
            (Some(cert), None) => Trust::Pinned(cert.clone()),
            (None, Some(ca)) => Trust::Authority(ca.clone()),
            (Some(_), Some(_)) => return Err(InvalidSettings::TwoTrusts),
        };
        if !is_tls {
            return Err(InvalidSettings::NoTls);
        }
        for (name, path) in [("cert", &self.cert), ("ca", &self.ca)] {
            path.as_deref().map(|path| contents(name, path)).transpose()?;
        }
        Ok(trust)
    }
}

impl FromStr for Settings {
    type Err = InvalidSettings;

    fn from_str(text: &str) -> Result<Self, InvalidSettings> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidSettings::Form)?;
        let (kind, is_tls) = Kind::of_scheme(scheme).ok_or(InvalidSettings::Form)?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let base = base_of(kind, place, is_tls).ok_or(InvalidSettings::Place)?;
        let name = kind.secret_name();
        let files = Files::read(query, name)?;
        let path = files.secret.as_deref().ok_or(InvalidSettings::NoSecret(name))?;
        let secret = secret_of(kind, &contents(name, path)?).ok_or(InvalidSettings::Secret(name))?;
        Ok(Self { kind, base, secret, trust: files.trust(is_tls)? })
    }
}

/// Where the node is asked. All but another LNbits have ports of their own, which must be said.
fn base_of(kind: Kind, place: &str, is_tls: bool) -> Option<String> {
    let place = place.strip_suffix('/').unwrap_or(place);
    if place.is_empty() || place.contains(['/', '@', '#', '?', '\\', ' ']) {
        return None;
    }
    let behind_address = place.rsplit_once(']').map_or(place, |(_, rest)| rest);
    if kind != Kind::Lnbits && !behind_address.contains(':') {
        return None;
    }
    let base = format!("{}://{place}", if is_tls { "https" } else { "http" });
    Target::parse(&base).ok().map(|_| base)
}

fn contents(name: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, InvalidSettings> {
    let bytes = std::fs::read(path).map(Zeroizing::new);
    bytes.map_err(|error| InvalidSettings::File { name, kind: error.kind() })
}

/// The secret in a file, as it is shown to the node: a macaroon in hex, all others as they are.
fn secret_of(kind: Kind, bytes: &[u8]) -> Option<Zeroizing<String>> {
    if bytes.len() > SECRET_BYTES_MAX {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok().map(str::trim);
    let line = text.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()));
    match kind {
        Kind::Lnd => {
            let is_hex = |text: &&str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
            // A macaroon begins with the number of its version, which is no printable character.
            let binary = || bytes.first().is_some_and(u8::is_ascii_control).then(|| bytes.to_lower_hex_string());
            line.filter(is_hex).map(str::to_owned).or_else(binary).map(Zeroizing::new)
        }
        Kind::Cln | Kind::Phoenixd | Kind::Lnbits => line.map(|line| Zeroizing::new(line.to_owned())),
    }
}
