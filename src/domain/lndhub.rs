//! What wallet apps that speak LNDHub show and are given: tokens, and links.
//!
//! A token is base64 of a login, a colon and a wallet's key; so is what a link has in front of the
//! address. What it may do, the key says: the login tells an app whether it can send.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE};
use zeroize::Zeroizing;

use super::api_keys::{ApiKey, KeyKind};

/// Reads base64 with padding or without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The token of a login and a key.
pub fn token(login: &str, key: &ApiKey) -> Zeroizing<String> {
    let plain = Zeroizing::new(format!("{login}:{}", key.reveal()));
    Zeroizing::new(URL_SAFE.encode(plain.as_bytes()))
}

/// The key in a token, of either alphabet of base64.
pub fn key_in_token(token: &str) -> Option<ApiKey> {
    let standard = Zeroizing::new(token.trim().replace('-', "+").replace('_', "/"));
    let plain = Zeroizing::new(LENIENT.decode(standard.as_bytes()).ok()?);
    let (_, key) = std::str::from_utf8(&plain).ok()?.rsplit_once(':')?;
    Some(key).filter(|key| !key.is_empty()).map(ApiKey::from_client)
}

/// The key in the credentials of a request: a bearer token, its scheme in any case (RFC 9110, 11.1),
/// or, as LNbits has it, a bare key.
pub fn key_in_credentials(credentials: &str) -> Option<ApiKey> {
    match credentials.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => key_in_token(token),
        Some(_) => None,
        None => Some(credentials.trim()).filter(|key| !key.is_empty()).map(ApiKey::from_client),
    }
}

/// The link that a wallet app opens a wallet by, where it finds LNDHub at `url`.
pub fn link(kind: KeyKind, key: &ApiKey, url: &str) -> String {
    format!("lndhub://{}:{}@{url}", kind.as_str(), key.reveal())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "c0ffee00c0ffee00c0ffee00c0ffee00";

    fn read(token: &str) -> Option<String> {
        key_in_token(token).map(|key| key.reveal().to_owned())
    }

    #[test]
    fn a_token_is_what_lnbits_makes() {
        let made = token("admin", &ApiKey::from_client(KEY));
        assert_eq!(*made, "YWRtaW46YzBmZmVlMDBjMGZmZWUwMGMwZmZlZTAwYzBmZmVlMDA=");
        assert_eq!(read(&made).as_deref(), Some(KEY));
        assert_eq!(read(made.trim_end_matches('=')).as_deref(), Some(KEY), "without padding");
    }

    #[test]
    fn what_is_no_token_holds_no_key() {
        for text in ["", "=", "admin", "YWRtaW4=", "YWRtaW46", KEY, "ä", "YWRtaW46 YzBm", "/w=="] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn credentials_are_a_bearer_token_or_a_key() {
        let found = |text: &str| key_in_credentials(text).map(|key| key.reveal().to_owned());
        let made = token("invoice", &ApiKey::from_client(KEY));
        for text in [format!("Bearer {}", *made), format!("bearer  {}", *made), KEY.to_owned()] {
            assert_eq!(found(&text).as_deref(), Some(KEY), "{text}");
        }
        for text in [format!("Basic {}", *made), "Bearer ".to_owned(), format!("Bearer {KEY}"), String::new()] {
            assert_ne!(found(&text).as_deref(), Some(KEY), "{text}");
        }
    }

    #[test]
    fn a_link_names_login_key_and_address() {
        let key = ApiKey::from_client(KEY);
        let link = link(KeyKind::Admin, &key, "https://pay.example/lndhub/ext/");
        assert_eq!(link, format!("lndhub://admin:{KEY}@https://pay.example/lndhub/ext/"));
    }

    proptest! {
        #[test]
        fn every_login_and_key_come_back(login in ".*", key in "[^:]+") {
            let made = token(&login, &ApiKey::from_client(&key));
            prop_assert_eq!(read(&made), Some(key.clone()));
            let standard = made.replace('-', "+").replace('_', "/");
            prop_assert_eq!(read(&standard), Some(key));
        }
    }
}
