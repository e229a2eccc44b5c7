//! Paths: the one form of each, and the methods that it takes.

use std::borrow::Cow;
use std::collections::HashMap;

use actix_web::dev::{ResourceDef, ServiceRequest};
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, Uri, header};
use actix_web::{HttpResponse, ResponseError};

use crate::api::framework::error::{ApiError, ErrorCode};

/// The order in which methods are named.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The one form of a path: any number of slashes in front is one, and none is at the end. A
/// path with nothing between two slashes is nobody's: it comes of a variable that was left
/// empty, and must not name what it would name without that segment. Nor is one with U+0000,
/// which no id and no name has, and which databases take for the end of a text, or refuse.
pub fn normal_form(path: &str) -> Option<Cow<'_, str>> {
    let core = path.trim_matches('/');
    if !path.starts_with('/') || core.contains("//") || core.contains("%00") {
        None
    } else if core.len() + 1 == path.len() {
        Some(Cow::Borrowed(path))
    } else {
        Some(Cow::Owned(format!("/{core}")))
    }
}

/// Gives a request the one form of its path.
pub(crate) fn normalize(request: &mut ServiceRequest) -> Result<(), ErrorCode> {
    let uri = request.uri();
    let path = match normal_form(uri.path()).ok_or(ErrorCode::PathNotFound)? {
        Cow::Borrowed(_) => return Ok(()),
        Cow::Owned(path) => path,
    };
    let target = uri.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).or(Err(ErrorCode::PathNotFound))?);
    let uri = Uri::from_parts(parts).or(Err(ErrorCode::PathNotFound))?;
    request.match_info_mut().get_mut().update(&uri);
    request.head_mut().uri = uri;
    Ok(())
}

/// Which methods each path takes.
#[derive(Debug)]
pub struct Methods {
    /// Of paths without parameters. What is one of these matches no pattern as well.
    literal: HashMap<String, Vec<&'static str>>,
    patterns: Vec<(ResourceDef, &'static str)>,
}

impl Methods {
    /// Of operations: the method and the pattern of each.
    pub fn of(operations: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let (mut literal, mut patterns) = (HashMap::<_, Vec<_>>::new(), Vec::new());
        for (method, path) in operations {
            if path.contains('{') {
                patterns.push((ResourceDef::new(path), method));
            } else {
                literal.entry(path).or_default().push(method);
            }
        }
        Self { literal, patterns }
    }

    /// The methods of a path, in the order in which they are named; `None` where there is
    /// nothing.
    pub fn at(&self, path: &str) -> Option<Vec<&'static str>> {
        let matching = || self.patterns.iter().filter(|(pattern, _)| pattern.is_match(path)).map(|(_, method)| *method);
        let methods = self.literal.get(path).cloned().unwrap_or_else(|| matching().collect());
        if methods.is_empty() {
            return None;
        }
        let is_taken = |method: &&str| match *method {
            "HEAD" => methods.contains(&"GET"),
            "OPTIONS" => true,
            method => methods.contains(&method),
        };
        Some(METHODS.into_iter().filter(is_taken).collect())
    }

    /// The answer to a request that no operation answers, where that is known before the
    /// router looks: it asks for the methods, or it has a path without parameters and not one
    /// of its methods. The router would look for a pattern that the path matches as well.
    pub(crate) fn answer(&self, method: &Method, path: &str) -> Option<HttpResponse> {
        if method == Method::OPTIONS {
            return Some(self.options(path));
        }
        let methods = self.literal.get(path)?;
        (!methods.contains(&method.as_str())).then(|| self.refuse(path))
    }

    /// The answer to a request that the router has found nothing for.
    pub(crate) fn refuse(&self, path: &str) -> HttpResponse {
        let Some(methods) = self.at(path) else { return ApiError::from(ErrorCode::PathNotFound).error_response() };
        allowing(ApiError::from(ErrorCode::MethodNotAllowed).error_response(), &methods)
    }

    fn options(&self, path: &str) -> HttpResponse {
        let Some(methods) = self.at(path) else { return ApiError::from(ErrorCode::PathNotFound).error_response() };
        allowing(HttpResponse::NoContent().finish(), &methods)
    }
}

fn allowing(mut response: HttpResponse, methods: &[&str]) -> HttpResponse {
    if let Ok(allow) = header::HeaderValue::from_str(&methods.join(", ")) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}
