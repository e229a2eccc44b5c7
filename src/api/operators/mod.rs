//! What operators do: look after managers and their money. An operator is never shown a key,
//! but for those of a wallet that it has just created.

pub mod accounts;
pub mod audit;
pub mod balance;
pub mod freezes;
pub mod views;
pub mod wallets;

use actix_web::web;

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::domain::ids::UserId;

/// The manager that a path names.
fn account_id(path: &web::Path<String>) -> Result<UserId, ApiError> {
    path.parse().or(Err(ErrorCode::UserNotFound.into()))
}
