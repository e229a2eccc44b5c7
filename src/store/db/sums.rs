//! Sums that cannot overflow, exact on both databases, whatever stands in the rows.
//!
//! A 64-bit number is taken apart into billions and what is left over, both with its sign. Each
//! part is summed up by itself: a billion rows are far from what a sum of 64 bits holds. `/` and
//! `%` of both databases cut off towards zero.

/// Taken apart by.
const BILLION: i128 = 1_000_000_000;

/// The billions of a column, as SQL.
macro_rules! high {
    ($column:literal) => {
        concat!("(", $column, " / 1000000000)")
    };
}

/// What is left over of a column beside its billions, as SQL.
macro_rules! low {
    ($column:literal) => {
        concat!("(", $column, " % 1000000000)")
    };
}

/// The sum of a part over all rows, as SQL.
macro_rules! sum {
    ($part:expr) => {
        concat!("CAST(COALESCE(SUM(", $part, "), 0) AS BIGINT)")
    };
}

/// That billions and the rest of them come to zero, as SQL: without putting them together.
macro_rules! is_zero {
    ($high:literal, $low:literal) => {
        concat!("((", $low, ") % 1000000000 = 0 AND (", $high, ") + (", $low, ") / 1000000000 = 0)")
    };
}

pub(crate) use {high, is_zero, low, sum};

/// A sum out of its parts.
pub(crate) fn whole(high: i64, low: i64) -> i128 {
    i128::from(high) * BILLION + i128::from(low)
}
