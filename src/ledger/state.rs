//! What deciding looks at ([`Snapshot`]) and what it writes ([`Effects`]).

use std::collections::{HashMap, HashSet};

use super::command::NewInvoice;
use crate::crypto::secret::Sealed;
use crate::domain::card::limits::CardLimits;
use crate::domain::controls::{Freezes, Limits, Spent};
use crate::domain::extra::Extra;
use crate::domain::idempotency::{IdempotencyKey, RequestDigest};
use crate::domain::ids::{AccountId, CardId, HitId, InvoiceId, OriginId, PaymentHash, PaymentRow, TransferId, UserId};
use crate::domain::money::{Amount, Msat};
use crate::domain::session::{Right, SessionDigest};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::{EventKind, EventKinds};

/// Whose money an account holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// A user's; never below zero (promise I3).
    Wallet,
    /// What is outside of satkeep; below zero by as much as all wallets hold.
    Issuance,
}

impl AccountKind {
    /// The name by which the kind is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Issuance => "issuance",
        }
    }

    /// The kind of that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        [Self::Wallet, Self::Issuance].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// An account as it stands, locked for the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose money it is.
    pub kind: AccountKind,
    /// What it holds.
    pub balance: Msat,
    /// How many entries its chain has: transfers in and out, one to itself twice.
    pub entries: i64,
    /// The generation of the wallet's keys.
    pub keys_version: i64,
    /// False once it was deleted.
    pub open: bool,
    /// What it is frozen by.
    pub freezes: Freezes,
    /// The most that its own key may spend.
    pub limits: Limits,
    /// What its own key has spent.
    pub spent: Spent,
    /// Which events of it somebody is to be told of.
    pub subscribed: EventKinds,
}

/// Where an invoice stands. Expiry is not a state: the time of payment decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceState {
    /// Waits to be paid.
    Open,
    /// Was paid, once (promise I4).
    Paid,
    /// Can never be paid, because its wallet was deleted.
    Cancelled,
}

impl InvoiceState {
    /// The name by which the state is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        [Self::Open, Self::Paid, Self::Cancelled].into_iter().find(|state| state.as_str() == name)
    }
}

/// An invoice as it stands, locked for the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Its id.
    pub id: InvoiceId,
    /// Who is paid.
    pub payee: AccountId,
    /// How much.
    pub amount: Amount,
    /// Whether it was paid.
    pub state: InvoiceState,
    /// The text as issued; `None` for a direct transfer.
    pub bolt11: Option<String>,
    /// What for.
    pub memo: String,
    /// The secret behind the payment hash, sealed.
    pub preimage: Sealed,
    /// When it was issued.
    pub created_at: UnixMs,
    /// From when on it cannot be paid.
    pub expires_at: UnixMs,
    /// Whether the payee asked to be told of the payment.
    pub has_webhook: bool,
}

impl Invoice {
    /// The invoice that a new one becomes.
    pub fn new(new: NewInvoice, state: InvoiceState) -> Self {
        let NewInvoice { id, payee, amount, bolt11, memo, preimage, created_at, expires_at, webhook, .. } = new;
        let has_webhook = webhook.is_some();
        Self { id, payee, amount, state, bolt11, memo, preimage, created_at, expires_at, has_webhook }
    }
}

/// Everything that a batch of commands may look at, read inside its transaction.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The accounts that the commands name.
    pub accounts: HashMap<AccountId, Account>,
    /// The invoices that are to be paid, where they exist.
    pub invoices: HashMap<PaymentHash, Invoice>,
    /// The taps that are to pay.
    pub hits: HashMap<HitId, Hit>,
    /// Their cards.
    pub cards: HashMap<CardId, Card>,
    /// The users that are to be deleted; one who is gone is not there.
    pub users: HashMap<UserId, User>,
    /// Those of the managers who ask that are there and may create users.
    pub managers: HashSet<UserId>,
    /// The tokens under which commands are asked, where they still hold and give that right.
    pub sessions: HashSet<(SessionDigest, Right)>,
    /// What was done before under the idempotency keys that the commands are asked under.
    pub claims: HashMap<(AccountId, IdempotencyKey), Claimed>,
}

/// A tap of a card as it stands, locked for the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which card was tapped.
    pub card: CardId,
    /// Whether it has paid.
    pub is_spent: bool,
    /// From when on it cannot pay.
    pub expires_at: UnixMs,
}

/// A card as it stands, locked for the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its wallet.
    pub account: AccountId,
    /// Whether it may pay.
    pub is_enabled: bool,
    /// The most that it may spend.
    pub limits: CardLimits,
    /// What it has spent.
    pub spent: Spent,
}

