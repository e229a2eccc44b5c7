//! HTTP for the fakes: one thread a connection, answers as a whole or line by line.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

use serde_json::Value;
use url::Url;

use super::book::{Fault, Op, Shared};

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn path(&self) -> &str {
        self.url.path()
    }

    /// A parameter of the query.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// A number in the query.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.query(name).map(|value| value.parse().unwrap())
    }

    /// A place or a number of entries in the query.
    pub(super) fn count(&self, name: &str) -> Option<usize> {
        self.query(name).map(|value| value.parse().unwrap())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A field of a form.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(&self.body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }
}

/// An answer.
pub(super) enum Reply {
    Whole(u16, String),
    /// The head comes with the first line, as LND's does.
    Lines(Receiver<String>),
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::Whole(status, body.to_string())
    }
}

/// A node.
pub(super) trait Fake: Send + Sync + 'static {
    /// What a request is for.
    fn op(&self, request: &Request) -> Op;
    /// What is answered.
    fn answer(&self, request: &Request) -> Reply;
}

pub(super) fn serve(fake: impl Fake, book: &Shared) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let fake = Arc::new(fake);
    let book = book.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (fake, book) = (Arc::clone(&fake), book.clone());
            thread::spawn(move || converse(&stream.unwrap(), &*fake, &book));
        }
    });
    address
}

fn converse(stream: &TcpStream, fake: &impl Fake, book: &Shared) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader) {
        let fault = book.take_fault(fake.op(&request));
        let reply = match fault {
            Some(Fault::Status(status, body)) => Reply::Whole(status, body.to_owned()),
            _ => fake.answer(&request),
        };
        let is_open = match (fault, reply) {
            // It was done, but nobody learns of it.
            (Some(Fault::Silent), _) => false,
            (Some(Fault::Half), reply) => write_half(stream, reply),
            (_, Reply::Whole(status, body)) => write(stream, status, &body, body.len()),
            (_, Reply::Lines(lines)) => write_lines(stream, &lines),
        };
        if !is_open {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let url = Url::parse("http://node.example").unwrap().join(&path).unwrap();
    Some(Request { method, url, headers, body })
}

fn write(mut stream: &TcpStream, status: u16, body: &str, length: usize) -> bool {
    let head = format!("HTTP/1.1 {status} Status\r\nDate: {}\r\nContent-Length: {length}\r\n\r\n", super::book::date());
    stream.write_all(format!("{head}{body}").as_bytes()).is_ok()
}

/// An answer that is cut off in the middle.
fn write_half(stream: &TcpStream, reply: Reply) -> bool {
    let (status, body) = match reply {
        Reply::Whole(status, body) => (status, body),
        Reply::Lines(lines) => (200, lines.recv().unwrap_or_default()),
    };
    write(stream, status, &body[..body.len() / 2], body.len());
    false
}

fn write_lines(mut stream: &TcpStream, lines: &Receiver<String>) -> bool {
    let mut head = Some("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while let Ok(line) = lines.recv() {
        let chunk = format!("{}{:x}\r\n{line}\n\r\n", head.take().unwrap_or_default(), line.len() + 1);
        if stream.write_all(chunk.as_bytes()).is_err() {
            return false;
        }
    }
    let end = format!("{}0\r\n\r\n", head.take().unwrap_or_default());
    stream.write_all(end.as_bytes()).is_ok()
}
