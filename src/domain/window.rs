//! The requested part of a list, and reading it page by page.

/// Rows per page of a list that is read completely.
pub const PAGE_ROWS: i64 = 500;
/// The most rows per page, whatever a client asks for.
pub const LIMIT_MAX: i64 = 1000;

/// The requested part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Rows to skip first.
    pub offset: i64,
    /// The maximum number of rows, up to [`LIMIT_MAX`]; all of them if `None`.
    pub limit: Option<i64>,
}

impl Window {
    /// What is left to read of a list after its first page.
    #[must_use]
    pub const fn after_first_page(self) -> Self {
        Self { offset: 0, ..self }
    }

    /// What is left to read after this many rows.
    #[must_use]
    pub fn behind(self, rows: usize) -> Self {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        Self { offset: 0, limit: self.limit.map(|limit| limit.saturating_sub(rows)) }
    }

    /// How many rows to read at once: all of them if there is a limit, which is small.
    pub fn rows(self) -> i64 {
        self.limit.unwrap_or(PAGE_ROWS)
    }

    /// Removes the rows that do not belong to this part; returns what is left to read of it.
    #[must_use]
    pub fn take_from<T>(self, rows: &mut Vec<T>) -> Self {
        let skipped = usize::try_from(self.offset).unwrap_or(usize::MAX).min(rows.len());
        rows.drain(..skipped);
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        rows.truncate(limit.unwrap_or(usize::MAX));
        let less = |count: i64, rows: usize| count.saturating_sub(i64::try_from(rows).unwrap_or(i64::MAX));
        Self { offset: less(self.offset, skipped), limit: self.limit.map(|limit| less(limit, rows.len())) }
    }

    /// Whether nothing follows a page of this many rows.
    pub fn ends_with(self, rows: usize) -> bool {
        self.limit.is_some() || i64::try_from(rows).is_ok_and(|rows| rows < PAGE_ROWS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_list_is_the_same_however_its_pages_come() {
        let rows: Vec<usize> = (0..40).collect();
        for offset in [0, 1, 9, 25, 60] {
            for limit in [None, Some(1), Some(7), Some(60)] {
                let expected: Vec<_> = rows.iter().copied().skip(offset).take(limit.unwrap_or(usize::MAX)).collect();
                for page_rows in [1, 6, 40] {
                    let rows_at = |rows: usize| i64::try_from(rows).unwrap();
                    let mut window = Window { offset: rows_at(offset), limit: limit.map(rows_at) };
                    let mut taken = Vec::new();
                    for page in rows.chunks(page_rows) {
                        let mut page = page.to_vec();
                        window = window.take_from(&mut page);
                        taken.extend(page);
                    }
                    assert_eq!(taken, expected, "{limit:?} rows behind {offset}, from pages of {page_rows}");
                }
            }
        }
    }
}
