//! Users, their wallets and keys.

use satkeep::clock;
use satkeep::crypto::secret::Sealer;
use satkeep::domain::api_keys::{KeyKind, KeyPair};
use satkeep::domain::ids::{UserId, WalletId};

use crate::Fallible;
use crate::rows::{KeyRow, UserRow, WalletRow, on_all_cores};

/// A user with one wallet.
pub(crate) struct Person {
    /// The user.
    pub(crate) user: UserId,
    /// The wallet.
    pub(crate) wallet: WalletId,
    /// The wallet's keys.
    pub(crate) keys: KeyPair,
}

impl Person {
    /// A new one.
    pub(crate) fn new() -> Self {
        Self { user: UserId::random(), wallet: WalletId::random(), keys: KeyPair::generate() }
    }
}

/// What the database keeps of some people, but for their accounts.
#[derive(Default)]
pub(crate) struct PeopleRows {
    /// Users.
    pub(crate) users: Vec<UserRow>,
    /// Wallets.
    pub(crate) wallets: Vec<WalletRow>,
    /// Keys, two of each wallet.
    pub(crate) keys: Vec<KeyRow>,
}

/// The rows of people, who are all a manager's.
pub(crate) fn rows(people: &[Person], manager: UserId, sealer: &Sealer) -> Fallible<PeopleRows> {
    let now = clock::now().get();
    let parts = on_all_cores(people, |person| {
        let user = UserRow {
            id: person.user.as_bytes().to_vec(),
            manager_id: manager.as_bytes().to_vec(),
            root_id: manager.as_bytes().to_vec(),
            name: format!("user {}", person.user),
            created_at_ms: now,
            updated_at_ms: now,
        };
        let wallet = WalletRow {
            id: person.wallet.as_bytes().to_vec(),
            user_id: person.user.as_bytes().to_vec(),
            name: "wallet".to_owned(),
            created_at_ms: now,
            updated_at_ms: now,
            tenant: manager.as_bytes().to_vec(),
        };
        let keys = KeyKind::ALL.map(|kind| {
            let key = person.keys.of(kind);
            KeyRow {
                digest: key.digest().as_bytes().to_vec(),
                wallet_id: person.wallet.as_bytes().to_vec(),
                kind: kind.as_str().to_owned(),
                sealed: key.seal(sealer, person.wallet, kind).as_bytes().to_vec(),
            }
        });
        Ok((user, wallet, keys))
    })?;
    let mut rows = PeopleRows::default();
    for (user, wallet, keys) in parts {
        rows.users.push(user);
        rows.wallets.push(wallet);
        rows.keys.extend(keys);
    }
    Ok(rows)
}
