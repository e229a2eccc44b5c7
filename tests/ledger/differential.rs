//! The stores against each other: the same random commands, in the same batches, must come
//! to the same outcomes and the same balances in memory, on SQLite and on PostgreSQL.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use satkeep::clock;
use satkeep::crypto::secret::{MasterKey, Sealer};
use satkeep::domain::api_keys::KeyPair;
use satkeep::domain::ids::{UserId, WalletId};
use satkeep::domain::text::Name;
use satkeep::ledger::settle::{SettlementStore, settle_batch};
use satkeep::ledger::state::AccountKind;
use satkeep::store::users::{self, NewUser};
use satkeep::store::wallets::{self, NewWallet, StoredKeys};
use satkeep::store::{Store, audit};

use super::memory::{Memory, now};
use super::world::{WALLETS, any_scenario, create, credit, user, wallet};
use crate::harness::{StoreKind, TestDatabase};

pub(super) fn add_users(store: &Store) {
    let sealer = Sealer::new(&MasterKey::generate());
    for index in 0..WALLETS {
        let id = WalletId::new(*wallet(index).as_bytes());
        let name = || Name::new(format!("user {index}")).unwrap();
        let keys = StoredKeys::new(&sealer, id, &KeyPair::generate());
        let created_at = clock::now();
        let new = NewUser {
            id: UserId::new(*user(index).as_bytes()),
            manager: None,
            name: name(),
            username: None,
            email: None,
            external_id: None,
            password_hash: None,
            extra: None,
            may_create_users: true,
            wallet: NewWallet { id, name: name(), keys, created_at },
            created_at,
        };
        store.write_blocking(|connection| users::create(connection, &new)).unwrap();
    }
}

/// The cards and taps of the world in memory.
pub(super) fn add_cards(database: &TestDatabase, kind: StoreKind, memory: &Memory) {
    for (id, card) in &memory.cards {
        let [id, wallet] = [id.to_string(), card.account.wallet().to_string()].map(|id| kind.bytes(&id));
        let (tx, day) = (card.limits.transaction_sat(), card.limits.daily_sat());
        database
            .execute(&format!(
                "INSERT INTO cards (id, public_id, wallet_id, user_id, name, uid, external_id, counter, tx_limit_sat,
                    daily_limit_sat, enabled, keys_sealed, created_at_ms)
                 SELECT {id}, name, id, user_id, '', {id}, name, 0, {tx}, {day}, TRUE, {id}, 0
                 FROM wallets WHERE id = {wallet}"
            ))
            .unwrap();
    }
    for (id, hit) in &memory.hits {
        let [id, card] = [id.to_string(), hit.card.to_string()].map(|id| kind.bytes(&id));
        let end = hit.expires_at.get();
        database
            .execute(&format!(
                "INSERT INTO hits (id, card_id, ip, useragent, old_counter, new_counter, created_at_ms, expires_at_ms)
                 VALUES ({id}, {card}, '', '', 0, 1, 0, {end})"
            ))
            .unwrap();
    }
}

/// The withdraw links of the world in memory.
pub(super) fn add_withdraw_links(database: &TestDatabase, kind: StoreKind, memory: &Memory) {
    for (id, link) in &memory.withdraw_links {
        let [id, wallet] = [id.to_string(), link.account.wallet().to_string()].map(|id| kind.bytes(&id));
        let (left, next, uses) = (&link.uses_left, link.uses_left.next(), link.uses_left.numbers().len());
        let (min, max, wait_s, is_unique) = (link.min.msat(), link.max.msat(), link.wait_s, link.is_unique);
        database
            .execute(&format!(
                "INSERT INTO withdraw_links (id, public_id, secret_digest, secret_sealed, wallet_id, title, min_msat, max_msat,
                    uses, uses_left, next_use, wait_s, is_unique, enabled, created_at_ms)
                 VALUES ({id}, '{uses}', {id}, {id}, {wallet}, '', {min}, {max}, {uses}, '{left}', {next}, {wait_s},
                    {is_unique}, TRUE, 0)"
            ))
            .unwrap();
    }
}

