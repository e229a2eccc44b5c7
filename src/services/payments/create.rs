//! Creating an invoice: issuing it, and storing it through the ledger.

use std::sync::Arc;

use super::Payment;
use crate::clock;
use crate::crypto::secret::Sealed;
use crate::domain::expiry::Expiry;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{AccountId, InvoiceId, PaymentHash, PaymentRow};
use crate::domain::invoice::PaymentRequest;
use crate::domain::money::{Amount, Msat};
use crate::domain::node::{Description, Preimage};
use crate::domain::text::{Memo, WebhookUrl};
use crate::domain::time::UnixMs;
use crate::ledger::command::{CreateInvoice, NewInvoice};
use crate::ledger::outcome::{Issued, Once};
use crate::ledger::state::InvoiceState;
use crate::lightning::node;
use crate::lightning::node::NodeError;
use crate::services::callers::WalletKey;
use crate::services::idempotency::{self, Created};
use crate::services::lightning::{Connected, outside};
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
    /// Whether only wallets of this server are to pay it; as the operator has set, where nothing is said.
    pub is_internal: Option<bool>,
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
        issue(services, key.wallet().account(), priced.amount, InvoiceTerms { extra, ..terms }, clock::now()).await?;
    let command = CreateInvoice { authority: key.authority(), claim, invoice: invoice.clone() };
    match services.settle(command, key.consumer()).await? {
        Once::Done(Issued) => Ok(Created::new(incoming(invoice))),
        Once::Replayed { payments } => again(services, key, &payments).await,
    }
}

/// Issues an invoice over an amount, which is not stored yet: at the Lightning node, so that the whole network
/// can pay it, or for wallets of this server alone.
pub(in crate::services) async fn issue(
    services: &Services,
    payee: AccountId,
    amount: Amount,
    terms: InvoiceTerms,
    now: UnixMs,
) -> Result<NewInvoice, Error> {
    let InvoiceTerms { amount: _, description, memo, expiry, webhook, extra, external_id, payment_hash, is_internal } =
        terms;
    let id = InvoiceId::next();
    let connected = services.lightning.connected();
    // The preimage of a hold invoice is its payee's.
    let is_at_node =
        |node: &&Arc<Connected>| payment_hash.is_none() && !is_internal.unwrap_or(!node.terms.invoices_at_node);
    let expires_at = now.plus_seconds(expiry.seconds().into());
    let made = match connected.filter(is_at_node) {
        Some(connected) => at_node(services, connected, id, amount, description, expiry).await?,
        None => inside(services, id, payment_hash, amount, description, expiry, now)?,
    };
    Ok(NewInvoice {
        id,
        payment_hash: made.payment_hash,
        preimage: made.preimage,
        payee,
        bolt11: Some(made.bolt11),
        amount,
        memo: memo.into_inner(),
        webhook: webhook.map(WebhookUrl::into_inner),
        extra,
        external_id,
        created_at: now,
        expires_at: made.expires_at.unwrap_or(expires_at),
        is_at_node: made.is_at_node,
    })
}

/// An invoice that was made.
struct Made {
    bolt11: String,
    payment_hash: PaymentHash,
    preimage: Option<Sealed>,
    /// When the invoice itself says that it ends.
    expires_at: Option<UnixMs>,
    is_at_node: bool,
}

/// An invoice that only wallets of this server can pay.
fn inside(
    services: &Services,
    id: InvoiceId,
    payment_hash: Option<PaymentHash>,
    amount: Amount,
    description: Description,
    expiry: Expiry,
    now: UnixMs,
) -> Result<Made, Error> {
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
    Ok(Made { bolt11, payment_hash, preimage, expires_at: None, is_at_node: false })
}

/// An invoice that the whole network can pay. Until it is stored nobody has seen its text, so that nobody can
/// have paid one that is not.
async fn at_node(
    services: &Services,
    connected: &Connected,
    id: InvoiceId,
    amount: Amount,
    description: Description,
    expiry: Expiry,
) -> Result<Made, Error> {
    let description = match description {
        Description::Words(memo) => node::Description::Text(memo.into_inner()),
        Description::Hash(_) if !connected.node.abilities().description_hash => {
            let message = "cannot be used: the Lightning node makes no such invoices; say `internal`: true".to_owned();
            return Err(Error::Invalid { field: "description_hash", message });
        }
        Description::Hash(hash) => node::Description::Hash(hash),
    };
    connected.identity()?;
    let preimage = Preimage::generate();
    let order =
        node::InvoiceOrder { preimage: preimage.clone(), amount, description, expiry_seconds: expiry.seconds().into() };
    let made = connected.node.create_invoice(order).await?;
    let expires_at = checked(services, &made, amount)?;
    let preimage = if connected.node.abilities().takes_preimage { Some(preimage) } else { made.preimage };
    let preimage = preimage.filter(|preimage| preimage.payment_hash() == made.payment_hash);
    if preimage.is_none() && connected.node.abilities().takes_preimage {
        return Err(NodeError::Unreadable("an invoice with another payment hash than asked for".to_owned()).into());
    }
    let preimage = preimage.map(|preimage| preimage.seal(&services.sealer, id));
    Ok(Made {
        bolt11: made.bolt11,
        payment_hash: made.payment_hash,
        preimage,
        expires_at: Some(expires_at),
        is_at_node: true,
    })
}

/// Makes sure that an invoice of the node says what was asked for. Returns when it ends.
fn checked(services: &Services, made: &node::InvoiceMade, amount: Amount) -> Result<UnixMs, Error> {
    let unreadable = |what: &str| Error::Node(NodeError::Unreadable(what.to_owned()));
    let parsed = PaymentRequest::parse(&made.bolt11).or(Err(unreadable("an invoice that is none")))?;
    if parsed.payment_hash() != made.payment_hash || parsed.text() != made.bolt11 {
        return Err(unreadable("an invoice with another payment hash than told"));
    }
    let decoded = parsed.verify().or(Err(unreadable("an invoice that is not valid")))?;
    if decoded.currency() != outside::prefix_of(services.network) {
        return Err(unreadable("an invoice of another network"));
    }
    if decoded.amount_msat() != u64::try_from(amount.msat()).ok() {
        return Err(unreadable("an invoice over another amount than asked for"));
    }
    Ok(decoded.expires_at())
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
        fee: Msat::ZERO,
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
