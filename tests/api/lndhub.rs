//! LNDHub as wallet apps speak it. The sequences of requests are those of
//!
//! - Zeus (ZeusLN/zeus): `backends/LndHub.ts`, `backends/LND.ts` (`restReq`, `getURL`),
//!   `stores/SettingsStore.ts` (`login`), `stores/TransactionsStore.ts` (`handlePayment`),
//!   `models/Invoice.ts`, `utils/AddressUtils.ts` (the form of a link);
//! - BlueWallet (BlueWallet/BlueWallet): `class/wallets/lightning-custodian-wallet.ts`,
//!   `screen/lnd/lndViewInvoice.tsx` (when an invoice expires);
//!
//! and the shapes are those of LNbits' extension (lnbits/lndhub): `views_api.py`, `utils.py`.

use bitcoin_hashes::hex::DisplayHex;
use satkeep::domain::api_keys::ApiKey;
use serde_json::{Value, json};

use crate::harness::{Answer, Options, Server, Wallet, both_stores};

/// What an app that has read a link talks to: the path of the link, and who logs in there.
struct App<'a> {
    server: &'a Server,
    base: String,
    login: String,
    password: String,
}

impl<'a> App<'a> {
    /// Reads a link, as both apps do.
    fn open(server: &'a Server, link: &str) -> Self {
        let (credentials, url) = link.strip_prefix("lndhub://").unwrap().split_once('@').unwrap();
        let (login, password) = credentials.split_once(':').unwrap();
        assert!(url.ends_with('/') && url.starts_with(&server.url), "{url}");
        let base = url.strip_prefix(&server.url).unwrap().trim_end_matches('/');
        Self { server, base: base.into(), login: login.into(), password: password.into() }
    }

    fn log_in(&self) -> Answer {
        self.send("POST", "/auth?type=auth", "", &json!({"login": self.login, "password": self.password}))
    }

    fn token(&self) -> String {
        self.log_in().expect(200)["access_token"].as_str().unwrap().to_owned()
    }

    /// A request with the headers of both apps.
    fn send(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("Access-Control-Allow-Origin", "*"), ("Content-Type", "application/json")];
        if !token.is_empty() {
            headers.push(("Authorization", bearer.as_str()));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.server.send(method, &format!("{}{path}", self.base), &headers, &body)
    }

    fn get(&self, path: &str, token: &str) -> Value {
        self.send("GET", path, token, &Value::Null).expect(200)
    }

    fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        self.send("POST", path, token, body).expect(200)
    }
}

fn link(server: &Server, wallet: &Wallet, kind: &str) -> String {
    let links = server.get("/lndhub/api/v1/links", &wallet.admin).expect(200);
    links[kind]["link"].as_str().unwrap().to_owned()
}

fn options(arguments: &[&str]) -> Options {
    Options { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), ..Options::default() }
}

fn token(login: &str, key: &str) -> String {
    satkeep::domain::lndhub::token(login, &ApiKey::from_client(key)).to_string()
}

fn hex(bytes: &Value) -> String {
    assert_eq!(bytes["type"], "Buffer");
    serde_json::from_value::<Vec<u8>>(bytes["data"].clone()).unwrap().to_lower_hex_string()
}

/// Asserts a refusal as LNDHub has it.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: u8, message: &str) {
    let body = answer.expect(status);
    assert_eq!((&body["error"], &body["code"]), (&json!(true), &json!(code)), "{body}");
    assert!(body["message"].as_str().unwrap().contains(message), "{body}");
}

