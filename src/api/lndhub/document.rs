//! What the document says of LNDHub, whose refusals are not those of everything else.

use utoipa::PartialSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::OneOfBuilder;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use super::error::HubErrorBody;
use crate::api::framework::document::operations;

/// Below this path LNDHub is spoken.
const PREFIX: &str = "/lndhub/ext/";
/// Where what proves the caller is in the body.
const AUTH_PATH: &str = "/lndhub/ext/auth";
/// The name of a refusal's schema.
const ERROR: &str = "LndHubError";
/// What is refused before LNDHub is asked, in the shape that all refusals have.
const BEFORE: [&str; 5] = ["414", "429", "431", "500", "503"];

/// Completes a document that is complete but for this.
pub fn complete(mut document: OpenApi) -> OpenApi {
    if let Some(components) = &mut document.components {
        components.schemas.insert(ERROR.to_owned(), HubErrorBody::schema());
    }
    for (path, item) in &mut document.paths.paths {
        if path.starts_with(PREFIX) {
            operations(item).for_each(|(_, operation)| complete_operation(path, operation));
        }
    }
    document
}

fn complete_operation(path: &str, operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    responses.retain(|status, _| status == "200" || BEFORE.contains(&status.as_str()));
    let takes_parameters = operation.request_body.is_some() || operation.parameters.is_some();
    let proves = operation.security.as_ref().is_some_and(|keys| !keys.is_empty());
    if let Some(RefOr::T(success)) = responses.get_mut("200")
        && (proves || takes_parameters)
    {
        may_be_refusal(success);
    }
    if proves || path == AUTH_PATH {
        responses.insert("401".to_owned(), RefOr::T(unauthorized()));
    }
}

/// Says that a success may be a refusal: its status is the same.
fn may_be_refusal(success: &mut Response) {
    for content in success.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(schema) = content.schema.take()
        {
            let either = OneOfBuilder::new().item(schema).item(Ref::from_schema_name(ERROR));
            content.schema = Some(RefOr::T(either.build().into()));
        }
    }
}

fn unauthorized() -> Response {
    ResponseBuilder::new()
        .description("The token is missing or no good, or its key may not do this")
        .content("application/json", Content::new(Some(Ref::from_schema_name(ERROR))))
        .build()
}
