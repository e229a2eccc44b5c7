//! Texts that clients give: names, memos, emails, webhook targets. Each is checked once,
//! where it is made, and says what is wrong in words that the client can act on.

use std::fmt;

/// The longest name of a user or wallet, in bytes.
pub const NAME_BYTES_MAX: usize = 255;
/// The longest memo, in bytes: what BOLT11 holds in its field `d` (1023 groups of five bits).
pub const MEMO_BYTES_MAX: usize = 639;
/// The longest email address (RFC 5321), in bytes.
pub const EMAIL_BYTES_MAX: usize = 254;
/// The longest user name, in characters.
pub const USERNAME_MAX: usize = 64;
/// The longest reference to something in another system, in characters.
pub const EXTERNAL_ID_MAX: usize = 256;
/// The longest name of a player's client, in bytes.
pub const CLIENT_BYTES_MAX: usize = 255;
/// The longest webhook target, in bytes.
pub const WEBHOOK_BYTES_MAX: usize = 2048;

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// There is none.
    #[error("must not be empty")]
    Empty,
    /// It is too long.
    #[error("must be at most {max} bytes long")]
    TooLong {
        /// The longest that is accepted, in bytes.
        max: usize,
    },
    /// It has too many characters.
    #[error("must be at most {max} characters long")]
    TooManyCharacters {
        /// How many are accepted.
        max: usize,
    },
    /// It holds a character that no store can keep.
    #[error("must not contain the character U+0000")]
    Nul,
    /// Not of the form that is asked for.
    #[error("must be {0}")]
    Form(&'static str),
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

            /// The text, given away.
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
    /// An email address: something, an `@`, something. More than that only a letter proves.
    Email
);
text!(
    /// What a manager or an operator logs in as: 2 to [`USERNAME_MAX`] ASCII letters, digits and
    /// `.`, `_`, `@`, `-`; kept in lower case, because case makes no difference.
    Username
);
text!(
    /// What another system calls the same thing: 1 to [`EXTERNAL_ID_MAX`] visible characters.
    ExternalId
);
text!(
    /// From where a player comes, as its game sees it: at most [`CLIENT_BYTES_MAX`] bytes.
    ClientName
);
text!(
    /// Where to tell that an invoice was paid: an http or https URL without credentials.
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

/// A user name is a name as well.
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

impl ExternalId {
    /// Checks a reference.
    pub fn new(text: String) -> Result<Self, InvalidText> {
        // No text has more characters than bytes, so a long one is not counted to its end.
        let is_short = text.chars().nth(EXTERNAL_ID_MAX).is_none();
        let is_visible = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        if is_short && is_visible { Ok(Self(text)) } else { Err(InvalidText::Form("1 to 256 visible characters")) }
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
