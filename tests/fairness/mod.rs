//! Shares of tenants: who is next, and waiting for it.

mod gate;
mod parts;
mod stock;
mod turns;
