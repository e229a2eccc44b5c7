//! Live streams of a wallet's payments: web sockets and server-sent events.

mod feed;
pub mod sse;
pub mod websocket;
