//! The HTTP API: thin handlers, one file a resource, its request and response types beside
//! them. One list of [`routes`] gives both the router and the OpenAPI document.

use actix_web::{App as ActixApp, HttpRequest, HttpResponse, guard, web};
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) mod boltcards;
pub mod framework;
pub(crate) mod holds;
pub(crate) mod live;
pub(crate) mod lndhub;
pub(crate) mod lnurl;
pub(crate) mod operators;
pub(crate) mod payments;
pub(crate) mod rates;
pub(crate) mod sessions;
pub(crate) mod system;
pub(crate) mod user_manager;
pub(crate) mod users;
pub(crate) mod wallet;
pub(crate) mod wallets;
pub(crate) mod webhooks;
pub(crate) mod withdraw;

use boltcards::{auth, cards, hits, nfc, refunds, scan};
use framework::document::{self, DocumentText};
use framework::error::{ApiError, ErrorCode};
use framework::paths::Methods;
use live::{sse, websocket};
use lndhub::{links as hub_links, routes as hub};
use lnurl::{links, pay, scan as lnurl_scan, serve};
use operators::{audit, balance, freezes, node, wallets as account_wallets};
use payments::{all, decode, extra, held, list, stats};
use rates::{conversion, history};
use sessions::{login, password, signup, tokens};
use system::{front, swagger};
use user_manager::{
    controls, export, extensions, overview, transactions, transfers, users as managed_users, verify,
    wallets as managed_wallets,
};
use users::{accounts, wallets as user_wallets};
use webhooks::{endpoints, format, log, own};
use withdraw::{links as withdraw_links, serve as withdraw_serve};

/// Every operation. Of two paths that match, the first one answers.
#[expect(clippy::too_many_lines, reason = "it is one list")]
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(wallet::get_wallet)
        .service(wallet::update_wallet)
        .service(wallet::rename_wallet)
        .service(wallet::create_own_wallet)
        .service(wallet::delete_own_wallet)
        .service(wallet::reset_wallet)
        .service(wallets::list_all_wallets)
        .service(payments::create_payment)
        .service(list::list_payments)
        .service(list::list_payments_paginated)
        .service(all::list_all_payments)
        .service(list::payment_history)
        .service(payments::fee_reserve)
        .service(stats::count_payments)
        .service(stats::wallet_stats)
        .service(stats::daily_stats)
        .service(stats::payment_breakdown)
        .service(extra::append_extra)
        .service(sse::payment_events)
        .service(websocket::live_socket)
        .service(decode::decode_payment)
        .service(pay::pay_lnurl)
        .service(held::settle_invoice)
        .service(held::cancel_invoice)
        .service(payments::get_payment)
        .service(rates::list_currencies)
        .service(history::rate_history)
        .service(rates::get_rate)
        .service(conversion::convert)
        .service(lnurl_scan::scan_lnurl)
        .service(lnurl_scan::scan_lnurl_by_post)
        .service(links::list_pay_links)
        .service(links::create_pay_link)
        .service(links::get_public_pay_link)
        .service(links::get_pay_link)
        .service(links::update_pay_link)
        .service(links::delete_pay_link)
        .service(serve::pay_request)
        .service(serve::pay_request_alias)
        .service(serve::pay_callback)
        .service(serve::lightning_address)
        .service(serve::lightning_address_alias)
        .service(withdraw_links::list_withdraw_links)
        .service(withdraw_links::create_withdraw_link)
        .service(withdraw_links::get_withdraw_link)
        .service(withdraw_links::update_withdraw_link)
        .service(withdraw_links::delete_withdraw_link)
        .service(withdraw_serve::withdraw)
        .service(withdraw_serve::open_withdraw_link)
        .service(withdraw_serve::open_unique_withdraw_link)
        .service(nfc::pay_with_nfc)
        .service(cards::list_cards)
        .service(cards::create_card)
        .service(cards::enable_card)
        .service(cards::update_card)
        .service(cards::delete_card)
        .service(cards::renew_card_otp)
        .service(hits::list_hits)
        .service(hits::list_refunds)
        .service(auth::get_card_keys)
        .service(auth::take_card_keys)
        .service(scan::scan_card)
        .service(scan::pay_by_card)
        .service(refunds::refund_link)
        .service(refunds::refund_invoice)
        .service(managed_users::create_user)
        .service(managed_users::list_users)
        .service(managed_users::get_user)
        .service(managed_users::get_user_by_post)
        .service(managed_users::update_user)
        .service(managed_users::delete_user)
        .service(verify::verify_user)
        .service(managed_wallets::create_wallet)
        .service(managed_wallets::list_wallets)
        .service(managed_wallets::list_wallets_of_user)
        .service(managed_wallets::rotate_keys)
        .service(managed_wallets::rotate_all_keys)
        .service(managed_wallets::delete_wallet)
        .service(controls::freeze_wallet)
        .service(controls::thaw_wallet)
        .service(controls::limit_wallet)
        .service(transactions::list_tenant_transactions)
        .service(transactions::list_transactions)
        .service(overview::tenant_overview)
        .service(export::export_tenant)
        .service(transfers::create_transfer)
        .service(holds::place_holds)
        .service(holds::settle_holds)
        .service(holds::list_holds)
        .service(holds::get_hold)
        .service(holds::capture_hold)
        .service(holds::void_hold)
        .service(extensions::update_extension)
        .service(extensions::enable_extension)
        .service(extensions::disable_extension)
        .service(hub_links::own_links)
        .service(hub_links::managed_links)
        .service(hub::hub_info)
        .service(hub::hub_log_in)
        .service(hub::hub_add_invoice)
        .service(hub::hub_pay_invoice)
        .service(hub::hub_balance)
        .service(hub::hub_sent)
        .service(hub::hub_received)
        .service(hub::hub_addresses)
        .service(hub::hub_pending)
        .service(hub::hub_decode)
        .service(hub::hub_route)
        .service(own::get_webhook_secret)
        .service(own::rotate_webhook_secret)
        .service(own::list_own_deliveries)
        .service(own::get_own_delivery)
        .service(own::redeliver_own)
        .service(endpoints::create_webhook)
        .service(endpoints::list_webhooks)
        .service(endpoints::get_webhook)
        .service(endpoints::update_webhook)
        .service(endpoints::delete_webhook)
        .service(endpoints::rotate_endpoint_secret)
        .service(format::get_webhook_format)
        .service(format::choose_webhook_format)
        .service(log::list_deliveries)
        .service(log::test_webhook)
        .service(log::get_delivery)
        .service(log::redeliver)
        .service(log::redeliver_range)
        .service(accounts::list_accounts)
        .service(accounts::create_account)
        .service(accounts::get_account)
        .service(accounts::update_account)
        .service(accounts::delete_account)
        .service(accounts::activate_user)
        .service(user_wallets::list_account_wallets)
        .service(user_wallets::create_account_wallet)
        .service(user_wallets::delete_user_wallet)
        .service(account_wallets::rotate_account_keys)
        .service(balance::update_balance)
        .service(freezes::operator_freeze)
        .service(freezes::operator_thaw)
        .service(audit::audit_ledger)
        .service(node::node_status)
        .service(node::list_pending)
        .service(node::end_by_hand)
        .service(login::log_in)
        .service(login::who_am_i)
        .service(login::log_out)
        .service(password::change_password)
        .service(tokens::create_token)
        .service(tokens::list_tokens)
        .service(tokens::revoke_token)
        .service(signup::sign_up)
        .service(system::health)
        .service(system::readiness)
        .service(system::status)
        .service(system::qr::qr_code_of_query)
        .service(system::qr::qr_code)
        .service(system::openapi_document);
}

