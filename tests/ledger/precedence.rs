//! Where several reasons to refuse hold, the first one in the order of `Rejection` is given.
//! A table, with a row that reaches every refusal.

use std::collections::BTreeSet;

use satkeep::domain::card::limits::LimitExceeded;
use satkeep::domain::controls::{Freeze, Freezes, Limits};
use satkeep::domain::hold::{HoldState, HoldSums};
use satkeep::domain::ids::{AccountId, HoldId, PaymentHash, TransferId};
use satkeep::domain::money::{Amount, MSAT_MAX, Msat};
use satkeep::domain::send::SendBounds;
use satkeep::domain::session::{Right, SessionToken};
use satkeep::domain::withdraw::refused::WithdrawRefused;
use satkeep::ledger::command::{Actor, Adjust, Close, Command, NewHold, NewInvoice, NewSend};
use satkeep::ledger::decide::decide;
use satkeep::ledger::outcome::{Adjusted, Once, Outcome, Rejection, Transferred};
use satkeep::ledger::settle::{settle, settle_batch};

use satkeep::ledger::state::{Hold, WithdrawalRow, Withdrawn};

use super::hold_world::{cancel_held, capture, held_by, new_hold, payout, place, settle_held, settle_holds};
use super::memory::{Memory, now};
use super::sends::{NO_BOUNDS, new_send, send, send_as};
use super::world::{
    CARD_SAT, NOW, card, close, create, credit, debit, hit, invoice, issue_for_link, issue_within, leg, named, pay,
    pay_by_card, pay_link, transfer, under, user, wallet, withdraw, withdraw_link, withdrawal,
};

/// The position of a refusal in the order, and how many there are.
fn position(rejection: Rejection) -> usize {
    match rejection {
        Rejection::KeyRevoked => 0,
        Rejection::KeyFrozen => 1,
        Rejection::NotAManager => 2,
        Rejection::IdempotencyConflict => 3,
        Rejection::UserNotFound => 4,
        Rejection::UserHasUsers => 5,
        Rejection::WalletsChanged => 6,
        Rejection::WalletNotFound { .. } => 7,
        Rejection::WalletHoldsMoney => 8,
        Rejection::HitNotFound => 9,
        Rejection::HitSpent => 10,
        Rejection::HitExpired => 11,
        Rejection::CardDisabled => 12,
        Rejection::InvoiceNotFound => 13,
        Rejection::InvoiceMismatch => 14,
        Rejection::InvoiceAlreadyPaid => 15,
        Rejection::InvoiceCancelled => 16,
        Rejection::InvoiceExpired => 17,
        Rejection::CardLimit(_) => 18,
        Rejection::ExternalIdExists { .. } => 25,
        Rejection::WalletFrozen { .. } => 19,
        Rejection::PaymentLimit { .. } => 20,
        Rejection::DayLimit { .. } => 21,
        Rejection::InsufficientBalance { .. } => 22,
        Rejection::ReceiverFrozen { .. } => 23,
        Rejection::BalanceLimit { .. } => 24,
        Rejection::WalletHasHolds => 26,
        Rejection::HoldNotFound { .. } => 27,
        Rejection::HoldOfInvoice { .. } => 28,
        Rejection::HoldClosed { .. } => 29,
        Rejection::HoldExpired { .. } => 30,
        Rejection::CaptureTooLarge { .. } => 31,
        Rejection::GroupTooLarge => 32,
        Rejection::TooManyCaptures { .. } => 33,
        Rejection::NotAHoldInvoice => 34,
        Rejection::IsAHoldInvoice => 35,
        Rejection::InvoiceNotHeld => 36,
        Rejection::PaymentHashTaken => 37,
        Rejection::TooManyOpenInvoices => 38,
        Rejection::TooMuchForOrigin => 39,
        Rejection::PaymentUnderWay => 40,
        Rejection::TooMuchUnderWay => 41,
        Rejection::Withdraw(_) => 42,
    }
}

const REFUSALS: usize = 43;

struct Scene {
    memory: Memory,
    /// Of wallet 1, for more than wallet 0 holds.
    dear: NewInvoice,
    /// As dear, and expired.
    late: NewInvoice,
    /// Of wallet 1, paid by wallet 0.
    paid: NewInvoice,
    /// Of wallet 2, which is deleted.
    orphan: NewInvoice,
    /// Of wallet 0, with an external id.
    named_one: NewInvoice,
}

const CARD_LIMIT: Rejection = Rejection::CardLimit(LimitExceeded::Transaction { max_sat: CARD_SAT });

fn by_card(tap: u8, account: AccountId, invoice: &NewInvoice) -> Command {
    pay_by_card(hit(tap), account, invoice)
}

const GONE: AccountId = AccountId::new([99; 16]);

