//! Traces for an OTLP collector: who asked for what, and how long each part took.
//!
//! | span | covers | belongs to |
//! |---|---|---|
//! | `POST /api/v1/payments` | a request, from its head to the head of its response | the caller's trace (`traceparent`), or one of its own |
//! | `settle` | a ledger batch | the first of its requests; links to the others |
//! | `webhook` | a delivery attempt | a trace of its own |
//!
//! A span reveals no more than the log and the metrics: route patterns, never paths or queries, so
//! no key, no hash and no amount; for a webhook, the host and port of the target.
//!
//! Without a configured collector there is no [`Traces`] at all: a request costs one branch, and a
//! command to the ledger costs reading a thread-local variable. Otherwise a finished span goes into
//! the bounded queue of OpenTelemetry's batch processor, or is dropped if the queue is full. A slow
//! or dead collector costs memory up to that bound, but never time.

mod collector;
mod exporter;
mod settings;

use std::future::Future;
use std::time::{Duration, SystemTime};

use opentelemetry::context::{FutureExt, WithContext};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{
    Link, Span, SpanContext, SpanKind, Status, TraceContextExt, TraceId, Tracer, TracerProvider,
};
use opentelemetry::{Context, ContextGuard, InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio_rustls::TlsConnector;

use crate::telemetry::Ended;
use collector::Collector;
pub use settings::Settings;

/// How long shutdown waits for the collector.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(5);
/// The most requests that a batch's span links to.
const LINKS_MAX: usize = 128;
/// The longest `tracestate` that is passed on, in bytes: the length that everybody must support.
const TRACESTATE_BYTES_MAX: usize = 512;
/// The methods that are reported. Any other method could be arbitrary text.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
/// The name of anything that is not an operation, as in the metrics.
const OTHER: &str = "other";

/// Creates spans. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Traces {
    tracer: SdkTracer,
}

/// The export, for whoever has to stop it.
#[derive(Debug)]
pub struct Exporting(SdkTracerProvider);

impl Traces {
    /// Starts the export thread.
    pub fn start(settings: Settings, tls: TlsConnector) -> std::io::Result<(Self, Exporting)> {
        let mut resource = Resource::builder_empty()
            .with_service_name("satkeep")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
        if let Some(name) = settings.service {
            resource = resource.with_service_name(name);
        }
        let resource = resource.build();
        let place = settings.target.host_and_port();
        let collector = Collector::new(settings.target, settings.headers, tls)?;
        let processor = exporter::processor(collector)?;
        tracing::info!("traces go to {place}");
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(settings.sampler)
            .with_max_links_per_span(u32::try_from(LINKS_MAX).unwrap_or(u32::MAX))
            .with_span_processor(processor)
            .build();
        let scope = InstrumentationScope::builder("satkeep").with_version(env!("CARGO_PKG_VERSION")).build();
        Ok((Self { tracer: provider.tracer_with_scope(scope) }, Exporting(provider)))
    }

