//! What paying an invoice of another node may cost, and whether it can be paid at all.

use std::sync::Arc;
use std::time::Duration;

use super::Connected;
use crate::clock;
use crate::domain::consumer::Consumer;
use crate::domain::ids::{AccountId, OriginId};
use crate::domain::invoice::{DecodedInvoice, PaymentRequest};
use crate::domain::money::{Amount, Msat};
use crate::domain::node::Network;
use crate::domain::skim::SkimmedRequest;
use crate::ledger::command::NewSend;
use crate::ledger::operation::Operation;
use crate::ledger::outcome::{Paid, Rejection};
use crate::lightning::node::{Identity, NodeError};
use crate::services::{Error, Services};
use crate::store::node;

/// How long a request waits for the end of its payment.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How to pay an invoice that is none of this server's. `otherwise` is why it is not paid, where no node is
/// configured, or where the invoice says that it is of this server or of its node, which no row knows.
pub(crate) fn plan(
    services: &Services,
    request: PaymentRequest,
    amount: Option<Amount>,
    otherwise: Rejection,
) -> Result<NewSend, Error> {
    let (text, payment_hash) = (request.text().to_owned(), request.payment_hash());
    let decoded = match request.verify() {
        Ok(decoded) => decoded,
        Err(_) if matches!(otherwise, Rejection::InvoiceMismatch) => return Err(otherwise.into()),
        Err(error) => return Err(error.into()),
    };
    let payee = decoded.payee();
    if payee == services.node.public_key() {
        // One that this server has signed was deleted after it had expired.
        let has_expired = matches!(otherwise, Rejection::InvoiceNotFound) && decoded.has_expired_at(clock::now());
        return Err(if has_expired { Rejection::InvoiceExpired } else { otherwise }.into());
    }
    let Some(connected) = services.lightning.connected() else { return Err(otherwise.into()) };
    if decoded.currency() != prefix_of(services.network) {
        return Err(otherwise.into());
    }
    let identity = connected.identity()?;
    if payee == identity.id {
        return Err(otherwise.into());
    }
    let (amount, is_amountless) = amount_of(connected, &decoded, amount)?;
    let (fee_max, service_fee) = connected.terms.cost_max(amount);
    Ok(NewSend {
        payment_hash,
        bolt11: text,
        amount,
        is_amountless,
        fee_max,
        service_fee,
        memo: storable(&decoded.description().unwrap_or_default()),
        expires_at: decoded.expires_at(),
        bounds: connected.terms.bounds,
    })
}

/// How to pay an invoice that the ledger has refused because it is none of this server's; `None` where it was
/// refused for another reason, where there is no node, or where the invoice leaves the amount to the payer.
fn plan_instead(services: &Services, request: &SkimmedRequest, refused: Rejection) -> Result<Option<NewSend>, Error> {
    let is_foreign = matches!(refused, Rejection::InvoiceNotFound | Rejection::InvoiceMismatch);
    if !is_foreign || services.lightning.connected().is_none() {
        return Ok(None);
    }
    let Ok(request) = request.parse() else { return Ok(None) };
    if request.is_amountless() {
        return Ok(None);
    }
    plan(services, request, None, refused).map(Some)
}

/// Pays an invoice by something else than a key, at the expense of a consumer: inside, or else over the node, whose
/// answer nobody waits for. `command` is how to pay, by what is reserved where it is over the node.
pub(crate) async fn pay_keyless<C>(
    services: &Services,
    request: &SkimmedRequest,
    consumer: Consumer,
    command: impl Fn(Option<Box<NewSend>>) -> C + Send,
) -> Result<Result<(), Rejection>, Error>
where
    C: Operation<Output = Paid> + Send + 'static,
{
    let Err(rejection) = services.ledger.submit(command(None), consumer).await? else { return Ok(Ok(())) };
    let Some(send) = plan_instead(services, request, rejection)? else { return Ok(Err(rejection)) };
    let begun = services.ledger.submit(command(Some(Box::new(send))), consumer).await?;
    if let (Ok(_), Some(connected)) = (&begun, services.lightning.connected()) {
        connected.want();
    }
    Ok(begun.map(drop))
}

/// Whether an invoice that anybody asks for without a key is to be made without the node: where so many wait that the
/// ledger will refuse another one, the node is not troubled with it.
pub(crate) async fn is_refused_at_once(
    services: &Services,
    payee: AccountId,
    origin: OriginId,
) -> Result<Option<bool>, Error> {
    if services.lightning.connected().is_none() {
        return Ok(None);
    }
    let waiting =
        services.store.read(move |connection| node::waiting_of(connection, payee, origin, clock::now())).await?;
    Ok((waiting >= services.policy.link_invoices_max.into()).then_some(true))
}

/// How much to pay, and whether the invoice leaves that to the payer.
fn amount_of(
    connected: &Arc<Connected>,
    decoded: &DecodedInvoice,
    amount: Option<Amount>,
) -> Result<(Amount, bool), Error> {
    let Some(msat) = decoded.amount_msat() else {
        if !connected.node.abilities().amountless {
            return Err(Error::AmountlessInvoice);
        }
        return amount.map(|amount| (amount, true)).ok_or(Error::AmountMissing);
    };
    let amount = i64::try_from(msat).ok().and_then(|msat| Amount::from_msat(msat).ok());
    amount.map(|amount| (amount, false)).ok_or_else(|| Rejection::InsufficientBalance { leg: 0 }.into())
}

/// A description that anybody has written, so that any database can store it: U+0000 is not text to PostgreSQL.
fn storable(description: &str) -> String {
    description.replace('\0', "\u{FFFD}")
}

/// The prefix of invoices in a network, without `ln`.
pub(crate) const fn prefix_of(network: Network) -> &'static str {
    match network {
        Network::Bitcoin => "bc",
        Network::Testnet => "tb",
        Network::Signet => "tbs",
        Network::Regtest => "bcrt",
    }
}

/// What is reserved beside the amount of an invoice, which may name none.
pub(crate) fn reserve(services: &Services, request: PaymentRequest, otherwise: Rejection) -> Result<Msat, Error> {
    let is_amountless = request.is_amountless();
    let send = plan(services, request, Amount::from_sat(1).ok().filter(|_| is_amountless), otherwise)?;
    Ok(send.fee_max.with(send.service_fee))
}

/// Asks the node who it is. It must be on the network of this server: coins of another one would be credited as real
/// ones.
pub(crate) async fn identify(services: &Services, connected: &Connected) -> Result<Identity, NodeError> {
    let identity = connected.node.identity().await?;
    match identity.network.as_deref() {
        Some(network) if Network::from_name(network) != Some(services.network) => {
            Err(NodeError::Refused(format!("it is on another network: {network}")))
        }
        Some(_) | None => Ok(identity),
    }
}
