//! Hand-written statements that are prepared once for each connection.
//!
//! `diesel::sql_query` is parsed and planned on every call, because its text may be anything. A
//! statement made here is a type of its own with a constant text, so Diesel caches the prepared
//! statement by type.

/// Defines a statement: its connection, its parameters with their SQL types, the SQL types of the
/// columns it returns (or the name of their tuple), and its text, with a `?` for each parameter in
/// order. A parameter that is a list of columns takes several (see [`super::columns`]).
///
/// A statement without parameters and columns is only its text.
macro_rules! statement {
    ($(#[$doc:meta])* $name:ident on $connection:ty, $sql:literal) => {
        $(#[$doc])*
        #[derive(diesel::query_builder::QueryId)]
        struct $name;

        impl diesel::query_builder::QueryFragment<<$connection as diesel::Connection>::Backend> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, <$connection as diesel::Connection>::Backend>,
            ) -> diesel::QueryResult<()> {
                out.push_sql($sql);
                Ok(())
            }
        }

        impl diesel::RunQueryDsl<$connection> for $name {}
    };
    (
        $(#[$doc:meta])*
        $name:ident on $connection:ty,
        ($($field:ident: $field_type:ty as $sql_type:ty),* $(,)?) -> $columns:tt,
        $sql:expr
    ) => {
        $(#[$doc])*
        pub(crate) struct $name<'a> {
            $(pub(crate) $field: $field_type,)*
        }

        impl diesel::query_builder::QueryFragment<<$connection as diesel::Connection>::Backend> for $name<'_> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, <$connection as diesel::Connection>::Backend>,
            ) -> diesel::QueryResult<()> {
                let mut pieces = $sql.split('?');
                out.push_sql(pieces.next().unwrap_or_default());
                $($crate::store::db::columns::Parameter::<$sql_type, _>::push(&self.$field, &mut out, &mut pieces)?;)*
                Ok(())
            }
        }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::Query for $name<'_> {
            type SqlType = $crate::store::db::statement::columns!($columns);
        }

        impl diesel::RunQueryDsl<$connection> for $name<'_> {}
    };
}

/// The tuple of what a statement returns.
macro_rules! columns {
    (($($column:ty),* $(,)?)) => {
        ($($column,)*)
    };
    ($types:ident) => {
        $types
    };
}

pub(crate) use {columns, statement};
