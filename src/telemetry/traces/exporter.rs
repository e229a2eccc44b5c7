//! The export, through OpenTelemetry's batch processor: a bounded queue and a thread. Lost spans
//! are logged, once a minute, with their number.

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

/// The most spans that wait for the thread. A request's span takes about a kilobyte.
const SPANS_MAX: usize = 4096;
/// The most spans exported at once.
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
    let exporter = LoggingExporter { otlp, collector, loss: Mutex::default() };
    Ok(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
}

/// The OTLP exporter, which also logs what was lost.
#[derive(Debug)]
struct LoggingExporter {
    otlp: opentelemetry_otlp::SpanExporter,
    collector: Arc<Collector>,
    loss: Mutex<Loss>,
}

#[derive(Debug, Default)]
struct Loss {
    /// Spans lost for any reason since the last log entry.
    spans: u64,
    throttle: LogThrottle,
}

impl SpanExporter for LoggingExporter {
    /// Never returns an error: the processor would log every one.
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
            tracing::warn!(spans, "some traces were not exported before shutdown");
        }
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}

impl LoggingExporter {
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
