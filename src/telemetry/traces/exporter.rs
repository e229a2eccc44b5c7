//! The export, by OpenTelemetry's batch processor: a bounded queue and a thread. What could not be
//! exported is told in the log, once a minute, with the number of spans.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter};
use parking_lot::Mutex;

use crate::telemetry::log::LogThrottle;
use crate::telemetry::traces::collector;
use crate::telemetry::traces::collector::Collector;

/// Spans that wait for the thread: one of a request takes about a kilobyte.
const SPANS_MAX: usize = 4096;
/// Spans that are exported at once.
const EXPORT_MAX: usize = 512;
/// How long a span waits for others to be exported with.
const DELAY: Duration = Duration::from_secs(2);

/// Starts the thread that exports to the collector.
pub(super) fn processor(collector: Collector) -> std::io::Result<BatchSpanProcessor> {
    let collector = Arc::new(collector);
    let otlp = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_shared_http_client(Arc::<Collector>::clone(&collector))
        .with_endpoint(collector.url())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(collector::TIME_MAX)
        .build()
        .map_err(std::io::Error::other)?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(SPANS_MAX)
        .with_max_export_batch_size(EXPORT_MAX)
        .with_scheduled_delay(DELAY)
        .build();
    let exporter = Telling { otlp, collector, loss: Mutex::default() };
    Ok(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
}

/// OTLP's exporter, with a word on what was lost.
#[derive(Debug)]
struct Telling {
    otlp: opentelemetry_otlp::SpanExporter,
    collector: Arc<Collector>,
    loss: Mutex<Loss>,
}

#[derive(Debug, Default)]
struct Loss {
    /// Spans that were not exported, for whatever reason, since that was told.
    spans: u64,
    throttle: LogThrottle,
}

impl SpanExporter for Telling {
    /// Never an error: the processor would log each.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        match (self.otlp.export(batch).await, self.collector.take_outcome()) {
            (Ok(()), Ok(0)) => {}
            (Ok(()), Ok(rejected)) => self.miss(rejected, "the collector does not want them"),
            (_, Err(problem)) => self.miss(count, problem),
            (Err(error), Ok(_)) => self.miss(count, error),
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let spans = self.loss.lock().spans;
        if spans > 0 {
            tracing::warn!(spans, "traces were not exported, before the end");
        }
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}

impl Telling {
    fn miss(&self, spans: u64, problem: impl Display) {
        let mut loss = self.loss.lock();
        loss.spans = loss.spans.saturating_add(spans);
        if loss.throttle.is_due() {
            let (spans, place) = (loss.spans, self.collector.place());
            tracing::warn!(spans, "traces could not be exported to {place}: {problem}");
            loss.spans = 0;
        }
    }
}
