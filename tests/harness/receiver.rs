//! A receiver of webhooks.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A webhook that has come.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) path: String,
    /// By lower-case names.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Hook {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The event's id.
    pub(crate) fn event(&self) -> &str {
        &self.headers["x-satkeep-event"]
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: &'static str,
    pub(crate) body: String,
    pub(crate) after: Duration,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: "", body: String::new(), after: Duration::ZERO }
    }
}

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    hooks: Arc<Mutex<Vec<Hook>>>,
}

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(90);

impl Receiver {
    /// One that takes everything.
    pub(crate) fn start() -> Self {
        Self::answering(|_| Reply::status(200))
    }

    /// One that answers each webhook in its own way. What has come is told before it is
    /// answered.
    pub(crate) fn answering(answer: impl Fn(&Hook) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hooks = Arc::new(Mutex::new(Vec::new()));
        let receiver = Self { url, hooks: Arc::clone(&hooks) };
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), hooks, answer) = (stream, Arc::clone(&hooks), Arc::clone(&answer)) else { break };
                thread::spawn(move || serve(stream, &hooks, &*answer));
            }
        });
        receiver
    }

    /// What has come so far.
    pub(crate) fn hooks(&self) -> Vec<Hook> {
        self.hooks.lock().unwrap().clone()
    }

    /// Waits until what has come is as it must be.
    #[track_caller]
    pub(crate) fn wait_until(&self, is_done: impl Fn(&[Hook]) -> bool) -> Vec<Hook> {
        let started = Instant::now();
        loop {
            let hooks = self.hooks();
            if is_done(&hooks) {
                return hooks;
            }
            assert!(started.elapsed() < PATIENCE, "{} webhooks have come: {hooks:#?}", hooks.len());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for this many webhooks.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Hook> {
        self.wait_until(|hooks| hooks.len() >= count)
    }
}

/// Targets that take connections, and never answer.
pub(crate) struct Silent(Vec<TcpListener>);

impl Silent {
    pub(crate) fn start(count: usize) -> Self {
        Self((0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect())
    }

    /// Where they are.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.0.iter().map(|target| format!("http://{}/", target.local_addr().unwrap())).collect()
    }

    /// How many connections have come that were not counted before.
    pub(crate) fn connections(&self) -> usize {
        let of_one = |target: &TcpListener| {
            target.set_nonblocking(true).unwrap();
            std::iter::from_fn(|| target.accept().ok()).count()
        };
        self.0.iter().map(of_one).sum()
    }
}

fn serve(stream: TcpStream, hooks: &Mutex<Vec<Hook>>, answer: &dyn Fn(&Hook) -> Reply) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    // A sender that dies in the middle is part of some tests.
    while let Some(hook) = read(&mut reader) {
        hooks.lock().unwrap().push(hook.clone());
        let reply = answer(&hook);
        thread::sleep(reply.after);
        let length = reply.body.len();
        let head = format!("HTTP/1.1 {} Status\r\n{}Content-Length: {length}\r\n\r\n", reply.status, reply.headers);
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(reply.body.as_bytes())).is_err() {
            break;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Hook> {
    let (path, headers, body) = read_request(reader)?;
    Some(Hook { path, headers, body: String::from_utf8(body).ok()? })
}

/// A request: what it asks for, its headers by lower-case names, and its body.
pub(super) fn read_request(reader: &mut impl BufRead) -> Option<(String, HashMap<String, String>, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, headers, body))
}
