//! Paying LNURLs and Lightning addresses of other servers: the service gives an invoice, which is checked
//! and then paid like any other.

use std::time::Duration;

use serde::Serialize;
use url::Url;

use super::ask::Unanswered;
use super::told;
use crate::clock;
use crate::domain::consumer::Consumer;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::invoice::{DecodedInvoice, PaymentRequest};
use crate::domain::lnurl::sendable::PayRefused;
use crate::domain::lnurl::service::PayOffer;
use crate::domain::lnurl::service_invoice::{ServiceAction, ServiceInvoice};
use crate::domain::lnurl::service_url::{PlainHttp, ServiceUrl};
use crate::domain::skim::SkimmedRequest;
use crate::services::callers::AdminKey;
use crate::services::idempotency::Created;
use crate::services::pay_links::serve::LinkPayment;
use crate::services::payments::{self, PayTerms, Payment};
use crate::services::{Error, Services};
use crate::store::StoreError;

/// How long a service may take to give an invoice.
const INVOICE_TIME: Duration = Duration::from_secs(10);

/// Whom to pay.
#[derive(Clone, Debug)]
pub struct Payee {
    /// Where an invoice is asked for.
    pub callback: ServiceUrl,
    /// What the service offers, where that is known.
    pub offer: Option<Box<PayOffer>>,
    /// The hash of the metadata that the payer was shown, in hex, where that is known.
    pub description_hash: Option<String>,
}

/// What is kept with the payment, as LNbits keeps it.
#[derive(Serialize)]
struct PayerExtra<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    success_action: Option<&'a ServiceAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stored: bool,
}

impl Payee {
    /// Of what a service offers.
    pub fn of(offer: Box<PayOffer>, description_hash: Option<String>) -> Self {
        Self { callback: offer.callback.clone(), offer: Some(offer), description_hash }
    }

    /// Makes sure that the service takes this payment, as far as it has said what it takes, and that it
    /// says what the payer was shown.
    fn check(&self, payment: &LinkPayment) -> Result<(), Error> {
        let Some(offer) = &self.offer else {
            let is_whole = payment.amount_msat > 0 && payment.amount_msat % 1000 == 0;
            let refused = PayRefused::NotWholeSat { amount_msat: payment.amount_msat };
            return if is_whole { Ok(()) } else { Err(refused.into()) };
        };
        offer.check(payment.amount_msat, payment.comment.as_deref())?;
        offer.check_payer_data().map_err(|why| told(&self.callback, why))?;
        let hash = offer.metadata.hash().to_string();
        let is_same = self.description_hash.as_ref().is_none_or(|shown| shown.eq_ignore_ascii_case(&hash));
        if is_same { Ok(()) } else { Err(Error::LinkChanged) }
    }

    /// The hash that an invoice must have, where it has one.
    fn expected_hash(&self) -> Option<String> {
        let of_offer = self.offer.as_ref().map(|offer| offer.metadata.hash().to_string());
        of_offer.or_else(|| self.description_hash.clone())
    }

    fn url(&self, payment: &LinkPayment) -> Result<ServiceUrl, Error> {
        let mut url: Url = self.callback.url().clone();
        url.query_pairs_mut().append_pair("amount", &payment.amount_msat.to_string());
        if let Some(comment) = payment.comment.as_deref().filter(|comment| !comment.is_empty()) {
            url.query_pairs_mut().append_pair("comment", comment);
        }
        let url = ServiceUrl::parse(url.as_str(), PlainHttp::OnionAndLoopback);
        url.map_err(|error| Error::Invalid {
            field: "comment",
            message: format!("is too long there: the callback {error}"),
        })
    }

    /// Asks the service for an invoice, and makes sure that it is what was asked for.
    async fn invoice(
        &self,
        services: &Services,
        consumer: Consumer,
        payment: &LinkPayment,
    ) -> Result<(SkimmedRequest, ServiceInvoice), Error> {
        self.check(payment)?;
        let asked = services.outside.ask(consumer, &self.url(payment)?, INVOICE_TIME).await;
        let body = asked.map_err(|why| why.at(&self.callback))?;
        let given = ServiceInvoice::read(&body).map_err(|why| told(&self.callback, why))?;
        let wrong = |what: &'static str| told(&self.callback, Unanswered::Invoice(what));
        let request = SkimmedRequest::skim(&given.bolt11).or(Err(wrong("is no BOLT11 invoice")))?;
        let parsed = request.parse().and_then(PaymentRequest::verify).or(Err(wrong("is no BOLT11 invoice")))?;
        self.check_invoice(services, &parsed, payment.amount_msat).map_err(wrong)?;
        Ok((request, given))
    }

    fn check_invoice(
        &self,
        services: &Services,
        invoice: &DecodedInvoice,
        amount_msat: i64,
    ) -> Result<(), &'static str> {
        if invoice.currency() != services.node.network().prefix() {
            return Err("is for another network");
        }
        if invoice.amount_msat() != u64::try_from(amount_msat).ok() {
            return Err("is for another amount than was asked for");
        }
        // LUD-06 asks for the hash; many services give a description in its place, which LNbits pays.
        let is_other =
            |hash: &String| invoice.description_hash().is_some_and(|found| !found.eq_ignore_ascii_case(hash));
        if self.expected_hash().as_ref().is_some_and(is_other) {
            return Err("is for something else: its description_hash is not that of the metadata");
        }
        if invoice.has_expired_at(clock::now()) { Err("has expired") } else { Ok(()) }
    }
}

/// Pays from the wallet of a key, once for each claim.
pub async fn pay(
    services: &Services,
    key: AdminKey,
    claim: Option<Claim>,
    payee: &Payee,
    payment: &LinkPayment,
) -> Result<Created<Payment>, Error> {
    let (request, given) = payee.invoice(services, key.consumer(), payment).await?;
    let comment = payment.comment.as_deref().filter(|comment| !comment.is_empty());
    let extra = PayerExtra { success_action: given.action.as_ref(), comment, stored: given.is_storable };
    let extra = serde_json::to_string(&extra).map_err(|error| StoreError::Fault(error.to_string()))?;
    let extra = Extra::new(&extra).map_err(|error| Error::Invalid { field: "comment", message: error.to_string() })?;
    payments::pay(
        services,
        key,
        claim,
        PayTerms { request, amount: None, extra: Some(extra), webhook: None, external_id: None },
    )
    .await
}
