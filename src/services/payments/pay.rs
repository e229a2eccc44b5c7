//! Paying an invoice: settling it through the ledger, and saying why one is not paid.

use super::{Payment, not_ours};
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{PaymentRow, TransferId};
use crate::domain::invoice::PaymentRequest;
use crate::domain::money::Amount;
use crate::domain::skim::SkimmedRequest;
use crate::domain::text::WebhookUrl;
use crate::ledger::command::Pay;
use crate::ledger::outcome::{Once, Paid, Rejection};
use crate::ledger::state::InvoiceState;
use crate::services::callers::AdminKey;
use crate::services::idempotency::{self, Created};
use crate::services::rates::{self, Priced};
use crate::services::{Error, Services};

/// What is to be paid, and what is kept with the payment.
#[derive(Debug)]
pub struct PayTerms {
    /// The text that the payer was given.
    pub request: SkimmedRequest,
    /// The payer's own data.
    pub extra: Option<Extra>,
    /// Where to tell the payer that it is settled.
    pub webhook: Option<WebhookUrl>,
    /// What the payer calls the payment.
    pub external_id: Option<ExternalId>,
}

/// The payment that was made before under a claim, where one was: for who has not read the terms
/// yet, which may not be valid any more. [`pay`] itself pays nothing twice.
pub async fn paid_before(
    services: &Services,
    key: AdminKey,
    claim: Option<Claim>,
) -> Result<Option<Created<Payment>>, Error> {
    match idempotency::payments_of(services, key, claim).await? {
        Some(before) => again(services, key, &before).await.map(Some),
        None => Ok(None),
    }
}

/// Pays an invoice from the wallet of a key, once for each claim.
pub async fn pay(
    services: &Services,
    key: AdminKey,
    claim: Option<Claim>,
    terms: PayTerms,
) -> Result<Created<Payment>, Error> {
    let PayTerms { request, extra, webhook, external_id } = terms;
    let extra = note_worth(services, key, &request, extra).await;
    let webhook = webhook.map(WebhookUrl::into_inner);
    let transfer = TransferId::next();
    let payment_hash = request.payment_hash();
    let command = Pay {
        authority: key.authority(),
        claim,
        transfer,
        payment_hash,
        bolt11: request.text().to_owned(),
        extra: extra.clone(),
        webhook: webhook.clone(),
        external_id: external_id.clone(),
    };
    match services.ledger.submit(command, key.consumer()).await? {
        Ok(Once::Replayed { payments }) => again(services, key, &payments).await,
        Ok(Once::Done(Paid { invoice, at })) => Ok(Created::new(Payment {
            row: transfer.into(),
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
            external_id,
        })),
        Err(Rejection::InvoiceNotFound) => Err(not_issued(&request, |request| not_ours(services, request))),
        Err(Rejection::InvoiceMismatch) => Err(not_issued(&request, |_| Rejection::InvoiceMismatch.into())),
        Err(rejection) => Err(rejection.into()),
    }
}

/// The payer's data, with what the payment is worth in the currency of its wallet. The invoice says
/// the amount; where it says another one than ours did, it is not paid.
async fn note_worth(
    services: &Services,
    key: AdminKey,
    request: &SkimmedRequest,
    extra: Option<Extra>,
) -> Option<Extra> {
    if !services.rates.is_on() {
        return extra;
    }
    let amount = request.amount_msat().and_then(|msat| Amount::from_msat(msat).ok());
    let Some(amount) = amount else { return extra };
    rates::note_worth(services, key.wallet(), &Priced { amount, fiat: None }, extra).await
}

/// Why a text is not paid that was not issued here: because of what it says itself, or else
/// for `otherwise`.
fn not_issued(request: &SkimmedRequest, otherwise: impl FnOnce(PaymentRequest) -> Error) -> Error {
    match request.parse() {
        Err(error) => error.into(),
        Ok(request) if request.is_amountless() => Error::AmountlessInvoice,
        Ok(request) => otherwise(request),
    }
}

/// The payment that was made before.
async fn again(services: &Services, key: AdminKey, ids: &[PaymentRow]) -> Result<Created<Payment>, Error> {
    Ok(Created::again(idempotency::payment_again(services, key.wallet(), ids).await?))
}
