//! What is asked for of users and wallets.

use serde::Deserialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::api::framework::body::{Given, lenient, raw};
use crate::api::framework::error::ApiError;
use crate::api::framework::leniency;
use crate::api::framework::params::Checks;
use crate::crypto::password::Password;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::ids::UserId;
use crate::domain::text::{Email, Name, Username};
use crate::services::users::UserTerms;

/// A user to create, or what to change of one: what is not named stays as it is. `extensions` and
/// what else is unknown is ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "username": "steve",
    "password": "correct horse battery staple",
    "password_repeat": "correct horse battery staple",
    "external_id": "069a79f4-44e9-4726-a5be-fca90e38aaf5"
}))]
pub struct UserOrder {
    /// The name; the user name where nothing is said, or else what another system calls the user.
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::api) name: Option<String>,
    /// The user name, in lower case: 2 to 64 of a to z, digits and `._@-`. A manager logs in by it, a
    /// manager's user does not; among a manager's users it is unique.
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::api) username: Option<String>,
    /// The password. A manager's has at least 8 characters, and a new one ends all its sessions.
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::api) password: Option<String>,
    /// The password once more, where a form has asked for it twice.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(ignore)]
    password_repeat: Option<String>,
    /// An email address, unique among a manager's users.
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::api) email: Option<String>,
    /// What a system of the manager's own calls its user: 1 to 256 visible characters, unique among
    /// the manager's users. Managers have none.
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::api) external_id: Option<String>,
    /// Data of the caller's own: a JSON object of at most 8 KiB; merged into what is there.
    #[serde(default, deserialize_with = "raw")]
    #[schema(value_type = Option<Object>)]
    pub(in crate::api) extra: Option<String>,
    /// The id, which is made here: only that of the path, when the user is changed.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(ignore)]
    id: Option<String>,
    #[serde(default)]
    #[schema(ignore)]
    pubkey: Given,
}

/// A user to create: one of these must be there.
pub(super) struct NewUserOrder;

impl PartialSchema for NewUserOrder {
    fn schema() -> RefOr<Schema> {
        leniency::requiring::<UserOrder>(&["name", "username", "external_id", "email"]).into()
    }
}

impl ToSchema for NewUserOrder {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((UserOrder::name().into(), UserOrder::schema()));
    }
}

impl UserOrder {
    /// Checks what is asked for of anybody, of the user of this id where there is one already.
    pub(in crate::api) fn check(&self, checks: &mut Checks, user: Option<UserId>) {
        let own = user.map(|id| id.to_string());
        if self.id.is_some() && self.id != own {
            checks.add("id", if own.is_some() { "must be that of the path" } else { "is made here; leave it out" });
        }
        if self.password_repeat.is_some() && self.password_repeat != self.password {
            checks.add("password_repeat", "is not the same as `password`");
        }
        self.pubkey.refuse(checks, "pubkey", "log in with a password, and leave it out");
    }

    /// Reads what a manager asks for, of its user of this id where there is one already.
    pub(super) fn read(self, user: Option<UserId>) -> Result<UserTerms, ApiError> {
        let mut checks = Checks::default();
        self.check(&mut checks, user);
        let name = checks.check_opt("name", self.name, Name::new);
        let username = checks.check_opt("username", self.username, Username::new);
        let email = checks.check_opt("email", self.email, Email::new);
        let external_id = checks.check_opt("external_id", self.external_id, ExternalId::new);
        let password = checks.check_opt("password", self.password, Password::new);
        let extra = checks.check_opt("extra", self.extra, |json| Extra::new(&json));
        match (name, username, email, external_id, password, extra) {
            (Some(name), Some(username), Some(email), Some(external_id), Some(password), Some(extra))
                if checks.is_fine() =>
            {
                Ok(UserTerms { name, username, email, external_id, password, extra, may_create_users: None })
            }
            _ => Err(checks.into_error()),
        }
    }
}

/// A wallet to create for a user.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Prizes"}))]
pub struct UserWalletOrder {
    /// The wallet's name; the user's where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    /// The unit that the wallet is shown in; only `sat`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "sat", pattern = "^([sS][aA][tT])?$")]
    currency: Option<String>,
}

impl UserWalletOrder {
    /// The name, where there is one.
    pub(in crate::api) fn read(self) -> Result<Option<Name>, ApiError> {
        let mut checks = Checks::default();
        let name = checks.check_opt("name", self.name, Name::new);
        checks.unit("currency", self.currency.as_deref());
        match name {
            Some(name) if checks.is_fine() => Ok(name),
            Some(_) | None => Err(checks.into_error()),
        }
    }
}
