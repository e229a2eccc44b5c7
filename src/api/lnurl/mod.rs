//! LNURL-pay and Lightning addresses: a wallet's pay links ([`links`]), what anybody who pays is told
//! ([`serve`]), and paying them from inside ([`pay`]).

pub(crate) mod links;
mod order;
mod page;
pub(crate) mod pay;
pub(crate) mod serve;
pub(crate) mod views;
