//! The input of a decision ([`Snapshot`]) and its output ([`Effects`]).

use std::collections::{HashMap, HashSet};

use super::command::NewInvoice;
use crate::crypto::secret::Sealed;
use crate::domain::card::limits::CardLimits;
use crate::domain::controls::{Freezes, Limits, Spent};
use crate::domain::external_id::ExternalId;
use crate::domain::extra::Extra;
use crate::domain::hold::{HoldGroup, HoldSums, MoveKind};
use crate::domain::idempotency::{IdempotencyKey, RequestDigest};
use crate::domain::ids::{
    AccountId, CardId, HitId, HoldId, HoldMoveId, InvoiceId, OriginId, PaymentHash, PaymentRow, TransferId, UserId,
    WithdrawLinkId, WithdrawalId,
};
use crate::domain::money::{Amount, Msat};
use crate::domain::session::{Right, SessionDigest};
use crate::domain::time::UnixMs;
use crate::domain::webhooks::{EventKind, EventKinds};
use crate::domain::withdraw::uses::UsesLeft;

/// Whose money an account holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// A user's money; never below zero (promise I3).
    Wallet,
    /// The world outside of satkeep; negative by as much as all wallets hold.
    Issuance,
}

impl AccountKind {
    /// The name under which the kind is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Issuance => "issuance",
        }
    }

    /// The kind with that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        [Self::Wallet, Self::Issuance].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// The current state of an account, locked for the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose money it holds.
    pub kind: AccountKind,
    /// Its balance.
    pub balance: Msat,
    /// How much of the balance is held, and cannot be spent otherwise (promise I11).
    pub held: Msat,
    /// The number of entries in its chain. Each transfer in or out is one; a transfer to itself is
    /// two.
    pub entries: i64,
    /// The generation of the wallet's keys.
    pub keys_version: i64,
    /// False once it was deleted.
    pub open: bool,
    /// The freezes in force.
    pub freezes: Freezes,
    /// The spending limits of its own key.
    pub limits: Limits,
    /// What its own key has spent.
    pub spent: Spent,
    /// The events that somebody subscribes to.
    pub subscribed: EventKinds,
    /// The tenant it belongs to, which never changes; none for issuance.
    pub tenant: Option<UserId>,
}

impl Account {
    /// What can be spent: the balance without what is held.
    pub const fn available(&self) -> Msat {
        self.balance.without(self.held)
    }

    /// Holds an amount; `None`, and nothing is changed, if that much is not available.
    #[must_use]
    pub fn hold(&mut self, amount: Amount) -> Option<()> {
        self.held = self.held.checked_add(amount).filter(|held| *held <= self.balance)?;
        Some(())
    }

    /// Makes an amount that was held available again.
    pub fn give_back(&mut self, amount: Amount) {
        self.held = self.held.checked_sub(amount).filter(|held| !held.is_negative()).unwrap_or_default();
    }
}

/// The state of an invoice. Expiry is not a state: the time of payment decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceState {
    /// Waiting to be paid.
    Open,
    /// A hold invoice for which a payer's money is held.
    Held,
    /// Paid, once (promise I4).
    Paid,
    /// Can never be paid: its wallet was deleted, or it is a hold invoice that was cancelled or not
    /// settled in time.
    Cancelled,
}

impl InvoiceState {
    /// The name under which the state is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Held => "held",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state with that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        [Self::Open, Self::Held, Self::Paid, Self::Cancelled].into_iter().find(|state| state.as_str() == name)
    }
}

/// The current state of an invoice, locked for the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Its id.
    pub id: InvoiceId,
    /// The account to be paid.
    pub payee: AccountId,
    /// The amount.
    pub amount: Amount,
    /// Whether it was paid.
    pub state: InvoiceState,
    /// The invoice string as issued; `None` for a direct transfer.
    pub bolt11: Option<String>,
    /// What the payment is for.
    pub memo: String,
    /// The encrypted preimage of the payment hash; `None` for a hold invoice that is not settled.
    pub preimage: Option<Sealed>,
    /// When it was issued.
    pub created_at: UnixMs,
    /// The time from which it can no longer be paid.
    pub expires_at: UnixMs,
    /// Whether the payee asked to be notified of the payment.
    pub has_webhook: bool,
    /// What it was issued for, if that was without a key.
    pub origin: Option<OriginId>,
}

