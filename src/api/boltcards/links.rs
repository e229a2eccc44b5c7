//! Where the links of cards lead to: here, by the name that others know this server by.

use std::fmt::Display;

use crate::api::framework::app::App;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::host::RequestHost;
use crate::api::framework::params;
use crate::domain::ids::HitId;
use crate::domain::lnurl::code::{Lnurl, Role};
use crate::domain::lnurl::places::Base;
use crate::domain::lnurl::service_url::{PlainHttp, ServiceUrl};

/// The path of what stands on a card, in front of its `external_id`.
const SCAN: &str = "/boltcards/api/v1/scan/";
/// Of what pays with a tap.
const PAY: &str = "/boltcards/api/v1/lnurl/cb/";
/// Of the link by which is paid back.
const REFUND: &str = "/boltcards/api/v1/lnurlp/";
/// Of what gives an invoice for that.
const REFUND_INVOICE: &str = "/boltcards/api/v1/lnurlp/cb/";

/// The links of cards, as they are known to whoever has made a request.
#[derive(Debug)]
pub(super) struct Links(Base);

/// What a tap of one of our cards shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScanLink {
    /// The card.
    pub(super) external_id: String,
    /// Its unique id and its counter, encrypted.
    pub(super) p: String,
    /// The proof.
    pub(super) c: String,
}

impl Links {
    /// Those for the public URL, or else for the host that a request was sent to.
    pub(super) fn of(app: &App, host: &RequestHost) -> Result<Self, ApiError> {
        host.base(app).map(Self)
    }

    fn to(&self, path: &str, id: impl Display) -> Result<ServiceUrl, ApiError> {
        // A host that is too long for a URL was not sent here by any card.
        self.0.url(&format!("{path}{id}")).or(Err(ErrorCode::NoPublicUrl.into()))
    }

    /// What pays with a tap.
    pub(super) fn pay(&self, hit: HitId) -> Result<String, ApiError> {
        Ok(self.to(PAY, hit)?.to_string())
    }

    /// The link by which is paid back (LUD-17).
    pub(super) fn refund(&self, hit: HitId) -> Result<String, ApiError> {
        Ok(self.to(REFUND, hit)?.with_role(Role::Pay))
    }

    /// What gives an invoice for that.
    pub(super) fn refund_invoice(&self, hit: HitId) -> Result<String, ApiError> {
        Ok(self.to(REFUND_INVOICE, hit)?.to_string())
    }

    /// What stands on a card (LUD-17).
    pub(super) fn scan(&self, external_id: &str) -> Result<String, ApiError> {
        Ok(self.to(SCAN, external_id)?.with_role(Role::Withdraw))
    }
}

impl ScanLink {
    /// Reads what a tap of one of our cards shows: an LNURL of any form.
    pub(super) fn read(app: &App, RequestHost(requested): &RequestHost, text: &str) -> Result<Self, ApiError> {
        let wrong = |why: &dyn Display| ApiError::field("lnurl_w", why);
        let Lnurl { url, role } = Lnurl::parse(text, PlainHttp::OnionAndLoopback).map_err(|error| wrong(&error))?;
        let external_id = url.url().path().strip_prefix(SCAN).filter(|id| !id.is_empty() && !id.contains('/'));
        let is_ours = app.services.policy.places.is_ours(&url, requested.as_ref()) && role != Some(Role::Pay);
        let external_id = external_id.filter(|_| is_ours);
        let external_id = external_id.ok_or_else(|| wrong(&"must be what a card of this server shows"))?;
        let query = url.url().query().unwrap_or_default();
        let value = |name: &str| {
            let found = params::pairs(query).find(|(found, _)| found.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        Ok(Self { external_id: external_id.to_owned(), p: value("p"), c: value("c") })
    }
}
