//! Listening to a server: server-sent events and WebSockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use super::server::Server;

/// How long a listener waits for what must come: generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server-sent event with data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// A body that comes in chunks.
struct Chunks {
    connection: BufReader<TcpStream>,
    /// What is left of the chunk that is being read; `None` after the last one.
    left: Option<usize>,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Some(mut left) = self.left else { return Ok(0) };
        if left == 0 {
            let mut size = String::new();
            self.connection.read_line(&mut size)?;
            left = usize::from_str_radix(size.trim(), 16).or(Err(std::io::ErrorKind::UnexpectedEof))?;
            if left == 0 {
                self.left = None;
                return Ok(0);
            }
        }
        let most = left.min(buffer.len());
        let read = self.connection.read(&mut buffer[..most])?;
        if read == left {
            self.connection.read_exact(&mut [0; 2])?;
        }
        self.left = Some(left - read);
        Ok(read)
    }
}

/// A stream of server-sent events.
pub(crate) struct Events {
    lines: BufReader<Box<dyn Read>>,
    /// The status, and for a refusal its body.
    pub(crate) status: u16,
    /// The id that the stream has come to.
    pub(crate) id: i64,
}

impl Events {
    /// Opens a stream over a connection.
    pub(crate) fn open(mut connection: TcpStream, path: &str, key: &str, last_event_id: Option<&str>) -> Self {
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let id = last_event_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let key = if key.is_empty() { String::new() } else { format!("X-Api-Key: {key}\r\n") };
        write!(connection, "GET {path} HTTP/1.1\r\nHost: satkeep\r\nConnection: close\r\n{key}{id}\r\n").unwrap();
        let mut connection = BufReader::new(connection);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            assert!(connection.read_line(&mut line).unwrap() > 0, "no answer: {head:?}");
            if line == "\r\n" {
                break;
            }
            head.push(line.trim_end().to_lowercase());
        }
        let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
        let body: Box<dyn Read> = if head.contains(&"transfer-encoding: chunked".to_owned()) {
            Box::new(Chunks { connection, left: Some(0) })
        } else {
            Box::new(connection)
        };
        let mut events = Self { lines: BufReader::new(body), status, id: -1 };
        if status == 200 {
            assert!(head.contains(&"content-type: text/event-stream".to_owned()), "{head:?}");
            // The stream says first from where it goes on.
            for _ in 0..3 {
                let mut line = String::new();
                events.lines.read_line(&mut line).unwrap();
                if let Some(id) = line.strip_prefix("id: ") {
                    events.id = id.trim().parse().unwrap();
                }
            }
            assert!(events.id >= 0);
        }
        events
    }

    /// The next event that has data; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let (mut name, mut data) = (String::new(), None);
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).expect("a line of the stream") == 0 {
                return None;
            }
            match line.trim_end_matches('\n').split_once(':') {
                Some(("id", id)) => self.id = id.trim().parse().unwrap(),
                Some(("event", text)) => text.trim().clone_into(&mut name),
                Some(("data", text)) => data = Some(serde_json::from_str(text).unwrap()),
                // A comment.
                Some(("", _)) => {}
                None if line == "\n" => match data.take() {
                    Some(data) => return Some(Event { id: self.id, name, data }),
                    None => name.clear(),
                },
                _ => panic!("a line that does not belong here: {line:?}"),
            }
        }
    }

    /// So many events.
    #[track_caller]
    pub(crate) fn take(&mut self, count: usize) -> Vec<Event> {
        (0..count).map(|index| self.next().unwrap_or_else(|| panic!("the stream ended at event {index}"))).collect()
    }

    /// What is left of the body.
    pub(crate) fn rest(mut self) -> String {
        let mut text = String::new();
        self.lines.read_to_string(&mut text).unwrap();
        text
    }
}

impl Server {
    /// Opens a stream.
    pub(crate) fn events(&self, key: &str, last_event_id: Option<&str>) -> Events {
        self.events_at("/api/v1/payments/sse", key, last_event_id)
    }

    /// Opens a stream at a path with a query.
    pub(crate) fn events_at(&self, path: &str, key: &str, last_event_id: Option<&str>) -> Events {
        Events::open(self.connect(), path, key, last_event_id)
    }

    /// Opens a WebSocket; the status of the refusal where it is one.
    pub(crate) fn socket(&self, item: &str) -> Result<Socket, u16> {
        let connection = self.connect();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let url = format!("{}/api/v1/ws/{item}", self.url.replacen("http", "ws", 1));
        match tungstenite::client(url, connection) {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// A WebSocket.
pub(crate) struct Socket(pub(crate) WebSocket<TcpStream>);

impl Socket {
    /// The next message; at the end the code and the words with which the server closes.
    pub(crate) fn next(&mut self) -> Result<Value, (CloseCode, String)> {
        loop {
            match self.0.read().expect("a message") {
                Message::Text(text) => return Ok(serde_json::from_str(text.as_str()).unwrap()),
                Message::Close(Some(frame)) => return Err((frame.code, frame.reason.as_str().to_owned())),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// So many messages.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Value> {
        (0..count).map(|_| self.next().unwrap()).collect()
    }
}