/// Wallet 0 holds 1000 msat, wallet 1 a little, wallet 2 is deleted, wallet 3 is full, wallet 4
/// holds 500 msat.
fn scene() -> Scene {
    let dear = invoice(wallet(1), 5_000);
    let late = NewInvoice { expires_at: NOW, ..invoice(wallet(1), 5_000) };
    let paid = invoice(wallet(1), 10);
    let orphan = NewInvoice { expires_at: NOW, ..invoice(wallet(2), 5_000) };
    let named_one = invoice(wallet(0), 7);
    let setup = [
        named(create(named_one.clone()), 1),
        credit(wallet(0), 1_010),
        credit(wallet(4), 500),
        create(dear.clone()),
        create(late.clone()),
        create(paid.clone()),
        create(orphan.clone()),
        issue_for_link(invoice(wallet(0), 1)),
        issue_for_link(invoice(wallet(0), 1)),
        under(pay(wallet(0), &paid), 1, 1),
        close(wallet(0), &[], &[wallet(2)], false),
    ];
    let mut memory = Memory::new();
    let outcomes = settle_batch(&mut memory, &setup, &now).unwrap();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    memory.accounts.get_mut(&wallet(3)).unwrap().balance = Msat::new(i64::MAX);
    memory.users.get_mut(&user(4)).unwrap().users = vec![user(1)];
    memory.hits.get_mut(&hit(4)).unwrap().is_spent = true;
    memory.hits.get_mut(&hit(4)).unwrap().expires_at = NOW;
    memory.cards.get_mut(&card(1)).unwrap().is_enabled = false;
    memory.withdraw_links.get_mut(&withdraw_link(1)).unwrap().is_enabled = false;
    memory.withdraw_links.get_mut(&withdraw_link(2)).unwrap().last_used_at = Some(NOW);
    let (id, link) = (withdrawal(2), withdraw_link(1));
    memory.withdrawals.push(WithdrawalRow {
        withdrawn: Withdrawn { id, link, number: 0, at: NOW, last_used_before: None },
        account: wallet(1),
        transfer: TransferId::new([1; 16]),
        amount: Amount::from_msat(1).unwrap(),
    });
    memory.sessions.insert((SessionToken::from_client("on").digest(), Right::Operate));
    Scene { memory, dear, late, paid, orphan, named_one }
}

fn exists(invoice: &NewInvoice, leg: usize) -> Rejection {
    Rejection::ExternalIdExists { payment_hash: invoice.payment_hash, leg }
}

/// The same command by a key that was revoked meanwhile.
fn revoked(mut command: Command) -> Command {
    match &mut command {
        Command::CreateInvoice(c) => c.authority.keys_version = 0,
        Command::Pay(c) => c.authority.keys_version = 0,
        Command::Transfer(c) => c.authority.keys_version = 0,
        Command::Close(Close { by: Actor::Manager(authority), .. }) => authority.keys_version = 0,
        Command::PayLink(c) => c.authority.keys_version = 0,
        Command::PlaceHolds(c) => c.authority.keys_version = 0,
        Command::SettleHolds(c) => c.authority.keys_version = 0,
        Command::SettleHeld(c) => c.authority.keys_version = 0,
        Command::CancelHeld(c) => c.authority.keys_version = 0,
        Command::Close(_)
        | Command::Adjust(_)
        | Command::IssueForLink(_)
        | Command::PayByCard(_)
        | Command::EndSend(_)
        | Command::Receive(_)
        | Command::PayByWithdrawLink(_)
        | Command::ExpireHolds(_) => {}
    }
    command
}

/// The same command, asked for by an operator who has logged in with this token.
fn by_operator(command: Command, token: &str) -> Command {
    let session = SessionToken::from_client(token).digest();
    match command {
        Command::Close(close) => Command::Close(Close { by: Actor::Operator(session), ..close }),
        Command::Adjust(adjust) => Command::Adjust(Adjust { session: Some(session), ..adjust }),
        other => other,
    }
}

fn tampered(command: Command) -> Command {
    let Command::Pay(mut pay) = command else { unreachable!() };
    pay.bolt11.push('q');
    Command::Pay(pay)
}

fn unknown(command: Command) -> Command {
    let Command::Pay(mut pay) = command else { unreachable!() };
    pay.payment_hash = PaymentHash::new([7; 32]);
    Command::Pay(pay)
}

