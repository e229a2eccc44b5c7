//! What a withdraw link is to be, as clients say it.

use serde::Deserialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::api::framework::body::lenient;
use crate::api::framework::error::ApiError;
use crate::api::framework::leniency;
use crate::api::framework::params::Checks;
use crate::domain::lnurl::sendable::Sendable;
use crate::domain::lnurl::webhook::{WebhookBody, WebhookHeaders};
use crate::domain::money::{Amount, SAT_MAX};
use crate::domain::text::{InvalidText, Memo, WebhookUrl};
use crate::domain::withdraw::uses::USES_MAX;
use crate::services::Policy;
use crate::services::withdraw_links::manage::Order;

/// The longest time for which a link pays nobody after a use, in seconds: ten years.
const WAIT_S_MAX: i64 = 315_360_000;
/// What clients must name.
const REQUIRED: [&str; 6] = ["title", "min_withdrawable", "max_withdrawable", "uses", "wait_time", "is_unique"];

/// A withdraw link to create, or what one is to be from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "title": "Prize of the week", "min_withdrawable": 1000, "max_withdrawable": 1000, "uses": 1, "wait_time": 1,
    "is_unique": false
}))]
pub(super) struct WithdrawOrder {
    /// What it is for, as wallets show it: at most 639 bytes.
    #[serde(default, deserialize_with = "lenient")]
    title: Option<String>,
    /// The least that it pays at once, in sat.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 1, maximum = 2_100_000_000_000_000_i64)]
    min_withdrawable: Option<i64>,
    /// The most that it pays at once, in sat.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 1, maximum = 2_100_000_000_000_000_i64)]
    max_withdrawable: Option<i64>,
    /// How often it pays.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 1, maximum = 250)]
    uses: Option<i64>,
    /// For how many seconds it pays nobody after a use.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 1, maximum = 315_360_000)]
    wait_time: Option<i64>,
    /// Whether each use has a link of its own, for vouchers: otherwise one link pays as often as `uses` says.
    #[serde(default, deserialize_with = "lenient")]
    is_unique: Option<bool>,
    /// Whether it pays; true where nothing is said of a new one.
    #[serde(default, deserialize_with = "lenient")]
    enabled: Option<bool>,
    /// Who is told of withdrawals.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "https://game.example/claimed", max_length = 2048)]
    webhook_url: Option<String>,
    /// Headers of that, as a JSON text: an object of texts.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 4096)]
    webhook_headers: Option<String>,
    /// What stands in its member `body`, as a JSON text.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 4096)]
    webhook_body: Option<String>,
    /// The URL of a picture for printed vouchers: kept for clients that print them.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 2048)]
    custom_url: Option<String>,
}

/// A withdraw link with all that it must say.
pub(super) struct WholeWithdrawLink;

impl PartialSchema for WholeWithdrawLink {
    fn schema() -> RefOr<Schema> {
        leniency::requiring::<WithdrawOrder>(&REQUIRED).into()
    }
}

impl ToSchema for WholeWithdrawLink {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((WithdrawOrder::name().into(), WithdrawOrder::schema()));
    }
}

impl WithdrawOrder {
    /// Checks what is asked, and tells everything that is wrong with it.
    pub(super) fn read(self, policy: &Policy) -> Result<Order, ApiError> {
        let mut checks = Checks::default();
        let title = checks.require("title", self.title, title);
        let min = checks.sat_amount("min_withdrawable", self.min_withdrawable, SAT_MAX);
        let max = checks.sat_amount("max_withdrawable", self.max_withdrawable, SAT_MAX);
        let range = range(&mut checks, min, max);
        let uses = checks.require("uses", self.uses, uses);
        let wait_s = checks.require("wait_time", self.wait_time, |seconds| {
            let is_fit = (1..=WAIT_S_MAX).contains(&seconds);
            if is_fit { Ok(seconds) } else { Err(format!("must be from 1 to {WAIT_S_MAX} seconds")) }
        });
        let is_unique = checks.require("is_unique", self.is_unique, Ok::<_, InvalidText>);
        let webhook = checks.check_opt("webhook_url", self.webhook_url, |text| policy.targets.accept(text));
        let headers = checks.check_opt("webhook_headers", self.webhook_headers, WebhookHeaders::new);
        let body = checks.check_opt("webhook_body", self.webhook_body, WebhookBody::new);
        let custom_url = checks.check_opt("custom_url", self.custom_url, WebhookUrl::new);
        match (title, range, uses, wait_s, is_unique) {
            (Some(title), Some(range), Some(uses), Some(wait_s), Some(is_unique)) if checks.is_fine() => Ok(Order {
                title,
                range,
                uses,
                wait_s,
                is_unique,
                is_enabled: self.enabled,
                webhook: webhook.flatten(),
                webhook_headers: headers.flatten(),
                webhook_body: body.flatten(),
                custom_url: custom_url.flatten(),
            }),
            _ => Err(checks.into_error()),
        }
    }
}

fn title(text: String) -> Result<Memo, InvalidText> {
    if text.trim().is_empty() { Err(InvalidText::Empty) } else { Memo::new(text) }
}

fn uses(uses: i64) -> Result<u32, String> {
    let fit = u32::try_from(uses).ok().filter(|uses| (1..=USES_MAX).contains(uses));
    fit.ok_or_else(|| format!("must be from 1 to {USES_MAX}: {USES_MAX} uses max."))
}

fn range(checks: &mut Checks, min: Option<Amount>, max: Option<Amount>) -> Option<Sendable> {
    let range = Sendable::new(min?, max?);
    if range.is_none() {
        checks.add("max_withdrawable", "needs to be at least `min_withdrawable`");
    }
    range
}