impl Invoice {
    /// A new invoice in this state, issued with a key.
    pub fn new(new: NewInvoice, state: InvoiceState) -> Self {
        let NewInvoice { id, payee, amount, bolt11, memo, preimage, created_at, expires_at, webhook, .. } = new;
        let has_webhook = webhook.is_some();
        let origin = None;
        Self { id, payee, amount, state, bolt11, memo, preimage, created_at, expires_at, has_webhook, origin }
    }
}

/// Everything that a batch of commands may look at, read inside its transaction.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The accounts that the commands name.
    pub accounts: HashMap<AccountId, Account>,
    /// The invoices to pay, if they exist.
    pub invoices: HashMap<PaymentHash, Invoice>,
    /// The payments that have the external ids which commands name already.
    pub external_ids: HashMap<(AccountId, ExternalId), PaymentHash>,
    /// The holds that the commands name, and the open ones of the groups that they name.
    pub holds: HashMap<HoldId, Hold>,
    /// How many invoices of a payee wait to be paid, for each origin that commands name.
    pub open_invoices: HashMap<(AccountId, OriginId), i64>,
    /// How much was paid to a payee or waits to be, for each origin that limits it.
    pub promised: HashMap<(AccountId, OriginId), Msat>,
    /// The taps to pay with.
    pub hits: HashMap<HitId, Hit>,
    /// The cards of those taps.
    pub cards: HashMap<CardId, Card>,
    /// The withdraw links to pay by.
    pub withdraw_links: HashMap<WithdrawLinkId, WithdrawLink>,
    /// Those of the withdrawals of commands that have happened.
    pub withdrawals: HashSet<WithdrawalId>,
    /// The users to delete; a user that does not exist any more is missing.
    pub users: HashMap<UserId, User>,
    /// The managers among the senders who exist and may create users.
    pub managers: HashSet<UserId>,
    /// The tokens behind the commands that are still valid, each with the right that it gives.
    pub sessions: HashSet<(SessionDigest, Right)>,
    /// What was done before under the idempotency keys of the commands.
    pub claims: HashMap<(AccountId, IdempotencyKey), Claimed>,
}

/// The current state of a hold, locked for the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The account whose money is held.
    pub account: AccountId,
    /// The manager who has placed it; `None` for a payment that waits for its preimage.
    pub manager: Option<UserId>,
    /// The group of that manager that it belongs to, if any.
    pub group: Option<HoldGroup>,
    /// The hash that clients find it by; for a hold invoice the invoice's.
    pub payment_hash: PaymentHash,
    /// The hold invoice that it waits for, if it does.
    pub invoice: Option<InvoiceId>,
    /// Its sums and its state.
    pub sums: HoldSums,
    /// How many moves it has made.
    pub moves: u16,
    /// What it is for.
    pub memo: String,
    /// The payer's own data.
    pub extra: Option<Extra>,
    /// The URL to notify the payer at once the payment has settled.
    pub webhook: Option<String>,
    /// What the payer calls the payment.
    pub external_id: Option<ExternalId>,
    /// The time from which it can no longer be captured.
    pub expires_at: UnixMs,
}

/// The current state of a card tap, locked for the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The card that was tapped.
    pub card: CardId,
    /// Whether it has paid.
    pub is_spent: bool,
    /// The time from which it can no longer pay.
    pub expires_at: UnixMs,
}

/// The current state of a card, locked for the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its wallet.
    pub account: AccountId,
    /// Whether it may pay.
    pub is_enabled: bool,
    /// Its spending limits.
    pub limits: CardLimits,
    /// What it has spent.
    pub spent: Spent,
}

