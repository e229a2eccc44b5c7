//! The OpenAPI document: what the handlers say of themselves, and what all of them share.
//!
//! The errors that an operation can answer follow from what it takes (a key, a body, a
//! path), so they are added here, and no handler can forget one.

use actix_web::web::Bytes;
use utoipa::PartialSchema;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Tag,
};

use crate::api::framework::error::{ErrorBody, ErrorCode, FieldError};
use crate::api::framework::leniency;

/// The document as the server answers it.
#[derive(Clone, Debug)]
pub struct DocumentText(pub Bytes);

/// The refusals that operations share: name, status, what they mean.
const REFUSALS: [(&str, &str, &str); 13] = [
    ("BadRequest", "400", "A parameter is wrong, or the payment is refused; `detail` says what to change"),
    ("Unauthorized", "401", "There is no key, or it is unknown or revoked"),
    ("Forbidden", "403", "The key is valid, but grants less than this needs"),
    ("NotFound", "404", "It does not exist, or is another tenant's"),
    ("NotAllowed", "405", "A parameter of the path is empty, and what is left of the path does not take this method"),
    ("Timeout", "408", "The body did not arrive in time"),
    ("Conflict", "409", "It contradicts what is there"),
    ("TooLarge", "413", "The body is larger than 64 KiB (1024 KiB where it may be an array)"),
    ("UriTooLong", "414", "The path and query are longer than 16 KiB"),
    ("TooMany", "429", "Too many of these; try again after `Retry-After` seconds"),
    ("HeadersTooLarge", "431", "The headers are larger than 32 KiB in all"),
    ("Internal", "500", "A fault of ours"),
    ("Unavailable", "503", "Overloaded, shutting down, or without its database; try again after `Retry-After` seconds"),
];

const TOKEN: &str = "A token that a manager has made for a program, with `POST /api/v1/auth/tokens`. Which scope it \
    takes stands with each operation: `read` (which every token has), `users`, `payments` or `all`; one with `all` \
    does what takes any other. Sent as `Authorization: Bearer`, or, where neither `Origin` nor `Sec-Fetch-Site` comes \
    with it, in the cookie `cookie_access_token`, as the token of a session may be.";

/// Where a password is shown, and no key.
const LOGIN_PATH: &str = "/api/v1/auth";
/// The tag of pay links.
const LNURL: &str = "LNURL";
/// Where a code stands for a card.
const CARD_CODE_PATH: &str = "/boltcards/api/v1/auth";
/// Where a payment is named in the body, or a wallet in the query.
const NAMED_ELSEWHERE: [&str; 4] =
    ["/api/v1/payments/extra", "/api/v1/payments/settle", "/api/v1/payments/cancel", "/usermanager/api/v1/holds"];
/// Where a key may be a part of the path.
const SOCKET_PATH: &str = "/api/v1/ws/{item}";

const DESCRIPTION: &str = "Users, wallets and BOLT11 invoices for services, with an internal double-entry ledger. \
    Requests speak satoshis; `balance`, `amount` and `fee` of answers are millisatoshis (1000 of them are one \
    satoshi). A manager's key creates users; each wallet has an invoice key, which reads and receives, and an admin \
    key, which also spends. Every refusal has the same shape, and a `code` that never changes.";

/// Completes what the handlers gave.
pub fn complete(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("satkeep")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build()))
        .build();
    document.tags = Some(tags());
    let mut components = ComponentsBuilder::from(document.components.take().unwrap_or_default())
        .schema("Error", ErrorBody::schema())
        .schema("FieldError", FieldError::schema())
        .security_scheme("InvoiceKey", key_scheme("The invoice key of a wallet: reads and receives."))
        .security_scheme("AdminKey", key_scheme("The admin key of a wallet: also spends."))
        .security_scheme("Session", token_scheme("The token of a manager or an operator who has logged in."))
        .security_scheme("LndHub", token_scheme("What `/lndhub/ext/auth` answers: base64 of `login:key`."))
        .security_scheme("Token", token_scheme(TOKEN))
        .security_scheme("Operator", token_scheme("The token of an operator who has logged in."));
    for (name, status, meaning) in REFUSALS {
        components = components.response(name, refusal(status, meaning));
    }
    document.components = Some(components.build());
    leniency::widen(&mut document);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let names = refusals_of(method, path, operation);
            for (name, status, _) in REFUSALS {
                if names.contains(&name) {
                    let reference = RefOr::Ref(Ref::from_response_name(name));
                    operation.responses.responses.insert(status.to_owned(), reference);
                }
            }
        }
    }
    document
}

