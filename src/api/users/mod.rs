//! Users and wallets, by who has logged in: operators see managers, managers see their own users.
//!
//! Each path answers either of them, in its own shape.

pub(crate) mod accounts;
pub(crate) mod orders;
pub(crate) mod query;
pub(crate) mod views;
pub(crate) mod wallets;

use actix_web::web;

use crate::api::framework::error::{ApiError, ErrorCode};
use crate::domain::ids::UserId;

/// The user that a path names.
fn user_id(path: &web::Path<String>) -> Result<UserId, ApiError> {
    read_user_id(path)
}

/// The user of this id; a text that is no id names nobody.
fn read_user_id(text: &str) -> Result<UserId, ApiError> {
    text.parse().or(Err(ErrorCode::UserNotFound.into()))
}
