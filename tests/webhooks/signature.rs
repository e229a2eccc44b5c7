//! The signature, checked as the documents tell receivers to.

use std::io::Write;
use std::process::{Command, Stdio};

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

fn check(hook: &Hook, secret: &str) {
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
