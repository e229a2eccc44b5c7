//! The data that a wallet keeps with what came in: what an invoice was issued with, and what was
//! added to it since.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

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

/// Replaces the data of a locked invoice by more. What it was issued with is kept beside it.
pub fn replace(connection: &mut Db, id: InvoiceId, extra: &Extra) -> Result<(), StoreError> {
    let issued = diesel::dsl::sql::<Nullable<Text>>("COALESCE(issued_extra, extra, '{}')");
    diesel::update(invoices::table.filter(invoices::id.eq(id.as_bytes().as_slice())))
        .set((invoices::issued_extra.eq(issued), invoices::extra.eq(extra.as_str()), invoices::tag.eq(extra.tag())))
        .execute(connection)?;
    Ok(())
}

/// The data that an invoice was issued with.
pub fn as_issued(connection: &mut Db, id: InvoiceId) -> Result<Option<Extra>, StoreError> {
    let (issued, extra): (Option<String>, Option<String>) = invoices::table
        .filter(invoices::id.eq(id.as_bytes().as_slice()))
        .select((invoices::issued_extra, invoices::extra))
        .first(connection)?;
    Ok(issued.or(extra).map(Extra::from_stored))
}
