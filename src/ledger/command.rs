//! Requests to the ledger. A command carries everything that its effects need, including fresh ids
//! and times, so that deciding on it is a pure function.

mod holds;
mod lightning;

pub use holds::{
    CancelHeld, CaptureHold, ExpireHolds, GROUP_HOLDS_MAX, GROUP_READ_MAX, NewHold, Payout, PlaceHolds, SettleHeld,
    SettleHolds,
};
pub use lightning::{EndSend, NewSend, Receive, SendEnd};

use crate::crypto::secret::Sealed;
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{
    AccountId, HitId, InvoiceId, OriginId, PaymentHash, TransferId, UserId, WithdrawLinkId, WithdrawalId,
};
use crate::domain::money::Amount;
use crate::domain::session::{Right, SessionDigest};
use crate::domain::time::UnixMs;

/// The key behind a request. The handler has already verified the key. The generation number lets
/// the ledger check, inside the transaction, that no rotation or deletion has revoked it since
/// (promise I9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The account of the key's wallet.
    pub account: AccountId,
    /// The generation of the wallet's keys that the key belongs to.
    pub keys_version: i64,
    /// The key's user, for requests that only a manager may make. The ledger then also checks that
    /// the user may still create users.
    pub manager: Option<UserId>,
}

/// An invoice that is not stored yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvoice {
    /// Its id.
    pub id: InvoiceId,
    /// The hash that clients identify it by.
    pub payment_hash: PaymentHash,
    /// The encrypted preimage of the hash. `None` for a hold invoice: only its payee knows it.
    pub preimage: Option<Sealed>,
    /// The account to be paid.
    pub payee: AccountId,
    /// The invoice string as issued. `None` for a direct transfer, whose invoice is never shown to
    /// anybody.
    pub bolt11: Option<String>,
    /// The amount.
    pub amount: Amount,
    /// What the payment is for; may be empty.
    pub memo: String,
    /// The URL to notify of the payment.
    pub webhook: Option<String>,
    /// The client's own data.
    pub extra: Option<Extra>,
    /// What the payee calls it.
    pub external_id: Option<ExternalId>,
    /// When it was issued.
    pub created_at: UnixMs,
    /// The time from which it can no longer be paid.
    pub expires_at: UnixMs,
    /// Whether it stands at the Lightning node as well.
    pub is_at_node: bool,
}

impl NewInvoice {
    /// An invoice that is issued and paid at once, so that nobody ever sees it.
    pub const fn direct(
        id: InvoiceId,
        payment_hash: PaymentHash,
        preimage: Sealed,
        payee: AccountId,
        amount: Amount,
        memo: String,
        at: UnixMs,
    ) -> Self {
        Self {
            id,
            payment_hash,
            preimage: Some(preimage),
            payee,
            bolt11: None,
            amount,
            memo,
            webhook: None,
            extra: None,
            external_id: None,
            created_at: at,
            expires_at: at,
            is_at_node: false,
        }
    }
}

/// Issues an invoice.
#[derive(Clone, Debug)]
pub struct CreateInvoice {
    /// The payee.
    pub authority: Authority,
    /// The idempotency key of the request.
    pub claim: Option<Claim>,
    /// The invoice; its payee is the authority's account.
    pub invoice: NewInvoice,
}

/// Pays an invoice. A hold invoice is not paid yet: the money is held for it.
#[derive(Clone, Debug)]
pub struct Pay {
    /// The payer.
    pub authority: Authority,
    /// The idempotency key of the request.
    pub claim: Option<Claim>,
    /// The id for the transfer.
    pub transfer: TransferId,
    /// The invoice to pay.
    pub payment_hash: PaymentHash,
    /// The invoice string that the payer was given, in lower case.
    pub bolt11: String,
    /// The payer's own data.
    pub extra: Option<Extra>,
    /// The URL to notify the payer at once it is settled.
    pub webhook: Option<String>,
    /// What the payer calls the payment.
    pub external_id: Option<ExternalId>,
    /// How to pay it over Lightning, where it is no invoice of this server.
    pub send: Option<Box<NewSend>>,
}

