//! What the API shows of pay links.

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::ids::WalletId;
use crate::domain::lnurl::address::Authority;
use crate::domain::lnurl::places::{Base, Places};
use crate::domain::text::WebhookUrl;
use crate::services::StoreError;
use crate::services::pay_links::serve::page_of;
use crate::services::pay_links::{PayLink, Terms};

/// A pay link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PayLink, example = json!({
    "id": "Xk3mPq7RtW",
    "wallet": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "description": "Tips for the game",
    "min": 1,
    "max": 100_000,
    "served_meta": 3,
    "served_pr": 1,
    "comment_chars": 120,
    "created_at": "2025-11-21T04:40:00Z",
    "updated_at": "2025-11-21T04:40:00Z",
    "lnurl": "LNURL1DP68GURN8GHJ7…",
    "username": "bob",
    "zaps": false,
    "webhook_url": null,
    "webhook_headers": null,
    "webhook_body": null,
    "success_text": "Thank you",
    "success_url": null,
    "currency": null,
    "fiat_base_multiplier": 100,
    "disposable": true,
    "domain": "pay.example"
}))]
pub struct PayLinkView {
    /// Its id.
    id: String,
    /// The wallet that is paid.
    #[schema(value_type = String)]
    wallet: WalletId,
    /// What it is for.
    description: String,
    /// The least that it takes: in sat, or in the currency, times `fiat_base_multiplier`.
    #[schema(value_type = f64)]
    min: Box<RawValue>,
    /// The most that it takes, likewise.
    #[schema(value_type = f64)]
    max: Box<RawValue>,
    /// How often it was looked at.
    served_meta: i64,
    /// How often it has given an invoice.
    served_pr: i64,
    /// How long a comment may be, in characters.
    comment_chars: u16,
    /// When it was created, as ISO 8601.
    created_at: String,
    /// When it was last changed, as ISO 8601.
    updated_at: String,
    /// What a QR code holds (LUD-01); null where it is not known what the outside calls this server.
    lnurl: Option<String>,
    /// The name of its Lightning address.
    username: Option<String>,
    /// Always false.
    zaps: bool,
    /// Who is told of payments.
    webhook_url: Option<String>,
    /// Headers of that, as a JSON text; null to an invoice key.
    webhook_headers: Option<String>,
    /// What stands in its member `body`, as a JSON text.
    webhook_body: Option<String>,
    /// What a payer is shown.
    success_text: Option<String>,
    /// Where a payer is sent.
    success_url: Option<String>,
    /// The currency of `min` and `max`; null where they are in sat.
    currency: Option<String>,
    /// By what `min` and `max` are multiplied, where they are in a currency.
    fiat_base_multiplier: i64,
    /// False where wallets should keep the link.
    disposable: bool,
    /// The host of its URLs and its address.
    domain: Option<String>,
}

/// What anybody sees of a pay link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PublicPayLink, example = json!({
    "id": "Xk3mPq7RtW",
    "username": "bob",
    "description": "Tips for the game",
    "min": 1,
    "max": 100_000,
    "domain": "pay.example",
    "currency": null,
    "lnurl": "LNURL1DP68GURN8GHJ7…"
}))]
pub struct PublicView {
    /// Its id.
    id: String,
    /// The name of its Lightning address.
    username: Option<String>,
    /// What it is for.
    description: String,
    /// The least that it takes.
    #[schema(value_type = f64)]
    min: Box<RawValue>,
    /// The most that it takes.
    #[schema(value_type = f64)]
    max: Box<RawValue>,
    /// The host of its URLs and its address.
    domain: Option<String>,
    /// The currency of `min` and `max`; null where they are in sat.
    currency: Option<String>,
    /// What a QR code holds.
    lnurl: Option<String>,
}

/// For whom links are shown.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// What this server is called.
    pub places: Places,
    /// By which host it was asked.
    pub requested: Option<Authority>,
    /// The wallet whose links are shown with the headers of their webhooks, which may give power: that of
    /// an admin key.
    pub shows_headers_of: Option<WalletId>,
}

impl Viewer {
    fn base(&self, link: &PayLink) -> Option<Base> {
        self.places.base(link.terms.domain.as_ref(), self.requested.as_ref())
    }
}

fn lnurl(link: &PayLink, base: Option<&Base>) -> Option<String> {
    page_of(link, base?).map(|url| url.to_bech32())
}

/// An amount as it is shown: as LNbits does, times the multiplier where it is in a currency.
fn shown(terms: &Terms, amount: Decimal) -> Result<Box<RawValue>, StoreError> {
    let times = if terms.currency.is_some() { Decimal::from(terms.fiat_base_multiplier) } else { Decimal::ONE };
    let product = amount.checked_mul(times).ok_or_else(|| StoreError::Broken("the amount of a pay link".to_owned()))?;
    RawValue::from_string(product.normalize().to_string()).map_err(|error| StoreError::Fault(error.to_string()))
}

impl PayLinkView {
    /// Shows a link to a key of its user.
    pub fn new(link: PayLink, viewer: &Viewer) -> Result<Self, StoreError> {
        let base = viewer.base(&link);
        let lnurl = lnurl(&link, base.as_ref());
        let PayLink { public_id, wallet, terms, served_meta, served_pr, created_at, updated_at, .. } = link;
        Ok(Self {
            id: public_id.as_str().to_owned(),
            wallet,
            min: shown(&terms, terms.range.min())?,
            max: shown(&terms, terms.range.max())?,
            description: terms.description.into_inner(),
            served_meta,
            served_pr,
            comment_chars: terms.comment.get(),
            created_at: created_at.to_iso(),
            updated_at: updated_at.to_iso(),
            lnurl,
            username: terms.username.map(|name| name.to_string()),
            zaps: false,
            webhook_url: terms.webhook.map(WebhookUrl::into_inner),
            webhook_headers: terms
                .webhook_headers
                .filter(|_| viewer.shows_headers_of == Some(wallet))
                .map(|headers| headers.as_str().to_owned()),
            webhook_body: terms.webhook_body.map(|body| body.as_str().to_owned()),
            success_text: terms.success_text.map(|text| text.as_str().to_owned()),
            success_url: terms.success_url.map(|url| url.as_str().to_owned()),
            currency: terms.currency,
            fiat_base_multiplier: terms.fiat_base_multiplier,
            disposable: terms.disposable,
            domain: base.map(|base| base.authority().to_string()),
        })
    }
}

impl PublicView {
    /// Shows a link to anybody.
    pub fn new(link: &PayLink, base: &Base) -> Result<Self, StoreError> {
        let terms = &link.terms;
        Ok(Self {
            id: link.public_id.as_str().to_owned(),
            username: terms.username.as_ref().map(ToString::to_string),
            description: terms.description.as_str().to_owned(),
            min: shown(terms, terms.range.min())?,
            max: shown(terms, terms.range.max())?,
            domain: Some(base.authority().to_string()),
            currency: terms.currency.clone(),
            lnurl: lnurl(link, Some(base)),
        })
    }
}
