//! Encrypted webhook signing secrets: an endpoint's, and a wallet's for its own invoices and
//! payments.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::crypto::secret::{Sealer, UnsealError};
use crate::domain::ids::OwnerId;
use crate::domain::webhooks::{OwnerKind, WebhookSecret};
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::webhook_secrets;
use crate::store::wallets::CHUNK_IDS;
use crate::store::webhooks::claims::stored_owner;

/// The secrets of owners that have one; `None` for a secret that no key decrypts.
pub fn of(
    connection: &mut Db,
    sealer: &Sealer,
    owners: &[OwnerId],
) -> Result<HashMap<OwnerId, Option<WebhookSecret>>, StoreError> {
    let mut found = HashMap::with_capacity(owners.len());
    for owners in owners.chunks(CHUNK_IDS) {
        let rows: Vec<(Vec<u8>, String, Vec<u8>)> = webhook_secrets::table
            .filter(
                webhook_secrets::owner_id.eq_any(owners.iter().map(|id| id.as_bytes().to_vec()).collect::<Vec<_>>()),
            )
            .select((webhook_secrets::owner_id, webhook_secrets::kind, webhook_secrets::sealed))
            .load(connection)?;
        for (owner, kind, sealed) in rows {
            let owner = OwnerId::from_slice(&owner)?;
            let kind = stored_owner(&kind)?;
            found.insert(owner, WebhookSecret::unseal(sealer, kind, owner, &sealed).ok());
        }
    }
    Ok(found)
}

/// The secret of an owner, created if it does not exist. If two callers create one at once, the
/// second gets a conflict and has to retry.
pub fn of_one(
    connection: &mut Db,
    sealer: &Sealer,
    kind: OwnerKind,
    owner: OwnerId,
) -> Result<WebhookSecret, StoreError> {
    if let Some(secret) = of(connection, sealer, &[owner])?.remove(&owner) {
        return Ok(secret.ok_or(UnsealError)?);
    }
    let secret = WebhookSecret::generate();
    insert(connection, sealer, kind, owner, &secret)?;
    Ok(secret)
}

/// Creates the secret of an owner that has none.
pub fn insert(
    connection: &mut Db,
    sealer: &Sealer,
    kind: OwnerKind,
    owner: OwnerId,
    secret: &WebhookSecret,
) -> Result<(), StoreError> {
    diesel::insert_into(webhook_secrets::table)
        .values((
            webhook_secrets::owner_id.eq(owner.as_bytes().as_slice()),
            webhook_secrets::kind.eq(kind.as_str()),
            webhook_secrets::sealed.eq(secret.seal(sealer, kind, owner).as_bytes()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Replaces an owner's secret; the previous one no longer signs anything.
pub fn replace(
    connection: &mut Db,
    sealer: &Sealer,
    kind: OwnerKind,
    owner: OwnerId,
) -> Result<WebhookSecret, StoreError> {
    let secret = WebhookSecret::generate();
    let sealed = secret.seal(sealer, kind, owner);
    let replaced =
        diesel::update(webhook_secrets::table.filter(webhook_secrets::owner_id.eq(owner.as_bytes().as_slice())))
            .set(webhook_secrets::sealed.eq(sealed.as_bytes()))
            .execute(connection)?;
    if replaced == 0 {
        insert(connection, sealer, kind, owner, &secret)?;
    }
    Ok(secret)
}
