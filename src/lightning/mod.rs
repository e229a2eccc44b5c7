//! The Lightning node behind the ledger: what satkeep asks of one ([`node::Node`]), what it makes of the
//! answers ([`outgoing`] and [`incoming`], pure), and the nodes that it knows.
//!
//! | module | the node |
//! |---|---|
//! | [`lnd`] | LND, by REST |
//! | [`cln`] | Core Lightning, by its plugin `clnrest` |
//! | [`phoenixd`] | phoenixd |
//! | [`lnbits`] | another LNbits, or what has its API: Alby Hub, another satkeep |

mod around;
mod cln;
mod fields;
pub mod incoming;
mod lnbits;
mod lnd;
pub mod node;
pub mod outgoing;
mod phoenixd;
pub mod settings;
mod wire;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderName};
use zeroize::Zeroizing;

use self::node::Node;
use self::settings::{Kind, Settings, Trust};
use self::wire::Wire;
use crate::net::client::{Client, Reach};
use crate::net::resolver::system_resolver;
use crate::net::tls::{self, InvalidRoots, Roots};

/// Why a node cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Its certificate, or that of its authority, cannot be used.
    #[error(transparent)]
    Certificate(#[from] InvalidRoots),
    /// The secret has characters that no request can carry.
    #[error("the secret of the node has characters that no request can carry")]
    Secret,
}

/// The node that the operator has chosen. Nothing is sent to it yet: whether it is there, its
/// [identity](Node::identity) tells.
pub fn connect(settings: &Settings) -> Result<Arc<dyn Node>, ConnectError> {
    let trusted = match &settings.trust {
        Trust::Usual => tls::connector(Roots::Usual(None)),
        Trust::Authority(path) => tls::connector(Roots::Only(path)),
        Trust::Pinned(path) => tls::pinned(path),
    };
    // The operator has chosen the node, wherever it is.
    let client = Client::new(Reach::Anywhere, system_resolver(), trusted?);
    let secret = &settings.secret;
    let (header, value) = match settings.kind {
        Kind::Lnd => (HeaderName::from_static("grpc-metadata-macaroon"), secret.clone()),
        Kind::Cln => (HeaderName::from_static("rune"), secret.clone()),
        Kind::Lnbits => (HeaderName::from_static("x-api-key"), secret.clone()),
        Kind::Phoenixd => {
            let user_and_password = Zeroizing::new(format!(":{}", **secret));
            (AUTHORIZATION, Zeroizing::new(format!("Basic {}", STANDARD.encode(&*user_and_password))))
        }
    };
    let wire = Wire::new(client, settings.base.clone(), header, &value, secret.clone()).ok_or(ConnectError::Secret)?;
    Ok(match settings.kind {
        Kind::Lnd => Arc::new(lnd::Lnd::new(wire)),
        Kind::Cln => Arc::new(cln::Cln::new(wire)),
        Kind::Phoenixd => Arc::new(phoenixd::Phoenixd::new(wire)),
        Kind::Lnbits => Arc::new(lnbits::Lnbits::new(wire)),
    })
}
