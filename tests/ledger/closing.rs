//! What must hold of deletions: who below can keep those above from them, that no money is lost,
//! and that a large one comes to the same part by part.

use proptest::prelude::*;
use satkeep::clock;
use satkeep::crypto::secret::{MasterKey, Sealer};
use satkeep::domain::api_keys::KeyPair;
use satkeep::domain::controls::{Freeze, Freezes};
use satkeep::domain::ids::{AccountId, UserId, WalletId};
use satkeep::domain::session::SessionToken;
use satkeep::domain::text::{Name, Username};
use satkeep::ledger::command::{Actor, Adjust, Close, Command};
use satkeep::ledger::outcome::{Closed, Once, Outcome, Rejection};
use satkeep::ledger::settle::{settle, settle_batch};
use satkeep::ledger::state::{AccountKind, User};
use satkeep::store::Db;
use satkeep::store::access::{operators, sessions};
use satkeep::store::users::{self, NewUser, UserChange};
use satkeep::store::wallets::{self, NewWallet, StoredKeys};

use super::memory::{Memory, account, now};
use super::world::{close, create, credit, invoice, leg, manager, pay, transfer, user, wallet, wallet_to_close};
use crate::harness::{StoreKind, TestDatabase};

/// Who deletes: the manager of the first user of a tree.
const CALLER: u8 = 0;

#[derive(Clone, Debug)]
struct AnyWallet {
    msat: i64,
    freezes: Freezes,
}

/// Users, the first one of which has created all others, directly or not.
#[derive(Clone, Debug)]
struct Tree {
    /// Who has created each but the first one: somebody before it.
    managers: Vec<usize>,
    wallets: Vec<Vec<AnyWallet>>,
    /// How many users go with one command, where it is done part by part.
    part: usize,
    sweep: bool,
}

fn any_freeze() -> impl Strategy<Value = Option<Freeze>> {
    proptest::option::weighted(0.2, prop_oneof![Just(Freeze::Spending), Just(Freeze::Everything)])
}

fn any_wallet() -> impl Strategy<Value = AnyWallet> {
    let by_operator = proptest::option::weighted(0.04, Just(Freeze::Spending));
    (prop_oneof![Just(0), 1i64..1_000], any_freeze(), by_operator)
        .prop_map(|(msat, by_manager, by_operator)| AnyWallet { msat, freezes: Freezes { by_manager, by_operator } })
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let user = || (any::<prop::sample::Index>(), prop::collection::vec(any_wallet(), 0..3));
    (prop::collection::vec(user(), 1..8), 1usize..4, prop::bool::weighted(0.7)).prop_map(|(users, part, sweep)| {
        let managers = users[1..].iter().enumerate().map(|(before, (index, _))| index.index(before + 1)).collect();
        Tree { managers, wallets: users.into_iter().map(|(_, wallets)| wallets).collect(), part, sweep }
    })
}

/// The users and wallets of trees are apart from those of the small world.
fn member(index: usize) -> UserId {
    UserId::new([200 + index as u8; 16])
}

fn belonging(user: usize, index: usize) -> AccountId {
    AccountId::new([110 + (user * 4 + index) as u8; 16])
}

impl Tree {
    fn wallets_of(&self, user: usize) -> impl Iterator<Item = (AccountId, &AnyWallet)> {
        self.wallets[user].iter().enumerate().map(move |(index, it)| (belonging(user, index), it))
    }

    fn all(&self) -> impl Iterator<Item = (usize, AccountId, &AnyWallet)> {
        (0..self.wallets.len()).flat_map(|user| self.wallets_of(user).map(move |(id, it)| (user, id, it)))
    }

    fn world(&self) -> Memory {
        let mut memory = Memory::new();
        for (index, wallets) in self.wallets.iter().enumerate() {
            let users = (1..self.wallets.len()).filter(|other| self.managers[other - 1] == index).map(member).collect();
            let wallets = (0..wallets.len()).map(|it| belonging(index, it)).collect();
            memory.users.insert(member(index), User { wallets, users });
        }
        let mut credits = Vec::new();
        for (_, id, it) in self.all() {
            memory.accounts.insert(id, account(AccountKind::Wallet, 0));
            credits.extend((it.msat > 0).then(|| credit(id, it.msat)));
        }
        assert!(settle_batch(&mut memory, &credits, &now).unwrap().iter().all(Result::is_ok));
        for (_, id, it) in self.all() {
            memory.accounts.get_mut(&id).unwrap().freezes = it.freezes;
        }
        memory
    }

