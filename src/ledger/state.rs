//! The input of a decision ([`Snapshot`]) and its output ([`Effects`]).

use std::collections::{HashMap, HashSet};

use super::command::{NewInvoice, NewSend};
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
use crate::domain::send::NodeName;
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
    /// The Lightning network.
    Lightning,
    /// What the operator earns.
    Fees,
    /// What the operator loses or gains by payments that ended otherwise than was told.
    Adjustments,
}

impl AccountKind {
    /// The name under which the kind is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::Issuance => "issuance",
            Self::Lightning => "lightning",
            Self::Fees => "fees",
            Self::Adjustments => "adjustments",
        }
    }

    /// The kind with that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        let kinds = [Self::Wallet, Self::Issuance, Self::Lightning, Self::Fees, Self::Adjustments];
        kinds.into_iter().find(|kind| kind.as_str() == name)
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
    /// Whether it stands at the Lightning node as well.
    pub at_node: Option<AtNode>,
}

/// What is known of an invoice that stands at the Lightning node as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtNode {
    /// It may be paid there.
    Open,
    /// It was paid there.
    Settled,
    /// It can no longer be paid there.
    Cancelled,
}

impl AtNode {
    /// The name under which it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Settled => "settled",
            Self::Cancelled => "cancelled",
        }
    }

    /// What has that name.
    pub fn from_stored(name: &str) -> Option<Self> {
        [Self::Open, Self::Settled, Self::Cancelled].into_iter().find(|it| it.as_str() == name)
    }
}

impl Invoice {
    /// Whether paying it holds the money until the payee gives the preimage. A node that chooses
    /// preimages itself tells one late, too; but such an invoice is paid at once.
    pub const fn is_hold_invoice(&self) -> bool {
        self.preimage.is_none() && self.at_node.is_none()
    }

    /// A new invoice in this state, issued with a key.
    pub fn new(new: NewInvoice, state: InvoiceState) -> Self {
        let NewInvoice { id, payee, amount, bolt11, memo, preimage, created_at, expires_at, webhook, .. } = new;
        let has_webhook = webhook.is_some();
        let (origin, at_node) = (None, new.is_at_node.then_some(AtNode::Open));
        Self { id, payee, amount, state, bolt11, memo, preimage, created_at, expires_at, has_webhook, origin, at_node }
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
    /// The cards of those taps, and those that have made payments which have failed.
    pub cards: HashMap<CardId, Card>,
    /// By which card payments to other nodes were made that have failed.
    pub paid_by_card: HashMap<HoldId, CardId>,
    /// The withdraw links to pay by, and those to give uses back to.
    pub withdraw_links: HashMap<WithdrawLinkId, WithdrawLink>,
    /// Those of the withdrawals of commands that have happened.
    pub withdrawals: HashSet<WithdrawalId>,
    /// By which link payments to other nodes were withdrawn that have failed.
    pub withdrawn_by: HashMap<HoldId, Withdrawn>,
    /// The users to delete; a user that does not exist any more is missing.
    pub users: HashMap<UserId, User>,
    /// The managers among the senders who exist and may create users.
    pub managers: HashSet<UserId>,
    /// The tokens behind the commands that are still valid, each with the right that it gives.
    pub sessions: HashSet<(SessionDigest, Right)>,
    /// What was done before under the idempotency keys of the commands.
    pub claims: HashMap<(AccountId, IdempotencyKey), Claimed>,
    /// The payments to other nodes that have not failed, of the hashes that commands send to.
    pub sends: HashMap<PaymentHash, Unfailed>,
    /// What is under way to other nodes, of the wallets and tenants that commands send from.
    pub under_way: UnderWay,
    /// Which receipts of the node are booked already.
    pub receipts: HashSet<ReceiptId>,
}

/// A payment to another node that is under way or has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfailed {
    /// Its hold.
    pub hold: HoldId,
    /// Whether it has arrived.
    pub is_settled: bool,
}

/// What is under way to other nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// Of wallets.
    pub wallets: HashMap<AccountId, InFlight>,
    /// Of tenants.
    pub tenants: HashMap<UserId, InFlight>,
}

/// How many payments are under way, and what is reserved for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    /// How many.
    pub payments: u32,
    /// How much.
    pub reserved: Msat,
}

impl InFlight {
    /// The same with one payment more.
    #[must_use]
    pub fn and(self, amount: Amount) -> Self {
        let reserved = self.reserved.checked_add(amount).unwrap_or(Msat::new(i64::MAX));
        Self { payments: self.payments.saturating_add(1), reserved }
    }

