//! The ledger without a server: every command is settled at once.

use satkeep::crypto::secret::{MasterKey, Sealer};
use satkeep::domain::consumer::Consumer;
use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::text::Name;
use satkeep::ledger::command::Adjust;
use satkeep::ledger::outcome::{Adjusted, Rejection};
use satkeep::services::ledger::Ledger;
use satkeep::services::operators::accounts::NewManager;
use satkeep::services::operators::balance::{Direction, adjustment};

use crate::harness::{StoreKind, TestDatabase};

/// Both with and without a place that was reserved before.
fn commands_are_settled_at_once(kind: StoreKind) {
    let Some((_database, store)) = TestDatabase::with_store(kind) else { return };
    let sealer = Sealer::new(&MasterKey::generate());
    let manager = NewManager::named(&sealer, Name::new("Game".to_owned()).unwrap());
    let wallet = store.write_blocking(|connection| manager.create(connection)).unwrap().wallet.wallet.id;
    let adjust = |direction, sat| {
        let leg = adjustment(&sealer, wallet, Amount::from_sat(sat).unwrap(), direction);
        Adjust { leg, session: None, claim: None }
    };
    let ledger = Ledger::OnTheSpot(store);
    let reserve = || ledger.reserve(Consumer::NOBODY, 1).unwrap();
    let holds = |sat: i64| Ok(Ok(Adjusted { balance: Msat::new(sat * 1000), replayed: false }));
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
        assert_eq!(ledger.submit(adjust(Direction::In, 5), Consumer::NOBODY).await, holds(5));
        assert_eq!(reserve().submit(adjust(Direction::Out, 2)).await, holds(3));
        let refused = Ok(Err(Rejection::InsufficientBalance { leg: 0 }));
        assert_eq!(reserve().submit(adjust(Direction::Out, 4)).await, refused);
        assert_eq!(ledger.submit(adjust(Direction::Out, 4), Consumer::NOBODY).await, refused);
        assert_eq!(ledger.submit(adjust(Direction::Out, 3), Consumer::NOBODY).await, holds(0));
    });
    assert_eq!(ledger.queued(), 0);
}

#[test]
fn commands_are_settled_at_once_on_sqlite() {
    commands_are_settled_at_once(StoreKind::Sqlite);
}

#[test]
fn commands_are_settled_at_once_on_postgres() {
    commands_are_settled_at_once(StoreKind::Postgres);
}