#[test]
fn the_first_reason_is_given() {
    use {Rejection as R, WithdrawRefused as W};
    let Scene { memory, dear, late, paid, orphan, named_one } = scene();
    let (w0, w1, w3, w4) = (wallet(0), wallet(1), wallet(3), wallet(4));
    let limit = &memory.withdraw_links[&withdraw_link(0)];
    let link_limit = W::Amount { min: limit.min, max: limit.max }.into();
    let rows: Vec<(&str, Command, Rejection)> = vec![
        ("create, revoked key", revoked(create(invoice(w0, 1))), R::KeyRevoked),
        ("create, deleted wallet", create(invoice(wallet(2), 1)), R::KeyRevoked),
        ("create, no such wallet", create(invoice(GONE, 1)), R::KeyRevoked),
        ("pay, revoked, key used otherwise", revoked(under(pay(w0, &dear), 1, 2)), R::KeyRevoked),
        ("pay, key used otherwise, unknown", under(unknown(pay(w0, &dear)), 1, 2), R::IdempotencyConflict),
        ("create, key used otherwise", under(create(invoice(w0, 1)), 1, 2), R::IdempotencyConflict),
        ("pay, revoked, unknown, tampered", revoked(unknown(tampered(pay(w0, &dear)))), R::KeyRevoked),
        ("pay, deleted payer, paid", pay(wallet(2), &paid), R::KeyRevoked),
        ("pay, unknown, tampered", unknown(tampered(pay(w0, &dear))), R::InvoiceNotFound),
        ("pay, tampered, paid", tampered(pay(w0, &paid)), R::InvoiceMismatch),
        ("pay, tampered, expired, dear", tampered(pay(w0, &late)), R::InvoiceMismatch),
        ("pay, paid", pay(w0, &paid), R::InvoiceAlreadyPaid),
        ("pay, cancelled, expired, dear", pay(w0, &orphan), R::InvoiceCancelled),
        ("pay, expired, dear", pay(w0, &late), R::InvoiceExpired),
        ("pay, dear", pay(w0, &dear), R::InsufficientBalance { leg: 0 }),
        ("link, revoked, gone", revoked(pay_link(w0, invoice(GONE, 1))), R::KeyRevoked),
        ("link, key used otherwise, gone", under(pay_link(w0, invoice(GONE, 1)), 1, 2), R::IdempotencyConflict),
        ("link, gone, dear", pay_link(w0, invoice(GONE, 5_000)), R::WalletNotFound { leg: 0 }),
        ("link, dear", pay_link(w0, invoice(w1, 5_000)), R::InsufficientBalance { leg: 0 }),
        ("invoice of a link, gone", issue_for_link(invoice(GONE, 1)), R::WalletNotFound { leg: 0 }),
        ("invoice of a link, too many", issue_for_link(invoice(w0, 1)), R::TooManyOpenInvoices),
        ("invoice of a refund, gone, too much", issue_within(invoice(GONE, 9), 8), R::WalletNotFound { leg: 0 }),
        ("invoice of a refund, too much", issue_within(invoice(w0, 9), 8), R::TooMuchForOrigin),
        ("card, no such tap, tampered", by_card(9, w0, &paid), R::HitNotFound),
        ("card, of another wallet, spent", by_card(4, w1, &paid), R::HitNotFound),
        ("card, spent, over, paid", by_card(4, w0, &paid), R::HitSpent),
        ("card, over, disabled, paid", by_card(0, w0, &paid), R::HitExpired),
        ("card, disabled, paid", by_card(1, w1, &paid), R::CardDisabled),
        ("card, paid", by_card(2, w0, &paid), R::InvoiceAlreadyPaid),
        ("card, expired, dear", by_card(2, w0, &late), R::InvoiceExpired),
        ("card, over its limit, dear", by_card(2, w0, &dear), CARD_LIMIT),
        ("withdraw, no such link, tampered", withdraw((9, w0, None), 1, &paid), W::NotFound.into()),
        ("withdraw, of another wallet, used", withdraw((0, w1, None), 0, &paid), W::NotFound.into()),
        ("withdraw, used, over, disabled", withdraw((1, w1, None), 2, &paid), W::TokenUsed.into()),
        ("withdraw, over, disabled", withdraw((1, w1, None), 0, &paid), W::TokenExpired.into()),
        ("withdraw, disabled, paid", withdraw((1, w1, None), 1, &paid), W::Disabled.into()),
        ("withdraw, too soon, paid", withdraw((2, w0, None), 1, &paid), W::Wait { seconds: 60 }.into()),
        ("withdraw, no number, paid", withdraw((0, w0, None), 1, &paid), W::NumberMissing.into()),
        ("withdraw, no such number, paid", withdraw((0, w0, Some(7)), 1, &paid), W::NumberGone.into()),
        ("withdraw, paid", withdraw((0, w0, Some(1)), 1, &paid), R::InvoiceAlreadyPaid),
        ("withdraw, too much, dear", withdraw((0, w0, Some(1)), 1, &dear), link_limit),
        ("create, named as another", named(create(invoice(w0, 1)), 1), exists(&named_one, 0)),
        ("pay, named as another, dear", named(pay(w0, &dear), 1), exists(&named_one, 0)),
        ("pay, named as another, expired", named(pay(w0, &late), 1), R::InvoiceExpired),
        ("link, named as another, dear", named(pay_link(w0, invoice(w1, 5_000)), 1), exists(&named_one, 0)),
        ("transfer, revoked, gone", revoked(transfer(w0, vec![leg(GONE, w0, 1)])), R::KeyRevoked),
        (
            "transfer, dear first, gone second",
            transfer(w0, vec![leg(w1, w0, 5_000), leg(GONE, w0, 1)]),
            R::WalletNotFound { leg: 1 },
        ),
        ("transfer to a deleted wallet", transfer(w0, vec![leg(w0, wallet(2), 1)]), R::WalletNotFound { leg: 0 }),
        (
            "transfer, dear second",
            transfer(w0, vec![leg(w0, w1, 1), leg(w1, w0, 5_000)]),
            R::InsufficientBalance { leg: 1 },
        ),
        ("transfer, dear, to a full wallet", transfer(w0, vec![leg(w0, w3, 5_000)]), R::InsufficientBalance { leg: 0 }),
        ("transfer to a full wallet", transfer(w0, vec![leg(w0, w3, 1)]), R::BalanceLimit { leg: 0 }),
        ("credit of a full wallet", credit(w3, 1), R::BalanceLimit { leg: 0 }),
        ("credit of more than there is", credit(w1, MSAT_MAX.get()), R::BalanceLimit { leg: 0 }),
        ("transfer to oneself of what is too much", transfer(w3, vec![leg(w3, w3, 1)]), R::BalanceLimit { leg: 0 }),
        ("credit of no wallet", credit(GONE, 1), R::WalletNotFound { leg: 0 }),
        ("close, revoked, gone", revoked(close(w0, &[], &[GONE], false)), R::KeyRevoked),
        ("close, no such user", close(w0, &[user(77)], &[w1], false), R::UserNotFound),
        ("close, another's wallet, money", close(w0, &[user(1)], &[w1, w4], false), R::WalletsChanged),
        ("close, a wallet that is gone, money", close(w0, &[user(1)], &[w1, GONE], false), R::WalletHoldsMoney),
        ("close, too few wallets", close(w0, &[user(1)], &[], false), R::WalletsChanged),
        ("close, gone", close(w0, &[], &[GONE], false), R::WalletNotFound { leg: 0 }),
        ("close, money", close(w0, &[user(1)], &[w1], false), R::WalletHoldsMoney),
        ("close, sweep into itself", close(w1, &[user(1)], &[w1], true), R::WalletHoldsMoney),
        ("close by an operator, money", by_operator(close(w0, &[user(1)], &[w1], true), "on"), R::WalletHoldsMoney),
        ("close by an operator, logged out", by_operator(close(w0, &[user(77)], &[w1], true), "off"), R::KeyRevoked),
        ("credit by an operator, logged out", by_operator(credit(GONE, 1), "off"), R::KeyRevoked),
        ("credit by an operator, no wallet", by_operator(credit(GONE, 1), "on"), R::WalletNotFound { leg: 0 }),
        ("close by an operator, has users", by_operator(close(w0, &[user(4)], &[GONE], false), "on"), R::UserHasUsers),
        ("close, has other users", close(w0, &[user(4)], &[w4], true), R::WalletsChanged),
        ("close, a wallet of its user's is left out", close(w0, &[user(4), user(1)], &[w4], true), R::WalletsChanged),
        ("close, money of its user's", close(w0, &[user(4), user(1)], &[w4, w1], false), R::WalletHoldsMoney),
        ("debit of more than there is", debit(w0, 5_000), R::InsufficientBalance { leg: 0 }),
        ("debit of no wallet", debit(GONE, 1), R::WalletNotFound { leg: 0 }),
        ("close, sweep more than fits", close(w3, &[user(0)], &[w0], true), R::BalanceLimit { leg: 0 }),
    ];
    let snapshot = memory.snapshot();
    let mut reached = frozen_and_limited(memory.clone(), &dear, &paid);
    reached.extend(held(memory, &paid));
    for (name, command, expected) in rows {
        let (outcomes, effects) = decide(&snapshot, std::slice::from_ref(&command), NOW);
        assert_eq!(outcomes, [Err(expected)], "{name}");
        assert!(effects.is_empty() && effects.accounts.is_empty(), "{name}");
        reached.insert(position(expected));
    }
    assert_eq!(reached.len(), REFUSALS, "reached: {reached:?}");
}

