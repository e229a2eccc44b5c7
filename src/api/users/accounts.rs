//! Managers to operators, and users to their managers.

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, delete, get, post, put, web};

use super::orders::{NewUserOrder, UserOrder};
use super::query::{Listing, UserListParams};
use super::user_id;
use super::views::{AnyUser, AnyUserPage, TenantUser, TenantUserPage};
use crate::api::framework::app::State;
use crate::api::framework::body::Body;
use crate::api::framework::error::ApiError;
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::json;
use crate::api::framework::params::{LIMIT_MAX, Params, Window};
use crate::api::framework::query::query;
use crate::api::framework::session::{ManagerLogin, OperatorOr, Reads, Users};
use crate::api::operators::accounts as operators;
use crate::api::user_manager::views::ManagedUser;
use crate::domain::external_id::ExternalId;
use crate::domain::text::{Email, Name};
use crate::services::deletion::{self, Deleter};
use crate::services::users::overview::{self, UserQuery};
use crate::services::users::{self, NewUserTerms, UserTerms};

/// List managers, or users
///
/// To an operator the managers, to a manager its own users: oldest first, unless `sortby` says
/// otherwise.
#[utoipa::path(
    tag = "Operators",
    params(UserListParams),
    responses((status = 200, description = "A page of them", body = inline(AnyUserPage), example = json!({
        "data": [{
            "id": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
            "name": "Steve",
            "username": "steve",
            "email": null,
            "pubkey": null,
            "external_id": "069a79f4-44e9-4726-a5be-fca90e38aaf5",
            "activated": true,
            "extra": {},
            "balance_msat": 21_000,
            "transaction_count": 3,
            "wallet_count": 1,
            "last_payment": "2026-11-21T12:00:00Z",
            "created_at": "2026-11-21T12:00:00Z",
            "updated_at": "2026-11-21T12:00:00Z"
        }],
        "total": 1
    }))),
    security(("Operator" = []), ("Session" = []), ("Token" = ["read"]))
)]
#[get("/users/api/v1/user")]
pub(in crate::api) async fn list_accounts(
    caller: OperatorOr<Reads>,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let Listing { filter, sort, window: Window { offset, limit } } = params.read::<UserListParams>()?.listing()?;
    let Some(filter) = filter else { return Ok(HttpResponse::Ok().json(TenantUserPage::default())) };
    let query = UserQuery { filter, sort, offset, limit: limit.unwrap_or(LIMIT_MAX) };
    let show = |page| json(&TenantUserPage::from(page));
    let json = match caller {
        OperatorOr::Operator(operator) => operators::list(operator, &app, query).await?,
        OperatorOr::Manager(caller) => overview::list(&app.services, caller, query, show).await?,
    };
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(json))
}

/// Create a manager, or a user, with a wallet
///
/// For an operator a manager (200), with the keys of its wallet, which no operator is shown again;
/// with a user name and a password the manager can log in to see them. For a manager a user of its
/// own (201), whose wallet is listed with it.
#[utoipa::path(
    tag = "Operators",
    params(Idempotency),
    request_body = inline(NewUserOrder),
    responses(
        (status = 200, description = "The manager", body = ManagedUser),
        (status = 201, description = "The user", body = TenantUser)
    ),
    security(("Operator" = []), ("Session" = []), ("Token" = ["users"]))
)]
#[post("/users/api/v1/user")]
pub(in crate::api) async fn create_account(
    caller: OperatorOr<Users>,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let caller = match caller {
        OperatorOr::Operator(operator) => return operators::create(operator, &app, &idempotency, &body).await,
        OperatorOr::Manager(caller) => caller,
    };
    let order: UserOrder = body.json()?;
    let claim = idempotency.claim(&app, &caller, &body)?;
    // The user name is kept in lower case, the name as it is written.
    let written = order.username.clone();
    let UserTerms { name, username, email, external_id, password, extra, may_create_users: _ } = order.read(None)?;
    let name = name
        .or_else(|| written.and_then(|text| Name::new(text).ok()))
        .or_else(|| external_id.as_ref().map(ExternalId::as_str).and_then(name_of))
        .or_else(|| email.as_ref().map(Email::as_str).and_then(name_of));
    let missing = "is missing, and so are `username`, `external_id` and `email`";
    let name = name.ok_or_else(|| ApiError::field("name", missing))?;
    let wallet_name = name.clone();
    let may_create_users = None;
    let terms = NewUserTerms { name, wallet_name, username, email, external_id, password, extra, may_create_users };
    let show = |user| json(&TenantUser::from(user));
    Ok(users::create(&app.services, caller, claim, terms, show).await?.respond_json())
}

