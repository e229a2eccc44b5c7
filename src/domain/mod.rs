//! The domain types: money, ids, keys, invoices, texts.
//!
//! Nothing here knows a database, HTTP or a clock. Values of these types are valid by construction,
//! so the layers above never check the same thing twice.

pub mod api_keys;
pub mod card;
pub mod consumer;
pub mod controls;
pub(crate) mod decimal;
pub(crate) mod expiry;
pub mod external_id;
pub mod extra;
pub mod hold;
pub mod hold_view;
pub mod idempotency;
pub mod ids;
pub mod invoice;
pub mod json;
pub mod lndhub;
pub(crate) mod lnurl;
pub mod login_throttle;
pub mod money;
pub mod node;
pub mod number;
pub(crate) mod pairs;
pub mod pasted;
pub(crate) mod search;
pub mod send;
pub mod session;
pub mod skim;
pub mod text;
pub mod time;
pub(crate) mod token;
pub mod webhooks;
pub(crate) mod window;
pub mod withdraw;
