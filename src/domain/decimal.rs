//! Decimal numbers in JSON, with every digit that they have.

use rust_decimal::Decimal;
use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A decimal number that JSON shows as a number: written out of its digits, never through a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonDecimal(pub Decimal);

impl Serialize for JsonDecimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept() {
        for text in ["0", "-10.5", "0.00000001", "999999999999999999.99999999", "1538.46153846154"] {
            let number = JsonDecimal(text.parse().unwrap());
            assert_eq!(serde_json::to_string(&number).unwrap(), text);
        }
    }
}
