//! Managers, as operators create, change and delete them.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, post, put, web};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::account_id;
use super::views::AccountView;
use crate::api::framework::app::State;
use crate::api::framework::body::{Body, Given, lenient, raw};
use crate::api::framework::error::ApiError;
use crate::api::framework::idempotency::{Idempotency, IdempotencyParam};
use crate::api::framework::json_stream::json;
use crate::api::framework::leniency;
use crate::api::framework::params::{Checks, LIMIT_MAX, Params, Window};
use crate::api::framework::session::Operator;
use crate::api::user_manager::views::ManagedUser;
use crate::crypto::password::Password;
use crate::domain::extra::Extra;
use crate::domain::ids::UserId;
use crate::domain::text::{Email, Name, Username};
use crate::services::deletion::{self, Deleter};
use crate::services::operators::accounts::{self, AccountChange, AccountTerms, ManagerWithKeys};

/// A manager to create, or what to change of one: what is not named stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"username": "game", "password": "correct horse battery staple", "name": "Game"}))]
pub struct AccountOrder {
    /// The manager's name; the user name where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    /// What the manager logs in as, in lower case: 2 to 64 of a to z, digits and `._@-`.
    #[serde(default, deserialize_with = "lenient")]
    username: Option<String>,
    /// The password to log in with, at least 8 characters long; a new one ends all sessions.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = r"^([\s\S]{8,})?$")]
    password: Option<String>,
    /// An email address.
    #[serde(default, deserialize_with = "lenient")]
    email: Option<String>,
    /// Data of the operators' own: a JSON object of at most 8 KiB; merged into what is there.
    #[serde(default, deserialize_with = "raw")]
    #[schema(value_type = Option<Object>)]
    extra: Option<String>,
    /// The password once more, where a form has asked for it twice.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(ignore)]
    password_repeat: Option<String>,
    /// The manager's id, which is made here: only that of the path, when it is changed.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(ignore)]
    id: Option<String>,
    #[serde(default)]
    #[schema(ignore)]
    external_id: Given,
    #[serde(default)]
    #[schema(ignore)]
    pubkey: Given,
}

/// A manager to create: one of its names must be there.
struct NewAccount;

impl PartialSchema for NewAccount {
    fn schema() -> RefOr<Schema> {
        leniency::requiring::<AccountOrder>(&["name", "username"]).into()
    }
}

impl ToSchema for NewAccount {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((AccountOrder::name().into(), AccountOrder::schema()));
    }
}

impl AccountOrder {
    /// Reads what is asked for, of the manager of this id where there is one already.
    fn read(self, manager: Option<UserId>) -> Result<AccountChange, ApiError> {
        let mut checks = Checks::default();
        let own = manager.map(|id| id.to_string());
        if self.id.is_some_and(|id| Some(id) != own) {
            checks.add("id", if own.is_some() { "must be that of the path" } else { "is made here; leave it out" });
        }
        if self.password_repeat.is_some() && self.password_repeat != self.password {
            checks.add("password_repeat", "is not the same as `password`");
        }
        self.external_id.refuse(&mut checks, "external_id", "keep it in `extra`");
        self.pubkey.refuse(&mut checks, "pubkey", "log in with a password, and leave it out");
        let name = checks.check_opt("name", self.name, Name::new);
        let username = checks.check_opt("username", self.username, Username::new);
        let password = checks.check_opt("password", self.password, Password::new_for_login);
        let email = checks.check_opt("email", self.email, Email::new);
        let extra = checks.check_opt("extra", self.extra, |json| Extra::new(&json));
        match (name, username, password, email, extra) {
            (Some(name), Some(username), Some(password), Some(email), Some(extra)) if checks.is_fine() => {
                Ok(AccountChange { name, username, password, email, extra })
            }
            _ => Err(checks.into_error()),
        }
    }
}

/// Which managers to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only the document reads these; the query itself is read by `list_accounts`")]
pub struct AccountListParams {
    /// Only managers with this text in their name, user name or email address, whatever the case.
    #[param(max_length = 128)]
    search: Option<String>,
    /// Managers at most; over 1000 or 0 is 1000, as where nothing is said.
    #[param(minimum = 0)]
    limit: Option<i64>,
    /// Managers to leave out first.
    #[param(minimum = 0)]
    offset: Option<i64>,
}

