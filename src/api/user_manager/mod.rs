//! The user manager: what a manager's key creates and sees. The tenant is the user of the
//! calling key; whatever that user did not create does not exist here (promise I8).

pub(crate) mod controls;
pub(crate) mod export;
pub(crate) mod export_rows;
pub(crate) mod extensions;
pub(crate) mod overview;
pub(crate) mod transactions;
pub(crate) mod transfers;
pub(crate) mod users;
pub(crate) mod verify;
pub(crate) mod views;
pub(crate) mod wallets;

use actix_web::web;

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::query::{Limit, Offset, query};
use crate::domain::ids::{UserId, WalletId};
use crate::domain::search::SearchText;

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

query! {
    /// Which part of a list of wallets, and what to look for in it.
    pub(in crate::api) struct WalletListParams {
        /// Rows at most; over 1000 is 1000, and 0 is all, as where nothing is said.
        #[param(value_type = Option<i64>, minimum = 0)]
        pub(in crate::api) limit: Limit,
        /// Rows to leave out first.
        #[param(value_type = Option<i64>, minimum = 0)]
        pub(in crate::api) offset: Offset,
        /// Only with this text in the wallet's name, or in the user's name, user name, email address or
        /// `external_id`, whatever the case; or with this id, or of the user with it.
        #[param(value_type = Option<String>, max_length = 128)]
        pub(in crate::api) search: Option<SearchText>,
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