    /// The same with one payment less.
    #[must_use]
    pub const fn without(self, amount: Amount) -> Self {
        Self { payments: self.payments.saturating_sub(1), reserved: self.reserved.without(amount.incoming()) }
    }
}

/// What a receipt is known by: the node, and the payment hash.
pub type ReceiptId = (NodeName, PaymentHash);

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
    /// The payment to another node that it is for, if it is.
    pub send: Option<Box<HeldSend>>,
    /// The time from which it can no longer be captured.
    pub expires_at: UnixMs,
}

/// The payment to another node that a hold is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSend {
    /// The invoice.
    pub bolt11: String,
    /// What the payee gets.
    pub amount: Amount,
    /// What it costs beside: what is reserved for that while it is under way, nothing once it has failed.
    pub fee: Msat,
    /// The operator's part of the costs.
    pub service_fee: Msat,
    /// The proof that it has arrived.
    pub preimage: Option<Sealed>,
    /// Whether it has arrived after it had been reported as failed, and is booked.
    pub is_late: bool,
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
    /// Money came from the Lightning network.
    Received,
    /// Money left for the Lightning network.
    Sent,
    /// The operator's fee for that.
    ServiceFee,
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
            Self::Received => "received",
            Self::Sent => "sent",
            Self::ServiceFee => "service_fee",
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

/// A payment to another node that begins, or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendRow {
    /// It begins.
    New(Box<NewSendRow>),
    /// It ends.
    Ended {
        /// Its hold.
        hold: HoldId,
        /// Whether it has arrived; otherwise it has failed.
        is_settled: bool,
        /// What the operator is told of it.
        note: Option<String>,
    },
    /// It has arrived after it had been reported as failed.
    Late {
        /// Its hold.
        hold: HoldId,
        /// Whether it counts as the one payment of its hash that has not failed.
        is_settled: bool,
        /// What the operator is told of it.
        note: Option<String>,
    },
}

/// A payment to another node that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSendRow {
    /// What is sent.
    pub send: NewSend,
    /// Its hold.
    pub hold: HoldId,
    /// The payer.
    pub account: AccountId,
    /// The payer's tenant.
    pub tenant: Option<UserId>,
    /// All that is held for it.
    pub reserved: Amount,
}

/// Something that has arrived at the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// What it is known by.
    pub id: ReceiptId,
    /// How much.
    pub amount: Amount,
    /// When it arrived.
    pub received_at: UnixMs,
    /// The invoice of ours that is settled at the node thereby.
    pub invoice: InvoiceId,
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

/// What a use of a withdraw link has taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// The withdrawal.
    pub id: WithdrawalId,
    /// The link.
    pub link: WithdrawLinkId,
    /// The number of the use.
    pub number: u32,
    /// When.
    pub at: UnixMs,
    /// When the link was used last before.
    pub last_used_before: Option<UnixMs>,
}

/// A withdrawal by a link. Changed only where it fails: a payment to another node may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithdrawalRow {
    /// What it has taken.
    pub withdrawn: Withdrawn,
    /// The link's wallet.
    pub account: AccountId,
    /// The transfer that it pays with: of a payment to another node, once that has arrived.
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
    /// Payments to other nodes that begin or end, in order.
    pub sends: Vec<SendRow>,
    /// What has arrived at the node, in order.
    pub receipts: Vec<ReceiptRow>,
    /// The moves of holds, in order.
    pub hold_moves: Vec<HoldMoveRow>,
    /// Accounts whose balance, or what is held of it, changed, by id.
    pub accounts: Vec<AccountRow>,
    /// For stored invoices issued without a key: what they were issued for.
    pub origins: Vec<(InvoiceId, OriginId)>,
    /// Taps that have paid.
    pub hits: Vec<HitRow>,
    /// Cards whose spending has changed, by id.
    pub cards: Vec<CardRow>,
    /// Withdraw links that have paid, or got a use back, by id.
    pub withdraw_links: Vec<WithdrawLinkRow>,
    /// What was withdrawn by them, in order.
    pub withdrawals: Vec<WithdrawalRow>,
    /// Stored withdrawals that have failed.
    pub failed_withdrawals: Vec<WithdrawalId>,
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
            && self.sends.is_empty()
            && self.receipts.is_empty()
            && self.closures.is_empty()
            && self.claims.is_empty()
    }
}
