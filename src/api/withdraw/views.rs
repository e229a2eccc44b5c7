//! What the API shows of withdraw links.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::ids::WalletId;
use crate::domain::lnurl::places::Base;
use crate::domain::lnurl::service_url::ServiceUrl;
use crate::domain::text::WebhookUrl;
use crate::services::withdraw_links::WithdrawLink;

/// A withdraw link. Whoever knows `unique_hash` or `lnurl` is paid, so that these are shown to the admin
/// key of the link's wallet, and null to others.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WithdrawLink, example = json!({
    "id": "wGFRcCXh2Yxbn7eFZrtzYe",
    "wallet": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
    "title": "Prize of the week",
    "min_withdrawable": 1000,
    "max_withdrawable": 1000,
    "uses": 1,
    "wait_time": 1,
    "is_unique": false,
    "unique_hash": "5fPqKPQBCLVzGFyTeYyXaM",
    "k1": null,
    "open_time": 1_763_700_000,
    "used": 0,
    "usescsv": "0",
    "number": 0,
    "webhook_url": null,
    "webhook_headers": null,
    "webhook_body": null,
    "custom_url": null,
    "created_at": "2025-11-21T04:40:00Z",
    "enabled": true,
    "lnurl": "LNURL1DP68GURN8GHJ7…",
    "lnurl_url": "https://pay.example/withdraw/api/v1/lnurl/5fPqKPQBCLVzGFyTeYyXaM",
    "lnurls": ["LNURL1DP68GURN8GHJ7…"]
}))]
pub struct WithdrawLinkView {
    /// Its id.
    id: String,
    /// The wallet that pays.
    #[schema(value_type = String)]
    wallet: WalletId,
    /// What it is for.
    title: String,
    /// The least that it pays at once, in sat.
    min_withdrawable: i64,
    /// The most that it pays at once, in sat.
    max_withdrawable: i64,
    /// How often it pays.
    uses: u32,
    /// For how many seconds it pays nobody after a use.
    wait_time: i64,
    /// Whether each use has a link of its own.
    is_unique: bool,
    /// What stands in its URL.
    unique_hash: Option<String>,
    /// Always null: each opening of the link has a `k1` of its own.
    #[schema(value_type = Option<String>)]
    k1: Option<()>,
    /// When it was used last, or else created, in Unix seconds.
    open_time: i64,
    /// How often it was used.
    used: u32,
    /// The numbers of the uses that are left, with commas between.
    usescsv: String,
    /// Always 0.
    number: u8,
    /// Who is told of withdrawals.
    webhook_url: Option<String>,
    /// Headers of that, as a JSON text.
    webhook_headers: Option<String>,
    /// What stands in its member `body`, as a JSON text.
    webhook_body: Option<String>,
    /// The URL of a picture for printed vouchers.
    custom_url: Option<String>,
    /// When it was created, as ISO 8601.
    created_at: String,
    /// Whether it pays.
    enabled: bool,
    /// What a QR code holds (LUD-01): of a link whose uses have links of their own, the first that is left.
    /// Null also where it is not known what the outside calls this server, and where none is left.
    lnurl: Option<String>,
    /// The same as a URL.
    lnurl_url: Option<String>,
    /// All that QR codes hold, one for each use that is left where uses have links of their own. Null in
    /// lists.
    lnurls: Option<Vec<String>>,
}

/// A page of withdraw links, and how many there are in all.
#[derive(Debug, Serialize, ToSchema)]
pub struct WithdrawLinkPage {
    /// The page.
    pub(super) data: Vec<WithdrawLinkView>,
    /// How many links there are.
    #[schema(example = 1)]
    pub(super) total: i64,
}

/// For whom links are shown.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Where the server's URLs begin, where that is known.
    pub base: Option<Base>,
    /// The wallet whose links are shown with what gives power: that of an admin key.
    pub reveals_those_of: Option<WalletId>,
}

/// How much of a link is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// One link, with the links of all its uses.
    Whole,
    /// One of a list.
    Listed,
}

impl WithdrawLinkView {
    /// Shows a link to a key of its user.
    pub fn new(link: WithdrawLink, viewer: &Viewer, detail: Detail) -> Self {
        let is_revealed = viewer.reveals_those_of == Some(link.wallet);
        let base = viewer.base.as_ref().filter(|_| is_revealed);
        let numbers: Vec<_> = if link.terms.is_unique {
            link.uses_left.numbers().iter().copied().map(Some).collect()
        } else {
            vec![None]
        };
        let first = base.zip(numbers.first()).and_then(|(base, number)| link.url(base, *number));
        let all = base.filter(|_| detail == Detail::Whole).map(|base| {
            let urls = numbers.iter().filter_map(|number| link.url(base, *number));
            urls.map(|url| url.to_bech32()).collect()
        });
        let WithdrawLink { public_id, secret, wallet, terms, used, uses_left, last_used_at, created_at, .. } = link;
        Self {
            id: public_id,
            wallet,
            title: terms.title.into_inner(),
            min_withdrawable: terms.range.min().to_sat(),
            max_withdrawable: terms.range.max().to_sat(),
            uses: terms.uses,
            wait_time: terms.wait_s,
            is_unique: terms.is_unique,
            unique_hash: is_revealed.then(|| secret.reveal().to_owned()),
            k1: None,
            open_time: last_used_at.unwrap_or(created_at).seconds(),
            used,
            usescsv: uses_left.to_string(),
            number: 0,
            webhook_url: terms.webhook.map(WebhookUrl::into_inner),
            webhook_headers: terms.webhook_headers.filter(|_| is_revealed).map(|headers| headers.as_str().to_owned()),
            webhook_body: terms.webhook_body.map(|body| body.as_str().to_owned()),
            custom_url: terms.custom_url.map(WebhookUrl::into_inner),
            created_at: created_at.to_iso(),
            enabled: terms.is_enabled,
            lnurl: first.as_ref().map(ServiceUrl::to_bech32),
            lnurl_url: first.map(|url| url.to_string()),
            lnurls: all,
        }
    }
}
