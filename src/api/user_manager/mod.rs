//! The user manager: what a manager's key creates and sees. The tenant is the user of the
//! calling key; whatever that user did not create does not exist here (promise I8).

pub(crate) mod controls;
pub(crate) mod extensions;
pub(crate) mod transactions;
pub(crate) mod transfers;
pub(crate) mod users;
pub(crate) mod verify;
pub(crate) mod views;
pub(crate) mod wallets;

use actix_web::web;

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::query::query;
use crate::domain::ids::{UserId, WalletId};

query! {
    /// What becomes of the money in what is deleted.
    pub(in crate::api) struct SweepParams {
        /// Whether money is moved to the calling wallet; true where nothing is said
        sweep: Option<bool>,
    }
}

impl SweepParams {
    /// Whether it is moved to the calling wallet.
    fn sweeps(&self) -> bool {
        self.sweep.unwrap_or(true)
    }
}

/// The user that a path names; a text that is no id names nobody.
fn user_id(path: &web::Path<String>) -> Result<UserId, ApiError> {
    path.parse().or(Err(ErrorCode::UserNotFound.into()))
}

/// The wallet that a path names.
fn wallet_id(path: &web::Path<String>) -> Result<WalletId, ApiError> {
    path.parse().or(Err(ErrorCode::WalletNotFound.into()))
}

/// `admin_id` may be left out, but may not name anybody but the caller.
fn check_admin_id(admin_id: Option<&str>, caller: UserId) -> Result<(), ApiError> {
    match admin_id.map(str::parse::<UserId>) {
        None => Ok(()),
        Some(Ok(admin)) if admin == caller => Ok(()),
        Some(_) => Err(ErrorCode::NotTheCaller.into()),
    }
}