/// The rows about holds; answers which refusals they have reached.
fn held(mut memory: Memory, paid: &NewInvoice) -> BTreeSet<usize> {
    use Rejection as R;
    let (w0, w1, w4) = (wallet(0), wallet(1), wallet(4));
    let hold_invoice = || NewInvoice { preimage: None, ..invoice(w1, 50) };
    let (waiting, unpaid, settled, gone) = (hold_invoice(), hold_invoice(), hold_invoice(), hold_invoice());
    let holds: Vec<_> = [w0, w0, w0, w4].map(|account| new_hold(account, 100, None)).to_vec();
    let over = NewHold { expires_at: NOW, ..new_hold(w0, 100, None) };
    let [open, voided, captured, of_w4] = [0, 1, 2, 3].map(|index| holds[index].id);
    let paying = pay(w0, &waiting);
    let of_invoice = held_by(&paying);
    let setup = [
        place(w0, [holds, vec![over.clone()]].concat()),
        create(waiting.clone()),
        create(unpaid.clone()),
        create(settled.clone()),
        create(gone.clone()),
        paying,
        pay(w0, &settled),
        settle_held(w1, &settled),
        cancel_held(w1, &gone),
        settle_holds(vec![capture(captured, vec![payout(w1, Some(60))], true)], vec![voided], None),
        settle_holds(vec![capture(open, vec![payout(w1, Some(1))], false)], Vec::new(), None),
    ];
    let outcomes = settle_batch(&mut memory, &setup, &now).unwrap();
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let mut sending = memory.clone();
    sending.accounts.get_mut(&w4).unwrap().balance = Msat::new(500);
    settle_batch(&mut sending, &[send(w4, 1, 1)], &now).unwrap().pop().unwrap().unwrap();
    let none = SendBounds { wallet_payments_max: 0, ..NO_BOUNDS };
    let narrow = |amount: i64, of_hash: u8| NewSend {
        bounds: none,
        amount: Amount::from_msat(amount).unwrap(),
        ..new_send(of_hash)
    };
    let mut tired = memory.clone();
    tired.holds.get_mut(&open).unwrap().moves = 1_001;
    let mut crowded = memory.clone();
    for _ in 0..=1_000 {
        let hold = new_hold(w0, 1, Some(1));
        let like = crowded.holds[&open].clone();
        let group = hold.group.clone();
        crowded.holds.insert(hold.id, Hold { group, moves: 1, sums: HoldSums::placed(hold.amount), ..like });
    }
    let mut frozen = memory.clone();
    frozen.accounts.get_mut(&w0).unwrap().freezes = Freezes { by_manager: None, by_operator: Some(Freeze::Spending) };
    let to = |msat| vec![payout(w1, msat)];
    let unknown = HoldId::new([9; 16]);
    let void = |hold| settle_holds(Vec::new(), vec![hold], None);
    let take = |hold, msat| settle_holds(vec![capture(hold, to(msat), true)], Vec::new(), None);
    let tap = |invoice| pay_by_card(hit(2), w0, invoice);
    let closed = |hold, state| R::HoldClosed { hold, state };
    let rows = vec![
        ("place, revoked, gone", &memory, revoked(place(w0, vec![new_hold(GONE, 1, None)])), R::KeyRevoked),
        ("place, gone", &memory, place(w0, vec![new_hold(GONE, 1, None)]), R::WalletNotFound { leg: 0 }),
        (
            "place, more than is available",
            &memory,
            place(w0, vec![new_hold(w0, 10, None), new_hold(w4, 401, None)]),
            R::InsufficientBalance { leg: 1 },
        ),
        ("place, frozen, dear", &frozen, place(w4, vec![new_hold(w0, 5_000, None)]), R::WalletFrozen { leg: 0 }),
        ("pay with what is held", &memory, transfer(w4, vec![leg(w4, w1, 401)]), R::InsufficientBalance { leg: 0 }),
        ("settle, revoked, unknown", &memory, revoked(void(unknown)), R::KeyRevoked),
        ("capture, unknown", &memory, take(unknown, None), R::HoldNotFound { hold: unknown }),
        (
            "capture, of an invoice, too much",
            &memory,
            take(of_invoice, Some(51)),
            R::HoldOfInvoice { hold: of_invoice },
        ),
        ("capture, captured", &memory, take(captured, None), closed(captured, HoldState::Captured)),
        ("void, captured", &memory, void(captured), closed(captured, HoldState::Captured)),
        ("void, voided", &memory, void(voided), closed(voided, HoldState::Voided)),
        ("capture, over, too much", &memory, take(over.id, Some(101)), R::HoldExpired { hold: over.id }),
        ("void, over", &memory, void(over.id), R::HoldExpired { hold: over.id }),
        (
            "capture, too much, frozen",
            &frozen,
            take(open, Some(100)),
            R::CaptureTooLarge { hold: open, remaining: Msat::new(99) },
        ),
        ("capture, too often", &tired, take(open, Some(1)), R::TooManyCaptures { hold: open }),
        ("capture, frozen", &frozen, take(open, None), R::WalletFrozen { leg: 0 }),
        ("settle, a group of too many", &crowded, settle_holds(Vec::new(), Vec::new(), Some(1)), R::GroupTooLarge),
        (
            "settle, twice",
            &memory,
            settle_holds(vec![capture(of_w4, to(None), true)], vec![of_w4], None),
            closed(of_w4, HoldState::Captured),
        ),
        (
            "create, a hash that is taken",
            &memory,
            create(NewInvoice { payment_hash: paid.payment_hash, ..hold_invoice() }),
            R::PaymentHashTaken,
        ),
        ("pay, held", &memory, pay(w4, &waiting), R::InvoiceAlreadyPaid),
        ("card, hold invoice", &memory, tap(&unpaid), R::IsAHoldInvoice),
        ("settle an invoice, not its payee", &memory, settle_held(w0, &waiting), R::InvoiceNotFound),
        ("settle an invoice, of a preimage of ours", &memory, settle_held(w1, paid), R::InvoiceAlreadyPaid),
        ("settle an invoice, unpaid", &memory, settle_held(w1, &unpaid), R::InvoiceNotHeld),
        ("settle an invoice, settled", &memory, settle_held(w1, &settled), R::InvoiceAlreadyPaid),
        ("settle an invoice, cancelled", &memory, settle_held(w1, &gone), R::InvoiceCancelled),
        ("cancel an invoice, settled", &memory, cancel_held(w1, &settled), R::InvoiceAlreadyPaid),
        ("cancel an invoice, cancelled", &memory, cancel_held(w1, &gone), R::InvoiceCancelled),
        (
            "send, under way, expired",
            &sending,
            send_as(w4, 2, NewSend { expires_at: NOW, ..new_send(1) }),
            R::PaymentUnderWay,
        ),
        (
            "send, expired, too dear",
            &sending,
            send_as(w4, 2, NewSend { expires_at: NOW, ..narrow(5_000, 2) }),
            R::InvoiceExpired,
        ),
        ("send, too dear, too many", &sending, send_as(w4, 2, narrow(5_000, 2)), R::InsufficientBalance { leg: 0 }),
        ("send, too many", &sending, send_as(w4, 2, narrow(1, 2)), R::TooMuchUnderWay),
        ("close, holds, money", &memory, close(w0, &[], &[w4], false), R::WalletHasHolds),
        ("close, holds, sweep", &memory, close(w0, &[], &[w4], true), R::WalletHasHolds),
    ];
    let mut reached = BTreeSet::new();
    for (name, memory, command, expected) in rows {
        let (outcomes, effects) = decide(&memory.snapshot(), &[command], NOW);
        assert_eq!(outcomes, [Err(expected)], "{name}");
        assert!(effects.is_empty() && effects.accounts.is_empty(), "{name}");
        reached.insert(position(expected));
    }
    let ordinary = invoice(w1, 10);
    settle_batch(&mut memory, &[create(ordinary.clone())], &now).unwrap();
    for command in [settle_held(w1, &ordinary), cancel_held(w1, &ordinary)] {
        assert_eq!(decide(&memory.snapshot(), &[command], NOW).0, [Err(R::NotAHoldInvoice)]);
    }
    reached.insert(position(R::NotAHoldInvoice));
    // What is frozen cannot be captured, and can be voided.
    assert!(decide(&frozen.snapshot(), &[void(open)], NOW).0[0].is_ok());
    reached
}

