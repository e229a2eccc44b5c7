//! Holds: money of a tenant's wallets that its manager promises before it moves.

use std::collections::HashSet;

use super::callers::{Caller, WalletKey};
use super::idempotency::{Created, payments_of};
use super::rates::{Asked, quote};
use super::transfers::{Room, check_wallets, movement, offload};
use super::{Error, Missing, Services};
use crate::clock;
use crate::crypto::random;
use crate::crypto::secret::Sealer;
use crate::domain::consumer::Consumer;
use crate::domain::extra::Extra;
use crate::domain::hold::{HoldGroup, HoldState};
use crate::domain::hold_view::HoldView;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{HoldId, HoldMoveId, PaymentHash, PaymentRow, WalletId};
use crate::domain::money::Amount;
use crate::domain::text::Memo;
use crate::ledger::command::{CaptureHold, ExpireHolds, NewHold, Payout, PlaceHolds, SettleHolds};
use crate::ledger::outcome::{HoldsChanged, Once};
use crate::ledger::settler::settlement_weight;
use crate::store::holds::{self, HoldFilter, Owner};
use crate::store::{Db, StoreError, wallets};

/// Holds that one list shows at most: each can have many captures.
pub const LIST_MAX: i64 = 100;
/// Holds that are closed in one batch once their time is over.
const EXPIRE_MAX: i64 = 1000;

/// Money to put on hold.
#[derive(Clone, Debug)]
pub struct HoldOrder {
    /// The wallet whose money is held.
    pub wallet: WalletId,
    /// How much.
    pub amount: Asked,
    /// For how many seconds.
    pub lifetime_s: i64,
    /// With which others it can be settled.
    pub group: Option<HoldGroup>,
    /// What for.
    pub memo: Memo,
    /// The client's own data.
    pub extra: Option<Extra>,
}

/// What to pay out of a hold.
#[derive(Clone, Debug)]
pub struct CaptureOrder {
    /// The hold.
    pub hold: HoldId,
    /// Who is paid, and how much; what remains where no amount is given.
    pub to: Vec<(WalletId, Option<Amount>)>,
    /// Whether what remains is given back.
    pub is_final: bool,
}

/// What to do with holds: all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct SettlementOrder {
    /// What to pay out, in order.
    pub captures: Vec<CaptureOrder>,
    /// Which to void.
    pub voids: Vec<HoldId>,
    /// A group whose open holds that are not named are voided.
    pub group: Option<HoldGroup>,
}

impl SettlementOrder {
    /// How much of a batch it fills.
    pub fn weight(&self) -> usize {
        let payouts: usize = self.captures.iter().map(|capture| capture.to.len()).sum();
        settlement_weight(payouts, self.voids.len(), self.group.is_some())
    }
}

/// Puts money of the tenant's wallets on hold: all of it or none, once for each claim.
pub async fn place(
    services: &Services,
    Room { manager, place }: Room,
    claim: Option<Claim>,
    orders: Vec<HoldOrder>,
) -> Result<Created<Vec<HoldView>>, Error> {
    if let Some(before) = payments_of(services, manager, claim).await? {
        return replayed(services, before).await;
    }
    check_wallets(services, manager, orders.iter().map(|order| order.wallet).enumerate()).await?;
    let quoted = quote(services, orders.iter().map(|order| order.amount)).await?;
    let now = clock::now();
    let new = orders.into_iter().enumerate().map(|(index, order)| {
        let priced = quoted.price(index, order.amount)?;
        Ok(NewHold {
            id: HoldId::next(),
            account: order.wallet.account(),
            group: order.group,
            payment_hash: PaymentHash::new(random::bytes()),
            amount: priced.amount,
            memo: order.memo.into_inner(),
            extra: priced.note(order.extra)?,
            expires_at: now.plus_seconds(order.lifetime_s),
        })
    });
    let holds = new.collect::<Result<Vec<_>, Error>>()?;
    let command = PlaceHolds { authority: manager.authority(), manager: manager.user(), claim, holds };
    let placed = place.submit(command).await??;
    answer(services, placed).await
}

