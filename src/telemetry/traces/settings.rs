//! Where traces go, configured by our own flag and by OpenTelemetry's standard variables.

use std::path::PathBuf;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_sdk::trace::Sampler;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::net::targets::Target;

/// The path at which collectors accept traces.
const PATH: &str = "/v1/traces";
/// The protocol, by its OpenTelemetry name.
const PROTOCOL: &str = "http/protobuf";

/// Where traces go, and which ones; every value is valid.
#[derive(Clone)]
pub struct Settings {
    pub(super) target: Target,
    /// Headers for every request to the collector; mostly secrets.
    pub(super) headers: HeaderMap,
    pub(super) sampler: Sampler,
    /// The service name, if it is not satkeep.
    pub(super) service: Option<String>,
    /// Certificate authorities trusted for the collector in addition to the usual ones.
    pub ca_file: Option<PathBuf>,
}

impl Settings {
    /// Reads the settings: `endpoint` is the flag's value, and `variable` returns the value of an
    /// environment variable. `None` if nothing is to be exported. Otherwise the error lists
    /// everything that is wrong, without the values, which can be secrets.
    pub fn check(endpoint: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Vec<String>> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let own = |name: &str| {
            let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{name}"), format!("OTEL_EXPORTER_OTLP_{name}")];
            names.into_iter().find_map(|name| variable(&name).map(|value| (name, value)))
        };
        let is_disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if is_disabled || variable("OTEL_TRACES_EXPORTER").is_some_and(|exporter| exporter.trim() == "none") {
            return Ok(None);
        }
        let named =
            if endpoint.is_empty() { own("ENDPOINT") } else { Some(("--otlp-endpoint".into(), endpoint.into())) };
        let Some((name, url)) = named else { return Ok(None) };
        let mut errors = Vec::new();
        // A URL configured for traces only is the whole URL.
        let target = target(&url, name.contains("TRACES"));
        if target.is_none() {
            let problem = "must be an http or https URL without user name, password and query";
            errors.push(format!("{name}: {problem}, as http://127.0.0.1:4318"));
        }
        if let Some((name, _)) = own("PROTOCOL").filter(|(_, protocol)| protocol != PROTOCOL) {
            errors.push(format!("{name}: must be {PROTOCOL}, which is all that satkeep speaks (mostly on port 4318)"));
        }
        let headers = own("HEADERS").map_or_else(
            || Some(HeaderMap::new()),
            |(name, text)| {
                let headers = headers(&text);
                if headers.is_none() {
                    errors.push(format!("{name}: must be name=value, with commas between, values percent-encoded"));
                }
                headers
            },
        );
        let kind = variable("OTEL_TRACES_SAMPLER");
        let sampler = sampler(kind.as_deref(), variable("OTEL_TRACES_SAMPLER_ARG").as_deref());
        let sampler = sampler.map_err(|error| errors.push(error.to_owned())).ok();
        let (service, ca_file) = (variable("OTEL_SERVICE_NAME"), own("CERTIFICATE").map(|(_, path)| path.into()));
        match (target, headers, sampler) {
            (Some(target), Some(headers), Some(sampler)) if errors.is_empty() => {
                Ok(Some(Self { target, headers, sampler, service, ca_file }))
            }
            _ => Err(errors),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("place", &self.target.host_and_port()).finish_non_exhaustive()
    }
}

/// The collector's URL: the whole URL if `is_whole`, otherwise the base that the path is appended
/// to.
fn target(text: &str, is_whole: bool) -> Option<Target> {
    let mut url = Url::parse(text).ok()?;
    if url.query().is_some() || url.fragment().is_some() || url.cannot_be_a_base() {
        return None;
    }
    if !is_whole && !url.path().ends_with(PATH) {
        let path = format!("{}{PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Target::parse(url.as_str()).ok()
}

fn headers(text: &str) -> Option<HeaderMap> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        let value: Vec<u8> = percent_decode_str(value.trim()).collect();
        let mut value = HeaderValue::from_bytes(&value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value))
    };
    pairs.map(pair).collect()
}

/// Which traces are exported. Without a name: the caller's decision if there is one, otherwise all.
fn sampler(name: Option<&str>, argument: Option<&str>) -> Result<Sampler, &'static str> {
    let name = name.unwrap_or("parentbased_always_on").trim();
    let root = name.strip_prefix("parentbased_").unwrap_or(name);
    let sampler = match root {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => {
            let ratio = argument.unwrap_or("1").trim().parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
            Sampler::TraceIdRatioBased(ratio.ok_or("OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1")?)
        }
        _ => return Err("OTEL_TRACES_SAMPLER: must be always_on, always_off or traceidratio, or parentbased_ and one"),
    };
    Ok(if root == name { sampler } else { Sampler::ParentBased(Box::new(sampler)) })
}
