//! Which users to list, and in which order.

use std::borrow::Cow;

use utoipa::openapi::Object;

use crate::api::framework::error::ApiError;
use crate::api::framework::leniency;
use crate::api::framework::params::Window;
use crate::api::framework::query::{AnyOf, Deferred, FromValue, Limit, Offset, query, window};
use crate::api::payments::query::{Direction, directions};
use crate::domain::ids::{UserId, WalletId};
use crate::domain::search::SearchText;
use crate::services::UserFilter;
use crate::services::users::overview::{Sort, SortKey};

query! {
    /// Which users, and in which order.
    pub struct UserListParams {
        /// Only with this text in a name, the email address or `external_id`, whatever the case; or with
        /// this id.
        #[param(value_type = Option<String>, max_length = 128)]
        search: Deferred<Option<SearchText>>,
        /// Rows at most; over 1000 or 0 is 1000, as where nothing is said.
        #[param(value_type = Option<i64>, minimum = 0)]
        limit: Deferred<Limit>,
        /// Rows to leave out first.
        #[param(value_type = Option<i64>, minimum = 0)]
        offset: Deferred<Offset>,
        /// Only this user.
        #[param(value_type = Option<String>)]
        id: Deferred<AnyOf<String>>,
        /// Only the user with this user name, whatever the case.
        #[param(value_type = Option<String>)]
        username: Deferred<AnyOf<String>>,
        /// Only the user with this email address.
        #[param(value_type = Option<String>)]
        email: Deferred<AnyOf<String>>,
        /// Only the user whom a system of the manager's own calls this. Managers have none.
        #[param(value_type = Option<String>)]
        external_id: Deferred<AnyOf<String>>,
        /// Only the user with this wallet.
        #[param(value_type = Option<String>)]
        wallet_id: Deferred<AnyOf<String>>,
        /// By what to sort; what is not there comes last.
        #[param(schema_with = sort_keys)]
        sortby: Deferred<Option<SortKey>>,
        /// In which direction; `asc` where nothing is said.
        #[param(schema_with = directions)]
        direction: Deferred<Option<Direction>>,
    }
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

impl FromValue for SortKey {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        let found = SORT_KEYS.into_iter().find(|(word, _)| *word == text).map(|(_, key)| key);
        found.ok_or_else(|| format!("must be one of {}", SORT_KEYS.map(|(word, _)| word).join(", ")).into())
    }
}

/// What is listed.
pub(super) struct Listing {
    /// Which users; `None` where only ids are asked for that nobody can have.
    pub filter: Option<UserFilter>,
    pub sort: Sort,
    pub window: Window,
}

impl UserListParams {
    /// Reads the filters first, then the order, then the part.
    pub(super) fn listing(self) -> Result<Listing, ApiError> {
        let (AnyOf(ids), AnyOf(wallets)) = (self.id?, self.wallet_id?);
        let found: Vec<UserId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let of_wallets: Vec<WalletId> = wallets.iter().filter_map(|id| id.parse().ok()).collect();
        let is_nobody = found.is_empty() && !ids.is_empty() || of_wallets.is_empty() && !wallets.is_empty();
        let filter = UserFilter {
            ids: found,
            emails: self.email?.0,
            usernames: self.username?.0.into_iter().map(|name| name.to_ascii_lowercase()).collect(),
            external_ids: self.external_id?.0,
            wallets: of_wallets,
            search: self.search?,
            ..UserFilter::default()
        };
        let sort = Sort {
            key: self.sortby?.unwrap_or(Sort::OLDEST.key),
            ascending: self.direction?.map_or(Sort::OLDEST.ascending, Direction::is_ascending),
        };
        let window = window(self.limit?, self.offset?);
        Ok(Listing { filter: (!is_nobody).then_some(filter), sort, window })
    }
}
