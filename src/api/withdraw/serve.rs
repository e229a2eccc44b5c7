//! What wallets ask that are paid by a withdraw link (LUD-03): without a key, and from browsers as well.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError, get, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::answers::NotHead;
use crate::api::framework::app::{App, State};
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::framework::host::RequestHost;
use crate::api::framework::params::Params;
use crate::api::framework::query::{Deferred, query};
use crate::domain::skim::SkimmedRequest;
use crate::domain::withdraw::refused::WithdrawRefused;
use crate::domain::withdraw::token::OpenToken;
use crate::services::withdraw_links::open::{self, WithdrawError};

/// Why a link does not pay. Wallets expect it with the status of a success.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WithdrawRefusal, example = json!({"status": "ERROR", "reason": "Withdraw is spent."}))]
pub struct Refusal {
    /// `ERROR`.
    #[schema(pattern = "^ERROR$")]
    status: &'static str,
    /// What went wrong, for a person.
    reason: String,
}

/// What a link pays (LUD-03).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WithdrawRequest, example = json!({
    "tag": "withdrawRequest",
    "callback": "https://pay.example/withdraw/api/v1/lnurl/cb/5fPqKPQBCLVzGFyTeYyXaM",
    "k1": "019ab1c2d3e4f5a6b7c8d9e0f1a2b3c4000102030405060708090a0b0c0d0e0f",
    "minWithdrawable": 1_000_000,
    "maxWithdrawable": 1_000_000,
    "defaultDescription": "Prize of the week"
}))]
pub struct WithdrawRequest {
    /// `withdrawRequest`.
    tag: &'static str,
    /// Where the invoice goes to.
    callback: String,
    /// What must be shown there: once, within 60 seconds.
    k1: String,
    /// msat.
    min_withdrawable: i64,
    /// msat.
    max_withdrawable: i64,
    /// What to call the payment.
    default_description: String,
    /// Where can be paid to who pays (LUD-19), where a service of another server says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pay_link: Option<String>,
}

/// It is paid.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WithdrawDone, example = json!({"status": "OK"}))]
pub struct Done {
    /// `OK`.
    #[schema(pattern = "^OK$")]
    status: &'static str,
}

/// Either what a link pays, or why it does not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OpenAnswer {
    /// This much.
    Request(WithdrawRequest),
    /// It does not.
    Refused(Refusal),
}

/// Either that it is paid, or why not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum WithdrawAnswer {
    /// It is paid.
    Done(Done),
    /// It is not.
    Refused(Refusal),
}

impl From<WithdrawError> for ApiError {
    fn from(error: WithdrawError) -> Self {
        if let WithdrawError::Other(fault) = error {
            fault.into()
        } else {
            Self::with_detail(ErrorCode::WithdrawRefused, error.to_string())
        }
    }
}

/// The answer to a wallet: what it could change is told with the status of a success.
fn answer<T: Serialize>(
    asked: Result<T, ApiError>,
    refused: impl FnOnce(Refusal) -> T,
) -> Result<HttpResponse, ApiError> {
    let told = asked.or_else(|refusal| {
        if refusal.status_code() == StatusCode::BAD_REQUEST {
            Ok(refused(Refusal { status: "ERROR", reason: refusal.to_string() }))
        } else {
            Err(refusal)
        }
    });
    Ok(HttpResponse::Ok().json(told?))
}

impl WithdrawRequest {
    /// What a service pays.
    pub(in crate::api) fn new(callback: String, k1: String, (min, max): (i64, i64), title: String) -> Self {
        Self {
            tag: "withdrawRequest",
            callback,
            k1,
            min_withdrawable: min,
            max_withdrawable: max,
            default_description: title,
            pay_link: None,
        }
    }

    /// With where can be paid to who pays.
    pub(in crate::api) fn with_pay_link(self, pay_link: Option<String>) -> Self {
        Self { pay_link, ..self }
    }

    /// Whether only one amount is paid.
    pub(in crate::api) const fn is_fixed(&self) -> bool {
        self.min_withdrawable == self.max_withdrawable
    }

    /// What a link of this server pays, for who has sent a request to a host.
    pub(in crate::api) async fn of(
        app: &App,
        host: &RequestHost,
        secret: &str,
        of_use: Option<&str>,
    ) -> Result<Self, ApiError> {
        let base = host.base(app)?;
        let open = open::find(&app.services, secret, of_use).await?;
        let callback = open.link.callback(&base, open.number).ok_or(ErrorCode::NoPublicUrl)?;
        let (k1, terms) = (open.token(&app.services).reveal(), open.link.terms);
        let range = (terms.range.min().msat(), terms.range.max().msat());
        Ok(Self::new(callback.to_string(), k1, range, terms.title.into_inner()))
    }
}

