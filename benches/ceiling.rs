//! The ceiling: what HTTP alone costs here. The same framework, with as many workers and the
//! same middleware-free way as satkeep's, answers a POST that it has authenticated (by comparing
//! a header) and read (as JSON) with a body as large as a payment's, and does nothing else.

use std::io::Write;

// For its allocator.
use satkeep as _;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde::Deserialize;

/// The part of an order that is looked at.
#[derive(Deserialize)]
struct Order {
    #[serde(default)]
    out: bool,
}

const KEY: &str = "00000000000000000000000000000000";

/// As long as the answer to a payment.
const ANSWER_BYTES: usize = 1300;

async fn answer(request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let authenticated = request.headers().get("x-api-key").is_some_and(|key| key == KEY);
    match serde_json::from_slice::<Order>(&body) {
        Ok(order) if authenticated => HttpResponse::Created().content_type("application/json").body(format!(
            "{{\"out\":{},\"padding\":\"{}\"}}",
            order.out,
            "x".repeat(ANSWER_BYTES)
        )),
        Ok(_) => HttpResponse::Unauthorized().finish(),
        Err(_) => HttpResponse::BadRequest().finish(),
    }
}

fn main() -> std::io::Result<()> {
    // `cargo test` and `cargo bench` run every bench; without an address there is nothing to do.
    let Some(address) = std::env::args().nth(1).filter(|argument| argument.contains(':')) else { return Ok(()) };
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| App::new().route("/", web::post().to(answer))).bind(address)?;
        for address in server.addrs() {
            println!("listening on http://{address}");
        }
        std::io::stdout().flush()?;
        server.run().await
    })
}
