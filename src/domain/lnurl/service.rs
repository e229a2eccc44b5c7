//! What services of others answer (LUD-03, LUD-06): read with doubt, because anybody may have written
//! it.

use bitcoin_hashes::{Hash, sha256};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value;
use serde_json::value::RawValue;

use super::sendable::PayRefused;
use super::service_url::{InvalidServiceUrl, PlainHttp, ServiceUrl};
use crate::domain::number::whole_number;

/// The most characters of a service's words that are shown.
const REASON_CHARS_MAX: usize = 200;
/// The longest `k1` that is passed on, in bytes.
const K1_BYTES_MAX: usize = 1024;
/// Millisatoshi in one satoshi.
const MSAT_PER_SAT: i64 = 1000;

/// What is offered at an LNURL.
#[derive(Clone, Debug)]
pub enum Offer {
    /// To be paid.
    Pay(Box<PayOffer>),
    /// To pay.
    Withdraw(WithdrawOffer),
}

/// What a service takes.
#[derive(Clone, Debug)]
pub struct PayOffer {
    /// Where it gives invoices.
    pub callback: ServiceUrl,
    /// The least that it takes, in msat.
    pub min_msat: i64,
    /// The most that it takes, in msat.
    pub max_msat: i64,
    /// What it says about itself.
    pub metadata: ServiceMetadata,
    /// How long a comment may be, in characters; none is taken where it is nothing (LUD-12).
    pub comment_chars_max: usize,
    /// What it asks of payers, as it says so (LUD-18).
    pub payer_data: Option<Box<RawValue>>,
    /// Whether it takes zaps (NIP-57).
    pub allows_nostr: Option<bool>,
    /// The key that signs receipts of zaps.
    pub nostr_pubkey: Option<String>,
}

/// What a service pays.
#[derive(Clone, Debug)]
pub struct WithdrawOffer {
    /// Where it takes invoices.
    pub callback: ServiceUrl,
    /// What must be shown there.
    pub k1: String,
    /// The least that it pays, in msat.
    pub min_msat: i64,
    /// The most that it pays, in msat.
    pub max_msat: i64,
    /// What to call the payment.
    pub description: String,
    /// Where can be paid to who pays (LUD-19).
    pub pay_link: Option<String>,
}

/// What a service says about itself: a text of JSON, whose hash stands in its invoices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceMetadata {
    text: String,
    /// What the payment is for.
    pub description: String,
    /// The Lightning address, where it has one.
    pub identifier: Option<String>,
}

/// Why an answer is not what LNURL has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAnswer {
    /// The service refuses, in its own words.
    #[error("{0}")]
    Refused(String),
    /// It is no JSON, or not of the form that it should be.
    #[error("does not answer as LNURL has it: {0}")]
    Form(String),
    /// It leads on to what is no service.
    #[error("answers with a callback that {0}")]
    Callback(#[from] InvalidServiceUrl),
    /// It offers something else.
    #[error("answers with an LNURL of the kind {0:?}, which is not spoken here")]
    Kind(String),
    /// It pays, where it is to be paid.
    #[error("is a withdraw link: it pays, and takes nothing")]
    Withdraw,
    /// It asks for something about the payer.
    #[error("asks payers for their {0}, which is not sent from here")]
    PayerData(String),
}

/// All that answers of services have.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<'a> {
    pub(super) tag: Option<String>,
    pub(super) status: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) pr: Option<String>,
    #[serde(borrow)]
    pub(super) success_action: Option<&'a RawValue>,
    pub(super) disposable: Option<bool>,
    callback: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    min_sendable: Option<i64>,
    #[serde(default, deserialize_with = "whole")]
    max_sendable: Option<i64>,
    metadata: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    comment_allowed: Option<i64>,
    payer_data: Option<&'a RawValue>,
    allows_nostr: Option<bool>,
    nostr_pubkey: Option<String>,
    k1: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    min_withdrawable: Option<i64>,
    #[serde(default, deserialize_with = "whole")]
    max_withdrawable: Option<i64>,
    default_description: Option<String>,
    pay_link: Option<String>,
}

/// A whole number, which some services write as a text, or with a fraction of zero.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text,
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(D::Error::custom("an amount is no number")),
    };
    whole_number(&text).map(Some).map_err(D::Error::custom)
}

pub(super) fn form(what: impl Into<String>) -> InvalidAnswer {
    InvalidAnswer::Form(what.into())
}

/// A service's words, as far as they are shown: not too many, and without what moves a cursor.
pub fn shown(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_CHARS_MAX).collect()
}

impl<'a> Answer<'a> {
    /// Reads an answer. One that refuses is an error.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, InvalidAnswer> {
        let answer: Self = serde_json::from_slice(body).map_err(|error| form(shown(&error.to_string())))?;
        let is_refusal = answer.status.as_ref().is_some_and(|status| status.eq_ignore_ascii_case("ERROR"));
        if is_refusal && answer.tag.is_none() && answer.pr.is_none() {
            let reason = answer.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
            return Err(InvalidAnswer::Refused(shown(reason.unwrap_or("Unknown error"))));
        }
        Ok(answer)
    }

    fn callback(&self) -> Result<ServiceUrl, InvalidAnswer> {
        let callback = self.callback.as_deref().ok_or_else(|| form("it has no callback"))?;
        Ok(ServiceUrl::parse(callback, PlainHttp::OnionAndLoopback)?)
    }
}

