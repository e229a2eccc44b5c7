//! What a pay link says about itself (LUD-06): a text of JSON, whose hash stands in every invoice.
//! Wallets hash the text as they got it, so it is made in one place and never written anew.

use bitcoin_hashes::{Hash, sha256};
use serde_json::json;

use super::super::text::Memo;
use super::address::Address;

/// The metadata of a pay link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata(String);

impl Metadata {
    /// Of a link that is known by its description only.
    pub fn of_description(description: &Memo) -> Self {
        Self(json!([["text/plain", description.as_str()]]).to_string())
    }

    /// Of a link that has a Lightning address, with the tag of the payment, where it has one.
    pub fn of_address(address: &Address) -> Self {
        let plain = ["text/plain".to_owned(), format!("Payment to {}", address.recipient.name)];
        let identifier = ["text/identifier".to_owned(), address.to_string()];
        let tag = address.recipient.tag.as_ref().map(|tag| ["text/tag".to_owned(), tag.clone()]);
        Self(json!([plain, identifier].into_iter().chain(tag).collect::<Vec<_>>()).to_string())
    }

    /// The text, exactly as it is served.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What an invoice has in the place of a description (BOLT 11, field `h`).
    pub fn hash(&self) -> sha256::Hash {
        sha256::Hash::hash(self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_description(text: &str) -> Metadata {
        Metadata::of_description(&Memo::new(text.to_owned()).unwrap())
    }

    #[test]
    fn the_text_and_its_hash_are_known() {
        let metadata = of_description("Tea & \"cakes\" für Zoë\n🎮");
        assert_eq!(metadata.as_str(), r#"[["text/plain","Tea & \"cakes\" für Zoë\n🎮"]]"#);
        let metadata = of_description("tea");
        assert_eq!(metadata.as_str(), r#"[["text/plain","tea"]]"#);
        assert_eq!(metadata.hash().to_string(), "fa0c62f5f0b1b5246942279647467ca8a1497c8eb3f526523f4dc2dc1e5d921d");
        let metadata = Metadata::of_address(&"bob@a.example:8443".parse().unwrap());
        let expected = r#"[["text/plain","Payment to bob"],["text/identifier","bob@a.example:8443"]]"#;
        assert_eq!(metadata.as_str(), expected);
        assert_eq!(metadata.hash().to_string(), "669d80d89c09be0de5feb6b6ce5d0716284da6660a38c5b59a2ad528d677a75c");
        let metadata = Metadata::of_address(&"bob+tips@a.example".parse().unwrap());
        let expected =
            r#"[["text/plain","Payment to bob"],["text/identifier","bob+tips@a.example"],["text/tag","tips"]]"#;
        assert_eq!(metadata.as_str(), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        #[test]
        fn every_description_is_read_as_it_is(text in "[^\0]{0,100}") {
            let metadata = of_description(&text);
            let read: Vec<(String, String)> = serde_json::from_str(metadata.as_str()).unwrap();
            prop_assert_eq!(read, [("text/plain".to_owned(), text)]);
        }
    }
}
