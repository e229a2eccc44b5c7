//! What anybody who pays a link is told, and the invoices that links give: nobody shows a key, so
//! everything is charged to the tenant of the link's wallet (promise I14).

use serde::Serialize;

use super::{PayLink, above_maximum, sendable};
use crate::clock;
use crate::domain::consumer::Consumer;
use crate::domain::expiry::Expiry;
use crate::domain::extra::Extra;
use crate::domain::lnurl::address::{Address, Authority, Recipient};
use crate::domain::lnurl::link::{LinkKey, LinkRef};
use crate::domain::lnurl::metadata::Metadata;
use crate::domain::lnurl::pay_range::PayRange;
use crate::domain::lnurl::places::Base;
use crate::domain::lnurl::sendable::Sendable;
use crate::domain::lnurl::service_url::ServiceUrl;
use crate::domain::lnurl::success::SuccessAction;
use crate::domain::money::Amount;
use crate::domain::node::Description;
use crate::ledger::command::{IssueForLink, NewInvoice};
use crate::ledger::outcome::{Issued, Rejection};
use crate::services::lightning::outside;
use crate::services::payments::{InvoiceTerms, issue};
use crate::services::rates::Asked;
use crate::services::{Error, Missing, Services};
use crate::store::StoreError;
use crate::store::pay_links;

/// The longest data that a payer's page has added to the webhook, in bytes.
pub const WEBHOOK_DATA_BYTES_MAX: usize = 1024;

/// A link, as somebody sees it who would pay it.
#[derive(Clone, Debug)]
pub struct OpenLink {
    /// The link.
    pub link: PayLink,
    /// Whose share its invoices are charged to.
    pub consumer: Consumer,
    /// Where its URLs begin.
    pub base: Base,
    /// How it was named.
    pub asked: LinkRef,
}

/// What somebody wants to pay to a link.
#[derive(Clone, Debug)]
pub struct LinkPayment {
    /// How much, in msat.
    pub amount_msat: i64,
    /// What the payer says.
    pub comment: Option<String>,
}

/// What is kept with an invoice of a link.
#[derive(Serialize)]
struct LinkExtra<'a> {
    tag: &'static str,
    link: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lnaddress: Option<String>,
}

/// The tag of invoices that links give.
pub const TAG: &str = "lnurlp";

/// How long a text is as the query of a URL has it.
fn encoded_bytes(text: &str) -> usize {
    url::form_urlencoded::byte_serialize(text.as_bytes()).map(str::len).sum()
}

/// Finds a link that somebody would pay, who has sent the request to a host.
pub async fn find(services: &Services, asked: LinkRef, requested: Option<&Authority>) -> Result<OpenLink, Error> {
    let missing = match asked.key {
        LinkKey::Id(_) => Missing::PayLink,
        LinkKey::Name(_) => Missing::Address,
    };
    // In the callback it is as long as in a URL, whose length is bounded.
    let is_fit = |data: &String| encoded_bytes(data) <= WEBHOOK_DATA_BYTES_MAX && !data.contains('\0');
    if !asked.webhook_data.as_ref().is_none_or(is_fit) {
        let message = format!("must be at most {WEBHOOK_DATA_BYTES_MAX} bytes long as a URL has it, without U+0000");
        return Err(Error::Invalid { field: "webhook_data", message });
    }
    let (sealer, key) = (services.sealer.clone(), asked.key.clone());
    let found = services.store.read(move |connection| pay_links::find_public(connection, &sealer, &key));
    let (link, consumer) = found.await.map_err(Error::of(missing))?;
    // Only an address has a tag.
    if asked.tag.is_some() && link.terms.username.is_none() {
        return Err(Error::Missing(missing));
    }
    let base = services.policy.places.base(link.terms.domain.as_ref(), requested).ok_or(Error::NoPublicUrl)?;
    Ok(OpenLink { link, consumer, base, asked })
}

impl OpenLink {
    /// The Lightning address, where the link has one, with the tag that was asked for.
    pub fn address(&self) -> Option<Address> {
        let recipient = Recipient { name: self.link.terms.username.clone()?, tag: self.asked.tag.clone() };
        Some(Address { recipient, authority: self.base.authority().clone() })
    }

    /// What the link says about itself.
    pub fn metadata(&self) -> Metadata {
        match self.address() {
            Some(address) => Metadata::of_address(&address),
            None => Metadata::of_description(&self.link.terms.description),
        }
    }

