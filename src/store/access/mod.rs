//! Who may do what: what keys grant, operators, sessions, tokens, and the throttle of logins.

pub mod bearers;
pub mod grants;
pub mod login_throttle;
pub mod operators;
pub mod sessions;
pub mod tokens;
