//! Two tenants, and everybody who has no right to what is theirs.

use satkeep::domain::api_keys::ApiKey;
use satkeep::domain::node::Preimage;
use serde_json::{Value, json};

use crate::harness::{Card, Server, Wallet};

/// The ids that requests name.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    /// The manager's user id.
    pub(crate) manager: String,
    /// A wallet of one of its users.
    pub(crate) wallet: Wallet,
    /// Another one's.
    pub(crate) second: Wallet,
    /// An open invoice of the first wallet.
    pub(crate) bolt11: String,
    /// Its payment hash.
    pub(crate) hash: String,
    /// An endpoint of the manager's.
    pub(crate) webhook: String,
    /// What was sent there.
    pub(crate) delivery: String,
    /// What was sent to the webhook of an invoice of the manager's own wallet.
    pub(crate) own_delivery: String,
    /// A pay link of the first wallet.
    pub(crate) pay_link: String,
    /// A withdraw link of the first wallet.
    pub(crate) withdraw_link: String,
    /// What stands in its URL.
    pub(crate) unique_hash: String,
    /// A card of the first wallet.
    pub(crate) card: String,
    /// What stands in its URL.
    pub(crate) external_id: String,
    /// A tap of it.
    pub(crate) hit: String,
    /// The id of a token of the manager's.
    pub(crate) token: String,
    /// Money of the first wallet that is on hold.
    pub(crate) hold: String,
    /// The preimage of a hold invoice of the first wallet, which was paid.
    pub(crate) preimage: String,
    /// Its payment hash.
    pub(crate) held_hash: String,
}

/// Somebody who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
}

pub(crate) fn with_key(name: &'static str, key: &str) -> Caller {
    Caller { name, headers: vec![("X-Api-Key", key.to_owned())] }
}

impl Caller {
    /// The same caller, who shows its key in a token of LNDHub.
    pub(crate) fn as_hub(&self) -> Self {
        let token = |(name, value): &(&'static str, String)| match *name {
            "X-Api-Key" => {
                let token = satkeep::domain::lndhub::token("admin", &ApiKey::from_client(value));
                ("Authorization", format!("Bearer {}", *token))
            }
            name => (name, value.clone()),
        };
        Self { name: self.name, headers: self.headers.iter().map(token).collect() }
    }
}

pub(crate) fn with_token(name: &'static str, token: &str) -> Caller {
    Caller { name, headers: vec![("Authorization", format!("Bearer {token}"))] }
}

/// Somebody who shows a token.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) caller: Caller,
    /// What it may do; `None` for a session.
    scope: Option<&'static str>,
}

impl Token {
    /// Whether it has the scope that is needed.
    pub(crate) fn reaches(&self, needed: &str) -> bool {
        self.scope.is_none_or(|scope| scope == "all" || needed == "read" || scope == needed)
    }

    /// Whether it is a session.
    pub(crate) const fn is_session(&self) -> bool {
        self.scope.is_none()
    }
}

pub(crate) struct World {
    /// Whose things are to be reached.
    pub(crate) victim: Tenant,
    /// Another tenant.
    pub(crate) strangers: Tenant,
    /// Ids that are nobody's.
    pub(crate) nobody: Tenant,
    /// Callers whose keys or sessions are no good, or no longer.
    pub(crate) revoked: Vec<Caller>,
    /// Callers of other tenants, with good admin keys.
    pub(crate) foreign_admins: Vec<Caller>,
    /// Callers of other tenants, with good invoice keys.
    pub(crate) foreign_invoices: Vec<Caller>,
    /// The victim's manager, with its invoice key.
    pub(crate) own_invoice: Caller,
    /// The victim's manager, who has logged in.
    pub(crate) session: Caller,
    /// Its programs, with tokens of every scope.
    pub(crate) own_tokens: Vec<Token>,
    /// Another manager's: first a session, then tokens of every scope.
    pub(crate) foreign_tokens: Vec<Token>,
    /// Texts that no refusal and no foreign answer may hold.
    pub(crate) secrets: Vec<String>,
}