/// The operations of a path, with their methods.
pub fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

fn refusals_of(method: &str, path: &str, operation: &Operation) -> Vec<&'static str> {
    let mut names = vec!["UriTooLong", "TooMany", "HeadersTooLarge", "Internal", "Unavailable"];
    let keys = operation.security.as_deref().unwrap_or_default();
    let has_body = operation.request_body.is_some();
    // A wrong password is like a wrong key.
    if !keys.is_empty() || path == LOGIN_PATH || path == SOCKET_PATH {
        names.push("Unauthorized");
    }
    // A key can be of the wrong kind or frozen, a session not an operator's, a token without the scope.
    if path == SOCKET_PATH || !keys.is_empty() {
        names.push("Forbidden");
    }
    if has_body {
        names.extend(["BadRequest", "Timeout", "TooLarge"]);
    }
    if operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty()) {
        names.push("BadRequest");
    }
    if path.contains('{') {
        names.push("NotAllowed");
    }
    let of_tenants = path.starts_with("/usermanager/") || path.starts_with("/users/");
    // These name links and wallets in their bodies.
    let of_links = operation.tags.iter().flatten().any(|tag| tag == LNURL);
    let in_body = (of_tenants || of_links) && matches!(method, "POST" | "PUT") || NAMED_ELSEWHERE.contains(&path);
    if path.contains('{') || path == CARD_CODE_PATH || in_body {
        names.push("NotFound");
    }
    let takes_key = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => parameter.name == "Idempotency-Key",
        RefOr::Ref(_) => false,
    };
    let deletes = method == "DELETE";
    // A changed card may get another one's unique id.
    let of_cards = path.starts_with("/boltcards/") && method == "PUT";
    let changes = (of_tenants || of_links) && method != "GET" || deletes || of_cards;
    if changes || operation.parameters.iter().flatten().any(takes_key) {
        names.push("Conflict");
    }
    names
}

fn refusal(status: &str, meaning: &str) -> Response {
    let codes: Vec<_> = ErrorCode::ALL
        .iter()
        .filter(|code| code.status().as_str() == status)
        .map(|code| format!("`{}`", code.as_str()))
        .collect();
    let description = if codes.is_empty() { meaning.to_owned() } else { format!("{meaning} ({})", codes.join(", ")) };
    ResponseBuilder::new()
        .description(description)
        .content("application/json", Content::new(Some(Ref::from_schema_name("Error"))))
        .build()
}

fn key_scheme(meaning: &str) -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("X-Api-Key", meaning)))
}

fn token_scheme(meaning: &str) -> SecurityScheme {
    SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(meaning)).build())
}

fn tags() -> Vec<Tag> {
    let tag = |name: &str, description: &str| {
        utoipa::openapi::tag::TagBuilder::new().name(name).description(Some(description)).build()
    };
    vec![
        tag("Wallet", "The wallet of the calling key"),
        tag("Payments", "Invoices and payments of the calling key's wallet"),
        tag("Withdraw Links", "Links by which anybody who has one is paid from a wallet"),
        tag("Bolt Cards", "Cards that pay from a wallet, and what tills and wallets ask when one is shown"),
        tag("Holds", "Money of a tenant's wallets that is promised before it moves"),
        tag("User Manager", "Users and wallets that the calling key's user has created"),
        tag("LNDHub", "What wallet apps such as Zeus and BlueWallet speak, with errors of its own; and links for them"),
        tag(LNURL, "Links and Lightning addresses that anybody may pay, and paying them from inside"),
        tag("Operators", "Managers and their money, for those who run the server"),
        tag("Auth", "Logging in, and opening an account"),
        tag("Events", "Hearing of payments as they happen: live streams, webhooks and the log of what was sent"),
        tag("System", "The server itself"),
    ]
}
