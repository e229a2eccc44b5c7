//! Payments to other nodes: what they may cost, how many may be under way, and where each stands.

#![deny(clippy::arithmetic_side_effects)]

use std::fmt;

use super::money::{Amount, Msat};

/// A Lightning node as it is known to the ledger: by its public key, or by another name that no other node
/// has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeName(String);

impl NodeName {
    /// From the name that the node gives.
    pub const fn new(name: String) -> Self {
        Self(name)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a payment to another node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendState {
    /// Its money is reserved; the node does not know of it.
    Reserved,
    /// The node is being asked, or was when the process that asked it ended: it may know of it.
    Sending,
    /// The node has accepted it, or has not said otherwise.
    InFlight,
    /// It has arrived.
    Settled,
    /// It has failed, and costs nothing.
    Failed,
}

impl SendState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Reserved, Self::Sending, Self::InFlight, Self::Settled, Self::Failed];

    /// The names of those of a payment that has not ended.
    pub const UNDER_WAY: [&'static str; 3] = [Self::Reserved.as_str(), Self::Sending.as_str(), Self::InFlight.as_str()];

    /// Where one stands that has ended.
    pub const fn ended(is_settled: bool) -> Self {
        if is_settled { Self::Settled } else { Self::Failed }
    }

    /// The name in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Sending => "sending",
            Self::InFlight => "in_flight",
            Self::Settled => "settled",
            Self::Failed => "failed",
        }
    }

    /// The state with that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A fee: the larger, or the sum, of a fixed part and a part of the amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fee {
    /// The fixed part.
    pub base: Msat,
    /// The part of the amount, in millionths.
    pub ppm: u32,
}

impl Fee {
    /// The larger of both parts: how LNbits reserves for routing.
    pub fn larger_part(self, amount: Amount) -> Msat {
        self.base.max(self.part_of(amount))
    }

    /// The sum of both parts: what services charge.
    pub fn sum(self, amount: Amount) -> Msat {
        self.base.with(self.part_of(amount))
    }

    /// The part of the amount, rounded up to the msat.
    fn part_of(self, amount: Amount) -> Msat {
        let part = i128::from(amount.msat()).saturating_mul(i128::from(self.ppm));
        let part = part.saturating_add(999_999).checked_div(1_000_000).unwrap_or_default();
        Msat::new(i64::try_from(part).unwrap_or(i64::MAX))
    }
}

/// How much may be under way to other nodes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendBounds {
    /// Payments of one wallet.
    pub wallet_payments_max: u32,
    /// Payments of all wallets of one tenant.
    pub tenant_payments_max: u32,
    /// What is reserved for those of one wallet; `None` means no limit.
    pub wallet_reserved_max: Option<Amount>,
    /// What is reserved for those of one tenant; `None` means no limit.
    pub tenant_reserved_max: Option<Amount>,
}

/// What the operator has set for payments to other nodes, and for invoices that they can pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendTerms {
    /// What routing may cost at most: the larger part.
    pub fee_max: Fee,
    /// What the operator charges beside: both parts.
    pub service_fee: Fee,
    /// How much may be under way at once.
    pub bounds: SendBounds,
    /// Whether invoices stand at the node, where a request does not say otherwise.
    pub invoices_at_node: bool,
}

impl SendTerms {
    /// What may be added to an amount at most: for routing, and for the operator.
    pub fn cost_max(&self, amount: Amount) -> (Msat, Msat) {
        (self.fee_max.larger_part(amount), self.service_fee.sum(amount))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fees_as_lnbits_reserves_them() {
        let fee = Fee { base: Msat::new(2000), ppm: 10_000 };
        let reserve = |msat| fee.larger_part(Amount::from_msat(msat).unwrap()).get();
        assert_eq!([1, 200_000, 200_001, 1_000_000].map(reserve), [2000, 2000, 2001, 10_000]);
        let charged = |msat| fee.sum(Amount::from_msat(msat).unwrap()).get();
        assert_eq!([1, 1_000_000].map(charged), [2001, 12_000]);
    }

    proptest! {
        /// Never less than the exact part, and less than one msat more.
        #[test]
        fn parts_are_rounded_up(msat in 1..=super::super::money::MSAT_MAX.get(), ppm in 0..=1_000_000u32) {
            let part = Fee { base: Msat::ZERO, ppm }.part_of(Amount::from_msat(msat).unwrap()).get();
            let more = i128::from(part).saturating_mul(1_000_000).saturating_sub(i128::from(msat).saturating_mul(ppm.into()));
            prop_assert!((0..1_000_000).contains(&more));
        }
    }
}