/// Captures and voids holds of the tenant: all of it or nothing, once for each claim. Answers the
/// holds that this has changed. A refusal that is about a payee tells which of all, in order.
pub async fn settle(
    services: &Services,
    Room { manager, place }: Room,
    claim: Option<Claim>,
    order: SettlementOrder,
) -> Result<Created<Vec<HoldView>>, Error> {
    if let Some(before) = payments_of(services, manager, claim).await? {
        return replayed(services, before).await;
    }
    let named: HashSet<_> = order.captures.iter().map(|capture| capture.hold).chain(order.voids.clone()).collect();
    let (named, count) = (named.iter().copied().collect::<Vec<_>>(), named.len());
    let (tenant, own) = (manager.user(), manager.wallet());
    let found = services.store.read(move |connection| holds::wallets_of(connection, &named, tenant, own)).await?;
    if found.len() != count {
        return Err(Error::Missing(Missing::Hold));
    }
    let payees = order.captures.iter().flat_map(|capture| capture.to.iter().map(|(wallet, _)| *wallet));
    check_wallets(services, manager, payees.enumerate()).await?;

    let (sealer, payouts) = (services.sealer.clone(), order.captures.iter().map(|capture| capture.to.len()).sum());
    let captures = order.captures;
    let seal = move || captures.into_iter().map(|capture| prepared(&sealer, capture)).collect();
    let captures = offload(payouts, seal).await?;
    let group = order.group.map(|group| (manager.user(), group));
    let command = SettleHolds { authority: manager.authority(), claim, captures, voids: order.voids, group };
    let settled = place.submit(command).await??;
    answer(services, settled).await
}

fn prepared(sealer: &Sealer, CaptureOrder { hold, to, is_final }: CaptureOrder) -> CaptureHold {
    let to = to.into_iter().map(|(wallet, amount)| Payout { movement: movement(sealer), to: wallet.account(), amount });
    CaptureHold { hold, to: to.collect(), is_final }
}

async fn answer(services: &Services, changed: Once<HoldsChanged>) -> Result<Created<Vec<HoldView>>, Error> {
    match changed {
        Once::Done(HoldsChanged { holds }) => Ok(Created::new(again(services, holds).await?.answer)),
        Once::Replayed { payments } => replayed(services, payments).await,
    }
}

/// Holds as the request with the same claim left them.
async fn replayed(services: &Services, payments: Vec<PaymentRow>) -> Result<Created<Vec<HoldView>>, Error> {
    again(services, payments.into_iter().map(PaymentRow::hold_move).collect()).await
}

/// Holds as these moves left them. What has happened has happened, even where it cannot be shown.
async fn again(services: &Services, moves: Vec<HoldMoveId>) -> Result<Created<Vec<HoldView>>, Error> {
    let shown = services.store.read(move |connection| holds::as_of(connection, &moves)).await;
    shown.map(Created::again).or(Err(Error::OutcomeUnknown))
}

/// A hold of the tenant.
pub async fn find(services: &Services, caller: WalletKey, id: HoldId) -> Result<HoldView, Error> {
    let (tenant, own) = (caller.managed_tenant().ok_or(Error::Missing(Missing::Hold))?, caller.wallet());
    let found = services.store.read(move |connection| {
        caller.recheck(connection)?;
        if holds::wallets_of(connection, &[id], tenant, own)?.is_empty() {
            return Err(StoreError::NotFound);
        }
        holds::find(connection, id, clock::now())
    });
    found.await.map_err(Error::of(Missing::Hold))
}

/// Which holds to list.
#[derive(Clone, Debug)]
pub struct HoldQuery {
    /// Only those of this wallet of the tenant; otherwise those that the manager has placed.
    pub wallet: Option<WalletId>,
    /// Only those of these groups of the manager.
    pub groups: Vec<String>,
    /// Only those in these states.
    pub states: Vec<HoldState>,
    /// How many to leave out.
    pub offset: i64,
    /// How many to show.
    pub limit: i64,
}

/// Holds of the tenant, newest first, as `show` makes them. Who manages none has none.
pub async fn list<T: Send + 'static>(
    services: &Services,
    caller: WalletKey,
    query: HoldQuery,
    show: impl FnOnce(Vec<HoldView>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let Some(tenant) = caller.managed_tenant() else {
        return if query.wallet.is_some() { Err(Error::Missing(Missing::Wallet)) } else { Ok(show(Vec::new())?) };
    };
    let list = move |connection: &mut Db| {
        caller.recheck(connection)?;
        let of = match query.wallet {
            Some(wallet) if wallet == caller.wallet() => Owner::OwnWallet(wallet, tenant),
            Some(wallet) => Owner::Wallet(wallets::find_in_tenant(connection, tenant, wallet)?.id),
            None => Owner::Manager(tenant),
        };
        let filter = HoldFilter { of, groups: query.groups, states: query.states, now: clock::now() };
        show(holds::list(connection, &filter, query.offset, query.limit)?)
    };
    services.store.read_list(caller.consumer(), list).await.map_err(Error::of(Missing::Wallet))
}

/// Closes some holds whose time is over; answers whether there may be more. Any number of replicas
/// may do this: the ledger decides.
pub async fn expire_some(services: &Services) -> Result<bool, Error> {
    let over = services.store.read(|connection| holds::over(connection, clock::now(), EXPIRE_MAX)).await?;
    if over.is_empty() {
        return Ok(false);
    }
    let is_full = i64::try_from(over.len()).is_ok_and(|found| found >= EXPIRE_MAX);
    services.settle(ExpireHolds { holds: over }, Consumer::NOBODY).await?;
    Ok(is_full)
}
