//! Requests as bytes, for what no client would send.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use super::client::Answer;
use super::server::Server;

/// How long an answer may take: generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection on which bytes are sent and answers are read.
pub(crate) struct Raw(BufReader<TcpStream>);

impl Raw {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Says that nothing more is sent.
    pub(crate) fn end(&mut self) {
        self.0.get_mut().shutdown(Shutdown::Write).unwrap();
    }

    /// The next answer.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.read_answer(true)
    }

    /// The next answer, which is one to HEAD.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Answer {
        self.read_answer(false)
    }

    /// Whether the server has closed the connection, and has sent no more.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        let ended = self.0.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
        ended.map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |_| true)
    }

    /// Whether nothing comes any more.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.0.fill_buf().map_or(true, <[u8]>::is_empty)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.ends_with("\r\n"), "cut off: {line}");
        line.trim_end().to_owned()
    }

    fn read_answer(&mut self, has_body: bool) -> Answer {
        let status_line = self.line();
        let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HeaderMap::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else { break };
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
        }
        let length = headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
        let mut body = vec![0; if has_body { length } else { 0 }];
        self.0.read_exact(&mut body).unwrap();
        Answer { status, headers, text: String::from_utf8(body).unwrap() }
    }
}

impl Server {
    /// A connection for bytes.
    pub(crate) fn raw(&self) -> Raw {
        let connection = self.connect();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        Raw(BufReader::new(connection))
    }
}
