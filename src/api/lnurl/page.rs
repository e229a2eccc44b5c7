//! The page of a pay link, for a person's browser: who is paid, how much, and a QR code to scan or to
//! print. It has no scripts, and takes nothing from elsewhere.

use actix_web::HttpResponse;

use crate::api::framework::address::ClientAddress;
use crate::api::framework::app::App;
use crate::api::framework::error::{ApiError, ErrorCode};
use crate::api::system::front::html;
use crate::api::system::qr;
use crate::domain::lnurl::sendable::Sendable;
use crate::services::pay_links::Terms;
use crate::services::pay_links::serve::OpenLink;

const PAGE: &str = include_str!("page.html");

/// The page of a link.
pub(super) async fn answer(app: &App, client: ClientAddress, open: &OpenLink) -> Result<HttpResponse, ApiError> {
    // As codes of links are read by phones: in upper case, so that the picture is smaller.
    let code = format!("LIGHTNING:{}", open.url()?.to_bech32());
    let drawn = code.clone();
    let picture = app.draw(client, move || qr::svg(&drawn)).await?.ok_or(ErrorCode::Internal)?;
    // Inside of a page there is no declaration of XML.
    let picture = picture.split_once("?>").map_or(picture.as_str(), |(_, svg)| svg);
    let terms = &open.link.terms;
    let address = open.address().map(|address| address.to_string());
    let title = address.clone().unwrap_or_else(|| terms.description.as_str().to_owned());
    let range = open.sendable(&app.services).await.map_or_else(|_| in_currency(terms), range);
    let name = terms.username.as_ref().map_or("pay-link", |name| name.as_str());
    let texts = [
        ("title", title.as_str()),
        ("description", terms.description.as_str()),
        ("range", &range),
        ("code", &code),
        ("name", name),
    ];
    Ok(html(filled(&texts, picture)))
}

/// The page with texts and the picture in their places: in one pass, so that a text may hold what names
/// a place.
fn filled(texts: &[(&str, &str)], picture: &str) -> String {
    let mut parts = PAGE.split("{{");
    let mut page = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (place, rest) = part.split_once("}}").unwrap_or(("", part));
        if place == "picture" {
            page.push_str(picture);
        }
        let text = texts.iter().find(|(name, _)| *name == place).map(|(_, text)| *text);
        page.push_str(&escaped(text.unwrap_or_default()));
        page.push_str(rest);
    }
    page
}

fn range(sendable: Sendable) -> String {
    let (min, max) = (sendable.min().to_sat(), sendable.max().to_sat());
    if min == max { format!("{min} sat") } else { format!("{min} to {max} sat") }
}

fn in_currency(terms: &Terms) -> String {
    let (min, max) = (terms.range.min(), terms.range.max());
    let currency = terms.currency.as_deref().unwrap_or_default();
    if min == max { format!("{min} {currency}") } else { format!("{min} to {max} {currency}") }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_texts_and_nothing_else() {
        let evil = "<script>alert('1')</script> {{code}} \"& {picture} {{picture}}";
        let texts = [("title", evil), ("description", evil), ("range", "1 sat"), ("code", "LIGHTNING:X")];
        let page = filled(&texts, "<svg/>");
        assert_eq!(page.matches("<svg/>").count(), 1);
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
        assert!(page.contains("{{code}} &quot;&amp;") && page.contains("href=\"LIGHTNING:X\""));
    }
}
