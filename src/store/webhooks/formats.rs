//! The format of invoices' webhooks, for managers that have chosen one.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use crate::domain::ids::{UserId, WalletId};
use crate::domain::webhooks::WebhookFormat;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::{accounts, users, webhook_formats};
use crate::store::users::lock_caller;
use crate::store::users::sub_managers::DEPTH_MAX;
use crate::store::wallets::CHUNK_IDS;

/// A manager's choice.
pub fn get(connection: &mut Db, manager: UserId) -> Result<Option<WebhookFormat>, StoreError> {
    Ok(chosen_by(connection, &[manager])?.remove(&manager))
}

/// Sets a manager's choice; `None` removes it.
pub fn set(connection: &mut Db, manager: UserId, format: Option<WebhookFormat>) -> Result<(), StoreError> {
    lock_caller(connection, manager)?;
    let id = manager.as_bytes().as_slice();
    diesel::delete(webhook_formats::table.filter(webhook_formats::manager_id.eq(id))).execute(connection)?;
    if let Some(format) = format {
        diesel::insert_into(webhook_formats::table)
            .values((webhook_formats::manager_id.eq(id), webhook_formats::format.eq(format.as_str())))
            .execute(connection)?;
    }
    Ok(())
}

/// The formats that apply to the invoices of wallets, if any were chosen.
pub fn of_wallets(connection: &mut Db, wallets: &[WalletId]) -> Result<HashMap<WalletId, WebhookFormat>, StoreError> {
    let mut tenants: Vec<(WalletId, UserId)> = Vec::with_capacity(wallets.len());
    for wallets in wallets.chunks(CHUNK_IDS) {
        let rows: Vec<(Vec<u8>, Option<Vec<u8>>)> = accounts::table
            .filter(accounts::id.eq_any(wallets.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .select((accounts::id, accounts::tenant))
            .load(connection)?;
        for (wallet, tenant) in rows {
            if let Some(tenant) = tenant {
                tenants.push((WalletId::from_slice(&wallet)?, UserId::from_slice(&tenant)?));
            }
        }
    }
    let formats = of_tenants(connection, tenants.iter().map(|(_, tenant)| *tenant))?;
    Ok(tenants.into_iter().filter_map(|(wallet, tenant)| Some((wallet, *formats.get(&tenant)?))).collect())
}

/// The formats that apply to tenants, if any were chosen: by the tenant itself, or otherwise by its
/// nearest ancestor, of which there are at most [`DEPTH_MAX`].
pub fn of_tenants(
    connection: &mut Db,
    tenants: impl IntoIterator<Item = UserId>,
) -> Result<HashMap<UserId, WebhookFormat>, StoreError> {
    let mut found = HashMap::new();
    // Each tenant with the ancestor to check next.
    let mut open: Vec<(UserId, UserId)> =
        tenants.into_iter().collect::<HashSet<_>>().into_iter().map(|tenant| (tenant, tenant)).collect();
    for _ in 0..=DEPTH_MAX {
        if open.is_empty() {
            break;
        }
        let asked: Vec<_> = open.iter().map(|(_, asked)| *asked).collect::<HashSet<_>>().into_iter().collect();
        let chosen = chosen_by(connection, &asked)?;
        let makers = makers_of(connection, &asked)?;
        let mut next = Vec::new();
        for (tenant, asked) in open {
            if let Some(format) = chosen.get(&asked) {
                found.insert(tenant, *format);
            } else if let Some(maker) = makers.get(&asked) {
                next.push((tenant, *maker));
            }
        }
        open = next;
    }
    Ok(found)
}

fn chosen_by(connection: &mut Db, managers: &[UserId]) -> Result<HashMap<UserId, WebhookFormat>, StoreError> {
    let mut found = HashMap::new();
    for managers in managers.chunks(CHUNK_IDS) {
        let rows: Vec<(Vec<u8>, String)> = webhook_formats::table
            .filter(
                webhook_formats::manager_id
                    .eq_any(managers.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()),
            )
            .select((webhook_formats::manager_id, webhook_formats::format))
            .load(connection)?;
        for (manager, format) in rows {
            let format = WebhookFormat::from_name(&format)
                .ok_or_else(|| StoreError::Broken(format!("a format of webhooks {format:?}")))?;
            found.insert(UserId::from_slice(&manager)?, format);
        }
    }
    Ok(found)
}

/// The creators of users, as far as they have one.
fn makers_of(connection: &mut Db, made: &[UserId]) -> Result<HashMap<UserId, UserId>, StoreError> {
    let mut found = HashMap::new();
    for made in made.chunks(CHUNK_IDS) {
        let rows: Vec<(Vec<u8>, Option<Vec<u8>>)> = users::table
            .filter(users::id.eq_any(made.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()))
            .filter(users::manager_id.is_not_null())
            .select((users::id, users::manager_id))
            .load(connection)?;
        for (id, manager) in rows {
            if let Some(manager) = manager {
                found.insert(UserId::from_slice(&id)?, UserId::from_slice(&manager)?);
            }
        }
    }
    Ok(found)
}
