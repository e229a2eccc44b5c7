//! Money in and out of satkeep, by an administrator's word.

use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::consumer::Consumer;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{AccountId, WalletId};
use crate::domain::money::{Amount, Msat};
use crate::ledger::command::{Adjust, Leg};
use crate::ledger::outcome::Adjusted;
use crate::services::administrators::{Administrator, LocalAdministrator};
use crate::services::callers::{Operator, Session};
use crate::services::idempotency::{Created, payments_of};
use crate::services::transfers::leg;
use crate::services::{Error, Missing, Services};
use crate::store::wallets;

/// Which way money goes between a wallet and issuance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Into the wallet.
    In,
    /// Out of it.
    Out,
}

/// Credits or debits a wallet, once for each claim.
pub async fn change(
    services: &Services,
    operator: Operator,
    claim: Option<Claim>,
    wallet: WalletId,
    direction: Direction,
    amount: Amount,
) -> Result<Created<()>, Error> {
    // First, because the wallet may have been deleted meanwhile.
    if payments_of(services, operator, claim).await?.is_some() {
        return Ok(Created::again(()));
    }
    services
        .store
        .read(move |connection| wallets::find(connection, wallet))
        .await
        .map_err(Error::of(Missing::Wallet))?;
    let leg = adjustment(&services.sealer, wallet, amount, direction);
    let Adjusted { replayed, .. } = adjust(services, operator, claim, leg).await?;
    let done = if replayed { Created::again(()) } else { Created::new(()) };
    let (operator, amount_msat) = (operator.user(), amount.msat());
    tracing::info!(%operator, %wallet, ?direction, amount_msat, "an operator changed a balance");
    Ok(done)
}

/// Credits a wallet, and answers what it can spend then.
pub async fn credit(
    services: &Services,
    administrator: LocalAdministrator,
    wallet: WalletId,
    amount: Amount,
) -> Result<Msat, Error> {
    let leg = adjustment(&services.sealer, wallet, amount, Direction::In);
    Ok(adjust(services, administrator, None, leg).await?.balance)
}

async fn adjust(
    services: &Services,
    administrator: impl Administrator,
    claim: Option<Claim>,
    leg: Leg,
) -> Result<Adjusted, Error> {
    let adjust = Adjust { leg, session: administrator.session().map(Session::digest), claim };
    services.settle(adjust, Consumer::NOBODY).await
}

/// A movement that brings money into a wallet from issuance, or takes it out again.
pub fn adjustment(sealer: &Sealer, wallet: WalletId, amount: Amount, direction: Direction) -> Leg {
    let (from, payee, memo) = match direction {
        Direction::In => (AccountId::ISSUANCE, wallet.account(), "Credit"),
        Direction::Out => (wallet.account(), AccountId::ISSUANCE, "Debit"),
    };
    leg(sealer, from, payee, amount, memo.to_owned(), clock::now())
}