impl World {
    pub(crate) fn make(server: &Server) -> Self {
        let operator = server.operator("root");
        let victim = tenant(server, &server.manager);
        let stranger = server.new_manager("stranger", 1_000);
        let strangers = tenant(server, &stranger);
        let users_user = server.wallet_of(&server.manager.admin, "user's own key");

        let rotated = server.wallet_of(&server.manager.admin, "rotated");
        let path = format!("/usermanager/api/v1/wallets/{}/keys", rotated.id);
        server.put(&path, &server.manager.admin, &Value::Null).expect(200);
        let deleted = server.wallet_of(&server.manager.admin, "deleted");
        server.delete(&format!("/usermanager/api/v1/users/{}", deleted.user), &server.manager.admin).expect(200);
        let frozen = server.wallet_of(&server.manager.admin, "frozen");
        let path = format!("/users/api/v1/wallet/{}/freeze", frozen.id);
        server.as_session("PUT", &path, &operator, &json!({"scope": "everything"})).expect(200);

        let path = format!("/users/api/v1/user/{}", server.manager.user);
        let login = json!({"username": "game", "password": "correct horse"});
        server.as_session("PUT", &path, &operator, &login).expect(200);
        let path = format!("/users/api/v1/user/{}", stranger.user);
        let login = json!({"username": "another", "password": "correct horse"});
        server.as_session("PUT", &path, &operator, &login).expect(200);
        let log_in_as = |username: &str| -> String {
            let session = server.log_in(username, "correct horse").expect(200);
            session["access_token"].as_str().unwrap().to_owned()
        };
        let log_in = || log_in_as("game");
        let expired = log_in();
        server.database.execute("UPDATE sessions SET expires_at_ms = 1").unwrap();
        let logged_out = log_in();
        server.as_session("POST", "/api/v1/auth/logout", &logged_out, &Value::Null).expect(200);
        let session = log_in();
        let foreign_session = log_in_as("another");

        let second = server.operator("second");
        let own_tokens = tokens(server, &server.manager, OWN);
        let mut foreign_tokens = tokens(server, &stranger, FOREIGN);
        let of_session = Token { caller: with_token("another manager's session", &foreign_session), scope: None };
        foreign_tokens.insert(0, of_session);
        let gone = server.new_manager("gone", 0);
        let token_of_gone = token(server, &gone, "all").1;
        server.as_session("DELETE", &format!("/users/api/v1/user/{}", gone.user), &second, &Value::Null).expect(200);
        let (id, revoked_token) = token(server, &server.manager, "all");
        server.cli(&["manager", "token", "revoke", "--id", &id]).unwrap();
        let (id, expired_token) = token(server, &server.manager, "all");
        server
            .database
            .execute(&format!("UPDATE tokens SET expires_at_ms = 1 WHERE id = {}", server.store.bytes(&id)))
            .unwrap();
        // The use of none is noted any more: the wall looks whether anything has changed.
        server.database.execute("UPDATE tokens SET last_used_at_ms = 4102444800000").unwrap();

        let random = "5eed5eed5eed5eed5eed5eed5eed5eed";
        let mut revoked = vec![
            Caller { name: "nobody", headers: vec![] },
            with_key("an empty key", ""),
            with_key("a random key", random),
            with_key("an id as a key", &server.manager.user),
            with_key("a session as a key", &session),
            with_key("a rotated admin key", &rotated.admin),
            with_key("a rotated invoice key", &rotated.invoice),
            with_key("a deleted wallet's admin key", &deleted.admin),
            with_key("a deleted wallet's invoice key", &deleted.invoice),
            with_key("a frozen wallet's admin key", &frozen.admin),
            with_key("a frozen wallet's invoice key", &frozen.invoice),
            with_token("a random token", random),
            with_token("an expired session", &expired),
            with_token("the session of an operator, expired", &operator),
            with_token("a session that was logged out", &logged_out),
            with_token("an admin key as a token", &server.manager.admin),
        ];
        for (name, token) in [
            ("a token that was revoked", &revoked_token),
            ("a token that has ended", &expired_token),
            ("a token of a manager who was deleted", &token_of_gone),
        ] {
            revoked.push(with_token(name, token));
        }
        // Its browser sends the cookie, whoever asks it to.
        let cookie = ("Cookie", format!("cookie_access_token={session}"));
        revoked.push(Caller {
            name: "a page of somebody's, in the browser of a manager who has logged in",
            headers: vec![cookie, ("Origin", "https://evil.example".into())],
        });
        revoked.push(Caller {
            name: "a scheme that is not there",
            headers: vec![("Authorization", "Basic Z2FtZTpnYW1l".into())],
        });
        let mut secrets = secrets_of(&victim, &server.manager);
        secrets.extend(secrets_of(&strangers, &stranger));
        secrets.extend([session.clone(), foreign_session.clone()]);
        secrets.extend(own_tokens.iter().map(|token| token.caller.headers[0].1.replace("Bearer ", "")));
        Self {
            nobody: nobody(&strangers),
            strangers,
            foreign_admins: vec![
                with_key("another manager's admin key", &stranger.admin),
                with_key("a user's admin key", &users_user.admin),
            ],
            foreign_invoices: vec![
                with_key("another manager's invoice key", &stranger.invoice),
                with_key("a user's invoice key", &users_user.invoice),
            ],
            own_invoice: with_key("the manager's invoice key", &server.manager.invoice),
            session: with_token("a manager's session", &session),
            own_tokens,
            foreign_tokens,
            victim,
            revoked,
            secrets,
        }
    }
}

