//! Paying back what was paid with a card: a link to its wallet, for each tap that has paid.

use super::{CardError, TAG, of_hit, whose};
use crate::clock;
use crate::domain::expiry::Expiry;
use crate::domain::extra::Extra;
use crate::domain::ids::HitId;
use crate::domain::lnurl::metadata::Metadata;
use crate::domain::lnurl::sendable::Sendable;
use crate::domain::money::Amount;
use crate::domain::node::Description;
use crate::domain::text::Memo;
use crate::ledger::command::IssueForLink;
use crate::ledger::outcome::{Issued, Rejection};
use crate::services::callers::{Caller, WalletKey};
use crate::services::lightning::outside;
use crate::services::payments::{self, InvoiceTerms};
use crate::services::rates::Asked;
use crate::services::{Error, Services};
use crate::store::Db;
use crate::store::cards::hits::{self, HitOfCard, Refund};

/// What a refund is for, as payers are told.
const REFUND: &str = "Refund";

/// How long a refund can be paid that was asked for: until then nobody is given an invoice for the same
/// money again.
const EXPIRY: Expiry = Expiry::TEN_MINUTES;

/// What may be paid back.
#[derive(Clone, Debug)]
pub struct RefundLink {
    /// For which tap.
    pub hit: HitId,
    /// How much.
    pub range: Sendable,
    /// What the link says about itself.
    pub metadata: Metadata,
    found: HitOfCard,
}

fn memo() -> Result<Memo, Error> {
    Memo::new(REFUND.to_owned()).or(Err(Error::Fault))
}

/// The link by which what was paid with a tap is paid back.
pub async fn refund_link(services: &Services, hit: HitId) -> Result<RefundLink, CardError> {
    let found = services.store.read(move |connection| hits::find(connection, hit)).await.map_err(of_hit)?;
    if !found.is_enabled {
        return Err(CardError::CardDisabled);
    }
    let max = found.amount.and_then(|amount| Amount::from_sat(amount.to_sat()).ok());
    let min = Amount::from_sat(1).ok();
    let range = min.zip(max).and_then(|(min, max)| Sendable::new(min, max)).ok_or(CardError::NothingToRefund)?;
    Ok(RefundLink { hit, range, metadata: Metadata::of_description(&memo()?), found })
}

/// An invoice of the card's wallet, for whoever pays back so much of what was paid with a tap.
pub async fn refund_invoice(services: &Services, link: RefundLink, amount_msat: i64) -> Result<String, CardError> {
    let RefundLink { hit, range, metadata, found } = link;
    let json = serde_json::json!({"tag": TAG, "card": found.card, "refund": hit.to_string()});
    let amount = range.check(amount_msat)?;
    let terms = InvoiceTerms {
        amount: Asked::Sat(amount),
        description: Description::Hash(*metadata.hash().as_ref()),
        memo: memo()?,
        expiry: EXPIRY,
        webhook: None,
        extra: Some(Extra::new(&json.to_string()).or(Err(Error::Fault))?),
        payment_hash: None,
        external_id: None,
        is_internal: outside::is_refused_at_once(services, found.wallet.account(), hit.into()).await?,
    };
    let invoice = payments::issue(services, found.wallet.account(), amount, terms, clock::now()).await?;
    let bolt11 = invoice.bolt11.clone().ok_or(Error::Fault)?;
    let (open_max, total_max) = (services.policy.link_invoices_max, Some(range.max()));
    let command = IssueForLink { invoice, origin: hit.into(), open_max, total_max };
    match services.ledger.submit(command, found.consumer).await.map_err(Error::from)? {
        Ok(Issued) => Ok(bolt11),
        Err(Rejection::WalletNotFound { .. }) => Err(CardError::HitNotFound),
        Err(Rejection::ReceiverFrozen { .. }) => Err(CardError::NotReceiving),
        Err(Rejection::TooMuchForOrigin) => Err(CardError::RefundedAlready),
        Err(Rejection::TooManyOpenInvoices) => Err(CardError::TooManyOpenInvoices),
        Err(rejection) => Err(Error::from(rejection).into()),
    }
}

/// What was paid back to the cards of a key's wallet, or of all wallets of its user, newest first.
pub async fn refunds(
    services: &Services,
    key: WalletKey,
    all_wallets: bool,
    offset: i64,
    limit: i64,
) -> Result<Vec<Refund>, Error> {
    let list = move |connection: &mut Db| {
        key.recheck(connection)?;
        hits::refunds(connection, whose(key, all_wallets), offset, limit)
    };
    Ok(services.store.read_list(key.consumer(), list).await?)
}
