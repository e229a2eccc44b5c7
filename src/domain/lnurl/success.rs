//! What a wallet shows once a pay link was paid (LUD-09).

use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use super::super::text::InvalidText;
use super::service_url::SERVICE_URL_BYTES_MAX;

/// The longest text that is shown, in characters.
pub const SUCCESS_CHARS_MAX: usize = 144;

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "tag", rename_all = "lowercase")]
pub enum SuccessAction {
    /// A text.
    Message {
        /// At most [`SUCCESS_CHARS_MAX`] characters.
        message: SuccessText,
    },
    /// A web page to open.
    Url {
        /// What is there: at most [`SUCCESS_CHARS_MAX`] characters, and may be empty.
        description: SuccessText,
        /// Where it is.
        url: SuccessUrl,
    },
}

/// A text of at most [`SUCCESS_CHARS_MAX`] characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
pub struct SuccessText(String);

/// The https URL of a web page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
pub struct SuccessUrl(String);

/// Why a URL is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSuccessUrl {
    /// It is too long.
    #[error("Success URL must be at most {SERVICE_URL_BYTES_MAX} bytes long.")]
    TooLong,
    /// It is not one of a page over https.
    #[error("Success URL must be secure https://...")]
    NotHttps,
    /// It has a user name or a password.
    #[error("Success URL must be without user name and password.")]
    Credentials,
}

impl SuccessText {
    /// Checks a text.
    pub fn new(text: String) -> Result<Self, InvalidText> {
        // No text has more characters than bytes, so a long one is not counted to its end.
        if text.chars().nth(SUCCESS_CHARS_MAX).is_some() {
            return Err(InvalidText::TooManyCharacters { max: SUCCESS_CHARS_MAX });
        }
        if text.contains('\0') {
            return Err(InvalidText::Nul);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SuccessUrl {
    /// Checks a URL, which is kept as it is written.
    pub fn new(text: String) -> Result<Self, InvalidSuccessUrl> {
        if text.len() > SERVICE_URL_BYTES_MAX {
            return Err(InvalidSuccessUrl::TooLong);
        }
        let is_clean = !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\');
        let url = Url::parse(&text).ok().filter(|url| is_clean && url.scheme() == "https" && url.has_host());
        let url = url.ok_or(InvalidSuccessUrl::NotHttps)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidSuccessUrl::Credentials);
        }
        Ok(Self(text))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the page is at a host, which is in lower case. Wallets may refuse to pay where it
    /// is not that of the callback (LUD-09).
    pub fn is_at(&self, host: &str) -> bool {
        Url::parse(&self.0).is_ok_and(|url| url.host_str() == Some(host))
    }
}

impl SuccessAction {
    /// What a link shows that has this text and this URL.
    pub fn of(text: Option<SuccessText>, url: Option<SuccessUrl>) -> Option<Self> {
        match (text, url) {
            (description, Some(url)) => Some(Self::Url { description: description.unwrap_or_default(), url }),
            (Some(message), None) if !message.0.is_empty() => Some(Self::Message { message }),
            (_, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The JSON of what a link with these shows.
    fn json(text: Option<&str>, url: Option<&str>) -> Option<String> {
        let text = text.map(|text| SuccessText::new(text.to_owned()).unwrap());
        let url = url.map(|url| SuccessUrl::new(url.to_owned()).unwrap());
        SuccessAction::of(text, url).map(|action| serde_json::to_string(&action).unwrap())
    }

    #[test]
    fn actions_are_written_as_the_lud_has_them() {
        let message = r#"{"tag":"message","message":"Danke, Zoë"}"#;
        assert_eq!(json(Some("Danke, Zoë"), None).as_deref(), Some(message));
        let both = r#"{"tag":"url","description":"Your order","url":"https://a.example/1?x"}"#;
        assert_eq!(json(Some("Your order"), Some("https://a.example/1?x")).as_deref(), Some(both));
        let bare = r#"{"tag":"url","description":"","url":"https://a.example"}"#;
        assert_eq!(json(None, Some("https://a.example")).as_deref(), Some(bare));
        assert_eq!((json(None, None), json(Some(""), None)), (None, None));
    }

    #[test]
    fn texts_are_counted_in_characters() {
        assert!(SuccessText::new("é".repeat(SUCCESS_CHARS_MAX)).is_ok());
        let long = SuccessText::new("x".repeat(SUCCESS_CHARS_MAX + 1));
        assert_eq!(long, Err(InvalidText::TooManyCharacters { max: 144 }));
        assert_eq!(SuccessText::new("a\0".to_owned()), Err(InvalidText::Nul));
    }

    #[test]
    fn pages_are_over_https() {
        for url in ["https://a.example", "HTTPS://A.Example/x", "https://a.example:8443/x?y=z#part", "https://a.onion/"]
        {
            assert_eq!(SuccessUrl::new(url.to_owned()).unwrap().as_str(), url);
        }
        for url in [
            "",
            "a.example",
            "http://a.example",
            "ftp://a",
            "javascript:alert(1)",
            "https://",
            "https://a/ b",
            "https:\\\\a",
            "https://a\n",
        ] {
            assert_eq!(SuccessUrl::new(url.to_owned()), Err(InvalidSuccessUrl::NotHttps), "{url}");
        }
        assert_eq!(SuccessUrl::new("https://u:p@a.example".to_owned()), Err(InvalidSuccessUrl::Credentials));
        let long = format!("https://a.example/{}", "x".repeat(SERVICE_URL_BYTES_MAX));
        assert_eq!(SuccessUrl::new(long), Err(InvalidSuccessUrl::TooLong));
        let page = SuccessUrl::new("https://A.example:8443/x".to_owned()).unwrap();
        assert!(page.is_at("a.example") && !page.is_at("b.example") && !page.is_at("example"));
    }
}
