//! Managers, as operators create, change and delete them, at the paths at which managers find their
//! own users ([`crate::api::users`]).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::AccountView;
use crate::api::framework::app::State;
use crate::api::framework::body::Body;
use crate::api::framework::error::ApiError;
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::json;
use crate::api::framework::params::Checks;
use crate::api::framework::session::Operator;
use crate::api::user_manager::views::ManagedUser;
use crate::api::users::orders::UserOrder;
use crate::crypto::password::Password;
use crate::domain::extra::Extra;
use crate::domain::ids::UserId;
use crate::domain::text::{Email, Name, Username};
use crate::services::deletion::{self, Deleter};
use crate::services::operators::accounts::{self, AccountChange, AccountTerms, ManagerWithKeys};
use crate::services::users::overview::{UserPage, UserQuery};

/// A page of managers.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountPage {
    /// The managers.
    data: Vec<AccountView>,
    /// How many there are in all.
    total: i64,
}

/// Reads what is asked for, of the manager of this id where there is one already.
fn read(order: UserOrder, manager: Option<UserId>) -> Result<AccountChange, ApiError> {
    let mut checks = Checks::default();
    order.check(&mut checks, manager);
    if order.external_id.is_some() {
        checks.add("external_id", "is not supported: keep it in `extra`");
    }
    let name = checks.check_opt("name", order.name, Name::new);
    let username = checks.check_opt("username", order.username, Username::new);
    let password = checks.check_opt("password", order.password, Password::new_for_login);
    let email = checks.check_opt("email", order.email, Email::new);
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    match (name, username, password, email, extra) {
        (Some(name), Some(username), Some(password), Some(email), Some(extra)) if checks.is_fine() => {
            Ok(AccountChange { name, username, password, email, extra })
        }
        _ => Err(checks.into_error()),
    }
}

/// Lists managers, as JSON.
pub(in crate::api) async fn list(operator: Operator, app: &State, query: UserQuery) -> Result<Vec<u8>, ApiError> {
    let show = |UserPage { users, total }: UserPage| {
        json(&AccountPage { data: users.into_iter().map(AccountView::from).collect(), total })
    };
    Ok(accounts::list(&app.services, operator, query, show).await?)
}

/// Creates a manager with a wallet.
pub(in crate::api) async fn create(
    operator: Operator,
    app: &State,
    idempotency: &Idempotency,
    body: &Body,
) -> Result<HttpResponse, ApiError> {
    let order: UserOrder = body.json()?;
    let claim = idempotency.claim(app, &operator, body)?;
    let AccountChange { name, username, password, email, extra } = read(order, None)?;
    let name = name.or_else(|| username.clone().map(Name::from));
    let name = name.ok_or_else(|| ApiError::field("name", "is missing, and so is `username`"))?;
    let terms = AccountTerms { name, username, password, email, extra };
    let show = |created: ManagerWithKeys| json(&ManagedUser::new(created.into(), true));
    let created = accounts::create(&app.services, operator, claim, terms, show).await?;
    Ok(created.respond_json_as(StatusCode::OK))
}

/// Shows a manager.
pub(in crate::api) async fn get(operator: Operator, app: &State, id: UserId) -> Result<HttpResponse, ApiError> {
    let found = accounts::find(&app.services, operator, id).await?;
    Ok(HttpResponse::Ok().json(AccountView::from(found)))
}

/// Changes a manager.
pub(in crate::api) async fn update(
    operator: Operator,
    app: &State,
    id: UserId,
    body: &Body,
) -> Result<HttpResponse, ApiError> {
    let change = read(body.json()?, Some(id))?;
    let changed = accounts::update(&app.services, operator, id, change).await?;
    Ok(HttpResponse::Ok().json(AccountView::from(changed)))
}

/// Deletes a manager.
pub(in crate::api) async fn delete(operator: Operator, app: &State, id: UserId) -> Result<HttpResponse, ApiError> {
    deletion::delete_user(&app.services, Deleter::Operator(operator), id).await?;
    tracing::info!(operator = %operator.user(), manager = %id, "an operator deleted a manager");
    Ok(HttpResponse::Ok().json(()))
}
