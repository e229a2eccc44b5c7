//! Background tasks: one that ends by itself is noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use satkeep::server::tasks::{TaskEnded, Tasks};

fn on_a_runtime(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work);
}

#[test]
fn a_task_that_ends_by_itself_is_named() {
    on_a_runtime(async {
        let mut tasks = Tasks::default();
        tasks.start("the endless one", std::future::pending());
        tasks.start_finishing("the outbox", |stop| async move { stop.cancelled().await });
        let nothing = tokio::time::timeout(Duration::from_millis(20), tasks.ended()).await;
        assert!(nothing.is_err(), "{nothing:?}");
        tasks.start("the one that returns", async {});
        let ended = tasks.ended().await;
        assert!(matches!(ended, TaskEnded::Returned("the one that returns")), "{ended}");
        tasks.start_finishing("the one that panics", |_| async { panic!("out of luck") });
        let ended = tasks.ended().await;
        assert!(matches!(ended, TaskEnded::Panicked("the one that panics", _)), "{ended}");
        assert!(ended.to_string().starts_with("the one that panics has ended badly: "), "{ended}");
        tasks.stop().await;
    });
}

#[test]
fn what_has_begun_is_finished_before_the_end() {
    on_a_runtime(async {
        let finished = Arc::new(AtomicBool::new(false));
        let mut tasks = Tasks::default();
        tasks.start("the endless one", std::future::pending());
        let done = Arc::clone(&finished);
        tasks.start_finishing("the outbox", |stop| async move {
            stop.cancelled().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            done.store(true, Ordering::SeqCst);
        });
        tasks.stop().await;
        assert!(finished.load(Ordering::SeqCst));
    });
}
