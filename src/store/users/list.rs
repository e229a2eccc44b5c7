//! Lists of the users of a tenant, and of managers.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::{COLUMNS, Columns, Cursor, User, is_of, user};
use crate::domain::extra::Extra;
use crate::domain::ids::{UserId, WalletId};
use crate::domain::pairs::Pairs;
use crate::domain::search::{SearchText, contains};
use crate::store::access::sessions::Role;
use crate::store::db::connection::{Db, MultiBackend};
use crate::store::db::error::StoreError;
use crate::store::db::functions::{satkeep_contains, satkeep_in_time};
use crate::store::db::schema::{users, wallets};

/// Which users of a tenant to list. Of several values any will do; where there is none, all.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Only these.
    pub ids: Vec<UserId>,
    /// Only with exactly one of these names.
    pub names: Vec<String>,
    /// Only with exactly one of these email addresses.
    pub emails: Vec<String>,
    /// Only with one of these user names.
    pub usernames: Vec<String>,
    /// Only whom a system of the manager's calls one of these.
    pub external_ids: Vec<String>,
    /// Only with one of these wallets.
    pub wallets: Vec<WalletId>,
    /// Only with this somewhere in a name, the email address or what a system of the manager's
    /// calls it, whatever the case; or with this id.
    pub search: Option<SearchText>,
    /// Only with this in their own data.
    pub extra: Vec<ExtraTest>,
}

/// What users' own data may be asked for.
#[derive(Clone, Debug)]
pub enum ExtraTest {
    /// A text somewhere in it, whatever the case.
    Text(SearchText),
    /// Each of these pairs.
    Pairs(Pairs),
}

impl UserFilter {
    /// The one text that is asked for in users' own data, which a query looks for.
    fn extra_text(&self) -> Option<&SearchText> {
        match self.extra.as_slice() {
            [ExtraTest::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether [`UserFilter::matches_extra`] must be asked of the users that a query has found:
    /// databases differ in what they take for JSON and for a number, so that pairs are not theirs
    /// to look for.
    pub fn goes_beyond_queries(&self) -> bool {
        !self.extra.is_empty() && self.extra_text().is_none()
    }

    /// Whether a user's own data has what is asked for.
    pub fn matches_extra(&self, user: &User) -> bool {
        let Some(extra) = &user.extra else { return self.extra.is_empty() };
        self.extra.is_empty() || self.extra.iter().any(|test| test.holds_of(extra))
    }
}

impl ExtraTest {
    fn holds_of(&self, extra: &Extra) -> bool {
        match self {
            Self::Text(text) => contains(extra.as_str(), text.as_str()),
            Self::Pairs(pairs) => pairs.are_in(extra),
        }
    }
}

/// By what to sort users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// When it was created.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
    /// Its id.
    Id,
    /// Its name.
    Name,
    /// Its user name.
    Username,
    /// Its email address.
    Email,
    /// What a system of its manager's calls it.
    ExternalId,
    /// What its wallets hold together.
    Balance,
    /// How often money has come into its wallets or left them.
    Transactions,
    /// How many wallets it has.
    Wallets,
    /// When money has last come into its wallets or left them.
    LastPayment,
}

/// In which order to list users; those that are equal in it are listed by creation. What is not
/// there comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// Smallest or oldest first.
    pub ascending: bool,
}

/// What is asked of a user's wallets, as SQL.
macro_rules! of_wallets {
    ($what:literal) => {
        concat!(
            "(SELECT ",
            $what,
            " FROM wallets AS w INNER JOIN accounts AS a ON a.id = w.id \
             WHERE w.user_id = users.id AND w.deleted_at_ms IS NULL)"
        )
    };
}

impl Sort {
    /// Oldest first.
    pub const OLDEST: Self = Self { key: SortKey::CreatedAt, ascending: true };

