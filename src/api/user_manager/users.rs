//! The users of a tenant.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, delete, get, post, put, web};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::deletion::{Deleter, delete_by};
use super::views::ManagedUser;
use super::{check_admin_id, user_id};
use crate::api::framework::app::{App, State};
use crate::api::framework::auth::{AdminKey, Caller, Manager, WalletKey};
use crate::api::framework::body::{Body, Given, lenient, raw};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::{Idempotency, IdempotencyParam, answer_again, create_once};
use crate::api::framework::json_stream::{Items, PAGE_ROWS, json_array};
use crate::api::framework::params::{Checks, Params, Window, search_text};
use crate::clock;
use crate::crypto::password::Password;
use crate::domain::api_keys::KeyPair;
use crate::domain::consumer::Consumer;
use crate::domain::extra::Extra;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::pairs::Pairs;
use crate::domain::text::{Email, Name};
use crate::store::users::{self, ExtraTest, NewUser, User, UserChange, UserFilter};
use crate::store::wallets::{NewWallet, StoredKeys};
use crate::store::{Db, StoreError};

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
    #[serde(default)]
    #[schema(ignore)]
    external_id: Given,
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
    #[serde(default)]
    #[schema(ignore)]
    external_id: Given,
}

/// What to do in place of naming a user's id in another system.
const EXTERNAL_ID_ADVICE: &str = "keep it in `extra`";

/// Which users to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only the document reads these; the query itself is read by `filter_of`")]
pub struct UserListParams {
    /// Only this user.
    id: Option<String>,
    /// Only users of this name.
    name: Option<String>,
    /// Only the user with this email address.
    email: Option<String>,
    /// A JSON object: only users whose `extra` has each of its members with the same value. Any
    /// other text: only users with it somewhere in their `extra`, whatever the case. An object may
    /// be longer, up to 8192 bytes. Given more than once, any of them will do.
    #[param(max_length = 128, example = json!("{\"level\": 2}"))]
    extra: Option<String>,
    /// Users at most; over 1000 is 1000, and 0 is all, as where nothing is said.
    #[param(minimum = 0)]
    limit: Option<i64>,
    /// Users to leave out first.
    #[param(minimum = 0)]
    offset: Option<i64>,
}

/// Create a user with a wallet
///
/// Both keys of the manager work; to an invoice key, `adminkey` is null.
#[utoipa::path(
    tag = "User Manager",
    params(IdempotencyParam),
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
    let may_create_users = order.may_create_users.unwrap_or_default();
    if may_create_users {
        // As where it is changed: an invoice key gives no right that outlives it.
        key.require_admin()?;
    }
    let mut checks = Checks::default();
    order.external_id.refuse(&mut checks, "external_id", EXTERNAL_ID_ADVICE);
    let wallet_name = order.wallet_name.clone().or_else(|| order.user_name.clone());
    let name = checks.require("user_name", order.user_name, Name::new);
    let wallet_name = wallet_name.and_then(|text| checks.check("wallet_name", Name::new(text)));
    let email = checks.check_opt("email", order.email, Email::new);
    let password = checks.check_opt("password", order.password, Password::new);
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let (Some(name), Some(wallet_name), Some(email), Some(password), Some(extra), true) =
        (name, wallet_name, email, password, extra, checks.is_fine())
    else {
        return Err(checks.into_error());
    };
    if let Some(answer) = answer_again(&app, key, StatusCode::CREATED, claim).await? {
        return Ok(answer);
    }
    let password_hash = hash(&app, key.consumer(), password).await?;
    let created_at = clock::now();
    let (id, wallet) = (UserId::random(), WalletId::random());
    let keys = StoredKeys::new(&app.sealer, wallet, &KeyPair::generate());
    let wallet = NewWallet { id: wallet, name: wallet_name, keys, created_at };
    let new = NewUser {
        id,
        manager: Some(key.user()),
        name,
        username: None,
        email,
        password_hash,
        extra,
        may_create_users,
        wallet,
        created_at,
    };
    let shared = app.clone();
    let create = move |connection: &mut Db| {
        users::create(connection, &new)?;
        view_of(connection, &shared, *key, id)
    };
    create_once(&app, key, StatusCode::CREATED, claim, create, email_taken).await
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
    let (filter, window) = (filter_of(&params)?, params.window()?);
    let (Some(filter), Some(tenant)) = (filter, key.managed_tenant()) else {
        return Ok(HttpResponse::Ok().json([(); 0]));
    };
    let first = Step::first(&filter, window);
    json_array(move |next: Option<Step>| {
        let (app, filter, step) = (app.clone(), filter.clone(), next.unwrap_or_else(|| first.clone()));
        async move {
            let shared = app.clone();
            let page = app.store.read_list(key.consumer(), move |connection| {
                key.recheck(connection)?;
                let (page, next) = page_of(connection, tenant, &filter, &step)?;
                let cursors: Vec<_> = page.iter().map(cursor_of).collect();
                let views = ManagedUser::list_some(connection, &shared, key.sees_admin_keys(), page)?;
                let next = if views.len() < cursors.len() { step.behind(views.len(), cursors) } else { next };
                Ok((Items::of(views)?, next))
            });
            Ok(page.await?)
        }
    })
    .await
}