    /// The command that deletes these users.
    fn close(&self, users: &[usize]) -> Command {
        let wallets = users
            .iter()
            .flat_map(|user| self.wallets_of(*user).map(move |(id, _)| wallet_to_close(id, *user == 0)))
            .collect();
        let by = Actor::Manager(manager(wallet(CALLER)));
        Command::Close(Close { by, users: users.iter().map(|it| member(*it)).collect(), wallets, sweep: self.sweep })
    }

    fn money(&self) -> i64 {
        self.all().map(|(_, _, it)| it.msat).sum()
    }

    /// Whether something refuses the deletion: money that is not to be swept, a freeze of an
    /// operator's, or one of the deleter's own.
    fn is_kept(&self) -> bool {
        self.all().any(|(user, _, it)| {
            (it.msat > 0 && !self.sweep)
                || it.freezes.by_operator.is_some()
                || (user == 0 && it.freezes.by_manager.is_some())
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Nothing but money, operators and the deleter itself keeps a user from being deleted, and all
    /// money goes to the caller.
    #[test]
    fn only_those_above_keep_a_user(tree in any_tree()) {
        let mut memory = tree.world();
        let before = memory.clone();
        let all: Vec<_> = (0..tree.wallets.len()).collect();
        let outcome = settle_batch(&mut memory, &[tree.close(&all)], &now).unwrap().remove(0);
        if tree.is_kept() {
            let refused = matches!(outcome, Err(Rejection::WalletHoldsMoney | Rejection::WalletFrozen { .. }));
            prop_assert!(refused, "{:?}", outcome);
            prop_assert_eq!(&memory, &before);
        } else {
            prop_assert_eq!(outcome, Ok(Outcome::Close(Closed)));
            prop_assert_eq!(memory.accounts[&wallet(CALLER)].balance.get(), tree.money());
            prop_assert!(tree.all().all(|(_, id, _)| !memory.accounts[&id].open && memory.accounts[&id].balance.is_zero()));
            prop_assert!(all.iter().all(|user| !memory.users.contains_key(&member(*user))));
        }
        prop_assert_eq!(memory.accounts.values().map(|it| it.balance.get()).sum::<i64>(), 0);
    }

    /// Part by part, leaves first, a deletion comes to the same; and where a part is refused, no
    /// money is lost, and once its cause is gone the rest goes.
    #[test]
    fn part_by_part_comes_to_the_same(tree in any_tree()) {
        let mut memory = tree.world();
        // Whoever was created later is nobody's manager who came before.
        let users: Vec<_> = (0..tree.wallets.len()).rev().collect();
        let mut refused = false;
        for part in users.chunks(tree.part) {
            refused |= settle_batch(&mut memory, &[tree.close(part)], &now).unwrap()[0].is_err();
        }
        prop_assert_eq!(refused, tree.is_kept());
        prop_assert_eq!(memory.accounts.values().map(|it| it.balance.get()).sum::<i64>(), 0);
        let rest = Tree { sweep: true, ..tree.clone() };
        for account in memory.accounts.values_mut() {
            account.freezes = Freezes::default();
        }
        for part in users.chunks(tree.part) {
            let left: Vec<_> = part.iter().copied().filter(|it| memory.users.contains_key(&member(*it))).collect();
            if !left.is_empty() {
                let outcomes = settle_batch(&mut memory, &[rest.close(&left)], &now).unwrap();
                prop_assert_eq!(outcomes, [Ok(Outcome::Close(Closed))]);
            }
        }
        prop_assert_eq!(memory.accounts[&wallet(CALLER)].balance.get(), tree.money());
    }
}

/// A manager and a user of its, on a store; wallet `n` is user `n`'s.
fn with_managers(kind: StoreKind, test: impl FnOnce(&satkeep::store::Store)) {
    let Some((_database, store)) = TestDatabase::with_store(kind) else { return };
    let sealer = Sealer::new(&MasterKey::generate());
    for (index, above) in [(0, None), (1, Some(0)), (2, Some(1))] {
        let id = WalletId::new(*wallet(index).as_bytes());
        let name = || Name::new(format!("user {index}")).unwrap();
        let keys = StoredKeys::new(&sealer, id, &KeyPair::generate());
        let created_at = clock::now();
        let new = NewUser {
            id: user(index),
            manager: above.map(user),
            name: name(),
            username: None,
            email: None,
            external_id: None,
            password_hash: None,
            extra: None,
            may_create_users: index < 2,
            wallet: NewWallet { id, name: name(), keys, created_at },
            created_at,
        };
        store.write_blocking(|connection| users::create(connection, &new)).unwrap();
    }
    test(&store);
}

/// What waits in the queue while the right to manage is taken away is refused; what needs no such
/// right is not.
fn a_right_is_taken_away_in_the_queue(kind: StoreKind) {
    with_managers(kind, |store| {
        let mut settlement = store.settlement();
        let paid = invoice(wallet(2), 5);
        let waiting = || {
            [
                transfer(wallet(1), vec![leg(wallet(1), wallet(2), 7)]),
                pay(wallet(1), &paid),
                close(wallet(1), &[user(2)], &[wallet(2)], true),
            ]
        };
        let setup = [credit(wallet(1), 100), create(paid.clone())];
        assert!(settle_batch(&mut settlement, &setup, &now).unwrap().iter().all(Result::is_ok));
        let change = |may| UserChange { may_create_users: Some(may), ..UserChange::default() };
        let set = |may| {
            let set = store.write_blocking(|connection| {
                users::update(connection, Some(user(0)), user(1), &change(may), clock::now())
            });
            assert!(set.unwrap().is_ok());
        };
        set(false);
        let outcomes = settle_batch(&mut settlement, &waiting(), &now).unwrap();
        assert_eq!(outcomes[0], Err(Rejection::NotAManager));
        assert!(matches!(outcomes[1], Ok(Outcome::Pay(Once::Done(_)))), "{outcomes:?}");
        assert_eq!(outcomes[2], Err(Rejection::NotAManager));
        set(true);
        let [transfer, _, close] = waiting();
        let outcomes = settle_batch(&mut settlement, &[transfer, close], &now).unwrap();
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        let left = store.read_blocking(|connection| wallets::find(connection, wallet(1).wallet())).unwrap();
        assert_eq!(left.balance.get(), 100);
    });
}

/// Whether an operator's session is over, the clock tells that the ledger is handed.
fn a_session_ends_by_the_clock_of_the_ledger(kind: StoreKind) {
    with_managers(kind, |store| {
        let digest = SessionToken::generate().digest();
        let ends_at = now().plus_seconds(60);
        let begin = |connection: &mut Db| {
            operators::create(connection, user(77), &Username::new("root".to_owned()).unwrap(), "hash", now())?;
            sessions::begin(connection, digest, user(77), "hash", now(), ends_at)
        };
        store.write_blocking(begin).unwrap();
        let order = || {
            let Command::Adjust(adjust) = credit(wallet(1), 100) else { unreachable!() };
            Adjust { session: Some(digest), ..adjust }
        };
        let mut settlement = store.settlement();
        assert!(settle(&mut settlement, order(), &now).unwrap().is_ok());
        assert_eq!(settle(&mut settlement, order(), &|| ends_at).unwrap(), Err(Rejection::KeyRevoked));
    });
}

#[test]
fn a_session_ends_by_the_clock_of_the_ledger_on_sqlite() {
    a_session_ends_by_the_clock_of_the_ledger(StoreKind::Sqlite);
}

#[test]
fn a_session_ends_by_the_clock_of_the_ledger_on_postgres() {
    a_session_ends_by_the_clock_of_the_ledger(StoreKind::Postgres);
}

#[test]
fn a_right_is_taken_away_in_the_queue_on_sqlite() {
    a_right_is_taken_away_in_the_queue(StoreKind::Sqlite);
}

#[test]
fn a_right_is_taken_away_in_the_queue_on_postgres() {
    a_right_is_taken_away_in_the_queue(StoreKind::Postgres);
}
