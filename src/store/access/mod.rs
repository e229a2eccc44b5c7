//! Who may do what: what keys grant, operators, sessions, and the throttle of logins.

pub mod grants;
pub mod login_throttle;
pub mod operators;
pub mod sessions;
