//! Sessions: signing up, logging in and out; and tokens of managers for their programs.

pub mod login;
pub mod password;
pub mod signup;
pub mod tokens;
