//! Limits on a wallet beyond its balance: freezes and spending limits. Pure.

use super::money::{Amount, Msat};
use super::time::UnixMs;

/// Milliseconds in a day.
const DAY_MS: i64 = 86_400_000;

/// How far a wallet is frozen. The later one includes the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freeze {
    /// No money can leave it.
    Spending,
    /// No money can come in either, and its keys do not work.
    Everything,
}

impl Freeze {
    /// Both, the weaker one first.
    pub const ALL: [Self; 2] = [Self::Spending, Self::Everything];

    /// The name in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spending => "spending",
            Self::Everything => "everything",
        }
    }

    /// The freeze with that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|freeze| freeze.as_str() == name)
    }
}

/// The freezes of a wallet. Its manager and operators set them separately, so that neither lifts
/// the other's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freezes {
    /// The freeze set by its manager.
    pub by_manager: Option<Freeze>,
    /// The freeze set by an operator.
    pub by_operator: Option<Freeze>,
}

impl Freezes {
    /// The stricter of the two.
    pub fn strictest(self) -> Option<Freeze> {
        self.by_manager.max(self.by_operator)
    }
}

/// The spending limits of a wallet's own key; `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// For one payment.
    pub payment_max: Option<Amount>,
    /// For one day (UTC).
    pub day_max: Option<Amount>,
}

/// What a wallet's own key has spent on the last day on which it spent anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The day (UTC), counted from 1970.
    pub day: i64,
    /// The amount.
    pub total: Msat,
}

/// The limit that a payment exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverLimit {
    /// The limit for one payment.
    Payment,
    /// The limit for one day.
    Day,
}

impl Spent {
    /// What was spent so far on the day of this time.
    #[must_use]
    pub fn today(self, now: UnixMs) -> Self {
        let today = now.get().div_euclid(DAY_MS);
        // Another replica's clock may already be past midnight: its day continues.
        let day = if self.day == today.saturating_add(1) { self.day } else { today };
        let total = if self.day == day { self.total } else { Msat::ZERO };
        Self { day, total }
    }

    /// The same after one more payment on that day. A sum too large to count exceeds any limit.
    #[must_use]
    pub fn and(self, amount: Amount) -> Self {
        Self { total: self.total.checked_add(amount).unwrap_or(Msat::new(i64::MAX)), ..self }
    }
}

impl Spent {
    /// The same without an amount that was counted at a time and came back: only what was spent on the
    /// same day becomes less.
    #[must_use]
    pub fn without(self, amount: Msat, counted_at: UnixMs) -> Self {
        if self.day != counted_at.get().div_euclid(DAY_MS) {
            return self;
        }
        Self { total: self.total.without(amount).max(Msat::ZERO), ..self }
    }
}

impl Limits {
    /// What is spent after one more payment at this time, if the limits allow it.
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
