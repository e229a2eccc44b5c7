//! What operators do: look after managers and their money. An operator is never shown a key,
//! but for those of a wallet that it has just created.

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod balance;
pub(crate) mod freezes;
pub(crate) mod node;
pub(crate) mod views;
pub(crate) mod wallets;

use actix_web::web;

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::domain::ids::UserId;

/// The manager that a path names.
fn account_id(path: &web::Path<String>) -> Result<UserId, ApiError> {
    path.parse().or(Err(ErrorCode::UserNotFound.into()))
}
