//! Lists of the wallets of a tenant.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool};

use super::{COLUMNS, Columns, Holdings, Wallet, wallet};
use crate::domain::ids::{UserId, WalletId};
use crate::domain::search::SearchText;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::functions::{satkeep_contains, satkeep_in_time};
use crate::store::db::schema::{accounts, users, wallets};
use crate::store::db::sums::{high, low, sum, whole};
use crate::store::users::Cursor;

/// Which wallets of a tenant to list.
#[derive(Clone, Debug, Default)]
pub struct WalletFilter {
    /// Also those of a root manager itself.
    pub with_managers: bool,
    /// Only with this somewhere in the name, or in what the user is called, whatever the case; or with
    /// this id, or of the user with this id.
    pub search: Option<SearchText>,
}

/// A page of the tenant's wallets, oldest first.
pub fn list(
    connection: &mut Db,
    tenant: UserId,
    filter: &WalletFilter,
    after: Option<&Cursor<WalletId>>,
    offset: i64,
    limit: i64,
) -> Result<Vec<Wallet>, StoreError> {
    let mut query = wallets::table
        .inner_join(users::table)
        .inner_join(accounts::table)
        .filter(wallets::tenant.eq(tenant.as_bytes().to_vec()))
        .filter(wallets::deleted_at_ms.is_null())
        .filter(satkeep_in_time())
        .order((wallets::created_at_ms, wallets::id))
        .select(COLUMNS)
        .offset(offset)
        .limit(limit)
        .into_boxed();
    if !filter.with_managers {
        query = query.filter(wallets::user_id.ne(tenant.as_bytes().to_vec()));
    }
    if let Some(search) = &filter.search {
        let text = || search.as_str().to_owned();
        let id = search.as_str().trim().parse::<WalletId>().map_or_else(|_| Vec::new(), |id| id.as_bytes().to_vec());
        query = query.filter(
            satkeep_contains(wallets::name.nullable(), text())
                .or(satkeep_contains(users::name.nullable(), text()))
                .or(satkeep_contains(users::username, text()))
                .or(satkeep_contains(users::email, text()))
                .or(satkeep_contains(users::external_id, text()))
                .or(wallets::id.eq(id.clone()))
                .or(users::id.eq(id)),
        );
    }
    if let Some(Cursor { created_at, id }) = after {
        // Compared as a pair, so that the index leads there.
        query = query.filter(
            diesel::dsl::sql::<Bool>("(wallets.created_at_ms, wallets.id) > (")
                .bind::<BigInt, _>(created_at.get())
                .sql(", ")
                .bind::<Binary, _>(id.as_bytes().to_vec())
                .sql(")"),
        );
    }
    query.load::<Columns>(connection)?.into_iter().map(wallet).collect()
}

/// What the wallets of a tenant hold together. How often and when money has moved is not looked at.
pub fn holdings_of_tenant(connection: &mut Db, tenant: UserId) -> Result<Holdings, StoreError> {
    let (wallets, high, low, held_high, held_low): (i64, i64, i64, i64, i64) = accounts::table
        .filter(accounts::tenant.eq(tenant.as_bytes().as_slice()))
        .filter(accounts::closed_at_ms.is_null())
        .filter(satkeep_in_time())
        .select((
            diesel::dsl::count_star(),
            diesel::dsl::sql::<BigInt>(sum!(high!("(accounts.balance_msat - accounts.held_msat)"))),
            diesel::dsl::sql::<BigInt>(sum!(low!("(accounts.balance_msat - accounts.held_msat)"))),
            diesel::dsl::sql::<BigInt>(sum!(high!("accounts.held_msat"))),
            diesel::dsl::sql::<BigInt>(sum!(low!("accounts.held_msat"))),
        ))
        .get_result(connection)?;
    let (balance_msat, held_msat) = (whole(high, low), whole(held_high, held_low));
    Ok(Holdings { wallets, balance_msat, held_msat, ..Holdings::default() })
}
