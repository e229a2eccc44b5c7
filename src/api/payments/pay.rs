//! Paying an invoice: skimming its text, and settling through the ledger.

use crate::api::framework::app::App;
use crate::api::framework::auth::AdminKey;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::idempotency::Created;
use crate::api::framework::params::Checks;
use crate::api::payments::PaymentOrder;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::TransferId;
use crate::domain::invoice::PaymentRequest;
use crate::domain::skim::SkimmedRequest;
use crate::domain::text::WebhookUrl;
use crate::ledger::command::Pay;
use crate::ledger::outcome::{Once, Paid, Rejection};
use crate::ledger::state::InvoiceState;
use crate::services::idempotency;
use crate::store::payments::Payment;

/// Pays an invoice from the wallet of the calling key.
pub(crate) async fn pay_invoice(
    app: &App,
    key: AdminKey,
    claim: Option<Claim>,
    order: PaymentOrder,
) -> Result<Created<Payment>, ApiError> {
    if let Some(before) = idempotency::payments_of(app, key, claim).await? {
        return payment_again(app, &key, &before).await;
    }
    let mut checks = Checks::default();
    order.check_instructions(&mut checks)?;
    if order.bolt11.is_none() {
        checks.add("bolt11", "is missing: the invoice to pay");
    }
    let extra = checks.check_opt("extra", order.extra, |json| Extra::new(&json));
    let webhook = checks.check_opt("webhook", order.webhook, |text| app.policy.targets.accept(text));
    let (Some(bolt11), Some(extra), Some(webhook), true) = (order.bolt11, extra, webhook, checks.is_fine()) else {
        return Err(checks.into_error());
    };
    let webhook = webhook.map(WebhookUrl::into_inner);
    let request = SkimmedRequest::skim(&bolt11).map_err(invalid_invoice)?;
    let transfer = TransferId::next();
    let payment_hash = request.payment_hash();
    let pay = Pay {
        authority: key.authority(),
        claim,
        transfer,
        payment_hash,
        bolt11: request.text().to_owned(),
        extra: extra.clone(),
        webhook: webhook.clone(),
    };
    match app.settler.submit(pay, key.consumer()).await? {
        Ok(Once::Replayed { payments }) => payment_again(app, &key, &payments).await,
        Ok(Once::Done(Paid { invoice, at })) => Ok(Created::new(Payment {
            row: transfer.as_bytes().to_vec(),
            wallet: key.wallet(),
            payment_hash,
            invoice: invoice.id,
            preimage: invoice.preimage,
            bolt11: invoice.bolt11,
            amount: invoice.amount.outgoing(),
            memo: invoice.memo,
            state: InvoiceState::Paid,
            webhook,
            webhook_status: None,
            extra,
            created_at: at,
            expires_at: invoice.expires_at,
            paid_at: Some(at),
        })),
        Err(Rejection::InvoiceNotFound) => Err(not_issued(&request, not_ours)),
        Err(Rejection::InvoiceMismatch) => Err(not_issued(&request, |_| ErrorCode::InvoiceMismatch.into())),
        Err(rejection) => Err(ApiError::from_rejection(rejection, false)),
    }
}

/// Why a text is not paid that was not issued here: because of what it says itself, or else
/// for `otherwise`.
fn not_issued(request: &SkimmedRequest, otherwise: impl FnOnce(PaymentRequest) -> ApiError) -> ApiError {
    match request.parse() {
        Err(error) => invalid_invoice(error),
        Ok(request) if request.is_amountless() => ErrorCode::AmountlessInvoice.into(),
        Ok(request) => otherwise(request),
    }
}

/// The payment that was made before.
async fn payment_again(app: &App, key: &AdminKey, ids: &[[u8; 16]]) -> Result<Created<Payment>, ApiError> {
    Ok(Created::again(idempotency::payment_again(app, key.wallet(), ids).await?))
}

/// Reads the text of an invoice.
pub(crate) fn parse_request(text: &str) -> Result<PaymentRequest, ApiError> {
    PaymentRequest::parse(text).map_err(invalid_invoice)
}

/// Says what is wrong with an invoice.
pub(crate) fn invalid_invoice(error: impl std::fmt::Display) -> ApiError {
    let mut text = error.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    ApiError::with_detail(ErrorCode::InvalidInvoice, text)
}

/// Why an invoice that was not issued here is not paid. Only such an invoice needs the
/// check of its signature.
pub(crate) fn not_ours(request: PaymentRequest) -> ApiError {
    match request.verify() {
        Ok(_) => ErrorCode::InvoiceNotPayable.into(),
        Err(error) => invalid_invoice(error),
    }
}
