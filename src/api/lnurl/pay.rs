//! Paying links and Lightning addresses: those of this server from inside of it, all others by an invoice
//! that their services give.

use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::scan::url_of;
use crate::api::framework::app::State;
use crate::api::framework::auth::AdminKey;
use crate::api::framework::body::{Body, lenient, raw};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::host::RequestHost;
use crate::api::framework::idempotency::Idempotency;
use crate::api::payments::view::PaymentView;
use crate::domain::idempotency::Claim;
use crate::domain::json::Members;
use crate::domain::lnurl::address::Authority;
use crate::domain::lnurl::metadata::Metadata;
use crate::domain::lnurl::service::PayOffer;
use crate::domain::lnurl::service_url::{PlainHttp, ServiceUrl};
use crate::domain::money;
use crate::services::Services;
use crate::services::callers::Caller;
use crate::services::foreign_links::{self, Payee};
use crate::services::idempotency::Created;
use crate::services::pay_links::pay::{pay, resolve};
use crate::services::pay_links::serve::{LinkPayment, OpenLink};
use crate::services::payments::{self, Payment};

/// A payment to a link or an address.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"lnurl": "bob@pay.example", "amount": 100_000, "comment": "Well played"}))]
pub struct LnurlPayOrder {
    /// The LNURL or the Lightning address, where neither `res` nor `callback` names the link.
    #[serde(default, deserialize_with = "lenient")]
    lnurl: Option<String>,
    /// What scanning it has answered.
    #[serde(default, deserialize_with = "raw")]
    #[schema(value_type = Option<Object>)]
    res: Option<String>,
    /// Its callback.
    #[serde(default, deserialize_with = "lenient")]
    callback: Option<String>,
    /// How much, in msat; whole sat only.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(required, minimum = 1000, maximum = 2_100_000_000_000_000_000_i64)]
    amount: Option<i64>,
    /// What the payer says.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(max_length = 799)]
    comment: Option<String>,
    /// What the payer was told that the payment is for; not looked at.
    #[serde(default, deserialize_with = "lenient")]
    #[expect(dead_code, reason = "clients send it, and the invoice has the hash of it")]
    description: Option<String>,
    /// SHA-256 of the metadata that the payer was shown, in hex: what has changed is not paid.
    #[serde(default, deserialize_with = "lenient")]
    description_hash: Option<String>,
    /// The unit of `amount`; only `sat`, by which msat are meant.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(example = "sat", pattern = "^([sS][aA][tT])?$")]
    unit: Option<String>,
}

/// What of a link of this server is looked at that was scanned before.
#[derive(Debug, Default, Deserialize)]
struct ScannedBefore {
    #[serde(default, deserialize_with = "lenient")]
    callback: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    metadata: Option<String>,
}

/// How an order names what is to be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// By its LNURL or address.
    Code,
    /// By what scanning it has answered.
    Scan,
    /// By its callback alone.
    Callback,
}

/// What is to be paid.
struct Named {
    by: By,
    url: ServiceUrl,
    /// The metadata that the payer was shown, as far as the order says.
    shown: Option<String>,
}

/// A payment to a link, and what its payer is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct LnurlPayment {
    #[serde(flatten)]
    payment: PaymentView,
    /// What the payer is shown (LUD-09); null where there is nothing.
    #[schema(value_type = Option<Object>, example = json!({"tag": "message", "message": "Thank you"}))]
    success_action: Option<Box<RawValue>>,
}

/// Pay an LNURL or a Lightning address
///
/// One of this server in one step: its invoice is issued and paid at once. One of another server is asked
/// for an invoice, which must be for this amount, and then is paid as by `POST /api/v1/payments`. It is named
/// by `lnurl`, by `res` (what scanning it has answered) or by `callback`.
#[utoipa::path(
    tag = "LNURL",
    params(Idempotency),
    request_body(content = LnurlPayOrder, examples(
        ("An address" = (value = json!({"lnurl": "bob@pay.example", "amount": 100_000, "comment": "Well played"}))),
        ("A callback" = (value = json!({
            "callback": "https://pay.example/lnurlp/api/v1/lnurl/cb/Xk3mPq7RtW",
            "description_hash": "669d80d89c09be0de5feb6b6ce5d0716284da6660a38c5b59a2ad528d677a75c",
            "amount": 100_000
        })))
    )),
    responses((status = 200, description = "The payment", body = LnurlPayment)),
    security(("AdminKey" = []))
)]
#[post("/api/v1/payments/lnurl")]
pub(in crate::api) async fn pay_lnurl(
    key: AdminKey,
    app: State,
    RequestHost(requested): RequestHost,
    idempotency: Idempotency,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let order: LnurlPayOrder = body.json()?;
    let claim = idempotency.claim(&app, &key, &body)?;
    let services = &app.services;
    let before = payments::paid_before(services, key, claim).await?;
    let payment = match before {
        Some(before) => before,
        None => order.pay(services, key, claim, requested.as_ref()).await?,
    };
    let shown = payment.try_map(|payment| {
        let (created_at, success_action) = (payment.created_at, success_action(&payment));
        PaymentView::new(&services.sealer, payment, created_at).map(|payment| LnurlPayment { payment, success_action })
    });
    // What has happened has happened, even where it cannot be shown.
    Ok(shown.or(Err(ErrorCode::OutcomeUnknown))?.respond_as(actix_web::http::StatusCode::OK))
}

