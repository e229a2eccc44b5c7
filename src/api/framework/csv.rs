//! Rows as CSV (RFC 4180), for spreadsheets and scripts.
//!
//! A spreadsheet takes a text that begins like a formula for one, and runs it: names and memos are
//! what anybody has typed, so an apostrophe is put in front of those. Columns of numbers are left as
//! they are: an amount may begin with a minus.

use crate::domain::ids::{PaymentHash, UserId, WalletId};
use crate::domain::money::Msat;

/// A row of a table.
pub trait Record {
    /// The names of its columns.
    const COLUMNS: &'static [&'static str];

    /// Writes its cells, in order.
    fn write(&self, line: &mut Line);
}

/// A line that is being written.
#[derive(Debug, Default)]
pub struct Line {
    text: String,
    has_cells: bool,
}

/// What a cell may hold.
pub trait Cell {
    /// Writes it.
    fn write(&self, line: &mut Line);
}

impl Line {
    /// The names of the columns.
    pub fn header(columns: &[&str]) -> String {
        let mut line = Self::default();
        for name in columns {
            line.plain(name);
        }
        line.end()
    }

    /// A record.
    pub fn of(record: &impl Record) -> String {
        let mut line = Self::default();
        record.write(&mut line);
        line.end()
    }

    /// The text, with its end.
    fn end(mut self) -> String {
        self.text.push_str("\r\n");
        self.text
    }

    fn plain(&mut self, text: &str) {
        if self.has_cells {
            self.text.push(',');
        }
        self.has_cells = true;
        if !text.contains(['"', ',', '\r', '\n']) {
            self.text.push_str(text);
            return;
        }
        self.text.push('"');
        self.text.push_str(&text.replace('"', "\"\""));
        self.text.push('"');
    }

    fn text(&mut self, text: &str) {
        if is_like_formula(text) { self.plain(&format!("'{text}")) } else { self.plain(text) }
    }
}

/// Whether a spreadsheet might take a text for a formula. Some skip what is not seen in front of it,
/// and some know the wide signs of East Asian scripts.
fn is_like_formula(text: &str) -> bool {
    let is_unseen = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}' || c == '\u{200b}';
    let first = text.chars().find(|c| !is_unseen(*c));
    text.starts_with(['\t', '\r', '\n'])
        || first.is_some_and(|first| matches!(first, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠'))
}

impl Cell for String {
    fn write(&self, line: &mut Line) {
        line.text(self);
    }
}

impl Cell for &'static str {
    fn write(&self, line: &mut Line) {
        line.text(self);
    }
}

impl<T: Cell> Cell for Option<T> {
    fn write(&self, line: &mut Line) {
        match self {
            Some(value) => value.write(line),
            None => line.plain(""),
        }
    }
}

impl Cell for Msat {
    fn write(&self, line: &mut Line) {
        line.plain(&self.get().to_string());
    }
}

macro_rules! plain_cells {
    ($($type:ty),*) => {
        $(impl Cell for $type {
            fn write(&self, line: &mut Line) {
                line.plain(&self.to_string());
            }
        })*
    };
}

plain_cells!(i64, i128, bool, UserId, WalletId, PaymentHash);

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(value: &impl Cell) -> String {
        let mut line = Line::default();
        value.write(&mut line);
        line.text
    }

    #[test]
    fn what_looks_like_a_formula_is_made_a_text() {
        for (text, written) in [
            ("plain", "plain"),
            ("", ""),
            ("a=b", "a=b"),
            ("1+1", "1+1"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("  =1", "'  =1"),
            ("\u{feff}=1", "'\u{feff}=1"),
            ("＝1", "'＝1"),
            ("\tx", "'\tx"),
            ("\r\n=1", "\"'\r\n=1\""),
            ("=HYPERLINK(\"http://evil.example\",\"x\")", "\"'=HYPERLINK(\"\"http://evil.example\"\",\"\"x\"\")\""),
        ] {
            assert_eq!(cell(&text.to_owned()), written, "{text:?}");
        }
        assert_eq!(cell(&-5_i64), "-5");
        assert_eq!(cell(&None::<String>), "");
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(Line::header(&["a", "b"]), "a,b\r\n");
        assert_eq!(cell(&"a,b".to_owned()), "\"a,b\"");
        assert_eq!(cell(&"say \"hi\"\nnow".to_owned()), "\"say \"\"hi\"\"\nnow\"");
    }
}
