//! Shares in what all tenants use together and of which there is only so much at once: lists,
//! live feeds, hashes of passwords (promise I14).
//!
//! [`turns`] holds the rules, and knows no clock; [`gate`] lets people wait for their turn;
//! [`parts`] shares out what each takes at once.

pub mod gate;
pub mod parts;
pub mod turns;
