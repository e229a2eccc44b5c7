//! A card, as NXP's application note AN12196 describes it: what it shows at each tap.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use bitcoin_hashes::hex::{DisplayHex, FromHex};
use cmac::{Cmac, Mac};
use serde_json::Value;

/// A programmed card in somebody's pocket.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    /// The URL on it, without what a tap adds: a path of the server.
    pub(crate) path: String,
    pub(crate) uid: [u8; 7],
    pub(crate) k1: [u8; 16],
    pub(crate) k2: [u8; 16],
    pub(crate) counter: u32,
}

impl Card {
    /// The card that was programmed as an answer of the API says, which must show keys.
    pub(crate) fn programmed(card: &Value) -> Self {
        let text = |name: &str| card[name].as_str().unwrap_or_else(|| panic!("{name} in {card}"));
        Self {
            path: format!("/boltcards/api/v1/scan/{}", text("external_id")),
            uid: FromHex::from_hex(text("uid")).unwrap(),
            k1: FromHex::from_hex(text("k1")).unwrap(),
            k2: FromHex::from_hex(text("k2")).unwrap(),
            counter: card["counter"].as_u64().unwrap() as u32,
        }
    }

    /// The next tap: path and query of the URL that it shows.
    pub(crate) fn tap(&mut self) -> String {
        self.counter += 1;
        self.shown(self.counter)
    }

    /// What it shows at the tap of this number.
    pub(crate) fn shown(&self, counter: u32) -> String {
        let count = &counter.to_le_bytes()[..3];
        let plain = [[0xC7].as_slice(), &self.uid, count, b"noise"].concat();
        let mut block = <[u8; 16]>::try_from(plain).unwrap().into();
        Aes128::new(&self.k1.into()).encrypt_block(&mut block);
        let message = [[0x3C, 0xC3, 0x00, 0x01, 0x00, 0x80].as_slice(), &self.uid, count].concat();
        let mac = cmac(&cmac(&self.k2, &message), &[]);
        let shown: Vec<u8> = mac.iter().skip(1).step_by(2).copied().collect();
        format!("{}?p={}&c={}", self.path, block.to_vec().to_upper_hex_string(), shown.to_upper_hex_string())
    }
}

fn cmac(key: &[u8; 16], message: &[u8]) -> [u8; 16] {
    let mut mac = Cmac::<Aes128>::new(key.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}
