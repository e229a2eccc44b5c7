//! Access control: what keys grant, operators, sessions, tokens, and the login throttle.

pub(crate) mod bearers;
pub(crate) mod grants;
pub(crate) mod login_throttle;
pub mod operators;
pub mod sessions;
pub(crate) mod tokens;
