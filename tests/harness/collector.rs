//! A collector of traces.

use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
pub(crate) use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::receiver::read_request;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(90);

/// A request with spans.
#[derive(Clone, Debug)]
pub(crate) struct Export {
    pub(crate) path: String,
    /// By lower-case names.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) message: ExportTraceServiceRequest,
    /// Which connection it came by.
    pub(crate) connection: usize,
}

#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    exports: Arc<Mutex<Vec<Export>>>,
}

impl Collector {
    /// One that takes everything.
    pub(crate) fn start() -> Self {
        Self::answering(|_| (200, 0))
    }

    /// One that answers the exports, by their number, with a status and with how many spans it
    /// rejects. What has come is told before it is answered.
    pub(crate) fn answering(answer: impl Fn(usize) -> (u16, i64) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let collector = Self { address: listener.local_addr().unwrap(), exports: Arc::default() };
        let (exports, answer) = (Arc::clone(&collector.exports), Arc::new(answer));
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (Ok(stream), exports, answer) = (stream, Arc::clone(&exports), Arc::clone(&answer)) else { break };
                thread::spawn(move || serve(stream, connection, &exports, &*answer));
            }
        });
        collector
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What has come so far.
    pub(crate) fn exports(&self) -> Vec<Export> {
        self.exports.lock().unwrap().clone()
    }

    /// All spans of it.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let resources = self.exports().into_iter().flat_map(|export| export.message.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// Waits until the spans are as they must be.
    #[track_caller]
    pub(crate) fn wait_until(&self, is_done: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        let started = Instant::now();
        loop {
            let spans = self.spans();
            if is_done(&spans) {
                return spans;
            }
            assert!(started.elapsed() < PATIENCE, "{} spans have come: {spans:#?}", spans.len());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn serve(mut stream: TcpStream, connection: usize, exports: &Mutex<Vec<Export>>, answer: &dyn Fn(usize) -> (u16, i64)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some((path, headers, body)) = read_request(&mut reader) {
        let message = ExportTraceServiceRequest::decode(body.as_slice()).expect("the body is OTLP's");
        let number = {
            let mut exports = exports.lock().unwrap();
            exports.push(Export { path, headers, message, connection });
            exports.len() - 1
        };
        let (status, rejected_spans) = answer(number);
        let partial = (rejected_spans > 0)
            .then(|| ExportTracePartialSuccess { rejected_spans, error_message: "no room".to_owned() });
        let body = ExportTraceServiceResponse { partial_success: partial }.encode_to_vec();
        let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            break;
        }
    }
}

/// An attribute as text; `None` where there is none.
pub(crate) fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == name)?.value.clone()?.value?;
    Some(match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => panic!("{name}: {other:?}"),
    })
}