/// Deletes a wallet of a user whom somebody below has created.
fn close_below(authorized: AccountId, id: AccountId) -> Command {
    let Command::Close(mut command) = close(authorized, &[], &[id], true) else { unreachable!() };
    command.wallets.iter_mut().for_each(|wallet| wallet.is_own = false);
    Command::Close(command)
}

/// The rows about freezes and limits; answers which refusals they have reached.
fn frozen_and_limited(memory: Memory, dear: &NewInvoice, paid: &NewInvoice) -> BTreeSet<usize> {
    use Rejection as R;
    let frozen = |index: u8, freeze: Freeze, memory: &Memory| {
        let mut memory = memory.clone();
        memory.accounts.get_mut(&wallet(index)).unwrap().freezes =
            Freezes { by_manager: Some(freeze), by_operator: None };
        memory
    };
    let mut dismissed = frozen(0, Freeze::Spending, &memory);
    dismissed.managers.remove(&user(4));
    let mut above = frozen(0, Freeze::Spending, &memory);
    above.accounts.get_mut(&wallet(0)).unwrap().freezes.by_operator = Some(Freeze::Spending);
    let mut everything_and_dismissed = frozen(4, Freeze::Everything, &dismissed);
    everything_and_dismissed.managers.remove(&user(0));
    let spending = frozen(0, Freeze::Spending, &memory);
    let everything = frozen(0, Freeze::Everything, &memory);
    let payee = frozen(1, Freeze::Everything, &spending);
    let receiver = frozen(1, Freeze::Everything, &memory);
    let mut limited = memory;
    limited.accounts.get_mut(&wallet(0)).unwrap().limits =
        Limits { payment_max: Some(Amount::from_msat(300).unwrap()), day_max: Some(Amount::from_msat(250).unwrap()) };
    let (w0, w1, w4) = (wallet(0), wallet(1), wallet(4));
    let rows = [
        ("pay, frozen key, key used otherwise", &everything, under(pay(w0, dear), 1, 2), R::KeyFrozen),
        ("create, frozen key", &everything, create(invoice(w0, 1)), R::KeyFrozen),
        ("close, frozen key, gone", &everything, close(w0, &[], &[GONE], false), R::KeyFrozen),
        ("pay, paid, frozen", &spending, pay(w0, paid), R::InvoiceAlreadyPaid),
        ("pay, payee and payer frozen", &payee, pay(w0, dear), R::WalletFrozen { leg: 0 }),
        ("pay, payee frozen, dear", &receiver, pay(w0, dear), R::InsufficientBalance { leg: 0 }),
        ("pay, frozen, dear", &spending, pay(w0, dear), R::WalletFrozen { leg: 0 }),
        (
            "transfer by the manager",
            &spending,
            transfer(w4, vec![leg(w4, w1, 1), leg(w0, w1, 1)]),
            R::WalletFrozen { leg: 1 },
        ),
        ("transfer to a frozen one", &everything, transfer(w4, vec![leg(w4, w0, 1)]), R::ReceiverFrozen { leg: 0 }),
        (
            "invoice of a link, frozen, too many",
            &everything,
            issue_for_link(invoice(w0, 1)),
            R::ReceiverFrozen { leg: 0 },
        ),
        (
            "transfer, frozen key, not a manager",
            &everything_and_dismissed,
            transfer(w4, vec![leg(GONE, w1, 1)]),
            R::KeyFrozen,
        ),
        (
            "transfer, not a manager, key used otherwise",
            &dismissed,
            under(transfer(w4, vec![leg(GONE, w1, 1)]), 1, 2),
            R::NotAManager,
        ),
        ("close, not a manager, gone", &dismissed, close(w4, &[user(77)], &[GONE], false), R::NotAManager),
        ("close, frozen by an operator", &above, close_below(w4, w0), R::WalletFrozen { leg: 0 }),
        ("close, money, frozen", &spending, close(w4, &[], &[w0], false), R::WalletHoldsMoney),
        ("close, frozen", &spending, close(w4, &[], &[w0], true), R::WalletFrozen { leg: 0 }),
        ("pay, over the limit, dear", &limited, pay(w0, dear), R::PaymentLimit { leg: 0 }),
        (
            "transfer, over the day",
            &limited,
            transfer(w0, vec![leg(w0, w1, 200), leg(w0, w1, 51)]),
            R::DayLimit { leg: 1 },
        ),
    ];
    let reached = rows.map(|(name, memory, command, expected)| {
        let (outcomes, effects) = decide(&memory.snapshot(), &[command], NOW);
        assert_eq!(outcomes, [Err(expected)], "{name}");
        assert!(effects.is_empty() && effects.accounts.is_empty(), "{name}");
        position(expected)
    });
    reached.into_iter().collect()
}

