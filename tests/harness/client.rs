//! What a test says to a server, and what it hears.

use serde_json::{Value, json};
use ureq::http::{HeaderMap, Request, Response};

use super::server::Server;

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body of a success of this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// Asserts a refusal in the one shape that all have, and that it says this (an empty
    /// code stands for any).
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, detail: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        let body = self.json();
        assert!(code.is_empty() || body["code"] == code, "{body}");
        assert!(body["code"].as_str().is_some_and(|code| !code.is_empty()), "{body}");
        assert!(body["detail"].as_str().unwrap().contains(detail), "{body}");
        assert_eq!(body["detail"], body["message"]);
        assert_eq!(body["status"], "failed");
        assert_eq!(body["request_id"], self.header("x-request-id").unwrap());
    }
}

/// A wallet with its keys.
#[derive(Clone, Debug)]
pub(crate) struct Wallet {
    pub(crate) user: String,
    pub(crate) id: String,
    pub(crate) admin: String,
    pub(crate) invoice: String,
}

impl Wallet {
    pub(crate) fn from_json(wallet: &Value) -> Self {
        let text = |name: &str| wallet[name].as_str().unwrap_or_else(|| panic!("{name} in {wallet}")).to_owned();
        Self { user: text("user"), id: text("id"), admin: text("adminkey"), invoice: text("inkey") }
    }
}

impl Server {
    /// A request that may fail on its way.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer: Response<ureq::Body> = if body.is_empty() {
            self.agent.run(request.body(()).unwrap())?
        } else {
            self.agent.run(request.body(body).unwrap())?
        };
        let (parts, mut body) = answer.into_parts();
        let text = body.with_config().limit(100_000_000).read_to_string()?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, text })
    }

    /// A bare connection.
    pub(crate) fn connect(&self) -> std::net::TcpStream {
        std::net::TcpStream::connect(self.url.strip_prefix("http://").unwrap()).unwrap()
    }

    /// A request.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_send(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str, key: &str) -> Answer {
        self.send("GET", path, &[("X-Api-Key", key)], "")
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("X-Api-Key", key), ("Content-Type", "application/json")], &body.to_string())
    }

    #[track_caller]
    pub(crate) fn put(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[("X-Api-Key", key)], &body.to_string())
    }

    #[track_caller]
    pub(crate) fn delete(&self, path: &str, key: &str) -> Answer {
        self.send("DELETE", path, &[("X-Api-Key", key)], "")
    }

    /// A request of somebody who has logged in.
    #[track_caller]
    pub(crate) fn as_session(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, &[("Authorization", &format!("Bearer {token}"))], &body)
    }

    /// Logs in.
    #[track_caller]
    pub(crate) fn log_in(&self, username: &str, password: &str) -> Answer {
        let order = json!({"username": username, "password": password});
        self.send("POST", "/api/v1/auth", &[], &order.to_string())
    }

    /// The token of a new operator.
    #[track_caller]
    pub(crate) fn operator(&self, username: &str) -> String {
        let made = self.cli(&["operator", "create", "--username", username]).unwrap();
        let session = self.log_in(username, made["password"].as_str().unwrap()).expect(200);
        session["access_token"].as_str().unwrap().to_owned()
    }

    /// A new user's wallet, created by the manager of this key.
    #[track_caller]
    pub(crate) fn wallet_of(&self, manager_key: &str, name: &str) -> Wallet {
        let user = self.post("/usermanager/api/v1/users", manager_key, &json!({ "user_name": name })).expect(201);
        Wallet::from_json(&user["wallets"][0])
    }

    /// A new user's wallet, of a user who may create users itself.
    #[track_caller]
    pub(crate) fn creator_of(&self, manager_key: &str, name: &str) -> Wallet {
        let order = json!({"user_name": name, "may_create_users": true});
        let user = self.post("/usermanager/api/v1/users", manager_key, &order).expect(201);
        Wallet::from_json(&user["wallets"][0])
    }

    /// A new user's wallet in the first manager's tenant, with this many sats.
    #[track_caller]
    pub(crate) fn wallet(&self, name: &str, sats: i64) -> Wallet {
        let wallet = self.wallet_of(&self.manager.admin, name);
        if sats > 0 {
            let invoice = self.invoice(&wallet, sats);
            self.pay(&self.manager, &invoice).expect(201);
        }
        wallet
    }

    /// The text of a new invoice.
    #[track_caller]
    pub(crate) fn invoice(&self, payee: &Wallet, sats: i64) -> String {
        let order = json!({"out": false, "amount": sats, "memo": "test"});
        let invoice = self.post("/api/v1/payments", &payee.invoice, &order).expect(201);
        invoice["bolt11"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn pay(&self, payer: &Wallet, bolt11: &str) -> Answer {
        self.post("/api/v1/payments", &payer.admin, &json!({"out": true, "bolt11": bolt11}))
    }

    /// What a wallet holds, in sat.
    #[track_caller]
    pub(crate) fn balance(&self, wallet: &Wallet) -> i64 {
        let msat = self.get("/api/v1/wallet", &wallet.invoice).expect(200)["balance"].as_i64().unwrap();
        assert_eq!(msat % 1000, 0);
        msat / 1000
    }
}