fn compare(kind: StoreKind, cases: u32) {
    let mut runner = TestRunner::new(ProptestConfig { cases, ..ProptestConfig::default() });
    runner
        .run(&(any_scenario(30), 1usize..10), |((invoices, commands), batch_size)| {
            let Some((database, store)) = TestDatabase::with_store(kind) else { return Ok(()) };
            add_users(&store);
            let mut settlement = store.settlement();
            let mut memory = Memory::new();
            add_cards(&database, kind, &memory);
            add_withdraw_links(&database, kind, &memory);
            let setup: Vec<_> = (0..WALLETS - 1)
                .map(|index| credit(wallet(index), 1_000))
                .chain(invoices.into_iter().map(create))
                .collect();
            for batch in std::iter::once(setup.as_slice()).chain(commands.chunks(batch_size)) {
                let expected = settle_batch(&mut memory, batch, &now).unwrap();
                let found = settle_batch(&mut settlement as &mut dyn SettlementStore, batch, &now).unwrap();
                prop_assert_eq!(found, expected);
            }
            for (id, account) in &memory.accounts {
                let found = store.read_blocking(|connection| wallets::find(connection, id.wallet()));
                match (account.kind, account.open) {
                    (AccountKind::Wallet, true) => prop_assert_eq!(
                        found.map(|it| (it.balance, it.held)).unwrap(),
                        (account.available(), account.held)
                    ),
                    (AccountKind::Wallet, false)
                    | (
                        AccountKind::Issuance | AccountKind::Lightning | AccountKind::Fees | AccountKind::Adjustments,
                        _,
                    ) => prop_assert!(found.is_err()),
                }
            }
            let count = |sql: &str| database.texts(&format!("SELECT CAST(count(*) AS TEXT) AS text FROM {sql}"));
            let spent = memory.hits.values().filter(|hit| hit.is_spent).count();
            prop_assert_eq!(count("hits WHERE transfer_id IS NOT NULL"), [spent.to_string()]);
            prop_assert_eq!(count("withdrawals"), [memory.withdrawals.len().to_string()]);
            for (id, link) in &memory.withdraw_links {
                let id = kind.bytes(&id.to_string());
                let (used, left) = (link.used, &link.uses_left);
                let same = format!("withdraw_links WHERE id = {id} AND used = {used} AND uses_left = '{left}'");
                prop_assert_eq!(count(&same), ["1"]);
            }
            prop_assert_eq!(count("invoices WHERE origin IS NOT NULL"), [memory.origins.len().to_string()]);
            prop_assert_eq!(count("holds"), [memory.holds.len().to_string()]);
            prop_assert_eq!(count("hold_moves"), [memory.hold_moves.len().to_string()]);
            // Each side names the tenant of its account, a transfer also another tenant of its payee.
            let of_others =
                "invoices AS i INNER JOIN accounts AS a ON a.id = i.wallet_id WHERE i.tenant IS DISTINCT FROM a.tenant";
            prop_assert_eq!(count(of_others), ["0"]);
            let of_others = "transfers AS t INNER JOIN accounts AS d ON d.id = t.debit_account
                INNER JOIN accounts AS c ON c.id = t.credit_account WHERE t.tenant IS DISTINCT FROM d.tenant
                OR (t.payee_tenant IS NULL) <> (c.tenant IS NOT DISTINCT FROM d.tenant)
                OR t.payee_tenant <> c.tenant";
            prop_assert_eq!(count(of_others), ["0"]);
            let verdicts = store.read_blocking(|connection| audit::run(connection, |_| ())).unwrap();
            prop_assert!(verdicts.iter().all(|verdict| verdict.holds), "{:?}", verdicts);
            Ok(())
        })
        .unwrap();
}

#[test]
fn sqlite_decides_as_memory_does() {
    compare(StoreKind::Sqlite, 40);
}

#[test]
fn postgres_decides_as_memory_does() {
    compare(StoreKind::Postgres, 25);
}
