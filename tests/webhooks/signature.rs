//! The signature, checked as the documents tell receivers to.

use std::io::Write;
use std::process::{Command, Stdio};

use satkeep::domain::time::UnixMs;
use satkeep::domain::webhooks::WebhookSecret;
use serde_json::json;

use super::delivery::invoice;
use super::endpoints::endpoint;
use super::options;
use crate::harness::{Hook, Receiver, both_stores};

/// The document's snippet in a language.
fn snippet(language: &str) -> String {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/webhooks.md")).unwrap();
    let fence = format!("```{language}\n");
    let (_, rest) =
        document.split_once(&fence).unwrap_or_else(|| panic!("docs/webhooks.md has a snippet in {language}"));
    rest.split_once("```").unwrap().0.to_owned()
}

/// Runs a program with the secret, the signature and the body on its standard input, and
/// answers what it printed.
fn run(program: &str, arguments: &[&str], secret: &str, signature: &str, body: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let input = json!({"secret": secret, "signature": signature, "body": body}).to_string();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_lowercase()
}

fn by_python(secret: &str, signature: &str, body: &str) -> String {
    let code = format!(
        "{}\nimport json, sys\ni = json.load(sys.stdin)\nprint(verify(i['secret'], i['signature'], i['body'].encode()))",
        snippet("python")
    );
    run("python3", &["-c", &code], secret, signature, body)
}

fn by_typescript(secret: &str, signature: &str, body: &str) -> String {
    // Node 20 runs no types, so these go.
    let code = [": string", ": boolean", ": Buffer", " as [string, string]"]
        .iter()
        .fold(snippet("typescript"), |code, annotation| code.replace(annotation, ""))
        .replace("export ", "");
    let code = format!(
        "{code}\nimport {{ readFileSync }} from \"node:fs\";\nconst i = JSON.parse(readFileSync(0, \"utf8\"));\n\
         console.log(verify(i.secret, i.signature, Buffer.from(i.body)));"
    );
    run("node", &["--input-type=module", "-e", &code], secret, signature, body)
}

/// As libraries of Standard Webhooks do it, with the secret as the documents tell to give it.
fn by_standard(secret: &str, hook: &Hook) -> String {
    let (id, time) = (&hook.headers["webhook-id"], &hook.headers["webhook-timestamp"]);
    let code = "import base64, hashlib, hmac, json, sys\n\
                i = json.load(sys.stdin)\n\
                whsec = 'whsec_' + base64.b64encode(i['secret'].encode()).decode()\n\
                key = base64.b64decode(whsec[len('whsec_'):])\n\
                made = hmac.new(key, (sys.argv[1] + '.' + sys.argv[2] + '.' + i['body']).encode(), hashlib.sha256)\n\
                print(i['signature'] == 'v1,' + base64.b64encode(made.digest()).decode())";
    run("python3", &["-c", code, id, time], secret, &hook.headers["webhook-signature"], &hook.body)
}

fn check(hook: &Hook, secret: &str) {
    assert_eq!(hook.headers["webhook-id"], hook.event());
    assert!(hook.headers["x-satkeep-signature"].starts_with(&format!("t={},", hook.headers["webhook-timestamp"])));
    assert_eq!(by_standard(secret, hook), "true");
    let (signature, body) = (&hook.headers["x-satkeep-signature"], &hook.body);
    let other = secret.replace(|digit: char| digit.is_ascii_digit(), "f");
    let old = format!("t=1{}", &signature[signature.find(',').unwrap()..]);
    for verify in [by_python, by_typescript] {
        assert_eq!(verify(secret, signature, body), "true");
        assert_eq!(verify(&other, signature, body), "false");
        assert_eq!(verify(secret, signature, &body.replace("1000", "9000")), "false");
        assert_eq!(verify(secret, &old, body), "false");
        assert_eq!(verify(secret, "nonsense", body), "false");
    }
}

both_stores! {
    fn receivers_verify_as_the_document_says(server, options()) {
        let receiver = Receiver::start();
        let made = endpoint(server, &format!("{}/endpoint", receiver.url), &["payment.received"]);
        let payee = server.wallet("payee", 0);
        let pay = || {
            let issued = invoice(server, &payee, 1000, &format!("{}/own", receiver.url));
            server.pay(&server.manager, issued["bolt11"].as_str().unwrap()).expect(201);
        };
        let of = |hooks: &[Hook], path: &str| hooks.iter().rfind(|hook| hook.path == path).unwrap().clone();
        pay();
        let hooks = receiver.wait_for(2);
        let secret = server.get("/api/v1/webhooks/secret", &payee.admin).expect(200)["secret"].as_str().unwrap().to_owned();
        check(&of(&hooks, "/own"), &secret);
        check(&of(&hooks, "/endpoint"), made["secret"].as_str().unwrap());
        let rotated = server.put("/api/v1/webhooks/secret", &payee.admin, &json!(null)).expect(200)["secret"].as_str().unwrap().to_owned();
        assert_ne!(rotated, secret);
        pay();
        check(&of(&receiver.wait_for(4), "/own"), &rotated);
        server.get("/api/v1/webhooks/secret", &payee.invoice).refused(403, "admin_key_required", "");
    }
}

/// Made with the library `standardwebhooks` (1.1.0) of the Python package index, out of
/// `whsec_MWYyZTNkNGM1YjZhNzk4ODAxMjM0NTY3ODlhYmNkZWYxZjJlM2Q0YzViNmE3OTg4MDEyMzQ1Njc4OWFiY2RlZg==`.
#[test]
fn signatures_are_those_of_standard_webhooks() {
    let secret = "1f2e3d4c5b6a79880123456789abcdef1f2e3d4c5b6a79880123456789abcdef";
    let secret = WebhookSecret::from_text(secret).unwrap();
    for (id, seconds, body, signature) in [
        (
            "0197a6f2c4d87e3b9a1c5d2e8f4b6a70",
            1_767_225_600,
            r#"{"amount":5,"memo":"ä"}"#,
            "v1,s1a7hPrC6FBIF1Q8ELn0UJ+rkn5q2M7KFEDFg7LqA2M=",
        ),
        ("a", 1, "", "v1,mJIdE7y5VP96li/uIvhn7i5vXh0fU4FNT3kllT9XNjk="),
    ] {
        let signed = secret.sign(UnixMs::new(seconds * 1000 + 999), id, body);
        assert_eq!((signed.standard.as_str(), signed.timestamp), (signature, seconds.to_string()));
    }
    for text in ["", "whsec_MWYy", &"g".repeat(64), &"0".repeat(63)] {
        assert!(WebhookSecret::from_text(text).is_none(), "{text}");
    }
}
