//! Use cases: what can be done with users, wallets and money, for whoever asks: a handler, the
//! command line, or a task.

pub mod managers;
