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
use crate::ledger::command::{Close, Closer, Command, Sweep};
use crate::store::users::SUBTREE_MAX;
use crate::store::{Db, StoreError, users, wallets};

/// How often a deletion is tried while what is to be deleted changes meanwhile.
const DELETE_TRIES: usize = 5;

/// Who deletes a user.
#[derive(Clone, Copy, Debug)]
pub enum Deleter {
    /// The manager of the user, who deletes the users that it has created with it.
    Manager {
        /// The calling key.
        key: AdminKey,
        /// Whether money is moved to its wallet.
        sweep: bool,
    },
    /// An operator, who deletes managers without users, and cannot sweep.
    Operator(SessionDigest),
}

/// What goes with a user that is deleted.
struct Belongings {
    /// The user, and behind it those that it has created.
    users: Vec<UserId>,
    wallets: Vec<WalletId>,
}

impl Belongings {
    /// `None` where they are too many.
    fn find(connection: &mut Db, tenant: Option<UserId>, id: UserId) -> Result<Option<Self>, StoreError> {
        users::find(connection, tenant, id)?;
        let users = match tenant {
            Some(_) => users::subtree(connection, id)?,
            None => Some(vec![id]),
        };
        let Some(users) = users else { return Ok(None) };
        let wallets = wallets::ids_of_users(connection, &users, SUBTREE_MAX.saturating_add(1))?;
        let fits = i64::try_from(wallets.len()).is_ok_and(|count| count <= SUBTREE_MAX);
        Ok(fits.then_some(Self { users, wallets }))
    }
}

/// Deletes a user of a tenant, or a manager, with all wallets.
pub async fn delete_by(app: &App, deleter: Deleter, id: UserId) -> Result<HttpResponse, ApiError> {
    let (tenant, consumer, by, sweep) = match deleter {
        Deleter::Manager { key, sweep } => (Some(key.user()), key.consumer(), Closer::Manager(key.authority()), sweep),
        Deleter::Operator(session) => (None, Consumer::NOBODY, Closer::Operator(session), false),
    };
    for _ in 0..DELETE_TRIES {
        let found = app.store.read_list(consumer, move |connection| Belongings::find(connection, tenant, id)).await;
        let belongings = found.map_err(user_not_found)?.ok_or(ErrorCode::TooManyToDelete)?;
        match close(app, consumer, by, belongings, sweep).await {
            Err(error) if error.code() == ErrorCode::WalletsChanged => {}
            closed => return closed,
        }
    }
    Err(ErrorCode::WalletsChanged.into())
}

/// Deletes wallets whose users stay.
pub async fn delete_wallets(
    app: &App,
    consumer: Consumer,
    by: Closer,
    wallets: Vec<WalletId>,
    sweep: bool,
) -> Result<HttpResponse, ApiError> {
    close(app, consumer, by, Belongings { users: Vec::new(), wallets }, sweep).await
}

async fn close(
    app: &App,
    consumer: Consumer,
    by: Closer,
    belongings: Belongings,
    sweep: bool,
) -> Result<HttpResponse, ApiError> {
    let Belongings { users, wallets } = belongings;
    let place = app.settler.reserve(consumer, wallets.len().max(users.len()))?;
    let wallets = wallets.into_iter().map(|id| (id.account(), sweep_of(app))).collect();
    let closed = place.submit(Command::Close(Close { by, users, wallets, sweep })).await?;
    closed.map_err(|rejection| ApiError::from_rejection(rejection, false))?;
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
