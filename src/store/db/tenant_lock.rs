//! Locks that are no rows. They are taken first in a transaction, before any row is locked: whoever
//! waits for one holds nothing that anybody else waits for.
//!
//! A transaction that locks a row and then waits for another one of its own tenant holds up everybody
//! who needs the first row: also the settler, and with it all tenants (promise I14). Two that exchange
//! the unique values of their rows even wait until the database has noticed that they wait for each
//! other, a second later. Therefore the transactions of a tenant run one after the other, on all
//! replicas. What they then wait for is what the settler holds, who never holds it for long.
//!
//! On SQLite there is one write lock anyway.

use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;

use crate::domain::consumer::Consumer;
use crate::domain::ids::UserId;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;

/// Keeps these locks apart from others. Ids are random enough beside it.
const TENANTS: i64 = 0x7461_6b65_7475_726e;
/// The lock of the names of pay links, which are unique among all tenants.
const LINK_NAMES: i64 = 7_309_453_022;

/// Waits for other transactions of the tenant. Those of nobody's wait for no others: operators and
/// strangers are many, and share no rows of a tenant.
pub(crate) fn take(connection: &mut Db, tenant: UserId) -> Result<(), StoreError> {
    if tenant == Consumer::NOBODY.tenant {
        return Ok(());
    }
    lock(connection, key_of(tenant))
}

/// Waits for other transactions that give names to pay links: those of two tenants could otherwise
/// exchange them.
pub(crate) fn take_link_names(connection: &mut Db) -> Result<(), StoreError> {
    lock(connection, LINK_NAMES)
}

fn key_of(tenant: UserId) -> i64 {
    let (halves, _) = tenant.as_bytes().as_chunks::<8>();
    halves.iter().fold(TENANTS, |key, half| key ^ i64::from_be_bytes(*half))
}

fn lock(connection: &mut Db, key: i64) -> Result<(), StoreError> {
    if let Db::Postgres(c) = connection {
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(key).execute(c)?;
    }
    Ok(())
}
