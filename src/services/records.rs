//! Users and wallets as use cases answer them: with the keys of the wallets, unsealed.

use crate::domain::api_keys::KeyPair;
use crate::store::users::User;
use crate::store::wallets::Wallet;

/// A wallet and its keys. Which of these a caller may be shown is for who shows it to heed.
#[derive(Debug)]
pub struct WalletWithKeys {
    /// The wallet.
    pub wallet: Wallet,
    /// Its keys.
    pub keys: KeyPair,
}

/// A user and its wallets.
#[derive(Debug)]
pub struct UserWithWallets {
    /// The user.
    pub user: User,
    /// Its wallets, oldest first.
    pub wallets: Vec<WalletWithKeys>,
}
