//! Withdraw links: what their owners do with them ([`manage`]), and being paid by one ([`open`]).

pub(crate) mod manage;
pub(crate) mod open;

pub use crate::store::withdraw_links::{Terms, WithdrawLink};

use crate::domain::lnurl::places::Base;
use crate::domain::lnurl::service_url::ServiceUrl;

/// The tag of what links have paid.
pub const TAG: &str = "withdraw";
/// The path of a link, in front of its secret.
const OPEN: &str = "/withdraw/api/v1/lnurl/";
/// Of what pays.
const PAY: &str = "/withdraw/api/v1/lnurl/cb/";

impl WithdrawLink {
    /// Where the link is opened, or one use of it.
    pub fn url(&self, base: &Base, number: Option<u32>) -> Option<ServiceUrl> {
        let of_use = number.map(|number| format!("/{}", self.secret.of_use(&self.public_id, number)));
        base.url(&format!("{OPEN}{}{}", self.secret.reveal(), of_use.unwrap_or_default())).ok()
    }

    /// Where an invoice is handed over.
    pub fn callback(&self, base: &Base, number: Option<u32>) -> Option<ServiceUrl> {
        let of_use = number.map(|number| format!("?id_unique_hash={}", self.secret.of_use(&self.public_id, number)));
        base.url(&format!("{PAY}{}{}", self.secret.reveal(), of_use.unwrap_or_default())).ok()
    }

    /// The number of the use that has this in its URL, where it is left.
    pub fn number_of(&self, of_use: &str) -> Option<u32> {
        let mut numbers = self.uses_left.numbers().iter().copied();
        numbers.find(|number| self.secret.of_use(&self.public_id, *number) == of_use)
    }
}