/// Which part of a list of users is read next.
#[derive(Clone, Debug)]
struct Step {
    /// Behind which user; at the start where there is none.
    after: Option<users::Cursor<UserId>>,
    /// What is left of the list.
    window: Window,
    /// Users to read at most.
    rows: i64,
}

impl Step {
    fn first(filter: &UserFilter, window: Window) -> Self {
        let rows = if filter.goes_beyond_queries() { PAGE_ROWS } else { window.rows() };
        Self { after: None, window, rows }
    }

    /// What to read after only the first of some users could be shown at once: what comes behind
    /// them, and not many more than these.
    fn behind(&self, shown: usize, cursors: Vec<users::Cursor<UserId>>) -> Option<Self> {
        let after = cursors.into_iter().nth(shown.saturating_sub(1))?;
        let rows = i64::try_from(shown).unwrap_or(PAGE_ROWS).saturating_mul(2).min(PAGE_ROWS);
        Some(Self { after: Some(after), window: self.window.behind(shown), rows })
    }
}

fn cursor_of(user: &User) -> users::Cursor<UserId> {
    users::Cursor { created_at: user.created_at, id: user.id }
}

/// A page of the users that a filter lets through, and where and with what the next one goes on.
fn page_of(
    connection: &mut Db,
    tenant: UserId,
    filter: &UserFilter,
    step: &Step,
) -> Result<(Vec<User>, Option<Step>), StoreError> {
    let Step { after, window, rows } = step;
    // What no query looks for is counted here, page by page.
    let is_counted_here = filter.goes_beyond_queries();
    let (offset, limit) = if is_counted_here { (0, None) } else { (window.offset, window.limit) };
    let rows = limit.map_or(*rows, |limit| limit.min(*rows));
    let mut page = users::list(connection, tenant, filter, after.as_ref(), offset, rows)?;
    let is_full = i64::try_from(page.len()).is_ok_and(|found| found >= rows);
    let last = page.last().map(cursor_of).filter(|_| is_full);
    let left = if is_counted_here {
        page.retain(|user| filter.matches_extra(user));
        window.take_from(&mut page)
    } else {
        window.behind(page.len())
    };
    let next = |last| Step { after: Some(last), window: left, rows: step.rows.saturating_mul(2).min(PAGE_ROWS) };
    Ok((page, last.filter(|_| left.limit != Some(0)).map(next)))
}

