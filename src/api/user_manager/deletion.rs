//! Deleting users and wallets, through the ledger.

use actix_web::HttpResponse;

use super::users::user_not_found;
use crate::api::app::App;
use crate::api::auth::AdminKey;
use crate::api::error::{ApiError, ErrorCode};
use crate::domain::consumer::Consumer;
use crate::domain::ids::{InvoiceId, TransferId, UserId, WalletId};
use crate::domain::node::Preimage;
use crate::domain::session::SessionDigest;
use crate::ledger::command::{Close, CloseTarget, Closer, Command, Sweep};
use crate::store::{users, wallets};

/// How often a deletion is tried while the user's wallets change meanwhile.
const DELETE_TRIES: usize = 5;

/// Who deletes a user.
#[derive(Clone, Copy, Debug)]
pub enum Deleter {
    /// The manager of the user.
    Manager {
        /// The calling key.
        key: AdminKey,
        /// Whether money is moved to its wallet.
        sweep: bool,
    },
    /// An operator, who deletes managers, and cannot sweep.
    Operator(SessionDigest),
}

/// Deletes a user of a tenant, or a manager, with all wallets.
pub async fn delete_by(app: &App, deleter: Deleter, id: UserId) -> Result<HttpResponse, ApiError> {
    let (tenant, by, sweep, consumer) = match deleter {
        Deleter::Manager { key, sweep } => (Some(key.user()), Closer::Manager(key.authority()), sweep, key.consumer()),
        Deleter::Operator(session) => (None, Closer::Operator(session), false, Consumer::NOBODY),
    };
    for _ in 0..DELETE_TRIES {
        let found = app.store.read_list(consumer, move |connection| {
            users::find(connection, tenant, id)?;
            wallets::of_users(connection, &[id])
        });
        let wallets = found.await.map_err(user_not_found)?.into_iter().map(|wallet| wallet.id).collect();
        match close(app, by, CloseTarget::User(id), wallets, sweep).await {
            Err(error) if error.code() == ErrorCode::WalletsChanged => {}
            closed => return closed,
        }
    }
    Err(ErrorCode::WalletsChanged.into())
}

/// Deletes wallets, alone or with their user: of the tenant of a key, or as an operator.
pub async fn close(
    app: &App,
    by: Closer,
    target: CloseTarget,
    wallets: Vec<WalletId>,
    sweep: bool,
) -> Result<HttpResponse, ApiError> {
    let wallets = wallets.into_iter().map(|id| (id.account(), sweep_of(app))).collect();
    let command = Close { by, target, wallets, sweep };
    app.settle(Command::Close(command), false).await?;
    Ok(HttpResponse::Ok().json(()))
}

fn sweep_of(app: &App) -> Sweep {
    let (invoice, preimage) = (InvoiceId::next(), Preimage::generate());
    Sweep {
        transfer: TransferId::next(),
        invoice,
        payment_hash: preimage.payment_hash(),
        preimage: preimage.seal(&app.sealer, invoice),
    }
}