/// Nobody keeps its own deletion from settling by deleting its wallets and users first.
#[test]
fn what_is_gone_already_goes_with_the_rest() {
    let Scene { mut memory, .. } = scene();
    let (w0, w1, w2, w4) = (wallet(0), wallet(1), wallet(2), wallet(4));
    let all = close(w0, &[user(4), user(1), user(77)], &[w4, w2, w1, GONE], true);
    let outcomes = settle_batch(&mut memory, &[all.clone(), all], &now).unwrap();
    assert!(outcomes[0].is_ok() && outcomes[1] == Err(Rejection::UserNotFound), "{outcomes:?}");
    assert!(!memory.accounts[&w1].open && !memory.accounts[&w4].open && !memory.users.contains_key(&user(1)));
    assert_eq!(memory.accounts[&w0].balance, Msat::new(1_510));
}

#[test]
fn what_freezes_and_limits_let_pass() {
    let Scene { mut memory, .. } = scene();
    memory.accounts.get_mut(&wallet(0)).unwrap().limits =
        Limits { payment_max: None, day_max: Amount::from_msat(250).ok() };
    let by_manager = |freeze| Freezes { by_manager: Some(freeze), by_operator: None };
    memory.accounts.get_mut(&wallet(1)).unwrap().freezes = by_manager(Freeze::Everything);
    memory.accounts.get_mut(&wallet(4)).unwrap().freezes = by_manager(Freeze::Spending);
    let (w0, w1, w4) = (wallet(0), wallet(1), wallet(4));
    let commands = [
        // An operator moves money whatever is frozen; a frozen wallet may be paid.
        credit(w1, 5),
        debit(w1, 5),
        debit(w4, 100),
        transfer(w0, vec![leg(w0, w4, 200)]),
        // A manager's transfer is not what the wallet's own key spends; what went to oneself is.
        transfer(wallet(3), vec![leg(w0, w4, 300)]),
        transfer(w0, vec![leg(w0, w0, 50)]),
        transfer(w0, vec![leg(w0, w4, 1)]),
    ];
    // By then wallet 0 has spent 10 msat, on a day that is over.
    let outcomes = settle_batch(&mut memory, &commands, &|| NOW.plus_seconds(86_400)).unwrap();
    assert!(outcomes[..6].iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(outcomes[6], Err(Rejection::DayLimit { leg: 0 }));
    let spent = memory.accounts[&w0].spent;
    assert_eq!((spent.day, spent.total), (1, Msat::new(250)));
    // Another replica's clock is still before midnight: the day goes on.
    let behind = settle_batch(&mut memory, &commands[6..], &|| NOW).unwrap();
    assert_eq!(behind[0], Err(Rejection::DayLimit { leg: 0 }));
    let next_day = settle_batch(&mut memory, &commands[6..], &|| NOW.plus_seconds(2 * 86_400)).unwrap();
    assert!(next_day[0].is_ok());
}

#[test]
fn no_more_is_issued_than_there_is_and_what_is_too_much_may_leave() {
    let mut memory = Memory::new();
    let (w0, w1) = (wallet(0), wallet(1));
    let commands =
        [credit(w0, MSAT_MAX.get() - 1), credit(w1, 2), credit(w1, 1), credit(w1, 1), debit(w0, 5), credit(w1, 5)];
    let outcomes = settle_batch(&mut memory, &commands, &now).unwrap();
    let full = Err(Rejection::BalanceLimit { leg: 0 });
    assert!(outcomes[1] == full && outcomes[3] == full, "{outcomes:?}");
    assert!([0, 2, 4, 5].into_iter().all(|index| outcomes[index].is_ok()), "{outcomes:?}");
    // A database from a time when nobody looked.
    let Scene { mut memory, .. } = scene();
    memory.accounts.get_mut(&AccountId::ISSUANCE).unwrap().balance = Msat::new(-i64::MAX);
    let commands = [debit(wallet(3), MSAT_MAX.get()), transfer(wallet(3), vec![leg(wallet(3), w0, 7)]), credit(w0, 1)];
    let outcomes = settle_batch(&mut memory, &commands, &now).unwrap();
    assert!(outcomes[0].is_ok() && outcomes[1].is_ok() && outcomes[2] == full, "{outcomes:?}");
}

#[test]
fn the_second_payment_in_a_batch_finds_the_invoice_paid() {
    let Scene { mut memory, .. } = scene();
    let (stored, new) = (invoice(wallet(1), 10), invoice(wallet(1), 10));
    let twice = |invoice| [pay(wallet(0), invoice), pay(wallet(0), invoice)];
    assert!(settle_batch(&mut memory, &[create(stored.clone())], &now).unwrap()[0].is_ok());
    let batch = [twice(&stored).as_slice(), &[create(new.clone())], &twice(&new)].concat();
    let outcomes = settle_batch(&mut memory, &batch, &now).unwrap();
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok() && outcomes[3].is_ok(), "{outcomes:?}");
    assert_eq!(outcomes[1], Err(Rejection::InvoiceAlreadyPaid));
    assert_eq!(outcomes[4], Err(Rejection::InvoiceAlreadyPaid));
}

