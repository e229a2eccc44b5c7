//! How many requests a second each key and each client may make.
//!
//! A caller has one second's worth at once, and gets it back over the next second. It is
//! counted in this process alone: behind several replicas a caller has as many times more.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota};

use crate::api::framework::address::ClientAddress;
use crate::api::framework::error::ErrorCode;
use crate::config::Limits;

/// The limits, each of which may be off.
#[derive(Debug)]
pub struct RateLimits {
    keys: Option<DefaultKeyedRateLimiter<[u8; 32]>>,
    clients: Option<DefaultKeyedRateLimiter<Vec<u8>>>,
}

impl RateLimits {
    /// The limits as configured.
    pub fn new(limits: &Limits) -> Self {
        let quota = |per_second| NonZeroU32::new(per_second).map(Quota::per_second);
        Self {
            keys: quota(limits.rate_limit).map(DefaultKeyedRateLimiter::keyed),
            clients: quota(limits.rate_limit_address).map(DefaultKeyedRateLimiter::keyed),
        }
    }

    /// Counts a request with a key or a session, by its digest. It must be a valid one: what is
    /// remembered is then bounded by those that there are.
    ///
    /// The next request is free within a second, which is what a caller is told without more.
    pub fn count_key(&self, digest: &[u8; 32]) -> Result<(), ErrorCode> {
        let counted = self.keys.as_ref().map_or(Ok(()), |keys| keys.check_key(digest));
        counted.or(Err(ErrorCode::RateLimited))
    }

    /// Counts a request of a client, by its network.
    pub fn count_client(&self, client: ClientAddress) -> Result<(), ErrorCode> {
        let counted = self.clients.as_ref().map_or(Ok(()), |clients| clients.check_key(&client.network()));
        counted.or(Err(ErrorCode::RateLimited))
    }

    /// Evicts everyone who has a whole second's worth again.
    pub fn evict_idle(&self) {
        if let Some(keys) = &self.keys {
            keys.retain_recent();
            keys.shrink_to_fit();
        }
        if let Some(clients) = &self.clients {
            clients.retain_recent();
            clients.shrink_to_fit();
        }
    }
}
