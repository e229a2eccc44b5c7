//! Live streams of a wallet's payments: web sockets and server-sent events.

pub mod sse;
mod view;
pub mod websocket;