/// Issues an invoice without a key: for a pay link or a refund's did, which anybody may use.
#[derive(Clone, Debug)]
pub struct IssueForLink {
    /// The invoice.
    pub invoice: NewInvoice,
    /// What the invoice is issued for.
    pub origin: OriginId,
    /// How many invoices of the payee for the origin may wait to be paid, this one included.
    pub open_max: u32,
    /// How much the payee may be paid for the origin in all, where that is limited: what was paid, what
    /// waits to be paid, and this invoice.
    pub total_max: Option<Amount>,
}

/// Issues an invoice for one of this server's pay links and pays it at once.
#[derive(Clone, Debug)]
pub struct PayLink {
    /// The payer.
    pub authority: Authority,
    /// The idempotency key of the request.
    pub claim: Option<Claim>,
    /// The id for the transfer.
    pub transfer: TransferId,
    /// The invoice; its payee is the link's owner.
    pub invoice: NewInvoice,
    /// The link.
    pub origin: OriginId,
    /// The payer's own data.
    pub extra: Option<Extra>,
    /// The URL to notify the payer at once it is settled.
    pub webhook: Option<String>,
    /// What the payer calls the payment.
    pub external_id: Option<ExternalId>,
}

/// Pays an invoice with a tapped card. Whoever knows the tap may do so: once, for a short time, and
/// within the card's limits.
#[derive(Clone, Debug)]
pub struct PayByCard {
    /// The tap.
    pub hit: HitId,
    /// The card's wallet.
    pub account: AccountId,
    /// The id for the transfer.
    pub transfer: TransferId,
    /// The invoice to pay.
    pub payment_hash: PaymentHash,
    /// The invoice string, in lower case.
    pub bolt11: String,
    /// The data stored on the payer's side.
    pub extra: Option<Extra>,
    /// How to pay it over Lightning, where it is no invoice of this server.
    pub send: Option<Box<NewSend>>,
}

/// Pays an invoice by a withdraw link. Whoever has opened the link may do so: once, for a short time, and
/// as often and as much as the link says.
#[derive(Clone, Debug)]
pub struct PayByWithdrawLink {
    /// The link.
    pub link: WithdrawLinkId,
    /// What opening it was good for.
    pub withdrawal: WithdrawalId,
    /// The number of the use, of a link whose uses have links of their own.
    pub number: Option<u32>,
    /// The link's wallet.
    pub account: AccountId,
    /// The id for the transfer.
    pub transfer: TransferId,
    /// The invoice to pay.
    pub payment_hash: PaymentHash,
    /// The invoice string, in lower case.
    pub bolt11: String,
    /// The data stored on the payer's side.
    pub extra: Option<Extra>,
    /// The URL to notify the link's owner at.
    pub webhook: Option<String>,
    /// How to pay it over Lightning, where it is no invoice of this server.
    pub send: Option<Box<NewSend>>,
}

/// One movement of a direct transfer.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The id for the transfer.
    pub transfer: TransferId,
    /// The payer.
    pub from: AccountId,
    /// The invoice that is issued and paid at once; it holds the payee and the amount.
    pub invoice: NewInvoice,
    /// What the payer calls the movement.
    pub external_id: Option<ExternalId>,
}

/// Moves money without an invoice: either all of the legs or none.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The manager's wallet whose key authorizes the transfer.
    pub authority: Authority,
    /// The idempotency key of the request.
    pub claim: Option<Claim>,
    /// The movements, in order.
    pub legs: Vec<Leg>,
}

/// Brings money in from [`AccountId::ISSUANCE`], or takes it back there. Only an operator asks for
/// this, so there is no wallet key to verify, and freezes and limits do not apply.
#[derive(Clone, Debug)]
pub struct Adjust {
    /// The movement, out of issuance or into it.
    pub leg: Leg,
    /// The operator's session; `None` on the command line.
    pub session: Option<SessionDigest>,
    /// The idempotency key of the request.
    pub claim: Option<Claim>,
}

impl Adjust {
    /// The wallet whose balance changes.
    pub fn wallet(&self) -> AccountId {
        if self.leg.from == AccountId::ISSUANCE { self.leg.invoice.payee } else { self.leg.from }
    }
}

