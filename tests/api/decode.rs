//! `/api/v1/payments/decode`

use serde_json::json;

use crate::harness::both_stores;

both_stores! {
    fn an_invoice_of_ours_is_decoded(server) {
        let order = json!({"amount": 21, "memo": "beans", "expiry": 60});
        let invoice = server.post("/api/v1/payments", &server.manager.invoice, &order).expect(201);
        for headers in [vec![], vec![("X-Api-Key", server.manager.invoice.as_str())]] {
            let body = json!({"data": invoice["bolt11"]}).to_string();
            let decoded = server.send("POST", "/api/v1/payments/decode", &headers, &body).expect(200);
            assert_eq!(decoded["payment_hash"], invoice["payment_hash"]);
            assert_eq!(decoded["amount_msat"], 21_000);
            assert_eq!(decoded["description"], "beans");
            assert_eq!(decoded["description_hash"], json!(null));
            assert_eq!(decoded["date"], invoice["time"]);
            assert_eq!((&decoded["expiry"], &decoded["currency"]), (&json!(60), &json!("bc")));
            assert_eq!(decoded["min_final_cltv_expiry"], 18);
            assert_eq!(decoded["route_hints"], json!([]));
            assert_eq!(decoded["secret"].as_str().unwrap().len(), 64);
            assert_eq!(decoded["signature"].as_str().unwrap().len(), 130);
            assert_eq!(decoded["payee"].as_str().unwrap().len(), 66);
            assert_eq!(decoded["features"], json!({"var_onion_optin": "required", "payment_secret": "required"}));
        }
    }

    fn an_invoice_of_any_node_and_network_is_decoded(server) {
        // Examples of BOLT 11.
        let fallback = "lntb20m1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygshp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqfpp3x9et2e20v6pu37c5d9vax37wxq72un989qrsgqdj545axuxtnfemtpwkc45hx9d2ft7x04mt8q7y6t0k2dge9e7h8kpy9p34ytyslj3yu569aalz2xdk8xkd7ltxqld94u8h2esmsmacgpghe9k8";
        let decoded = server.send("POST", "/api/v1/payments/decode", &[], &json!({"data": fallback}).to_string()).expect(200);
        assert_eq!((&decoded["currency"], &decoded["amount_msat"]), (&json!("tb"), &json!(2_000_000_000i64)));
        assert_eq!(decoded["description"], json!(null));
        assert_eq!(decoded["description_hash"], "3925b6f67e2c340036ed12093dd44e0368df1b6ea26c53dbe4811f58fd5db8c1");
        assert_eq!(decoded["payee"], "03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad");
        assert_eq!(decoded["expiry"], 3600);

        let hints = "lnbc20m1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqsfpp3qjmp7lwpagxun9pygexvgpjdc4jdj85fr9yq20q82gphp2nflc7jtzrcazrra7wwgzxqc8u7754cdlpfrmccae92qgzqvzq2ps8pqqqqqqpqqqqq9qqqvpeuqafqxu92d8lr6fvg0r5gv0heeeqgcrqlnm6jhphu9y00rrhy4grqszsvpcgpy9qqqqqqgqqqqq7qqzq9qrsgqdfjcdk6w3ak5pca9hwfwfh63zrrz06wwfya0ydlzpgzxkn5xagsqz7x9j4jwe7yj7vaf2k9lqsdk45kts2fd0fkr28am0u4w95tt2nsq76cqw0";
        let decoded = server.send("POST", "/api/v1/payments/decode", &[], &json!({"data": hints.to_uppercase()}).to_string()).expect(200);
        let route = decoded["route_hints"][0].as_array().unwrap();
        assert_eq!(route.len(), 2);
        assert_eq!(route[0]["public_key"], "029e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255");
        assert_eq!((&route[0]["base_fee"], &route[0]["ppm_fee"], &route[0]["cltv_expiry_delta"]), (&json!(1), &json!(20), &json!(3)));
    }

    fn anything_else_is_refused(server) {
        let invoice = server.invoice(&server.manager, 5);
        let last = if invoice.ends_with('q') { 'p' } else { 'q' };
        let broken = format!("{}{last}", &invoice[..invoice.len() - 1]);
        let signature_of_nobody = "lnbc2500u1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpquwpc4curk03c9wlrswe78q4eyqc7d8d0xqzpuyk0sg5g70me25alkluzd2x62aysf2pyy8edtjeevuv4p2d5p76r4zkmneet7uvyakky2zr4cusd45tftc9c5fh0nnqpnl2jfll544esqchsrnt";
        let overflow = "lnbc99999999999991pvjluez";
        for data in [broken.as_str(), "lnbcgarbage", "", "lnurl1dp68gurn8ghj7", signature_of_nobody, overflow, "1", "ln", "é"] {
            let answer = server.send("POST", "/api/v1/payments/decode", &[], &json!({"data": data}).to_string());
            answer.refused(400, "", "");
        }
        server.send("POST", "/api/v1/payments/decode", &[("X-Api-Key", "1")], "{}").refused(401, "bad_auth", "Bad auth");
        server.send("POST", "/api/v1/payments/decode", &[], "{}").refused(400, "invalid_request", "data");
    }
}
