//! Whose payments are listed: a wallet's, or those of a whole tenant.
//!
//! A tenant's payments are those of all its wallets, deleted ones included: each side carries the
//! tenant of its account, and is found through an index that is ordered like a wallet's.

use diesel::prelude::*;

use crate::domain::ids::{PaymentHash, UserId, WalletId};
use crate::domain::search::SearchText;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::functions::{satkeep_contains, satkeep_in_time};
use crate::store::db::schema::{accounts, payments, users, wallets};
use crate::store::payments::Payment;
use crate::store::payments::filter::{Condition, PaymentFilter, Sort, SortKey, Test, TextTest};

/// Whose payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of one wallet.
    Wallet(WalletId),
    /// Those of all wallets of a tenant.
    Tenant(UserId),
}

impl Scope {
    /// The id that the rows have.
    pub(crate) fn id(self) -> Vec<u8> {
        match self {
            Self::Wallet(wallet) => wallet.as_bytes().to_vec(),
            Self::Tenant(tenant) => tenant.as_bytes().to_vec(),
        }
    }

    /// Where all payments are that match the filter, as narrowly as a page in this order can be read:
    /// what is asked of few wallets is found through the index of these, however many payments the
    /// tenant has.
    pub fn narrowed(
        self,
        connection: &mut Db,
        filter: &PaymentFilter,
        sort: Sort,
        rows: i64,
    ) -> Result<Vec<Self>, StoreError> {
        let Self::Tenant(tenant) = self else { return Ok(vec![self]) };
        let wallets = filter
            .0
            .iter()
            .filter(|condition| !condition.negated)
            .filter_map(|condition| if let Test::Wallet(ids) = &condition.test { Some(ids) } else { None });
        let mut few = wallets.filter(|ids| ids.len() <= MERGED_WALLETS_MAX);
        let Some(ids) = few.next() else { return Ok(vec![self]) };
        let own = those_of(connection, tenant, ids)?;
        let may_merge = sort.key == SortKey::Created && rows <= MERGED_ROWS_MAX;
        Ok(if own.len() <= 1 || may_merge { own.into_iter().map(Self::Wallet).collect() } else { vec![self] })
    }
}

/// Wallets whose lists are merged at most.
const MERGED_WALLETS_MAX: usize = 50;
/// As many wallets as it takes to see that there are more.
const FEW_AND_ONE: i64 = 51;
/// Rows that are read of each list that is merged at most.
const MERGED_ROWS_MAX: i64 = 1_000;

/// A page of the payments of a few wallets, or of a tenant.
pub fn list(
    connection: &mut Db,
    scopes: &[Scope],
    filter: &PaymentFilter,
    sort: Sort,
    offset: i64,
    limit: i64,
) -> Result<Vec<Payment>, StoreError> {
    if let [scope] = scopes {
        return super::list(connection, *scope, filter, sort, offset, limit);
    }
    let rows = |rows: i64| usize::try_from(rows).unwrap_or(usize::MAX);
    let first = offset.saturating_add(limit);
    let mut merged = Vec::new();
    for scope in scopes {
        merged.extend(super::list(connection, *scope, filter, sort, 0, first)?);
        merged.sort_unstable_by_key(|payment| payment.row);
        if !sort.ascending {
            merged.reverse();
        }
        merged.truncate(rows(first));
    }
    Ok(merged.into_iter().skip(rows(offset)).take(rows(limit)).collect())
}

/// The number of payments of a few wallets, or of a tenant, that match a filter.
pub fn count(connection: &mut Db, scopes: &[Scope], filter: &PaymentFilter) -> Result<i64, StoreError> {
    scopes.iter().try_fold(0_i64, |sum, scope| Ok(sum.saturating_add(super::count(connection, *scope, filter)?)))
}

/// Those of the wallets, deleted or not, that are the tenant's.
fn those_of(connection: &mut Db, tenant: UserId, wallets: &[WalletId]) -> Result<Vec<WalletId>, StoreError> {
    let bytes: Vec<_> = wallets.iter().map(|id| id.as_bytes().to_vec()).collect();
    let found = accounts::table
        .filter(accounts::id.eq_any(bytes))
        .filter(accounts::tenant.eq(tenant.as_bytes().as_slice()))
        .select(accounts::id);
    ids(found.load(connection)?)
}

