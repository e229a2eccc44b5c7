//! Access control: what keys grant, operators, sessions, and the login throttle.

pub mod grants;
pub mod login_throttle;
pub mod operators;
pub mod sessions;
