//! The API over HTTP, on both stores.

mod address;
mod bodies;
mod controls;
mod decode;
mod deletion;
mod every_request;
pub(crate) mod idempotency;
mod limits;
mod operators;
mod payment_list;
mod payments;
mod secrets;
mod sessions;
mod system;
mod tenants;
mod transfers;
mod user_manager;
mod verify;
mod wallet;