/// The current state of a withdraw link, locked for the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawLink {
    /// Its wallet.
    pub account: AccountId,
    /// Whether it pays.
    pub is_enabled: bool,
    /// Whether each use has a link of its own.
    pub is_unique: bool,
    /// The least that it pays at once.
    pub min: Amount,
    /// The most.
    pub max: Amount,
    /// How often it was used.
    pub used: u32,
    /// The uses that are left.
    pub uses_left: UsesLeft,
    /// How long it does not pay after a use, in seconds.
    pub wait_s: i64,
    /// When it was used last.
    pub last_used_at: Option<UnixMs>,
}

/// The current state of a user, locked for the batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Its wallets that are not deleted. If there are more than one deletion can name, only some.
    pub wallets: Vec<AccountId>,
    /// The users it has created that are not deleted. If there are more than one deletion can name,
    /// only some.
    pub users: Vec<UserId>,
}

/// What was done under an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The digest of the request.
    pub request: RequestDigest,
    /// The rows of the invoice, or of the transfers, that resulted.
    pub payments: Vec<PaymentRow>,
}

/// A claim to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRow {
    /// The account it belongs to.
    pub account: AccountId,
    /// The idempotency key.
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
    /// Money came in from issuance, or an operator returned it there.
    Credit,
    /// A wallet was emptied because it was deleted.
    Sweep,
    /// A manager paid out of a hold.
    Capture,
}

impl TransferKind {
    /// The name under which the kind is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Transfer => "transfer",
            Self::Credit => "credit",
            Self::Sweep => "sweep",
            Self::Capture => "capture",
        }
    }
}

/// Money moved from one account to another: one debit and one credit of the same amount (promise
/// I1). Never changed afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRow {
    /// Its id.
    pub id: TransferId,
    /// The invoice that it settles.
    pub invoice: InvoiceId,
    /// Why the money moved.
    pub kind: TransferKind,
    /// The payer.
    pub debit_account: AccountId,
    /// The payee.
    pub credit_account: AccountId,
    /// The amount.
    pub amount: Amount,
    /// The payer's balance afterwards.
    pub debit_balance: Msat,
    /// The payee's balance afterwards.
    pub credit_balance: Msat,
    /// The position in the payer's chain, from 1.
    pub debit_entry: i64,
    /// The position in the payee's chain, from 1.
    pub credit_entry: i64,
    /// The payer's own data.
    pub extra: Option<Extra>,
    /// The URL to notify the payer at.
    pub webhook: Option<String>,
    /// What the payer calls it.
    pub external_id: Option<ExternalId>,
    /// The payer's tenant.
    pub tenant: Option<UserId>,
    /// The payee's tenant, where it is another than the payer's.
    pub payee_tenant: Option<UserId>,
    /// When the money moved.
    pub created_at: UnixMs,
}

/// An invoice that a batch stores, in the state that the batch leaves it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceRow {
    /// The invoice.
    pub invoice: NewInvoice,
    /// Its state.
    pub state: InvoiceState,
    /// When it was paid.
    pub paid_at: Option<UnixMs>,
    /// The payee's tenant.
    pub tenant: Option<UserId>,
}

/// A stored hold invoice whose state changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldInvoiceRow {
    /// The invoice.
    pub id: InvoiceId,
    /// The state that it was read in.
    pub state_before: InvoiceState,
    /// Its state now.
    pub state: InvoiceState,
    /// The encrypted preimage, once the payee has given it.
    pub preimage: Option<Sealed>,
    /// When it was paid.
    pub paid_at: Option<UnixMs>,
}

/// The new state of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRow {
    /// Its id.
    pub id: HoldId,
    /// The number of its moves when it was read; zero if it is new.
    pub moves_before: u16,
    /// The tenant of its account.
    pub tenant: Option<UserId>,
    /// Its state now.
    pub hold: Hold,
    /// When it was closed; `None` if it is open.
    pub closed_at: Option<UnixMs>,
}

/// One move of a hold. Never changed afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldMoveRow {
    /// The hold, and the number of the move.
    pub id: HoldMoveId,
    /// What it does.
    pub kind: MoveKind,
    /// How much was placed, paid out, or given back.
    pub amount: Amount,
    /// The transfer that paid it out.
    pub transfer: Option<TransferId>,
}