/// The OpenAPI document.
pub fn openapi() -> OpenApi {
    let (_, document) = ActixApp::new().into_utoipa_app().configure(routes).split_for_parts();
    lndhub::complete(document::complete(document))
}

/// Every operation: its method and the pattern of its route.
pub fn operations() -> Vec<(&'static str, String)> {
    let mut document = openapi();
    let paths = document.paths.paths.iter_mut();
    paths.flat_map(|(path, item)| document::operations(item).map(move |(method, _)| (method, path.clone()))).collect()
}

/// The OpenAPI document as it is committed and served.
///
/// # Panics
///
/// Never: the document is made of what JSON can say.
pub fn openapi_text() -> String {
    let mut text = openapi().to_pretty_json().expect("the document is made of what JSON can say");
    text.push('\n');
    text
}

/// The first page.
const FRONT: &str = "/";
/// The way to Swagger UI.
const DOCS: &str = "/docs";
/// Swagger UI, and its assets.
const DOCS_ASSET: &str = "/docs/{asset:.*}";

/// What an application is configured with, made once for all workers.
#[derive(Clone)]
pub struct Site {
    document: web::Data<DocumentText>,
    methods: web::Data<Methods>,
}

impl Site {
    /// Prepares the document and the table of methods.
    pub fn new() -> Self {
        let pages = [FRONT, DOCS, DOCS_ASSET].map(|path| ("GET", path.to_owned()));
        Self {
            document: web::Data::new(DocumentText(openapi_text().into())),
            methods: web::Data::new(Methods::of(operations().into_iter().chain(pages))),
        }
    }

    /// Configures an application: the routes, the first page, Swagger UI, and what answers everything else.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        config.app_data(self.document.clone()).app_data(self.methods.clone()).app_data(path_config());
        routes(&mut ServiceConfig::new(config));
        config
            .route(FRONT, web::get().to(front::page))
            .route(DOCS, web::get().to(swagger::front))
            .route(DOCS_ASSET, web::get().to(swagger::asset))
            .default_service(web::route().guard(guard::fn_guard(|_| true)).to(nothing_here));
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// A path whose parameter is not UTF-8 names nothing.
fn path_config() -> web::PathConfig {
    web::PathConfig::default().error_handler(|_, _| ApiError::from(ErrorCode::PathNotFound).into())
}

async fn nothing_here(request: HttpRequest, methods: web::Data<Methods>) -> HttpResponse {
    methods.refuse(request.match_info().as_str())
}
