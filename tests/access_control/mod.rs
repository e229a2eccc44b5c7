//! The wall (promises I8 and I9): every operation of the generated document, called by everybody
//! who must not be let in, for what is theirs and what is not. Every answer must be a refusal
//! that names nothing, and nothing may have changed.

mod rows;
mod world;

use std::collections::BTreeSet;

use serde_json::Value;

use self::rows::{Access, Foreign, Row, rows};
use self::world::{Caller, Tenant, World};
use crate::harness::{Answer, Server, both_stores};

fn call(server: &Server, caller: &Caller, row: &Row, tenant: &Tenant) -> Answer {
    let caller = if row.access.is_hub() { caller.as_hub() } else { caller.clone() };
    let method = row.operation.split(' ').next().unwrap();
    let (path, body) = (row.request)(tenant);
    let headers: Vec<_> = caller.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    server.send(method, &path, &headers, &body)
}

/// Asserts that an answer is one of these refusals, and names nothing.
#[track_caller]
fn assert_refused(answer: &Answer, statuses: &[u16], world: &World, what: &str) {
    assert!(statuses.contains(&answer.status), "{what}: {} {}", answer.status, answer.text);
    answer.refused(answer.status, "", "");
    assert_names_nothing(answer, world, what);
}

/// Asserts that LNDHub refuses a token, and names nothing.
#[track_caller]
fn assert_hub_refused(answer: &Answer, world: &World, what: &str) {
    let body = answer.expect(401);
    assert_eq!((&body["error"], &body["code"]), (&Value::from(true), &Value::from(1)), "{what}: {body}");
    assert_names_nothing(answer, world, what);
}

#[track_caller]
fn assert_names_nothing(answer: &Answer, world: &World, what: &str) {
    let named = world.secrets.iter().find(|secret| answer.text.contains(secret.as_str()));
    assert!(named.is_none(), "{what}: {named:?} is in {}", answer.text);
}

/// An answer without what is different in every one.
fn shape(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    (answer.status, body)
}

/// Everything that the database holds, but for the login attempts that the test itself makes, and how
/// far the sweeper has come.
fn everything(server: &Server) -> Vec<String> {
    server.database.dump(&["cursors", "login_attempts"])
}

/// Calls with a key or session that is no good.
fn revoked(server: &Server, world: &World, row: &Row, caller: &Caller, tenant: &Tenant) {
    let what = format!("{} by {}", row.operation, caller.name);
    let answer = call(server, caller, row, tenant);
    let shows_key = caller.headers.iter().any(|(name, value)| *name == "X-Api-Key" && !value.is_empty());
    match row.access {
        Access::Key
        | Access::AdminKey
        | Access::KeyOrSession
        | Access::AdminKeyOrSession
        | Access::AdminKeyOrReads
        | Access::Session
        | Access::Account
        | Access::Everything
        | Access::Users
        | Access::OperatorOrReads
        | Access::OperatorOrUsers
        | Access::Operator => assert_refused(&answer, &[401, 403], world, &what),
        Access::Hub | Access::HubAdmin => assert_hub_refused(&answer, world, &what),
        Access::AnybodyOrKey if shows_key => assert_refused(&answer, &[401, 403], world, &what),
        Access::AnybodyOrKey => {
            assert_eq!(answer.status, 200, "{what}: {}", answer.text);
            if row.foreign == Foreign::StatusOnly {
                assert_names_nothing(&answer, world, &what);
            }
        }
        Access::Anybody => assert_ne!(answer.status, 500, "{what}"),
    }
}

/// Calls with a good key of another tenant.
fn foreign(server: &Server, world: &World, row: &Row, caller: &Caller) {
    let what = format!("{} by {}", row.operation, caller.name);
    match row.foreign {
        Foreign::Refused => {
            let answer = call(server, caller, row, &world.victim);
            assert_refused(&answer, &[403, 404], world, &what);
            assert_eq!(shape(&answer), shape(&call(server, caller, row, &world.nobody)), "{what}");
        }
        Foreign::Nothing => {
            let answer = call(server, caller, row, &world.victim);
            assert_eq!(shape(&answer), shape(&call(server, caller, row, &world.nobody)), "{what}");
            assert_names_nothing(&answer, world, &what);
        }
        Foreign::OwnThings => {
            let answer = call(server, caller, row, &world.victim);
            assert_eq!(answer.status, 200, "{what}: {}", answer.text);
            let victims =
                [&world.victim.manager, &world.victim.wallet.id, &world.victim.wallet.user, &world.victim.hash];
            assert!(victims.iter().all(|id| !answer.text.contains(*id)), "{what}: {}", answer.text);
        }
        Foreign::StatusOnly => {
            let answer = call(server, caller, row, &world.victim);
            let body = answer.expect(200);
            let fields: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(fields, ["paid", "status"], "{what}");
        }
        Foreign::OwnChange | Foreign::Crosses => {}
    }
}