fn ids(found: Vec<Vec<u8>>) -> Result<Vec<WalletId>, StoreError> {
    found.into_iter().map(|id| Ok(WalletId::from_slice(&id)?)).collect()
}

/// Works out what searches mean in a tenant. A text that is the hash of one of its payments, the id of
/// one of its wallets or users, or a part of what one of these is called, stands for them alone, which
/// an index finds; any other is looked for in memos.
pub fn resolve(connection: &mut Db, tenant: UserId, filter: &PaymentFilter) -> Result<PaymentFilter, StoreError> {
    let mut resolved = Vec::with_capacity(filter.0.len());
    for Condition { test, negated } in &filter.0 {
        resolved.push(Condition { test: resolve_test(connection, tenant, test)?, negated: *negated });
    }
    Ok(PaymentFilter(resolved))
}

fn resolve_test(connection: &mut Db, tenant: UserId, test: &Test) -> Result<Test, StoreError> {
    if let Test::Search(text) = test {
        return meaning_of(connection, tenant, text);
    }
    let Test::Either(tests) = test else { return Ok(test.clone()) };
    let tests = tests.iter().map(|test| resolve_test(connection, tenant, test));
    let mut tests = tests.collect::<Result<Vec<_>, _>>()?;
    let only = if tests.len() == 1 { tests.pop() } else { None };
    Ok(only.unwrap_or(Test::Either(tests)))
}

fn meaning_of(connection: &mut Db, tenant: UserId, text: &SearchText) -> Result<Test, StoreError> {
    let word = text.as_str().trim();
    if let Ok(hash) = word.parse::<PaymentHash>() {
        let sides = payments::table.filter(payments::payment_hash.eq(hash.as_bytes().as_slice()));
        let tenants: Vec<Option<Vec<u8>>> = sides.select(payments::tenant).load(connection)?;
        if tenants.iter().flatten().any(|of| of.as_slice() == tenant.as_bytes()) {
            return Ok(Test::Hash(vec![hash]));
        }
    }
    if let Ok(wallet) = word.parse::<WalletId>() {
        let own = those_of(connection, tenant, &[wallet])?;
        if !own.is_empty() {
            return Ok(Test::Wallet(own));
        }
    }
    if let Ok(user) = word.parse::<UserId>() {
        let found = users::table.filter(users::id.eq(user.as_bytes().as_slice())).select(users::manager_id);
        let manager: Option<Option<Vec<u8>>> = found.first(connection).optional()?;
        if user == tenant || manager.flatten().is_some_and(|id| id.as_slice() == tenant.as_bytes()) {
            let own = wallets::table.filter(wallets::user_id.eq(user.as_bytes().to_vec())).select(wallets::id);
            let own = ids(own.limit(FEW_AND_ONE).load(connection)?)?;
            return Ok(if own.len() <= MERGED_WALLETS_MAX { Test::Wallet(own) } else { Test::OfUser(user) });
        }
    }
    let called = called(connection, tenant, text)?;
    Ok(match called.len() {
        0 => Test::Memo(TextTest::Contains(text.clone())),
        few if few <= MERGED_WALLETS_MAX => Test::Wallet(called),
        _ => Test::Called(tenant, text.clone()),
    })
}

/// Wallets of the tenant, deleted or not, that are called this, or whose users are: no more than it
/// takes to see that there are many.
fn called(connection: &mut Db, tenant: UserId, text: &SearchText) -> Result<Vec<WalletId>, StoreError> {
    let part = || text.as_str().to_owned();
    let of_tenant = users::manager_id.eq(tenant.as_bytes().to_vec());
    let found = users::table
        .inner_join(wallets::table)
        .filter(of_tenant.or(users::id.nullable().eq(tenant.as_bytes().to_vec())))
        .filter(satkeep_in_time())
        .filter(
            satkeep_contains(wallets::name.nullable(), part())
                .or(satkeep_contains(users::name.nullable(), part()))
                .or(satkeep_contains(users::username, part()))
                .or(satkeep_contains(users::email, part()))
                .or(satkeep_contains(users::external_id, part())),
        )
        .select(wallets::id)
        .limit(FEW_AND_ONE);
    ids(found.load(connection)?)
}
