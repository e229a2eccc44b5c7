//! New keys for wallets.

use super::WalletWithKeys;
use crate::crypto::secret::Sealer;
use crate::domain::api_keys::KeyPair;
use crate::store::wallets::{self, StoredKeys, Wallet};
use crate::store::{Db, StoreError};

/// A wallet with new keys.
#[derive(Debug)]
pub struct Renewed {
    /// The wallet.
    pub wallet: Wallet,
    /// Its new keys.
    pub keys: KeyPair,
    /// The number of their generation.
    pub keys_version: i64,
}

impl From<Renewed> for WalletWithKeys {
    fn from(Renewed { wallet, keys, .. }: Renewed) -> Self {
        Self { wallet, keys }
    }
}

/// Gives wallets new keys, in the order of their ids, which is the order of locks; the old ones
/// stop at once.
pub fn rotate(connection: &mut Db, sealer: &Sealer, mut wallets: Vec<Wallet>) -> Result<Vec<Renewed>, StoreError> {
    wallets.sort_unstable_by_key(|wallet| wallet.id);
    let mut rotated = Vec::with_capacity(wallets.len());
    for wallet in wallets {
        let keys = KeyPair::generate();
        let stored = StoredKeys::new(sealer, wallet.id, &keys);
        let keys_version = wallets::replace_keys(connection, wallet.id, &stored)?;
        rotated.push(Renewed { wallet, keys, keys_version });
    }
    Ok(rotated)
}
