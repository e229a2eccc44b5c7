//! Swagger UI: the document in a browser, with Authorize and Try it out. Its assets are
//! built in.

use std::sync::{Arc, LazyLock};

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::Config;

use super::error::{ApiError, ErrorCode};

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/openapi.json");
    Arc::new(config.try_it_out_enabled(true).persist_authorization(true).validator_url("none"))
});

/// The way to the page. Its links are relative, so it needs a path of its own.
pub(super) async fn front() -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, "/docs/index.html")).finish()
}

/// The page, or one of its assets.
pub(super) async fn asset(path: web::Path<String>) -> Result<HttpResponse, ApiError> {
    match utoipa_swagger_ui::serve(&path, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => Ok(HttpResponse::Ok().content_type(file.content_type).body(file.bytes.into_owned())),
        Ok(None) => Err(ErrorCode::PathNotFound.into()),
        Err(error) => {
            tracing::error!(%error, "an asset of Swagger UI cannot be served");
            Err(ErrorCode::Internal.into())
        }
    }
}
