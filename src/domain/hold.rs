//! Holds: money that is promised before it moves. The sums of a hold, and what its moves make of
//! them.
//!
//! A hold begins with its whole amount. Captures pay out of it, and at its end what remains is given
//! back: after a final capture, when it is voided, or when it expires.

#![deny(clippy::arithmetic_side_effects)]

use std::fmt;

use super::money::{Amount, Msat};
use super::text::InvalidText;

/// The longest name of a group of holds, in characters.
pub const GROUP_CHARS_MAX: usize = 256;
/// The shortest time that money is held, in seconds.
pub const LIFETIME_MIN_S: i64 = 1;
/// The longest time, in seconds: 30 days.
pub const LIFETIME_MAX_S: i64 = 30 * 24 * 3600;
/// The time if nothing else is asked for, in seconds: one hour.
pub const LIFETIME_DEFAULT_S: i64 = 3600;

/// The name of a group of holds that are settled together, such as the stakes of a tournament: 1 to
/// [`GROUP_CHARS_MAX`] characters. A manager's own: no other manager has any part in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HoldGroup(String);

impl HoldGroup {
    /// Checks the name of a group.
    pub fn new(text: String) -> Result<Self, InvalidText> {
        if text.trim().is_empty() {
            return Err(InvalidText::Empty);
        }
        if text.chars().nth(GROUP_CHARS_MAX).is_some() {
            return Err(InvalidText::TooManyCharacters { max: GROUP_CHARS_MAX });
        }
        if text.contains(char::is_control) {
            return Err(InvalidText::Form("without control characters"));
        }
        Ok(Self(text))
    }

    /// A name that was checked before it was stored.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HoldGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldState {
    /// It holds money.
    Open,
    /// It was captured to the end: all of it, or finally.
    Captured,
    /// What remained was given back on request.
    Voided,
    /// What remained was given back because its time was over.
    Expired,
}

impl HoldState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Open, Self::Captured, Self::Voided, Self::Expired];

    /// The name in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Captured => "captured",
            Self::Voided => "voided",
            Self::Expired => "expired",
        }
    }

    /// The state with that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// What a move does to a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveKind {
    /// It was placed.
    Placed,
    /// A part of it was paid out.
    Captured,
    /// What a final capture left was given back.
    Released,
    /// What remained was given back on request.
    Voided,
    /// What remained was given back because its time was over.
    Expired,
}

impl MoveKind {
    const ALL: [Self; 5] = [Self::Placed, Self::Captured, Self::Released, Self::Voided, Self::Expired];

    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Captured => "captured",
            Self::Released => "released",
            Self::Voided => "voided",
            Self::Expired => "expired",
        }
    }

    /// The kind with that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The sums of a hold, and its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldSums {
    /// What was placed.
    pub amount: Amount,
    /// What was paid out of it so far.
    pub captured: Msat,
    /// What was given back at its end.
    pub released: Msat,
    /// The state.
    pub state: HoldState,
}

impl HoldSums {
    /// A hold that was just placed.
    pub const fn placed(amount: Amount) -> Self {
        Self { amount, captured: Msat::ZERO, released: Msat::ZERO, state: HoldState::Open }
    }

    /// What it still holds: nothing once it is closed.
    pub fn remaining(&self) -> Msat {
        let taken = self.captured.get().saturating_add(self.released.get());
        Msat::new(self.amount.msat().saturating_sub(taken))
    }

    /// The same as an amount; `None` if nothing remains.
    pub fn remaining_amount(&self) -> Option<Amount> {
        Amount::from_stored(self.remaining().get()).ok()
    }

    /// After a capture; `None` if that much does not remain. The hold is closed when nothing does.
    #[must_use]
    pub fn capture(self, amount: Amount) -> Option<Self> {
        let rest = self.remaining().checked_sub(amount).filter(|rest| !rest.is_negative())?;
        let captured = self.captured.checked_add(amount)?;
        Some(Self { captured, state: if rest.is_zero() { HoldState::Captured } else { self.state }, ..self })
    }

    /// After its end: what remained is given back.
    #[must_use]
    pub fn close(self, state: HoldState) -> Self {
        let released = self.released.get().saturating_add(self.remaining().get());
        Self { released: Msat::new(released), state, ..self }
    }

    /// After a move.
    #[must_use]
    pub fn after(self, kind: MoveKind, amount: Amount) -> Self {
        match kind {
            MoveKind::Placed => self,
            MoveKind::Captured => self.capture(amount).unwrap_or(self),
            MoveKind::Released => self.close(HoldState::Captured),
            MoveKind::Voided => self.close(HoldState::Voided),
            MoveKind::Expired => self.close(HoldState::Expired),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is captured, the sums add up to what was placed, and no more is captured.
        #[test]
        fn the_sums_add_up(placed in 1..1_000_000i64, parts in prop::collection::vec(1..400_000i64, 0..8), end in prop::sample::select(vec![HoldState::Captured, HoldState::Voided, HoldState::Expired])) {
            let mut sums = HoldSums::placed(Amount::from_msat(placed).unwrap());
            for part in parts {
                let part = Amount::from_msat(part).unwrap();
                match sums.capture(part) {
                    Some(after) => sums = after,
                    None => prop_assert!(part.incoming() > sums.remaining()),
                }
                prop_assert_eq!(sums.captured.with(sums.remaining()).get(), placed);
                prop_assert_eq!(sums.state == HoldState::Captured, sums.remaining().is_zero());
            }
            let closed = sums.close(end);
            prop_assert_eq!(closed.remaining(), Msat::ZERO);
            prop_assert_eq!(closed.captured.with(closed.released).get(), placed);
        }
    }

    #[test]
    fn names_of_groups() {
        let new = |text: &str| HoldGroup::new(text.to_owned()).map(|group| group.to_string());
        for text in ["duel-4711", "Cup 2026, final", "ü", &"x".repeat(256)] {
            assert_eq!(new(text).as_deref(), Ok(text));
        }
        for text in ["", "  ", "a\nb", "\0", &"x".repeat(257)] {
            assert!(new(text).is_err(), "{text:?}");
        }
    }
}
