//! A real server for each test, and a client to talk to it.

mod card;
mod client;
mod collector;
mod database;
mod events;
mod postgres;
mod proxy;
mod raw;
mod receiver;
mod server;
mod tls;

pub(crate) use card::Card;
pub(crate) use client::{Answer, Wallet};
pub(crate) use collector::{Collector, Span, attribute};
pub(crate) use database::{StoreKind, TestDatabase};
pub(crate) use events::{Event, Events};
pub(crate) use proxy::{Fault, Proxy};
pub(crate) use raw::Raw;
pub(crate) use receiver::{Hook, Receiver, Reply, Silent};
pub(crate) use server::{Options, Server, run_cli, satkeep};
pub(crate) use tls::{serve_tls, serve_tls_as};

/// Defines tests that run on both stores: each body gets a fresh server.
macro_rules! both_stores {
    ($($(#[$attribute:meta])* fn $name:ident($server:ident $(, $options:expr)?) $body:block)*) => {
        $(
            $(#[$attribute])*
            mod $name {
                #[allow(unused_imports, reason = "not every test names anything")]
                use super::*;

                fn test_body($server: &mut $crate::harness::Server) $body

                #[allow(unused_mut, unused_assignments, reason = "only some tests have options")]
                fn run(store: $crate::harness::StoreKind) {
                    let mut options = $crate::harness::Options::default();
                    $(options = $options;)?
                    if let Some(mut server) = $crate::harness::Server::start(store, options) {
                        test_body(&mut server);
                    }
                }

                #[test]
                fn sqlite() {
                    run($crate::harness::StoreKind::Sqlite);
                }

                #[test]
                fn postgres() {
                    run($crate::harness::StoreKind::Postgres);
                }
            }
        )*
    };
}

pub(crate) use both_stores;

/// Runs `work` in `count` threads at once, and collects what they answer, in order.
pub(crate) fn at_once<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = std::sync::Barrier::new(count);
    let (barrier, work) = (&barrier, &work);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|index| {
                scope.spawn(move || {
                    barrier.wait();
                    work(index)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
