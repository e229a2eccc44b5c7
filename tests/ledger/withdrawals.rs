//! Withdraw links and cards that pay invoices of other nodes: a use of a link, and what counts against the limit of
//! a card's day, is taken when the payment begins, and given back where it fails. In memory, and on both stores.

use satkeep::domain::card::limits::LimitExceeded;
use satkeep::domain::ids::{HoldId, TransferId};
use satkeep::domain::money::Amount;
use satkeep::domain::time::UnixMs;
use satkeep::domain::withdraw::refused::WithdrawRefused;
use satkeep::ledger::command::{Command, EndSend, NewSend};
use satkeep::ledger::outcome::{Outcome, Rejection};
use satkeep::ledger::settle::{SettlementStore, settle_batch};
use satkeep::store::audit;

use super::differential::{add_cards, add_users, add_withdraw_links};
use super::memory::{Memory, now};
use super::sends::{arrived, failed, hold, new_send};
use super::world::{
    CARD_SAT, LINK_MAX_MSAT, NOW, card, credit, hit, invoice, pay_by_card, wallet, withdraw, withdraw_link,
};
use crate::harness::{StoreKind, TestDatabase};

/// Opening number `opening` of a link of wallet 0 pays the invoice of another node with this number.
fn outside(link: u8, number: Option<u32>, opening: u8, send: u8) -> Command {
    paying((link, number), opening, send, new_send(send))
}

fn paying((link, number): (u8, Option<u32>), opening: u8, payment: u8, send: NewSend) -> Command {
    let Command::PayByWithdrawLink(mut pay) = withdraw((link, wallet(0), number), opening, &invoice(wallet(1), 1))
    else {
        unreachable!()
    };
    (pay.payment_hash, pay.bolt11) = (send.payment_hash, send.bolt11.clone());
    pay.transfer = TransferId::new(*hold(payment).as_bytes());
    pay.send = Some(Box::new(send));
    Command::PayByWithdrawLink(pay)
}

/// The payment of that number with a card, which was begun on that day.
fn by_card_at(at: UnixMs, number: u8) -> HoldId {
    let ms = at.get().to_be_bytes();
    HoldId::from(TransferId::new([&ms[2..], &[number; 10]].concat().try_into().unwrap()))
}

/// A tap of the card of wallet 0 pays as much as the card spends at once to another node.
fn tapped(tap: u8, hold: HoldId, number: u8) -> Command {
    let Command::PayByCard(mut pay) = pay_by_card(hit(tap), wallet(0), &invoice(wallet(1), 1)) else { unreachable!() };
    let send = NewSend { amount: Amount::from_sat(CARD_SAT).unwrap(), ..new_send(number) };
    (pay.payment_hash, pay.bolt11) = (send.payment_hash, send.bolt11.clone());
    pay.transfer = TransferId::new(*hold.as_bytes());
    pay.send = Some(Box::new(send));
    Command::PayByCard(pay)
}

fn failed_by_card(hold: HoldId, number: u8) -> Command {
    let Command::EndSend(end) = failed(number, number) else { unreachable!() };
    Command::EndSend(EndSend { hold, ..end })
}

/// The card spends twice a day as much as it does at once.
fn story_of_a_card() -> Vec<(Command, Option<Rejection>)> {
    let today = |number| by_card_at(NOW, number);
    let tomorrow = by_card_at(NOW.plus_seconds(24 * 3600), 22);
    let over = Some(Rejection::CardLimit(LimitExceeded::Daily));
    vec![
        (credit(wallet(0), 5_000), None),
        (tapped(2, today(21), 21), None),
        (tapped(4, tomorrow, 22), None),
        (tapped(6, today(23), 23), over),
        // One that has failed does not count, once; its tap is used up all the same.
        (failed_by_card(today(21), 21), None),
        (failed_by_card(today(21), 21), None),
        (tapped(2, today(23), 23), Some(Rejection::HitSpent)),
        (tapped(6, today(23), 23), None),
        // One of another day does not count on this one.
        (failed_by_card(tomorrow, 22), None),
    ]
}

/// Commands, each alone, and why those are refused that are.
fn story() -> Vec<(Command, Option<Rejection>)> {
    let mut story = story_of_a_link();
    story.extend(story_of_a_card());
    story
}

