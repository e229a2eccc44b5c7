//! Looking for texts: on both stores alike, whatever the case and the script.

use serde_json::{Value, json};

use crate::harness::{Options, Server, StoreKind, Wallet, both_stores};

const TEXTS: [&str; 24] = [
    "CAFÉ",
    "café au lait",
    "ДОМ",
    "Мой дом",
    "Straße",
    "STRASSE",
    "GROẞ",
    "İstanbul",
    "istanbul",
    "ISPARTA ıı",
    "ΟΔΟΣ",
    "οδος",
    "ΟΔΟΣΑ",
    "🚀 To the MOON",
    "e\u{301}clair",
    "100%",
    "100 percent",
    "a_b",
    "axb",
    r"back\slash",
    r#"it's "quoted""#,
    "ÅNGSTRÖM ǅ",
    "ქართული Ⴀ",
    "ＷＩＤＥ",
];

/// What is looked for, and what is to be found.
const CASES: [(&str, &[&str]); 40] = [
    ("café", &["CAFÉ", "café au lait"]),
    ("CAFÉ", &["CAFÉ", "café au lait"]),
    ("cafe", &[]),
    ("É", &["CAFÉ", "café au lait"]),
    ("дом", &["ДОМ", "Мой дом"]),
    ("ДОМ", &["ДОМ", "Мой дом"]),
    ("МОЙ Д", &["Мой дом"]),
    ("straße", &["Straße"]),
    ("ß", &["Straße", "GROẞ"]),
    ("strasse", &["STRASSE"]),
    ("İSTANBUL", &["İstanbul", "istanbul"]),
    ("istanbul", &["İstanbul", "istanbul"]),
    ("ISTANBUL", &["İstanbul", "istanbul"]),
    ("İ", &["İstanbul", "istanbul", "ISPARTA ıı", "e\u{301}clair", "café au lait", r#"it's "quoted""#]),
    ("ı", &["ISPARTA ıı"]),
    ("οδος", &["ΟΔΟΣ", "οδος", "ΟΔΟΣΑ"]),
    ("ΟΔΟΣ", &["ΟΔΟΣ", "οδος", "ΟΔΟΣΑ"]),
    ("οδοσ", &["ΟΔΟΣ", "οδος", "ΟΔΟΣΑ"]),
    ("Σ", &["ΟΔΟΣ", "οδος", "ΟΔΟΣΑ"]),
    ("ς", &["ΟΔΟΣ", "οδος", "ΟΔΟΣΑ"]),
    ("οσα", &["ΟΔΟΣΑ"]),
    ("🚀", &["🚀 To the MOON"]),
    ("🚀 to the m", &["🚀 To the MOON"]),
    ("🌙", &[]),
    ("E\u{301}CLAIR", &["e\u{301}clair"]),
    ("éclair", &[]),
    ("\u{301}", &["e\u{301}clair"]),
    ("100%", &["100%"]),
    ("%", &["100%"]),
    ("100", &["100%", "100 percent"]),
    ("a_b", &["a_b"]),
    ("_", &["a_b"]),
    (r"\", &[r"back\slash"]),
    (r"K\S", &[r"back\slash"]),
    (r#"T'S "Q"#, &[r#"it's "quoted""#]),
    ("'", &[r#"it's "quoted""#]),
    ("ångström ǆ", &["ÅNGSTRÖM ǅ"]),
    ("ⴀ", &["ქართული Ⴀ"]),
    ("ｗｉｄｅ", &["ＷＩＤＥ"]),
    ("'; DROP TABLE invoices; --", &[]),
];

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn prepare(server: &Server) -> Wallet {
    let wallet = server.wallet("searched", 0);
    for text in TEXTS {
        let order = json!({"amount": 1, "memo": text, "extra": {"tag": text}});
        server.post("/api/v1/payments", &wallet.invoice, &order).expect(201);
    }
    wallet
}

fn memos(list: &Value) -> Vec<String> {
    let mut memos: Vec<_> =
        list.as_array().unwrap().iter().map(|payment| payment["memo"].as_str().unwrap().to_owned()).collect();
    memos.sort();
    memos
}

#[test]
fn both_stores_find_the_same() {
    let servers: Vec<_> = [StoreKind::Sqlite, StoreKind::Postgres]
        .into_iter()
        .filter_map(|k| Server::start(k, Options::default()))
        .collect();
    let wallets: Vec<_> = servers.iter().map(prepare).collect();
    for (text, expected) in CASES {
        let mut expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
        expected.sort();
        for (server, wallet) in servers.iter().zip(&wallets) {
            for field in ["search", "memo[like]", "tag[like]"] {
                let path = format!("/api/v1/payments/paginated?limit=100&{field}={}", encoded(text));
                let page = server.get(&path, &wallet.invoice).expect(200);
                assert_eq!(memos(&page["data"]), expected, "{field} {text:?} on {:?}", server.store);
                assert_eq!(page["total"], expected.len());
            }
            // Equality is of every byte.
            let path = format!("/api/v1/payments?memo={}", encoded(text));
            let equal: Vec<_> = TEXTS.iter().filter(|one| **one == text).map(ToString::to_string).collect();
            assert_eq!(memos(&server.get(&path, &wallet.invoice).expect(200)), equal, "{text:?} on {:?}", server.store);
        }
    }
}

both_stores! {
    fn people_are_found_whatever_the_case(server) {
        let key = server.manager.admin.clone();
        for (name, extra) in [("a", json!({"city": "ДОМ"})), ("b", json!({"City": "Café"})), ("c", json!(null))] {
            server.post("/usermanager/api/v1/users", &key, &json!({"user_name": name, "extra": extra})).expect(201);
        }
        let found = |text: &str| {
            let path = format!("/usermanager/api/v1/users?extra={}", encoded(text));
            let users = server.get(&path, &key).expect(200);
            users.as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((found("дом"), found("CAFÉ"), found("city")), (vec!["a".into()], vec!["b".into()], vec!["a".into(), "b".into()]));
        let operator = server.operator("root");
        let order = json!({"username": "game", "name": "ИГРА", "email": "Ops@Game.example"});
        server.as_session("POST", "/users/api/v1/user", &operator, &order).expect(200);
        for (text, total) in [("игра", 1), ("GAME", 1), ("ops@", 1), ("MANAGER", 1), ("%", 0)] {
            let path = format!("/users/api/v1/user?search={}", encoded(text));
            let page = server.as_session("GET", &path, &operator, &Value::Null).expect(200);
            assert_eq!((page["total"].as_i64(), page["data"].as_array().unwrap().len()), (Some(total), usize::try_from(total).unwrap()), "{text}");
        }
    }

    fn a_text_to_look_for_has_a_longest_length(server) {
        let key = server.manager.admin.clone();
        let operator = server.operator("root");
        // Characters are counted, not bytes.
        for (text, fits) in [("я".repeat(128), true), ("я".repeat(129), false), ("a".repeat(8_000), false)] {
            let text = encoded(&text);
            let answers = [
                server.get(&format!("/api/v1/payments?search={text}"), &key),
                server.get(&format!("/api/v1/payments/paginated?memo[like]={text}"), &key),
                server.get(&format!("/api/v1/payments?tag[like]={text}"), &key),
                server.get(&format!("/usermanager/api/v1/users?extra={text}"), &key),
                server.as_session("GET", &format!("/users/api/v1/user?search={text}"), &operator, &Value::Null),
            ];
            for answer in answers {
                if fits {
                    answer.expect(200);
                } else {
                    answer.refused(400, "invalid_request", "must be at most 128 characters long");
                }
            }
        }
    }
}
