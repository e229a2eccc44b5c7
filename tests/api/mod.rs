//! The API over HTTP, on both stores.

mod address;
mod bodies;
mod browsers;
mod controls;
mod decode;
mod deletion;
mod every_request;
pub(crate) mod idempotency;
mod limits;
mod malformed;
mod operators;
mod paths;
mod payment_list;
mod payments;
mod pipelining;
mod search;
mod secrets;
mod sessions;
mod shares;
mod system;
mod tenants;
mod transfers;
mod upgrades;
mod user_manager;
mod verify;
mod wallet;
mod who_may_create;
