//! The users of a tenant.

use actix_web::{HttpResponse, delete, get, post, put, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::ManagedUser;
use super::{SweepParams, check_admin_id, user_id};
use crate::api::framework::app::State;
use crate::api::framework::auth::{AdminKey, Manager, WalletKey, require_admin};
use crate::api::framework::body::{Body, lenient, raw};
use crate::api::framework::error::ApiError;
use crate::api::framework::idempotency::Idempotency;
use crate::api::framework::json_stream::{Items, json, json_array};
use crate::api::framework::params::{Checks, Param, Params, search_text};
use crate::api::framework::query::{AnyOf, FromParam, Limit, Offset, query, window};
use crate::crypto::password::Password;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::ids::UserId;
use crate::domain::pairs::Pairs;
use crate::domain::search::SearchText;
use crate::domain::text::{Email, Name};
use crate::services::deletion::{self, Deleter};
use crate::services::users::{self, NewUserTerms, Step, UserTerms};
use crate::services::{ExtraTest, UserFilter};

/// A user to create.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "admin_id": "151779637d7c42729e189beb053c1145",
    "user_name": "api_created_user",
    "wallet_name": "api_user_wallet"
}))]
pub struct UserOrder {
    /// The user's name; need not be unique.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required)]
    user_name: Option<String>,
    /// The name of the user's first wallet; the user's name where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    wallet_name: Option<String>,
    /// The manager's user id; may be left out, and must be the caller's.
    #[serde(default, deserialize_with = "lenient")]
    admin_id: Option<String>,
    /// An email address, unique among the manager's users.
    #[serde(default, deserialize_with = "lenient")]
    email: Option<String>,
    /// A password; kept only as an argon2id hash.
    #[serde(default, deserialize_with = "lenient")]
    password: Option<String>,
    /// Data of the manager's own: a JSON object of at most 8 KiB.
    #[serde(default, deserialize_with = "raw")]
    #[schema(value_type = Option<Object>)]
    extra: Option<String>,
    /// Whether the user may create users itself, as a manager does; false where nothing is said.
    /// True takes the admin key. Users create users 8 levels deep at most, the manager included,
    /// and 1000 users of a manager may.
    #[serde(default, deserialize_with = "lenient")]
    may_create_users: Option<bool>,
    /// What a system of the manager's own calls the user: 1 to 256 visible characters, unique among
    /// the manager's users.
    #[serde(default, deserialize_with = "lenient")]
    external_id: Option<String>,
}

/// What to change of a user; what is not named stays as it is.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"user_name": "alice", "extra": {"level": 2}}))]
pub struct UserChangeOrder {
    /// The new name.
    #[serde(default, deserialize_with = "lenient")]
    user_name: Option<String>,
    /// The new email address.
    #[serde(default, deserialize_with = "lenient")]
    email: Option<String>,
    /// The new password.
    #[serde(default, deserialize_with = "lenient")]
    password: Option<String>,
    /// Members to add to the user's data, or to replace there.
    #[serde(default, deserialize_with = "raw")]
    #[schema(value_type = Option<Object>)]
    extra: Option<String>,
    /// Whether the user may create users itself from now on. Those that it has created stay; where
    /// it may no longer, neither may any of them.
    #[serde(default, deserialize_with = "lenient")]
    may_create_users: Option<bool>,
    /// What a system of the manager's own calls the user from now on.
    #[serde(default, deserialize_with = "lenient")]
    external_id: Option<String>,
}

query! {
    /// Which users to list.
    pub struct UserListParams {
        /// Only this user.
        #[param(value_type = Option<String>)]
        id: AnyOf<String>,
        /// Only users of this name.
        #[param(value_type = Option<String>)]
        name: AnyOf<String>,
        /// Only the user with this email address.
        #[param(value_type = Option<String>)]
        email: AnyOf<String>,
        /// Only the user whom a system of the manager's own calls this.
        #[param(value_type = Option<String>)]
        external_id: AnyOf<String>,
        /// A JSON object: only users whose `extra` has each of its members with the same value. Any
        /// other text: only users with it somewhere in their `extra`, whatever the case. An object may
        /// be longer, up to 8192 bytes. Given more than once, any of them will do.
        #[param(value_type = Option<String>, max_length = 128, example = json!("{\"level\": 2}"))]
        extra: ExtraTests,
        /// Only with this text in the name, the user name, the email address or `external_id`, whatever the
        /// case; or with this id.
        #[param(value_type = Option<String>, max_length = 128)]
        search: Option<SearchText>,
        /// Users at most; over 1000 is 1000, and 0 is all, as where nothing is said.
        #[param(value_type = Option<i64>, minimum = 0)]
        limit: Limit,
        /// Users to leave out first.
        #[param(value_type = Option<i64>, minimum = 0)]
        offset: Offset,
    }
}