/// A payment that somebody is to be notified of. It gets its id when it is written, so that ids are
/// in settlement order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentEvent {
    /// What happened.
    pub kind: EventKind,
    /// The account to notify.
    pub account: AccountId,
    /// The payment row of the account's side, or the move of a hold.
    pub row: PaymentRow,
}

/// The new state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// The account.
    pub id: AccountId,
    /// Its balance now.
    pub balance: Msat,
    /// How much of that is held.
    pub held: Msat,
    /// The number of entries in its chain when it was read.
    pub entries_before: i64,
    /// The number of entries now.
    pub entries: i64,
    /// What its own key has spent now.
    pub spent: Spent,
}

/// A tap that has paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HitRow {
    /// The tap.
    pub id: HitId,
    /// The transfer it paid with.
    pub transfer: TransferId,
    /// The amount.
    pub amount: Amount,
}

/// The new state of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardRow {
    /// The card.
    pub id: CardId,
    /// What it has spent now.
    pub spent: Spent,
}

/// The new state of a withdraw link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithdrawLinkRow {
    /// The link.
    pub id: WithdrawLinkId,
    /// How often it was used when it was read.
    pub used_before: u32,
    /// How often it was used now.
    pub used: u32,
    /// The uses that are left now.
    pub uses_left: UsesLeft,
    /// When it was used last.
    pub last_used_at: Option<UnixMs>,
}

/// A withdrawal by a link. Never changed afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithdrawalRow {
    /// Its id.
    pub id: WithdrawalId,
    /// The link.
    pub link: WithdrawLinkId,
    /// The link's wallet.
    pub account: AccountId,
    /// The transfer that it paid with.
    pub transfer: TransferId,
    /// The amount.
    pub amount: Amount,
}

/// Wallets and users to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// The wallets' accounts.
    pub accounts: Vec<AccountId>,
    /// The users deleted along with them.
    pub users: Vec<UserId>,
}

/// Everything that a batch writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Invoices to store.
    pub invoices: Vec<InvoiceRow>,
    /// Stored invoices that were paid.
    pub settled: Vec<InvoiceId>,
    /// Stored hold invoices whose state changes, by id.
    pub held_invoices: Vec<HeldInvoiceRow>,
    /// Transfers to store, in order.
    pub transfers: Vec<TransferRow>,
    /// Holds to store or to change, by id.
    pub holds: Vec<HoldRow>,
    /// The moves of holds, in order.
    pub hold_moves: Vec<HoldMoveRow>,
    /// Accounts whose balance, or what is held of it, changed, by id.
    pub accounts: Vec<AccountRow>,
    /// For stored invoices issued without a key: what they were issued for.
    pub origins: Vec<(InvoiceId, OriginId)>,
    /// Taps that have paid.
    pub hits: Vec<HitRow>,
    /// Cards that were used to pay, by id.
    pub cards: Vec<CardRow>,
    /// Withdraw links that have paid, by id.
    pub withdraw_links: Vec<WithdrawLinkRow>,
    /// What was withdrawn by them, in order.
    pub withdrawals: Vec<WithdrawalRow>,
    /// Wallets and users to delete.
    pub closures: Vec<Closure>,
    /// What was done under idempotency keys.
    pub claims: Vec<ClaimRow>,
    /// The notifications to send, in order.
    pub events: Vec<PaymentEvent>,
    /// When all this happens.
    pub at: UnixMs,
}

impl Effects {
    /// The number of invoices issued, paid and closed, and of the moves of holds.
    pub const fn size(&self) -> usize {
        let invoices = self.invoices.len().saturating_add(self.settled.len()).saturating_add(self.held_invoices.len());
        invoices.saturating_add(self.hold_moves.len()).saturating_add(self.closures.len())
    }

    /// True when every command was refused or changed nothing, so that there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.invoices.is_empty()
            && self.settled.is_empty()
            && self.held_invoices.is_empty()
            && self.transfers.is_empty()
            && self.holds.is_empty()
            && self.closures.is_empty()
            && self.claims.is_empty()
    }
}
