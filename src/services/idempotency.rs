//! What is asked for again under the same idempotency key is answered again, and not done again
//! (promise I7).
//!
//! What was done is written in the transaction of its effect. What a payment answered is made
//! again from its rows, as they were then; any other answer is kept, sealed, because it can
//! hold keys. A refusal has done nothing, so it is not kept.

use super::callers::Caller;
use super::{Error, Services};
use crate::clock;
use crate::crypto::secret::Purpose;
use crate::domain::idempotency::{Claim, answer_owner};
use crate::domain::ids::{AccountId, PaymentRow, WalletId};
use crate::ledger::outcome::Rejection;
use crate::ledger::state::InvoiceState;
use crate::store::idempotency::{self, Done};
use crate::store::payments::{self, Payment};
use crate::store::{Db, StoreError};

/// What creating something answers: new, or given before.
#[derive(Debug)]
pub struct Created<T> {
    /// The answer.
    pub answer: T,
    /// Whether it was given before.
    pub replayed: bool,
}

impl<T> Created<T> {
    /// An answer that is new.
    pub const fn new(answer: T) -> Self {
        Self { answer, replayed: false }
    }

    /// An answer that was given before.
    pub const fn again(answer: T) -> Self {
        Self { answer, replayed: true }
    }

    /// The same, with another form of the answer.
    pub fn try_map<U, E>(self, form: impl FnOnce(T) -> Result<U, E>) -> Result<Created<U>, E> {
        Ok(Created { answer: form(self.answer)?, replayed: self.replayed })
    }
}

/// What was done before under a claim, where anything was. The caller is looked at again: the
/// body may have been slow, and the answer may hold keys.
async fn done(services: &Services, caller: impl Caller, claim: Option<Claim>) -> Result<Option<Done>, Error> {
    let Some(claim) = claim else { return Ok(None) };
    let found = services.store.read(move |connection| {
        caller.recheck(connection)?;
        idempotency::find(connection, caller.account(), claim.key)
    });
    found.await?.map(|done| same(done, claim)).transpose()
}

/// What was done, where it was the same request.
fn same(done: Done, claim: Claim) -> Result<Done, Error> {
    if done.request == claim.request { Ok(done) } else { Err(Rejection::IdempotencyConflict.into()) }
}

/// The ids of the payments that were made before under a claim, where any were.
pub(super) async fn payments_of(
    services: &Services,
    caller: impl Caller,
    claim: Option<Claim>,
) -> Result<Option<Vec<PaymentRow>>, Error> {
    Ok(done(services, caller, claim).await?.map(|done| done.payments))
}

/// Sides of payments that were made before, by their wallets and the ids of their rows, as they were
/// answered: before anybody was told of them.
pub(super) async fn payments_again(
    services: &Services,
    sides: Vec<(WalletId, PaymentRow)>,
) -> Result<Vec<Payment>, Error> {
    let find = move |connection: &mut Db| payments::find_sides(connection, &sides);
    let sides = read_again(services, find).await?;
    Ok(sides.into_iter().map(|side| Payment { webhook_status: None, ..side }).collect())
}

/// An invoice that was issued before, by its wallet and the ids that came of it, as it was answered:
/// whatever became of it since.
pub(super) async fn invoice_again(services: &Services, wallet: WalletId, ids: &[PaymentRow]) -> Result<Payment, Error> {
    let now = payment_again(services, wallet, ids).await?;
    let id = now.invoice;
    let extra = read_again(services, move |connection| payments::extra::as_issued(connection, id)).await?;
    Ok(Payment { state: InvoiceState::Open, paid_at: None, extra, ..now })
}

