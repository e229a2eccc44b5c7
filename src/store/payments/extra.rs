//! The data that a wallet keeps with what came in.

use diesel::prelude::*;

use crate::domain::extra::Extra;
use crate::domain::ids::InvoiceId;
use crate::store::db::connection::Db;
use crate::store::db::error::StoreError;
use crate::store::db::lock::lock_row;
use crate::store::db::schema::invoices;

/// Makes sure that an invoice stays as it is until the transaction ends.
pub fn lock(connection: &mut Db, id: InvoiceId) -> Result<(), StoreError> {
    let it = invoices::table.filter(invoices::id.eq(id.as_bytes().as_slice()));
    lock_row!(connection, it, invoices::memo, StoreError::NotFound)
}

/// Replaces the data of a locked invoice.
pub fn replace(connection: &mut Db, id: InvoiceId, extra: &Extra) -> Result<(), StoreError> {
    diesel::update(invoices::table.filter(invoices::id.eq(id.as_bytes().as_slice())))
        .set((invoices::extra.eq(extra.as_str()), invoices::tag.eq(extra.tag())))
        .execute(connection)?;
    Ok(())
}
