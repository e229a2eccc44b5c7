//! Paying a link or an address of this server from one of its wallets: the invoice is issued and
//! paid in one command, and nobody asks anybody over HTTP.

use serde::Serialize;

use super::serve::{LinkPayment, OpenLink, find, gone};
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::TransferId;
use crate::domain::lnurl::address::Authority;
use crate::domain::lnurl::link::LinkRef;
use crate::domain::lnurl::service_url::ServiceUrl;
use crate::domain::lnurl::success::SuccessAction;
use crate::domain::money::Msat;
use crate::ledger::command::PayLink as Command;
use crate::ledger::outcome::{Once, Settled};
use crate::ledger::state::InvoiceState;
use crate::services::callers::AdminKey;
use crate::services::idempotency::{Created, payment_again};
use crate::services::payments::Payment;
use crate::services::{Error, Missing, Services};
use crate::store::StoreError;

/// What is kept with the payer's side.
#[derive(Serialize)]
struct PayerExtra<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    success_action: Option<SuccessAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
}

/// The link that a URL of this server leads to, as somebody sees it who has sent a request to a host.
pub async fn resolve(services: &Services, url: &ServiceUrl, requested: Option<&Authority>) -> Result<OpenLink, Error> {
    let asked = LinkRef::of_url(url).ok_or(Error::Missing(Missing::PayLink))?;
    find(services, asked, requested).await
}

/// Pays a link from the wallet of a key, once for each claim.
pub async fn pay(
    services: &Services,
    key: AdminKey,
    claim: Option<Claim>,
    open: &OpenLink,
    payment: &LinkPayment,
) -> Result<Created<Payment>, Error> {
    let invoice = open.invoice(services, payment, Some(true)).await?;
    let extra = PayerExtra { success_action: open.success_action(), comment: payment.comment.as_deref() };
    let extra = serde_json::to_string(&extra).map_err(|error| StoreError::Fault(error.to_string()))?;
    let extra = Extra::new(&extra).map_err(|error| Error::Invalid { field: "comment", message: error.to_string() })?;
    let transfer = TransferId::next();
    let command = Command {
        authority: key.authority(),
        claim,
        transfer,
        invoice: invoice.clone(),
        origin: open.link.id.into(),
        extra: Some(extra.clone()),
        webhook: None,
        external_id: None,
    };
    match services.settle(command, key.consumer()).await.map_err(gone)? {
        Once::Replayed { payments } => Ok(Created::again(payment_again(services, key.wallet(), &payments).await?)),
        Once::Done(Settled { at }) => {
            services.served.count_pr(open.link.id);
            Ok(Created::new(Payment {
                row: transfer.into(),
                wallet: key.wallet(),
                payment_hash: invoice.payment_hash,
                invoice: invoice.id,
                preimage: invoice.preimage,
                bolt11: invoice.bolt11,
                amount: invoice.amount.outgoing(),
                fee: Msat::ZERO,
                memo: invoice.memo,
                state: InvoiceState::Paid,
                webhook: None,
                webhook_status: None,
                extra: Some(extra),
                created_at: at,
                expires_at: invoice.expires_at,
                paid_at: Some(at),
                external_id: None,
            }))
        }
    }
}