impl LnurlPayOrder {
    async fn pay(
        self,
        services: &Services,
        key: AdminKey,
        claim: Option<Claim>,
        requested: Option<&Authority>,
    ) -> Result<Created<Payment>, ApiError> {
        let (named, payment) = (self.named()?, self.payment()?);
        if services.policy.places.is_ours(&named.url, requested) {
            let open = resolve(services, &named.url, requested).await?;
            check_unchanged(&open, self.description_hash.as_deref(), named.shown.as_deref())?;
            return Ok(pay(services, key, claim, &open, &payment).await?);
        }
        let payee = self.payee(services, key, named).await?;
        Ok(foreign_links::pay(services, key, claim, &payee, &payment).await?)
    }

    /// Whom to pay at another server.
    async fn payee(&self, services: &Services, key: AdminKey, named: Named) -> Result<Payee, ApiError> {
        let hash = self.description_hash.clone();
        let offer = match named.by {
            By::Code => Some(foreign_links::offer(services, key.consumer(), &named.url).await?),
            By::Scan => {
                let offer = PayOffer::read(self.res.as_deref().unwrap_or_default().as_bytes());
                Some(Box::new(offer.map_err(|error| ApiError::field("res", error))?))
            }
            By::Callback => None,
        };
        Ok(match offer {
            Some(offer) => Payee::of(offer, hash),
            None => Payee { callback: named.url, offer: None, description_hash: hash },
        })
    }

    /// What is to be paid, as the order names it.
    fn named(&self) -> Result<Named, ApiError> {
        if let Some(code) = &self.lnurl {
            return Ok(Named { by: By::Code, url: url_of("lnurl", code)?, shown: None });
        }
        let scanned = self.res.as_deref().map(serde_json::from_str::<ScannedBefore>).transpose();
        let scanned =
            scanned.map_err(|error| ApiError::field("res", format_args!("is not what scanning answers: {error}")));
        let scanned = scanned?.unwrap_or_default();
        let (field, by) = if self.callback.is_some() { ("callback", By::Callback) } else { ("res", By::Scan) };
        let callback = self.callback.as_ref().or(scanned.callback.as_ref());
        let callback =
            callback.ok_or_else(|| ApiError::field("lnurl", "is missing: an LNURL or a Lightning address"))?;
        let url = ServiceUrl::parse(callback, PlainHttp::OnionAndLoopback);
        Ok(Named { by, url: url.map_err(|error| ApiError::field(field, error))?, shown: scanned.metadata })
    }

    fn payment(&self) -> Result<LinkPayment, ApiError> {
        if self.unit.as_deref().is_some_and(|unit| money::check_unit(unit).is_err()) {
            return Err(ErrorCode::UnsupportedUnit.into());
        }
        let amount_msat = self.amount.ok_or_else(|| ApiError::field("amount", "is missing: how much, in msat"))?;
        let comment = self.comment.clone();
        if comment.as_ref().is_some_and(|comment| comment.contains('\0')) {
            return Err(ApiError::field("comment", "must not contain the character U+0000"));
        }
        Ok(LinkPayment { amount_msat, comment })
    }
}

/// Makes sure that the link says what its payer was shown.
fn check_unchanged(open: &OpenLink, hash: Option<&str>, shown: Option<&str>) -> Result<(), ApiError> {
    let metadata: Metadata = open.metadata();
    let is_same = shown.is_none_or(|shown| shown == metadata.as_str())
        && hash.is_none_or(|hash| hash.eq_ignore_ascii_case(&metadata.hash().to_string()));
    if is_same { Ok(()) } else { Err(crate::services::Error::LinkChanged.into()) }
}

/// What the payer was shown: it is kept with its side of the payment.
fn success_action(payment: &Payment) -> Option<Box<RawValue>> {
    let extra = payment.extra.as_ref()?;
    let action = Members::read(extra.as_str()).ok()?.get("success_action")?.to_owned();
    RawValue::from_string(action).ok()
}