/// What a service refuses with, where a body says that it does.
pub fn refusal_in(body: &[u8]) -> Option<InvalidAnswer> {
    Answer::read(body).err().filter(|why| matches!(why, InvalidAnswer::Refused(_)))
}

impl Offer {
    /// Reads what an LNURL has answered.
    pub fn read(body: &[u8]) -> Result<Self, InvalidAnswer> {
        let answer = Answer::read(body)?;
        match answer.tag.as_deref() {
            Some("payRequest") => Ok(Self::Pay(Box::new(PayOffer::of(answer)?))),
            Some("withdrawRequest") => Ok(Self::Withdraw(WithdrawOffer::of(answer)?)),
            Some(other) => Err(InvalidAnswer::Kind(shown(other))),
            None => Err(form("it has no tag")),
        }
    }
}

impl PayOffer {
    fn of(answer: Answer<'_>) -> Result<Self, InvalidAnswer> {
        let callback = answer.callback()?;
        let range = answer.min_sendable.zip(answer.max_sendable).filter(|(min, max)| 0 < *min && min <= max);
        let (min_msat, max_msat) = range.ok_or_else(|| form("minSendable and maxSendable are no range"))?;
        let metadata = answer.metadata.ok_or_else(|| form("it has no metadata"))?;
        let comment_chars_max = answer.comment_allowed.and_then(|chars| usize::try_from(chars).ok());
        Ok(Self {
            callback,
            min_msat,
            max_msat,
            metadata: ServiceMetadata::read(metadata)?,
            comment_chars_max: comment_chars_max.unwrap_or_default(),
            payer_data: answer.payer_data.map(ToOwned::to_owned),
            allows_nostr: answer.allows_nostr,
            nostr_pubkey: answer.nostr_pubkey,
        })
    }

    /// Reads what somebody was answered before, and gives back.
    pub fn read(body: &[u8]) -> Result<Self, InvalidAnswer> {
        match Offer::read(body)? {
            Offer::Pay(offer) => Ok(*offer),
            Offer::Withdraw(_) => Err(InvalidAnswer::Withdraw),
        }
    }

    /// Checks what somebody wants to pay, with which comment.
    pub fn check(&self, amount_msat: i64, comment: Option<&str>) -> Result<(), PayRefused> {
        let (min_msat, max_msat) = (self.min_msat, self.max_msat);
        if amount_msat < min_msat {
            return Err(PayRefused::TooSmall { amount_msat, min_msat });
        }
        if amount_msat > max_msat {
            return Err(PayRefused::TooLarge { amount_msat, max_msat });
        }
        if amount_msat.checked_rem(MSAT_PER_SAT) != Some(0) {
            return Err(PayRefused::NotWholeSat { amount_msat });
        }
        let chars = comment.map_or(0, |comment| comment.chars().count());
        if chars > self.comment_chars_max {
            let chars_max = u16::try_from(self.comment_chars_max).unwrap_or(u16::MAX);
            return Err(PayRefused::CommentTooLong { chars, chars_max });
        }
        Ok(())
    }

    /// Makes sure that nothing has to be said about the payer.
    pub fn check_payer_data(&self) -> Result<(), InvalidAnswer> {
        let Some(asked) = &self.payer_data else { return Ok(()) };
        let asked: Value = serde_json::from_str(asked.get()).map_err(|error| form(error.to_string()))?;
        let is_mandatory = |field: &Value| field.get("mandatory").and_then(Value::as_bool).unwrap_or_default();
        let fields = asked.as_object().into_iter().flatten();
        let mandatory: Vec<_> = fields.filter(|(_, field)| is_mandatory(field)).map(|(name, _)| shown(name)).collect();
        if mandatory.is_empty() { Ok(()) } else { Err(InvalidAnswer::PayerData(shown(&mandatory.join(", ")))) }
    }
}

impl WithdrawOffer {
    fn of(answer: Answer<'_>) -> Result<Self, InvalidAnswer> {
        let callback = answer.callback()?;
        let range = answer.min_withdrawable.zip(answer.max_withdrawable).filter(|(min, max)| 0 <= *min && min <= max);
        let (min_msat, max_msat) = range.ok_or_else(|| form("minWithdrawable and maxWithdrawable are no range"))?;
        let k1 = answer.k1.filter(|k1| k1.len() <= K1_BYTES_MAX).ok_or_else(|| form("it has no k1"))?;
        let description = answer.default_description.unwrap_or_default();
        Ok(Self { callback, k1, min_msat, max_msat, description, pay_link: answer.pay_link })
    }
}

