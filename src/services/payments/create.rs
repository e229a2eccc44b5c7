//! Creating an invoice: issuing it, and storing it through the ledger.

use super::Payment;
use crate::clock;
use crate::domain::expiry::Expiry;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{AccountId, InvoiceId, PaymentHash, PaymentRow};
use crate::domain::money::Amount;
use crate::domain::node::{Description, Preimage};
use crate::domain::text::{Memo, WebhookUrl};
use crate::domain::time::UnixMs;
use crate::ledger::command::{CreateInvoice, NewInvoice};
use crate::ledger::outcome::{Issued, Once};
use crate::ledger::state::InvoiceState;
use crate::services::callers::WalletKey;
use crate::services::idempotency::{self, Created};
use crate::services::rates::{self, Asked};
use crate::services::{Error, Services};

/// What an invoice is to say, and what is kept with it.
#[derive(Debug)]
pub struct InvoiceTerms {
    /// How much it asks for.
    pub amount: Asked,
    /// What the invoice itself says that it is for.
    pub description: Description,
    /// What the wallet's list says that it is for: empty where the invoice holds only a hash, as
    /// in LNbits.
    pub memo: Memo,
    /// For how long it can be paid.
    pub expiry: Expiry,
    /// Where to tell that it was paid.
    pub webhook: Option<WebhookUrl>,
    /// The client's own data.
    pub extra: Option<Extra>,
    /// What the client calls it.
    pub external_id: Option<ExternalId>,
    /// For a hold invoice: the hash of the preimage that the client keeps.
    pub payment_hash: Option<PaymentHash>,
}

/// The invoice that was created before under a claim, where one was: for who has not read the
/// terms yet, which may not be valid any more. [`create`] itself creates nothing twice.
pub async fn created_before(
    services: &Services,
    key: WalletKey,
    claim: Option<Claim>,
) -> Result<Option<Created<Payment>>, Error> {
    match idempotency::payments_of(services, key, claim).await? {
        Some(before) => again(services, key, &before).await.map(Some),
        None => Ok(None),
    }
}

/// Creates an invoice for the wallet of a key, once for each claim.
pub async fn create(
    services: &Services,
    key: WalletKey,
    claim: Option<Claim>,
    terms: InvoiceTerms,
) -> Result<Created<Payment>, Error> {
    let priced = rates::price(services, terms.amount).await?;
    let extra = rates::note_worth(services, key.wallet(), &priced, priced.note(terms.extra)?).await;
    let invoice =
        issue(services, key.wallet().account(), priced.amount, InvoiceTerms { extra, ..terms }, clock::now())?;
    let command = CreateInvoice { authority: key.authority(), claim, invoice: invoice.clone() };
    match services.settle(command, key.consumer()).await? {
        Once::Done(Issued) => Ok(Created::new(incoming(invoice))),
        Once::Replayed { payments } => again(services, key, &payments).await,
    }
}

/// Issues an invoice over an amount, which is not stored yet.
pub(in crate::services) fn issue(
    services: &Services,
    payee: AccountId,
    amount: Amount,
    terms: InvoiceTerms,
    now: UnixMs,
) -> Result<NewInvoice, Error> {
    let InvoiceTerms { amount: _, description, memo, expiry, webhook, extra, external_id, payment_hash } = terms;
    let id = InvoiceId::next();
    let (payment_hash, preimage) = if let Some(payment_hash) = payment_hash {
        (payment_hash, None)
    } else {
        let preimage = Preimage::generate();
        (preimage.payment_hash(), Some(preimage.seal(&services.sealer, id)))
    };
    let bolt11 = services.node.issue(payment_hash, amount, description, expiry.seconds(), now).map_err(|error| {
        tracing::error!(%error, "an invoice could not be issued");
        Error::Fault
    })?;
    Ok(NewInvoice {
        id,
        payment_hash,
        preimage,
        payee,
        bolt11: Some(bolt11),
        amount,
        memo: memo.into_inner(),
        webhook: webhook.map(WebhookUrl::into_inner),
        extra,
        external_id,
        created_at: now,
        expires_at: now.plus_seconds(expiry.seconds().into()),
    })
}

/// The invoice that was created before.
async fn again(services: &Services, key: WalletKey, ids: &[PaymentRow]) -> Result<Created<Payment>, Error> {
    Ok(Created::again(idempotency::invoice_again(services, key.wallet(), ids).await?))
}

/// A new invoice, as its payee sees it.
fn incoming(invoice: NewInvoice) -> Payment {
    Payment {
        row: invoice.id.into(),
        wallet: invoice.payee.wallet(),
        payment_hash: invoice.payment_hash,
        invoice: invoice.id,
        preimage: invoice.preimage,
        bolt11: invoice.bolt11,
        amount: invoice.amount.incoming(),
        memo: invoice.memo,
        state: InvoiceState::Open,
        webhook: invoice.webhook,
        webhook_status: None,
        extra: invoice.extra,
        created_at: invoice.created_at,
        expires_at: invoice.expires_at,
        paid_at: None,
        external_id: invoice.external_id,
    }
}
