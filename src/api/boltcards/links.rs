//! Where the links of cards lead to: here, by the name that others know this server by.

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::api::framework::app::App;
use crate::api::framework::error::ApiError;
use crate::api::framework::params;
use crate::domain::ids::HitId;
use crate::domain::lnurl::code::Lnurl;
use crate::domain::lnurl::code::Role;
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
pub(super) struct Links(ServiceUrl);

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
    /// Those for the host that a request has reached this server by.
    pub(super) fn of(_app: &App, request: &HttpRequest) -> Result<Self, ApiError> {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        ServiceUrl::parse(&format!("http://{host}/"), PlainHttp::OnionAndLoopback)
            .map(Self)
            .map_err(|_| ApiError::field("Host", "must be a host that this server is known by"))
    }

    fn to(&self, path: &str, id: impl std::fmt::Display) -> String {
        format!("{}{path}{id}", self.0.as_str().trim_end_matches('/'))
    }

    fn with_role(&self, role: Role, path: &str, id: impl std::fmt::Display) -> Result<String, ApiError> {
        let url = ServiceUrl::parse(&self.to(path, id), PlainHttp::OnionAndLoopback);
        url.map(|url| url.with_role(role)).map_err(|_| ApiError::field("Host", "is too long"))
    }

    /// What pays with a tap.
    pub(super) fn pay(&self, hit: HitId) -> String {
        self.to(PAY, hit)
    }

    /// The link by which is paid back (LUD-17).
    pub(super) fn refund(&self, hit: HitId) -> Result<String, ApiError> {
        self.with_role(Role::Pay, REFUND, hit)
    }

    /// What gives an invoice for that.
    pub(super) fn refund_invoice(&self, hit: HitId) -> String {
        self.to(REFUND_INVOICE, hit)
    }

    /// What stands on a card (LUD-17).
    pub(super) fn scan(&self, external_id: &str) -> Result<String, ApiError> {
        self.with_role(Role::Withdraw, SCAN, external_id)
    }

    /// Reads what a tap of one of our cards shows: an LNURL of any form.
    pub(super) fn read_scan(&self, text: &str) -> Result<ScanLink, String> {
        let Lnurl { url, role } = Lnurl::parse(text, PlainHttp::OnionAndLoopback).map_err(|error| error.to_string())?;
        let external_id = url.url().path().strip_prefix(SCAN).filter(|id| !id.is_empty() && !id.contains('/'));
        let is_ours = url.authority() == self.0.authority() && role != Some(Role::Pay);
        let external_id = external_id.filter(|_| is_ours).ok_or("must be what a card of this server shows")?;
        let parameter = |name: &str| {
            let mut pairs = params::pairs(url.url().query().unwrap_or_default());
            pairs
                .find(|(found, _)| found.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default()
        };
        Ok(ScanLink { external_id: external_id.to_owned(), p: parameter("p"), c: parameter("c") })
    }
}
