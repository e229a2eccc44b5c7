//! What a bitcoin costs, for whoever asks.

use serde_json::json;

use super::fixed;
use crate::harness::both_stores;

both_stores! {
    fn rates_are_told_without_a_key(server, fixed()) {
        assert_eq!(server.get("/api/v1/currencies", "").expect(200), json!(["EUR", "PTS", "USD"]));
        for code in ["USD", "usd", "uSd"] {
            let rate = server.get(&format!("/api/v1/rate/{code}"), "").expect(200);
            assert_eq!((&rate["rate"], &rate["price"]), (&json!(1_538.461_538_461_54), &json!(65000)));
            assert_eq!((&rate["currency"], &rate["sources"], &rate["age_s"]), (&json!("USD"), &json!(["fixed"]), &json!(0)));
            assert!(rate["updated_at"].as_str().unwrap().ends_with('Z'), "{rate}");
        }
        for code in ["GBP", "RRR", "EURO", "x", "sat"] {
            server.get(&format!("/api/v1/rate/{code}"), "").refused(400, "unsupported_unit", "The provided unit is not supported");
        }
        let answer = server.send("GET", "/api/v1/rate/USD", &[("Origin", "https://shop.example")], "");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }

    fn the_past_is_told(server, fixed()) {
        let past = || server.get("/api/v1/rate/history?currency=eur&hours=1", "").expect(200);
        assert_eq!(past(), json!([]));
        server.get("/api/v1/rate/EUR", "").expect(200);
        let past = past();
        assert_eq!(past[0]["rates"], json!({"EUR": 60000.5}));
        assert!(past[0]["timestamp"].as_i64().unwrap() > 1_700_000_000);
        assert_eq!(server.get("/api/v1/rate/history", "").expect(200), json!([]), "nobody has asked for USD");
        server.get("/api/v1/rate/history?currency=GBP", "").refused(400, "unsupported_unit", "");
        for hours in ["0", "25", "x"] {
            server.get(&format!("/api/v1/rate/history?hours={hours}"), "").refused(400, "invalid_request", "hours");
        }
    }

    fn amounts_are_converted_as_in_lnbits(server, fixed()) {
        // As the old plugin sends it: lower case, the amount as text, no Content-Type.
        let convert = |body: &str| server.send("POST", "/api/v1/conversion", &[], body);
        for (body, expected) in [
            (r#"{"from_": "sat", "amount": "1000", "to": "usd"}"#, json!({"BTC": 0.00001, "sats": 1000, "USD": 0.65})),
            (r#"{"amount": 1000}"#, json!({"BTC": 0.00001, "sats": 1000, "USD": 0.65})),
            (r#"{"from": "SAT", "amount": 1, "to": "usd, eur,sat,USD"}"#, json!({"BTC": 1e-8, "sats": 1, "USD": 0.00065, "EUR": 0.0006})),
            (r#"{"from_": "sat", "amount": 0.5, "to": "pts"}"#, json!({"BTC": 5e-9, "sats": 0, "PTS": 0.005})),
            (r#"{"from_": "sat", "amount": 0}"#, json!({"BTC": 0, "sats": 0, "USD": 0})),
            (r#"{"from_": "usd", "amount": "10.50", "to": "eur"}"#, json!({"USD": 10.5, "sats": 16_153, "BTC": 0.000_161_53})),
            (r#"{"from_": "EUR", "amount": 1}"#, json!({"EUR": 1, "sats": 1_666, "BTC": 0.000_016_66})),
            (r#"{"from_": "USD", "amount": 0.0001}"#, json!({"USD": 0.0001, "sats": 0, "BTC": 0})),
            (r#"{"from_": "USD", "amount": "0.00"}"#, json!({"USD": 0, "sats": 0, "BTC": 0})),
        ] {
            let answer = convert(body).expect(200);
            let (answer, expected) = (answer.as_object().unwrap(), expected.as_object().unwrap().clone());
            assert_eq!(answer.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{body}");
            for (name, value) in expected {
                assert_eq!(answer[&name].as_f64(), value.as_f64(), "{name} of {body}");
            }
        }
        let codes: Vec<_> = (b'A'..=b'U').map(|letter| format!("A{0}{0}", char::from(letter))).collect();
        for (body, code, why) in [
            ("{}".to_owned(), "invalid_request", "amount is missing"),
            (r#"{"amount": -1}"#.to_owned(), "invalid_request", "amount must be"),
            (r#"{"amount": "x"}"#.to_owned(), "invalid_request", "amount must be"),
            (r#"{"amount": 2100000000000001}"#.to_owned(), "invalid_request", "amount must be"),
            (r#"{"from_": "usd", "amount": -1}"#.to_owned(), "invalid_request", "amount must be above 0"),
            (r#"{"from_": "usd", "amount": 1e17}"#.to_owned(), "invalid_request", "amount must be worth at most"),
            (r#"{"from_": "rrr", "amount": 1}"#.to_owned(), "unsupported_unit", "The provided unit is not supported"),
            (r#"{"amount": 1, "to": "rrr"}"#.to_owned(), "unsupported_unit", "The provided unit is not supported"),
            (json!({"amount": 1, "to": codes.join(",")}).to_string(), "invalid_request", "to must be at most 20"),
            ("[1]".to_owned(), "invalid_request", "JSON object"),
            ("{".to_owned(), "invalid_json", ""),
        ] {
            convert(&body).refused(400, code, why);
        }
    }
}
