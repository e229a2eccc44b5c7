//! What can be asked of the ledger. A command carries everything that its effects need,
//! fresh ids and times included, so that deciding about it is a pure function.

use crate::crypto::secret::Sealed;
use crate::domain::extra::Extra;
use crate::domain::idempotency::Claim;
use crate::domain::ids::{AccountId, HitId, InvoiceId, OriginId, PaymentHash, TransferId, UserId};
use crate::domain::money::Amount;
use crate::domain::session::{Right, SessionDigest};
use crate::domain::time::UnixMs;

/// Who asks. The handler has proved the key before; the number lets the ledger see, inside
/// the transaction, that no later rotation or deletion has revoked it (promise I9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The account of the key's wallet.
    pub account: AccountId,
    /// The generation of the wallet's keys that the key belongs to.
    pub keys_version: i64,
    /// The key's user, where only a manager may ask: the ledger sees as well that it may still
    /// create users.
    pub manager: Option<UserId>,
}

/// A request to be paid, before it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvoice {
    /// Its id.
    pub id: InvoiceId,
    /// What clients know it by.
    pub payment_hash: PaymentHash,
    /// The secret behind the hash, sealed.
    pub preimage: Sealed,
    /// Who is to be paid.
    pub payee: AccountId,
    /// The text as issued. `None` for a direct transfer, whose request nobody ever saw.
    pub bolt11: Option<String>,
    /// How much.
    pub amount: Amount,
    /// What for; may be empty.
    pub memo: String,
    /// Where to tell of the payment.
    pub webhook: Option<String>,
    /// The client's own data.
    pub extra: Option<Extra>,
    /// When it was issued.
    pub created_at: UnixMs,
    /// From when on it cannot be paid.
    pub expires_at: UnixMs,
}

impl NewInvoice {
    /// A request that is paid in the moment in which it is issued, so that nobody ever sees it.
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
            preimage,
            payee,
            bolt11: None,
            amount,
            memo,
            webhook: None,
            extra: None,
            created_at: at,
            expires_at: at,
        }
    }
}

/// Issues an invoice.
#[derive(Clone, Debug)]
pub struct CreateInvoice {
    /// The payee.
    pub authority: Authority,
    /// The idempotency key that it is asked under.
    pub claim: Option<Claim>,
    /// The invoice; its payee is the authority's account.
    pub invoice: NewInvoice,
}

/// Pays an invoice.
#[derive(Clone, Debug)]
pub struct Pay {
    /// The payer.
    pub authority: Authority,
    /// The idempotency key that it is asked under.
    pub claim: Option<Claim>,
    /// The id that the transfer gets.
    pub transfer: TransferId,
    /// Which invoice.
    pub payment_hash: PaymentHash,
    /// The text that the payer was given, in lower case.
    pub bolt11: String,
    /// The payer's own data.
    pub extra: Option<Extra>,
    /// Where to tell the payer that it is settled.
    pub webhook: Option<String>,
}

/// Issues an invoice that no key asked for: a pay link or a refund's did, which anybody may use.
#[derive(Clone, Debug)]
pub struct IssueForLink {
    /// The invoice.
    pub invoice: NewInvoice,
    /// What it is issued for.
    pub origin: OriginId,
}

/// Issues an invoice for a pay link of this server, and pays it in the same moment.
#[derive(Clone, Debug)]
pub struct PayLink {
    /// The payer.
    pub authority: Authority,
    /// The idempotency key that it is asked under.
    pub claim: Option<Claim>,
    /// The id that the transfer gets.
    pub transfer: TransferId,
    /// The invoice, of whosever the link is.
    pub invoice: NewInvoice,
    /// The link.
    pub origin: OriginId,
    /// The payer's own data.
    pub extra: Option<Extra>,
    /// Where to tell the payer that it is settled.
    pub webhook: Option<String>,
}

/// Pays an invoice with a card that was tapped. Whoever knows the tap may ask: once, for a short
/// while, and within the limits of the card.
#[derive(Clone, Debug)]
pub struct PayByCard {
    /// The tap.
    pub hit: HitId,
    /// The card's wallet.
    pub account: AccountId,
    /// The id that the transfer gets.
    pub transfer: TransferId,
    /// Which invoice.
    pub payment_hash: PaymentHash,
    /// The text of the invoice, in lower case.
    pub bolt11: String,
    /// The data of the payer's side.
    pub extra: Option<Extra>,
}

/// One movement of a direct transfer.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The id that the transfer gets.
    pub transfer: TransferId,
    /// Who pays.
    pub from: AccountId,
    /// The request that is issued and paid in the same moment; names payee and amount.
    pub invoice: NewInvoice,
}

/// Moves money without an invoice: all of the legs, or none.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The manager's wallet whose key asks.
    pub authority: Authority,
    /// The idempotency key that it is asked under.
    pub claim: Option<Claim>,
    /// The movements, in order.
    pub legs: Vec<Leg>,
}

