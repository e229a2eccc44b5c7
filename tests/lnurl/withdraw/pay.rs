//! Being paid by a link.

use serde_json::{Value, json};

use super::{LINKS, assert_says, let_it_wait, new_link, open, order, path_of_code, pay_path, shown, with, withdraw};
use crate::harness::both_stores;
use crate::lnurl::ask;

/// An invoice of another node, for 2500 sat.
const FOREIGN: &str = "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh";

both_stores! {
    fn a_link_pays_and_is_spent(server) {
        let (alice, bob) = (server.wallet("alice", 500), server.wallet("bob", 0));
        let made = new_link(server, &alice, &order(2, false));
        let offer = open(server, &made["lnurl"]);
        let hash = made["unique_hash"].as_str().unwrap();
        let expected = json!({
            "tag": "withdrawRequest", "callback": format!("{}/withdraw/api/v1/lnurl/cb/{hash}", server.url),
            "k1": offer["k1"], "minWithdrawable": 10_000, "maxWithdrawable": 100_000, "defaultDescription": "Prize"
        });
        assert_eq!(offer, expected);
        let (k1, callback) = (offer["k1"].as_str().unwrap(), format!("/withdraw/api/v1/lnurl/cb/{hash}"));
        let invoice = server.invoice(&bob, 40);
        let other = open(server, &new_link(server, &alice, &order(1, false))["lnurl"])["k1"].clone();
        for (query, reason) in [
            (format!("pr={invoice}"), "k1 is wrong."),
            (format!("k1=x&pr={invoice}"), "k1 is wrong."),
            (format!("k1={}&pr={invoice}", "0".repeat(64)), "k1 is wrong."),
            (format!("k1={}&pr={invoice}", other.as_str().unwrap()), "k1 is wrong."),
            (format!("k1={k1}"), "Missing payment request."),
            (format!("k1={k1}&pr=lnbc1"), "Failed to decode payment request."),
            (format!("k1={k1}&pr={FOREIGN}"), "withdraw not working. the invoice is not one of ours."),
            (format!("k1={k1}&pr={}", server.invoice(&bob, 9)), "Amount not within limits: this link pays from 10 to 100 sat."),
            (format!("k1={k1}&pr={}", server.invoice(&bob, 101)), "Amount not within limits"),
            (format!("k1={k1}&pr={invoice}&id_unique_hash=x"), "id_unique_hash not found"),
        ] {
            assert_says(&ask(server, &format!("{callback}?{query}")).expect(200), reason);
        }
        let nobodys = ask(server, &format!("/withdraw/api/v1/lnurl/cb/{}?k1={k1}&pr={invoice}", "x".repeat(22)));
        assert_says(&nobodys.expect(200), "Withdraw link does not exist.");
        assert_eq!(server.send("HEAD", &pay_path(server, &offer, &invoice), &[], "").status, 405);
        assert_eq!((server.balance(&alice), &shown(server, &alice, &made)["used"]), (500, &json!(0)));

        // What was refused has used nothing up.
        let paid = ask(server, &pay_path(server, &offer, &invoice));
        assert_eq!((paid.header("access-control-allow-origin"), paid.expect(200)), (Some("*"), json!({"status": "OK"})));
        assert_eq!((server.balance(&alice), server.balance(&bob)), (460, 40));
        let second = server.invoice(&bob, 10);
        assert_says(&ask(server, &pay_path(server, &offer, &second)).expect(200), "k1 is wrong: it was used.");
        assert_says(&withdraw(server, &made["lnurl"], &second), "Wait 3");
        let_it_wait(server);
        assert_says(&ask(server, &pay_path(server, &offer, &second)).expect(200), "k1 is wrong: it was used.");
        assert_eq!(withdraw(server, &made["lnurl"], &second)["status"], "OK");
        let_it_wait(server);
        assert_says(&ask(server, &path_of_code(server, &made["lnurl"])).expect(200), "Withdraw is spent.");
        let now = shown(server, &alice, &made);
        assert_eq!((&now["used"], &now["usescsv"]), (&json!(2), &json!("")));
        let listed = server.get("/api/v1/payments?limit=1", &alice.invoice).expect(200);
        assert_eq!((&listed[0]["tag"], &listed[0]["extra"]), (&json!("withdraw"), &json!({"tag": "withdraw", "withdrawal_link_id": made["id"]})));
        server.audit();
    }

    fn each_use_of_a_unique_link_pays_once(server) {
        let (alice, bob) = (server.wallet("alice", 500), server.wallet("bob", 0));
        let made = new_link(server, &alice, &order(3, true));
        let codes = made["lnurls"].as_array().unwrap().clone();
        let hash = made["unique_hash"].as_str().unwrap();
        assert_says(&ask(server, &format!("/withdraw/api/v1/lnurl/{hash}")).expect(200), "This link requires an id_unique_hash.");
        assert_says(&ask(server, &format!("/withdraw/api/v1/lnurl/{hash}/x")).expect(200), "id_unique_hash not found");
        // What one use is opened with is good for no other.
        let (first, second) = (open(server, &codes[0]), open(server, &codes[1]));
        let invoice = server.invoice(&bob, 10);
        let crossed = with(first.clone(), &json!({"k1": second["k1"]}));
        assert_says(&ask(server, &pay_path(server, &crossed, &invoice)).expect(200), "k1 is wrong.");
        let without = format!("/withdraw/api/v1/lnurl/cb/{hash}?k1={}&pr={invoice}", first["k1"].as_str().unwrap());
        assert_says(&ask(server, &without).expect(200), "This link requires an id_unique_hash.");
        let early = open(server, &codes[0]);
        assert_eq!(ask(server, &pay_path(server, &first, &invoice)).expect(200)["status"], "OK");
        let_it_wait(server);
        // It was opened before it was used up.
        let another = server.invoice(&bob, 10);
        assert_says(&ask(server, &pay_path(server, &early, &another)).expect(200), "id_unique_hash not found");
        assert_says(&ask(server, &path_of_code(server, &codes[0])).expect(200), "id_unique_hash not found");
        for code in &codes[1..] {
            assert_eq!(withdraw(server, code, &server.invoice(&bob, 10))["status"], "OK");
            let_it_wait(server);
        }
        assert_eq!((server.balance(&alice), server.balance(&bob)), (470, 30));
        assert_eq!(shown(server, &alice, &made)["used"], 3);
        server.audit();
    }

    /// The wallet's own rules hold, and a payment that fails uses nothing up.
    fn the_limits_and_freezes_of_the_wallet_hold(server) {
        let (alice, bob) = (server.wallet("alice", 50), server.wallet("bob", 0));
        let made = new_link(server, &alice, &order(5, false));
        let offer = open(server, &made["lnurl"]);
        let says = |sats, reason| assert_says(&ask(server, &pay_path(server, &offer, &server.invoice(&bob, sats))).expect(200), reason);
        says(51, "withdraw not working. insufficient balance.");
        let limits = json!({"payment_max_sat": 20, "day_max_sat": 25});
        let wallet = format!("/usermanager/api/v1/wallets/{}", alice.id);
        server.put(&format!("{wallet}/limits"), &server.manager.admin, &limits).expect(200);
        says(21, "over the wallet's limit for one payment");
        let freeze = format!("{wallet}/freeze");
        server.put(&freeze, &server.manager.admin, &json!({"scope": "spending"})).expect(200);
        says(10, "the wallet is frozen");
        server.delete(&freeze, &server.manager.admin).expect(200);
        let hold = json!({"out": false, "amount": 10, "payment_hash": "ab".repeat(32)});
        let held = server.post("/api/v1/payments", &bob.invoice, &hold).expect(201);
        let path = pay_path(server, &offer, held["bolt11"].as_str().unwrap());
        assert_says(&ask(server, &path).expect(200), "withdraw not working.");
        assert_eq!(shown(server, &alice, &made)["used"], 0);
        assert_eq!(ask(server, &pay_path(server, &offer, &server.invoice(&bob, 20))).expect(200)["status"], "OK");
        let_it_wait(server);
        assert_says(&withdraw(server, &made["lnurl"], &server.invoice(&bob, 10)), "over the wallet's limit for one day");
        assert_eq!((server.balance(&alice), &shown(server, &alice, &made)["used"]), (30, &json!(1)));
        server.audit();
    }

    fn a_link_ends_with_its_wallet(server) {
        let (alice, bob) = (server.wallet("alice", 50), server.wallet("bob", 0));
        let made = new_link(server, &alice, &order(5, false));
        let path = pay_path(server, &open(server, &made["lnurl"]), &server.invoice(&bob, 10));
        server.delete(&format!("/usermanager/api/v1/wallets/{}", alice.id), &server.manager.admin).expect(200);
        assert_says(&ask(server, &path).expect(200), "Withdraw link does not exist.");
        assert_says(&ask(server, &path_of_code(server, &made["lnurl"])).expect(200), "Withdraw link does not exist.");
        server.get(LINKS, &alice.admin).refused(401, "bad_auth", "");
    }

    fn an_opening_is_good_for_a_minute(server) {
        let (alice, bob) = (server.wallet("alice", 50), server.wallet("bob", 0));
        let made = new_link(server, &alice, &order(5, false));
        let offer = open(server, &made["lnurl"]);
        // The time of its end is in front, and nobody else can move it.
        let k1 = offer["k1"].as_str().unwrap();
        let end = i64::from_str_radix(&k1[..12], 16).unwrap();
        let opened = satkeep::clock::now().get();
        assert!((opened..=opened + 61_000).contains(&end), "{k1}");
        let later = with(offer.clone(), &json!({"k1": format!("{:012x}{}", end + 60_000, &k1[12..])}));
        let invoice = server.invoice(&bob, 10);
        assert_says(&ask(server, &pay_path(server, &later, &invoice)).expect(200), "k1 is wrong.");
        assert_eq!(ask(server, &pay_path(server, &offer, &invoice)).expect(200)["status"], "OK");
    }

    /// With the keys that LNbits' extension makes, links that were printed there are the same here.
    fn links_from_elsewhere_keep_their_codes(server) {
        let (alice, bob) = (server.wallet("alice", 500), server.wallet("bob", 0));
        let made = new_link(server, &alice, &order(1, true));
        let (id, hash) = (made["id"].as_str().unwrap(), made["unique_hash"].as_str().unwrap());
        let code = "import sys, uuid\n\
            a = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'\n\
            n = uuid.uuid5(uuid.NAMESPACE_DNS, sys.argv[1]).int\n\
            o = ''\n\
            while n: n, d = divmod(n, 57); o += a[d]\n\
            print((o + a[0] * (22 - len(o)))[::-1])";
        let python = std::process::Command::new("python3").args(["-c", code, &format!("{id}{hash}0")]).output().unwrap();
        let of_use = String::from_utf8(python.stdout).unwrap();
        let path = format!("/withdraw/api/v1/lnurl/{hash}/{}", of_use.trim());
        let offer: Value = ask(server, &path).expect(200);
        assert_eq!(ask(server, &pay_path(server, &offer, &server.invoice(&bob, 10))).expect(200)["status"], "OK");
    }

    fn a_withdrawal_that_its_wallet_did_not_make_is_found(server) {
        let (alice, bob) = (server.wallet("alice", 500), server.wallet("bob", 0));
        let made = new_link(server, &alice, &order(2, false));
        assert_eq!(withdraw(server, &made["lnurl"], &server.invoice(&bob, 10))["status"], "OK");
        server.audit();
        for (change, says) in [
            ("withdrawals SET amount_msat = 9000", "withdrawals that paid otherwise than their wallet: 1"),
            ("withdrawals SET amount_msat = 10000, transfer_id = id", "withdrawals that paid otherwise than their wallet: 1"),
            ("withdraw_links SET used = 0", "withdraw links that have paid more often than they count: 1"),
        ] {
            server.database.execute(&format!("UPDATE {change}")).unwrap();
            let said = server.cli(&["audit"]).unwrap_err();
            assert!(said.contains("I4 does not hold") && said.contains(says), "{said}");
        }
    }
}
