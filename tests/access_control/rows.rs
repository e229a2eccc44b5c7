//! What is expected of every operation: who may call it, and what somebody of another tenant
//! finds. An operation of the document without a row fails the test.

use serde_json::{Value, json};

use super::world::Tenant;

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody: there is nothing to prove.
    Anybody,
    /// Anybody, but who shows a key must show a good one.
    AnybodyOrKey,
    /// Either key of a wallet.
    Key,
    /// The admin key of a wallet.
    AdminKey,
    /// Somebody who has logged in.
    Session,
    /// Somebody who has logged in, or shows a token for everything.
    Account,
    /// A manager who has logged in, or shows a token for everything.
    Everything,
    /// A manager who has logged in, or shows a token for users.
    Users,
    /// An operator, or a manager with any token.
    OperatorOrReads,
    /// An operator, or a manager with a token for users.
    OperatorOrUsers,
    /// An operator who has logged in.
    Operator,
}

/// What a valid key of another tenant comes to, with ids of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// A refusal, the same as for ids that are nobody's.
    Refused,
    /// An answer about nothing, the same as for ids that are nobody's.
    Nothing,
    /// An answer about the caller's own things: no ids are asked for.
    OwnThings,
    /// A change of the caller's own things: not tried.
    OwnChange,
    /// Whether a payment is settled, and no more.
    StatusOnly,
    /// Meant to cross tenants (paying, decoding), or not for keys at all: not tried.
    Crosses,
}

impl Access {
    /// The scope that a token of a manager's needs; `None` where no token will do, but perhaps the
    /// session of a manager will.
    pub(crate) fn scope(self) -> Option<&'static str> {
        match self {
            Self::Account | Self::Everything => Some("all"),
            Self::Users | Self::OperatorOrUsers => Some("users"),
            Self::OperatorOrReads => Some("read"),
            Self::Anybody | Self::AnybodyOrKey | Self::Key | Self::AdminKey | Self::Session | Self::Operator => None,
        }
    }
}

pub(crate) struct Row {
    pub(crate) operation: &'static str,
    pub(crate) access: Access,
    pub(crate) foreign: Foreign,
    /// The path, with its query, and the body, for the ids of a tenant.
    pub(crate) request: fn(&Tenant) -> (String, Value),
}

const NONE: Value = Value::Null;

macro_rules! rows {
    ($($operation:literal, $access:ident, $foreign:ident, $request:expr;)*) => {
        vec![$(Row {
            operation: $operation,
            access: Access::$access,
            foreign: Foreign::$foreign,
            request: $request,
        },)*]
    };
}

/// Every operation, at least once.
pub(crate) fn rows() -> Vec<Row> {
    [wallets_own(), tenants(), operators(), everybodys()].into_iter().flatten().collect()
}

fn wallets_own() -> Vec<Row> {
    rows! {
        "GET /api/v1/wallet", Key, OwnThings, |_| ("/api/v1/wallet".into(), NONE);
        "PATCH /api/v1/wallet", AdminKey, OwnChange, |_| ("/api/v1/wallet".into(), json!({"name": "taken over"}));
        "PUT /api/v1/wallet/{new_name}", AdminKey, OwnChange, |_| ("/api/v1/wallet/taken-over".into(), NONE);
        "POST /api/v1/payments", Key, OwnChange, |_| ("/api/v1/payments".into(), json!({"out": false, "amount": 1}));
        "POST /api/v1/payments", AdminKey, Crosses, |t| ("/api/v1/payments".into(), json!({"out": true, "bolt11": t.bolt11}));
        "GET /api/v1/payments", Key, OwnThings, |_| ("/api/v1/payments?limit=1000".into(), NONE);
        "GET /api/v1/payments", Key, Nothing, |t| (format!("/api/v1/payments?wallet_id={}", t.wallet.id), NONE);
        "GET /api/v1/payments", Key, Nothing, |t| (format!("/api/v1/payments?payment_hash={}", t.hash), NONE);
        "GET /api/v1/payments/paginated", Key, Nothing, |t| (format!("/api/v1/payments/paginated?wallet_id[eq]={}", t.wallet.id), NONE);
        "GET /api/v1/payments/history", Key, OwnThings, |_| ("/api/v1/payments/history".into(), NONE);
        "GET /api/v1/payments/{payment_hash}", AnybodyOrKey, StatusOnly, |t| (format!("/api/v1/payments/{}", t.hash), NONE);
        // A stream of the caller's own has no end; tests/live look into it.
        "GET /api/v1/payments/sse", Key, Crosses, |_| ("/api/v1/payments/sse".into(), NONE);
        "GET /api/v1/webhooks/secret", AdminKey, OwnChange, |_| ("/api/v1/webhooks/secret".into(), NONE);
        "PUT /api/v1/webhooks/secret", AdminKey, OwnChange, |_| ("/api/v1/webhooks/secret".into(), NONE);
        "GET /api/v1/webhooks/deliveries", AdminKey, OwnThings, |_| ("/api/v1/webhooks/deliveries".into(), NONE);
        "GET /api/v1/webhooks/deliveries/{delivery_id}", AdminKey, Refused, |t| (format!("/api/v1/webhooks/deliveries/{}", t.own_delivery), NONE);
        "GET /api/v1/webhooks/deliveries/{delivery_id}", AdminKey, Refused, |t| (format!("/api/v1/webhooks/deliveries/{}", t.delivery), NONE);
        "POST /api/v1/webhooks/deliveries/{delivery_id}/redeliver", AdminKey, Refused, |t| (format!("/api/v1/webhooks/deliveries/{}/redeliver", t.own_delivery), NONE);
        "POST /api/v1/webhooks/deliveries/{delivery_id}/redeliver", AdminKey, Refused, |t| (format!("/api/v1/webhooks/deliveries/{}/redeliver", t.delivery), NONE);
        "POST /api/v1/payments/decode", AnybodyOrKey, Crosses, |t| ("/api/v1/payments/decode".into(), json!({"data": t.bolt11}));
    }
}

