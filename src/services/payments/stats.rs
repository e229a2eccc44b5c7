//! What the payments of a wallet come to: by tag, by status, by day.

use super::PaymentFilter;
use crate::domain::time::UnixMs;
use crate::services::callers::WalletKey;
use crate::services::{Error, Services};
use crate::store::payments::stats;
use crate::store::{Db, StoreError};

pub use crate::store::payments::stats::{Group, GroupBy};

const DAY_MS: i64 = 86_400_000;
/// Groups at most, but for days: as many as anybody reads.
const GROUPS_MAX: i64 = 1000;
/// Days at most: more than a hundred years of them.
const DAYS_MAX: i64 = 40_000;

/// What settled on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// When it began.
    pub began_at: UnixMs,
    /// How many payments came in.
    pub incoming: i64,
    /// How many went out.
    pub outgoing: i64,
    /// What came in, in msat.
    pub income_msat: i128,
    /// What went out, in msat.
    pub spending_msat: i128,
    /// What that has cost, in msat.
    pub fees_msat: i128,
    /// What all days up to this one come to, in msat.
    pub balance_msat: i128,
}

/// The payments of a key's wallet that a filter lets through, in groups, the largest ones, in the order
/// of their labels, as `show` makes them.
pub async fn groups<T: Send + 'static>(
    services: &Services,
    key: WalletKey,
    filter: PaymentFilter,
    by: GroupBy,
    only_settled: bool,
    show: impl FnOnce(Vec<Group>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let list = move |connection: &mut Db| {
        let mut groups = stats::groups(connection, key.wallet(), &filter, by, only_settled, GROUPS_MAX)?;
        groups.sort_unstable_by(|a, b| a.label.cmp(&b.label));
        show(groups)
    };
    Ok(services.store.read_list(key.consumer(), list).await?)
}

/// What settled in a key's wallet on each day from the first to the last one on which anything did, of
/// the payments that a filter lets through, as `show` makes it.
pub async fn daily<T: Send + 'static>(
    services: &Services,
    key: WalletKey,
    filter: PaymentFilter,
    show: impl FnOnce(Vec<Day>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let list = move |connection: &mut Db| {
        show(days(stats::groups(connection, key.wallet(), &filter, GroupBy::Day, true, DAYS_MAX)?))
    };
    Ok(services.store.read_list(key.consumer(), list).await?)
}

/// The days of groups, and those between them on which nothing happened.
fn days(groups: Vec<Group>) -> Vec<Day> {
    let number_of = |group: &Group| group.label.as_deref().and_then(|label| label.parse::<i64>().ok());
    let mut numbered: Vec<_> = groups.into_iter().filter_map(|group| Some((number_of(&group)?, group))).collect();
    numbered.sort_unstable_by_key(|(number, _)| *number);
    let mut days: Vec<Day> = Vec::with_capacity(numbered.len());
    let mut next = numbered.first().map_or(0, |(number, _)| *number);
    for (number, group) in numbered {
        let before = days.last().map_or(0, |day| day.balance_msat);
        days.extend((next..number).map(|quiet| Day::quiet(quiet, before)));
        days.push(Day {
            incoming: group.incoming,
            outgoing: group.outgoing,
            income_msat: group.income_msat,
            spending_msat: group.spending_msat,
            fees_msat: group.fees_msat,
            balance_msat: before.saturating_add(group.total_msat()),
            ..Day::quiet(number, before)
        });
        next = number.saturating_add(1);
    }
    days
}

impl Day {
    /// A day on which nothing happened.
    const fn quiet(number: i64, balance_msat: i128) -> Self {
        Self {
            began_at: UnixMs::new(number.saturating_mul(DAY_MS)),
            incoming: 0,
            outgoing: 0,
            income_msat: 0,
            spending_msat: 0,
            fees_msat: 0,
            balance_msat,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(label: &str, income_msat: i128, spending_msat: i128) -> Group {
        Group { label: Some(label.to_owned()), incoming: 1, outgoing: 0, income_msat, spending_msat, fees_msat: 0 }
    }

    #[test]
    fn days_follow_each_other_and_their_balance_goes_on() {
        let days = days(vec![group("32", 5, 9), group("30", 7, 0)]);
        let shown: Vec<_> = days.iter().map(|day| (day.began_at.to_iso(), day.incoming, day.balance_msat)).collect();
        let at = |day: &str| format!("1970-{day}T00:00:00Z");
        assert_eq!(shown, [(at("01-31"), 1, 7), (at("02-01"), 0, 7), (at("02-02"), 1, 3)]);
        assert_eq!(super::days(Vec::new()), []);
    }
}
