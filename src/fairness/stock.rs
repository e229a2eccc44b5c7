//! Lending out a limited amount, such as memory, to whoever asks for some of it. Pure.
//!
//! Whoever has taken some leaves as much free as it holds itself. So one alone gets half of all, two
//! get a third each, and whatever the others do, there is something left for who has nothing yet. No
//! share has to be set aside for anybody, and nobody has to be counted before.

use std::collections::HashMap;
use std::hash::Hash;

/// What is lent out, and to whom.
#[derive(Debug)]
pub struct Stock<T> {
    total: usize,
    lent: usize,
    held: HashMap<T, usize>,
}

/// Why somebody gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It holds too much itself.
    ByItself,
    /// Others hold too much.
    ByOthers,
}

impl<T: Clone + Eq + Hash> Stock<T> {
    /// So much, all of it free.
    pub fn new(total: usize) -> Self {
        Self { total, lent: 0, held: HashMap::new() }
    }

    /// How much is lent out.
    pub const fn lent(&self) -> usize {
        self.lent
    }

    /// Takes an amount. What is more than there is altogether is given to somebody who is alone.
    pub fn take(&mut self, who: &T, amount: usize) -> Result<(), Spent> {
        let held = self.held.get(who).copied().unwrap_or_default();
        let (held_then, lent_then) = (held.saturating_add(amount), self.lent.saturating_add(amount));
        if self.lent == 0 || held_then <= self.total.saturating_sub(lent_then) {
            self.take_anyway(who, amount);
            self.lent = lent_then;
            Ok(())
        } else {
            Err(if held > 0 { Spent::ByItself } else { Spent::ByOthers })
        }
    }

    /// Takes an amount that cannot be refused, because it is used already. It counts against whoever
    /// takes it, and nobody else is refused for it.
    pub fn take_anyway(&mut self, who: &T, amount: usize) {
        if amount > 0 {
            let held = self.held.entry(who.clone()).or_default();
            *held = held.saturating_add(amount);
        }
    }

    /// Gives back an amount that was taken.
    pub fn give_back(&mut self, who: &T, amount: usize) {
        self.lent = self.lent.saturating_sub(amount);
        self.give_back_anyway(who, amount);
    }

    /// Gives back an amount that could not be refused.
    pub fn give_back_anyway(&mut self, who: &T, amount: usize) {
        if let Some(held) = self.held.get_mut(who) {
            *held = held.saturating_sub(amount);
            if *held == 0 {
                self.held.remove(who);
            }
        }
    }
}
