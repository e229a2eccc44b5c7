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
    /// Either key of a wallet, or somebody who has logged in.
    KeyOrSession,
    /// The admin key of a wallet, or somebody who has logged in.
    AdminKeyOrSession,
    /// The admin key of a wallet, or a manager with any token.
    AdminKeyOrReads,
    /// Either key of a wallet, in a token of LNDHub.
    Hub,
    /// The admin key of a wallet, in a token of LNDHub.
    HubAdmin,
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
    /// Whether a key is enough.
    pub(crate) const fn is_for_keys(self) -> bool {
        match self {
            Self::AnybodyOrKey
            | Self::Key
            | Self::AdminKey
            | Self::KeyOrSession
            | Self::AdminKeyOrSession
            | Self::AdminKeyOrReads
            | Self::Hub
            | Self::HubAdmin => true,
            Self::Anybody
            | Self::Session
            | Self::Account
            | Self::Everything
            | Self::Users
            | Self::OperatorOrReads
            | Self::OperatorOrUsers
            | Self::Operator => false,
        }
    }

    /// Whether an invoice key is not.
    pub(crate) const fn needs_admin(self) -> bool {
        matches!(self, Self::AdminKey | Self::AdminKeyOrSession | Self::AdminKeyOrReads | Self::HubAdmin)
    }

    /// Whether LNDHub is spoken.
    pub(crate) const fn is_hub(self) -> bool {
        matches!(self, Self::Hub | Self::HubAdmin)
    }

    /// The scope that a token of a manager's needs; `None` where no token will do, but perhaps the
    /// session of a manager will.
    pub(crate) fn scope(self) -> Option<&'static str> {
        match self {
            Self::Account | Self::Everything => Some("all"),
            Self::Users | Self::OperatorOrUsers => Some("users"),
            Self::OperatorOrReads | Self::AdminKeyOrReads => Some("read"),
            Self::Anybody
            | Self::AnybodyOrKey
            | Self::Key
            | Self::AdminKey
            | Self::KeyOrSession
            | Self::AdminKeyOrSession
            | Self::Hub
            | Self::HubAdmin
            | Self::Session
            | Self::Operator => None,
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
    let all =
        [wallets_own(), hub(), pay_links(), withdraw_links(), cards(), tenants(), holds(), operators(), everybodys()];
    all.into_iter().flatten().collect()
}

