//! Withdraw links over the API: what their owners do with them ([`links`]), and what wallets ask that
//! are paid by one ([`serve`], LUD-03).

pub(crate) mod links;
mod order;
pub(crate) mod serve;
pub(crate) mod views;