/// A user as it stands, locked for the batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Its wallets that are not deleted; of more than one deletion can name, some.
    pub wallets: Vec<AccountId>,
    /// The users that it has created and that are not deleted; of more than one deletion can
    /// name, some.
    pub users: Vec<UserId>,
}

/// What was done under an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// What was asked.
    pub request: RequestDigest,
    /// The rows of the invoice, or of the transfers, that came of it.
    pub payments: Vec<PaymentRow>,
}

/// A claim to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRow {
    /// Whose it is.
    pub account: AccountId,
    /// Under which key.
    pub key: IdempotencyKey,
    /// What was done.
    pub claimed: Claimed,
}

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferKind {
    /// An invoice was paid.
    Payment,
    /// A manager moved money within the tenant.
    Transfer,
    /// Money came in from issuance, or an operator sent it back there.
    Credit,
    /// A wallet was emptied when it was deleted.
    Sweep,
}

impl TransferKind {
    /// The name by which the kind is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Transfer => "transfer",
            Self::Credit => "credit",
            Self::Sweep => "sweep",
        }
    }
}

/// Money moved from one account to another: one debit, one credit, the same amount
/// (promise I1). Never changed afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRow {
    /// Its id.
    pub id: TransferId,
    /// The invoice that it settles.
    pub invoice: InvoiceId,
    /// Why.
    pub kind: TransferKind,
    /// Who paid.
    pub debit_account: AccountId,
    /// Who was paid.
    pub credit_account: AccountId,
    /// How much.
    pub amount: Amount,
    /// What the payer held afterwards.
    pub debit_balance: Msat,
    /// What the payee held afterwards.
    pub credit_balance: Msat,
    /// The position in the payer's chain, from 1.
    pub debit_entry: i64,
    /// The position in the payee's chain, from 1.
    pub credit_entry: i64,
    /// The payer's own data.
    pub extra: Option<Extra>,
    /// Where to tell the payer of it.
    pub webhook: Option<String>,
    /// When.
    pub created_at: UnixMs,
}

/// An invoice that a batch stores: open, or paid in the same batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceRow {
    /// The invoice.
    pub invoice: NewInvoice,
    /// When it was paid, for a direct transfer.
    pub paid_at: Option<UnixMs>,
}

/// A payment that somebody is to be told of. It gets its id where it is written, so that ids
/// are in the order of settling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentEvent {
    /// What has happened.
    pub kind: EventKind,
    /// To whom.
    pub account: AccountId,
    /// The row of the account's side.
    pub row: PaymentRow,
}

/// The new standing of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Which.
    pub id: AccountId,
    /// What it holds now.
    pub balance: Msat,
    /// How many entries its chain had when it was read.
    pub entries_before: i64,
    /// How many it has now.
    pub entries: i64,
    /// What its own key has spent now.
    pub spent: Spent,
}

/// A tap that has paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HitRow {
    /// Which.
    pub id: HitId,
    /// By which transfer.
    pub transfer: TransferId,
    /// How much.
    pub amount: Amount,
}

/// The new standing of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardRow {
    /// Which.
    pub id: CardId,
    /// What it has spent now.
    pub spent: Spent,
}

/// What is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// The wallets' accounts.
    pub accounts: Vec<AccountId>,
    /// The users who go as well.
    pub users: Vec<UserId>,
}

/// Everything that a batch writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Invoices to store.
    pub invoices: Vec<InvoiceRow>,
    /// Stored invoices that were paid.
    pub settled: Vec<InvoiceId>,
    /// Transfers to store, in order.
    pub transfers: Vec<TransferRow>,
    /// Accounts whose balance changed, by id.
    pub accounts: Vec<AccountRow>,
    /// What stored invoices were issued for that no key asked for.
    pub origins: Vec<(InvoiceId, OriginId)>,
    /// Taps that have paid.
    pub hits: Vec<HitRow>,
    /// Cards that were spent with, by id.
    pub cards: Vec<CardRow>,
    /// What is deleted.
    pub closures: Vec<Closure>,
    /// What was done under idempotency keys.
    pub claims: Vec<ClaimRow>,
    /// Whom to tell of what, in order.
    pub events: Vec<PaymentEvent>,
    /// When all this happens.
    pub at: UnixMs,
}

impl Effects {
    /// How many invoices are issued, paid and closed.
    pub const fn size(&self) -> usize {
        self.invoices.len().saturating_add(self.settled.len()).saturating_add(self.closures.len())
    }

    /// True when every command was refused, so that there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.invoices.is_empty() && self.settled.is_empty() && self.transfers.is_empty() && self.closures.is_empty()
    }
}
