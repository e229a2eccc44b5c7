//! Bolt Cards over the API: what the owners of cards do with them, the programming of a card, and
//! what tills and wallets ask for whom a card is shown (LUD-03, LUD-06).

pub(crate) mod answers;
pub(crate) mod auth;
pub(crate) mod cards;
pub(crate) mod hits;
pub(crate) mod links;
pub(crate) mod nfc;
pub(crate) mod order;
pub(crate) mod refunds;
pub(crate) mod scan;
pub(crate) mod views;

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::api::framework::address::ClientAddress;
use crate::services::cards::Shown;

/// The longest part of a `User-Agent` that is kept, in characters.
const USERAGENT_CHARS_MAX: usize = 200;

/// What is shown by a request.
fn shown(request: &HttpRequest, external_id: &str, p: &str, c: &str) -> Shown {
    let useragent = request.headers().get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let useragent = useragent.unwrap_or_default();
    Shown {
        external_id: external_id.to_owned(),
        p: p.to_owned(),
        c: c.to_owned(),
        ip: ClientAddress::of(request).0.to_string(),
        useragent: useragent.chars().filter(|c| !c.is_control()).take(USERAGENT_CHARS_MAX).collect(),
    }
}
