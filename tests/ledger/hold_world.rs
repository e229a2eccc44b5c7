//! Commands about holds, on the wallets of the small world.

use proptest::prelude::*;
use satkeep::crypto::secret::Sealed;
use satkeep::domain::hold::HoldGroup;
use satkeep::domain::ids::{AccountId, HoldId, InvoiceId, PaymentHash, TransferId, UserId};
use satkeep::domain::money::Amount;
use satkeep::ledger::command::{
    CancelHeld, CaptureHold, Command, ExpireHolds, NewHold, NewInvoice, NewMovement, Payout, PlaceHolds, SettleHeld,
    SettleHolds,
};

use super::world::{NOW, WALLETS, authority, fresh, hash_of, manager, user, wallet};

/// Where groups belong, whichever key asks.
pub(crate) const HOUSE: u8 = 0;

pub(crate) fn movement() -> NewMovement {
    let bytes = fresh();
    NewMovement {
        transfer: TransferId::new(fresh()),
        invoice: InvoiceId::new(bytes),
        payment_hash: hash_of(bytes),
        preimage: Sealed::from_stored(bytes.to_vec()),
    }
}

/// A hold of its own id, which is over in a minute.
pub(crate) fn new_hold(account: AccountId, msat: i64, group: Option<u8>) -> NewHold {
    NewHold {
        id: TransferId::new(fresh()).into(),
        account,
        group: group.map(self::group),
        payment_hash: hash_of(fresh()),
        amount: Amount::from_msat(msat).unwrap(),
        memo: String::new(),
        extra: None,
        expires_at: NOW.plus_seconds(60),
    }
}

pub(crate) fn group(name: u8) -> HoldGroup {
    HoldGroup::new(format!("group {name}")).unwrap()
}

pub(crate) fn house() -> UserId {
    user(HOUSE)
}

pub(crate) fn place(authorized: AccountId, holds: Vec<NewHold>) -> Command {
    Command::PlaceHolds(PlaceHolds { authority: manager(authorized), manager: house(), claim: None, holds })
}

/// A payout to a wallet: of so many msat, or of what remains.
pub(crate) fn payout(to: AccountId, msat: Option<i64>) -> Payout {
    Payout { movement: movement(), to, amount: msat.map(|msat| Amount::from_msat(msat).unwrap()) }
}

pub(crate) fn capture(hold: HoldId, to: Vec<Payout>, is_final: bool) -> CaptureHold {
    CaptureHold { hold, to, is_final }
}

pub(crate) fn settle_holds(captures: Vec<CaptureHold>, voids: Vec<HoldId>, whole: Option<u8>) -> Command {
    Command::SettleHolds(SettleHolds {
        authority: manager(wallet(HOUSE)),
        claim: None,
        captures,
        voids,
        group: whole.map(|name| (house(), group(name))),
    })
}

pub(crate) fn expire(holds: Vec<(HoldId, Option<PaymentHash>)>) -> Command {
    Command::ExpireHolds(ExpireHolds { holds })
}

pub(crate) fn settle_held(payee: AccountId, invoice: &NewInvoice) -> Command {
    Command::SettleHeld(SettleHeld {
        authority: authority(payee),
        transfer: TransferId::new(fresh()),
        payment_hash: invoice.payment_hash,
        preimage: Sealed::from_stored(vec![7; 40]),
    })
}

pub(crate) fn cancel_held(payee: AccountId, invoice: &NewInvoice) -> Command {
    Command::CancelHeld(CancelHeld { authority: authority(payee), payment_hash: invoice.payment_hash })
}

/// The hold of the payment that this command makes for a hold invoice.
pub(crate) fn held_by(pay: &Command) -> HoldId {
    let Command::Pay(pay) = pay else { unreachable!() };
    pay.transfer.into()
}

/// A hold, perhaps one that is over already.
pub(crate) fn any_hold() -> impl Strategy<Value = NewHold> {
    (0..WALLETS, 1i64..1_500, proptest::option::of(0..2u8), 0..6u8).prop_map(|(index, msat, group, odd)| {
        let hold = new_hold(wallet(index), msat, group);
        NewHold { expires_at: if odd == 0 { NOW } else { hold.expires_at }, ..hold }
    })
}

/// A random command on these holds, and on the hold invoices among these.
pub(crate) fn any_hold_command(holds: Vec<NewHold>, invoices: Vec<NewInvoice>) -> impl Strategy<Value = Command> {
    let some = || proptest::sample::select(holds.clone()).prop_map(|hold| hold.id);
    let to =
        (0..WALLETS, proptest::option::weighted(0.7, 1i64..900)).prop_map(|(index, msat)| payout(wallet(index), msat));
    let one = (some(), proptest::collection::vec(to, 1..4), any::<bool>())
        .prop_map(|(hold, to, is_final)| capture(hold, to, is_final));
    let settle = (
        proptest::collection::vec(one, 0..3),
        proptest::collection::vec(some(), 0..2),
        proptest::option::weighted(0.3, 0..2u8),
    );
    let invoice = || proptest::sample::select(invoices.clone());
    let expiring: Vec<_> = holds.iter().map(|hold| (hold.id, None)).collect();
    prop_oneof![
        6 => settle.prop_map(|(captures, voids, whole)| settle_holds(captures, voids, whole)),
        2 => Just(expire(expiring)),
        2 => (invoice(), 0..6u8).prop_map(|(invoice, odd)| {
            settle_held(if odd == 0 { wallet(0) } else { invoice.payee }, &invoice)
        }),
        1 => (invoice(), 0..6u8).prop_map(|(invoice, odd)| {
            cancel_held(if odd == 0 { wallet(0) } else { invoice.payee }, &invoice)
        }),
    ]
}
