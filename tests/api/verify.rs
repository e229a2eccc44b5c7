//! `POST /usermanager/api/v1/users/{id}/verify`

use serde_json::json;

use crate::harness::{Server, at_once, both_stores};

fn path_of(server: &Server, order: &serde_json::Value) -> String {
    let user = server.post("/usermanager/api/v1/users", &server.manager.admin, order).expect(201);
    format!("/usermanager/api/v1/users/{}", user["id"].as_str().unwrap())
}

both_stores! {
    fn a_password_is_verified(server) {
        let key = server.manager.admin.clone();
        let path = path_of(server, &json!({"user_name": "a", "password": "correct horse"}));
        let verify = |password: &str| server.post(&format!("{path}/verify"), &key, &json!({ "password": password }));
        assert_eq!(verify("correct horse").expect(200), server.get(&path, &key).expect(200));
        verify("Correct horse").refused(401, "wrong_password", "Wrong password");
        verify("").refused(400, "invalid_request", "password");
        verify(&"x".repeat(1025)).refused(400, "invalid_request", "password");
        // A changed password takes the place of the old one.
        server.put(&path, &key, &json!({"password": "battery staple"})).expect(200);
        verify("correct horse").refused(401, "wrong_password", "Wrong password");
        verify("battery staple").expect(200);
        let invoice_key = &server.manager.invoice;
        let answer = server.post(&format!("{path}/verify"), invoice_key, &json!({"password": "battery staple"}));
        answer.refused(403, "admin_key_required", "Admin key required");
        let nobody = "/usermanager/api/v1/users/00000000000000000000000000000000/verify";
        server.post(nobody, &key, &json!({"password": "x"})).refused(404, "user_not_found", "User does not exist");
    }

    fn a_user_without_a_password_has_none_that_fits(server) {
        let path = path_of(server, &json!({"user_name": "a"}));
        let answer = server.post(&format!("{path}/verify"), &server.manager.admin, &json!({"password": "x"}));
        answer.refused(401, "wrong_password", "Wrong password");
    }

    fn guesses_are_slowed_down_across_restarts(server) {
        let key = server.manager.admin.clone();
        let path = format!("{}/verify", path_of(server, &json!({"user_name": "a", "password": "right"})));
        let guess = |server: &Server, password: &str| {
            server.post(&path, &key, &json!({"password": password, "client": "203.0.113.7"}))
        };
        // Right ones in between forget the wrong ones.
        for _ in 0..2 {
            for _ in 0..4 {
                guess(server, "wrong").refused(401, "wrong_password", "");
            }
            guess(server, "right").expect(200);
        }
        // Many at once are no way around.
        let answers = at_once(20, |_| guess(server, "wrong"));
        let heard = answers.iter().filter(|answer| answer.status == 401).count();
        assert!(heard <= 6, "{heard} of 20 guesses were heard");
        for answer in answers.iter().filter(|answer| answer.status != 401) {
            answer.refused(429, "too_many_guesses", "try again later");
            let seconds: i64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=900).contains(&seconds));
        }
        // Neither is another process, and a right one has to wait as well.
        server.database.execute("UPDATE login_attempts SET failures = 12").unwrap();
        let replica = server.replica();
        let answer = guess(&replica, "right");
        answer.refused(429, "too_many_guesses", "");
        // Another user's password is another matter.
        let other = format!("{}/verify", path_of(server, &json!({"user_name": "b", "password": "other"})));
        server.post(&other, &key, &json!({"password": "other"})).expect(200);
        server.database.execute("UPDATE login_attempts SET last_at_ms = last_at_ms - 130000").unwrap();
        guess(&replica, "right").expect(200);
        guess(server, "wrong").refused(401, "wrong_password", "");
    }

    fn a_burst_of_one_client_uses_up_nothing_of_others(server) {
        let key = server.manager.admin.clone();
        let path = format!("{}/verify", path_of(server, &json!({"user_name": "a", "password": "right"})));
        let guess = |password: &str, client: &str| {
            server.post(&path, &key, &json!({"password": password, "client": client}))
        };
        let mut heard = 0;
        for client in ["203.0.113.7", "203.0.113.8"] {
            let answers = at_once(60, |_| guess("wrong", client));
            heard += answers.iter().filter(|answer| answer.status == 401).count();
        }
        // What was refused at one client does not count at the player either.
        let counted = server.database.texts("SELECT CAST(sum(failures) AS TEXT) AS text FROM login_attempts");
        assert_eq!(counted, [(2 * heard).to_string()]);
        for client in ["203.0.113.9", ""] {
            guess("wrong", client).refused(401, "wrong_password", "");
            guess("right", client).expect(200);
        }
    }

    fn nobody_keeps_a_player_out(server) {
        let key = server.manager.admin.clone();
        let path = format!("{}/verify", path_of(server, &json!({"user_name": "a", "password": "right"})));
        let guess = |password: &str, client: &str| {
            server.post(&path, &key, &json!({"password": password, "client": client}))
        };
        // By guessing from somewhere else …
        for _ in 0..5 {
            guess("wrong", "203.0.113.7").refused(401, "wrong_password", "");
        }
        // As if there had been more of them: the wait is longer than a busy machine takes for a try.
        let more = "UPDATE login_attempts SET failures = 12";
        server.database.execute(more).unwrap();
        guess("wrong", "203.0.113.7").refused(429, "too_many_guesses", "");
        guess("right", " 203.0.113.7 ").refused(429, "too_many_guesses", "");
        guess("right", "203.0.113.8").expect(200);
        guess("right", "any other text").expect(200);
        // … or where nobody says from where.
        for _ in 0..7 {
            guess("wrong", "").refused(401, "wrong_password", "");
        }
        guess("right", "").expect(200);
        server.post(&path, &key, &json!({"password": "right"})).expect(200);
        // All together have a hundred, and then wait for seconds, not for minutes.
        server.database.execute("UPDATE login_attempts SET failures = 120").unwrap();
        let answer = guess("right", "");
        answer.refused(429, "too_many_guesses", "");
        assert!(answer.header("retry-after").unwrap().parse::<i64>().unwrap() <= 15);
        // Who has hardly failed waits for a second at most.
        let answer = guess("right", "203.0.113.9");
        assert!(answer.status == 200 || answer.header("retry-after") == Some("1"), "{}", answer.text);
        // Who has one address of a network has all of them.
        server.database.execute("DELETE FROM login_attempts").unwrap();
        for index in 0..5 {
            guess("wrong", &format!("2001:db8::{index}")).refused(401, "wrong_password", "");
        }
        server.database.execute(more).unwrap();
        guess("right", "2001:db8::99").refused(429, "too_many_guesses", "");
        guess("right", "2001:db8:0:1::99").expect(200);
        guess("right", &"x".repeat(256)).refused(400, "invalid_request", "client");
    }
}
