//! The rules of the edge, apart from any server: which offers are struck out of what comes in,
//! where requests and answers end, what the HTTP library has said by itself, and the one form of a path.

use proptest::collection::vec;
use proptest::prelude::*;
use satkeep::api::framework::paths::normal_form;
use satkeep::server::wire::answers::{Answers, End};
use satkeep::server::wire::refusals;
use satkeep::server::wire::requests::Requests;

/// A request, and what it is when its offers are struck out.
#[derive(Clone, Debug)]
struct Request {
    text: String,
    read: String,
}

fn header() -> impl Strategy<Value = (String, String)> {
    let same = |text: &str| (text.to_owned(), text.to_owned());
    prop_oneof![
        Just(same("Host: upgrade")),
        Just(same("User-Agent: upgrade, websocket")),
        Just(same("X-Connection: upgrade")),
        Just(same("Connection: keep-alive")),
        Just(same("Connection: up, xupgrade, up grade")),
        Just(same("Upgrade: h2c, xwebsocket, web socket")),
        Just(same("connection:")),
        Just(("Connection: Upgrade, HTTP2-Settings".into(), "Connection: Upgrad-, HTTP2-Settings".into())),
        Just(("CONNECTION:keep-alive ,\tUPGRADE".into(), "CONNECTION:keep-alive ,\tUPGRAD-".into())),
        Just(("upgrade: WebSocket".into(), "upgrade: WebSocke-".into())),
        Just(("Upgrade:websocket".into(), "Upgrade:websocke-".into())),
    ]
}

prop_compose! {
    fn request()(
        method in prop_oneof![Just("GET"), Just("POST"), Just("HEAD")],
        path in prop_oneof![Just("/api/v1/payments"), Just("/api/v1/ws"), Just("/"), Just("/x?y=/api/v1/ws/")],
        newline in prop_oneof![Just("\r\n"), Just("\n")],
        headers in vec(header(), 0..5),
        body in vec(prop_oneof![Just("Upgrade: websocket\r\n"), Just("GET / HTTP/1.1\r\n\r\n"), Just("upgrade")], 0..4),
        chunked in any::<bool>(),
    ) -> Request {
        let framed = if chunked {
            let chunks: String = body.iter().fold(String::new(), |all, part| format!("{all}{:x};x=y\r\n{part}\r\n", part.len()));
            format!("Transfer-Encoding: chunked{newline}{newline}{chunks}0\r\nTrailer: upgrade\r\n\r\n")
        } else {
            let body = body.concat();
            format!("Content-Length: {}{newline}{newline}{body}", body.len())
        };
        let with = |headers: Vec<&String>| {
            let headers: String = headers.into_iter().fold(String::new(), |all, header| format!("{all}{header}{newline}"));
            format!("{method} {path} HTTP/1.1{newline}{headers}{framed}")
        };
        Request { text: with(headers.iter().map(|(text, _)| text).collect()), read: with(headers.iter().map(|(_, read)| read).collect()) }
    }
}

/// Reads bytes that come in pieces of these sizes, in turn, with an answer to whatever waits for
/// one: what was read up to each answer.
fn read_turns(text: &str, sizes: &[usize]) -> Vec<String> {
    let mut requests = Requests::default();
    let mut bytes = text.as_bytes().to_vec();
    let (mut start, mut turns) = (0, vec![Vec::new()]);
    for size in sizes.iter().cycle() {
        let end = (start + size).min(bytes.len());
        while start < end {
            let taken = requests.read(&mut bytes[start..end]);
            turns.last_mut().unwrap().extend_from_slice(&bytes[start..start + taken]);
            start += taken;
            if start < end {
                // However often it is asked.
                assert_eq!(requests.read(&mut bytes[start..end]), 0);
                requests.answered(End::Kept);
                turns.push(Vec::new());
            }
        }
        if end == bytes.len() {
            break;
        }
    }
    turns.into_iter().map(|turn| String::from_utf8(turn).unwrap()).collect()
}

fn read(text: &str, sizes: &[usize]) -> String {
    read_turns(text, sizes).concat()
}

