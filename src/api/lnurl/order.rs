//! What a pay link is to be, as clients say it.

use rust_decimal::Decimal;
use serde::Deserialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::api::framework::body::{Given, lenient};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::leniency;
use crate::api::framework::params::Checks;
use crate::domain::ids::WalletId;
use crate::domain::lnurl::address::{Authority, LinkName};
use crate::domain::lnurl::pay_range::{PayRange, RangeUnit};
use crate::domain::lnurl::sendable::CommentLimit;
use crate::domain::lnurl::success::{SuccessText, SuccessUrl};
use crate::domain::lnurl::webhook::{WebhookBody, WebhookHeaders};
use crate::domain::money::{Amount, check_unit};
use crate::domain::text::Memo;
use crate::services::Policy;
use crate::services::pay_links::Terms;

/// By what amounts in a currency are multiplied where they are shown, as far as anybody says.
const MULTIPLIER_MAX: i64 = 1_000_000;
/// The same where nothing is said.
const MULTIPLIER: i64 = 100;

/// A pay link to create, or all that one is to be from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"description": "Tips for the game", "min": 1, "max": 100_000, "comment_chars": 120}))]
pub(super) struct PayLinkOrder {
    /// What it is for: at most 639 bytes. Where the link has a username, payers see that instead.
    #[serde(default, deserialize_with = "lenient")]
    description: Option<String>,
    /// The wallet that is paid; that of the key where nothing is said. Another one must be of the
    /// same user.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9a-fA-F]{32}$", max_length = 32)]
    wallet: Option<String>,
    /// The least that it takes: in whole sat, or in the currency with up to 8 decimals; 1 where
    /// nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(schema_with = amount)]
    min: Option<Decimal>,
    /// The most that it takes; 1 where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(schema_with = amount)]
    max: Option<Decimal>,
    /// How long a payer's comment may be, in characters; none is taken where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 0, maximum = 799)]
    comment_chars: Option<i64>,
    /// The currency of `min` and `max`, as `USD`; sat where nothing is said. Needs rates.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "sat", pattern = "^[A-Za-z]{3}$")]
    currency: Option<String>,
    /// By what amounts in a currency are multiplied where they are shown; 100 where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    fiat_base_multiplier: Option<i64>,
    /// The name of a Lightning address, which is `username@host`.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "bob", pattern = "^[a-z0-9._-]+$", min_length = 1, max_length = 210)]
    username: Option<String>,
    /// Who is told of payments.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "https://game.example/paid", max_length = 2048)]
    webhook_url: Option<String>,
    /// Headers of that, as a JSON text: an object of texts.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 4096)]
    webhook_headers: Option<String>,
    /// What stands in its member `body`, as a JSON text.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 4096)]
    webhook_body: Option<String>,
    /// What a payer is shown: at most 144 characters.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 144)]
    success_text: Option<String>,
    /// Where a payer is sent: an https URL.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 2048)]
    success_url: Option<String>,
    /// False where wallets should keep the link; true where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    disposable: Option<bool>,
    /// The host of the link's URLs and address: that of `--public-url`, or an allowed one.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 260)]
    domain: Option<String>,
    #[serde(default)]
    #[schema(ignore)]
    zaps: Given,
}

/// A pay link that says what it is for.
pub(super) struct WholePayLink;

impl PartialSchema for WholePayLink {
    fn schema() -> RefOr<Schema> {
        leniency::requiring::<PayLinkOrder>(&["description"]).into()
    }
}

impl ToSchema for WholePayLink {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((PayLinkOrder::name().into(), PayLinkOrder::schema()));
    }
}

/// An amount in a body, for the document.
fn amount() -> Schema {
    let most = 2_100_000_000_000_000_isize;
    let number = ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0.01)).maximum(Some(most)).build();
    let text =
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[1-9][0-9]{0,14}(\\.[0-9]{1,8})?$")).build();
    AnyOfBuilder::new().item(number).item(text).into()
}

impl PayLinkOrder {
    /// Checks what is asked, and tells everything that is wrong with it.
    pub(super) fn read(self, policy: &Policy) -> Result<(Option<WalletId>, Terms), ApiError> {
        // A foreign wallet is not there, whatever it is called.
        let wallet = self.wallet.as_deref().map(|id| id.parse().or(Err(ErrorCode::WalletNotFound))).transpose()?;
        let mut checks = Checks::default();
        self.zaps.refuse(&mut checks, "zaps", "Nostr zaps are not sent; leave it out");
        let description = checks.require("description", self.description, Memo::new);
        let currency = self.currency.filter(|code| check_unit(code).is_err()).map(|code| code.to_ascii_uppercase());
        let range = range(&mut checks, (self.min, self.max), currency.is_some(), policy);
        let comment = checks.check("comment_chars", CommentLimit::new(self.comment_chars.unwrap_or_default()));
        let multiplier = self.fiat_base_multiplier.unwrap_or(MULTIPLIER);
        if !(1..=MULTIPLIER_MAX).contains(&multiplier) {
            checks.add("fiat_base_multiplier", format_args!("must be a whole number from 1 to {MULTIPLIER_MAX}"));
        }
        let username = checks.check_opt("username", self.username, LinkName::new);
        let webhook = checks.check_opt("webhook_url", self.webhook_url, |text| policy.targets.accept(text));
        let headers = checks.check_opt("webhook_headers", self.webhook_headers, WebhookHeaders::new);
        let body = checks.check_opt("webhook_body", self.webhook_body, WebhookBody::new);
        let success_text = checks.check_opt("success_text", self.success_text, SuccessText::new);
        let success_url = checks.check_opt("success_url", self.success_url, SuccessUrl::new);
        let domain = checks.check_opt("domain", self.domain, |text| text.parse::<Authority>());
        if !checks.is_fine() {
            return Err(checks.into_error());
        }
        let (Some(description), Some(range), Some(comment)) = (description, range, comment) else {
            return Err(checks.into_error());
        };
        let terms = Terms {
            description,
            range,
            currency,
            fiat_base_multiplier: multiplier,
            comment,
            username: username.flatten(),
            webhook: webhook.flatten(),
            webhook_headers: headers.flatten(),
            webhook_body: body.flatten(),
            success_text: success_text.flatten(),
            success_url: success_url.flatten(),
            disposable: self.disposable.unwrap_or(true),
            domain: domain.flatten(),
        };
        Ok((wallet, terms))
    }
}

/// How much the link is to take; in sat, no more than an invoice may ask for.
fn range(
    checks: &mut Checks,
    (min, max): (Option<Decimal>, Option<Decimal>),
    has_currency: bool,
    policy: &Policy,
) -> Option<PayRange> {
    let unit = if has_currency { RangeUnit::Currency } else { RangeUnit::Sat };
    let range = PayRange::new(min.unwrap_or(Decimal::ONE), max.unwrap_or(Decimal::ONE), unit);
    let range = checks.check("min", range)?;
    if let PayRange::Sat(sendable) = range {
        let max = sendable.max().to_sat();
        checks.check("max", Amount::from_sat_within(max, policy.invoice_sat_max))?;
    }
    Some(range)
}
