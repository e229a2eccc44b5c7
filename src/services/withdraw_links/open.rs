//! Being paid by a withdraw link: it is opened, and handed an invoice. Nobody shows a key, so everything
//! is charged to the tenant of the link's wallet (promise I14).

use super::{OPEN, TAG, WithdrawLink};
use crate::clock;
use crate::domain::consumer::Consumer;
use crate::domain::extra::Extra;
use crate::domain::ids::TransferId;
use crate::domain::lnurl::service_url::ServiceUrl;
use crate::domain::skim::SkimmedRequest;
use crate::domain::text::WebhookUrl;
use crate::domain::withdraw::refused::WithdrawRefused;
use crate::domain::withdraw::secret::LinkSecret;
use crate::domain::withdraw::token::{OpenToken, Opened};
use crate::ledger::command::PayByWithdrawLink;
use crate::ledger::outcome::Rejection;
use crate::services::lightning::outside;
use crate::services::{Error, Services};
use crate::store::{StoreError, withdraw_links};

/// Why a link does not pay, in the words that wallets know.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawError {
    /// The link says so.
    #[error(transparent)]
    Refused(#[from] WithdrawRefused),
    /// Nothing is to be paid.
    #[error("Missing payment request.")]
    NoRequest,
    /// The text is no invoice.
    #[error("Failed to decode payment request.")]
    InvalidRequest,
    /// The invoice leaves the amount to the payer.
    #[error("0 amount invoices are not supported.")]
    Amountless,
    /// The ledger does not pay it.
    #[error("withdraw not working. {0}.")]
    NotPaid(Rejection),
    /// It was not looked at.
    #[error(transparent)]
    Other(#[from] Error),
}

/// A link that somebody has opened.
#[derive(Debug)]
pub struct OpenLink {
    /// The link.
    pub link: WithdrawLink,
    /// The number of the use, where each has a link of its own.
    pub number: Option<u32>,
    consumer: Consumer,
}

/// What stands in the URL of a withdraw link of this server, where a URL is one: of the link, and of a use
/// of it.
pub fn in_url(url: &ServiceUrl) -> Option<(String, Option<String>)> {
    let mut parts = url.url().path().strip_prefix(OPEN)?.split('/').filter(|part| !part.is_empty());
    let (secret, of_use) = (parts.next()?.to_owned(), parts.next().map(str::to_owned));
    parts.next().is_none().then_some((secret, of_use))
}

/// The link that has this in its URL, and the use of it, where one is named.
pub async fn find(services: &Services, secret: &str, of_use: Option<&str>) -> Result<OpenLink, WithdrawError> {
    let secret = LinkSecret::new(secret.to_owned()).or(Err(WithdrawRefused::NotFound))?;
    let sealer = services.sealer.clone();
    let found = services.store.read(move |connection| withdraw_links::open(connection, &sealer, &secret));
    let (link, consumer) = found.await.map_err(of_link)?;
    if !link.terms.is_enabled {
        return Err(WithdrawRefused::Disabled.into());
    }
    if link.used >= link.terms.uses {
        return Err(WithdrawRefused::Spent.into());
    }
    // Where all uses have one link, nothing stands behind it.
    let number = match (of_use, link.terms.is_unique) {
        (None, true) => return Err(WithdrawRefused::NumberMissing.into()),
        (Some(of_use), true) => Some(link.number_of(of_use).ok_or(WithdrawRefused::NumberGone)?),
        (Some(_), false) => return Err(WithdrawRefused::NumberGone.into()),
        (None, false) => None,
    };
    Ok(OpenLink { link, number, consumer })
}

fn of_link(error: StoreError) -> WithdrawError {
    if matches!(error, StoreError::NotFound) { WithdrawRefused::NotFound.into() } else { Error::from(error).into() }
}

impl OpenLink {
    fn opened(&self) -> Opened {
        Opened { link: self.link.id, number: self.number }
    }

    /// With what an invoice is handed over: once, and for a short while.
    pub fn token(&self, services: &Services) -> OpenToken {
        OpenToken::new(&services.sealer, self.opened(), clock::now())
    }
}

/// Pays an invoice from the wallet of a link: at once with the use of the link, or not at all.
pub async fn pay(
    services: &Services,
    open: OpenLink,
    token: OpenToken,
    request: SkimmedRequest,
) -> Result<(), WithdrawError> {
    let withdrawal = token.verify(&services.sealer, open.opened()).or(Err(WithdrawRefused::WrongToken))?;
    let OpenLink { link, number, consumer } = open;
    let extra = serde_json::json!({"tag": TAG, "withdrawal_link_id": link.public_id});
    let command = PayByWithdrawLink {
        link: link.id,
        withdrawal,
        number,
        account: link.wallet.account(),
        transfer: TransferId::next(),
        payment_hash: request.payment_hash(),
        bolt11: request.text().to_owned(),
        extra: Some(Extra::new(&extra.to_string()).or(Err(Error::Fault))?),
        webhook: link.terms.webhook.map(WebhookUrl::into_inner),
        send: None,
    };
    let command = |send| PayByWithdrawLink { send, ..command.clone() };
    let paid = outside::pay_keyless(services, &request, consumer, command).await?;
    paid.map_err(|rejection| refusal(rejection, &request))
}

/// Why the ledger does not pay, in the words that wallets know.
fn refusal(rejection: Rejection, request: &SkimmedRequest) -> WithdrawError {
    if let Rejection::Withdraw(refused) = rejection {
        return refused.into();
    }
    // The link's own: the invoice's is another refusal.
    if matches!(rejection, Rejection::WalletNotFound { .. }) {
        return WithdrawRefused::NotFound.into();
    }
    if matches!(rejection, Rejection::InvoiceNotFound | Rejection::InvoiceMismatch) {
        match request.parse() {
            Err(_) => return WithdrawError::InvalidRequest,
            Ok(parsed) if parsed.is_amountless() => return WithdrawError::Amountless,
            Ok(_) => {}
        }
    }
    WithdrawError::NotPaid(rejection)
}