fn wallets_own() -> Vec<Row> {
    rows! {
        "GET /api/v1/wallet", Key, OwnThings, |_| ("/api/v1/wallet".into(), NONE);
        "PATCH /api/v1/wallet", AdminKey, OwnChange, |_| ("/api/v1/wallet".into(), json!({"name": "taken over"}));
        "PUT /api/v1/wallet/{new_name}", AdminKey, OwnChange, |_| ("/api/v1/wallet/taken-over".into(), NONE);
        "POST /api/v1/wallet", AdminKey, OwnChange, |_| ("/api/v1/wallet".into(), json!({"name": "another"}));
        "DELETE /api/v1/wallet", AdminKey, OwnChange, |_| ("/api/v1/wallet".into(), NONE);
        "PUT /api/v1/wallet/reset/{wallet_id}", AdminKeyOrSession, Refused, |t| (format!("/api/v1/wallet/reset/{}", t.wallet.id), NONE);
        "PUT /api/v1/extension/{name}/enable", KeyOrSession, OwnThings, |_| ("/api/v1/extension/lnurlp/enable".into(), NONE);
        "PUT /api/v1/extension/{name}/disable", KeyOrSession, OwnThings, |_| ("/api/v1/extension/lnurlp/disable".into(), NONE);
        "PATCH /api/v1/payments/extra", AdminKey, Refused, |t| ("/api/v1/payments/extra".into(), json!({"payment_hash": t.hash, "extra": {"a": 1}}));
        "GET /api/v1/payments/stats/count", Key, OwnThings, |_| ("/api/v1/payments/stats/count?count_by=wallet_id".into(), NONE);
        "GET /api/v1/payments/stats/count", Key, Nothing, |t| (format!("/api/v1/payments/stats/count?wallet_id={}", t.wallet.id), NONE);
        "GET /api/v1/payments/stats/wallets", Key, OwnThings, |_| ("/api/v1/payments/stats/wallets".into(), NONE);
        "GET /api/v1/payments/stats/wallets", Key, Nothing, |t| (format!("/api/v1/payments/stats/wallets?wallet_id={}", t.wallet.id), NONE);
        "GET /api/v1/payments/stats/daily", Key, Nothing, |t| (format!("/api/v1/payments/stats/daily?wallet_id={}", t.wallet.id), NONE);
        "GET /api/v1/payments/stats/breakdown", Key, OwnThings, |_| ("/api/v1/payments/stats/breakdown".into(), NONE);
        "GET /lndhub/api/v1/links", AdminKey, OwnThings, |_| ("/lndhub/api/v1/links".into(), NONE);
        "GET /lndhub/api/v1/links/{wallet_id}", AdminKey, Refused, |t| (format!("/lndhub/api/v1/links/{}", t.wallet.id), NONE);
        "GET /api/v1/payments/all/paginated", AdminKeyOrReads, OwnThings, |_| ("/api/v1/payments/all/paginated?limit=1000".into(), NONE);
        "GET /api/v1/payments/all/paginated", AdminKeyOrReads, Nothing, |t| (format!("/api/v1/payments/all/paginated?wallet_id={}", t.wallet.id), NONE);
        "GET /api/v1/payments/all/paginated", AdminKeyOrReads, Nothing, |t| (format!("/api/v1/payments/all/paginated?payment_hash={}", t.hash), NONE);
        "GET /api/v1/payments/all/paginated", AdminKeyOrReads, Nothing, |t| (format!("/api/v1/payments/all/paginated?search={}", t.hash), NONE);
        "GET /api/v1/payments/all/paginated", AdminKeyOrReads, Nothing, |t| (format!("/api/v1/payments/all/paginated?search={}", t.wallet.user), NONE);
        "GET /api/v1/wallets", AdminKeyOrReads, OwnThings, |_| ("/api/v1/wallets".into(), NONE);
        "GET /api/v1/wallets", AdminKeyOrReads, Nothing, |t| (format!("/api/v1/wallets?search={}", t.wallet.id), NONE);
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
        "POST /api/v1/payments/settle", AdminKey, Refused, |t| ("/api/v1/payments/settle".into(), json!({"preimage": t.preimage}));
        "POST /api/v1/payments/cancel", AdminKey, Refused, |t| ("/api/v1/payments/cancel".into(), json!({"payment_hash": t.held_hash}));
        "POST /api/v1/payments/decode", AnybodyOrKey, Crosses, |t| ("/api/v1/payments/decode".into(), json!({"data": t.bolt11}));
    }
}

fn hub() -> Vec<Row> {
    fn ext(rest: &str) -> String {
        format!("/lndhub/ext/{rest}")
    }
    rows! {
        "GET /lndhub/ext/getinfo", Anybody, Crosses, |_| (ext("getinfo"), NONE);
        "POST /lndhub/ext/auth", Anybody, Crosses, |t| (ext("auth"), json!({"login": "admin", "password": t.wallet.id}));
        "POST /lndhub/ext/addinvoice", Hub, OwnChange, |_| (ext("addinvoice"), json!({"amt": 1, "memo": ""}));
        "POST /lndhub/ext/payinvoice", HubAdmin, Crosses, |t| (ext("payinvoice"), json!({"invoice": t.bolt11}));
        "GET /lndhub/ext/balance", Hub, OwnThings, |_| (ext("balance"), NONE);
        "GET /lndhub/ext/gettxs", Hub, OwnThings, |_| (ext("gettxs?limit=200"), NONE);
        "GET /lndhub/ext/getuserinvoices", Hub, OwnThings, |_| (ext("getuserinvoices?limit=200"), NONE);
        "GET /lndhub/ext/getbtc", Hub, OwnThings, |_| (ext("getbtc"), NONE);
        "GET /lndhub/ext/getpending", Hub, OwnThings, |_| (ext("getpending"), NONE);
        "GET /lndhub/ext/decodeinvoice", Anybody, Crosses, |t| (ext(&format!("decodeinvoice?invoice={}", t.bolt11)), NONE);
        "GET /lndhub/ext/checkrouteinvoice", Anybody, Crosses, |_| (ext("checkrouteinvoice"), NONE);
    }
}

