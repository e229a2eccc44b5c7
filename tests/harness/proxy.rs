//! A way to PostgreSQL that breaks at the worst moment: when a commit is on its way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What happens to the next commit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It reaches the server, but its answer does not come back.
    LoseAnswer = 1,
    /// It does not reach the server.
    LoseQuestion = 2,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    next: Arc<AtomicU8>,
    /// How often clients have sent something.
    sent: Arc<AtomicUsize>,
    /// The clients' ends of all connections that there were.
    clients: Arc<Mutex<Vec<TcpStream>>>,
}

/// A commit as PostgreSQL's simple query protocol sends it.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

impl Proxy {
    /// Forwards connections to a port of this machine.
    pub(crate) fn start(to_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let next = Arc::new(AtomicU8::new(0));
        let clients = Arc::new(Mutex::new(Vec::new()));
        let sent = Arc::new(AtomicUsize::new(0));
        let (faults, opened, counter) = (Arc::clone(&next), Arc::clone(&clients), Arc::clone(&sent));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", to_port))) else { break };
                opened.lock().unwrap().push(client.try_clone().unwrap());
                let (faults, counter) = (Arc::clone(&faults), Arc::clone(&counter));
                let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || forward(client, server, &faults, &counter));
                thread::spawn(move || forward(server_too, client_too, &AtomicU8::new(0), &AtomicUsize::new(0)));
            }
        });
        Self { port, next, sent, clients }
    }

    /// Arms a fault for the next commit.
    pub(crate) fn arm(&self, fault: Fault) {
        self.next.store(fault as u8, Ordering::SeqCst);
    }

    /// Ends all connections. PostgreSQL does not notice while it is working on something.
    pub(crate) fn cut(&self) {
        for client in self.clients.lock().unwrap().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// How often clients have sent something: about as many as there were round trips.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    /// Whether the fault has happened.
    pub(crate) fn has_struck(&self) -> bool {
        self.next.load(Ordering::SeqCst) == 0
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, faults: &AtomicU8, sent: &AtomicUsize) {
    let mut buffer = [0; 16_384];
    while let Ok(length) = from.read(&mut buffer) {
        let bytes = &buffer[..length];
        if length == 0 {
            break;
        }
        sent.fetch_add(1, Ordering::SeqCst);
        if bytes.windows(COMMIT.len()).any(|window| window == COMMIT) {
            match faults.swap(0, Ordering::SeqCst) {
                1 => {
                    // The client is cut off first, so that no answer can slip through.
                    let _ = from.shutdown(Shutdown::Both);
                    let _ = to.write_all(bytes);
                    // Time for the server to commit before its connection ends as well.
                    thread::sleep(std::time::Duration::from_millis(200));
                    break;
                }
                2 => break,
                _ => {}
            }
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