/// Each that is paid makes room for another one, in the same batch as well; one that is paid from
/// inside takes none.
#[test]
fn only_so_many_invoices_without_a_key_wait_to_be_paid() {
    let mut memory = Memory::new();
    let (w0, w1) = (wallet(0), wallet(1));
    let new = || invoice(w1, 10);
    let invoices = [new(), new(), new(), new()];
    let [first, second, third, fourth] = invoices.clone();
    let commands = [
        credit(w0, 100),
        issue_for_link(first),
        pay_link(w0, new()),
        issue_for_link(second),
        issue_for_link(new()),
        issue_for_link(invoice(w0, 10)),
        pay(w0, &invoices[0]),
        issue_for_link(third),
        issue_for_link(new()),
    ];
    let full = Err(Rejection::TooManyOpenInvoices);
    let outcomes = settle_batch(&mut memory, &commands, &now).unwrap();
    let refused: Vec<_> = (0..commands.len()).filter(|index| outcomes[*index] == full).collect();
    assert_eq!(refused, [4, 8], "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| outcome.is_ok() || *outcome == full), "{outcomes:?}");
    let later = [issue_for_link(new()), pay(w0, &invoices[1]), issue_for_link(fourth), issue_for_link(new())];
    let outcomes = settle_batch(&mut memory, &later, &now).unwrap();
    assert!(outcomes[0] == full && outcomes[1].is_ok() && outcomes[2].is_ok() && outcomes[3] == full, "{outcomes:?}");
}

/// What was paid counts, and what can still be paid: in one batch and in several.
#[test]
fn only_so_much_is_paid_for_one_origin() {
    let mut memory = Memory::new();
    let (w0, w1) = (wallet(0), wallet(1));
    let [first, second] = [invoice(w1, 40), invoice(w1, 35)];
    let late = NewInvoice { expires_at: NOW, ..invoice(w1, 100) };
    let full = Err(Rejection::TooMuchForOrigin);
    let commands = [
        credit(w0, 1_000),
        issue_within(late, 100),
        issue_within(first.clone(), 100),
        issue_within(invoice(w1, 61), 100),
        issue_within(second.clone(), 100),
        issue_within(invoice(w1, 26), 100),
        pay(w0, &first),
        issue_within(invoice(w1, 26), 100),
        issue_within(invoice(w0, 26), 100),
    ];
    let outcomes = settle_batch(&mut memory, &commands, &now).unwrap();
    let refused: Vec<_> = (0..commands.len()).filter(|index| outcomes[*index] == full).collect();
    assert_eq!(refused, [3, 5, 7], "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| outcome.is_ok() || *outcome == full), "{outcomes:?}");
    let later = [
        pay(w0, &second),
        issue_within(invoice(w1, 26), 100),
        issue_within(invoice(w1, 25), 100),
        issue_within(invoice(w1, 1), 100),
    ];
    let outcomes = settle_batch(&mut memory, &later, &now).unwrap();
    assert!(outcomes[0].is_ok() && outcomes[1] == full && outcomes[2].is_ok() && outcomes[3] == full, "{outcomes:?}");
}

#[test]
fn a_payment_to_oneself_leaves_the_balance_but_needs_it() {
    let mut memory = Memory::new();
    let (small, large) = (invoice(wallet(0), 100), invoice(wallet(0), 101));
    let commands = [
        credit(wallet(0), 100),
        create(small.clone()),
        create(large.clone()),
        pay(wallet(0), &small),
        pay(wallet(0), &large),
    ];
    let setup = settle_batch(&mut memory, &commands[..3], &now).unwrap();
    assert!(setup.iter().all(Result::is_ok));
    let outcomes = settle_batch(&mut memory, &commands[3..], &now).unwrap();
    assert!(outcomes[0].is_ok());
    assert_eq!(outcomes[1], Err(Rejection::InsufficientBalance { leg: 0 }));
    assert_eq!(memory.accounts[&wallet(0)].balance, Msat::new(100));
    let row = memory.transfers.last().unwrap();
    assert_eq!((row.debit_balance, row.credit_balance), (Msat::ZERO, Msat::new(100)));
    assert_eq!(row.credit_entry, row.debit_entry + 1);
}

#[test]
fn an_amount_is_above_zero() {
    for msat in [0, -1, i64::MIN] {
        assert!(Amount::from_msat(msat).is_err());
    }
    assert!(Amount::from_sat(i64::MAX).is_err());
    assert_eq!(Amount::from_sat(2).unwrap().msat(), 2_000);
}

#[test]
fn a_command_under_the_same_key_is_told_what_came_of_it() {
    let mut memory = Memory::new();
    let open = invoice(wallet(1), 10);
    let setup = settle_batch(&mut memory, &[credit(wallet(0), 100), create(open.clone())], &now).unwrap();
    assert!(setup.iter().all(Result::is_ok));
    let order = || under(transfer(wallet(0), vec![leg(wallet(0), wallet(1), 30)]), 1, 1);
    let first = order();
    let Command::Transfer(made) = &first else { unreachable!() };
    let payments = vec![made.legs[0].transfer.into()];
    // In the same batch, and in a later one; a refused command claims nothing.
    let dear = under(transfer(wallet(0), vec![leg(wallet(0), wallet(1), 300)]), 2, 1);
    let cheap = under(transfer(wallet(0), vec![leg(wallet(0), wallet(1), 3)]), 2, 1);
    let outcomes = settle_batch(&mut memory, &[first, order(), dear, cheap], &now).unwrap();
    assert_eq!(outcomes[1], Ok(Outcome::Transfer(Once::Replayed { payments: payments.clone() })));
    assert_eq!(outcomes[2], Err(Rejection::InsufficientBalance { leg: 0 }));
    assert_eq!(outcomes[3], Ok(Outcome::Transfer(Once::Done(Transferred { at: NOW }))));
    let again = settle_batch(&mut memory, &[order()], &now).unwrap();
    assert_eq!(again, [Ok(Outcome::Transfer(Once::Replayed { payments }))]);
    assert_eq!(memory.accounts[&wallet(0)].balance, Msat::new(67));
    // Another wallet's key of the same name is another key.
    let other = under(transfer(wallet(1), vec![leg(wallet(1), wallet(0), 1)]), 1, 2);
    let outcomes = settle_batch(&mut memory, &[other], &now).unwrap();
    assert_eq!(outcomes, [Ok(Outcome::Transfer(Once::Done(Transferred { at: NOW })))]);
}

/// Of a credit that is asked for again it is told what the wallet holds by then.
#[test]
fn a_credit_under_the_same_key_changes_the_balance_once() {
    let mut memory = Memory::new();
    let order = || under(credit(wallet(0), 100), 1, 1);
    let outcomes = settle_batch(&mut memory, &[order(), credit(wallet(0), 5), order()], &now).unwrap();
    let adjusted = |msat, replayed| Ok(Outcome::Adjust(Adjusted { balance: Msat::new(msat), replayed }));
    assert_eq!(outcomes, [adjusted(100, false), adjusted(105, false), adjusted(105, true)]);
    assert_eq!(settle_batch(&mut memory, &[order()], &now).unwrap(), [adjusted(105, true)]);
    let Command::Adjust(alone) = credit(wallet(0), 1) else { unreachable!() };
    assert_eq!(settle(&mut memory, alone, &now).unwrap(), Ok(Adjusted { balance: Msat::new(106), replayed: false }));
}