fn pay_links() -> Vec<Row> {
    fn link(t: &Tenant) -> String {
        format!("/lnurlp/api/v1/links/{}", t.pay_link)
    }
    fn whole() -> Value {
        json!({"description": "taken over", "username": "taken"})
    }
    // Who looks at a link is counted, so that these look for one that is nobody's.
    rows! {
        "GET /lnurlp/api/v1/links", Key, OwnThings, |_| ("/lnurlp/api/v1/links?all_wallets=true".into(), NONE);
        "POST /lnurlp/api/v1/links", AdminKey, OwnChange, |_| ("/lnurlp/api/v1/links".into(), whole());
        "POST /lnurlp/api/v1/links", AdminKey, Refused, |t| ("/lnurlp/api/v1/links".into(), json!({"description": "x", "wallet": t.wallet.id}));
        "GET /lnurlp/api/v1/links/{link}", Key, Refused, |t| (link(t), NONE);
        "PUT /lnurlp/api/v1/links/{link}", AdminKey, Refused, |t| (link(t), whole());
        "DELETE /lnurlp/api/v1/links/{link}", AdminKey, Refused, |t| (link(t), NONE);
        "GET /api/v1/lnurlscan/{code}", Key, Crosses, |_| ("/api/v1/lnurlscan/nobody@127.0.0.1".into(), NONE);
        "POST /api/v1/lnurlscan", Key, Crosses, |_| ("/api/v1/lnurlscan".into(), json!({"lnurl": "nobody@127.0.0.1"}));
        "POST /api/v1/payments/lnurl", AdminKey, Crosses, |_| ("/api/v1/payments/lnurl".into(), json!({"lnurl": "nobody@127.0.0.1", "amount": 1000}));
        "GET /lnurlp/api/v1/links/public/{link}", Anybody, Crosses, |t| (format!("/lnurlp/api/v1/links/public/{}", t.pay_link), NONE);
        "GET /lnurlp/{link}", Anybody, Crosses, |_| ("/lnurlp/nobodys".into(), NONE);
        "GET /lnurlp/api/v1/lnurl/{link}", Anybody, Crosses, |_| ("/lnurlp/api/v1/lnurl/nobodys".into(), NONE);
        "GET /lnurlp/api/v1/lnurl/cb/{link}", Anybody, Crosses, |_| ("/lnurlp/api/v1/lnurl/cb/nobodys?amount=1000".into(), NONE);
        "GET /.well-known/lnurlp/{name}", Anybody, Crosses, |_| ("/.well-known/lnurlp/nobody".into(), NONE);
        "GET /lnurlp/api/v1/well-known/{name}", Anybody, Crosses, |_| ("/lnurlp/api/v1/well-known/nobody".into(), NONE);
    }
}

fn withdraw_links() -> Vec<Row> {
    fn link(t: &Tenant) -> String {
        format!("/withdraw/api/v1/links/{}", t.withdraw_link)
    }
    fn open(rest: &str) -> String {
        format!("/withdraw/api/v1/lnurl/{rest}")
    }
    fn whole() -> Value {
        json!({"title": "x", "min_withdrawable": 1, "max_withdrawable": 9, "uses": 9, "wait_time": 1, "is_unique": false})
    }
    rows! {
        "GET /withdraw/api/v1/links", Key, OwnThings, |_| ("/withdraw/api/v1/links".into(), NONE);
        "GET /withdraw/api/v1/links", Key, OwnThings, |_| ("/withdraw/api/v1/links?all_wallets=true".into(), NONE);
        "POST /withdraw/api/v1/links", AdminKey, OwnChange, |_| ("/withdraw/api/v1/links".into(), whole());
        "GET /withdraw/api/v1/links/{link}", Key, Refused, |t| (link(t), NONE);
        "PUT /withdraw/api/v1/links/{link}", AdminKey, Refused, |t| (link(t), whole());
        "DELETE /withdraw/api/v1/links/{link}", AdminKey, Refused, |t| (link(t), NONE);
        // Who has a link is paid by it, whoever that is.
        "GET /withdraw/api/v1/lnurl/{unique_hash}", Anybody, Crosses, |t| (open(&t.unique_hash), NONE);
        "GET /withdraw/api/v1/lnurl/{unique_hash}/{id_unique_hash}", Anybody, Crosses, |t| (open(&format!("{}/x", t.unique_hash)), NONE);
        "GET /withdraw/api/v1/lnurl/cb/{unique_hash}", Anybody, Crosses, |t| (open(&format!("cb/{}?k1={}&pr={}", t.unique_hash, t.hash, t.bolt11)), NONE);
    }
}

