//! All of a tenant to take away.

use std::borrow::Cow;

use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder, get};
use serde::Serialize;
use utoipa::openapi::Object;

use super::export_rows::{ExportedPayment, ExportedRows, ExportedUser, ExportedWallet};
use crate::api::framework::app::State;
use crate::api::framework::csv::Record;
use crate::api::framework::error::ApiError;
use crate::api::framework::json_stream::{Frame, Items, stream_list};
use crate::api::framework::leniency;
use crate::api::framework::params::Params;
use crate::api::framework::query::{FromValue, query};
use crate::api::framework::session::TenantReader;
use crate::clock;
use crate::services::tenants::export::{self, Table};
use crate::services::{StoreError, Wallet};

/// How many rows there are.
const TOTAL: header::HeaderName = header::HeaderName::from_static("x-total-count");

query! {
    /// What to take away, and how it is written.
    pub struct ExportParams {
        /// What to take away.
        #[param(value_type = String, pattern = "^(users|wallets|payments)$", example = "payments")]
        what: Option<Table>,
        /// How it is written; `json` where nothing is said.
        #[param(schema_with = formats)]
        format: Option<Format>,
    }
}

impl FromValue for Table {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        match text {
            "users" => Ok(Self::Users),
            "wallets" => Ok(Self::Wallets),
            "payments" => Ok(Self::Payments),
            _ => Err("must be users, wallets or payments".into()),
        }
    }
}

impl FromValue for Format {
    fn from_value(text: &str) -> Result<Self, Cow<'static, str>> {
        match text {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            _ => Err("must be json or csv".into()),
        }
    }
}

fn formats() -> Object {
    leniency::words(["json", "csv"]).build()
}

/// In which form rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
}

impl Format {
    fn items<R: Record + Serialize>(self, rows: impl Iterator<Item = R>) -> Result<Items, StoreError> {
        match self {
            Self::Json => Items::of(rows),
            Self::Csv => Ok(Items::lines(rows)),
        }
    }

    fn frame<R: Record>(self) -> Frame {
        match self {
            Self::Json => Frame::array(),
            Self::Csv => Frame::csv::<R>(),
        }
    }

    /// The beginning of an answer with so many rows, to be kept in a file.
    fn answer(self, table: &str, total: i64) -> HttpResponseBuilder {
        let (kind, ending) = match self {
            Self::Json => ("application/json", "json"),
            Self::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        };
        let mut answer = HttpResponse::Ok();
        answer
            .insert_header((header::CONTENT_TYPE, kind))
            .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{table}.{ending}\"")))
            .insert_header((TOTAL, total));
        answer
    }
}

/// Export the tenant
///
/// All users, wallets or payments of the manager, without keys; users and wallets oldest first, payments
/// newest first. It is sent while it is read, however long it is: `X-Total-Count` tells how many rows
/// there were when it began. In CSV, a text that a spreadsheet might take for a formula has an
/// apostrophe in front.
#[utoipa::path(
    tag = "User Manager",
    params(ExportParams),
    responses((
        status = 200,
        description = "The rows",
        content((inline(ExportedRows) = "application/json", example = json!([{
            "id": "0d3a8b6e5f7c4d1e9a2b3c4d5e6f7a8b",
            "user": "7b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e",
            "name": "api_user_wallet",
            "balance_msat": 21_000,
            "frozen": null,
            "payment_max_sat": null,
            "day_max_sat": null,
            "created_at": "2026-11-21T12:00:00Z"
        }])), (String = "text/csv")),
        headers(("X-Total-Count" = i64, description = "How many rows there were when it began"))
    )),
    security(("AdminKey" = []), ("Session" = []), ("Token" = ["read"]))
)]
#[get("/usermanager/api/v1/export")]
pub(in crate::api) async fn export_tenant(
    caller: TenantReader,
    app: State,
    params: Params,
) -> Result<HttpResponse, ApiError> {
    let ExportParams { what, format } = params.read()?;
    let format = format.unwrap_or(Format::Json);
    match what.ok_or_else(|| ApiError::field("what", "is missing: users, wallets or payments"))? {
        Table::Users => users(caller, app, format).await,
        Table::Wallets => wallets(caller, app, format).await,
        Table::Payments => payments(caller, app, format).await,
    }
}

async fn users(caller: TenantReader, app: State, format: Format) -> Result<HttpResponse, ApiError> {
    let total = export::count(&app.services, caller, Table::Users).await?;
    stream_list(format.answer("users", total), format.frame::<ExportedUser>(), move |after| {
        let app = app.clone();
        async move {
            let show = move |page: Vec<_>| format.items(page.into_iter().map(ExportedUser::from));
            Ok(export::users(&app.services, caller, after, show).await?)
        }
    })
    .await
}

async fn wallets(caller: TenantReader, app: State, format: Format) -> Result<HttpResponse, ApiError> {
    let total = export::count(&app.services, caller, Table::Wallets).await?;
    stream_list(format.answer("wallets", total), format.frame::<ExportedWallet>(), move |after| {
        let app = app.clone();
        async move {
            let show = move |page: Vec<Wallet>| format.items(page.into_iter().map(ExportedWallet::from));
            Ok(export::wallets(&app.services, caller, after, show).await?)
        }
    })
    .await
}

async fn payments(caller: TenantReader, app: State, format: Format) -> Result<HttpResponse, ApiError> {
    let total = export::count(&app.services, caller, Table::Payments).await?;
    stream_list(format.answer("payments", total), format.frame::<ExportedPayment>(), move |older_than| {
        let (app, now) = (app.clone(), clock::now());
        async move {
            let row = move |payment| ExportedPayment::new(payment, now);
            let show = move |page: Vec<_>| format.items(page.into_iter().map(row));
            Ok(export::payments(&app.services, caller, older_than, show).await?)
        }
    })
    .await
}
