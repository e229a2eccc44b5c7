//! What may be done with a wallet beyond what its balance allows: freezes, and the most that
//! it may spend. Pure.

use super::money::{Amount, Msat};
use super::time::UnixMs;

/// Milliseconds in a day.
const DAY_MS: i64 = 86_400_000;

/// How far a wallet is frozen. The later one includes the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freeze {
    /// No money leaves it.
    Spending,
    /// Nor does any come in, and its keys do nothing.
    Everything,
}

impl Freeze {
    /// Both, the weaker one first.
    pub const ALL: [Self; 2] = [Self::Spending, Self::Everything];

    /// The name by which it is stored, and by which the API calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spending => "spending",
            Self::Everything => "everything",
        }
    }

    /// The freeze of that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|freeze| freeze.as_str() == name)
    }
}

/// What a wallet is frozen by. Its manager and operators freeze it apart, so that neither lifts
/// what the other one decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freezes {
    /// How far by its manager.
    pub by_manager: Option<Freeze>,
    /// How far by an operator.
    pub by_operator: Option<Freeze>,
}

impl Freezes {
    /// How far the wallet is frozen, by whomever.
    pub fn strictest(self) -> Option<Freeze> {
        self.by_manager.max(self.by_operator)
    }
}

/// The most that a wallet's own key may spend; no limit where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// With one payment.
    pub payment_max: Option<Amount>,
    /// On one day (UTC).
    pub day_max: Option<Amount>,
}

/// What a wallet's own key has spent on the last day on which it spent anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Which day (UTC), counted from 1970.
    pub day: i64,
    /// How much.
    pub total: Msat,
}

/// A payment is over one of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverLimit {
    /// Of one payment.
    Payment,
    /// Of one day.
    Day,
}

impl Spent {
    /// What was spent on the day of this time, up to it.
    #[must_use]
    pub fn today(self, now: UnixMs) -> Self {
        let today = now.get().div_euclid(DAY_MS);
        // Another replica's clock may be past midnight already: its day goes on.
        let day = if self.day == today.saturating_add(1) { self.day } else { today };
        let total = if self.day == day { self.total } else { Msat::ZERO };
        Self { day, total }
    }

    /// The same after one more payment on that day. More than can be counted is more than any
    /// limit.
    #[must_use]
    pub fn and(self, amount: Amount) -> Self {
        Self { total: self.total.checked_add(amount).unwrap_or(Msat::new(i64::MAX)), ..self }
    }
}

impl Limits {
    /// What is spent after one more payment at this time, where the limits allow it.
    pub fn spend(self, spent: Spent, amount: Amount, now: UnixMs) -> Result<Spent, OverLimit> {
        if self.payment_max.is_some_and(|max| amount > max) {
            return Err(OverLimit::Payment);
        }
        let spent = spent.today(now).and(amount);
        if self.day_max.is_some_and(|max| spent.total > max.incoming()) {
            return Err(OverLimit::Day);
        }
        Ok(spent)
    }
}