/// A page of managers.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountPage {
    /// The managers.
    data: Vec<AccountView>,
    /// How many there are in all.
    total: i64,
}

/// List managers
///
/// Oldest first.
#[utoipa::path(
    tag = "Operators",
    params(AccountListParams),
    responses((status = 200, description = "A page of managers", body = AccountPage)),
    security(("Operator" = []))
)]
#[get("/users/api/v1/user")]
pub(in crate::api) async fn list_accounts(
    operator: Operator,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let search = params.search("search")?;
    let Window { offset, limit } = params.window()?;
    let limit = limit.unwrap_or(LIMIT_MAX);
    let page = accounts::list(&app.services, operator, search, offset, limit).await?;
    let data = page.accounts.into_iter().map(AccountView::from).collect();
    Ok(HttpResponse::Ok().json(AccountPage { data, total: page.total }))
}

/// Create a manager with a wallet
///
/// Answers it with the keys of its wallet, which no operator is shown again; with a user name
/// and a password the manager can log in to see them.
#[utoipa::path(
    tag = "Operators",
    params(IdempotencyParam),
    request_body = inline(NewAccount),
    responses((status = 200, description = "The manager", body = ManagedUser)),
    security(("Operator" = []))
)]
#[post("/users/api/v1/user")]
pub(in crate::api) async fn create_account(
    operator: Operator,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: AccountOrder = body.json()?;
    let claim = idempotency.claim(&app, &operator, &body)?;
    let AccountChange { name, username, password, email, extra } = order.read(None)?;
    let name = name.or_else(|| username.clone().map(Name::from));
    let name = name.ok_or_else(|| ApiError::field("name", "is missing, and so is `username`"))?;
    let terms = AccountTerms { name, username, password, email, extra };
    let show = |created: ManagerWithKeys| json(&ManagedUser::new(created.into(), true));
    let created = accounts::create(&app.services, operator, claim, terms, show).await?;
    Ok(created.respond_json_as(StatusCode::OK))
}

/// Manager details
#[utoipa::path(
    tag = "Operators",
    params(("user_id" = String, Path, description = "The manager's user id")),
    responses((status = 200, description = "The manager", body = AccountView)),
    security(("Operator" = []))
)]
#[get("/users/api/v1/user/{user_id}")]
pub(in crate::api) async fn get_account(
    operator: Operator,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let found = accounts::find(&app.services, operator, account_id(&path)?).await?;
    Ok(HttpResponse::Ok().json(AccountView::from(found)))
}

/// Change a manager
///
/// A new password ends all of the manager's sessions.
#[utoipa::path(
    tag = "Operators",
    params(("user_id" = String, Path, description = "The manager's user id")),
    request_body = AccountOrder,
    responses((status = 200, description = "The manager", body = AccountView)),
    security(("Operator" = []))
)]
#[put("/users/api/v1/user/{user_id}")]
pub(in crate::api) async fn update_account(
    operator: Operator,
    app: State,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = account_id(&path)?;
    let change = body.json::<AccountOrder>()?.read(Some(id))?;
    let changed = accounts::update(&app.services, operator, id, change).await?;
    Ok(HttpResponse::Ok().json(AccountView::from(changed)))
}

/// Delete a manager
///
/// While it has users, or a wallet that holds money, this is refused. Its keys and sessions
/// stop at once.
#[utoipa::path(
    tag = "Operators",
    params(("user_id" = String, Path, description = "The manager's user id")),
    responses((status = 200, description = "Deleted; the body is `null`", body = Option<String>, example = json!(null))),
    security(("Operator" = []))
)]
#[delete("/users/api/v1/user/{user_id}")]
pub(in crate::api) async fn delete_account(
    operator: Operator,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = account_id(&path)?;
    deletion::delete_user(&app.services, Deleter::Operator(operator), id).await?;
    tracing::info!(operator = %operator.user(), manager = %id, "an operator deleted a manager");
    Ok(HttpResponse::Ok().json(()))
}
