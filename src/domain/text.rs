//! Texts from clients: names, memos, emails, webhook targets. Each is checked once, when it is
//! created, and its error tells the client what to change.

use std::fmt;

/// The longest name of a user or wallet, in bytes.
pub const NAME_BYTES_MAX: usize = 255;
/// The longest memo, in bytes: what BOLT11's field `d` can hold (1023 groups of five bits).
pub const MEMO_BYTES_MAX: usize = 639;
/// The longest email address (RFC 5321), in bytes.
pub const EMAIL_BYTES_MAX: usize = 254;
/// The longest user name, in characters.
pub const USERNAME_MAX: usize = 64;
/// The longest name of a player's client, in bytes.
pub const CLIENT_BYTES_MAX: usize = 255;
/// The longest webhook target, in bytes.
pub const WEBHOOK_BYTES_MAX: usize = 2048;

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It is too long.
    #[error("must be at most {max} bytes long")]
    TooLong {
        /// The maximum length, in bytes.
        max: usize,
    },
    /// It has too many characters.
    #[error("must be at most {max} characters long")]
    TooManyCharacters {
        /// The maximum number of characters.
        max: usize,
    },
    /// It contains a character that cannot be stored.
    #[error("must not contain the character U+0000")]
    Nul,
    /// It is not of the required form.
    #[error("must be {0}")]
    Form(&'static str),
}

/// The text after a prefix, ignoring case.
pub(in crate::domain) fn strip_start<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    text.split_at_checked(start.len()).filter(|(found, _)| found.eq_ignore_ascii_case(start)).map(|(_, rest)| rest)
}

fn checked(text: String, max: usize) -> Result<String, InvalidText> {
    if text.len() > max {
        Err(InvalidText::TooLong { max })
    } else if text.contains('\0') {
        Err(InvalidText::Nul)
    } else {
        Ok(text)
    }
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The owned text.
            pub fn into_inner(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text!(
    /// The name of a user or a wallet: not empty, at most [`NAME_BYTES_MAX`] bytes.
    Name
);
text!(
    /// What a payment is for: at most [`MEMO_BYTES_MAX`] bytes, and may be empty.
    Memo
);
text!(
    /// An email address: something, an `@`, something. Only a sent message can verify more than
    /// that.
    Email
);
text!(
    /// The user name that a manager or an operator logs in with: 2 to [`USERNAME_MAX`] ASCII
    /// letters, digits and `.`, `_`, `@`, `-`; stored in lower case, because it is
    /// case-insensitive.
    Username
);
text!(
    /// The name of the client that a player uses: at most [`CLIENT_BYTES_MAX`] bytes.
    ClientName
);
text!(
    /// Where to report that an invoice was paid: an http or https URL without credentials.
    WebhookUrl
);

impl Name {
    /// Checks a name.
    pub fn new(text: String) -> Result<Self, InvalidText> {
        if text.trim().is_empty() {
            return Err(InvalidText::Empty);
        }
        checked(text, NAME_BYTES_MAX).map(Self)
    }

    /// A name that was checked before it was stored.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }
}

/// Every user name is a valid name.
impl From<Username> for Name {
    fn from(username: Username) -> Self {
        Self(username.0)
    }
}

impl Memo {
    /// Checks a memo.
    pub fn new(text: String) -> Result<Self, InvalidText> {
        checked(text, MEMO_BYTES_MAX).map(Self)
    }
}

impl Email {
    /// Checks an email address.
    pub fn new(text: String) -> Result<Self, InvalidText> {
        let text = checked(text, EMAIL_BYTES_MAX)?;
        let well_formed = !text.contains(char::is_whitespace)
            && text.rsplit_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
        if well_formed { Ok(Self(text)) } else { Err(InvalidText::Form("an email address")) }
    }
}

impl Username {
    /// Checks a user name.
    pub fn new(mut text: String) -> Result<Self, InvalidText> {
        let sane = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte));
        if sane && (2..=USERNAME_MAX).contains(&text.len()) {
            text.make_ascii_lowercase();
            Ok(Self(text))
        } else {
            Err(InvalidText::Form("2 to 64 letters (a to z), digits, `.`, `_`, `@` or `-`"))
        }
    }
}

impl ClientName {
    /// Checks the name of a client.
    pub fn new(text: String) -> Result<Self, InvalidText> {
        checked(text, CLIENT_BYTES_MAX).map(Self)
    }
}

impl WebhookUrl {
    /// Checks a webhook target.
    pub fn new(text: String) -> Result<Self, InvalidText> {
        const FORM: InvalidText = InvalidText::Form("an http or https URL without user name and password");
        let text = checked(text, WEBHOOK_BYTES_MAX)?;
        let url = url::Url::parse(&text).or(Err(FORM))?;
        let plain = url.username().is_empty() && url.password().is_none();
        if matches!(url.scheme(), "http" | "https") && url.has_host() && plain { Ok(Self(text)) } else { Err(FORM) }
    }
}
