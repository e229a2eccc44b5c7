//! Transactions that write: whose turn it is, what they wait for, and what becomes of those that the
//! database aborts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use satkeep::clock;
use satkeep::crypto::secret::{MasterKey, Sealer};
use satkeep::domain::consumer::Consumer;
use satkeep::domain::ids::UserId;
use satkeep::domain::text::Name;
use satkeep::ledger::batch::ReadSet;
use satkeep::ledger::settle::SettlementStore;
use satkeep::services::operators::accounts::NewManager;
use satkeep::store::{Db, Store, StoreError};

use crate::harness::{StoreKind, TestDatabase, at_once};

/// Defines tests on a database without a server, on both stores.
macro_rules! on_both {
    ($($(#[$attribute:meta])* fn $name:ident($store:ident) $body:block)*) => {
        $(
            $(#[$attribute])*
            mod $name {
                use super::*;

                fn test($store: &Store) $body

                fn run(kind: StoreKind) {
                    if let Some((_database, store)) = TestDatabase::with_store(kind) {
                        test(&store);
                    }
                }

                #[test]
                fn sqlite() {
                    run(StoreKind::Sqlite);
                }

                #[test]
                fn postgres() {
                    run(StoreKind::Postgres);
                }
            }
        )*
    };
}

fn tenant(number: u8) -> Consumer {
    Consumer::manager(UserId::new([number; 16]))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

/// A transaction that takes a while.
fn slow(connection: &mut Db) -> Result<(), StoreError> {
    let settings = match connection {
        Db::Sqlite(_) => "UPDATE settings SET name = name",
        Db::Postgres(_) => "SELECT 1",
    };
    connection.batch_execute(settings)?;
    thread::sleep(Duration::from_millis(50));
    Ok(())
}

on_both! {
    /// A flood of writes of one tenant: they run one by one, and others, and the settler, get through
    /// long before it is over.
    fn writes_of_one_tenant_are_not_felt_by_others(store) {
        const FLOOD: usize = 40;
        let (running, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let counters = Arc::new((running, most, done));
        block_on(async {
            let flood: Vec<_> = (0..FLOOD)
                .map(|_| {
                    let (store, counters) = (store.clone(), Arc::clone(&counters));
                    tokio::spawn(async move {
                        let counted = Arc::clone(&counters);
                        let work = move |connection: &mut Db| {
                            let now = counted.0.fetch_add(1, Ordering::SeqCst) + 1;
                            counted.1.fetch_max(now, Ordering::SeqCst);
                            let written = slow(connection);
                            counted.0.fetch_sub(1, Ordering::SeqCst);
                            written
                        };
                        store.write(tenant(1), work).await.unwrap();
                        counters.2.fetch_add(1, Ordering::SeqCst);
                    })
                })
                .collect();
            tokio::time::sleep(Duration::from_millis(20)).await;
            store.write(tenant(2), slow).await.unwrap();
            store.write(Consumer::NOBODY, slow).await.unwrap();
            store.write_in_background(slow).await.unwrap();
            let settler = store.clone();
            tokio::task::spawn_blocking(move || {
                let mut settlement = settler.settlement();
                for _ in 0..3 {
                    settlement.begin().unwrap();
                    settlement.rollback();
                }
            })
            .await
            .unwrap();
            let done = counters.2.load(Ordering::SeqCst);
            assert!(done < FLOOD - 10, "{done} came first");
            for one in flood {
                one.await.unwrap();
            }
        });
        assert_eq!(counters.1.load(Ordering::SeqCst), 1, "of a tenant one writes at a time");
    }

    fn a_write_that_the_database_aborts_is_tried_again(store) {
        let tries = Arc::new(AtomicUsize::new(0));
        let aborted_until = |last: usize| {
            let tries = Arc::clone(&tries);
            move |_: &mut Db| match tries.fetch_add(1, Ordering::SeqCst) {
                done if done < last => Err(StoreError::Contended("deadlock detected".to_owned())),
                _ => Ok(7),
            }
        };
        block_on(async {
            assert_eq!(store.write(tenant(1), aborted_until(2)).await.unwrap(), 7);
            assert_eq!(tries.swap(0, Ordering::SeqCst), 3);
            // Not for ever; and it is then said that it may be tried again.
            let error = store.write(tenant(1), aborted_until(1000)).await.unwrap_err();
            assert_eq!(tries.swap(0, Ordering::SeqCst), 4);
            assert!(matches!(error, StoreError::Contended(_)), "{error}");
            let answer = satkeep::api::framework::error::ApiError::from(error);
            assert_eq!((answer.code().as_str(), answer.retry_after_s()), ("unavailable", Some(1)));
            // What is refused for good is refused at once.
            let refused = |_: &mut Db| Err::<(), _>(StoreError::NotFound);
            assert!(matches!(store.write(tenant(1), refused).await, Err(StoreError::NotFound)));
        });
    }

    /// Two that lock the same rows in different orders: the database breaks the circle, and both get
    /// what they want.
    fn a_deadlock_is_nobodys_fault(store) {
        let sealer = Sealer::new(&MasterKey::generate());
        let manager = |name: &str| NewManager::named(&sealer, Name::new(name.to_owned()).unwrap());
        let ids: Vec<_> = ["a", "b"]
            .map(|name| {
                let new = manager(name);
                store.write_blocking(|connection| new.create(connection)).unwrap().user.id
            })
            .into();
        let written = at_once(2, |index| {
            store.write_blocking(|connection| {
                let order = if index == 0 { [ids[0], ids[1]] } else { [ids[1], ids[0]] };
                for id in order {
                    satkeep::store::users::lock(connection, None, id)?;
                    thread::sleep(Duration::from_millis(100));
                }
                Ok(())
            })
        });
        for one in written {
            one.unwrap();
        }
    }

    /// Two batches, on two replicas, each with a manager who asks and whom the other one deletes.
    fn batches_that_delete_each_others_managers_do_not_wait_in_a_circle(store) {
        let sealer = Sealer::new(&MasterKey::generate());
        let ids = ["a", "b"].map(|name| {
            let new = NewManager::named(&sealer, Name::new(name.to_owned()).unwrap());
            store.write_blocking(|connection| new.create(connection)).unwrap().user.id
        });
        let began = Instant::now();
        let loaded = at_once(2, |index| {
            let (asks, goes) = (BTreeSet::from([ids[index]]), BTreeSet::from([ids[1 - index]]));
            let mut settlement = store.settlement();
            (0..40)
                .map(|_| {
                    settlement.begin().unwrap();
                    let read_set = ReadSet { managers: asks.clone(), users: goes.clone(), ..ReadSet::default() };
                    let loaded = settlement.load(read_set, &clock::now);
                    settlement.rollback();
                    loaded.map(|snapshot| (snapshot.managers.len(), snapshot.users.len()))
                })
                .collect::<Vec<_>>()
        });
        for one in loaded.into_iter().flatten() {
            assert_eq!(one.unwrap(), (1, 1));
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