/// Calls with sessions and tokens of managers, each of which may do what it says and no more.
fn tokens(server: &Server, world: &World, row: &Row) {
    let own = world.own_tokens.iter().map(|token| &token.caller);
    let everybody =
        || [&world.session].into_iter().chain(own.clone()).chain(world.foreign_tokens.iter().map(|it| &it.caller));
    match row.access {
        Access::Key | Access::AdminKey => {
            for caller in everybody() {
                let answer = call(server, caller, row, &world.victim);
                assert_refused(&answer, &[401], world, &format!("{} by {} without a key", row.operation, caller.name));
            }
        }
        Access::Operator => {
            for caller in everybody() {
                let answer = call(server, caller, row, &world.victim);
                assert_refused(&answer, &[403], world, &format!("{} by {}", row.operation, caller.name));
                assert_eq!(answer.json()["code"], "operator_required");
            }
        }
        Access::Hub | Access::HubAdmin => {
            for caller in everybody() {
                let answer = call(server, caller, row, &world.victim);
                assert_hub_refused(&answer, world, &format!("{} by {} without a key", row.operation, caller.name));
            }
        }
        Access::KeyOrSession | Access::AdminKeyOrSession => {
            for token in world.own_tokens.iter().chain(&world.foreign_tokens) {
                let what = format!("{} by {}", row.operation, token.caller.name);
                if token.is_session() {
                    foreign(server, world, row, &token.caller);
                } else {
                    let answer = call(server, &token.caller, row, &world.victim);
                    assert_refused(&answer, &[403], world, &what);
                    assert_eq!(answer.json()["code"], "login_required", "{what}");
                }
            }
        }
        Access::Session => {
            for caller in own {
                let answer = call(server, caller, row, &world.victim);
                assert_refused(&answer, &[403], world, &format!("{} by {}", row.operation, caller.name));
                assert_eq!(answer.json()["code"], "login_required");
            }
        }
        Access::Anybody | Access::AnybodyOrKey => {}
        Access::Account
        | Access::Everything
        | Access::Users
        | Access::OperatorOrReads
        | Access::OperatorOrUsers
        | Access::AdminKeyOrReads => {
            let scope = row.access.scope().unwrap();
            for token in world.own_tokens.iter().chain(&world.foreign_tokens) {
                let what = format!("{} by {}", row.operation, token.caller.name);
                if !token.reaches(scope) {
                    let answer = call(server, &token.caller, row, &world.victim);
                    assert_refused(&answer, &[403], world, &what);
                    assert_eq!(answer.json()["code"], "scope_required", "{what}");
                }
            }
            for token in world.foreign_tokens.iter().filter(|token| token.reaches(scope)) {
                foreign(server, world, row, &token.caller);
            }
        }
    }
}

both_stores! {
    fn nobody_gets_over_the_wall(server) {
        let world = World::make(server);
        let rows = rows();
        let before = everything(server);
        for row in &rows {
            for caller in &world.revoked {
                for tenant in [&world.victim, &world.strangers] {
                    revoked(server, &world, row, caller, tenant);
                }
            }
            let for_keys = row.access.is_for_keys();
            for caller in &world.foreign_admins {
                if for_keys {
                    foreign(server, &world, row, caller);
                }
            }
            for caller in world.foreign_invoices.iter().chain([&world.own_invoice]) {
                let what = format!("{} by {}", row.operation, caller.name);
                if row.access == Access::HubAdmin {
                    assert_hub_refused(&call(server, caller, row, &world.victim), &world, &what);
                } else if row.access.needs_admin() {
                    let answer = call(server, caller, row, &world.victim);
                    assert_refused(&answer, &[403], &world, &what);
                    assert_eq!(answer.json()["code"], "admin_key_required", "{what}");
                } else if for_keys && caller.name != world.own_invoice.name {
                    foreign(server, &world, row, caller);
                }
            }
            if !for_keys && row.access != Access::Anybody {
                // A good key is no session, and a manager's session is no operator's.
                for caller in world.foreign_admins.iter().chain(&world.foreign_invoices) {
                    let answer = call(server, caller, row, &world.victim);
                    assert_refused(&answer, &[401], &world, &format!("{} by {}", row.operation, caller.name));
                }
            }
            tokens(server, &world, row);
            assert_eq!(everything(server), before, "{} has changed something", row.operation);
        }
        server.audit();
    }
}

#[test]
fn every_operation_has_a_row() {
    let document: Value = serde_json::from_str(&satkeep::api::openapi_text()).unwrap();
    let documented: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let with_row: BTreeSet<String> = rows().iter().map(|row| row.operation.to_owned()).collect();
    assert_eq!(with_row, documented);
    // What a row says of access is what the document says of security.
    for row in rows() {
        let (method, path) = row.operation.split_once(' ').unwrap();
        let security = &document["paths"][path][method.to_lowercase()]["security"];
        let schemes: BTreeSet<&str> = security
            .as_array()
            .into_iter()
            .flatten()
            .map(|scheme| scheme.as_object().unwrap().keys().next().map_or("", String::as_str))
            .collect();
        let expected: &[&str] = match row.access {
            Access::Anybody => &[],
            Access::AnybodyOrKey => &["", "AdminKey", "InvoiceKey"],
            Access::Key => &["AdminKey", "InvoiceKey"],
            // One half of this operation needs the admin key.
            Access::AdminKey if row.operation == "POST /api/v1/payments" => &["AdminKey", "InvoiceKey"],
            Access::AdminKey => &["AdminKey"],
            Access::KeyOrSession => &["AdminKey", "InvoiceKey", "Session"],
            Access::AdminKeyOrSession => &["AdminKey", "Session"],
            Access::AdminKeyOrReads => &["AdminKey", "Session", "Token"],
            Access::Hub | Access::HubAdmin => &["LndHub"],
            Access::Session => &["Session"],
            Access::Account | Access::Everything | Access::Users => &["Session", "Token"],
            Access::OperatorOrReads | Access::OperatorOrUsers => &["Operator", "Session", "Token"],
            Access::Operator => &["Operator"],
        };
        let scopes: Vec<&Value> = security.as_array().into_iter().flatten().filter_map(|it| it.get("Token")).collect();
        let needed = row.access.scope().map(|scope| serde_json::json!([scope]));
        assert_eq!(scopes, needed.iter().collect::<Vec<_>>(), "{}", row.operation);
        assert_eq!(schemes, expected.iter().copied().collect(), "{}", row.operation);
    }
}
