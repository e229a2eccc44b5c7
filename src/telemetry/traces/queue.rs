//! The bounded queue of spans that are over, and the thread that exports them.
//!
//! Whoever ends a span puts it into the queue, or drops it; nothing wakes the thread for one
//! span, it looks every two seconds, and sooner where a whole export has queued up.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as blocking;
use std::thread;
use std::time::Duration;

use hyper::body::Bytes;
use opentelemetry::Context;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use parking_lot::Mutex;
use prost::Message;
use tokio::sync::{Notify, mpsc, watch};

use crate::telemetry::log::LogThrottle;
use crate::telemetry::traces::collector::{self, Collector, PostError};

/// Spans that wait for the thread: one of a request takes about a kilobyte.
const SPANS_MAX: usize = 4096;
/// Spans that are exported at once.
const EXPORT_MAX: usize = 512;
/// How long a span waits for others to be exported with.
const DELAY: Duration = Duration::from_secs(2);
/// Pauses before an export is tried again that a collector could not take at the moment.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Queue {
    spans: mpsc::Sender<SpanData>,
    is_due: Arc<Notify>,
    dropped: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    /// Ends with the thread.
    ended: Mutex<blocking::Receiver<()>>,
}

impl Queue {
    /// Starts the thread.
    pub(super) fn start(collector: Collector, resource: &Resource) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (spans, ended_spans) = mpsc::channel(SPANS_MAX);
        let (stop, stopping) = watch::channel(false);
        let (ending, ended) = blocking::channel();
        let (is_due, dropped) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
        let exporter = Exporter {
            collector,
            resource: resource.into(),
            stopping,
            dropped: Arc::clone(&dropped),
            missed: 0,
            complaint: LogThrottle::default(),
        };
        let due = Arc::clone(&is_due);
        thread::Builder::new().name("traces".to_owned()).spawn(move || {
            // Dropped at the end of the thread, by a panic too: that is the signal.
            let _ending: blocking::Sender<()> = ending;
            runtime.block_on(exporter.run(ended_spans, &due));
        })?;
        Ok(Self { spans, is_due, dropped, stop, ended: Mutex::new(ended) })
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        if SPANS_MAX.saturating_sub(self.spans.capacity()) >= EXPORT_MAX {
            self.is_due.notify_one();
        }
    }

    /// Has the thread look at once; what it finds is exported when it is.
    fn force_flush(&self) -> OTelSdkResult {
        self.is_due.notify_one();
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.stop.send_replace(true);
        match self.ended.lock().recv_timeout(timeout) {
            Err(blocking::RecvTimeoutError::Timeout) => Err(OTelSdkError::Timeout(timeout)),
            Ok(()) | Err(blocking::RecvTimeoutError::Disconnected) => Ok(()),
        }
    }
}

/// The state of the thread.
struct Exporter {
    collector: Collector,
    resource: ResourceAttributesWithSchema,
    stopping: watch::Receiver<bool>,
    /// Spans for which there was no room, since the last look.
    dropped: Arc<AtomicU64>,
    /// Spans that were not exported, for whatever reason, since the last complaint.
    missed: u64,
    complaint: LogThrottle,
}

impl Exporter {
    async fn run(mut self, mut spans: mpsc::Receiver<SpanData>, is_due: &Notify) {
        let mut is_last = false;
        while !is_last {
            tokio::select! {
                () = tokio::time::sleep(DELAY) => {}
                () = is_due.notified() => {}
                _ = self.stopping.wait_for(|stops| *stops) => {}
            }
            // Where nobody is left who could say it, this is the end as well.
            is_last = *self.stopping.borrow() || self.stopping.has_changed().is_err();
            if is_last {
                spans.close();
            }
            while is_last || !spans.is_empty() {
                let mut batch = Vec::with_capacity(EXPORT_MAX);
                if spans.recv_many(&mut batch, EXPORT_MAX).await == 0 {
                    break;
                }
                self.export(batch).await;
            }
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                self.miss(dropped, "they come faster than the collector takes them");
            }
        }
        if self.missed > 0 {
            tracing::warn!(spans = self.missed, "traces were not exported, before the end");
        }
    }

    async fn export(&mut self, batch: Vec<SpanData>) {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let request =
            ExportTraceServiceRequest { resource_spans: group_spans_by_resource_and_scope(batch, &self.resource) };
        let body = Bytes::from(request.encode_to_vec());
        match tokio::time::timeout(collector::TIME_MAX, self.post_patiently(&body)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(rejected)) => self.miss(rejected, "the collector does not want them"),
            Ok(Err(error)) => self.miss(count, error),
            Err(_) => self.miss(count, format!("no answer within {} seconds", collector::TIME_MAX.as_secs())),
        }
    }

    /// Tries again what may go better in a moment, but not on the way down.
    async fn post_patiently(&mut self, body: &Bytes) -> Result<u64, PostError> {
        for pause in RETRY_PAUSES {
            match self.collector.post(body).await {
                Err(error) if error.may_pass() => {
                    let stops = tokio::time::timeout(pause, self.stopping.wait_for(|stops| *stops)).await;
                    if stops.is_ok() {
                        return Err(error);
                    }
                }
                done => return done,
            }
        }
        self.collector.post(body).await
    }

    fn miss(&mut self, spans: u64, problem: impl Display) {
        self.missed = self.missed.saturating_add(spans);
        if self.complaint.is_due() {
            let (spans, place) = (self.missed, self.collector.place());
            tracing::warn!(spans, "traces could not be exported to {place}: {problem}");
            self.missed = 0;
        }
    }
}