impl UserListParams {
    /// The filters; `None` where only ids are asked for that no user can have.
    fn filter(self) -> Option<UserFilter> {
        let AnyOf(ids) = self.id;
        let found: Vec<UserId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let is_nobody = found.is_empty() && !ids.is_empty();
        let (AnyOf(names), AnyOf(emails), AnyOf(external_ids)) = (self.name, self.email, self.external_id);
        let (extra, search) = (self.extra.0, self.search);
        let filter = UserFilter { ids: found, names, emails, external_ids, extra, search, ..UserFilter::default() };
        (!is_nobody).then_some(filter)
    }
}

/// What is asked for in users' own data, any of which will do.
#[derive(Debug)]
struct ExtraTests(Vec<ExtraTest>);

impl FromParam for ExtraTests {
    /// `null` and an object without members are in all of it.
    fn read(param: Param<'_>) -> Result<Self, ApiError> {
        let mut tests = Vec::new();
        let mut takes_all = false;
        for value in param.all()? {
            match Pairs::parse(value) {
                Some(pairs) if pairs.is_empty() => takes_all = true,
                Some(pairs) => tests.push(ExtraTest::Pairs(pairs)),
                None if value.trim() == "null" => takes_all = true,
                None => tests.push(ExtraTest::Text(search_text(param.name(), value)?)),
            }
        }
        Ok(Self(if takes_all { Vec::new() } else { tests }))
    }
}