both_stores! {
    fn zeus_receives_and_pays(server) {
        let (player, shop) = (server.wallet("player", 500), server.wallet("shop", 2000));
        let link = link(server, &player, "admin");
        // `lndHubAddress` of AddressUtils.ts.
        assert!(link.starts_with(&format!("lndhub://admin:{}@http://127.0.0.1:", player.admin)), "{link}");
        let zeus = App::open(server, &link);
        let session = zeus.log_in().expect(200);
        assert_eq!(session["access_token"], session["refresh_token"]);
        let token = session["access_token"].as_str().unwrap();
        assert_eq!(zeus.get("/balance", token), json!({"BTC": {"AvailableBalance": 500}}));

        let invoice = zeus.post("/addinvoice", token, &json!({"amt": "1000", "memo": "a coffee"}));
        let (text, hash) = (invoice["payment_request"].as_str().unwrap(), hex(&invoice["r_hash"]));
        assert_eq!((&invoice["pay_req"], &invoice["hash"]), (&json!(text), &json!(hash)));
        // `watchInvoicePaid` asks until the invoice is paid.
        let watched = || {
            let invoices = zeus.get("/getuserinvoices", token);
            invoices.as_array().unwrap().iter().find(|it| hex(&it["r_hash"]) == hash).unwrap().clone()
        };
        let open = watched();
        assert_eq!((&open["ispaid"], &open["amt"], &open["description"]), (&json!(false), &json!(1000), &json!("a coffee")));
        assert_eq!((&open["type"], &open["payment_request"]), (&json!("user_invoice"), &json!(text)));
        server.pay(&shop, text).expect(201);
        assert_eq!(watched()["ispaid"], true);

        let bill = server.invoice(&shop, 300);
        let paid = zeus.post("/payinvoice", token, &json!({"invoice": bill, "amount": "300"}));
        assert_eq!((&paid["payment_error"], paid.get("error"), paid.get("status")), (&json!(""), None, None));
        assert_eq!(paid["payment_preimage"].as_str().unwrap().len(), 64);
        assert_eq!((&paid["value"], &paid["fee"], &paid["memo"]), (&json!(300), &json!(0), &json!("test")));
        assert_eq!(paid["decoded"]["payment_hash"], paid["payment_hash"]);
        let sent = zeus.get("/gettxs", token);
        assert_eq!(sent.as_array().unwrap().len(), 1);
        assert_eq!((&sent[0]["payment_hash"], &sent[0]["value"]), (&paid["payment_hash"], &json!(-300)));
        assert_eq!(zeus.get("/balance", token)["BTC"]["AvailableBalance"], 1200);
        // Others see what it was.
        let listed = server.get("/api/v1/payments?tag=lndhub", &player.invoice).expect(200);
        assert_eq!(listed.as_array().unwrap().len(), 2);
        server.audit();
    }

    fn zeus_tells_why_it_fails(server) {
        let player = server.wallet("player", 100);
        let zeus = App::open(server, &link(server, &player, "admin"));
        let token = zeus.token();
        // Of what it cannot pay it reads `message` and `payment_error`.
        let bill = server.invoice(&server.manager, 101);
        let answer = zeus.send("POST", "/payinvoice", &token, &json!({"invoice": bill}));
        refused(&answer, 200, 2, "Insufficient balance");
        assert_eq!(answer.json()["payment_error"], "Insufficient balance");
        // Of a login it looks for these very words.
        let stranger = App { password: "0".repeat(32), ..App::open(server, &link(server, &player, "admin")) };
        let answer = stranger.log_in();
        refused(&answer, 401, 1, "bad auth");
        assert!(answer.text.contains("\"bad auth\""), "{}", answer.text);
    }

    fn bluewallet_receives_and_pays(server) {
        let (player, shop) = (server.wallet("player", 500), server.wallet("shop", 2000));
        let blue = App::open(server, &link(server, &player, "admin"));
        // `authorize`, and what a refresh asks for.
        let token = blue.token();
        assert_eq!(blue.get("/getbtc", &token), json!([]));
        assert_eq!(blue.get("/getpending", &token), json!([]));
        assert_eq!(blue.get("/gettxs?limit=10&offset=0", &token), json!([]));
        assert_eq!(blue.get("/getuserinvoices", &token)[0]["amt"], 500);
        assert_eq!(blue.get("/balance", &token)["BTC"]["AvailableBalance"], 500);

        let invoice = blue.post("/addinvoice", &token, &json!({"amt": "1000", "memo": "a coffee"}));
        let (text, hash) = (invoice["pay_req"].as_str().unwrap(), hex(&invoice["r_hash"]));
        server.pay(&shop, text).expect(201);
        let newest = blue.get("/getuserinvoices?limit=1", &token);
        assert_eq!((&newest[0]["payment_hash"], &newest[0]["ispaid"]), (&json!(hash), &json!(true)));
        // `timestamp + expire_time` is when an invoice ends.
        assert_eq!(newest[0]["expire_time"], 3600);
        let all = blue.get("/getuserinvoices?limit=20", &token);
        let amounts: Vec<_> = all.as_array().unwrap().iter().map(|it| it["amt"].as_i64().unwrap()).collect();
        assert_eq!(amounts, [500, 1000], "the oldest of them first");

        let bill = server.invoice(&shop, 300);
        let decoded = blue.get(&format!("/decodeinvoice?invoice={bill}"), &token);
        assert_eq!((&decoded["num_satoshis"], &decoded["description"]), (&json!(300), &json!("test")));
        assert_eq!((&decoded["expiry"], &decoded["cltv_expiry"]), (&json!("3600"), &json!(18)));
        let info = blue.get("/getinfo", "");
        assert_eq!((&info["alias"], &info["identity_pubkey"]), (&json!("satkeep"), &decoded["destination"]));
        let paid = blue.post("/payinvoice", &token, &json!({"invoice": bill, "amount": 0}));
        assert_eq!((paid.get("error"), &paid["payment_hash"]), (None, &decoded["payment_hash"]));
        assert_eq!(paid["payment_preimage"].as_str().unwrap().len(), 64);
        assert_eq!(blue.get("/gettxs?limit=10&offset=0", &token)[0]["type"], "paid_invoice");
        assert_eq!(blue.get("/checkrouteinvoice", &token), Value::Null);

        // `refreshAcessToken`
        let refreshed = blue.post("/auth?type=refresh_token", "", &json!({"refresh_token": token}));
        assert_eq!(refreshed["access_token"], token);
        server.audit();
    }

    fn bluewallet_logs_in_again_when_its_token_is_no_good(server) {
        let player = server.wallet("player", 100);
        let blue = App::open(server, &link(server, &player, "admin"));
        // `fetchBalance` does so after the code 1.
        for no_good in [token("admin", &"0".repeat(32)), "no token".into(), player.id.clone()] {
            refused(&blue.send("GET", "/balance", &no_good, &Value::Null), 401, 1, "bad auth");
        }
        refused(&blue.send("GET", "/balance", "", &Value::Null), 401, 1, "bad auth");
        assert_eq!(blue.get("/balance", &blue.token())["BTC"]["AvailableBalance"], 100);
        // New keys stop the token and the link at once.
        let before = blue.token();
        server.put(&format!("/usermanager/api/v1/wallets/{}/keys", player.id), &server.manager.admin, &json!({})).expect(200);
        refused(&blue.send("GET", "/balance", &before, &Value::Null), 401, 1, "bad auth");
        refused(&blue.log_in(), 401, 1, "bad auth");
        refused(&blue.send("POST", "/auth", "", &json!({"refresh_token": before})), 401, 1, "bad auth");
    }

    fn a_token_may_do_what_its_key_may(server) {
        let player = server.wallet("player", 100);
        let app = App::open(server, &link(server, &player, "invoice"));
        assert_eq!((app.login.as_str(), app.password.as_str()), ("invoice", player.invoice.as_str()));
        let bill = server.invoice(&server.manager, 1);
        let pay = |token: &str| app.send("POST", "/payinvoice", token, &json!({"invoice": bill}));
        app.post("/addinvoice", &app.token(), &json!({"amt": 5}));
        // Whatever stands in front of the key.
        for login in ["invoice", "admin"] {
            refused(&pay(&token(login, &player.invoice)), 401, 1, "Admin key required");
        }
        assert_eq!(server.balance(&player), 100);
        // LNbits takes a bare key, too, and both alphabets of base64 with padding or without.
        for credentials in [player.admin.clone(), format!("bearer {}", token("admin", &player.admin).trim_end_matches('='))] {
            server.send("GET", "/lndhub/ext/balance", &[("Authorization", &credentials)], "").expect(200);
        }
        server.send("GET", "/lndhub/ext/balance", &[("X-Api-Key", &player.admin)], "").expect(401);
        assert_eq!(pay(&token("admin", &player.admin)).expect(200)["payment_error"], "");
    }

    fn refusals_are_those_of_lndhub(server) {
        let player = server.wallet("player", 100);
        let app = App::open(server, &link(server, &player, "admin"));
        let token = app.token();
        let pay = |body: &Value| app.send("POST", "/payinvoice", &token, body);
        let bill = server.invoice(&server.manager, 1);
        assert_eq!(pay(&json!({"invoice": bill})).expect(200)["payment_error"], "");
        refused(&pay(&json!({"invoice": bill})), 200, 4, "Invoice already paid");
        for text in ["lnbc1", "name@host.example", "x"] {
            refused(&pay(&json!({"invoice": text})), 200, 4, "Not a valid BOLT11 invoice");
            refused(&app.send("GET", &format!("/decodeinvoice?invoice={text}"), "", &Value::Null), 200, 4, "Not a valid");
        }
        refused(&pay(&json!({})), 200, 8, "invoice is missing");
        refused(&app.send("GET", "/decodeinvoice", "", &Value::Null), 200, 8, "invoice is missing");
        let add = |body: &Value| app.send("POST", "/addinvoice", &token, body);
        for amount in [json!(0), json!("-1"), json!("0.5"), Value::Null, json!("x"), json!(1_000_000_000)] {
            refused(&add(&json!({"amt": amount, "memo": ""})), 200, 8, "amt");
        }
        refused(&add(&json!({"amt": 1, "preimage": "00"})), 200, 8, "preimage is not supported");
        refused(&app.send("POST", "/auth", "", &json!({"login": "admin"})), 200, 8, "password");
        let headers = [("Authorization", format!("Bearer {token}"))];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        refused(&server.send("POST", "/lndhub/ext/payinvoice", &headers, "no JSON"), 200, 8, "not valid JSON");
        refused(&app.send("GET", "/gettxs?limit=x", &token, &Value::Null), 200, 8, "limit");
        let fine = add(&json!({"amt": "7.0", "description_hash": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}));
        let fine = fine.expect(200);
        let decoded = app.get(&format!("/decodeinvoice?invoice={}", fine["pay_req"].as_str().unwrap()), "");
        assert_eq!((&decoded["description"], &decoded["num_satoshis"]), (&json!(""), &json!(7)));
        assert!(decoded["description_hash"].as_str().unwrap().starts_with("ba78"));
    }

    fn a_request_may_be_sent_again(server) {
        let player = server.wallet("player", 100);
        let bearer = format!("Bearer {}", token("admin", &player.admin));
        let bill = server.invoice(&server.manager, 10);
        for (path, body) in [("addinvoice", json!({"amt": 5})), ("payinvoice", json!({"invoice": bill}))] {
            let send = || {
                let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", path)];
                server.send("POST", &format!("/lndhub/ext/{path}"), &headers, &body.to_string())
            };
            let (first, second) = (send(), send());
            assert_eq!(first.expect(200), second.expect(200));
            assert_eq!((first.header("idempotent-replayed"), second.header("idempotent-replayed")), (None, Some("true")));
        }
        assert_eq!(server.balance(&player), 90);
    }

    fn links_are_shown_to_those_who_may_spend(server) {
        let player = server.wallet("player", 0);
        let path = format!("/lndhub/api/v1/links/{}", player.id);
        let links = server.get(&path, &server.manager.admin).expect(200);
        assert_eq!(links, server.get("/lndhub/api/v1/links", &player.admin).expect(200));
        assert_eq!(links["wallet_id"], player.id);
        let url = format!("{}/lndhub/ext/", server.url);
        assert_eq!(links["url"], url);
        for (kind, key) in [("admin", &player.admin), ("invoice", &player.invoice)] {
            assert_eq!(links[kind]["link"], format!("lndhub://{kind}:{key}@{url}"));
            assert!(links[kind]["qr"].as_str().unwrap().contains("<svg"));
        }
        server.get("/lndhub/api/v1/links", &player.invoice).refused(403, "admin_key_required", "");
        server.get(&path, &server.manager.invoice).refused(403, "admin_key_required", "");
        server.get("/lndhub/api/v1/links/x", &server.manager.admin).refused(404, "wallet_not_found", "");
        let own = format!("/lndhub/api/v1/links/{}", server.manager.id);
        server.get(&own, &server.manager.admin).refused(404, "wallet_not_found", "");
    }

    fn links_lead_to_a_host_that_the_operator_has_named(server, options(&["--allowed-hosts", "pay.example,abc.onion:81"])) {
        let player = server.wallet("player", 0);
        let managed = format!("/lndhub/api/v1/links/{}", player.id);
        for (path, key) in [("/lndhub/api/v1/links", &player.admin), (managed.as_str(), &server.manager.admin)] {
            let at = |host: &str| server.send("GET", path, &[("X-Api-Key", key), ("Host", host)], "");
            assert_eq!(at("pay.example").expect(200)["url"], "https://pay.example/lndhub/ext/");
            assert_eq!(at("abc.onion:81").expect(200)["url"], "http://abc.onion:81/lndhub/ext/");
            assert_eq!(at("localhost:81").expect(200)["url"], "http://localhost:81/lndhub/ext/");
            for host in ["evil.example", "pay.example:81", "abc.onion", "a@b", "pay.example@evil.example"] {
                at(host).refused(400, "no_public_url", "--public-url");
            }
        }
    }

    fn links_lead_to_the_public_url(server, options(&["--public-url", "https://pay.example"])) {
        for host in ["evil.example", "127.0.0.1", "pay.example"] {
            let headers = [("X-Api-Key", server.manager.admin.as_str()), ("Host", host)];
            let links = server.send("GET", "/lndhub/api/v1/links", &headers, "").expect(200);
            assert_eq!(links["url"], "https://pay.example/lndhub/ext/", "{host}");
            assert!(links["admin"]["link"].as_str().unwrap().ends_with("@https://pay.example/lndhub/ext/"), "{links}");
        }
    }
}