impl ServiceMetadata {
    fn read(text: String) -> Result<Self, InvalidAnswer> {
        let entries: Vec<Vec<Value>> = serde_json::from_str(&text).or(Err(form("its metadata is no list of lists")))?;
        let value = |kind: &str| {
            let found = entries.iter().find(|entry| entry.first().and_then(Value::as_str) == Some(kind));
            found.and_then(|entry| entry.get(1)).and_then(Value::as_str).map(str::to_owned)
        };
        let description = value("text/plain").or_else(|| value("text/long-desc"));
        let description = description.ok_or_else(|| form("its metadata has no text/plain"))?;
        let identifier = value("text/identifier").or_else(|| value("text/email"));
        Ok(Self { text, description, identifier })
    }

    /// The text, exactly as it came.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What invoices have in the place of a description.
    pub fn hash(&self) -> sha256::Hash {
        sha256::Hash::hash(self.text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pay() -> Value {
        json!({
            "tag": "payRequest", "callback": "https://a.example/cb?x=1", "minSendable": 1000, "maxSendable": 5000,
            "metadata": "[[\"text/plain\",\"Tea\"],[\"text/identifier\",\"bob@a.example\"],[\"x\",{\"y\":1}]]"
        })
    }

    fn read(answer: &Value) -> Result<Offer, InvalidAnswer> {
        Offer::read(answer.to_string().as_bytes())
    }

    fn offer(more: &Value) -> PayOffer {
        let mut answer = pay();
        answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        PayOffer::read(answer.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn offers_are_read() {
        let plain = offer(&json!({"status": "OK", "new": [1], "commentAllowed": null}));
        assert_eq!((plain.min_msat, plain.max_msat, plain.comment_chars_max), (1000, 5000, 0));
        assert_eq!(
            (plain.metadata.description.as_str(), plain.metadata.identifier.as_deref()),
            ("Tea", Some("bob@a.example"))
        );
        let lax = offer(&json!({"minSendable": "1000", "maxSendable": 5e3, "commentAllowed": 144.0}));
        assert_eq!((lax.min_msat, lax.max_msat, lax.comment_chars_max), (1000, 5000, 144));
        let withdraw = json!({
            "tag": "withdrawRequest", "callback": "https://a.example/", "k1": "x", "minWithdrawable": 0, "maxWithdrawable": 7,
            "defaultDescription": "Prize"
        });
        let Ok(Offer::Withdraw(withdraw)) = read(&withdraw) else { panic!() };
        assert_eq!((withdraw.k1.as_str(), withdraw.max_msat, withdraw.description.as_str()), ("x", 7, "Prize"));
    }

    #[test]
    fn what_is_no_offer_is_named() {
        for (change, says) in [
            (json!({"callback": "http://a.example/"}), "callback that must be an https URL"),
            (json!({"callback": null}), "no callback"),
            (json!({"minSendable": 0}), "no range"),
            (json!({"minSendable": 5001}), "no range"),
            (json!({"minSendable": 0.5}), "whole number"),
            (json!({"maxSendable": []}), "no number"),
            (json!({"metadata": "[]"}), "text/plain"),
            (json!({"metadata": "Tea"}), "no list of lists"),
            (json!({"tag": "login"}), "\"login\""),
            (json!({"tag": null}), "no tag"),
        ] {
            let mut answer = pay();
            answer.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let said = read(&answer).unwrap_err().to_string();
            assert!(said.contains(says), "{says}: {said}");
        }
        for (answer, reason) in [
            (json!({"status": "ERROR", "reason": "no\u{1b}[2J\nluck"}), "no [2J luck".to_owned()),
            (json!({"status": "error"}), "Unknown error".to_owned()),
            (json!({"status": "ERROR", "reason": "x".repeat(9000)}), "x".repeat(200)),
        ] {
            assert_eq!(read(&answer).unwrap_err(), InvalidAnswer::Refused(reason));
        }
        assert!(matches!(Offer::read(b"<html>"), Err(InvalidAnswer::Form(_))));
    }

    #[test]
    fn what_is_paid_is_what_the_service_takes() {
        let offer = offer(&json!({"commentAllowed": 3}));
        assert_eq!((offer.check(1000, None), offer.check(5000, Some("Zoë"))), (Ok(()), Ok(())));
        for (amount_msat, comment) in [(999, None), (6000, None), (1500, None), (1000, Some("four"))] {
            assert!(offer.check(amount_msat, comment).is_err());
        }
    }

    #[test]
    fn nothing_is_said_about_the_payer() {
        let asked = |payer_data: Value| offer(&json!({ "payerData": payer_data })).check_payer_data();
        assert_eq!(asked(json!({"name": {"mandatory": false}, "x": 1})), Ok(()));
        let mandatory = asked(json!({"name": {"mandatory": true}, "email": {"mandatory": true}, "pubkey": null}));
        assert_eq!(mandatory, Err(InvalidAnswer::PayerData("email, name".to_owned())));
        assert_eq!(offer(&json!({})).check_payer_data(), Ok(()));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        #[test]
        fn nothing_that_a_service_says_is_too_much(body in proptest::collection::vec(any::<u8>(), 0..200), words in ".{0,300}") {
            drop(Offer::read(&body));
            let shown = shown(&words);
            prop_assert!(shown.chars().count() <= REASON_CHARS_MAX && !shown.contains(char::is_control));
        }
    }
}
