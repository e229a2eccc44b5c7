//! The server, from the listener up to the application: actix's, with every connection inspected on
//! the way.
//!
//! actix has no hook for three things that have to work differently: upgrade offers that must be
//! ignored, requests that arrive before the previous one is answered ([`requests`], [`answers`]),
//! and the responses it generates itself ([`refusals`]).

use std::num::NonZeroUsize;
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_server::Server;
use actix_service::{IntoServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{App as ActixApp, Error};

pub mod answers;
mod chunks;
mod connection;
pub(crate) mod head;
mod held;
pub mod refusals;
pub mod requests;

use crate::api::Site;
use crate::api::framework::app::State;
use crate::api::framework::{edge, request_id, unread};
use crate::server::wire::connection::Connection;

/// How long requests in progress may take after the signal to stop.
const SHUTDOWN_TIMEOUT_S: u64 = 30;
/// How long a connection may be idle.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a caller may take to send the head of a request. actix applies this only to the first
/// request of a connection: the head of a later one may take any time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client that was answered before it had sent everything may continue to send.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a client may go without reading what is sent to it.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The API server on a listener, with at most this many concurrent connections.
pub fn serve(listener: std::net::TcpListener, app: &State, connections_max: NonZeroUsize) -> std::io::Result<Server> {
    // The limit applies per worker, so there are no more workers than connections.
    let parallelism = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let workers = parallelism.min(connections_max);
    let address = listener.local_addr()?;
    let builder = Server::build()
        .workers(workers.get())
        .max_concurrent_connections(connections_max.get() / workers)
        .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let (site, app) = (Site::new(), app.clone());
    let server = builder.listen("api", listener, move || {
        let (site, stopping, connected) = (site.clone(), stopping.clone(), app.clone());
        let application = ActixApp::new()
            .app_data(app.clone())
            .configure(|config| site.configure(config))
            .wrap(from_fn(unread::middleware))
            .wrap(from_fn(edge::middleware))
            // Outermost, so that a browser shows its refusals to the script that sent the request.
            .wrap(from_fn(crate::api::framework::answers::middleware))
            .wrap(from_fn(request_id::middleware));
        let application = application.into_factory().map_err(|error: Error| error.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_TIMEOUT)
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            .local_addr(address)
            .h1(map_config(application, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            drop_slow_readers(&stream);
            let peer = stream.peer_addr().ok();
            let connection = Connection::new(stream, connected.clone());
            std::future::ready(Ok::<_, DispatchError>((connection, peer)))
        })
        .and_then(http)
    })?;
    Ok(server.run())
}

/// Makes the system close a connection whose other end reads nothing for this long: a stream or a
/// long response would otherwise keep its slot forever.
fn drop_slow_readers(connection: &TcpStream) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(connection).set_tcp_user_timeout(Some(READ_TIMEOUT)) {
        tracing::debug!(%error, "no read timeout could be set on a connection");
    }
}
