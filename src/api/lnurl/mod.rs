//! LNURL-pay and Lightning addresses: a wallet's pay links ([`links`]), what anybody who pays is told
//! ([`serve`]), looking at links of anybody ([`scan`]), and paying them ([`pay`]).

pub(crate) mod links;
mod order;
mod page;
pub(crate) mod pay;
pub(crate) mod scan;
pub(crate) mod serve;
pub(crate) mod views;
