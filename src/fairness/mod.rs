//! Fair shares for tenants in limited shared resources: lists, live feeds, password hashing
//! (promise I14).
//!
//! [`turns`] holds the rules, and knows no clock; [`gate`] makes requests wait for a slot;
//! [`parts`] divides a batch among those who want some of it; [`stock`] lends out a limited amount.

pub mod gate;
pub mod parts;
pub mod stock;
pub mod turns;
