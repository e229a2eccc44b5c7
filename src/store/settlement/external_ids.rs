//! External ids that payments of an account have already. Read after the accounts are locked, so that
//! what another batch has named is seen.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::domain::external_id::ExternalId;
use crate::domain::ids::{AccountId, PaymentHash};
use crate::ledger::batch::ReadSet;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::schema::payments;

pub(crate) fn find(
    connection: &mut Db,
    read_set: &ReadSet,
) -> Result<HashMap<(AccountId, ExternalId), PaymentHash>, StoreError> {
    let mut found = HashMap::new();
    for (account, id) in &read_set.external_ids {
        let hash: Option<Vec<u8>> = payments::table
            .filter(payments::wallet_id.eq(account.as_bytes().as_slice()))
            .filter(payments::external_id.eq(id.as_str()))
            .select(payments::payment_hash)
            .first(connection)
            .optional()?;
        if let Some(hash) = hash {
            found.insert((*account, id.clone()), PaymentHash::from_slice(&hash)?);
        }
    }
    Ok(found)
}