/// A name out of another text, as much of it as a name may have.
fn name_of(text: &str) -> Option<Name> {
    Name::new(text.chars().take(NAME_CHARACTERS).collect()).ok()
}

/// Characters that fit into a name, whatever they are.
const NAME_CHARACTERS: usize = 60;

/// Manager, or user, details
#[utoipa::path(
    tag = "Operators",
    params(("user_id" = String, Path, description = "The user id of a manager, or of the manager's user")),
    responses((status = 200, description = "The manager or user", body = inline(AnyUser))),
    security(("Operator" = []), ("Session" = []), ("Token" = ["read"]))
)]
#[get("/users/api/v1/user/{user_id}")]
pub(in crate::api) async fn get_account(
    caller: OperatorOr<Reads>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&path)?;
    match caller {
        OperatorOr::Operator(operator) => operators::get(operator, &app, id).await,
        OperatorOr::Manager(caller) => {
            Ok(HttpResponse::Ok().json(TenantUser::from(overview::find(&app.services, caller, id).await?)))
        }
    }
}

/// Change a manager, or a user
///
/// A new password ends all of a manager's sessions.
#[utoipa::path(
    tag = "Operators",
    params(("user_id" = String, Path, description = "The user id of a manager, or of the manager's user")),
    request_body = UserOrder,
    responses((status = 200, description = "The manager or user", body = inline(AnyUser))),
    security(("Operator" = []), ("Session" = []), ("Token" = ["users"]))
)]
#[put("/users/api/v1/user/{user_id}")]
pub(in crate::api) async fn update_account(
    caller: OperatorOr<Users>,
    app: State,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&path)?;
    let caller = match caller {
        OperatorOr::Operator(operator) => return operators::update(operator, &app, id, &body).await,
        OperatorOr::Manager(caller) => caller,
    };
    let terms = body.json::<UserOrder>()?.read(Some(id))?;
    let changed = overview::change(&app.services, caller, id, terms).await?;
    Ok(HttpResponse::Ok().json(TenantUser::from(changed)))
}

/// Delete a manager, or a user
///
/// While a wallet holds money, this is refused, and so it is for a manager who has users. Users whom a
/// user has created go with it; what is frozen, or whose user is deactivated, is not deleted. Keys,
/// sessions and tokens stop at once.
#[utoipa::path(
    tag = "Operators",
    params(("user_id" = String, Path, description = "The user id of a manager, or of the manager's user")),
    responses((status = 200, description = "Deleted; the body is `null`", body = Option<String>, example = json!(null))),
    security(("Operator" = []), ("Session" = []), ("Token" = ["users"]))
)]
#[delete("/users/api/v1/user/{user_id}")]
pub(in crate::api) async fn delete_account(
    caller: OperatorOr<Users>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&path)?;
    match caller {
        OperatorOr::Operator(operator) => operators::delete(operator, &app, id).await,
        OperatorOr::Manager(caller) => {
            deletion::delete_user(&app.services, Deleter::Login(caller), id).await?;
            Ok(HttpResponse::Ok().json(()))
        }
    }
}

query! {
    /// What becomes of a user.
    pub(in crate::api) struct ActivationParams {
        /// True to activate, false to deactivate
        active: Option<bool>,
    }
}

/// Activate or deactivate a user
///
/// The wallets of a user who is deactivated are frozen for everything, new ones included: no money
/// leaves them or comes in, and their keys do nothing. Without `active` it is turned into the other of
/// the two. A freeze of a single wallet stays beside it.
#[utoipa::path(
    tag = "User Manager",
    params(
        ("user_id" = String, Path, description = "The user's id"),
        ActivationParams
    ),
    responses((status = 200, description = "The user", body = TenantUser)),
    security(("Session" = []), ("Token" = ["users"]))
)]
#[put("/users/api/v1/user/{user_id}/activate")]
pub(in crate::api) async fn activate_user(
    caller: ManagerLogin<Users>,
    app: State,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&path)?;
    let ActivationParams { active } = params.read()?;
    let changed = overview::set_active(&app.services, caller, id, active).await?;
    Ok(HttpResponse::Ok().json(TenantUser::from(changed)))
}
