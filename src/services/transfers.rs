//! Moving money without an invoice: within a tenant, by its manager.

use std::collections::HashSet;

use super::callers::{AdminKey, Manager};
use super::idempotency::{Created, payments_again, payments_of};
use super::ledger::Place;
use super::payments::Payment;
use super::rates::{Asked, quote};
use super::{Error, Missing, Services};
use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::external_id::ExternalId;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{AccountId, InvoiceId, PaymentRow, TransferId, WalletId};
use crate::domain::money::{Amount, Msat};
use crate::domain::node::Preimage;
use crate::domain::text::Memo;
use crate::domain::time::UnixMs;
use crate::ledger::command::{Leg, NewMovement, Transfer};
use crate::ledger::outcome::{Once, Transferred};
use crate::ledger::queue::QUANTUM;
use crate::ledger::state::InvoiceState;
use crate::store::{StoreError, wallets};

/// One movement between wallets of a tenant.
#[derive(Clone, Debug)]
pub struct TransferTerms {
    /// The wallet that pays.
    pub from: WalletId,
    /// The wallet that is paid.
    pub to: WalletId,
    /// How much.
    pub amount: Asked,
    /// What for.
    pub memo: Memo,
    /// What the payer calls it.
    pub external_id: Option<ExternalId>,
}

/// Room in the ledger's queue for so many movements of a manager.
#[derive(Debug)]
pub struct Room {
    pub(super) manager: Manager<AdminKey>,
    pub(super) place: Place,
}

/// Takes room for the movements of a manager, before the work that many of them make: where there
/// is none, it would be for nothing.
pub fn reserve(services: &Services, manager: Manager<AdminKey>, count: usize) -> Result<Room, Error> {
    Ok(Room { place: services.ledger.reserve(manager.consumer(), count)?, manager })
}

/// Works where nobody waits for it: many movements take a while to read, to seal and to show, and
/// the thread that serves the request serves others as well.
pub async fn offload<T: Send + 'static>(count: usize, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    if count <= QUANTUM {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.or(Err(Error::Unavailable))
}

/// Makes movements within the manager's tenant, all or none, once for each claim. Answers the
/// payers' sides of them, in order, as `show` makes them.
pub async fn transfer<T: Send + 'static>(
    services: &Services,
    room: Room,
    claim: Option<Claim>,
    transfers: Vec<TransferTerms>,
    show: impl FnOnce(Vec<Payment>) -> Result<T, StoreError> + Send + 'static,
) -> Result<Created<T>, Error> {
    let (count, payers) = (transfers.len(), transfers.iter().map(|transfer| transfer.from).collect::<Vec<_>>());
    let sides = settle(services, room, claim, transfers, &payers).await?;
    // What has happened has happened, even where it cannot be shown.
    let shown = offload(count, move || sides.try_map(show)).await;
    shown.ok().and_then(Result::ok).ok_or(Error::OutcomeUnknown)
}

async fn settle(
    services: &Services,
    Room { manager, place }: Room,
    claim: Option<Claim>,
    transfers: Vec<TransferTerms>,
    payers: &[WalletId],
) -> Result<Created<Vec<Payment>>, Error> {
    if let Some(before) = payments_of(services, manager, claim).await? {
        return again(services, payers, &before).await;
    }
    let named = transfers.iter().enumerate();
    let named = named.flat_map(|(index, transfer)| [(index, transfer.from), (index, transfer.to)]);
    check_wallets(services, manager, named).await?;

    let quoted = quote(services, transfers.iter().map(|transfer| transfer.amount)).await?;
    let sealer = services.sealer.clone();
    let seal = move || {
        let now = clock::now();
        let legs = transfers.into_iter().enumerate().map(|(index, terms)| {
            let TransferTerms { from, to, amount, memo, external_id } = terms;
            let priced = quoted.price(index, amount)?;
            let mut leg = leg(&sealer, from.account(), to.account(), priced.amount, memo.into_inner(), now);
            leg.invoice.extra = priced.note(None)?;
            leg.external_id = external_id;
            Ok(leg)
        });
        legs.collect::<Result<Vec<_>, Error>>()
    };
    let legs = offload(payers.len(), seal).await??;
    let command = Transfer { authority: manager.authority(), claim, legs: legs.clone() };
    match place.submit(command).await?? {
        Once::Done(Transferred { at }) => Ok(Created::new(legs.into_iter().map(|leg| outgoing(leg, at)).collect())),
        Once::Replayed { payments } => again(services, payers, &payments).await,
    }
}

/// Makes sure that the wallets that items of a request name are the tenant's, or the calling one.
pub(super) async fn check_wallets(
    services: &Services,
    manager: Manager<AdminKey>,
    named: impl Iterator<Item = (usize, WalletId)> + Clone,
) -> Result<(), Error> {
    let mut wallets: HashSet<_> = named.clone().map(|(_, wallet)| wallet).collect();
    wallets.remove(&manager.wallet());
    let tenant = manager.user();
    let outside = services.store.read(move |connection| wallets::outside_tenant(connection, tenant, wallets)).await?;
    let first = named.into_iter().find(|(_, wallet)| outside.contains(wallet));
    first.map_or(Ok(()), |(index, _)| Err(Error::MissingItem { index, missing: Missing::Wallet }))
}

/// The movements that were made before.
async fn again(services: &Services, payers: &[WalletId], ids: &[PaymentRow]) -> Result<Created<Vec<Payment>>, Error> {
    let sides = payers.iter().zip(ids).map(|(payer, id)| (*payer, *id)).collect();
    Ok(Created::again(payments_again(services, sides).await?))
}

/// A movement without an invoice that anybody sees.
pub(super) fn leg(sealer: &Sealer, from: AccountId, to: AccountId, amount: Amount, memo: String, now: UnixMs) -> Leg {
    movement(sealer).leg(from, to, amount, memo, now)
}

/// Ids and secrets for a movement.
pub(super) fn movement(sealer: &Sealer) -> NewMovement {
    let (invoice, preimage) = (InvoiceId::next(), Preimage::generate());
    NewMovement {
        transfer: TransferId::next(),
        invoice,
        payment_hash: preimage.payment_hash(),
        preimage: preimage.seal(sealer, invoice),
    }
}

/// A movement that was made, as its payer sees it.
fn outgoing(leg: Leg, at: UnixMs) -> Payment {
    Payment {
        row: leg.transfer.into(),
        wallet: leg.from.wallet(),
        payment_hash: leg.invoice.payment_hash,
        invoice: leg.invoice.id,
        preimage: leg.invoice.preimage,
        bolt11: None,
        amount: leg.invoice.amount.outgoing(),
        fee: Msat::ZERO,
        memo: leg.invoice.memo,
        state: InvoiceState::Paid,
        webhook: None,
        webhook_status: None,
        extra: leg.invoice.extra,
        created_at: at,
        expires_at: leg.invoice.expires_at,
        paid_at: Some(at),
        external_id: leg.external_id,
    }
}