    /// Starts a request's span, in the caller's trace if there is one.
    pub fn request(&self, traceparent: Option<&str>, tracestate: Option<&str>) -> RequestSpan {
        let parent = Parent { traceparent, tracestate: tracestate.filter(|text| text.len() <= TRACESTATE_BYTES_MAX) };
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &parent);
        let builder = self.tracer.span_builder(OTHER).with_kind(SpanKind::Server);
        RequestSpan(Context::new().with_span(self.tracer.build_with_context(builder, &parent)))
    }

    /// Records a batch that has ended, on the thread that [`on_behalf_of`] has told its requests.
    /// If none of its requests is sampled, the batch is not either.
    pub fn batch(&self, ended: Ended, size: usize, took: Duration) {
        let requests = Context::current();
        if !requests.span().span_context().is_sampled() {
            return;
        }
        let (ended_as, status) = match ended {
            Ended::Committed => ("committed", Status::Unset),
            Ended::GivenUp => ("given_up", Status::Unset),
            Ended::Unknown => ("unknown", Status::error("")),
        };
        let now = SystemTime::now();
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        let attributes = [KeyValue::new("satkeep.batch.size", size), KeyValue::new("satkeep.batch.ended", ended_as)];
        let mut builder = self.tracer.span_builder("settle").with_kind(SpanKind::Internal).with_attributes(attributes);
        builder.start_time = now.checked_sub(took);
        builder.links = requests.get::<Others>().map(|others| others.0.clone());
        let mut span = self.tracer.build_with_context(builder, &requests);
        span.set_status(status);
        span.end_with_timestamp(now);
    }

    /// Records a delivery attempt.
    pub fn attempt(&self, attempt: &Attempt<'_>) {
        let (host, port) = attempt.place.rsplit_once(':').unwrap_or((attempt.place, ""));
        let mut attributes = vec![
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("server.address", host.to_owned()),
            KeyValue::new("http.request.resend_count", attempt.number.saturating_sub(1)),
        ];
        attributes.extend(port.parse::<i64>().ok().map(|port| KeyValue::new("server.port", port)));
        let status = attempt.status.map(i64::from);
        attributes.extend(status.map(|status| KeyValue::new("http.response.status_code", status)));
        if !attempt.has_arrived {
            let kind = status.map_or_else(|| "no_answer".to_owned(), |status| status.to_string());
            attributes.push(KeyValue::new("error.type", kind));
        }
        let now = SystemTime::now();
        let mut builder = self.tracer.span_builder("webhook").with_kind(SpanKind::Client).with_attributes(attributes);
        builder.start_time = now.checked_sub(attempt.took);
        let mut span = self.tracer.build_with_context(builder, &Context::new());
        if !attempt.has_arrived {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(now);
    }
}

impl Exporting {
    /// Exports what is left, as far as the collector accepts it in time, and ends the thread.
    pub fn stop(self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH_TIME_MAX) {
            tracing::warn!(%error, "the last traces could not be exported");
        }
    }
}

/// The result of a delivery attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Host and port of the target.
    pub place: &'a str,
    /// The number of the attempt, from 1.
    pub number: i64,
    /// How long it took, until now.
    pub took: Duration,
    /// The response status, if there was a response.
    pub status: Option<u16>,
    /// Whether the target accepted it.
    pub has_arrived: bool,
}

/// A request in progress.
#[derive(Debug)]
pub struct RequestSpan(Context);

impl RequestSpan {
    /// Runs `work` within this request's span: its commands to the ledger belong to this request.
    pub fn around<F: Future>(&self, work: F) -> WithContext<F> {
        work.with_context(self.0.clone())
    }

    /// The request's trace id, sampled or not.
    pub fn trace_id(&self) -> TraceId {
        self.0.span().span_context().trace_id()
    }

    /// Ends the span. `route` is the pattern.
    pub fn end(self, method: &str, route: Option<&str>, status: u16, request_id: &str) {
        let span = self.0.span();
        if !span.is_recording() {
            return;
        }
        let method = METHODS.into_iter().find(|known| *known == method);
        if let (Some(method), Some(route)) = (method, route) {
            span.update_name(format!("{method} {route}"));
        }
        span.set_attribute(KeyValue::new("http.request.method", method.unwrap_or("_OTHER")));
        if let Some(route) = route {
            span.set_attribute(KeyValue::new("http.route", route.to_owned()));
        }
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        span.set_attribute(KeyValue::new("satkeep.request_id", request_id.to_owned()));
        if status >= 500 {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

/// A sampled request that has sent a command to the ledger.
#[derive(Clone, Debug)]
pub struct Origin(SpanContext);

/// The request that the calling task works for, if it is sampled.
pub fn origin() -> Option<Origin> {
    Context::map_current(|context| {
        if !context.has_active_span() {
            return None;
        }
        let span = context.span();
        let request = span.span_context();
        request.is_sampled().then(|| Origin(request.clone()))
    })
}

/// All requests of a batch but the first.
struct Others(Vec<Link>);

/// While the returned guard is held, the calling thread settles for these requests.
pub fn on_behalf_of<'a>(mut origins: impl Iterator<Item = &'a Origin>) -> Option<ContextGuard> {
    let first = origins.next()?.0.clone();
    let others = origins.take(LINKS_MAX).map(|origin| Link::with_context(origin.0.clone())).collect();
    Some(Context::new().with_remote_span_context(first).with_value(Others(others)).attach())
}

/// The caller's trace headers.
struct Parent<'a> {
    traceparent: Option<&'a str>,
    tracestate: Option<&'a str>,
}

impl Extractor for Parent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.traceparent,
            "tracestate" => self.tracestate,
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}