/// Create a user with a wallet
///
/// Both keys of the manager work; to an invoice key, `adminkey` is null.
#[utoipa::path(
    tag = "User Manager",
    params(Idempotency),
    request_body = UserOrder,
    responses((status = 201, description = "The user", body = ManagedUser)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[post("/usermanager/api/v1/users")]
pub(in crate::api) async fn create_user(
    key: Manager<WalletKey>,
    app: State,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: UserOrder = body.json()?;
    let claim = idempotency.claim(&app, &key, &body)?;
    check_admin_id(order.admin_id.as_deref(), key.user())?;
    let may_create_users = match order.may_create_users {
        Some(true) => Some(require_admin(*key)?),
        Some(false) | None => None,
    };
    let mut checks = Checks::default();
    let wallet_name = order.wallet_name.clone().or_else(|| order.user_name.clone());
    let name = checks.require("user_name", order.user_name, Name::new);
    let wallet_name = wallet_name.and_then(|text| checks.check("wallet_name", Name::new(text)));
    let email = checks.check_opt("email", order.email, Email::new);
    let password = checks.check_opt("password", order.password, Password::new);
    let external_id = checks.check_opt("external_id", order.external_id, ExternalId::new);
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let (Some(name), Some(wallet_name), Some(email), Some(password), Some(external_id), Some(extra)) =
        (name, wallet_name, email, password, external_id, extra)
    else {
        return Err(checks.into_error());
    };
    let username = None;
    let terms = NewUserTerms { name, wallet_name, username, email, external_id, password, extra, may_create_users };
    let show = move |user| json(&ManagedUser::new(user, key.sees_admin_keys()));
    Ok(users::create(&app.services, key, claim, terms, show).await?.respond_json())
}

/// List users
///
/// All of the manager's users with all of their wallets, oldest first, unless `limit` says otherwise.
#[utoipa::path(
    tag = "User Manager",
    params(UserListParams),
    responses((status = 200, description = "The users", body = Vec<ManagedUser>)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/usermanager/api/v1/users")]
pub(in crate::api) async fn list_users(key: WalletKey, app: State, params: Params) -> Result<HttpResponse, ApiError> {
    let params: UserListParams = params.read()?;
    let window = window(params.limit, params.offset);
    let Some(filter) = params.filter() else { return Ok(HttpResponse::Ok().json([(); 0])) };
    let first = Step::first(&filter, window);
    json_array(move |next: Option<Step>| {
        let (app, filter, step) = (app.clone(), filter.clone(), next.unwrap_or_else(|| first.clone()));
        async move {
            let show = move |users| Items::of(ManagedUser::list(users, key.sees_admin_keys()));
            Ok(users::list(&app.services, key, filter, step, show).await?)
        }
    })
    .await
}

/// User details
#[utoipa::path(
    tag = "User Manager",
    params(("user_id" = String, Path, description = "The user's id")),
    responses((status = 200, description = "The user", body = ManagedUser)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[get("/usermanager/api/v1/users/{user_id}")]
pub(in crate::api) async fn get_user(
    key: WalletKey,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    show(&app, key, user_id(&path)?).await
}

/// User details, by POST
///
/// The same as GET: some clients ask this way.
#[utoipa::path(
    tag = "User Manager",
    params(("user_id" = String, Path, description = "The user's id")),
    responses((status = 200, description = "The user", body = ManagedUser)),
    security(("InvoiceKey" = []), ("AdminKey" = []))
)]
#[post("/usermanager/api/v1/users/{user_id}")]
pub(in crate::api) async fn get_user_by_post(
    key: Manager<WalletKey>,
    app: State,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    show(&app, *key, user_id(&path)?).await
}

async fn show(app: &State, key: WalletKey, id: UserId) -> Result<HttpResponse, ApiError> {
    let user = users::find(&app.services, key, id).await?;
    Ok(HttpResponse::Ok().json(ManagedUser::new(user, key.sees_admin_keys())))
}

/// Change a user
///
/// `extra` is merged: its members are added to those that are there, or replace them.
#[utoipa::path(
    tag = "User Manager",
    params(("user_id" = String, Path, description = "The user's id")),
    request_body = UserChangeOrder,
    responses((status = 200, description = "The user", body = ManagedUser)),
    security(("AdminKey" = []))
)]
#[put("/usermanager/api/v1/users/{user_id}")]
pub(in crate::api) async fn update_user(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&path)?;
    let order: UserChangeOrder = body.json()?;
    let mut checks = Checks::default();
    let name = checks.check_opt("user_name", order.user_name, Name::new);
    let email = checks.check_opt("email", order.email, Email::new);
    let password = checks.check_opt("password", order.password, Password::new);
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let external_id = checks.check_opt("external_id", order.external_id, ExternalId::new);
    let (Some(name), Some(email), Some(password), Some(external_id), Some(extra)) =
        (name, email, password, external_id, extra)
    else {
        return Err(checks.into_error());
    };
    let may_create_users = order.may_create_users;
    let terms = UserTerms { name, username: None, email, external_id, password, extra, may_create_users };
    let user = users::change(&app.services, key, id, terms).await?;
    Ok(HttpResponse::Ok().json(ManagedUser::new(user, true)))
}

/// Delete a user
///
/// The keys of the user's wallets stop at once; payments stay in the history of the others. Users
/// that it has created go with it. Money that any of the wallets holds goes to the wallet of the
/// calling key; with `?sweep=false` nobody whose wallets hold money is deleted. What is frozen by
/// the calling manager itself or by an operator is not deleted. Up to 256 users and 256 wallets are
/// deleted all at once, or not at all. More are deleted part by part, the named user last, after all
/// of them have lost the right to create users: should a part be refused, because something has
/// changed meanwhile, the same request goes on from there.
#[utoipa::path(
    tag = "User Manager",
    params(
        ("user_id" = String, Path, description = "The user's id"),
        SweepParams
    ),
    responses((status = 200, description = "Deleted; the body is `null`", body = Option<String>, example = json!(null))),
    security(("AdminKey" = []))
)]
#[delete("/usermanager/api/v1/users/{user_id}")]
pub(in crate::api) async fn delete_user(
    key: Manager<AdminKey>,
    app: State,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let id = user_id(&path)?;
    let sweep = params.read::<SweepParams>()?.sweeps();
    deletion::delete_user(&app.services, Deleter::Manager { key, sweep }, id).await?;
    Ok(HttpResponse::Ok().json(()))
}
