//! What the body of an invoice's own webhook looks like.

/// What the body of an invoice's own webhook looks like. Endpoints are told of events, which have
/// one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookFormat {
    /// As the reference describes it: `amount` in sat, `comment`, and the fields of a payment.
    Reference,
    /// LNbits' payment: `amount` in msat.
    Lnbits,
}

impl WebhookFormat {
    /// The name by which it is stored, and by which the API calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Lnbits => "lnbits",
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Reference, Self::Lnbits].into_iter().find(|format| format.as_str() == name)
    }
}
