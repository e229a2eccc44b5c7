//! Holds against a naive model of them: available money, held money, and what is left of each hold.

use std::collections::HashMap;

use proptest::prelude::*;
use satkeep::domain::ids::{AccountId, HoldId};
use satkeep::ledger::command::{Command, NewHold};
use satkeep::ledger::settle::settle_batch;

use super::hold_world::{capture, expire, new_hold, payout, place, settle_holds};
use super::memory::{Memory, now};
use super::world::{NOW, WALLETS, credit, leg, transfer, wallet};

/// What is done, by the numbers of wallets and holds.
#[derive(Clone, Debug)]
enum Step {
    Place(Vec<(u8, i64, Option<u8>, bool)>),
    Capture { hold: usize, to: Vec<(u8, Option<i64>)>, is_final: bool },
    Void(usize),
    VoidGroup(u8),
    Expire,
    Transfer(u8, u8, i64),
}

/// A hold as the model knows it.
#[derive(Clone, Debug)]
struct Promise {
    wallet: u8,
    left: i64,
    group: Option<u8>,
    is_over: bool,
    is_closed: bool,
}

#[derive(Clone, Debug, Default)]
struct Model {
    available: HashMap<u8, i64>,
    promises: Vec<Promise>,
}

impl Model {
    /// Does a step; false, and nothing is changed, if it cannot be done.
    fn step(&mut self, step: &Step) -> bool {
        let before = self.clone();
        let done = self.try_step(step).is_some();
        if !done {
            let placed = if let Step::Place(holds) = step { holds.len() } else { 0 };
            *self = before;
            // Those that were refused still have their numbers.
            self.promises.extend((0..placed).map(|_| Promise {
                wallet: 0,
                left: 0,
                group: None,
                is_over: false,
                is_closed: true,
            }));
        }
        done
    }

    fn take(&mut self, wallet: u8, msat: i64) -> Option<()> {
        let available = self.available.entry(wallet).or_default();
        *available = available.checked_sub(msat).filter(|rest| *rest >= 0)?;
        Some(())
    }

    fn open(&mut self, hold: usize) -> Option<&mut Promise> {
        self.promises.get_mut(hold).filter(|promise| !promise.is_closed && !promise.is_over)
    }

    fn close(&mut self, hold: usize) {
        let promise = &mut self.promises[hold];
        promise.is_closed = true;
        let (wallet, left) = (promise.wallet, std::mem::take(&mut promise.left));
        *self.available.entry(wallet).or_default() += left;
    }

    fn try_step(&mut self, step: &Step) -> Option<()> {
        match step {
            Step::Place(holds) => {
                for (wallet, msat, group, is_over) in holds {
                    self.take(*wallet, *msat)?;
                    let (wallet, left, group, is_over) = (*wallet, *msat, *group, *is_over);
                    self.promises.push(Promise { wallet, left, group, is_over, is_closed: false });
                }
            }
            Step::Capture { hold, to, is_final } => {
                for (payee, msat) in to {
                    let promise = self.open(*hold)?;
                    let msat = msat.unwrap_or(promise.left);
                    if msat > promise.left || msat == 0 {
                        return None;
                    }
                    promise.left -= msat;
                    promise.is_closed = promise.left == 0;
                    *self.available.entry(*payee).or_default() += msat;
                }
                if *is_final && !self.promises[*hold].is_closed {
                    self.close(*hold);
                }
            }
            Step::Void(hold) => {
                self.open(*hold)?;
                self.close(*hold);
            }
            Step::VoidGroup(group) => {
                for hold in 0..self.promises.len() {
                    if self.open(hold).is_some_and(|promise| promise.group == Some(*group)) {
                        self.close(hold);
                    }
                }
            }
            Step::Expire => {
                for hold in 0..self.promises.len() {
                    if self.promises[hold].is_over && !self.promises[hold].is_closed {
                        self.close(hold);
                    }
                }
            }
            Step::Transfer(from, to, msat) => {
                self.take(*from, *msat)?;
                *self.available.entry(*to).or_default() += msat;
            }
        }
        Some(())
    }

