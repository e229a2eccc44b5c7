//! Reading what a card is to be.

use serde::Deserialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::api::framework::body::lenient;
use crate::api::framework::error::ApiError;
use crate::api::framework::leniency;
use crate::api::framework::params::Checks;
use crate::domain::card::limits::{CardLimits, InvalidLimit};
use crate::domain::card::sun::SunCounter;
use crate::domain::text::Name;
use crate::services::cards::{CardChange, CardTerms, Issuer};

/// The version of a card's keys where nothing is said.
const FIRST_VERSION: u32 = 1;

/// A card to create, or what to change of one: what is not named stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BoltCardOrder, example = json!({
    "card_name": "Alice's card", "uid": "04996C6A926980", "tx_limit": 1000, "daily_limit": 5000
}))]
pub struct CardOrder {
    /// Its name.
    #[serde(default, deserialize_with = "lenient")]
    card_name: Option<String>,
    /// Its unique id, which any phone reads: 7 bytes in hex.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9a-fA-F]{14}$")]
    uid: Option<String>,
    /// Taps up to this one count as used; for the same unique id and keys it only goes up, also if the
    /// card was deleted in between.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 0, maximum = 16_777_215)]
    counter: Option<i64>,
    /// The most that it spends at once, in sat; a new card without it spends nothing.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 0, maximum = 2_100_000_000_000_000_i64)]
    tx_limit: Option<i64>,
    /// The most that it spends in one day (UTC), in sat; a new card without it spends nothing.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 0, maximum = 2_100_000_000_000_000_i64)]
    daily_limit: Option<i64>,
    /// Whether it pays; a new card does.
    #[serde(default, deserialize_with = "lenient")]
    enable: Option<bool>,
    /// The key that changes the others: 16 bytes in hex. A new card has random keys where none are
    /// named.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9a-fA-F]{32}$")]
    k0: Option<String>,
    /// The key that encrypts what a tap shows.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9a-fA-F]{32}$")]
    k1: Option<String>,
    /// The key that proves it.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9a-fA-F]{32}$")]
    k2: Option<String>,
    /// `k0` before, for a card that is programmed anew; zeros where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9a-fA-F]{32}$")]
    prev_k0: Option<String>,
    /// `k1` before.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9a-fA-F]{32}$")]
    prev_k1: Option<String>,
    /// `k2` before.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9a-fA-F]{32}$")]
    prev_k2: Option<String>,
    /// In place of `k0` to `k2`: the key of an issuer, from which those of all its cards follow (the
    /// scheme of boltcard.org). It is not kept.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(pattern = "^[0-9a-fA-F]{32}$")]
    issuer_key: Option<String>,
    /// Which keys follow; 1 where nothing is said.
    #[serde(default, deserialize_with = "lenient")]
    #[schema(minimum = 0, maximum = 4_294_967_295_i64)]
    key_version: Option<i64>,
}

/// A card to create: its name and its unique id must be there.
pub struct NewCard;

impl PartialSchema for NewCard {
    fn schema() -> RefOr<Schema> {
        leniency::requiring_all::<CardOrder>(&["card_name", "uid"]).into()
    }
}

impl ToSchema for NewCard {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((CardOrder::name().into(), CardOrder::schema()));
    }
}

impl CardOrder {
    /// What is to be changed.
    pub(super) fn change(self) -> Result<CardChange, ApiError> {
        let mut checks = Checks::default();
        let change = self.read(&mut checks);
        if checks.is_fine() { Ok(change) } else { Err(checks.into_error()) }
    }

    /// What is to be created.
    pub(super) fn terms(self) -> Result<CardTerms, ApiError> {
        let mut checks = Checks::default();
        for (field, is_there) in [("card_name", self.card_name.is_some()), ("uid", self.uid.is_some())] {
            if !is_there {
                checks.add(field, "is missing");
            }
        }
        let mut more = self.read(&mut checks);
        match (more.name.take(), more.uid.take()) {
            (Some(name), Some(uid)) if checks.is_fine() => Ok(CardTerms { name, uid, more }),
            (_, _) => Err(checks.into_error()),
        }
    }

    /// Reads what is there, and notes everything that is wrong with it.
    fn read(self, checks: &mut Checks) -> CardChange {
        let issuer = self.issuer(checks);
        let named = [("k0", &self.k0), ("k1", &self.k1), ("k2", &self.k2)];
        for (field, _) in named.iter().filter(|(_, key)| issuer.is_some() && key.is_some()) {
            checks.add(field, "follows from issuer_key: leave one of them out");
        }
        let mut key = |field: &str, text: Option<String>| checks.check_opt(field, text, |hex| hex.parse()).flatten();
        let keys = [key("k0", self.k0), key("k1", self.k1), key("k2", self.k2)];
        let previous = [key("prev_k0", self.prev_k0), key("prev_k1", self.prev_k1), key("prev_k2", self.prev_k2)];
        CardChange {
            name: checks.check_opt("card_name", self.card_name, Name::new).flatten(),
            uid: checks.check_opt("uid", self.uid, |hex| hex.parse()).flatten(),
            counter: checks.check_opt("counter", self.counter, SunCounter::new).flatten(),
            transaction_sat: checks.check_opt("tx_limit", self.tx_limit, limit).flatten(),
            daily_sat: checks.check_opt("daily_limit", self.daily_limit, limit).flatten(),
            is_enabled: self.enable,
            keys,
            previous,
            issuer,
        }
    }

    fn issuer(&self, checks: &mut Checks) -> Option<Issuer> {
        let version = checks.check_opt("key_version", self.key_version, version).flatten();
        if self.key_version.is_some() && self.issuer_key.is_none() {
            checks.add("key_version", "needs issuer_key beside it");
        }
        let key = checks.check_opt("issuer_key", self.issuer_key.as_deref(), str::parse).flatten()?;
        Some(Issuer { key, version: version.unwrap_or(FIRST_VERSION) })
    }
}

fn limit(sat: i64) -> Result<i64, InvalidLimit> {
    CardLimits::from_sat(sat, 0).map(CardLimits::transaction_sat)
}

fn version(number: i64) -> Result<u32, &'static str> {
    number.try_into().or(Err("must be a whole number from 0 to 4294967295"))
}
