//! The body format of an invoice's own webhook.

/// The body format of an invoice's own webhook. Endpoints receive events, which have a single
/// format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookFormat {
    /// The one in the reference: `amount` in sat, `comment`, and the fields of a payment.
    Reference,
    /// LNbits' payment: `amount` in msat.
    Lnbits,
}

impl WebhookFormat {
    /// The name in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Lnbits => "lnbits",
        }
    }

    /// The format with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Reference, Self::Lnbits].into_iter().find(|format| format.as_str() == name)
    }
}
