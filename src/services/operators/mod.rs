//! What operators do: look after managers and their money. An operator is never shown a key,
//! but for those of a wallet that it has just created.

pub mod accounts;
pub mod audit;
pub mod balance;
pub mod freezes;
pub mod logins;
pub mod wallets;
