//! Access control: what keys grant, operators, sessions, tokens, and the login throttle.

pub mod bearers;
pub mod grants;
pub mod login_throttle;
pub mod operators;
pub mod sessions;
pub mod tokens;