/// Reads what was done before.
async fn read_again<T: Send + 'static>(
    services: &Services,
    find: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    services.store.read(find).await.map_err(|error| match error {
        // Nothing failed but the reading of what was done.
        StoreError::Unavailable(error) | StoreError::Contended(error) => StoreError::OutcomeUnknown(error).into(),
        StoreError::OutcomeUnknown(_)
        | StoreError::Revoked
        | StoreError::Frozen
        | StoreError::NotAManager
        | StoreError::DayLimited
        | StoreError::NoRoomForManager(_)
        | StoreError::BeingDeleted
        | StoreError::TooManyWallets
        | StoreError::TooManyPayLinks
        | StoreError::TooManyWithdrawLinks
        | StoreError::TooManyCards
        | StoreError::Conflict
        | StoreError::Taken(_)
        | StoreError::NotFound
        | StoreError::Busy(_)
        | StoreError::TooLong
        | StoreError::Broken(_)
        | StoreError::Fault(_) => error.into(),
    })
}

/// One side of a payment that was made before, by its wallet and the ids that came of it.
pub(super) async fn payment_again(services: &Services, wallet: WalletId, ids: &[PaymentRow]) -> Result<Payment, Error> {
    let sides = ids.iter().take(1).map(|id| (wallet, *id)).collect();
    payments_again(services, sides).await?.pop().ok_or(Error::Fault)
}

/// The answer that was given before under a claim, where any was: for who would do costly work
/// before [`once`].
pub(super) async fn answer_again(
    services: &Services,
    caller: impl Caller,
    claim: Option<Claim>,
) -> Result<Option<Created<Vec<u8>>>, Error> {
    let done = done(services, caller, claim).await?;
    done.map(|done| replay(services, caller.account(), claim, &done)).transpose()
}

/// Creates something in one transaction on behalf of a caller, once for each claim, and answers it
/// as it is shown.
pub(super) async fn once(
    services: &Services,
    caller: impl Caller,
    claim: Option<Claim>,
    create: impl FnOnce(&mut Db) -> Result<Vec<u8>, StoreError> + Clone + Send + 'static,
    refuse: impl Fn(StoreError) -> Error,
) -> Result<Created<Vec<u8>>, Error> {
    let account = caller.account();
    if let Some(answer) = answer_again(services, caller, claim).await? {
        return Ok(answer);
    }
    let sealer = services.sealer.clone();
    let created = services.write_as(caller, move |connection| {
        // Another request may have taken the claim since it was looked for, and what the two would
        // create may be in each other's way.
        let taken = claim.map(|claim| idempotency::find(connection, account, claim.key)).transpose()?.flatten();
        if let Some(done) = taken {
            return Ok(Err(done));
        }
        let answer = create(connection)?;
        if let Some(claim) = claim {
            let sealed = sealer.seal(Purpose::Answer, &answer_owner(account, claim.key), &answer);
            idempotency::insert(connection, account, &claim, &sealed, clock::now())?;
        }
        Ok(Ok(answer))
    });
    match created.await {
        Ok(Ok(answer)) => Ok(Created::new(answer)),
        Ok(Err(done)) => {
            let done = claim.map_or(Err(Error::Fault), |claim| same(done, claim))?;
            replay(services, account, claim, &done)
        }
        // Perhaps it was the claim that another request has just taken.
        Err(StoreError::Conflict) => match done(services, caller, claim).await? {
            Some(done) => replay(services, account, claim, &done),
            None => Err(refuse(StoreError::Conflict)),
        },
        // The claim proves a commit whose answer was lost.
        Err(error @ StoreError::OutcomeUnknown(_)) => match done(services, caller, claim).await {
            Ok(Some(done)) => replay(services, account, claim, &done),
            Ok(None) | Err(_) => Err(refuse(error)),
        },
        Err(error) => Err(refuse(error)),
    }
}

fn replay(
    services: &Services,
    account: AccountId,
    claim: Option<Claim>,
    done: &Done,
) -> Result<Created<Vec<u8>>, Error> {
    let (Some(claim), Some(answer)) = (claim, &done.answer) else {
        tracing::error!("an answer under an idempotency key is missing");
        return Err(Error::Fault);
    };
    let json = services.sealer.unseal(Purpose::Answer, &answer_owner(account, claim.key), answer.as_bytes());
    Ok(Created::again(json.map_err(StoreError::from)?.to_vec()))
}