/// Reads the filters; `None` where only ids are asked for that no user can have.
fn filter_of(params: &Params) -> Result<Option<UserFilter>, ApiError> {
    let ids = params.any_of("id")?;
    let found: Vec<UserId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let is_nobody = found.is_empty() && !ids.is_empty();
    let texts = |name| Ok::<_, ApiError>(params.any_of(name)?.into_iter().map(str::to_owned).collect());
    let (names, emails, extra) = (texts("name")?, texts("email")?, extra_of(params)?);
    // Only now, so that whatever is wrong with the others is told all the same.
    Ok((!is_nobody).then_some(UserFilter { ids: found, names, emails, extra }))
}

/// What is asked for in users' own data, any of which will do. `null` and an object without members
/// are in all of it.
fn extra_of(params: &Params) -> Result<Vec<ExtraTest>, ApiError> {
    let mut tests = Vec::new();
    let mut takes_all = false;
    for value in params.all("extra")? {
        match Pairs::parse(value) {
            Some(pairs) if pairs.is_empty() => takes_all = true,
            Some(pairs) => tests.push(ExtraTest::Pairs(pairs)),
            None if value.trim() == "null" => takes_all = true,
            None => tests.push(ExtraTest::Text(search_text("extra", value)?)),
        }
    }
    Ok(if takes_all { Vec::new() } else { tests })
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

pub(super) async fn show(app: &State, key: WalletKey, id: UserId) -> Result<HttpResponse, ApiError> {
    let shared = app.clone();
    let view = app.store.read_list(key.consumer(), move |connection| view_of(connection, &shared, key, id)).await;
    Ok(HttpResponse::Ok().json(view.map_err(user_not_found)?))
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
    order.external_id.refuse(&mut checks, "external_id", EXTERNAL_ID_ADVICE);
    let name = checks.check_opt("user_name", order.user_name, Name::new);
    let email = checks.check_opt("email", order.email, Email::new);
    let password = checks.check_opt("password", order.password, Password::new);
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let (Some(name), Some(email), Some(password), Some(extra), true) = (name, email, password, extra, checks.is_fine())
    else {
        return Err(checks.into_error());
    };
    let password_hash = hash(&app, key.consumer(), password).await?;
    // Before anything is changed, so that only what has done nothing is refused.
    let turn = app.store.list_turn(key.consumer()).await?;
    let change =
        UserChange { name, username: None, email, password_hash, extra, may_create_users: order.may_create_users };
    let changed =
        app.write_as(key, move |connection| users::update(connection, Some(key.user()), id, &change, clock::now()));
    changed.await.map_err(email_taken)?.map_err(|invalid| ApiError::field("extra", invalid))?;
    // Nobody's payments wait while all wallets of the user are shown.
    let shared = app.clone();
    let view = app.store.read_list_in(turn, move |connection| view_of(connection, &shared, **key, id)).await;
    Ok(HttpResponse::Ok().json(view.map_err(user_not_found)?))
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
        ("sweep" = Option<bool>, Query, description = "Whether money is moved to the calling wallet; true where nothing is said")
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
    let sweep = params.flag("sweep")?.unwrap_or(true);
    delete_by(&app, Deleter::Manager { key, sweep }, id).await
}

pub(super) fn view_of(connection: &mut Db, app: &App, key: WalletKey, id: UserId) -> Result<ManagedUser, StoreError> {
    let tenant = key.managed_tenant().ok_or(StoreError::NotFound)?;
    let user = users::find(connection, tenant, id)?;
    ManagedUser::one(connection, app, key.sees_admin_keys(), user)
}

pub(in crate::api) async fn hash(
    app: &App,
    consumer: Consumer,
    password: Option<Password>,
) -> Result<Option<String>, ApiError> {
    match password {
        None => Ok(None),
        Some(password) => app.hash_password(consumer, password).await.map(Some),
    }
}

pub(super) fn user_not_found(error: StoreError) -> ApiError {
    ApiError::from_store(error, ErrorCode::UserNotFound)
}

/// Ids and keys are random, so that the value that was taken is the email address.
fn email_taken(error: StoreError) -> ApiError {
    ApiError::from_change(error, ErrorCode::EmailTaken, ErrorCode::UserNotFound)
}
