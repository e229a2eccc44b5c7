//! Costly work, a little at a time: so many at once, so many who wait, and no more.

use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::ErrorCode;

/// Lets a few in at once, and a few more wait.
#[derive(Debug)]
pub struct Gate {
    places: Semaphore,
    turns: Semaphore,
}

/// A turn; the next one's comes when it is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    _turn: SemaphorePermit<'a>,
    _place: SemaphorePermit<'a>,
}

impl Gate {
    /// With so many at once, and so many who wait.
    pub fn new(at_once: usize, waiting: usize) -> Self {
        Self { places: Semaphore::new(at_once.saturating_add(waiting)), turns: Semaphore::new(at_once) }
    }

    /// Waits for a turn; refuses where too many wait already.
    pub async fn enter(&self) -> Result<Turn<'_>, ErrorCode> {
        let place = self.places.try_acquire().or(Err(ErrorCode::Overloaded))?;
        let turn = self.turns.acquire().await.or(Err(ErrorCode::ShuttingDown))?;
        Ok(Turn { _turn: turn, _place: place })
    }
}
