//! Swagger UI: the document in a browser, with Authorize and Try it out. Its assets are
//! built in, and the page takes none from anywhere else. A key that is given to it is
//! forgotten when the page is left.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::Config;

use crate::api::framework::error::{ApiError, ErrorCode};

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/openapi.json");
    Arc::new(config.try_it_out_enabled(true).persist_authorization(false).validator_url("none"))
});

/// What the page may load and do: what is built in, and asking this server. Swagger UI sets
/// styles by itself. No other page may put it into a frame, to have a click on it mean
/// something else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// For how long a browser may keep an asset.
const CACHING: &str = "public, max-age=3600";

/// The way to the page. Its links are relative, so it needs a path of its own.
pub(crate) async fn front() -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, "/docs/index.html")).finish()
}

/// The page, or one of its assets.
pub(crate) async fn asset(path: web::Path<String>) -> Result<HttpResponse, ApiError> {
    match utoipa_swagger_ui::serve(&path, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => {
            let bytes = match file.bytes {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => Bytes::from(bytes),
            };
            Ok(HttpResponse::Ok()
                .content_type(file.content_type)
                .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
                .insert_header((header::X_FRAME_OPTIONS, "DENY"))
                .insert_header((header::CACHE_CONTROL, CACHING))
                .body(bytes))
        }
        Ok(None) => Err(ErrorCode::PathNotFound.into()),
        Err(error) => {
            tracing::error!(%error, "an asset of Swagger UI cannot be served");
            Err(ErrorCode::Internal.into())
        }
    }
}
