//! The workflow of a game: a user with a wallet, an invoice of its, a payment, the balance.
//!
//! ```sh
//! SATKEEP_KEY=<manager admin key> cargo run --example workflow -- [URL]
//! ```

#![expect(clippy::indexing_slicing, reason = "a member that is not there is null")]

use std::env;
use std::error::Error;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

struct Satkeep {
    agent: Agent,
    url: String,
}

impl Satkeep {
    /// Sends a request, and returns what the answer holds; a refusal is an error with its message.
    fn call(&self, method: &str, path: &str, key: &str, body: &Value, name: &str) -> Result<Value, Box<dyn Error>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url)).header("X-Api-Key", key);
        if !name.is_empty() {
            // The name of a request makes a retry safe: it is carried out once.
            request = request.header("Idempotency-Key", name);
        }
        let mut answer = if body.is_null() {
            self.agent.run(request.body(())?)?
        } else {
            self.agent.run(request.header("Content-Type", "application/json").body(body.to_string())?)?
        };
        let (status, answer) = (answer.status(), answer.body_mut().read_json::<Value>()?);
        if status.is_success() {
            Ok(answer)
        } else {
            Err(format!("{method} {path}: {status} {}", answer["detail"]).into())
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:5001".to_owned());
    let manager_key = env::var("SATKEEP_KEY")?;
    // A refusal has a body that is worth reading.
    let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
    let satkeep = Satkeep { agent, url };

    let order = json!({"user_name": "player", "wallet_name": "player's wallet"});
    let user = satkeep.call("POST", "/usermanager/api/v1/users", &manager_key, &order, "")?;
    let wallet = &user["wallets"][0];
    println!("user {} has the wallet {}", user["id"], wallet["id"]);

    // The invoice key can receive, and not spend.
    let invoice_key = wallet["inkey"].as_str().ok_or("the wallet has no invoice key")?;
    let order = json!({"out": false, "amount": 21, "memo": "prize"});
    let invoice = satkeep.call("POST", "/api/v1/payments", invoice_key, &order, "")?;
    let hash = invoice["payment_hash"].as_str().ok_or("the invoice has no payment hash")?;

    let order = json!({"out": true, "bolt11": invoice["bolt11"]});
    let payment = satkeep.call("POST", "/api/v1/payments", &manager_key, &order, &format!("prize-{hash}"))?;
    println!("paid {hash}: {}", payment["status"]);

    // Both sides see it. A wallet's balance is in msat.
    let seen = satkeep.call("GET", &format!("/api/v1/payments/{hash}"), invoice_key, &Value::Null, "")?;
    let balance = satkeep.call("GET", "/api/v1/wallet", invoice_key, &Value::Null, "")?["balance"].as_i64();
    println!("paid: {}, balance: {} sat", seen["paid"], balance.unwrap_or_default() / 1000);
    Ok(())
}
