//! Which users to list, and in which order.

use utoipa::IntoParams;
use utoipa::openapi::Object;

use crate::api::framework::error::ApiError;
use crate::api::framework::leniency;
use crate::api::framework::params::Params;
use crate::api::payments::query::{directions, is_ascending};
use crate::domain::ids::{UserId, WalletId};
use crate::services::UserFilter;
use crate::services::users::overview::{Sort, SortKey};

/// The parameters, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only the document reads these; the query itself is read by `filter_of` and `sort_of`")]
pub struct UserListParams {
    /// Only with this text in a name, the email address or `external_id`, whatever the case; or with
    /// this id.
    #[param(max_length = 128)]
    search: Option<String>,
    /// Rows at most; over 1000 or 0 is 1000, as where nothing is said.
    #[param(minimum = 0)]
    limit: Option<i64>,
    /// Rows to leave out first.
    #[param(minimum = 0)]
    offset: Option<i64>,
    /// Only this user.
    id: Option<String>,
    /// Only the user with this user name, whatever the case.
    username: Option<String>,
    /// Only the user with this email address.
    email: Option<String>,
    /// Only the user whom a system of the manager's own calls this. Managers have none.
    external_id: Option<String>,
    /// Only the user with this wallet.
    wallet_id: Option<String>,
    /// By what to sort; what is not there comes last.
    #[param(schema_with = sort_keys)]
    sortby: Option<String>,
    /// In which direction; `asc` where nothing is said.
    #[param(schema_with = directions)]
    direction: Option<String>,
}

/// The words for what a list is sorted by.
const SORT_KEYS: [(&str, SortKey); 11] = [
    ("created_at", SortKey::CreatedAt),
    ("updated_at", SortKey::UpdatedAt),
    ("id", SortKey::Id),
    ("name", SortKey::Name),
    ("username", SortKey::Username),
    ("email", SortKey::Email),
    ("external_id", SortKey::ExternalId),
    ("balance_msat", SortKey::Balance),
    ("transaction_count", SortKey::Transactions),
    ("wallet_count", SortKey::Wallets),
    ("last_payment", SortKey::LastPayment),
];

fn sort_keys() -> Object {
    leniency::words(SORT_KEYS.map(|(word, _)| word)).build()
}

/// In which order.
pub(super) fn sort_of(params: &Params) -> Result<Sort, ApiError> {
    let key = |value: &str| SORT_KEYS.into_iter().find(|(word, _)| *word == value).map(|(_, key)| key);
    let words = || SORT_KEYS.map(|(word, _)| word).join(", ");
    let sortby = params.read("sortby", |value| {
        key(value).ok_or_else(|| ApiError::field("sortby", format_args!("must be one of {}", words())))
    })?;
    let ascending = params.read("direction", is_ascending)?;
    Ok(Sort { key: sortby.unwrap_or(Sort::OLDEST.key), ascending: ascending.unwrap_or(Sort::OLDEST.ascending) })
}

/// Which users; `None` where only ids are asked for that nobody can have.
pub(super) fn filter_of(params: &Params) -> Result<Option<UserFilter>, ApiError> {
    let (ids, wallets) = (params.any_of("id")?, params.any_of("wallet_id")?);
    let found: Vec<UserId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let of_wallets: Vec<WalletId> = wallets.iter().filter_map(|id| id.parse().ok()).collect();
    let is_nobody = found.is_empty() && !ids.is_empty() || of_wallets.is_empty() && !wallets.is_empty();
    let texts = |name| Ok::<Vec<String>, ApiError>(params.any_of(name)?.into_iter().map(str::to_owned).collect());
    let filter = UserFilter {
        ids: found,
        emails: texts("email")?,
        usernames: texts("username")?.into_iter().map(|name| name.to_ascii_lowercase()).collect(),
        external_ids: texts("external_id")?,
        wallets: of_wallets,
        search: params.search("search")?,
        ..UserFilter::default()
    };
    // Only now, so that whatever is wrong with the others is told all the same.
    Ok((!is_nobody).then_some(filter))
}
