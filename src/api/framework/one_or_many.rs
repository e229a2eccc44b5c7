//! Reading a body that is one order, or an array of several.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::api::framework::body::{Body, first_byte, parse};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::params::Checks;

impl<const MAX: usize> Body<MAX> {
    /// How many orders a body is: at least one, and at most `count_max`. `what` is what they order.
    pub fn count(&self, count_max: usize, what: &str) -> Result<usize, ApiError> {
        let bytes = self.bytes()?;
        if first_byte(bytes) != Some(b'[') {
            return Ok(1);
        }
        let count = serde_json::from_slice::<Vec<&RawValue>>(bytes).or(Err(ErrorCode::InvalidJson))?.len();
        if count == 0 || count > count_max {
            let detail = format!("An array must hold 1 to {count_max} {what}");
            return Err(ApiError::with_detail(ErrorCode::InvalidRequest, detail));
        }
        Ok(count)
    }

    /// Reads each order; the flag tells an array. The refusal names everything that is wrong with any.
    /// Of an array that is too long, one item more than `count_max` is read, and no further.
    pub fn one_or_many<T: DeserializeOwned, V>(
        &self,
        count_max: usize,
        mut read: impl FnMut(&mut Checks, T) -> Option<V>,
    ) -> Result<(Vec<V>, bool), ApiError> {
        let (orders, is_array) = self.json_one_or_many(count_max)?;
        let mut checks = Checks::default();
        let read = |(index, order): (usize, T)| {
            let mut own = Checks::default();
            let value = read(&mut own, order).filter(|_| own.is_fine());
            checks.append(own, is_array.then_some(index));
            value
        };
        let values: Vec<_> = orders.into_iter().enumerate().map(read).collect();
        let values = values.into_iter().collect::<Option<_>>().ok_or_else(|| checks.into_error())?;
        Ok((values, is_array))
    }

    fn json_one_or_many<T: DeserializeOwned>(&self, count_max: usize) -> Result<(Vec<T>, bool), ApiError> {
        let bytes = self.bytes()?;
        if first_byte(bytes) == Some(b'[') {
            let values: Vec<&RawValue> = serde_json::from_slice(bytes).or(Err(ErrorCode::InvalidJson))?;
            let few = values.into_iter().take(count_max.saturating_add(1)).enumerate();
            let items = few.map(|(index, value)| parse_item(value.get(), index)).collect::<Result<_, _>>()?;
            return Ok((items, true));
        }
        Ok((vec![self.json()?], false))
    }
}

/// Reads one item of an array; it must be an object.
fn parse_item<T: DeserializeOwned>(json: &str, index: usize) -> Result<T, ApiError> {
    if first_byte(json.as_bytes()) != Some(b'{') {
        return Err(ApiError::field(&format!("[{index}]"), "must be a JSON object"));
    }
    parse(json.as_bytes()).map_err(|error| error.in_item(index))
}
