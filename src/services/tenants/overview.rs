//! What a tenant comes to: what its wallets hold, and what they paid and were paid lately.

use crate::clock;
use crate::domain::time::UnixMs;
use crate::services::callers::{Caller, SeesTenant, TenantReader};
use crate::services::{Error, Services, UserFilter};
use crate::store::db::connection::in_list_snapshot;
use crate::store::payments::flows::{Flow, flows};
use crate::store::{users, wallets};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The length of the periods of a series, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Period {
    const fn ms(self) -> i64 {
        match self {
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
        }
    }

    /// When the first of some periods began, of which the present one is the last.
    const fn first_of(self, periods: i64, now: UnixMs) -> UnixMs {
        let number = now.get().div_euclid(self.ms()).saturating_sub(periods.saturating_sub(1));
        UnixMs::new(number.saturating_mul(self.ms()))
    }
}

/// What was paid in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// How many payments: each once, whether one of its sides is the tenant's or both.
    pub payments: i64,
    /// What they come to, in msat: sums of many payments may be more than 64 bits hold.
    pub volume_msat: i128,
}

/// One period of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When it began.
    pub began_at: UnixMs,
    /// What was paid in it.
    pub volume: Volume,
    /// What the tenant's wallets held at its end, in msat.
    pub balance_msat: i128,
}

/// What a tenant comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// What its wallets can spend, in msat.
    pub balance_msat: i128,
    /// What of their money is on hold, in msat.
    pub held_msat: i128,
    /// How many users there are.
    pub users: i64,
    /// How many wallets.
    pub wallets: i64,
    /// What was paid within the last 24 hours.
    pub day: Volume,
    /// And within the 24 hours before.
    pub day_before: Volume,
    /// The periods, oldest first; the last one is the present.
    pub series: Vec<Point>,
}

/// What the tenant of a manager comes to; for who manages nobody, nothing.
pub async fn overview(
    services: &Services,
    caller: TenantReader,
    period: Period,
    periods: i64,
) -> Result<Overview, Error> {
    let now = clock::now();
    let first = period.first_of(periods, now);
    let Some(tenant) = caller.managed_tenant() else {
        return Ok(Overview { series: series(first, period, periods, &[], 0), ..Overview::default() });
    };
    let read = services.store.read_list(caller.consumer(), move |connection| {
        caller.recheck_tenant(connection)?;
        // What moved must add up to what is there.
        in_list_snapshot(connection, |connection| {
            let held = wallets::holdings_of_tenant(connection, tenant)?;
            let in_periods = flows(connection, tenant, first, period.ms())?;
            let in_days = flows(connection, tenant, UnixMs::new(now.get().saturating_sub(2 * DAY_MS)), DAY_MS)?;
            Ok(Overview {
                balance_msat: held.balance_msat,
                held_msat: held.held_msat,
                users: users::count(connection, Some(tenant), &UserFilter::default())?,
                wallets: held.wallets,
                day_before: volume_of(in_days.iter().filter(|flow| flow.number == 0)),
                day: volume_of(in_days.iter().filter(|flow| flow.number > 0)),
                series: series(first, period, periods, &in_periods, held.balance_msat.saturating_add(held.held_msat)),
            })
        })
    });
    Ok(read.await?)
}

fn volume_of<'f>(flows: impl Iterator<Item = &'f Flow>) -> Volume {
    flows.fold(Volume::default(), |sum, flow| Volume {
        payments: sum.payments.saturating_add(flow.payments),
        volume_msat: sum.volume_msat.saturating_add(flow.volume_msat),
    })
}

/// All periods, also those in which nothing moved, with what was held at their ends: what is held now,
/// less what came in since.
fn series(first: UnixMs, period: Period, periods: i64, flows: &[Flow], balance_msat: i128) -> Vec<Point> {
    let last = periods.saturating_sub(1);
    let mut balance_msat = balance_msat;
    let mut points: Vec<_> = (0..periods)
        .rev()
        .map(|number| {
            // A replica's clock may already be in the next one.
            let inside = || flows.iter().filter(|flow| flow.number.min(last) == number);
            let point = Point {
                began_at: UnixMs::new(first.get().saturating_add(number.saturating_mul(period.ms()))),
                volume: volume_of(inside()),
                balance_msat,
            };
            let change = inside().fold(0_i128, |sum, flow| sum.saturating_add(flow.change_msat));
            balance_msat = balance_msat.saturating_sub(change);
            point
        })
        .collect();
    points.reverse();
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn flow(number: i64, payments: i64, volume_msat: i128, change_msat: i128) -> Flow {
        Flow { number, payments, volume_msat, change_msat }
    }

    #[test]
    fn balances_are_told_backwards_from_the_present_one() {
        let now = UnixMs::new(100 * HOUR_MS + 5);
        let first = Period::Hour.first_of(4, now);
        assert_eq!(first.get(), 97 * HOUR_MS);
        // The last flow is of a replica whose clock is ahead.
        let flows = [flow(0, 1, 10, 10), flow(2, 2, 30, -5), flow(3, 1, 7, 0), flow(4, 1, 2, 2)];
        let points = series(first, Period::Hour, 4, &flows, 107);
        let told: Vec<_> = points.iter().map(|p| (p.volume.payments, p.volume.volume_msat, p.balance_msat)).collect();
        assert_eq!(told, [(1, 10, 110), (0, 0, 110), (2, 30, 105), (2, 9, 107)]);
        assert_eq!(points.iter().map(|p| p.began_at.get() / HOUR_MS).collect::<Vec<_>>(), [97, 98, 99, 100]);
    }

    #[test]
    fn the_last_period_is_the_present_one() {
        let now = UnixMs::new(3 * DAY_MS);
        assert_eq!(Period::Day.first_of(1, now), now);
        assert_eq!(Period::Day.first_of(3, UnixMs::new(3 * DAY_MS - 1)).get(), 0);
        assert_eq!(series(now, Period::Day, 1, &[], 5).first().map(|point| point.balance_msat), Some(5));
    }
}
