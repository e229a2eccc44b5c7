//! How often a withdraw link still pays.

#![deny(clippy::arithmetic_side_effects)]

use std::fmt;

/// Uses of one link at most.
pub const USES_MAX: u32 = 250;

/// The uses that are left, by their numbers. Of a link whose uses have links of their own, a number
/// stands for one of these; it is never given again, neither after its use nor after the link was to
/// have fewer uses: its code may be printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsesLeft {
    /// In ascending order.
    numbers: Vec<u32>,
    /// The number of the next use that is added.
    next: u32,
}

/// The text does not hold uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("are not at most {USES_MAX} numbers in ascending order, below the next one")]
pub struct InvalidUses;

impl UsesLeft {
    /// Those of a new link.
    pub fn new(uses: u32) -> Self {
        Self { numbers: (0..uses).collect(), next: uses }
    }

    /// From the numbers as text, with commas between, and the number of the next use that is added.
    pub fn parse(text: &str, next: u32) -> Result<Self, InvalidUses> {
        let numbers = text.split(',').filter(|number| !number.is_empty()).map(str::parse);
        let numbers: Vec<u32> = numbers.collect::<Result<_, _>>().or(Err(InvalidUses))?;
        let is_ascending = numbers.is_sorted_by(|a, b| a < b);
        let is_below = numbers.last().is_none_or(|last| *last < next);
        let is_short = u32::try_from(numbers.len()).is_ok_and(|count| count <= USES_MAX);
        if is_ascending && is_below && is_short { Ok(Self { numbers, next }) } else { Err(InvalidUses) }
    }

    /// The numbers.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// The number of the next use that is added.
    pub const fn next(&self) -> u32 {
        self.next
    }

    /// Without one of them: the one of this number, or the first; `None` where it is not there.
    #[must_use]
    pub fn without(&self, number: Option<u32>) -> Option<Self> {
        let used = number.or_else(|| self.numbers.first().copied())?;
        let place = self.numbers.binary_search(&used).ok()?;
        let mut numbers = self.numbers.clone();
        numbers.remove(place);
        Some(Self { numbers, ..*self })
    }

    /// With one that was taken from them.
    #[must_use]
    pub fn with(mut self, number: u32) -> Self {
        if let Err(place) = self.numbers.binary_search(&number) {
            self.numbers.insert(place, number);
        }
        self
    }

    /// As many as this: the last ones go, or new ones are added.
    #[must_use]
    pub fn resized(mut self, count: u32) -> Self {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.numbers.truncate(count);
        while self.numbers.len() < count {
            self.numbers.push(self.next);
            self.next = self.next.saturating_add(1);
        }
        self
    }
}

/// The numbers with commas between.
impl fmt::Display for UsesLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, number) in self.numbers.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{number}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn uses_are_taken_once() {
        let uses = UsesLeft::new(3);
        assert_eq!((uses.to_string().as_str(), uses.next()), ("0,1,2", 3));
        let uses = uses.without(Some(1)).unwrap();
        assert_eq!((uses.to_string().as_str(), uses.without(Some(1)), uses.without(Some(3))), ("0,2", None, None));
        let uses = uses.without(None).unwrap().without(None).unwrap();
        assert_eq!((uses.to_string().as_str(), uses.without(None)), ("", None));
        let back = uses.clone().with(2).with(0).with(2);
        assert_eq!((back.to_string().as_str(), back.next()), ("0,2", 3));
        assert_eq!(UsesLeft::parse("", 3), Ok(uses));
        for (text, next) in [("0,0", 1), ("1,0", 2), ("3", 3), ("x", 9), ("-1", 9), ("0, 1", 9), ("4294967296", 9)] {
            assert_eq!(UsesLeft::parse(text, next), Err(InvalidUses), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        /// Whatever is used, and however often the link is to have more or fewer uses, no number comes
        /// back.
        #[test]
        fn a_number_never_comes_back(
            first in 1..=USES_MAX,
            steps in proptest::collection::vec(prop_oneof![
                (0..300_u32).prop_map(|number| (Some(number), None)),
                Just((None, None)),
                (0..=USES_MAX).prop_map(|count| (None, Some(count))),
            ], 0..60),
        ) {
            let mut uses = UsesLeft::new(first);
            let mut gone = std::collections::HashSet::new();
            for (number, count) in steps {
                let before = uses.clone();
                uses = match count {
                    Some(count) => before.clone().resized(count),
                    None => before.without(number).unwrap_or(before.clone()),
                };
                let is_left = |number: &u32| uses.numbers().contains(number);
                gone.extend(before.numbers().iter().copied().filter(|number| !is_left(number)));
                prop_assert!(uses.numbers().iter().all(|number| !gone.contains(number)));
                if let Some(count) = count {
                    prop_assert_eq!(uses.numbers().len(), usize::try_from(count).unwrap());
                } else {
                    prop_assert!(before.numbers().len() <= uses.numbers().len().saturating_add(1));
                }
                prop_assert_eq!(UsesLeft::parse(&uses.to_string(), uses.next()), Ok(uses.clone()));
            }
        }
    }
}