fn story_of_a_link() -> Vec<(Command, Option<Rejection>)> {
    use WithdrawRefused as W;
    let dear = NewSend { amount: Amount::from_msat(LINK_MAX_MSAT + 1).unwrap(), ..new_send(9) };
    let limits = W::Amount { min: Amount::from_msat(5).unwrap(), max: Amount::from_msat(LINK_MAX_MSAT).unwrap() };
    vec![
        (credit(wallet(0), 1_000), None),
        (paying((2, None), 9, 9, dear), Some(limits.into())),
        // The link waits for a minute after a use; one that has failed was none.
        (outside(2, None, 1, 1), None),
        (outside(2, None, 2, 2), Some(W::Wait { seconds: 60 }.into())),
        (failed(1, 1), None),
        (failed(1, 1), None),
        (outside(2, None, 1, 3), Some(W::TokenUsed.into())),
        (outside(2, None, 3, 3), None),
        (arrived(3, 3, 7, 0), None),
        (failed(3, 3), None),
        // A use that has a link of its own comes back as the same one.
        (outside(0, Some(1), 4, 4), None),
        (outside(0, Some(1), 5, 5), Some(W::NumberGone.into())),
        (outside(0, Some(2), 5, 4), Some(Rejection::PaymentUnderWay)),
        (failed(4, 4), None),
        (outside(0, Some(1), 6, 6), None),
    ]
}

fn check(memory: &Memory) {
    let (waits, unique) = (&memory.withdraw_links[&withdraw_link(2)], &memory.withdraw_links[&withdraw_link(0)]);
    assert_eq!((waits.used, waits.uses_left.to_string().as_str()), (1, "1,2,3,4"));
    assert_eq!((unique.used, unique.uses_left.to_string().as_str()), (1, "0,2"));
    assert_eq!((memory.withdrawals.len(), memory.failed_withdrawals.len()), (4, 2));
    assert_eq!(memory.cards[&card(0)].spent.total.to_sat(), 2 * CARD_SAT);
    // 107 have left with the service fee, and what the last ones of both may cost is held.
    let account = &memory.accounts[&wallet(0)];
    assert_eq!((account.balance.get(), account.held.get()), (6_000 - 110, 123 + 1_023));
}

#[test]
fn what_a_payment_takes_is_given_back_where_it_fails() {
    let mut memory = Memory::new();
    for (command, refused) in story() {
        let outcome = settle_batch(&mut memory, std::slice::from_ref(&command), &now).unwrap().remove(0);
        assert_eq!(outcome.err(), refused, "{command:?}");
    }
    check(&memory);
}

/// The beginning and the end may meet in one batch.
#[test]
fn a_batch_is_its_commands_one_after_the_other() {
    let (mut memory, commands) = (Memory::new(), story().into_iter().map(|(command, _)| command).collect::<Vec<_>>());
    let outcomes: Vec<Result<Outcome, Rejection>> = settle_batch(&mut memory, &commands, &now).unwrap();
    let refused: Vec<_> = outcomes.into_iter().map(Result::err).collect();
    assert_eq!(refused, story().into_iter().map(|(_, refused)| refused).collect::<Vec<_>>());
    check(&memory);
}

fn on_a_store(kind: StoreKind) {
    let Some((database, store)) = TestDatabase::with_store(kind) else { return };
    add_users(&store);
    add_cards(&database, kind, &Memory::new());
    add_withdraw_links(&database, kind, &Memory::new());
    let (mut settlement, mut memory) = (store.settlement(), Memory::new());
    for (command, _) in story() {
        let batch = std::slice::from_ref(&command);
        let expected = settle_batch(&mut memory, batch, &now).unwrap();
        let found = settle_batch(&mut settlement as &mut dyn SettlementStore, batch, &now).unwrap();
        assert_eq!(found, expected, "{command:?}");
    }
    let count = |sql: &str| database.texts(&format!("SELECT CAST(count(*) AS TEXT) AS text FROM {sql}"));
    for (id, link) in &memory.withdraw_links {
        let id = kind.bytes(&id.to_string());
        let (used, left, last) = (link.used, &link.uses_left, link.last_used_at.map_or(-1, UnixMs::get));
        let same = format!(
            "withdraw_links WHERE id = {id} AND used = {used} AND uses_left = '{left}' AND COALESCE(last_used_at_ms, -1) = {last}"
        );
        assert_eq!(count(&same), ["1"], "{same}");
    }
    for (id, card) in &memory.cards {
        let (id, spent) = (kind.bytes(&id.to_string()), card.spent);
        let same =
            format!("cards WHERE id = {id} AND spent_day = {} AND spent_msat = {}", spent.day, spent.total.get());
        assert_eq!(count(&same), ["1"], "{same}");
    }
    assert_eq!((count("withdrawals"), count("withdrawals WHERE failed")), (vec!["4".into()], vec!["2".into()]));
    let verdicts = store.read_blocking(|connection| audit::run(connection, |_| ())).unwrap();
    assert!(verdicts.iter().all(|verdict| verdict.holds), "{verdicts:?}");
}

#[test]
fn sqlite_gives_it_back() {
    on_a_store(StoreKind::Sqlite);
}

#[test]
fn postgres_gives_it_back() {
    on_a_store(StoreKind::Postgres);
}
