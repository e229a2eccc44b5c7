//! The user manager: what a manager's key creates and sees. The tenant is the user of the
//! calling key; whatever that user did not create does not exist here (promise I8).

pub mod controls;
pub mod export;
pub mod export_rows;
pub mod extensions;
pub mod overview;
pub mod transactions;
pub mod transfers;
pub mod users;
pub mod verify;
pub mod views;
pub mod wallets;

use actix_web::web;
use utoipa::IntoParams;

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::domain::ids::{UserId, WalletId};

/// What to look for in a list of wallets, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only the document reads this; the query itself is read by `Params::search`")]
pub(in crate::api) struct SearchParams {
    /// Only with this text in the wallet's name, or in the user's name, user name, email address or
    /// `external_id`, whatever the case; or with this id, or of the user with it.
    #[param(max_length = 128)]
    search: Option<String>,
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
