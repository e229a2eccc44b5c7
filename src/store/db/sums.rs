//! Sums that cannot overflow and are exact on both databases, whatever the rows contain.
//!
//! A 64-bit number is split into billions and a remainder, both signed. Each part is summed
//! separately: even a billion rows are far from overflowing a 64-bit sum. In both databases, `/`
//! and `%` truncate towards zero.

/// The divisor of the split.
const BILLION: i128 = 1_000_000_000;

/// The billions of a column, as SQL.
macro_rules! high {
    ($column:literal) => {
        concat!("(", $column, " / 1000000000)")
    };
}

/// The remainder of a column, as SQL.
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

/// Whether billions and remainders add up to zero, as SQL, without combining them.
macro_rules! is_zero {
    ($high:literal, $low:literal) => {
        concat!("((", $low, ") % 1000000000 = 0 AND (", $high, ") + (", $low, ") / 1000000000 = 0)")
    };
}

pub(crate) use {high, is_zero, low, sum};

/// Combines the parts of a sum.
pub(crate) fn whole(high: i64, low: i64) -> i128 {
    i128::from(high) * BILLION + i128::from(low)
}
