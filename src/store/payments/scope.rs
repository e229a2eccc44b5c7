//! Whose payments are listed: a wallet's, or those of a whole tenant.
//!
//! A tenant's payments are those of all its wallets, deleted ones included: each side carries the
//! tenant of its account, and is found through an index that is ordered like a wallet's.

use diesel::prelude::*;

use crate::domain::ids::{PaymentHash, UserId, WalletId};
use crate::domain::search::SearchText;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, payments, users};
use crate::store::payments::filter::{Condition, PaymentFilter, Test};

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

    /// The smallest scope that has all payments which match the filter. What is asked of one wallet
    /// is found through the index of that wallet, however many payments the tenant has.
    pub fn narrowed(self, connection: &mut Db, filter: &PaymentFilter) -> Result<Self, StoreError> {
        let Self::Tenant(tenant) = self else { return Ok(self) };
        let only = filter.0.iter().find_map(|condition| match &condition.test {
            Test::Wallet(ids) if !condition.negated => <[WalletId; 1]>::try_from(ids.as_slice()).ok(),
            _ => None,
        });
        match only {
            Some([wallet]) if is_of(connection, tenant, wallet)? => Ok(Self::Wallet(wallet)),
            Some(_) | None => Ok(self),
        }
    }
}

/// Whether a wallet, deleted or not, is one of the tenant's.
fn is_of(connection: &mut Db, tenant: UserId, wallet: WalletId) -> Result<bool, StoreError> {
    let found = accounts::table
        .filter(accounts::id.eq(wallet.as_bytes().as_slice()))
        .filter(accounts::tenant.eq(tenant.as_bytes().as_slice()));
    Ok(found.select(accounts::id).first::<Vec<u8>>(connection).optional()?.is_some())
}

/// Works out what searches mean in a tenant. A text that is the hash of one of its payments, or the id
/// of one of its wallets or users, stands for that alone, which an index finds; any other is looked
/// for in memos and names.
pub fn resolve(connection: &mut Db, tenant: UserId, filter: &PaymentFilter) -> Result<PaymentFilter, StoreError> {
    let mut resolved = Vec::with_capacity(filter.0.len());
    for Condition { test, negated } in &filter.0 {
        resolved.push(Condition { test: resolve_test(connection, tenant, test)?, negated: *negated });
    }
    Ok(PaymentFilter(resolved))
}

fn resolve_test(connection: &mut Db, tenant: UserId, test: &Test) -> Result<Test, StoreError> {
    match test {
        Test::Search(text) => meaning_of(connection, tenant, text),
        Test::Either(tests) => {
            let tests = tests.iter().map(|test| resolve_test(connection, tenant, test));
            let mut tests = tests.collect::<Result<Vec<_>, _>>()?;
            let only = if tests.len() == 1 { tests.pop() } else { None };
            Ok(only.unwrap_or(Test::Either(tests)))
        }
        other => Ok(other.clone()),
    }
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
    if let Ok(wallet) = word.parse::<WalletId>()
        && is_of(connection, tenant, wallet)?
    {
        return Ok(Test::Wallet(vec![wallet]));
    }
    if let Ok(user) = word.parse::<UserId>() {
        let found = users::table.filter(users::id.eq(user.as_bytes().as_slice())).select(users::manager_id);
        let manager: Option<Option<Vec<u8>>> = found.first(connection).optional()?;
        if user == tenant || manager.flatten().is_some_and(|id| id.as_slice() == tenant.as_bytes()) {
            return Ok(Test::OfUser(user));
        }
    }
    Ok(Test::SearchInTenant(tenant, text.clone()))
}