fn tenants() -> Vec<Row> {
    fn users(t: &Tenant) -> String {
        format!("/usermanager/api/v1/users/{}", t.wallet.user)
    }
    fn wallets(t: &Tenant) -> String {
        format!("/usermanager/api/v1/wallets/{}", t.wallet.id)
    }
    fn hooks(rest: &str) -> String {
        format!("/usermanager/api/v1/webhooks{rest}")
    }
    fn transfer(t: &Tenant) -> Value {
        json!({"from_wallet": t.wallet.id, "to_wallet": t.second.id, "amount": 1})
    }
    rows! {
        "POST /usermanager/api/v1/users", Key, OwnChange, |_| ("/usermanager/api/v1/users".into(), json!({"user_name": "x"}));
        "POST /usermanager/api/v1/users", Key, Refused, |t| ("/usermanager/api/v1/users".into(), json!({"user_name": "x", "admin_id": t.manager}));
        "GET /usermanager/api/v1/users", Key, OwnThings, |_| ("/usermanager/api/v1/users".into(), NONE);
        "GET /usermanager/api/v1/users", Key, Nothing, |t| (format!("/usermanager/api/v1/users?id={}", t.wallet.user), NONE);
        "GET /usermanager/api/v1/users/{user_id}", Key, Refused, |t| (users(t), NONE);
        "POST /usermanager/api/v1/users/{user_id}", Key, Refused, |t| (users(t), NONE);
        "PUT /usermanager/api/v1/users/{user_id}", AdminKey, Refused, |t| (users(t), json!({"user_name": "taken over", "password": "mine"}));
        "DELETE /usermanager/api/v1/users/{user_id}", AdminKey, Refused, |t| (users(t), NONE);
        "DELETE /usermanager/api/v1/users/{user_id}", AdminKey, Refused, |t| (format!("{}?sweep=true", users(t)), NONE);
        "POST /usermanager/api/v1/users/{user_id}/verify", AdminKey, Refused, |t| (format!("{}/verify", users(t)), json!({"password": "correct horse"}));
        "POST /usermanager/api/v1/wallets", Key, Refused, |t| ("/usermanager/api/v1/wallets".into(), json!({"user_id": t.wallet.user, "wallet_name": "mine"}));
        "GET /usermanager/api/v1/wallets", Key, OwnThings, |_| ("/usermanager/api/v1/wallets".into(), NONE);
        "GET /usermanager/api/v1/wallets/{id}", Key, Refused, |t| (format!("/usermanager/api/v1/wallets/{}", t.wallet.user), NONE);
        "PUT /usermanager/api/v1/rotate-all-keys", AdminKey, OwnChange, |_| ("/usermanager/api/v1/rotate-all-keys".into(), NONE);
        "PUT /usermanager/api/v1/wallets/{wallet_id}/keys", AdminKey, Refused, |t| (format!("{}/keys", wallets(t)), NONE);
        "DELETE /usermanager/api/v1/wallets/{id}", AdminKey, Refused, |t| (wallets(t), NONE);
        "DELETE /usermanager/api/v1/wallets/{id}", AdminKey, Refused, |t| (format!("{}?sweep=true", wallets(t)), NONE);
        "PUT /usermanager/api/v1/wallets/{wallet_id}/freeze", AdminKey, Refused, |t| (format!("{}/freeze", wallets(t)), json!({"scope": "everything"}));
        "DELETE /usermanager/api/v1/wallets/{wallet_id}/freeze", AdminKey, Refused, |t| (format!("{}/freeze", wallets(t)), NONE);
        "PUT /usermanager/api/v1/wallets/{wallet_id}/limits", AdminKey, Refused, |t| (format!("{}/limits", wallets(t)), json!({"day_max_sat": 1}));
        "GET /usermanager/api/v1/transactions/{wallet_id}", Key, Refused, |t| (format!("/usermanager/api/v1/transactions/{}", t.wallet.id), NONE);
        "POST /usermanager/api/v1/transfers", AdminKey, Refused, |t| ("/usermanager/api/v1/transfers".into(), transfer(t));
        "POST /usermanager/api/v1/transfers", AdminKey, Refused, |t| ("/usermanager/api/v1/transfers".into(), json!([transfer(t), transfer(t)]));
        "GET /usermanager/api/v1/webhook-format", AdminKey, OwnThings, |_| ("/usermanager/api/v1/webhook-format".into(), NONE);
        "PUT /usermanager/api/v1/webhook-format", AdminKey, OwnChange, |_| ("/usermanager/api/v1/webhook-format".into(), json!({"format": "lnbits"}));
        "POST /usermanager/api/v1/webhooks", AdminKey, OwnChange, |_| (hooks(""), json!({"url": "https://a.example/"}));
        "GET /usermanager/api/v1/webhooks", AdminKey, OwnThings, |_| (hooks(""), NONE);
        "GET /usermanager/api/v1/webhooks/{webhook_id}", AdminKey, Refused, |t| (hooks(&format!("/{}", t.webhook)), NONE);
        "PUT /usermanager/api/v1/webhooks/{webhook_id}", AdminKey, Refused, |t| (hooks(&format!("/{}", t.webhook)), json!({"url": "https://mine.example/"}));
        "DELETE /usermanager/api/v1/webhooks/{webhook_id}", AdminKey, Refused, |t| (hooks(&format!("/{}", t.webhook)), NONE);
        "PUT /usermanager/api/v1/webhooks/{webhook_id}/secret", AdminKey, Refused, |t| (hooks(&format!("/{}/secret", t.webhook)), NONE);
        "POST /usermanager/api/v1/webhooks/{webhook_id}/test", AdminKey, Refused, |t| (hooks(&format!("/{}/test", t.webhook)), NONE);
        "GET /usermanager/api/v1/webhooks/{webhook_id}/deliveries", AdminKey, Refused, |t| (hooks(&format!("/{}/deliveries", t.webhook)), NONE);
        "POST /usermanager/api/v1/webhooks/{webhook_id}/redeliver", AdminKey, Refused, |t| (hooks(&format!("/{}/redeliver", t.webhook)), json!({"since": 0}));
        "GET /usermanager/api/v1/webhooks/deliveries/{delivery_id}", AdminKey, Refused, |t| (hooks(&format!("/deliveries/{}", t.delivery)), NONE);
        "GET /usermanager/api/v1/webhooks/deliveries/{delivery_id}", AdminKey, Refused, |t| (hooks(&format!("/deliveries/{}", t.own_delivery)), NONE);
        "POST /usermanager/api/v1/webhooks/deliveries/{delivery_id}/redeliver", AdminKey, Refused, |t| (hooks(&format!("/deliveries/{}/redeliver", t.delivery)), NONE);
        "POST /usermanager/api/v1/webhooks/deliveries/{delivery_id}/redeliver", AdminKey, Refused, |t| (hooks(&format!("/deliveries/{}/redeliver", t.own_delivery)), NONE);
        "POST /usermanager/api/v1/extensions", Key, Refused, |t| (format!("/usermanager/api/v1/extensions?extension=x&userid={}&active=true", t.wallet.user), NONE);
    }
}

