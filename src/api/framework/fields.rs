//! What the fields are that the bodies of requests share: their bounds and forms, for the
//! document. A handler that says something else of a field stands above this.

use utoipa::openapi::schema::{AnyOfBuilder, Schema, Type};
use utoipa::openapi::{Object, ObjectBuilder};

use crate::api::framework::body::BODY_BYTES_MAX;
use crate::api::framework::leniency::{HASH, ID};
use crate::api::framework::numerals;
use crate::crypto::password::PASSWORD_BYTES_MAX;
use crate::domain::external_id::EXTERNAL_ID_CHARS_MAX;
use crate::domain::money::SAT_MAX;
use crate::domain::text::{EMAIL_BYTES_MAX, MEMO_BYTES_MAX, NAME_BYTES_MAX, USERNAME_MAX, WEBHOOK_BYTES_MAX};

/// A text with something to see in it.
const VISIBLE: &str = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$";
/// Nothing but what is to be seen.
const EXTERNAL_ID: &str = "^[^\\s\\u0000-\\u001F\\u007F-\\u009F]+$";
const EMAIL: &str = "^[^\\s\\u0000]+@[^\\s\\u0000@]+$";
const USERNAME: &str = "^[A-Za-z0-9._@-]*$";
const WEB: &str = "^\\s*[Hh][Tt][Tt][Pp][Ss]?:[^\\u0000]+$";
const HEX: &str = "^([0-9a-fA-F]{2})*$";
const SAT: &str = "^[Ss][Aa][Tt]$";
/// Sat, or the code of a currency.
const UNIT: &str = "^([Ss][Aa][Tt]|[A-Z]{3})$";
/// A decimal number above zero as text, or zero, which is refused.
const DECIMAL: &str = "^\\s*\\+?[0-9]{1,18}(\\.[0-9]{1,8})?\\s*$";
/// Any text at all: what is only hashed, or not looked at, is never kept.
const ANY: &str = "^[\\s\\S]*$";

/// Says of a field what it is, where its handler does not.
pub fn complete(name: &str, object: &mut Object) {
    match name {
        "name" | "user_name" | "wallet_name" | "card_name" => text(object, VISIBLE, NAME_BYTES_MAX),
        "memo" => text(object, crate::api::framework::leniency::STORABLE, MEMO_BYTES_MAX),
        "email" => text(object, EMAIL, EMAIL_BYTES_MAX),
        "username" => {
            text(object, USERNAME, USERNAME_MAX);
            object.min_length = object.min_length.or(Some(2));
        }
        "external_id" => text(object, EXTERNAL_ID, EXTERNAL_ID_CHARS_MAX),
        "password" | "password_old" | "password_repeat" => text(object, ANY, PASSWORD_BYTES_MAX),
        "webhook" | "url" => text(object, WEB, WEBHOOK_BYTES_MAX),
        "id" | "userid" | "user_id" | "admin_id" | "from_wallet" | "to_wallet" | "wallet" | "hold" => {
            text(object, ID, 32);
        }
        "description_hash" => text(object, HASH, 64),
        "unhashed_description" => text(object, HEX, BODY_BYTES_MAX),
        "unit" => text(object, SAT, 3),
        "bolt11" | "data" => text(object, crate::api::framework::leniency::STORABLE, BODY_BYTES_MAX),
        "extension" => text(object, ANY, BODY_BYTES_MAX),
        "amount" | "payment_max_sat" | "day_max_sat" => {
            let sat_max = isize::try_from(SAT_MAX).unwrap_or(isize::MAX);
            object.minimum = object.minimum.take().or(Some(sat_max.saturating_neg().into()));
            object.maximum = object.maximum.take().or(Some(sat_max.into()));
        }
        _ => {}
    }
}

/// A schema of how much: whole sat, or a decimal number where the unit is a currency.
pub fn amount() -> Schema {
    amount_of(ObjectBuilder::new().schema_type(Type::Number).exclusive_minimum(Some(0)))
}

/// As [`amount`], where it may be nothing.
pub fn amount_or_nothing() -> Schema {
    amount_of(ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0)))
}

fn amount_of(number: ObjectBuilder) -> Schema {
    let number = number.maximum(Some(isize::try_from(SAT_MAX).unwrap_or(isize::MAX)));
    let text = |pattern: &str| ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build();
    AnyOfBuilder::new()
        .item(number.build())
        .item(text(&numerals::integers(1, SAT_MAX)))
        .item(text(DECIMAL))
        .description(Some("How much: whole sat, or a decimal number where `unit` is a currency."))
        .examples([serde_json::json!(1000)])
        .into()
}

/// A schema of the unit of an amount.
pub fn unit() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(UNIT))
        .description(Some("The unit of `amount`: `sat`, or a currency of `GET /api/v1/currencies`, in upper case."))
        .examples([serde_json::json!("sat")])
        .build()
}

/// Whether a field that is a text may be given as a number, because one may look like it.
pub fn may_be_number(name: &str) -> bool {
    matches!(
        name,
        "name"
            | "user_name"
            | "wallet_name"
            | "card_name"
            | "username"
            | "external_id"
            | "password"
            | "password_old"
            | "password_repeat"
            | "memo"
            | "unhashed_description"
            | "extension"
    )
}

fn text(object: &mut Object, pattern: &str, length_max: usize) {
    if object.enum_values.is_none() {
        object.pattern = object.pattern.take().or_else(|| Some(pattern.to_owned()));
        object.max_length = object.max_length.or(Some(length_max));
    }
}
