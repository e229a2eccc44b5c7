//! Invoices that services of others give (LUD-06), and what they have shown to their payers (LUD-09,
//! LUD-10).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;

use super::service::{Answer, InvalidAnswer, form};
use super::service_url::SERVICE_URL_BYTES_MAX;
use super::success::SUCCESS_CHARS_MAX;

/// The longest encrypted text (LUD-10), in characters.
const CIPHERTEXT_CHARS_MAX: usize = 4096;
/// How long an initialization vector is, in base64.
const IV_CHARS: usize = 24;

/// An invoice that a service gives.
#[derive(Clone, Debug)]
pub struct ServiceInvoice {
    /// Its text.
    pub bolt11: String,
    /// What a payer is shown.
    pub action: Option<ServiceAction>,
    /// Whether the link may be kept to be paid again (LUD-11).
    pub is_storable: bool,
}

/// What a payer is shown. A text that is encrypted is opened by the payer, with the preimage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tag", rename_all = "lowercase")]
pub enum ServiceAction {
    /// A text.
    Message {
        /// It.
        message: String,
    },
    /// A web page to open.
    Url {
        /// What is there.
        #[serde(default)]
        description: String,
        /// Where it is.
        url: String,
    },
    /// A text that only who has paid can read.
    Aes {
        /// What it is.
        #[serde(default)]
        description: String,
        /// AES-CBC of it, in base64.
        ciphertext: String,
        /// The initialization vector, in base64.
        iv: String,
    },
}

impl ServiceInvoice {
    /// Reads what a callback has answered.
    pub fn read(body: &[u8]) -> Result<Self, InvalidAnswer> {
        let answer = Answer::read(body)?;
        let bolt11 = answer.pr.filter(|pr| !pr.is_empty()).ok_or_else(|| form("it has no invoice (pr)"))?;
        let action = answer.success_action.map(ServiceAction::read).transpose()?;
        Ok(Self { bolt11, action, is_storable: answer.disposable == Some(false) })
    }
}

impl ServiceAction {
    /// One that is not understood is not paid for: its payer would not be shown it (LUD-09).
    fn read(json: &RawValue) -> Result<Self, InvalidAnswer> {
        let action: Self = serde_json::from_str(json.get()).or(Err(form("its successAction is not understood")))?;
        if action.is_fit() { Ok(action) } else { Err(form("its successAction is not as LUD-09 and LUD-10 have it")) }
    }

    fn is_fit(&self) -> bool {
        let is_short = |text: &str| text.chars().nth(SUCCESS_CHARS_MAX).is_none() && !text.contains('\0');
        match self {
            Self::Message { message } => is_short(message),
            Self::Url { description, url } => {
                let is_page = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
                is_short(description)
                    && url.len() <= SERVICE_URL_BYTES_MAX
                    && Url::parse(url).is_ok_and(|url| is_page(&url))
            }
            Self::Aes { description, ciphertext, iv } => {
                let is_base64 =
                    |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                let is_sized = (IV_CHARS..=CIPHERTEXT_CHARS_MAX).contains(&ciphertext.len()) && iv.len() == IV_CHARS;
                is_short(description) && is_sized && is_base64(ciphertext) && is_base64(iv)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(answer: &Value) -> Result<ServiceInvoice, InvalidAnswer> {
        ServiceInvoice::read(answer.to_string().as_bytes())
    }

    #[test]
    fn invoices_and_actions_are_read() {
        let plain = read(&json!({"pr": "lnbc1", "routes": [], "status": "OK"})).unwrap();
        assert_eq!((plain.bolt11.as_str(), plain.action, plain.is_storable), ("lnbc1", None, false));
        let aes = json!({"tag": "aes", "description": "Code", "ciphertext": "A".repeat(24), "iv": format!("{}==", "B".repeat(22))});
        for action in [
            json!({"tag": "message", "message": "Thanks"}),
            json!({"tag": "url", "description": "", "url": "https://a.example/1"}),
            aes,
        ] {
            let read = read(&json!({"pr": "lnbc1", "successAction": action, "disposable": false})).unwrap();
            assert_eq!((serde_json::to_value(read.action.unwrap()).unwrap(), read.is_storable), (action, true));
        }
        assert_eq!(read(&json!({"pr": "x", "successAction": null})).unwrap().action, None);
    }

    #[test]
    fn an_action_that_is_not_understood_is_not_paid_for() {
        for action in [
            json!({"tag": "fireworks"}),
            json!({"message": "x"}),
            json!({"tag": "message", "message": "x".repeat(145)}),
            json!({"tag": "url", "description": "", "url": "javascript:alert(1)"}),
            json!({"tag": "aes", "ciphertext": "A".repeat(24), "iv": "short"}),
            json!({"tag": "aes", "ciphertext": "A".repeat(5000), "iv": "B".repeat(24)}),
            json!("x"),
        ] {
            let said = read(&json!({"pr": "lnbc1", "successAction": action})).unwrap_err();
            assert!(said.to_string().contains("successAction"), "{action}: {said}");
        }
        assert!(read(&json!({"routes": []})).unwrap_err().to_string().contains("no invoice"));
        assert_eq!(
            read(&json!({"status": "ERROR", "reason": "closed"})).unwrap_err(),
            InvalidAnswer::Refused("closed".into())
        );
    }
}
