//! How many deliveries may be under way to each host: a slow or dead one keeps only its own
//! waiting. Pure.

use std::collections::{HashMap, HashSet};

/// Deliveries that are under way at once, to all hosts together.
pub const TOTAL_MAX: usize = 256;
/// To one host.
pub const HOST_MAX: usize = 8;
/// To one host that did not answer the last time.
const FAILING_MAX: usize = 1;
/// Hosts of which it is remembered that they did not answer.
const FAILING_HOSTS_MAX: usize = 10_000;

/// What is under way.
#[derive(Debug, Default)]
pub struct Hosts {
    under_way: HashMap<String, usize>,
    total: usize,
    failing: HashSet<String>,
}

/// What may set out now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// To which hosts how much, in the order in which they were given.
    pub wanted: Vec<(String, usize)>,
    /// Whether there was no room for those behind the last one: they come first the next time.
    pub left_out: bool,
}

impl Hosts {
    /// How many more deliveries may go to a host now.
    pub fn room(&self, host: &str) -> usize {
        let max = if self.failing.contains(host) { FAILING_MAX } else { HOST_MAX };
        let free = max.saturating_sub(self.under_way.get(host).copied().unwrap_or_default());
        free.min(TOTAL_MAX.saturating_sub(self.total))
    }

    /// Shares out what may set out now, at most `max`, among hosts that have something due: the
    /// same to each, at least one, to the first of them where there is less.
    pub fn share_out(&self, due: impl IntoIterator<Item = String>, max: usize) -> Shares {
        let due: Vec<_> = due.into_iter().filter(|host| self.room(host) > 0).collect();
        let mut left = max.min(TOTAL_MAX.saturating_sub(self.total));
        let share = left.div_ceil(due.len().max(1));
        let mut shares = Shares::default();
        for host in due {
            let count = self.room(&host).min(share).min(left);
            if count == 0 {
                shares.left_out = true;
                break;
            }
            left -= count;
            shares.wanted.push((host, count));
        }
        shares
    }

    /// Whether any more may go anywhere.
    pub const fn is_full(&self) -> bool {
        self.total >= TOTAL_MAX
    }

    /// How many are under way.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// One sets out.
    pub fn start(&mut self, host: &str) {
        *self.under_way.entry(host.to_owned()).or_default() += 1;
        self.total += 1;
    }

    /// One has come back, with an answer or without.
    pub fn finish(&mut self, host: &str, answered: bool) {
        self.total = self.total.saturating_sub(1);
        if let Some(count) = self.under_way.get_mut(host) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.under_way.remove(host);
            }
        }
        if answered {
            self.failing.remove(host);
        } else if self.failing.len() < FAILING_HOSTS_MAX {
            self.failing.insert(host.to_owned());
        }
    }
}
