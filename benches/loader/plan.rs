//! Who pays whom, in order: the one part that cannot be done by several cores, because each
//! balance follows from the one before.

use satkeep::clock;
use satkeep::domain::ids::AccountId;

use crate::Fallible;
use crate::people::Person;
use crate::target::Manager;

/// What every payment moves.
pub(crate) const AMOUNT_MSAT: i64 = 1000;
/// The time that the payments are spread over, up to the day before today.
const PAST_MS: i64 = 365 * 24 * 3600 * 1000;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// How much is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// New wallets.
    pub(crate) accounts: usize,
    /// New payments.
    pub(crate) payments: usize,
    /// Of these, the first wallet's.
    pub(crate) listed: usize,
}

/// How an account stands.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    /// Whose.
    pub(crate) id: AccountId,
    /// What it holds.
    pub(crate) balance_msat: i64,
    /// The length of its chain.
    pub(crate) entries: i64,
}

/// One payment.
#[derive(Clone, Copy)]
pub(crate) struct Planned {
    /// Its number, from 0.
    pub(crate) number: u64,
    /// When.
    pub(crate) at_ms: i64,
    /// The payer, afterwards.
    pub(crate) debit: Standing,
    /// The payee, afterwards.
    pub(crate) credit: Standing,
}

/// All payments, one after the other.
pub(crate) struct Plan {
    sizes: Sizes,
    begin_ms: i64,
    next: usize,
    /// The manager's own wallet, then the new ones, the listed one first.
    standings: Vec<Standing>,
    random: u64,
}

impl Plan {
    /// Fails where there are no two wallets, or the manager has not enough money.
    pub(crate) fn new(sizes: Sizes, manager: &Manager, people: &[Person]) -> Fallible<Self> {
        let needed = i64::try_from(sizes.payments)?.checked_mul(AMOUNT_MSAT).ok_or("too many payments")?;
        if sizes.accounts < 2 || sizes.listed > sizes.payments || manager.wallet.balance_msat < needed {
            return Err("there must be two wallets or more, and a sat of the manager's for each payment".into());
        }
        let new = people.iter().map(|person| Standing { id: person.wallet.account(), balance_msat: 0, entries: 0 });
        let standings = std::iter::once(manager.wallet).chain(new).collect();
        Ok(Self { sizes, begin_ms: clock::now().get() - DAY_MS - PAST_MS, next: 0, standings, random: 1 })
    }

    /// How every account stands after what was planned so far, the manager's first.
    pub(crate) fn accounts(&self) -> Vec<Standing> {
        self.standings.clone()
    }

    /// A number below `end`; always the same ones in the same order.
    fn below(&mut self, end: usize) -> usize {
        // Knuth's linear congruential generator, of which the upper bits are good.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).unwrap_or_default() % end
    }

    /// A new wallet other than the listed one.
    fn anybody(&mut self) -> usize {
        2 + self.below(self.sizes.accounts - 1)
    }

    fn balance(&self, index: usize) -> i64 {
        self.standings.get(index).map_or(0, |standing| standing.balance_msat)
    }

    fn moved(&mut self, index: usize, by_msat: i64) -> Option<Standing> {
        let standing = self.standings.get_mut(index)?;
        standing.balance_msat += by_msat;
        standing.entries += 1;
        Some(*standing)
    }

    /// Payer and payee of the payment of this number.
    fn sides(&mut self, number: usize) -> (usize, usize) {
        const MANAGER: usize = 0;
        const LISTED: usize = 1;
        let is_listed = |n: usize| n * self.sizes.listed / self.sizes.payments;
        // The listed wallet is paid and pays in turn, evenly over all of the time.
        let turn = is_listed(number + 1);
        if turn > is_listed(number) {
            return if turn % 2 == 1 { (MANAGER, LISTED) } else { (LISTED, self.anybody()) };
        }
        let (payer, payee) = (self.anybody(), self.anybody());
        let pays_itself = number.is_multiple_of(2) && payer != payee && self.balance(payer) >= AMOUNT_MSAT;
        if pays_itself { (payer, payee) } else { (MANAGER, payee) }
    }
}

impl Iterator for Plan {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        if self.next == self.sizes.payments {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let (debit, credit) = self.sides(number);
        let (debit, credit) = (self.moved(debit, -AMOUNT_MSAT)?, self.moved(credit, AMOUNT_MSAT)?);
        let (part, all) = (i64::try_from(number).ok()?, i64::try_from(self.sizes.payments).ok()?);
        Some(Planned {
            number: u64::try_from(number).ok()?,
            at_ms: self.begin_ms + PAST_MS / all * part,
            debit,
            credit,
        })
    }
}
