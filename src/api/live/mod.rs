//! Live streams of a wallet's payments: web sockets and server-sent events.

pub(crate) mod sse;
mod view;
pub(crate) mod websocket;