/// The most wallets, and the most users, that one deletion can name. Larger deletions are split, so
/// that nobody waits long for one.
pub const CLOSE_MAX: usize = 256;

/// A wallet to delete.
#[derive(Clone, Debug)]
pub struct WalletToClose {
    /// Its account.
    pub account: AccountId,
    /// Whether its user was created by the manager who deletes it, rather than by a sub-manager. A
    /// manager's freeze on it is then the deleter's own.
    pub is_own: bool,
    /// Ids and secrets for sweeping it.
    pub sweep: NewMovement,
}

/// Ids and secrets for one movement, generated before it is known how much is moved, or whether
/// anything is.
#[derive(Clone, Debug)]
pub struct NewMovement {
    /// The id for the transfer.
    pub transfer: TransferId,
    /// The id for the invoice behind it.
    pub invoice: InvoiceId,
    /// The payment hash of the movement.
    pub payment_hash: PaymentHash,
    /// The encrypted preimage of the hash.
    pub preimage: Sealed,
}

impl NewMovement {
    /// The movement itself.
    pub fn leg(&self, from: AccountId, to: AccountId, amount: Amount, memo: String, at: UnixMs) -> Leg {
        let preimage = self.preimage.clone();
        let invoice = NewInvoice::direct(self.invoice, self.payment_hash, preimage, to, amount, memo, at);
        Leg { transfer: self.transfer, from, invoice, external_id: None }
    }
}

/// Who deletes wallets.
#[derive(Clone, Copy, Debug)]
pub enum Actor {
    /// A manager, through the key of this wallet, which a sweep moves the money to.
    Manager(Authority),
    /// A wallet's own key, which deletes that wallet alone and cannot sweep.
    Owner(Authority),
    /// A manager who has logged in, or by a token: without a wallet of its own to sweep into.
    Login(SessionDigest),
    /// An operator, who cannot sweep.
    Operator(SessionDigest),
}

/// Deletes wallets, alone or together with their users. The keys stop working at once; the history
/// stays.
#[derive(Clone, Debug)]
pub struct Close {
    /// Who asks for the deletion.
    pub by: Actor,
    /// The users to delete along with their wallets. Users who have created others can only be
    /// deleted together with all of them. Empty when only wallets are deleted.
    pub users: Vec<UserId>,
    /// The wallets.
    pub wallets: Vec<WalletToClose>,
    /// Whether to move the money away first. Otherwise a wallet that holds money is not deleted.
    pub sweep: bool,
}

impl Actor {
    /// The authority of the key that asks; `None` where a token does.
    pub const fn authority(self) -> Option<Authority> {
        match self {
            Self::Manager(authority) | Self::Owner(authority) => Some(authority),
            Self::Login(_) | Self::Operator(_) => None,
        }
    }

    /// The token that asks, where no key does, and the right that it must give.
    pub const fn session(self) -> Option<(SessionDigest, Right)> {
        match self {
            Self::Manager(_) | Self::Owner(_) => None,
            Self::Login(session) => Some((session, Right::ManageUsers)),
            Self::Operator(session) => Some((session, Right::Operate)),
        }
    }
}

/// One request to the ledger.
#[derive(Clone, Debug)]
pub enum Command {
    /// Issue an invoice.
    CreateInvoice(CreateInvoice),
    /// Pay an invoice.
    Pay(Pay),
    /// Issue an invoice without a key.
    IssueForLink(IssueForLink),
    /// Pay one of this server's pay links.
    PayLink(PayLink),
    /// Pay an invoice with a card.
    PayByCard(PayByCard),
    /// End a payment to another node.
    EndSend(EndSend),
    /// Book what has arrived at the node.
    Receive(Receive),
    /// Pay an invoice by a withdraw link.
    PayByWithdrawLink(PayByWithdrawLink),
    /// Move money without an invoice.
    Transfer(Transfer),
    /// Bring money in, or take it out.
    Adjust(Adjust),
    /// Put money on hold.
    PlaceHolds(PlaceHolds),
    /// Capture and void holds.
    SettleHolds(SettleHolds),
    /// Give back what is held after its time.
    ExpireHolds(ExpireHolds),
    /// Capture what is held for a hold invoice.
    SettleHeld(SettleHeld),
    /// Cancel a hold invoice.
    CancelHeld(CancelHeld),
    /// Delete wallets.
    Close(Close),
}

