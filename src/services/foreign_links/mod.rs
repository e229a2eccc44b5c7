//! LNURLs and Lightning addresses of other servers: looking at them, and paying them. Their services are
//! asked over HTTP ([`ask`]); an invoice that one gives is paid like any other.

pub(crate) mod ask;
mod pay;

pub use pay::{Payee, pay};

use std::time::Duration;

use ask::Unanswered;

use crate::domain::consumer::Consumer;
use crate::domain::lnurl::service::{InvalidAnswer, Offer, PayOffer};
use crate::domain::lnurl::service_url::ServiceUrl;
use crate::services::{Error, Services};

/// How long a service may take to say what it offers.
const LOOK_TIME: Duration = Duration::from_secs(5);

/// Something about a service of another server, for who has asked for it.
fn told(url: &ServiceUrl, why: impl Into<Unanswered>) -> Error {
    Error::Unanswered { host: url.authority().to_owned(), why: why.into() }
}

/// What is offered at an LNURL of another server.
pub async fn look(services: &Services, consumer: Consumer, url: &ServiceUrl) -> Result<Offer, Error> {
    // Logging in is proved by a key of a wallet's own, and nobody is asked.
    let is_login = url.url().query_pairs().any(|(name, value)| name == "tag" && value == "login");
    if is_login {
        return Err(told(url, InvalidAnswer::Kind("login".to_owned())));
    }
    let body = services.outside.ask(consumer, url, LOOK_TIME).await.map_err(|why| why.at(url))?;
    Offer::read(&body).map_err(|why| told(url, why))
}

/// What is taken at an LNURL of another server.
pub async fn offer(services: &Services, consumer: Consumer, url: &ServiceUrl) -> Result<Box<PayOffer>, Error> {
    match look(services, consumer, url).await? {
        Offer::Pay(offer) => Ok(offer),
        Offer::Withdraw(_) => Err(told(url, InvalidAnswer::Withdraw)),
    }
}
