//! What a pay link adds to its webhook: headers and a body, both JSON.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::super::json::check_portable;

/// The longest text of headers, and of a body, in bytes.
pub const WEBHOOK_JSON_BYTES_MAX: usize = 4096;
/// Headers of one link at most.
const HEADERS_MAX: usize = 20;
/// Headers that are about the connection, or say who sends the webhook and what is in it.
const RESERVED: [&str; 16] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];
/// How headers of our own begin.
const OWN: &str = "x-satkeep-";

/// Headers that go with a webhook, by lower-case names.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookHeaders {
    json: String,
    headers: Vec<(String, String)>,
}

/// A JSON text that goes with a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookBody(String);

/// Why a text is neither.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebhookPart {
    /// It is too long.
    #[error("must be at most {WEBHOOK_JSON_BYTES_MAX} bytes long")]
    TooLong,
    /// Headers that are no JSON object of texts.
    #[error(
        "is wrong: Invalid JSON in webhook_headers. It must be an object of texts, as {{\"Authorization\": \"Bearer …\"}}"
    )]
    Headers,
    /// A body that is no JSON.
    #[error("is wrong: Invalid JSON in webhook_body.")]
    Body,
    /// There are too many headers.
    #[error("must be at most {HEADERS_MAX} headers, each named once")]
    TooMany,
    /// A header that cannot be sent as it is.
    #[error("must name headers of letters, digits and hyphens, with values of printable ASCII")]
    Form,
    /// A header that is not the link's to set.
    #[error("must not set the header {0}, which is set by the server")]
    Reserved(String),
}

impl WebhookHeaders {
    /// Checks headers: a JSON object of texts.
    pub fn new(json: String) -> Result<Self, InvalidWebhookPart> {
        if json.len() > WEBHOOK_JSON_BYTES_MAX {
            return Err(InvalidWebhookPart::TooLong);
        }
        let map: BTreeMap<String, String> = serde_json::from_str(&json).or(Err(InvalidWebhookPart::Headers))?;
        if map.len() > HEADERS_MAX {
            return Err(InvalidWebhookPart::TooMany);
        }
        let mut headers: Vec<(String, String)> = Vec::with_capacity(map.len());
        for (name, value) in map {
            let name = name.to_ascii_lowercase();
            let is_name = !name.is_empty() && name.bytes().all(is_of_name);
            if !is_name || !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return Err(InvalidWebhookPart::Form);
            }
            if RESERVED.contains(&name.as_str()) || name.starts_with(OWN) {
                return Err(InvalidWebhookPart::Reserved(name));
            }
            if headers.iter().any(|(other, _)| *other == name) {
                return Err(InvalidWebhookPart::TooMany);
            }
            headers.push((name, value));
        }
        Ok(Self { json, headers })
    }

    /// The text, as it was given.
    pub fn as_str(&self) -> &str {
        &self.json
    }

    /// Names and values.
    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.headers
    }
}

impl std::fmt::Debug for WebhookHeaders {
    /// Without the values, which are often secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.headers.iter().map(|(name, _)| name)).finish()
    }
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

impl WebhookBody {
    /// Checks a JSON text.
    pub fn new(json: String) -> Result<Self, InvalidWebhookPart> {
        if json.len() > WEBHOOK_JSON_BYTES_MAX {
            return Err(InvalidWebhookPart::TooLong);
        }
        serde_json::from_str::<&RawValue>(&json).or(Err(InvalidWebhookPart::Body))?;
        check_portable(&json).or(Err(InvalidWebhookPart::Body))?;
        Ok(Self(json))
    }

    /// The text, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(json: &str) -> Result<Vec<(String, String)>, InvalidWebhookPart> {
        WebhookHeaders::new(json.to_owned()).map(WebhookHeaders::into_pairs)
    }

    #[test]
    fn headers_are_an_object_of_texts() {
        let read = headers(r#"{"Authorization": "Bearer x", "X-Shop": "7"}"#).unwrap();
        assert_eq!(read, [("authorization", "Bearer x"), ("x-shop", "7")].map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(headers("{}"), Ok(Vec::new()));
        for json in ["", "[]", "7", "{", r#"{"a": 1}"#, r#"{"a": null}"#, "not json"] {
            assert_eq!(headers(json), Err(InvalidWebhookPart::Headers), "{json}");
        }
        for json in [r#"{"": "x"}"#, r#"{"a b": "x"}"#, r#"{"a:": "x"}"#, r#"{"a": "x\r\nHost: y"}"#, r#"{"a": "ä"}"#]
        {
            assert_eq!(headers(json), Err(InvalidWebhookPart::Form), "{json}");
        }
        assert_eq!(headers(r#"{"a": "x", "A": "y"}"#), Err(InvalidWebhookPart::TooMany));
        assert_eq!(headers(&format!(r#"{{"a": "{}"}}"#, "x".repeat(5000))), Err(InvalidWebhookPart::TooLong));
    }

    #[test]
    fn headers_of_the_server_are_not_set() {
        for name in ["Host", "content-length", "X-Satkeep-Signature", "webhook-id", "Transfer-Encoding", "Connection"] {
            let name = name.to_owned();
            let refused = InvalidWebhookPart::Reserved(name.to_lowercase());
            assert_eq!(headers(&format!(r#"{{"{name}": "x"}}"#)), Err(refused), "{name}");
        }
    }

    #[test]
    fn a_body_is_any_json() {
        for json in ["{}", "[1, 2]", "\"x\"", "7.50", "null"] {
            assert_eq!(WebhookBody::new(json.to_owned()).unwrap().as_str(), json);
        }
        for json in ["", "{", "x", "1e999"] {
            assert_eq!(WebhookBody::new(json.to_owned()), Err(InvalidWebhookPart::Body), "{json}");
        }
    }
}
