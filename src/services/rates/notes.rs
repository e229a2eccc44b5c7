//! What is noted of rates in the data of a payment (`extra`), under the names that LNbits gives it.

use serde::Serialize;

use super::Priced;
use crate::domain::decimal::JsonDecimal;
use crate::domain::extra::Extra;
use crate::domain::ids::WalletId;
use crate::rates::currency::Currency;
use crate::rates::quotes::Rate;
use crate::rates::sources::SourceName;
use crate::services::{Error, Services};
use crate::store::wallets;

/// What was asked for in a currency, and at which rate.
#[derive(Debug, Serialize)]
struct Fiat<'a> {
    #[serde(rename = "fiat_currency")]
    currency: &'a str,
    #[serde(rename = "fiat_amount")]
    amount: JsonDecimal,
    #[serde(rename = "fiat_rate")]
    sat_per_unit: JsonDecimal,
    #[serde(rename = "btc_rate")]
    per_bitcoin: JsonDecimal,
    #[serde(rename = "rate_at")]
    at: String,
    #[serde(rename = "rate_sources")]
    sources: Vec<&'a str>,
}

/// What a payment is worth in the currency of its wallet.
#[derive(Debug, Serialize)]
struct Worth<'a> {
    #[serde(rename = "wallet_fiat_currency")]
    currency: &'a str,
    #[serde(rename = "wallet_fiat_amount")]
    amount: JsonDecimal,
    #[serde(rename = "wallet_fiat_rate")]
    sat_per_unit: JsonDecimal,
    #[serde(rename = "wallet_btc_rate")]
    per_bitcoin: JsonDecimal,
}

impl Priced {
    /// The data of a payment, with what was asked for where it was in a currency.
    pub fn note(&self, extra: Option<Extra>) -> Result<Option<Extra>, Error> {
        let Some((currency, asked, Rate { price, at, sources })) = &self.fiat else { return Ok(extra) };
        let fiat = Fiat {
            currency: currency.as_str(),
            amount: JsonDecimal(asked.decimal()),
            sat_per_unit: JsonDecimal(price.sat_per_unit()),
            per_bitcoin: JsonDecimal(price.per_bitcoin()),
            at: at.to_iso(),
            sources: sources.iter().map(SourceName::as_str).collect(),
        };
        noted(extra, &fiat).map(Some)
    }
}

/// The data of a payment of a wallet, with what the payment is worth in the wallet's currency: where
/// the wallet has one, and its rate is there. What was asked for in that currency is worth just that.
/// Nothing fails for want of it, nobody waits for it, and where there are no rates nothing is looked
/// up.
pub async fn note_worth(services: &Services, wallet: WalletId, priced: &Priced, extra: Option<Extra>) -> Option<Extra> {
    let Some(currency) = currency_of(services, wallet).await else { return extra };
    let (amount, price) = match &priced.fiat {
        Some((asked_in, asked, rate)) if *asked_in == currency => (asked.shown(), rate.price),
        Some(_) | None => {
            let Some(Rate { price, .. }) = services.rates.rate_at_hand(currency) else { return extra };
            (price.worth_of(priced.amount.incoming()), price)
        }
    };
    let worth = Worth {
        currency: currency.as_str(),
        amount: JsonDecimal(amount),
        sat_per_unit: JsonDecimal(price.sat_per_unit()),
        per_bitcoin: JsonDecimal(price.per_bitcoin()),
    };
    // What is wrong is logged, and no reason to refuse a payment.
    noted(extra.clone(), &worth).map_or(extra, Some)
}

/// The currency of a wallet, where rates are on and the wallet has one that is offered.
async fn currency_of(services: &Services, wallet: WalletId) -> Option<Currency> {
    if !services.rates.is_on() {
        return None;
    }
    let found = services.store.read(move |connection| wallets::currency(connection, wallet)).await;
    let code =
        found.inspect_err(|error| tracing::warn!(%error, "the currency of a wallet could not be read")).ok()??;
    Currency::new(&code).ok()
}

fn noted(extra: Option<Extra>, notes: &impl Serialize) -> Result<Extra, Error> {
    let fault = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a rate could not be noted");
        Error::Fault
    };
    let json = serde_json::to_string(notes).map_err(|error| fault(&error))?;
    let notes = Extra::new(&json).map_err(|error| fault(&error))?;
    extra.unwrap_or_default().noted(&notes).map_err(|error| fault(&error))
}