fn operators() -> Vec<Row> {
    fn manager(t: &Tenant) -> String {
        format!("/users/api/v1/user/{}", t.manager)
    }
    fn user(t: &Tenant) -> String {
        format!("/users/api/v1/user/{}", t.wallet.user)
    }
    fn freeze(t: &Tenant) -> String {
        format!("/users/api/v1/wallet/{}/freeze", t.wallet.id)
    }
    rows! {
        "GET /users/api/v1/user", OperatorOrReads, OwnThings, |_| ("/users/api/v1/user".into(), NONE);
        "GET /users/api/v1/user", OperatorOrReads, Nothing, |t| (format!("/users/api/v1/user?id={}", t.wallet.user), NONE);
        "GET /users/api/v1/user", OperatorOrReads, Nothing, |t| (format!("/users/api/v1/user?wallet_id={}", t.wallet.id), NONE);
        "GET /users/api/v1/user", OperatorOrReads, Nothing, |t| (format!("/users/api/v1/user?search={}", t.wallet.user), NONE);
        "POST /users/api/v1/user", OperatorOrUsers, OwnChange, |_| ("/users/api/v1/user".into(), json!({"name": "mine"}));
        "GET /users/api/v1/user/{user_id}", OperatorOrReads, Refused, |t| (user(t), NONE);
        "GET /users/api/v1/user/{user_id}", OperatorOrReads, Refused, |t| (manager(t), NONE);
        "PUT /users/api/v1/user/{user_id}", OperatorOrUsers, Refused, |t| (user(t), json!({"username": "taken-over", "password": "mine alone"}));
        "PUT /users/api/v1/user/{user_id}", OperatorOrUsers, Refused, |t| (manager(t), json!({"password": "mine alone"}));
        "DELETE /users/api/v1/user/{user_id}", OperatorOrUsers, Refused, |t| (user(t), NONE);
        "DELETE /users/api/v1/user/{user_id}", OperatorOrUsers, Refused, |t| (manager(t), NONE);
        "PUT /users/api/v1/user/{user_id}/activate", Users, Refused, |t| (format!("{}/activate", user(t)), NONE);
        "PUT /users/api/v1/user/{user_id}/activate", Users, Refused, |t| (format!("{}/activate?active=false", manager(t)), NONE);
        "PUT /users/api/v1/user/{user_id}/keys", Operator, Crosses, |t| (format!("{}/keys", manager(t)), NONE);
        "GET /users/api/v1/user/{user_id}/wallet", OperatorOrReads, Refused, |t| (format!("{}/wallet", user(t)), NONE);
        "POST /users/api/v1/user/{user_id}/wallet", OperatorOrUsers, Refused, |t| (format!("{}/wallet", user(t)), json!({"name": "mine"}));
        "DELETE /users/api/v1/user/{user_id}/wallet/{wallet_id}", Users, Refused, |t| (format!("{}/wallet/{}", user(t), t.wallet.id), NONE);
        "PUT /users/api/v1/balance", Operator, Crosses, |t| ("/users/api/v1/balance".into(), json!({"id": t.wallet.id, "amount": 1}));
        "PUT /users/api/v1/wallet/{wallet_id}/freeze", Operator, Crosses, |t| (freeze(t), json!({"scope": "spending"}));
        "DELETE /users/api/v1/wallet/{wallet_id}/freeze", Operator, Crosses, |t| (freeze(t), NONE);
        "GET /users/api/v1/audit", Operator, Crosses, |_| ("/users/api/v1/audit".into(), NONE);
        "GET /api/v1/auth", Account, OwnThings, |_| ("/api/v1/auth".into(), NONE);
        "POST /api/v1/auth/logout", Session, Crosses, |_| ("/api/v1/auth/logout".into(), NONE);
        "POST /api/v1/auth/tokens", Everything, OwnChange, |_| ("/api/v1/auth/tokens".into(), json!({"name": "mine", "scopes": ["all"]}));
        "GET /api/v1/auth/tokens", Everything, OwnThings, |_| ("/api/v1/auth/tokens".into(), NONE);
        "DELETE /api/v1/auth/tokens/{token_id}", Everything, Refused, |t| (format!("/api/v1/auth/tokens/{}", t.token), NONE);
    }
}

