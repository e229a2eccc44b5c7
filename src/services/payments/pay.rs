//! Paying an invoice: settling it through the ledger, and saying why one is not paid.

use super::Payment;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{HoldId, PaymentRow, TransferId};
use crate::domain::money::Amount;
use crate::domain::skim::SkimmedRequest;
use crate::domain::text::WebhookUrl;
use crate::ledger::command::{NewSend, Pay};
use crate::ledger::outcome::{Once, Paid, Rejection};
use crate::ledger::state::InvoiceState;
use crate::services::callers::AdminKey;
use crate::services::idempotency::{self, Created};
use crate::services::lightning::outside;
use crate::services::rates::{self, Priced};
use crate::services::{Error, Services};
use crate::store::payments;

/// What is to be paid, and what is kept with the payment.
#[derive(Debug)]
pub struct PayTerms {
    /// The text that the payer was given.
    pub request: SkimmedRequest,
    /// How much, where the invoice leaves that to the payer.
    pub amount: Option<Amount>,
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
    let PayTerms { request, amount, extra, webhook, external_id } = terms;
    let extra = note_worth(services, key, &request, extra).await;
    let mut command = Pay {
        authority: key.authority(),
        claim,
        transfer: TransferId::next(),
        payment_hash: request.payment_hash(),
        bolt11: request.text().to_owned(),
        extra,
        webhook: webhook.map(WebhookUrl::into_inner),
        external_id,
        send: None,
    };
    match submit(services, key, command.clone()).await {
        Err(Error::Rejected(why @ (Rejection::InvoiceNotFound | Rejection::InvoiceMismatch))) => {
            command.send = Some(Box::new(plan(services, &request, amount, why)?));
            pay_outside(services, key, command).await
        }
        paid => paid,
    }
}

/// Has the ledger pay, or reserve what the payment may cost.
async fn submit(services: &Services, key: AdminKey, command: Pay) -> Result<Created<Payment>, Error> {
    let Pay { payment_hash, extra, webhook, external_id, ref send, .. } = command.clone();
    let fee = send.as_ref().and_then(|send| send.fee_max.with(send.service_fee).checked_neg()).unwrap_or_default();
    match services.ledger.submit(command, key.consumer()).await?? {
        Once::Replayed { payments } => again(services, key, &payments).await,
        Once::Done(Paid { row, invoice, at }) => Ok(Created::new(Payment {
            row,
            wallet: key.wallet(),
            payment_hash,
            invoice: invoice.id,
            preimage: invoice.preimage,
            bolt11: invoice.bolt11,
            amount: invoice.amount.outgoing(),
            fee,
            memo: invoice.memo,
            state: invoice.state,
            webhook,
            webhook_status: None,
            extra,
            created_at: at,
            expires_at: invoice.expires_at,
            paid_at: (invoice.state == InvoiceState::Paid).then_some(at),
            external_id,
        })),
    }
}

/// Pays an invoice of another node, and waits a little for the end of it.
async fn pay_outside(services: &Services, key: AdminKey, command: Pay) -> Result<Created<Payment>, Error> {
    let connected = services.lightning.required()?;
    let hold = HoldId::from(command.transfer);
    let end = connected.expect(hold);
    let begun = submit(services, key, command).await?;
    end.take_up(outside::PATIENCE).await;
    let (wallet, row) = (key.wallet(), hold.into());
    let found = services.store.read(move |connection| payments::find_row(connection, wallet, row)).await;
    // What has begun goes on, even where it cannot be shown.
    begun.try_map(|begun| Ok(found.unwrap_or(begun)))
}

/// How to pay a text that was not issued here, or why it is not paid: because of what it says itself, or else
/// for `otherwise`.
fn plan(
    services: &Services,
    request: &SkimmedRequest,
    amount: Option<Amount>,
    otherwise: Rejection,
) -> Result<NewSend, Error> {
    let request = request.parse()?;
    if request.is_amountless() && services.lightning.connected().is_none() {
        return Err(Error::AmountlessInvoice);
    }
    outside::plan(services, request, amount, otherwise)
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

/// The payment that was made before.
async fn again(services: &Services, key: AdminKey, ids: &[PaymentRow]) -> Result<Created<Payment>, Error> {
    Ok(Created::again(idempotency::payment_again(services, key.wallet(), ids).await?))
}
