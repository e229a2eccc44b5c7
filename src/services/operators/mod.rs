//! What operators do: look after managers and their money. An operator is never shown a key,
//! but for those of a wallet that it has just created.

pub mod accounts;
pub(crate) mod audit;
pub mod balance;
pub(crate) mod freezes;
pub(crate) mod logins;
pub(crate) mod wallets;