proptest! {
    #[test]
    fn offers_are_struck_out_of_heads_alone_wherever_the_bytes_are_cut(
        requests in vec(request(), 1..4), sizes in vec(1..40_usize, 1..6)
    ) {
        let text: String = requests.iter().map(|request| request.text.as_str()).collect();
        let expected: Vec<_> = requests.iter().map(|request| request.read.as_str()).collect();
        prop_assert_eq!(&read_turns(&text, &[text.len()]), &expected);
        prop_assert_eq!(&read_turns(&text, &sizes), &expected);
    }

    #[test]
    fn an_answer_ends_where_it_ends_wherever_the_bytes_are_cut(
        written in vec(prop::sample::select(&ANSWERS[..]), 1..5), last in prop::sample::select(&LAST_ANSWERS[..]), size in 1..60_usize
    ) {
        let mut answers = Answers::default();
        for (text, to_head, end) in written.into_iter().map(|(text, to_head)| (text, to_head, End::Kept)).chain([(last.0, last.1, End::Closed)]) {
            let (before, last) = text.as_bytes().split_at(text.len() - 1);
            for piece in before.chunks(size) {
                prop_assert_eq!(answers.write(piece, to_head), None, "{}", text);
            }
            prop_assert_eq!(answers.write(last, to_head), Some(end), "{}", text);
        }
        prop_assert_eq!(answers.write(b"HTTP/1.1 204 No Content\r\n\r\n", false), None);
    }

    #[test]
    fn whatever_comes_in_only_last_letters_change(bytes in vec(any::<u8>(), 0..300), text in "(?s)[ -~\\r\\n]{0,300}") {
        for original in [bytes, text.into_bytes()] {
            let mut read = original.clone();
            let mut requests = Requests::default();
            requests.read(&mut read);
            for (before, after) in original.iter().zip(&read) {
                prop_assert!(before == after || b"eEtT".contains(before) && *after == b'-');
            }
        }
    }

    #[test]
    fn a_path_has_one_form(path in "/[a/]{0,8}") {
        let form = normal_form(&path).map(std::borrow::Cow::into_owned);
        let segments: Vec<_> = path.trim_matches('/').split('/').collect();
        let expected = (segments.len() == 1 || segments.iter().all(|segment| !segment.is_empty())).then(|| format!("/{}", segments.join("/")));
        prop_assert_eq!(&form, &expected);
        if let Some(form) = form {
            prop_assert_eq!(normal_form(&form), Some(form.as_str().into()));
        }
    }
}

/// Answers after which another may follow, and whether they are to HEAD.
const ANSWERS: [(&str, bool); 8] = [
    ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", false),
    ("HTTP/1.1 404 Not Found\r\ncontent-length: 200\r\n\r\n", true),
    ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: close\r\n\r\n", false),
    ("HTTP/1.1 204 No Content\r\nconnection: upgrade\r\n\r\n", false),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\n\r\n\r\n", false),
    ("HTTP/1.0 200 OK\r\nContent-Length:2\r\nConnection: Keep-Alive, x\r\n\r\n{}", false),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nA\r\n0\r\n\r\n01234\r\n0\r\n\r\n", false),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", true),
];

/// Those after which none may.
const LAST_ANSWERS: [(&str, bool); 4] = [
    ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}", false),
    ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: x ,Close\r\n\r\n", true),
    ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}", false),
    ("HTTP/1.1 200 OK\r\n\r\n", false),
];

#[test]
fn after_the_last_answer_nothing_is_read() {
    let mut requests = Requests::default();
    let mut bytes = *b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\r\nGET / HTTP/1.1\r\n\r\n";
    let (first, rest) = bytes.split_at_mut(40);
    // The answer may come before the end of its request.
    assert_eq!(requests.read(&mut first[..20]), 20);
    requests.answered(End::Closed);
    assert_eq!(requests.read(&mut first[20..]), 20);
    assert_eq!(requests.read(rest), 0);
}

#[test]
fn a_socket_of_ours_keeps_its_offer() {
    let rest = "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    for line in ["GET /api/v1/ws/x HTTP/1.1", "GET ///api/v1/ws/x?y HTTP/1.1"] {
        let frames = "POST / HTTP/1.1\r\nConnection: upgrade\r\n";
        let text = format!("\r\n{line}\r\n{rest}{frames}");
        assert_eq!(read(&text, &[7]), text);
    }
    for line in [
        "GET /api/v1/ws/x HTTP/1.0",
        "POST /api/v1/ws/x HTTP/1.1",
        "GET /api/v1/wsx HTTP/1.1",
        "HEAD /api/v1/ws/x HTTP/1.1",
        "GET /x/api/v1/ws/x HTTP/1.1",
        "get /api/v1/ws/x HTTP/1.1",
    ] {
        let text = format!("{line}\r\n{rest}");
        assert_eq!(read(&text, &[7]), format!("{line}\r\nConnection: Upgrad-\r\nUpgrade: websocke-\r\n\r\n"));
    }
}

#[test]
fn what_the_library_has_said_by_itself_is_found() {
    let bare = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";
    let before = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    for before in ["", before, &before.repeat(20)] {
        let written = format!("{before}{bare}");
        let found = refusals::find(written.as_bytes()).unwrap();
        assert_eq!((found.start, found.version, found.status), (before.len(), "HTTP/1.1", 400));
        assert_eq!(found.date, "Thu, 01 Jan 1970 00:00:00 GMT");
    }
    let others = [
        bare.replace("400 Bad Request", "200 OK"),
        bare.replace("content-length: 0", "content-length: 5"),
        bare.replace("content-length: 0\r\n", ""),
        bare.replace("date:", "x-request-id: 1\r\ndate:"),
        bare.replace("\r\n\r\n", "\r\n"),
        format!("{bare}x"),
        "HTTP/1.1 100 Continue\r\n\r\n".to_owned(),
        "0\r\n\r\n".to_owned(),
        before.to_owned(),
        String::new(),
    ];
    for other in others {
        assert_eq!(refusals::find(other.as_bytes()), None, "{other}");
    }
}
