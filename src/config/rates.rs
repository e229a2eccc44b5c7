//! What a bitcoin costs in other currencies, and who says so.

use clap::Args;

use super::values;
use super::values::Maybe;
use crate::rates::settings::{Currencies, Divergence, FixedRates, InvalidQuorum, MaxAge, Quorum, Settings, Sources};

/// What a bitcoin costs in other currencies. Without sources and fixed rates there are none.
#[derive(Args, Clone, Debug)]
pub struct Rates {
    /// Who is asked what a bitcoin costs: `default`, names of sources, and `name=url#/json/pointer/{CUR}`
    /// for others; none by default
    #[arg(long = "rates", global = true, env = "SATKEEP_RATES", hide_env_values = true, default_value = "")]
    sources: Sources,
    /// Currencies that are offered, as `USD,EUR`; all that are in use by default
    #[arg(long, global = true, env = "SATKEEP_RATE_CURRENCIES", default_value = "")]
    rate_currencies: Currencies,
    /// What a bitcoin costs because you say so, as `USD=65000,PTS=1000000`: never out of date
    #[arg(long, global = true, env = "SATKEEP_RATE_FIXED", default_value = "")]
    rate_fixed: FixedRates,
    /// Seconds for which a source's answer counts
    #[arg(long, global = true, env = "SATKEEP_RATE_MAX_AGE", default_value = "300")]
    rate_max_age: MaxAge,
    /// How far a source may be from the median of all, in percent; those farther off do not count
    #[arg(long, global = true, env = "SATKEEP_RATE_DIVERGENCE", default_value = "2")]
    rate_divergence: Divergence,
    /// How many sources must agree; 2 by default, or 1 where there is only one
    #[arg(long, global = true, env = "SATKEEP_RATE_QUORUM", default_value = "", value_parser = values::rate_quorum)]
    rate_quorum: Maybe<Quorum>,
}

impl Rates {
    /// What they come to; `None` where there are no rates at all.
    pub fn settings(&self) -> Result<Option<Settings>, InvalidQuorum> {
        Settings::new(
            self.sources.clone(),
            self.rate_currencies.clone(),
            self.rate_fixed.clone(),
            self.rate_max_age,
            self.rate_divergence,
            self.rate_quorum,
        )
    }
}