    fn held(&self, wallet: u8) -> i64 {
        self.promises.iter().filter(|promise| promise.wallet == wallet).map(|promise| promise.left).sum()
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let wallet = || 0..WALLETS;
    let hold = || 0..8usize;
    let one = (wallet(), 1i64..700, proptest::option::of(0..2u8), proptest::bool::weighted(0.2));
    let to = (wallet(), proptest::option::weighted(0.7, 1i64..500));
    prop_oneof![
        4 => proptest::collection::vec(one, 1..3).prop_map(Step::Place),
        4 => (hold(), proptest::collection::vec(to, 1..4), any::<bool>())
            .prop_map(|(hold, to, is_final)| Step::Capture { hold, to, is_final }),
        2 => hold().prop_map(Step::Void),
        1 => (0..2u8).prop_map(Step::VoidGroup),
        1 => Just(Step::Expire),
        3 => (wallet(), wallet(), 1i64..900).prop_map(|(from, to, msat)| Step::Transfer(from, to, msat)),
    ]
}

/// The command for a step, given the holds that commands have placed so far.
fn command(step: &Step, ids: &mut Vec<HoldId>) -> Command {
    // A hold that no command has placed.
    let id_of = |ids: &[HoldId], hold: usize| ids.get(hold).copied().unwrap_or(HoldId::new([0xee; 16]));
    match step {
        Step::Place(holds) => {
            let holds: Vec<_> = holds
                .iter()
                .map(|(index, msat, group, is_over)| {
                    let hold = new_hold(wallet(*index), *msat, *group);
                    NewHold { expires_at: if *is_over { NOW } else { hold.expires_at }, ..hold }
                })
                .collect();
            ids.extend(holds.iter().map(|hold| hold.id));
            // Wallet 4's manager asks, so that nobody's own limits matter.
            place(wallet(4), holds)
        }
        Step::Capture { hold, to, is_final } => {
            let to = to.iter().map(|(index, msat)| payout(wallet(*index), *msat)).collect();
            settle_holds(vec![capture(id_of(ids, *hold), to, *is_final)], Vec::new(), None)
        }
        Step::Void(hold) => settle_holds(Vec::new(), vec![id_of(ids, *hold)], None),
        Step::VoidGroup(group) => settle_holds(Vec::new(), Vec::new(), Some(*group)),
        Step::Expire => expire(ids.iter().map(|id| (*id, None)).collect()),
        Step::Transfer(from, to, msat) => transfer(wallet(4), vec![leg(wallet(*from), wallet(*to), *msat)]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever is placed, captured, voided, expired and transferred, in whatever batches: each
    /// command is accepted or refused as the model says, and the sums are the model's.
    #[test]
    fn holds_are_as_the_model_says(
        steps in proptest::collection::vec(any_step(), 1..40),
        batch_size in 1usize..12,
    ) {
        let mut memory = Memory::new();
        let credits: Vec<_> = (0..WALLETS - 1).map(|index| credit(wallet(index), 1_000)).collect();
        settle_batch(&mut memory, &credits, &now).unwrap();
        let mut model = Model::default();
        model.available.extend((0..WALLETS - 1).map(|index| (index, 1_000)));
        let mut ids = Vec::new();
        let commands: Vec<_> = steps.iter().map(|step| command(step, &mut ids)).collect();
        for (steps, commands) in steps.chunks(batch_size).zip(commands.chunks(batch_size)) {
            let outcomes = settle_batch(&mut memory, commands, &now).unwrap();
            for (step, outcome) in steps.iter().zip(outcomes) {
                prop_assert_eq!(model.step(step), outcome.is_ok(), "{:?}: {:?}", step, outcome);
            }
            for index in 0..WALLETS {
                let account = &memory.accounts[&wallet(index)];
                let available = model.available.get(&index).copied().unwrap_or_default();
                prop_assert_eq!(account.held.get(), model.held(index));
                prop_assert_eq!(account.available().get(), available);
            }
            check(&memory);
        }
    }
}

/// I11, from the rows in memory.
pub(crate) fn check(memory: &Memory) {
    let mut held: HashMap<AccountId, i64> = HashMap::new();
    for (id, hold) in &memory.holds {
        *held.entry(hold.account).or_default() += hold.sums.remaining().get();
        let moves: Vec<_> = memory.hold_moves.iter().filter(|row| row.id.hold() == *id).collect();
        assert_eq!(moves.len(), usize::from(hold.moves));
        let mut sums = satkeep::domain::hold::HoldSums::placed(hold.sums.amount);
        for (number, row) in (1..).zip(&moves) {
            assert_eq!(row.id.number(), number);
            sums = sums.after(row.kind, row.amount);
            let transfer = memory.transfers.iter().find(|transfer| Some(transfer.id) == row.transfer);
            let paid = transfer.map(|transfer| (transfer.debit_account, transfer.amount));
            assert_eq!(paid, row.transfer.map(|_| (hold.account, row.amount)));
        }
        assert_eq!(sums, hold.sums);
    }
    for (id, account) in &memory.accounts {
        assert_eq!(account.held.get(), held.get(id).copied().unwrap_or_default());
        assert!(account.held.is_zero() || account.held <= account.balance);
    }
}

#[test]
fn a_whole_group_is_settled_or_none_of_it() {
    let mut memory = Memory::new();
    let credits: Vec<_> = (0..3).map(|index| credit(wallet(index), 1_000)).collect();
    settle_batch(&mut memory, &credits, &now).unwrap();
    let holds: Vec<_> = (0..3).map(|index| new_hold(wallet(index), 400, Some(1))).collect();
    let ids: Vec<_> = holds.iter().map(|hold| hold.id).collect();
    assert!(settle_batch(&mut memory, &[place(wallet(0), holds)], &now).unwrap()[0].is_ok());
    // Too much of the second: nothing of the first is paid.
    let too_much = vec![
        capture(ids[0], vec![payout(wallet(3), Some(100))], true),
        capture(ids[1], vec![payout(wallet(3), Some(401))], true),
    ];
    let before = memory.clone();
    assert!(settle_batch(&mut memory, &[settle_holds(too_much, Vec::new(), Some(1))], &now).unwrap()[0].is_err());
    assert_eq!(memory, before);
    let fits = vec![capture(ids[0], vec![payout(wallet(3), Some(100)), payout(wallet(4), None)], true)];
    assert!(settle_batch(&mut memory, &[settle_holds(fits, Vec::new(), Some(1))], &now).unwrap()[0].is_ok());
    let balances: Vec<_> = (0..5).map(|index| memory.accounts[&wallet(index)].balance.get()).collect();
    assert_eq!(balances, [600, 1_000, 1_000, 100, 300]);
    assert!(memory.accounts.values().all(|account| account.held.is_zero()));
    check(&memory);
}