async fn look(
    app: &App,
    client: ClientAddress,
    host: &RequestHost,
    secret: &str,
    of_use: Option<&str>,
) -> Result<WithdrawRequest, ApiError> {
    let _turn = app.anonymous_turn(client).await?;
    WithdrawRequest::of(app, host, secret, of_use).await
}

/// Open a withdraw link
///
/// What it pays (LUD-03). `k1` is good for one payment, and for 60 seconds.
#[utoipa::path(
    tag = "Withdraw Links",
    params(("unique_hash" = String, Path, description = "The link's `unique_hash`", example = "5fPqKPQBCLVzGFyTeYyXaM")),
    responses((status = 200, description = "What it pays, or why it does not (`status` is `ERROR`)", body = OpenAnswer))
)]
#[get("/withdraw/api/v1/lnurl/{unique_hash}")]
pub(in crate::api) async fn open_withdraw_link(
    client: ClientAddress,
    app: State,
    host: RequestHost,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    answer(look(&app, client, &host, &path, None).await.map(OpenAnswer::Request), OpenAnswer::Refused)
}

/// Open one use of a withdraw link
///
/// Of a link whose uses have links of their own.
#[utoipa::path(
    tag = "Withdraw Links",
    params(
        ("unique_hash" = String, Path, description = "The link's `unique_hash`", example = "5fPqKPQBCLVzGFyTeYyXaM"),
        ("id_unique_hash" = String, Path, description = "The use, as it stands in its link", example = "75acRqrtZhT6FPJfPEe5Ym")
    ),
    responses((status = 200, description = "What it pays, or why it does not (`status` is `ERROR`)", body = OpenAnswer))
)]
#[get("/withdraw/api/v1/lnurl/{unique_hash}/{id_unique_hash}")]
pub(in crate::api) async fn open_unique_withdraw_link(
    client: ClientAddress,
    app: State,
    host: RequestHost,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (secret, of_use) = path.into_inner();
    answer(look(&app, client, &host, &secret, Some(&of_use)).await.map(OpenAnswer::Request), OpenAnswer::Refused)
}

query! {
    /// What is to be paid, and with what.
    pub(in crate::api) struct WithdrawParams {
        /// What opening the link has answered as `k1`
        #[param(value_type = String)]
        k1: Option<String>,
        /// The BOLT11 invoice
        #[param(value_type = String)]
        pr: Deferred<Option<String>>,
        /// The use, where each has a link of its own
        id_unique_hash: Option<String>,
    }
}

/// Withdraw
///
/// Pays an invoice, within the limits of the link and of its wallet. The payment and the use of the link
/// happen together, or neither does: where the invoice is not paid, `k1` is still good.
#[utoipa::path(
    tag = "Withdraw Links",
    params(
        ("unique_hash" = String, Path, description = "The link's `unique_hash`", example = "5fPqKPQBCLVzGFyTeYyXaM"),
        WithdrawParams
    ),
    responses((status = 200, description = "It is paid, or why it is not (`status` is `ERROR`)", body = WithdrawAnswer))
)]
#[get("/withdraw/api/v1/lnurl/cb/{unique_hash}")]
pub(in crate::api) async fn withdraw(
    _acts: NotHead,
    client: ClientAddress,
    app: State,
    path: web::Path<String>,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    answer(pay(&app, client, &path, &params).await.map(WithdrawAnswer::Done), WithdrawAnswer::Refused)
}

async fn pay(app: &App, client: ClientAddress, secret: &str, params: &Params) -> Result<Done, ApiError> {
    let WithdrawParams { k1, pr, id_unique_hash } = params.read()?;
    let token = k1.and_then(|k1| k1.parse::<OpenToken>().ok());
    let token = token.ok_or(WithdrawError::from(WithdrawRefused::WrongToken));
    let open = {
        let _turn = app.anonymous_turn(client).await?;
        open::find(&app.services, secret, id_unique_hash.as_deref()).await?
    };
    let request = SkimmedRequest::skim(&pr?.ok_or(WithdrawError::NoRequest)?).or(Err(WithdrawError::InvalidRequest))?;
    open::pay(&app.services, open, token?, request).await?;
    Ok(Done { status: "OK" })
}
