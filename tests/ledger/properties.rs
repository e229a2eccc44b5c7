//! What must hold whatever is asked of `decide`.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use satkeep::domain::money::Msat;
use satkeep::ledger::command::{Command, NewInvoice};
use satkeep::ledger::decide::decide;
use satkeep::ledger::outcome::{Outcome, Rejection};
use satkeep::ledger::settle::settle_batch;
use satkeep::ledger::state::AccountKind;

use super::hold_model::check as check_holds;
use super::memory::{Memory, now};
use super::world::{
    CARD_DAY_SAT, CARD_SAT, LINK_MAX_MSAT, NOW, WALLETS, any_scenario, create, credit, hit, wallet, withdraw_link,
    withdraw_links, withdrawal,
};

/// A world in which some wallets hold money, and the invoices are issued.
fn prepared(invoices: &[NewInvoice]) -> Memory {
    let mut memory = Memory::new();
    let credits = (0..WALLETS - 1).map(|index| credit(wallet(index), 1_000));
    let setup: Vec<_> = credits.chain(invoices.iter().cloned().map(create)).collect();
    assert!(settle_batch(&mut memory, &setup, &now).unwrap().iter().all(Result::is_ok));
    memory
}

fn total(memory: &Memory) -> i64 {
    memory.accounts.values().map(|account| account.balance.get()).sum()
}

/// The times of transfers and all else but the order of equal things.
fn settle(memory: &mut Memory, commands: &[Command]) -> Vec<Result<Outcome, Rejection>> {
    settle_batch(memory, commands, &now).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// I2: the sum of all balances stays zero. I1: transfers balance, and carry the balances
    /// as they stood.
    #[test]
    fn money_is_conserved((invoices, commands) in any_scenario(40)) {
        let mut memory = prepared(&invoices);
        let before = memory.clone();
        settle(&mut memory, &commands);
        prop_assert_eq!(total(&memory), 0);

        // Follow every account's chain through the new transfers.
        let mut follow = before.accounts;
        for row in &memory.transfers[before.transfers.len()..] {
            prop_assert!(row.amount.msat() > 0);
            let debit = follow.get_mut(&row.debit_account).unwrap();
            debit.balance = debit.balance.checked_sub(row.amount).unwrap();
            debit.entries += 1;
            prop_assert_eq!((debit.balance, debit.entries), (row.debit_balance, row.debit_entry));
            let credit = follow.get_mut(&row.credit_account).unwrap();
            credit.balance = credit.balance.checked_add(row.amount).unwrap();
            credit.entries += 1;
            prop_assert_eq!((credit.balance, credit.entries), (row.credit_balance, row.credit_entry));
        }
        // I11: what is held is what the holds say, and is there.
        check_holds(&memory);
        for (id, account) in &memory.accounts {
            prop_assert_eq!((account.balance, account.entries), (follow[id].balance, follow[id].entries));
        }
    }

    /// I3: no wallet is ever below zero, not even between two transfers of a batch.
    #[test]
    fn nobody_overdraws((invoices, commands) in any_scenario(40)) {
        let mut memory = prepared(&invoices);
        settle(&mut memory, &commands);
        for row in &memory.transfers {
            if memory.accounts[&row.debit_account].kind == AccountKind::Wallet {
                prop_assert!(row.debit_balance >= Msat::ZERO);
            }
        }
    }

    /// I4: of all attempts to pay an invoice at most one is accepted.
    #[test]
    fn an_invoice_is_paid_once((invoices, commands) in any_scenario(40)) {
        let mut memory = prepared(&invoices);
        settle(&mut memory, &commands);
        let mut settled: Vec<_> = memory.transfers.iter().map(|row| row.invoice).collect();
        let all = settled.len();
        settled.sort_unstable();
        settled.dedup();
        prop_assert_eq!(settled.len(), all);
    }

    /// A tap pays once at most, and nobody spends more with a card than its limits say.
    #[test]
    fn cards_keep_their_limits((invoices, commands) in any_scenario(40)) {
        let mut memory = prepared(&invoices);
        let (_, effects) = decide(&memory.snapshot(), &commands, NOW);
        settle(&mut memory, &commands);
        let mut taps: Vec<_> = effects.hits.iter().map(|row| row.id).collect();
        taps.sort_unstable();
        taps.dedup();
        prop_assert_eq!(taps.len(), effects.hits.len());
        let mut spent: HashMap<_, i64> = HashMap::new();
        for row in &effects.hits {
            prop_assert!(row.amount.msat() <= CARD_SAT * 1000);
            prop_assert!(row.id != hit(0), "a tap whose time is over has paid");
            *spent.entry(memory.hits[&row.id].card).or_default() += row.amount.msat();
        }
        for (id, card) in &memory.cards {
            let total = spent.get(id).copied().unwrap_or_default();
            prop_assert!(total <= CARD_DAY_SAT * 1000);
            prop_assert_eq!(card.spent.total.get(), total);
        }
    }

    /// A link pays no more often than it says, nor again for the same opening or the same number; each
    /// use is one transfer from its own wallet.
    #[test]
    fn withdraw_links_pay_as_often_as_they_say((invoices, commands) in any_scenario(60)) {
        let mut memory = prepared(&invoices);
        settle(&mut memory, &commands);
        let openings: HashSet<_> = memory.withdrawals.iter().map(|row| row.withdrawn.id).collect();
        prop_assert_eq!(openings.len(), memory.withdrawals.len());
        prop_assert!(!openings.contains(&withdrawal(0)), "an opening whose time is over has paid");
        let mut used: BTreeMap<_, u32> = BTreeMap::new();
        for row in &memory.withdrawals {
            let transfer = memory.transfers.iter().find(|transfer| transfer.id == row.transfer).unwrap();
            prop_assert_eq!((transfer.debit_account, transfer.amount), (row.account, row.amount));
            prop_assert!((5..=LINK_MAX_MSAT).contains(&row.amount.msat()));
            *used.entry(row.withdrawn.link).or_default() += 1;
        }
        for (id, before) in withdraw_links() {
            let (after, count) = (&memory.withdraw_links[&id], used.get(&id).copied().unwrap_or_default());
            prop_assert_eq!(after.used, count);
            prop_assert_eq!(after.uses_left.numbers().len() + count as usize, before.uses_left.numbers().len());
        }
        prop_assert!(used.get(&withdraw_link(2)).is_none_or(|count| *count == 1), "a link has not waited");
        prop_assert!(used.keys().all(|link| withdraw_links().contains_key(link)));
    }

    /// One outcome for each command; a batch is its commands one after the other.
    #[test]
    fn a_batch_equals_its_singles((invoices, commands) in any_scenario(40)) {
        let mut batched = prepared(&invoices);
        let mut single = batched.clone();
        let together = settle(&mut batched, &commands);
        prop_assert_eq!(together.len(), commands.len());
        let one_by_one: Vec<_> =
            commands.iter().flat_map(|command| settle(&mut single, std::slice::from_ref(command))).collect();
        prop_assert_eq!(&together, &one_by_one);
        prop_assert_eq!(batched, single);
    }

    /// I6: without the refused commands, everything else is exactly as with them.
    #[test]
    fn refusals_change_nothing((invoices, commands) in any_scenario(40)) {
        let snapshot = prepared(&invoices).snapshot();
        let (outcomes, effects) = decide(&snapshot, &commands, NOW);
        let accepted: Vec<_> =
            commands.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(c, _)| c.clone()).collect();
        let (again, same_effects) = decide(&snapshot, &accepted, NOW);
        prop_assert!(again.iter().all(Result::is_ok));
        prop_assert_eq!(effects, same_effects);
    }
}