/// For everybody; what these answer anybody else tests, but they must change nothing.
fn everybodys() -> Vec<Row> {
    rows! {
        "POST /api/v1/auth", Anybody, Crosses, |_| ("/api/v1/auth".into(), json!({"username": "game", "password": "guess"}));
        "POST /api/v1/account", Anybody, Crosses, |_| ("/api/v1/account".into(), json!({"name": "mine"}));
        "GET /api/v1/payments/fee-reserve", Anybody, Crosses, |t| (format!("/api/v1/payments/fee-reserve?invoice={}", t.bolt11), NONE);
        "GET /api/v1/health", Anybody, Crosses, |_| ("/api/v1/health".into(), NONE);
        "GET /api/v1/health/ready", Anybody, Crosses, |_| ("/api/v1/health/ready".into(), NONE);
        "GET /api/v1/qrcode/{data}", Anybody, Crosses, |t| (format!("/api/v1/qrcode/{}", t.bolt11), NONE);
        // Not opened as a socket; what keys in the path open, tests/live look at.
        "GET /api/v1/ws/{item}", Anybody, Crosses, |t| (format!("/api/v1/ws/{}", t.hash), NONE);
        "GET /openapi.json", Anybody, Crosses, |_| ("/openapi.json".into(), NONE);
    }
}
