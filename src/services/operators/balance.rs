//! Money in and out of satkeep, by an administrator's word.

use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::consumer::Consumer;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{AccountId, WalletId};
use crate::domain::money::{Amount, Msat};
use crate::ledger::command::{Adjust, Command, Leg};
use crate::ledger::outcome::Outcome;
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

/// What a change of a balance has come to.
enum Adjusted {
    /// The wallet holds so much now.
    Now(Msat),
    /// It was done before under the same claim.
    Before,
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
    let done = match adjust(services, operator, claim, leg).await? {
        Adjusted::Now(_) => Created::new(()),
        Adjusted::Before => Created::again(()),
    };
    let (operator, amount_msat) = (operator.user(), amount.msat());
    tracing::info!(%operator, %wallet, ?direction, amount_msat, "an operator changed a balance");
    Ok(done)
}

/// Credits a wallet, and answers what it holds then.
pub async fn credit(
    services: &Services,
    administrator: LocalAdministrator,
    wallet: WalletId,
    amount: Amount,
) -> Result<Msat, Error> {
    let leg = adjustment(&services.sealer, wallet, amount, Direction::In);
    match adjust(services, administrator, None, leg).await? {
        Adjusted::Now(balance) => Ok(balance),
        Adjusted::Before => {
            tracing::error!("a credit without an idempotency key was replayed");
            Err(Error::Fault)
        }
    }
}

async fn adjust(
    services: &Services,
    administrator: impl Administrator,
    claim: Option<Claim>,
    leg: Leg,
) -> Result<Adjusted, Error> {
    let adjust = Adjust { leg, session: administrator.session().map(Session::digest), claim };
    match services.settle(Command::Adjust(adjust), Consumer::NOBODY).await? {
        Outcome::Adjusted { balance } => Ok(Adjusted::Now(balance)),
        Outcome::Replayed { .. } => Ok(Adjusted::Before),
        outcome @ (Outcome::InvoiceCreated | Outcome::Paid { .. } | Outcome::Transferred { .. } | Outcome::Closed) => {
            tracing::error!(?outcome, "a change of balance came to another outcome");
            Err(Error::Fault)
        }
    }
}

/// A movement that brings money into a wallet from issuance, or takes it out again.
pub fn adjustment(sealer: &Sealer, wallet: WalletId, amount: Amount, direction: Direction) -> Leg {
    let (from, payee, memo) = match direction {
        Direction::In => (AccountId::ISSUANCE, wallet.account(), "Credit"),
        Direction::Out => (wallet.account(), AccountId::ISSUANCE, "Debit"),
    };
    leg(sealer, from, payee, amount, memo.to_owned(), clock::now())
}
