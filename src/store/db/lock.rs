//! Locks of rows.

/// Locks the one row of a query until the transaction ends, or fails with an error if there is no such row.
/// Both databases lock what is updated, so it is updated without a change: one of its columns is set to
/// itself.
macro_rules! lock_row {
    ($connection:expr, $row:expr, $column:expr, $missing:expr) => {{
        let row = diesel::update($row).set(diesel::ExpressionMethods::eq($column, $column));
        let locked = diesel::RunQueryDsl::execute(row, $connection)?;
        if locked == 1 { Ok(()) } else { Err($missing) }
    }};
}

pub(crate) use lock_row;
