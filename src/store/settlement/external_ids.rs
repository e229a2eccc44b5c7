//! External ids that payments of an account have already. Read after the accounts are locked, so that
//! what another batch has named is seen.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, Binary, Text};
use diesel::{PgConnection, SqliteConnection};

use crate::domain::external_id::ExternalId;
use crate::domain::ids::{AccountId, PaymentHash};
use crate::ledger::batch::ReadSet;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::statement::statement;

statement!(
    /// The payment of an account that has an external id, if there is one.
    SelectNamed on SqliteConnection,
    (account: &'a [u8] as Binary, external_id: &'a str as Text) -> (Binary),
    "SELECT payment_hash FROM payments WHERE wallet_id = ? AND external_id = ?"
);

statement!(
    /// The payments of accounts that have these external ids: for each one, a look into the index of
    /// invoices and one into that of transfers.
    SelectNamedOfMany on PgConnection,
    (accounts: Vec<&'a [u8]> as Array<Binary>, external_ids: Vec<&'a str> as Array<Text>) -> (Binary, Text, Binary),
    "SELECT n.account, n.external_id, p.payment_hash
     FROM unnest(?, ?) AS n (account, external_id) CROSS JOIN LATERAL (
        SELECT payment_hash FROM invoices WHERE wallet_id = n.account AND external_id = n.external_id
        UNION ALL
        SELECT i.payment_hash FROM transfers AS t INNER JOIN invoices AS i ON i.id = t.invoice_id
        WHERE t.debit_account = n.account AND t.external_id = n.external_id
     ) AS p"
);

pub(crate) fn find(
    connection: &mut Db,
    read_set: &ReadSet,
) -> Result<HashMap<(AccountId, ExternalId), PaymentHash>, StoreError> {
    if read_set.external_ids.is_empty() {
        return Ok(HashMap::new());
    }
    match connection {
        Db::Sqlite(c) => {
            let mut found = HashMap::new();
            for (account, id) in &read_set.external_ids {
                let select = SelectNamed { account: account.as_bytes(), external_id: id.as_str() };
                if let Some((hash,)) = select.get_result::<(Vec<u8>,)>(c).optional()? {
                    found.insert((*account, id.clone()), PaymentHash::from_slice(&hash)?);
                }
            }
            Ok(found)
        }
        Db::Postgres(c) => {
            let names = read_set.external_ids.iter();
            let (accounts, external_ids) =
                names.map(|(account, id)| (account.as_bytes().as_slice(), id.as_str())).unzip();
            let rows: Vec<(Vec<u8>, String, Vec<u8>)> = SelectNamedOfMany { accounts, external_ids }.load(c)?;
            let named = |(account, id, hash): (Vec<u8>, String, Vec<u8>)| {
                let name = (AccountId::from_slice(&account)?, ExternalId::from_stored(id));
                Ok((name, PaymentHash::from_slice(&hash)?))
            };
            rows.into_iter().map(named).collect()
        }
    }
}
