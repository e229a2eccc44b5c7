//! The page of a link, and pictures to print.

use serde_json::json;

use super::{ask, link};
use crate::harness::{Answer, Server, both_stores};

fn page(server: &Server, path: &str) -> Answer {
    server.send("GET", path, &[("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")], "")
}

both_stores! {
    fn a_browser_sees_a_page(server) {
        let wallet = server.wallet("payee", 0);
        let order = json!({"description": "<b>Tea</b> & cake", "min": 5, "max": 70, "username": "tea", "success_text": "x"});
        let made = link(server, &wallet, &order);
        let path = format!("/lnurlp/{}", made["id"].as_str().unwrap());
        let shown = page(server, &path);
        assert_eq!((shown.status, shown.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert!(shown.header("content-security-policy").unwrap().contains("default-src 'none'"));
        let lnurl = made["lnurl"].as_str().unwrap();
        for text in ["&lt;b&gt;Tea&lt;/b&gt; &amp; cake", "5 to 70 sat", "<svg", &format!("tea@{}", made["domain"].as_str().unwrap()), lnurl] {
            assert!(shown.text.contains(text), "{text} in {}", shown.text);
        }
        assert!(!shown.text.contains("<b>") && !shown.text.contains(&wallet.id) && !shown.text.contains("<script"));
        // A wallet that accepts anything is no browser, and a page is no look of one.
        assert_eq!(server.send("GET", &path, &[("Accept", "*/*")], "").expect(200)["tag"], "payRequest");
        page(server, "/lnurlp/nothing").refused(404, "pay_link_not_found", "");
        for (format, kind) in [("svg", "image/svg+xml"), ("png", "image/png")] {
            let picture = format!("/api/v1/qrcode?format={format}&data=LIGHTNING:{lnurl}");
            assert!(shown.text.contains(&picture.replace('&', "&amp;")), "{picture}");
            let head = server.send("HEAD", &picture, &[], "");
            assert_eq!((head.status, head.header("content-type")), (200, Some(kind)));
        }
    }

    fn pictures_are_drawn_of_a_parameter(server) {
        let by_path = ask(server, "/api/v1/qrcode/lnbc1");
        let by_query = ask(server, "/api/v1/qrcode?data=lnbc1");
        assert_eq!((by_path.status, by_path.text), (by_query.status, by_query.text));
        ask(server, "/api/v1/qrcode").refused(400, "invalid_request", "data");
        ask(server, "/api/v1/qrcode?data=x&format=gif").refused(400, "invalid_request", "svg or png");
        ask(server, &format!("/api/v1/qrcode?data={}", "x".repeat(5000))).refused(400, "invalid_request", "2331");
    }
}