impl Command {
    /// The key behind the command; `None` if a token is, and for commands that need no key.
    pub const fn authority(&self) -> Option<Authority> {
        match self {
            Self::CreateInvoice(create) => Some(create.authority),
            Self::Pay(pay) => Some(pay.authority),
            Self::PayLink(pay) => Some(pay.authority),
            Self::Transfer(transfer) => Some(transfer.authority),
            Self::PlaceHolds(place) => Some(place.authority),
            Self::SettleHolds(settle) => Some(settle.authority),
            Self::SettleHeld(settle) => Some(settle.authority),
            Self::CancelHeld(cancel) => Some(cancel.authority),
            Self::Adjust(_)
            | Self::IssueForLink(_)
            | Self::PayByCard(_)
            | Self::EndSend(_)
            | Self::Receive(_)
            | Self::PayByWithdrawLink(_)
            | Self::ExpireHolds(_) => None,
            Self::Close(close) => close.by.authority(),
        }
    }

    /// The token behind the command, if there is one, and the right that it must give.
    pub fn session(&self) -> Option<(SessionDigest, Right)> {
        match self {
            Self::CreateInvoice(_)
            | Self::Pay(_)
            | Self::IssueForLink(_)
            | Self::PayLink(_)
            | Self::PayByCard(_)
            | Self::EndSend(_)
            | Self::Receive(_)
            | Self::PayByWithdrawLink(_)
            | Self::PlaceHolds(_)
            | Self::SettleHolds(_)
            | Self::ExpireHolds(_)
            | Self::SettleHeld(_)
            | Self::CancelHeld(_)
            | Self::Transfer(_) => None,
            Self::Adjust(adjust) => adjust.session.map(|session| (session, Right::Operate)),
            Self::Close(close) => close.by.session(),
        }
    }

    /// Whether it names something that another replica may just have taken: an idempotency key, the payment
    /// hash of a hold invoice or of a payment to another node, or something that has arrived at the node.
    pub fn may_be_forestalled(&self) -> bool {
        let names_hash = match self {
            Self::CreateInvoice(create) => create.invoice.preimage.is_none(),
            Self::Pay(pay) => pay.send.is_some(),
            Self::PayByCard(pay) => pay.send.is_some(),
            Self::PayByWithdrawLink(pay) => pay.send.is_some(),
            Self::EndSend(_) | Self::Receive(_) => true,
            Self::IssueForLink(_)
            | Self::PayLink(_)
            | Self::Transfer(_)
            | Self::Adjust(_)
            | Self::PlaceHolds(_)
            | Self::SettleHolds(_)
            | Self::ExpireHolds(_)
            | Self::SettleHeld(_)
            | Self::CancelHeld(_)
            | Self::Close(_) => false,
        };
        names_hash || self.claim().is_some()
    }

    /// The idempotency key of the command, and the account it belongs to: that of the wallet whose
    /// key is used, or issuance for operators.
    pub fn claim(&self) -> Option<(AccountId, Claim)> {
        let claim = match self {
            Self::CreateInvoice(create) => create.claim,
            Self::Pay(pay) => pay.claim,
            Self::Transfer(transfer) => transfer.claim,
            Self::Adjust(adjust) => adjust.claim,
            Self::PayLink(pay) => pay.claim,
            Self::PlaceHolds(place) => place.claim,
            Self::SettleHolds(settle) => settle.claim,
            Self::Close(_)
            | Self::IssueForLink(_)
            | Self::PayByCard(_)
            | Self::EndSend(_)
            | Self::Receive(_)
            | Self::PayByWithdrawLink(_)
            | Self::ExpireHolds(_)
            | Self::SettleHeld(_)
            | Self::CancelHeld(_) => None,
        };
        let account = self.authority().map_or(AccountId::ISSUANCE, |authority| authority.account);
        claim.map(|claim| (account, claim))
    }
}
