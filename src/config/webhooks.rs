//! Where webhooks may go, and what they look like.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::values;
use crate::domain::webhooks::WebhookFormat;
use crate::net::allow_list::AllowList;
use crate::net::targets::{Ports, TargetPolicy};

/// Webhooks, and other requests to hosts that somebody else names.
#[derive(Args, Clone, Debug)]
pub struct Webhooks {
    /// What webhooks of invoices look like, where a manager has not chosen: reference or lnbits
    #[arg(
        long, global = true, env = "SATKEEP_WEBHOOK_FORMAT",
        default_value = "reference", value_parser = values::webhook_format
    )]
    pub webhook_format: WebhookFormat,
    /// Ports that webhooks may go to: ports and ranges, with commas between
    #[arg(long, global = true, env = "SATKEEP_WEBHOOK_PORTS", default_value = "80,443,1024-65535")]
    webhook_ports: Ports,
    /// File with certificates (PEM) of authorities that webhooks over TLS trust besides the usual ones
    #[arg(long, global = true, env = "SATKEEP_WEBHOOK_CA_FILE")]
    pub webhook_ca_file: Option<PathBuf>,
    /// Hosts, addresses and networks that requests may go to though they are not public, each with
    /// or without a port: `127.0.0.1:7000,10.0.0.0/8,app,*.internal:443`; none by default
    #[arg(long, global = true, env = "SATKEEP_OUTGOING_ALLOW", hide_env_values = true, default_value = "")]
    outgoing_allow: AllowList,
    /// Let webhooks go to any address and port, this machine included: for development
    #[arg(
        long, global = true, env = "SATKEEP_WEBHOOK_ALLOW_PRIVATE", action = ArgAction::Set,
        num_args = 0..=1, default_value = "false", default_missing_value = "true", value_parser = values::boolean
    )]
    webhook_allow_private: bool,
}

impl Webhooks {
    /// Where they may go.
    pub fn targets(&self) -> TargetPolicy {
        TargetPolicy {
            ports: self.webhook_ports.clone(),
            outgoing: self.outgoing_allow.clone(),
            allow_private: self.webhook_allow_private,
        }
    }
}