    /// Where an invoice is asked for.
    pub fn callback(&self) -> Result<ServiceUrl, Error> {
        let path = self.link.public_id.callback_path(self.asked.tag.as_deref());
        let data = self.asked.webhook_data.as_ref().map(|data| {
            url::form_urlencoded::Serializer::new("?".to_owned()).append_pair("webhook_data", data).finish()
        });
        let url = self.base.url(&format!("{path}{}", data.unwrap_or_default()));
        url.map_err(|error| Error::Invalid { field: "webhook_data", message: error.to_string() })
    }

    /// Where the link's page is, which wallets ask as well.
    pub fn url(&self) -> Result<ServiceUrl, Error> {
        page_of(&self.link, &self.base).ok_or(Error::Fault)
    }

    /// How much it takes.
    pub async fn sendable(&self, services: &Services) -> Result<Sendable, Error> {
        sendable(services, &self.link.terms).await
    }

    /// What a payer is shown.
    pub fn success_action(&self) -> Option<SuccessAction> {
        SuccessAction::of(self.link.terms.success_text.clone(), self.link.terms.success_url.clone())
    }

    /// Checks what somebody wants to pay, and makes the invoice for it, which is not stored yet. One that is
    /// internal only wallets of this server can pay.
    pub(super) async fn invoice(
        &self,
        services: &Services,
        payment: &LinkPayment,
        is_internal: Option<bool>,
    ) -> Result<NewInvoice, Error> {
        let terms = &self.link.terms;
        let sendable = self.sendable(services).await?;
        let sendable = match terms.range {
            PayRange::Sat(_) => sendable,
            // The rate may have moved since the payer has looked.
            PayRange::Currency(_) => sendable.with_leeway(),
        };
        let amount: Amount = sendable.check(payment.amount_msat)?;
        if amount.to_sat() > services.policy.invoice_sat_max {
            return Err(above_maximum(services));
        }
        let comment = payment.comment.as_deref().filter(|comment| !comment.is_empty());
        terms.comment.check(comment.unwrap_or_default())?;
        let terms = InvoiceTerms {
            amount: Asked::Sat(amount),
            description: Description::Hash(*AsRef::<[u8; 32]>::as_ref(&self.metadata().hash())),
            memo: terms.description.clone(),
            expiry: Expiry::DEFAULT,
            webhook: terms.webhook.clone(),
            extra: Some(self.extra(comment)?),
            payment_hash: None,
            external_id: None,
            is_internal,
        };
        issue(services, self.link.wallet.account(), amount, terms, clock::now()).await
    }

    fn extra(&self, comment: Option<&str>) -> Result<Extra, Error> {
        let extra = LinkExtra {
            tag: TAG,
            link: self.link.public_id.as_str(),
            comment,
            webhook_data: self.asked.webhook_data.as_deref(),
            lnaddress: self.address().map(|address| address.to_string()),
        };
        let json = serde_json::to_string(&extra).map_err(|error| StoreError::Fault(error.to_string()))?;
        Extra::new(&json).map_err(|error| Error::Invalid { field: "comment", message: error.to_string() })
    }
}

/// Where a link's page is.
pub fn page_of(link: &PayLink, base: &Base) -> Option<ServiceUrl> {
    base.url(&link.public_id.page_path()).ok()
}

/// Gives an invoice for what somebody wants to pay, who needs no key for it.
pub async fn invoice(services: &Services, open: &OpenLink, payment: &LinkPayment) -> Result<String, Error> {
    let is_internal = outside::is_refused_at_once(services, open.link.wallet.account(), open.link.id.into()).await?;
    let invoice = open.invoice(services, payment, is_internal).await?;
    let bolt11 = invoice.bolt11.clone().ok_or(Error::Fault)?;
    let open_max = services.policy.link_invoices_max;
    let command = IssueForLink { invoice, origin: open.link.id.into(), open_max, total_max: None };
    let Issued = services.settle(command, open.consumer).await.map_err(gone)?;
    services.served.count_pr(open.link.id);
    Ok(bolt11)
}

/// A link whose wallet has gone meanwhile is not there any more.
pub(super) fn gone(error: Error) -> Error {
    let is_gone = matches!(error, Error::Rejected(Rejection::WalletNotFound { .. }));
    if is_gone { Error::Missing(Missing::PayLink) } else { error }
}
