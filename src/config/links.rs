//! What the outside calls this server, and what its links give without a key.

use clap::Args;

use super::values;
use super::values::Maybe;
use crate::domain::lnurl::places::{Base, Hosts, Places};

/// The hosts that pay links and Lightning addresses name.
#[derive(Args, Clone, Debug)]
pub struct Links {
    /// URL by which the outside reaches this server, for pay links and Lightning addresses, as
    /// `https://pay.example`; where there is none, links have the host that a request was sent to,
    /// if that is this machine or an allowed host
    #[arg(
        long, global = true, env = "SATKEEP_PUBLIC_URL",
        default_value = "", hide_default_value = true, value_parser = values::public_url
    )]
    public_url: Maybe<Base>,
    /// Further hosts that links may have, each with or without a port: `pay.example,10.0.0.1:5001`;
    /// none by default
    #[arg(long, global = true, env = "SATKEEP_ALLOWED_HOSTS", default_value = "")]
    allowed_hosts: Hosts,
    /// Invoices of one pay link, or of the refund of one payment by card, that wait to be paid at once:
    /// anybody can ask for them. A link that has as many gives no more until one is paid or expires,
    /// an hour after it was issued
    #[arg(
        long, global = true, env = "SATKEEP_LINK_INVOICES_MAX",
        default_value = "1000", value_parser = values::link_invoices_max
    )]
    pub link_invoices_max: u32,
}

impl Links {
    /// All of them.
    pub fn places(&self) -> Places {
        Places { public: self.public_url.clone(), allowed: self.allowed_hosts.clone() }
    }
}
