//! Paying with a tap.

use super::{CardError, TAG, of_hit};
use crate::domain::card::tokens::WithdrawToken;
use crate::domain::extra::Extra;
use crate::domain::ids::{HitId, TransferId};
use crate::domain::skim::SkimmedRequest;
use crate::ledger::command::PayByCard;
use crate::ledger::outcome::Rejection;
use crate::services::lightning::outside;
use crate::services::{Error, Services};
use crate::store::cards::hits::{self, HitOfCard};

/// Who may pay with a tap: whoever shows what it is paid with.
#[derive(Debug)]
pub struct Payer {
    hit: HitId,
    found: HitOfCard,
}

/// Proves that somebody may pay with a tap. Whether it has paid, and whether it still may, is
/// decided when it does.
pub async fn payer(services: &Services, hit: HitId, token: &WithdrawToken) -> Result<Payer, CardError> {
    let found = services.store.read(move |connection| hits::find(connection, hit)).await.map_err(of_hit)?;
    if token.hit() == hit { Ok(Payer { hit, found }) } else { Err(CardError::OtherToken) }
}

/// Pays an invoice from the wallet of the card that was tapped: at once with the end of the tap and
/// what counts against the card's limits, or not at all.
pub async fn pay(services: &Services, payer: Payer, request: SkimmedRequest) -> Result<(), CardError> {
    let Payer { hit, found } = payer;
    let command = PayByCard {
        hit,
        account: found.wallet.account(),
        transfer: TransferId::next(),
        payment_hash: request.payment_hash(),
        bolt11: request.text().to_owned(),
        extra: Some(extra(&found.card, hit)?),
        send: None,
    };
    let command = |send| PayByCard { send, ..command.clone() };
    let paid = outside::pay_keyless(services, &request, found.consumer, command).await?;
    paid.map_err(|rejection| refusal(rejection, &request))
}

fn extra(card: &str, hit: HitId) -> Result<Extra, Error> {
    let json = serde_json::json!({"tag": TAG, "card": card, "hit": hit.to_string()});
    Extra::new(&json.to_string()).or(Err(Error::Fault))
}

/// Why the ledger does not pay, in the words that tills know.
fn refusal(rejection: Rejection, request: &SkimmedRequest) -> CardError {
    match rejection {
        Rejection::HitNotFound => CardError::HitNotFound,
        Rejection::CardDisabled => CardError::CardDisabled,
        Rejection::CardLimit(exceeded) => CardError::Limit(exceeded),
        Rejection::HitSpent | Rejection::HitExpired => CardError::Hit(rejection),
        Rejection::InvoiceNotFound | Rejection::InvoiceMismatch => match request.parse() {
            Err(_) => CardError::InvalidRequest,
            Ok(parsed) if parsed.is_amountless() => CardError::Amountless,
            Ok(_) => CardError::NotPaid(rejection),
        },
        Rejection::KeyRevoked
        | Rejection::KeyFrozen
        | Rejection::NotAManager
        | Rejection::IdempotencyConflict
        | Rejection::UserNotFound
        | Rejection::UserHasUsers
        | Rejection::WalletsChanged
        | Rejection::WalletNotFound { .. }
        | Rejection::WalletHoldsMoney
        | Rejection::WalletHasHolds
        | Rejection::HoldNotFound { .. }
        | Rejection::HoldOfInvoice { .. }
        | Rejection::HoldClosed { .. }
        | Rejection::HoldExpired { .. }
        | Rejection::CaptureTooLarge { .. }
        | Rejection::GroupTooLarge
        | Rejection::TooManyCaptures { .. }
        | Rejection::PaymentHashTaken
        | Rejection::NotAHoldInvoice
        | Rejection::IsAHoldInvoice
        | Rejection::InvoiceNotHeld
        | Rejection::ExternalIdExists { .. }
        | Rejection::InvoiceAlreadyPaid
        | Rejection::PaymentUnderWay
        | Rejection::TooMuchUnderWay
        | Rejection::InvoiceCancelled
        | Rejection::InvoiceExpired
        | Rejection::WalletFrozen { .. }
        | Rejection::PaymentLimit { .. }
        | Rejection::DayLimit { .. }
        | Rejection::InsufficientBalance { .. }
        | Rejection::ReceiverFrozen { .. }
        | Rejection::BalanceLimit { .. }
        | Rejection::TooManyOpenInvoices
        | Rejection::TooMuchForOrigin
        | Rejection::Withdraw(_) => CardError::NotPaid(rejection),
    }
}