    /// The order, as SQL.
    fn sql(self) -> String {
        let by = match self.key {
            SortKey::CreatedAt => "users.created_at_ms",
            SortKey::UpdatedAt => "users.updated_at_ms",
            SortKey::Id => "users.id",
            SortKey::Name => "users.name",
            SortKey::Username => "users.username",
            SortKey::Email => "users.email",
            SortKey::ExternalId => "users.external_id",
            // In sat, of which there are few enough for a sum of 64 bits.
            SortKey::Balance => of_wallets!("COALESCE(SUM(a.balance_msat / 1000), 0)"),
            SortKey::Transactions => of_wallets!("COALESCE(SUM(a.entries), 0)"),
            SortKey::Wallets => of_wallets!("COUNT(*)"),
            SortKey::LastPayment => of_wallets!("MAX(a.moved_at_ms)"),
        };
        let direction = if self.ascending { "ASC" } else { "DESC" };
        match self.key {
            // As the index has it.
            SortKey::CreatedAt => format!("{by} {direction}, users.id {direction}"),
            SortKey::UpdatedAt
            | SortKey::Id
            | SortKey::Name
            | SortKey::Username
            | SortKey::Email
            | SortKey::ExternalId
            | SortKey::Balance
            | SortKey::Transactions
            | SortKey::Wallets
            | SortKey::LastPayment => {
                format!("{by} {direction} NULLS LAST, users.created_at_ms {direction}, users.id {direction}")
            }
        }
    }
}

/// The users of a tenant (without a tenant, the managers) that a filter lets through; of their own data,
/// no more is looked at than a query can.
fn matching(tenant: Option<UserId>, filter: &UserFilter) -> users::BoxedQuery<'static, MultiBackend> {
    let there = users::table.filter(users::deleted_at_ms.is_null()).filter(satkeep_in_time()).into_boxed();
    let mut query = there.filter(is_of(tenant)).filter(users::role.eq(Role::User.as_str()));
    if !filter.ids.is_empty() {
        query = query.filter(users::id.eq_any(filter.ids.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()));
    }
    if !filter.names.is_empty() {
        query = query.filter(users::name.eq_any(filter.names.clone()));
    }
    if !filter.emails.is_empty() {
        query = query.filter(users::email.eq_any(filter.emails.clone()));
    }
    if !filter.usernames.is_empty() {
        query = query.filter(users::username.eq_any(filter.usernames.clone()));
    }
    if !filter.external_ids.is_empty() {
        query = query.filter(users::external_id.eq_any(filter.external_ids.clone()));
    }
    if !filter.wallets.is_empty() {
        let ids: Vec<_> = filter.wallets.iter().map(|id| id.as_bytes().to_vec()).collect();
        let there = wallets::table.filter(wallets::id.eq_any(ids)).filter(wallets::deleted_at_ms.is_null());
        query = query.filter(users::id.eq_any(there.select(wallets::user_id)));
    }
    if let Some(text) = filter.extra_text() {
        query = query.filter(satkeep_contains(users::extra, text.as_str().to_owned()));
    }
    let Some(search) = &filter.search else { return query };
    let text = || search.as_str().to_owned();
    let id = search.as_str().parse::<UserId>().map_or_else(|_| Vec::new(), |id| id.as_bytes().to_vec());
    query.filter(
        satkeep_contains(users::name.nullable(), text())
            .or(satkeep_contains(users::username, text()))
            .or(satkeep_contains(users::email, text()))
            .or(satkeep_contains(users::external_id, text()))
            .or(users::id.nullable().eq(id)),
    )
}

/// A page of the tenant's users, oldest first; of their own data, no more is looked at than a query
/// can.
pub fn list(
    connection: &mut Db,
    tenant: UserId,
    filter: &UserFilter,
    after: Option<&Cursor<UserId>>,
    offset: i64,
    limit: i64,
) -> Result<Vec<User>, StoreError> {
    let mut query = matching(Some(tenant), filter)
        .order((users::created_at_ms, users::id))
        .select(COLUMNS)
        .offset(offset)
        .limit(limit);
    if let Some(Cursor { created_at, id }) = after {
        let (created_at_ms, id) = (created_at.get(), id.as_bytes().to_vec());
        query = query.filter(
            users::created_at_ms.gt(created_at_ms).or(users::created_at_ms.eq(created_at_ms).and(users::id.gt(id))),
        );
    }
    query.load::<Columns>(connection)?.into_iter().map(user).collect()
}

/// A page of the tenant's users (without a tenant, of the managers) in any order.
pub fn page(
    connection: &mut Db,
    tenant: Option<UserId>,
    filter: &UserFilter,
    sort: Sort,
    offset: i64,
    limit: i64,
) -> Result<Vec<User>, StoreError> {
    let order = diesel::dsl::sql::<BigInt>(&sort.sql());
    let query = matching(tenant, filter).order(order).select(COLUMNS).offset(offset).limit(limit);
    query.load::<Columns>(connection)?.into_iter().map(user).collect()
}

/// How many users of the tenant (without a tenant, how many managers) a filter lets through.
pub fn count(connection: &mut Db, tenant: Option<UserId>, filter: &UserFilter) -> Result<i64, StoreError> {
    Ok(matching(tenant, filter).count().get_result(connection)?)
}
