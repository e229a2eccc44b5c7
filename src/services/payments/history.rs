//! What a wallet earned and spent over time.

use crate::domain::time::UnixMs;
use crate::services::callers::WalletKey;
use crate::services::{Error, Services};
use crate::store::payments::history::{self, Period};
use crate::store::{Db, StoreError};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// By which period to sum up, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// By the hour.
    Hour,
    /// By the day.
    Day,
    /// By the month.
    Month,
}

/// What a wallet earned and spent in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryPoint {
    /// When the period began.
    pub began_at: UnixMs,
    /// What came in, in msat: sums of many payments may be more than 64 bits hold.
    pub income_msat: i128,
    /// What went out, in msat.
    pub spending_msat: i128,
    /// What the wallet held at the end of the period, in msat.
    pub balance_msat: i128,
}

impl Grouping {
    /// The periods that the database sums up: it knows nothing of months.
    const fn period_ms(self) -> i64 {
        match self {
            Self::Hour => HOUR_MS,
            Self::Day | Self::Month => DAY_MS,
        }
    }

    /// When the period began to which a summed-up one belongs.
    fn began_at(self, period: &Period) -> UnixMs {
        let began_at = UnixMs::new(period.number.saturating_mul(self.period_ms()));
        match self {
            Self::Hour | Self::Day => began_at,
            Self::Month => began_at.start_of_month(),
        }
    }
}

/// The periods in which anything settled in a key's wallet, oldest first, as `show` makes them.
pub async fn history<T: Send + 'static>(
    services: &Services,
    key: WalletKey,
    grouping: Grouping,
    show: impl FnOnce(Vec<HistoryPoint>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Error> {
    let list = move |connection: &mut Db| {
        let periods = history::periods(connection, key.wallet(), grouping.period_ms())?;
        show(points(&periods, grouping))
    };
    Ok(services.store.read_list(key.consumer(), list).await?)
}

/// Adds up what belongs together, and what the wallet held.
fn points(periods: &[Period], grouping: Grouping) -> Vec<HistoryPoint> {
    let mut points: Vec<HistoryPoint> = Vec::new();
    let mut balance_msat: i128 = 0;
    for period in periods {
        let Period { income_msat, spending_msat, .. } = *period;
        let began_at = grouping.began_at(period);
        balance_msat = balance_msat.saturating_add(income_msat).saturating_sub(spending_msat);
        match points.last_mut().filter(|last| last.began_at == began_at) {
            Some(last) => {
                last.income_msat = last.income_msat.saturating_add(income_msat);
                last.spending_msat = last.spending_msat.saturating_add(spending_msat);
                last.balance_msat = balance_msat;
            }
            None => points.push(HistoryPoint { began_at, income_msat, spending_msat, balance_msat }),
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn period(number: i64, income_msat: i128, spending_msat: i128) -> Period {
        Period { number, income_msat, spending_msat }
    }

    fn shown(periods: &[Period], grouping: Grouping) -> Vec<(String, i128, i128, i128)> {
        let points = points(periods, grouping).into_iter();
        points.map(|p| (p.began_at.to_iso(), p.income_msat, p.spending_msat, p.balance_msat)).collect()
    }

    #[test]
    fn days_of_a_month_are_added_up_and_the_balance_goes_on() {
        let days = [period(30, 5, 0), period(31, 7, 2), period(58, 0, 4), period(59, 1, 0)];
        assert_eq!(
            shown(&days, Grouping::Month),
            [
                ("1970-01-01T00:00:00Z".to_owned(), 5, 0, 5),
                ("1970-02-01T00:00:00Z".to_owned(), 7, 6, 6),
                ("1970-03-01T00:00:00Z".to_owned(), 1, 0, 7),
            ]
        );
        let by_day = shown(&days, Grouping::Day);
        assert_eq!(by_day.len(), days.len());
        assert_eq!(by_day.last(), Some(&("1970-03-01T00:00:00Z".to_owned(), 1, 0, 7)));
    }

    #[test]
    fn hours_are_counted_from_1970() {
        assert_eq!(shown(&[period(25, 1, 0)], Grouping::Hour), [("1970-01-02T01:00:00Z".to_owned(), 1, 0, 1)]);
        assert_eq!(shown(&[], Grouping::Hour), []);
    }
}
