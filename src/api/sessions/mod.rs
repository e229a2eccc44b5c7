//! Sessions: signing up, logging in and out.

pub mod login;
pub mod password;
pub mod signup;
