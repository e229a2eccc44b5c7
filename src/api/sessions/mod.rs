//! Sessions: signing up, logging in and out; and tokens of managers for their programs.

pub(crate) mod login;
pub(crate) mod password;
pub(crate) mod signup;
pub(crate) mod tokens;