const OWN: [(&str, &str); 4] = [
    ("the manager's token to read", "read"),
    ("the manager's token for users", "users"),
    ("the manager's token for payments", "payments"),
    ("the manager's token for everything", "all"),
];
const FOREIGN: [(&str, &str); 4] = [
    ("another manager's token to read", "read"),
    ("another manager's token for users", "users"),
    ("another manager's token for payments", "payments"),
    ("another manager's token for everything", "all"),
];

/// The id and the text of a new token.
fn token(server: &Server, manager: &Wallet, scope: &str) -> (String, String) {
    let arguments =
        ["manager", "token", "create", "--user", &manager.user, "--name", "private token", "--scope", scope];
    let made = server.cli(&arguments).unwrap();
    (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
}

fn tokens(server: &Server, manager: &Wallet, of: [(&'static str, &'static str); 4]) -> Vec<Token> {
    let made = of.into_iter().map(|(name, scope)| {
        let caller = with_token(name, &token(server, manager, scope).1);
        Token { caller, scope: Some(scope) }
    });
    made.collect()
}

/// Users with money, open invoices and paid ones.
fn tenant(server: &Server, manager: &Wallet) -> Tenant {
    let order = json!({"user_name": "player one", "email": "one@example.org", "password": "correct horse", "extra": {"level": 7}});
    let user = server.post("/usermanager/api/v1/users", &manager.admin, &order).expect(201);
    let wallet = Wallet::from_json(&user["wallets"][0]);
    let second = server.wallet_of(&manager.admin, "player two");
    server.pay(manager, &server.invoice(&wallet, 500)).expect(201);
    let order = json!({"out": false, "amount": 7, "memo": "for a private purpose"});
    let open = server.post("/api/v1/payments", &wallet.invoice, &order).expect(201);
    let text = |name: &str| open[name].as_str().unwrap().to_owned();
    let endpoint = json!({"url": "https://private.example/", "events": ["invoice.expired"]});
    let endpoint = server.post("/usermanager/api/v1/webhooks", &manager.admin, &endpoint).expect(201);
    let webhook = endpoint["id"].as_str().unwrap().to_owned();
    server.get("/api/v1/webhooks/secret", &manager.admin).expect(200);
    let link = json!({"description": "a private link", "webhook_url": "https://private.example/paid"});
    let link = server.post("/lnurlp/api/v1/links", &wallet.admin, &link).expect(201);
    let order = json!({
        "title": "a private prize", "min_withdrawable": 1, "max_withdrawable": 9, "uses": 9, "wait_time": 1, "is_unique": false
    });
    let prize = server.post("/withdraw/api/v1/links", &wallet.admin, &order).expect(201);
    let order = json!({"card_name": "a private card", "uid": "04996c6a926980", "tx_limit": 5, "daily_limit": 5});
    let card = server.post("/boltcards/api/v1/cards", &wallet.admin, &order).expect(201);
    server.send("GET", &Card::programmed(&card).tap(), &[], "").expect(200);
    let hit = server.get("/boltcards/api/v1/hits", &wallet.invoice).expect(200)[0]["id"].as_str().unwrap().to_owned();
    let order = json!({"wallet": wallet.id, "amount": 5, "group": format!("private-{}", manager.user), "memo": "a private stake"});
    let hold = server.post("/usermanager/api/v1/holds", &manager.admin, &order).expect(201);
    let (preimage, held_hash) = held_invoice(server, manager, &wallet);
    let of_card = |name: &str| card[name].as_str().unwrap().to_owned();
    Tenant {
        pay_link: link["id"].as_str().unwrap().to_owned(),
        withdraw_link: prize["id"].as_str().unwrap().to_owned(),
        unique_hash: prize["unique_hash"].as_str().unwrap().to_owned(),
        card: of_card("id"),
        external_id: of_card("external_id"),
        hit,
        manager: manager.user.clone(),
        delivery: delivery(server, &webhook, "endpoint"),
        own_delivery: delivery(server, &manager.id, "wallet"),
        token: token(server, manager, "read").0,
        hold: hold["id"].as_str().unwrap().to_owned(),
        preimage,
        held_hash,
        webhook,
        wallet,
        second,
        bolt11: text("bolt11"),
        hash: text("payment_hash"),
    }
}

/// A hold invoice that the manager has paid: its preimage, and its hash.
fn held_invoice(server: &Server, manager: &Wallet, payee: &Wallet) -> (String, String) {
    let preimage = Preimage::from_client(&manager.user.repeat(2)).unwrap();
    let hash = preimage.payment_hash().to_string();
    let order = json!({"out": false, "amount": 7, "payment_hash": hash});
    let invoice = server.post("/api/v1/payments", &payee.invoice, &order).expect(201);
    server.pay(manager, invoice["bolt11"].as_str().unwrap()).expect(201);
    (preimage.reveal(), hash)
}

/// A delivery that came to its end.
fn delivery(server: &Server, owner: &str, kind: &str) -> String {
    let id: String = owner.chars().rev().collect();
    let (row, owner) = (server.store.bytes(&id), server.store.bytes(owner));
    let columns = "id, event_id, kind, owner_id, owner_kind, host, state, attempts, created_at_ms, answer";
    let values =
        format!("{row}, {row}, 'test', {owner}, '{kind}', 'private.example', 'parked', 13, 1, 'private answer'");
    server.database.execute(&format!("INSERT INTO deliveries ({columns}) VALUES ({values})")).unwrap();
    id
}

/// The same shape with ids that are nobody's (and an invoice that is somebody's, because there
/// is none that is nobody's).
fn nobody(tenant: &Tenant) -> Tenant {
    let id = "00000000000000000000000000000000".to_owned();
    let wallet = Wallet { user: id.clone(), id: id.clone(), admin: id.clone(), invoice: id.clone() };
    let hash = "0".repeat(64);
    let bolt11 = tenant.bolt11.clone();
    let (webhook, delivery, own_delivery, second) = (id.clone(), id.clone(), id.clone(), wallet.clone());
    let pay_link = "nobodys".to_owned();
    let (withdraw_link, unique_hash) = (id.clone(), id.clone());
    let (card, external_id, hit) = (id.clone(), id.clone(), id.clone());
    let (token, hold) = (id.clone(), id.clone());
    Tenant {
        manager: id,
        second,
        wallet,
        bolt11,
        webhook,
        delivery,
        own_delivery,
        pay_link,
        withdraw_link,
        unique_hash,
        card,
        external_id,
        hit,
        token,
        hold,
        preimage: "0".repeat(64),
        held_hash: hash.clone(),
        hash,
    }
}

fn secrets_of(tenant: &Tenant, manager: &Wallet) -> Vec<String> {
    let mut secrets: Vec<String> = [manager, &tenant.wallet, &tenant.second]
        .into_iter()
        .flat_map(|wallet| [&wallet.user, &wallet.id, &wallet.admin, &wallet.invoice])
        .cloned()
        .collect();
    secrets.extend([&tenant.bolt11, &tenant.hash, &tenant.preimage, &tenant.held_hash].map(String::clone));
    secrets.extend([tenant.card.clone(), tenant.external_id.clone(), tenant.hit.clone()]);
    secrets.extend([tenant.withdraw_link.clone(), tenant.unique_hash.clone(), "a private prize".to_owned()]);
    secrets.extend(
        [&tenant.webhook, &tenant.delivery, &tenant.own_delivery, &tenant.token, &tenant.hold].map(String::clone),
    );
    secrets.extend(
        [
            "a private card",
            "player one",
            "player two",
            "one@example.org",
            "private purpose",
            "private.example",
            "private answer",
            "private stake",
        ]
        .map(str::to_owned),
    );
    secrets
}