fn cards() -> Vec<Row> {
    fn card(t: &Tenant, rest: &str) -> String {
        format!("/boltcards/api/v1/cards/{}{rest}", t.card)
    }
    fn boltcards(rest: &str) -> String {
        format!("/boltcards/api/v1/{rest}")
    }
    rows! {
        "GET /boltcards/api/v1/cards", Key, OwnThings, |_| (boltcards("cards"), NONE);
        "GET /boltcards/api/v1/cards", Key, OwnThings, |_| (boltcards("cards?all_wallets=true"), NONE);
        "POST /boltcards/api/v1/cards", AdminKey, OwnChange, |_| (boltcards("cards"), json!({"card_name": "x", "uid": "04996c6a926980"}));
        "PUT /boltcards/api/v1/cards/{card}", AdminKey, Refused, |t| (card(t, ""), json!({"tx_limit": 1_000_000}));
        "DELETE /boltcards/api/v1/cards/{card}", AdminKey, Refused, |t| (card(t, ""), NONE);
        "POST /boltcards/api/v1/cards/{card}/otp", AdminKey, Refused, |t| (card(t, "/otp"), NONE);
        "GET /boltcards/api/v1/cards/enable/{card}/{enable}", AdminKey, Refused, |t| (boltcards(&format!("cards/enable/{}/false", t.card)), NONE);
        "GET /boltcards/api/v1/hits", Key, OwnThings, |_| (boltcards("hits"), NONE);
        "GET /boltcards/api/v1/hits", Key, OwnThings, |_| (boltcards("hits?all_wallets=true"), NONE);
        "GET /boltcards/api/v1/refunds", Key, OwnThings, |_| (boltcards("refunds?all_wallets=true"), NONE);
        // Whose card it is, the card proves, and nobody's key.
        "POST /api/v1/payments/{payment_request}/pay-with-nfc", Key, Crosses, |t| (format!("/api/v1/payments/{}/pay-with-nfc", t.bolt11), json!({"lnurl_w": "lnurlw://127.0.0.1/"}));
        "GET /boltcards/api/v1/auth", Anybody, Crosses, |t| (boltcards(&format!("auth?a={}", t.external_id)), NONE);
        "POST /boltcards/api/v1/auth", Anybody, Crosses, |t| (boltcards(&format!("auth?a={}&wipe=true", t.card)), json!({"UID": "04996c6a926980"}));
        "GET /boltcards/api/v1/scan/{external}", Anybody, Crosses, |t| (boltcards(&format!("scan/{}?p=4E2E289D945A66BB13377A728884E867&c=E19CCB1FED8892CE", t.external_id)), NONE);
        "GET /boltcards/api/v1/lnurl/cb/{hit}", Anybody, Crosses, |t| (boltcards(&format!("lnurl/cb/{}?k1={}&pr={}", t.hit, t.hit, t.bolt11)), NONE);
        "GET /boltcards/api/v1/lnurlp/{hit}", Anybody, Crosses, |t| (boltcards(&format!("lnurlp/{}", t.hit)), NONE);
        "GET /boltcards/api/v1/lnurlp/cb/{hit}", Anybody, Crosses, |t| (boltcards(&format!("lnurlp/cb/{}?amount=1000", t.hit)), NONE);
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
        "GET /usermanager/api/v1/transactions", AdminKeyOrReads, OwnThings, |_| ("/usermanager/api/v1/transactions".into(), NONE);
        "GET /usermanager/api/v1/transactions", AdminKeyOrReads, Nothing, |t| (format!("/usermanager/api/v1/transactions?search={}", t.hash), NONE);
        "GET /usermanager/api/v1/transactions", AdminKeyOrReads, Nothing, |t| (format!("/usermanager/api/v1/transactions?search={}", t.wallet.id), NONE);
        "GET /usermanager/api/v1/overview", AdminKeyOrReads, OwnThings, |_| ("/usermanager/api/v1/overview".into(), NONE);
        "GET /usermanager/api/v1/export", AdminKeyOrReads, OwnThings, |_| ("/usermanager/api/v1/export?what=users".into(), NONE);
        "GET /usermanager/api/v1/export", AdminKeyOrReads, OwnThings, |_| ("/usermanager/api/v1/export?what=wallets&format=csv".into(), NONE);
        "GET /usermanager/api/v1/export", AdminKeyOrReads, OwnThings, |_| ("/usermanager/api/v1/export?what=payments&format=csv".into(), NONE);
        "GET /usermanager/api/v1/users", Key, Nothing, |t| (format!("/usermanager/api/v1/users?search={}", t.wallet.user), NONE);
        "GET /usermanager/api/v1/wallets", Key, Nothing, |t| (format!("/usermanager/api/v1/wallets?search={}", t.wallet.id), NONE);
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

fn holds() -> Vec<Row> {
    fn holds(rest: &str) -> String {
        format!("/usermanager/api/v1/holds{rest}")
    }
    fn hold(t: &Tenant, rest: &str) -> String {
        holds(&format!("/{}{rest}", t.hold))
    }
    fn order(t: &Tenant) -> Value {
        json!({"wallet": t.wallet.id, "amount": 1})
    }
    fn group(t: &Tenant) -> String {
        format!("private-{}", t.manager)
    }
    rows! {
        "POST /usermanager/api/v1/holds", AdminKey, Refused, |t| (holds(""), order(t));
        "POST /usermanager/api/v1/holds", AdminKey, Refused, |t| (holds(""), json!([order(t), order(t)]));
        "GET /usermanager/api/v1/holds", Key, OwnThings, |_| (holds(""), NONE);
        "GET /usermanager/api/v1/holds", Key, Refused, |t| (holds(&format!("?wallet={}", t.wallet.id)), NONE);
        "GET /usermanager/api/v1/holds", Key, Nothing, |t| (holds(&format!("?group={}", group(t))), NONE);
        "GET /usermanager/api/v1/holds/{hold_id}", Key, Refused, |t| (hold(t, ""), NONE);
        "POST /usermanager/api/v1/holds/{hold_id}/capture", AdminKey, Refused, |t| (hold(t, "/capture"), json!({"to_wallet": t.second.id}));
        "POST /usermanager/api/v1/holds/{hold_id}/void", AdminKey, Refused, |t| (hold(t, "/void"), NONE);
        "POST /usermanager/api/v1/holds/settle", AdminKey, Refused, |t| (holds("/settle"), json!({"captures": [{"hold": t.hold, "to": [{"wallet": t.second.id}]}]}));
        "POST /usermanager/api/v1/holds/settle", AdminKey, Refused, |t| (holds("/settle"), json!({"void": [t.hold]}));
        // A group of the same name is the caller's own, and has nothing in it.
        "POST /usermanager/api/v1/holds/settle", AdminKey, Nothing, |t| (holds("/settle"), json!({"group": group(t)}));
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
        "GET /users/api/v1/node", Operator, Crosses, |_| ("/users/api/v1/node".into(), NONE);
        "GET /users/api/v1/node/payments", Operator, Crosses, |_| ("/users/api/v1/node/payments".into(), NONE);
        "POST /users/api/v1/node/payments/{payment_id}/end", Operator, Refused, |t| (format!("/users/api/v1/node/payments/{}/end", t.wallet.id), json!({"arrived": false, "reason": "lost"}));
        "GET /api/v1/auth", Account, OwnThings, |_| ("/api/v1/auth".into(), NONE);
        "PUT /api/v1/auth/password", Session, Crosses, |_| ("/api/v1/auth/password".into(), json!({"password_old": "correct horse", "password": "mine alone"}));
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
        "GET /api/v1/status", Anybody, Crosses, |_| ("/api/v1/status".into(), NONE);
        "GET /api/v1/health/ready", Anybody, Crosses, |_| ("/api/v1/health/ready".into(), NONE);
        "GET /api/v1/qrcode", Anybody, Crosses, |t| (format!("/api/v1/qrcode?data={}", t.bolt11), NONE);
        "GET /api/v1/qrcode/{data}", Anybody, Crosses, |t| (format!("/api/v1/qrcode/{}", t.bolt11), NONE);
        "GET /api/v1/currencies", Anybody, Crosses, |_| ("/api/v1/currencies".into(), NONE);
        "GET /api/v1/rate/{currency}", Anybody, Crosses, |_| ("/api/v1/rate/USD".into(), NONE);
        "GET /api/v1/rate/history", Anybody, Crosses, |_| ("/api/v1/rate/history".into(), NONE);
        "POST /api/v1/conversion", Anybody, Crosses, |_| ("/api/v1/conversion".into(), json!({"from_": "USD", "amount": 1}));
        // Not opened as a socket; what keys in the path open, tests/live look at.
        "GET /api/v1/ws/{item}", Anybody, Crosses, |t| (format!("/api/v1/ws/{}", t.hash), NONE);
        "GET /openapi.json", Anybody, Crosses, |_| ("/openapi.json".into(), NONE);
    }
}
