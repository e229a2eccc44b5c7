//! LNURL-pay and Lightning addresses: a wallet's pay links ([`links`]), what anybody who pays is told
//! ([`serve`]), and paying them from inside ([`pay`]).

pub mod links;
mod order;
mod page;
pub mod pay;
pub mod serve;
pub mod views;