/// Brings money in from [`AccountId::ISSUANCE`], or takes it back there. Asked for by an
/// operator, so there is no wallet's key to prove, and no freeze or limit to keep.
#[derive(Clone, Debug)]
pub struct Adjust {
    /// The movement, out of issuance or into it.
    pub leg: Leg,
    /// The operator's session; `None` at the command line.
    pub session: Option<SessionDigest>,
    /// The idempotency key that it is asked under.
    pub claim: Option<Claim>,
}

impl Adjust {
    /// The wallet whose balance changes.
    pub fn wallet(&self) -> AccountId {
        if self.leg.from == AccountId::ISSUANCE { self.leg.invoice.payee } else { self.leg.from }
    }
}

/// Wallets, and users, that one deletion names at most. What is more is deleted by several, so
/// that nobody waits long for one.
pub const CLOSE_MAX: usize = 256;

/// A wallet to delete.
#[derive(Clone, Debug)]
pub struct WalletToClose {
    /// Its account.
    pub account: AccountId,
    /// Whether the one who deletes it has created its user, and not somebody below: then a
    /// manager's freeze of it is the deleter's own.
    pub is_own: bool,
    /// What a sweep of it needs.
    pub sweep: Sweep,
}

/// What a sweep needs for one wallet, made before it is known whether it holds anything.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The id that the transfer gets.
    pub transfer: TransferId,
    /// The id of the request behind it.
    pub invoice: InvoiceId,
    /// What the movement is known by.
    pub payment_hash: PaymentHash,
    /// The secret behind the hash, sealed.
    pub preimage: Sealed,
}

/// Who deletes wallets.
#[derive(Clone, Copy, Debug)]
pub enum Actor {
    /// A manager, by the key of this wallet; a sweep moves the money there.
    Manager(Authority),
    /// A manager who has logged in, or by a token: without a wallet of its own to sweep into.
    Login(SessionDigest),
    /// An operator, who cannot sweep.
    Operator(SessionDigest),
}

/// Deletes wallets, alone or with their user. Keys stop at once; history stays.
#[derive(Clone, Debug)]
pub struct Close {
    /// Who asks.
    pub by: Actor,
    /// The users who go with their wallets: whoever of these has created others goes with all of
    /// them. None where wallets alone are deleted.
    pub users: Vec<UserId>,
    /// The wallets.
    pub wallets: Vec<WalletToClose>,
    /// Whether money is moved away; without it a wallet that holds any is not deleted.
    pub sweep: bool,
}

impl Actor {
    /// The manager's authority, where it is one.
    pub const fn authority(self) -> Option<Authority> {
        match self {
            Self::Manager(authority) => Some(authority),
            Self::Login(_) | Self::Operator(_) => None,
        }
    }

    /// The token under which it is asked, where no key does, and the right that it must give.
    pub const fn session(self) -> Option<(SessionDigest, Right)> {
        match self {
            Self::Manager(_) => None,
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
    /// Issue an invoice that no key asked for.
    IssueForLink(IssueForLink),
    /// Pay a pay link of this server.
    PayLink(PayLink),
    /// Pay an invoice with a card.
    PayByCard(PayByCard),
    /// Move money without an invoice.
    Transfer(Transfer),
    /// Bring money in, or take it out.
    Adjust(Adjust),
    /// Delete wallets.
    Close(Close),
}

impl Command {
    /// Whose key asks; `None` where no key does.
    pub const fn authority(&self) -> Option<Authority> {
        match self {
            Self::CreateInvoice(create) => Some(create.authority),
            Self::Pay(pay) => Some(pay.authority),
            Self::PayLink(pay) => Some(pay.authority),
            Self::Transfer(transfer) => Some(transfer.authority),
            Self::Adjust(_) | Self::IssueForLink(_) | Self::PayByCard(_) => None,
            Self::Close(close) => close.by.authority(),
        }
    }

    /// The token under which it is asked, where it is, and the right that this must give.
    pub fn session(&self) -> Option<(SessionDigest, Right)> {
        match self {
            Self::CreateInvoice(_)
            | Self::Pay(_)
            | Self::IssueForLink(_)
            | Self::PayLink(_)
            | Self::PayByCard(_)
            | Self::Transfer(_) => None,
            Self::Adjust(adjust) => adjust.session.map(|session| (session, Right::Operate)),
            Self::Close(close) => close.by.session(),
        }
    }

    /// The idempotency key that the command is asked under, and the account that it belongs
    /// to: the wallet's whose key asks, or issuance for operators.
    pub fn claim(&self) -> Option<(AccountId, Claim)> {
        let claim = match self {
            Self::CreateInvoice(create) => create.claim,
            Self::Pay(pay) => pay.claim,
            Self::Transfer(transfer) => transfer.claim,
            Self::Adjust(adjust) => adjust.claim,
            Self::PayLink(pay) => pay.claim,
            Self::Close(_) | Self::IssueForLink(_) | Self::PayByCard(_) => None,
        };
        let account = self.authority().map_or(AccountId::ISSUANCE, |authority| authority.account);
        claim.map(|claim| (account, claim))
    }
}
