//! Columns defined in a single list, which produces the names for the statement text, the SQL types
//! and the Rust types. They can therefore never be in different orders.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::query_builder::AstPass;
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;

/// The text between the parameters of a statement.
pub(crate) type Pieces<'s> = std::str::Split<'s, char>;

/// A value that replaces one or several `?` of a statement.
pub(crate) trait Parameter<Type, DB: Backend> {
    /// Binds it, and pushes the text up to the next one.
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, DB>, pieces: &mut Pieces<'_>) -> QueryResult<()>;
}

/// A value for one `?`.
impl<Type, DB, Value> Parameter<Type, DB> for Value
where
    DB: Backend + HasSqlType<Type>,
    Value: ToSql<Type, DB>,
{
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, DB>, pieces: &mut Pieces<'_>) -> QueryResult<()> {
        out.push_bind_param::<Type, _>(self)?;
        out.push_sql(pieces.next().unwrap_or_default());
        Ok(())
    }
}

/// Stands in for a SQL type: the columns of a list made by [`written_columns`], with a `?` for
/// each.
pub(crate) struct Columns;

/// The SQL for a column: its own name, unless specified otherwise.
macro_rules! column_sql {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident, $sql:literal) => {
        $sql
    };
}

/// Defines what statements read: a struct with a field for each column, the tuple of their SQL
/// types, and a macro that gives their names as a literal.
macro_rules! read_columns {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident, $types:ident, $names:ident {
            $first:ident: $first_type:ty as $first_sql_type:ty $(= $first_sql:literal)?,
            $($field:ident: $field_type:ty as $sql_type:ty $(= $sql:literal)?,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(diesel::Queryable)]
        $visibility struct $name {
            $visibility $first: $first_type,
            $($visibility $field: $field_type,)*
        }

        $visibility type $types = ($first_sql_type, $($sql_type,)*);

        macro_rules! $names {
            () => {
                concat!(
                    $crate::store::db::columns::column_sql!($first $(, $first_sql)?),
                    $(", ", $crate::store::db::columns::column_sql!($field $(, $sql)?),)*
                )
            };
        }
    };
}

/// Defines what statements write: the parameters of one row (SQLite), those of many rows as arrays
/// (PostgreSQL), and macros that give the names of the columns and a `?` for each.
macro_rules! written_columns {
    (
        $(#[$attribute:meta])*
        |$row:ident: $row_type:ty| $one:ident, $many:ident, $names:ident, $marks:ident {
            $first:ident: $first_type:ty as $first_sql_type:ty = $first_value:expr,
            $($field:ident: $field_type:ty as $sql_type:ty = $value:expr,)*
        }
    ) => {
        $(#[$attribute])*
        pub(crate) struct $one<'a> {
            $first: $first_type,
            $($field: $field_type,)*
        }

        impl<'a> $one<'a> {
            pub(crate) fn of($row: &'a $row_type) -> Self {
                Self { $first: $first_value, $($field: $value,)* }
            }
        }

        impl $crate::store::db::columns::Parameter<$crate::store::db::columns::Columns, diesel::sqlite::Sqlite>
            for $one<'_>
        {
            fn push<'b>(
                &'b self,
                out: &mut diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
                pieces: &mut $crate::store::db::columns::Pieces<'_>,
            ) -> diesel::QueryResult<()> {
                use $crate::store::db::columns::Parameter;
                Parameter::<$first_sql_type, _>::push(&self.$first, out, pieces)?;
                $(Parameter::<$sql_type, _>::push(&self.$field, out, pieces)?;)*
                Ok(())
            }
        }

        $(#[$attribute])*
        pub(crate) struct $many<'a> {
            $first: Vec<$first_type>,
            $($field: Vec<$field_type>,)*
        }

        impl<'a> $many<'a> {
            pub(crate) fn of(rows: &'a [$row_type]) -> Self {
                Self {
                    $first: rows.iter().map(|$row| -> $first_type { $first_value }).collect(),
                    $($field: rows.iter().map(|$row| -> $field_type { $value }).collect(),)*
                }
            }
        }

        impl $crate::store::db::columns::Parameter<$crate::store::db::columns::Columns, diesel::pg::Pg>
            for $many<'_>
        {
            fn push<'b>(
                &'b self,
                out: &mut diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
                pieces: &mut $crate::store::db::columns::Pieces<'_>,
            ) -> diesel::QueryResult<()> {
                use $crate::store::db::columns::Parameter;
                Parameter::<diesel::sql_types::Array<$first_sql_type>, _>::push(&self.$first, out, pieces)?;
                $(Parameter::<diesel::sql_types::Array<$sql_type>, _>::push(&self.$field, out, pieces)?;)*
                Ok(())
            }
        }

        macro_rules! $names {
            () => {
                concat!(stringify!($first), $(", ", stringify!($field),)*)
            };
        }

        macro_rules! $marks {
            () => {
                concat!("?", $($crate::store::db::columns::mark!($field),)*)
            };
        }
    };
}

/// The `?` of a column that follows others.
macro_rules! mark {
    ($name:ident) => {
        ", ?"
    };
}

pub(crate) use {column_sql, mark, read_columns, written_columns};
