//! The settlement store in memory: the plainest reading of what a store must do.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use satkeep::domain::card::limits::CardLimits;
use satkeep::domain::controls::{Freezes, Limits, Spent};
use satkeep::domain::external_id::ExternalId;
use satkeep::domain::hold::HoldState;
use satkeep::domain::idempotency::IdempotencyKey;
use satkeep::domain::ids::{
    AccountId, CardId, HitId, HoldId, InvoiceId, OriginId, PaymentHash, UserId, WithdrawLinkId, WithdrawalId,
};
use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::session::{Right, SessionDigest};
use satkeep::domain::time::UnixMs;
use satkeep::domain::webhooks::EventKinds;
use satkeep::ledger::batch::ReadSet;
use satkeep::ledger::command::{Command, GROUP_READ_MAX};
use satkeep::ledger::decide::decide;
use satkeep::ledger::outcome::{Outcome, Rejection};
use satkeep::ledger::settle::{Commit, SettleError, SettlementStore};
use satkeep::ledger::state::{
    Account, AccountKind, AtNode, Card, Claimed, Effects, Hit, Hold, HoldMoveRow, Invoice, InvoiceState, PaymentEvent,
    ReceiptId, SendRow, Snapshot, TransferRow, UnderWay, Unfailed, User, WithdrawLink, WithdrawalRow, Withdrawn,
};

use super::world::{CARD_DAY_SAT, CARD_SAT, HITS, NOW, WALLETS, card, hit, user, wallet, withdraw_links};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) accounts: HashMap<AccountId, Account>,
    pub(crate) invoices: HashMap<PaymentHash, Invoice>,
    pub(crate) users: HashMap<UserId, User>,
    pub(crate) managers: HashSet<UserId>,
    pub(crate) sessions: HashSet<(SessionDigest, Right)>,
    pub(crate) transfers: Vec<TransferRow>,
    pub(crate) claims: HashMap<(AccountId, IdempotencyKey), Claimed>,
    pub(crate) events: Vec<PaymentEvent>,
    pub(crate) external_ids: HashMap<(AccountId, ExternalId), PaymentHash>,
    pub(crate) holds: HashMap<HoldId, Hold>,
    pub(crate) hold_moves: Vec<HoldMoveRow>,
    pub(crate) hits: HashMap<HitId, Hit>,
    pub(crate) cards: HashMap<CardId, Card>,
    /// By which card each tap was paid with that has paid, by its transfer or hold.
    pub(crate) paid_by_card: HashMap<HoldId, CardId>,
    pub(crate) withdraw_links: HashMap<WithdrawLinkId, WithdrawLink>,
    pub(crate) withdrawals: Vec<WithdrawalRow>,
    pub(crate) failed_withdrawals: Vec<WithdrawalId>,
    pub(crate) origins: HashMap<InvoiceId, OriginId>,
    /// Payments to other nodes: hash, payer, tenant, what is reserved, whether it has arrived or failed.
    pub(crate) sends: HashMap<HoldId, Sending>,
    pub(crate) receipts: HashMap<ReceiptId, Amount>,
    open: Option<Box<Memory>>,
}

/// A payment to another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sending {
    pub(crate) hash: PaymentHash,
    pub(crate) account: AccountId,
    pub(crate) tenant: Option<UserId>,
    pub(crate) reserved: Amount,
    /// `None` while it is under way.
    pub(crate) is_settled: Option<bool>,
}

pub(crate) fn account(kind: AccountKind, msat: i64) -> Account {
    Account {
        kind,
        balance: Msat::new(msat),
        held: Msat::ZERO,
        entries: 0,
        keys_version: 1,
        open: true,
        freezes: Freezes::default(),
        limits: Limits::default(),
        spent: Spent::default(),
        subscribed: EventKinds::default(),
        tenant: None,
    }
}

impl Memory {
    /// A world of wallets that hold nothing, two of which have a card that was tapped often.
    pub(crate) fn new() -> Self {
        let mut memory = Self::default();
        for (id, kind) in [
            (AccountId::ISSUANCE, AccountKind::Issuance),
            (AccountId::LIGHTNING, AccountKind::Lightning),
            (AccountId::FEES, AccountKind::Fees),
            (AccountId::ADJUSTMENTS, AccountKind::Adjustments),
        ] {
            memory.accounts.insert(id, account(kind, 0));
        }
        for index in 0..WALLETS {
            memory.accounts.insert(wallet(index), account(AccountKind::Wallet, 0));
            memory.users.insert(user(index), User { wallets: vec![wallet(index)], users: Vec::new() });
            memory.managers.insert(user(index));
        }
        for index in 0..2 {
            let limits = CardLimits::from_sat(CARD_SAT, CARD_DAY_SAT).unwrap();
            let card_of = Card { account: wallet(index), is_enabled: true, limits, spent: Spent::default() };
            memory.cards.insert(card(index), card_of);
        }
        for index in 0..HITS {
            let expires_at = if index == 0 { NOW } else { NOW.plus_seconds(60) };
            memory.hits.insert(hit(index), Hit { card: card(index % 2), is_spent: false, expires_at });
        }
        memory.withdraw_links = withdraw_links();
        memory
    }

    /// Everything, as what a batch may look at.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            accounts: self.accounts.clone(),
            invoices: self.invoices.clone(),
            users: self.users.clone(),
            managers: self.managers.clone(),
            sessions: self.sessions.clone(),
            claims: self.claims.clone(),
            external_ids: self.external_ids.clone(),
            holds: self.holds.clone(),
            open_invoices: self.open_invoices(),
            promised: self.promised(),
            hits: self.hits.clone(),
            cards: self.cards.clone(),
            paid_by_card: self.paid_by_card.clone(),
            sends: self.unfailed(),
            under_way: self.under_way(),
            receipts: self.receipts.keys().cloned().collect(),
            withdraw_links: self.withdraw_links.clone(),
            withdrawals: self.withdrawals.iter().map(|row| row.withdrawn.id).collect(),
            withdrawn_by: self.withdrawn_by(),
        }
    }

    fn withdrawn_by(&self) -> HashMap<HoldId, Withdrawn> {
        let is_there = |row: &&WithdrawalRow| !self.failed_withdrawals.contains(&row.withdrawn.id);
        let rows = self.withdrawals.iter().filter(is_there);
        rows.map(|row| (HoldId::from(row.transfer), row.withdrawn)).collect()
    }

    fn unfailed(&self) -> HashMap<PaymentHash, Unfailed> {
        let unfailed = self.sends.iter().filter(|(_, send)| send.is_settled != Some(false));
        let found: Vec<_> = unfailed
            .map(|(hold, send)| (send.hash, Unfailed { hold: *hold, is_settled: send.is_settled.is_some() }))
            .collect();
        let by_hash: HashMap<_, _> = found.iter().copied().collect();
        assert_eq!(by_hash.len(), found.len(), "I12: two payments of one hash");
        by_hash
    }

    fn under_way(&self) -> UnderWay {
        let mut found = UnderWay::default();
        for send in self.sends.values().filter(|send| send.is_settled.is_none()) {
            let of_wallet = found.wallets.entry(send.account).or_default();
            *of_wallet = of_wallet.and(send.reserved);
            if let Some(tenant) = send.tenant {
                let of_tenant = found.tenants.entry(tenant).or_default();
                *of_tenant = of_tenant.and(send.reserved);
            }
        }
        found
    }

    fn write_sends(&mut self, effects: &Effects) {
        for row in &effects.sends {
            match row {
                SendRow::New(new) => {
                    let (hash, account, tenant) = (new.send.payment_hash, new.account, new.tenant);
                    let send = Sending { hash, account, tenant, reserved: new.reserved, is_settled: None };
                    assert!(self.sends.insert(new.hold, send).is_none());
                }
                SendRow::Ended { hold, is_settled, .. } => {
                    let send = self.sends.get_mut(hold).unwrap();
                    assert_eq!(send.is_settled.replace(*is_settled), None);
                }
                SendRow::Late { hold, is_settled, .. } => {
                    let send = self.sends.get_mut(hold).unwrap();
                    assert_eq!(send.is_settled.replace(*is_settled), Some(false));
                    let send = self.holds.get_mut(hold).unwrap().send.as_mut().unwrap();
                    assert!(!std::mem::replace(&mut send.is_late, true));
                }
            }
        }
        for row in &effects.receipts {
            assert!(self.receipts.insert(row.id.clone(), row.amount).is_none());
            let invoice = self.invoices.values_mut().find(|invoice| invoice.id == row.invoice).unwrap();
            invoice.at_node = Some(AtNode::Settled);
        }
    }

    /// How many invoices wait to be paid, of those that no key has asked for.
    fn open_invoices(&self) -> HashMap<(AccountId, OriginId), i64> {
        let mut open = HashMap::new();
        for invoice in self.invoices.values().filter(|it| it.state == InvoiceState::Open && it.expires_at > NOW) {
            if let Some(origin) = invoice.origin {
                *open.entry((invoice.payee, origin)).or_default() += 1;
            }
        }
        open
    }

    /// How much was paid or waits to be, of what no key has asked for.
    fn promised(&self) -> HashMap<(AccountId, OriginId), Msat> {
        let mut promised: HashMap<_, Msat> = HashMap::new();
        for invoice in self.invoices.values().filter(|it| it.state == InvoiceState::Paid || it.expires_at > NOW) {
            if let Some(origin) = invoice.origin {
                let sum = promised.entry((invoice.payee, origin)).or_default();
                *sum = sum.checked_add(invoice.amount).unwrap();
            }
        }
        promised
    }

    fn name(&mut self, account: AccountId, id: Option<&ExternalId>, hash: PaymentHash) {
        if let Some(id) = id {
            // What a hold had is its transfer's afterwards.
            let before = self.external_ids.insert((account, id.clone()), hash);
            assert!(before.is_none_or(|before| before == hash));
        }
    }

    pub(crate) fn write(&mut self, effects: &Effects) {
        for row in &effects.invoices {
            assert_eq!(row.paid_at.is_some(), row.state == InvoiceState::Paid);
            let invoice = Invoice::new(row.invoice.clone(), row.state);
            assert!(self.invoices.insert(row.invoice.payment_hash, invoice).is_none());
            self.name(row.invoice.payee, row.invoice.external_id.as_ref(), row.invoice.payment_hash);
        }
        for id in &effects.settled {
            let invoice = self.invoices.values_mut().find(|invoice| invoice.id == *id).unwrap();
            assert_eq!(invoice.state, InvoiceState::Open);
            invoice.state = InvoiceState::Paid;
        }
        for row in &effects.transfers {
            let hash = self.invoices.iter().find(|(_, invoice)| invoice.id == row.invoice).map(|(hash, _)| *hash);
            self.name(row.debit_account, row.external_id.as_ref(), hash.unwrap());
        }
        self.write_holds(effects);
        self.write_sends(effects);
        self.transfers.extend(effects.transfers.iter().cloned());
        self.events.extend(effects.events.iter().copied());
        for row in &effects.accounts {
            let account = self.accounts.get_mut(&row.id).unwrap();
            assert_eq!(account.entries, row.entries_before);
            account.balance = row.balance;
            account.held = row.held;
            assert!(account.kind != AccountKind::Wallet || account.held <= account.balance);
            account.entries = row.entries;
            account.spent = row.spent;
        }
        for (invoice, origin) in &effects.origins {
            assert!(self.origins.insert(*invoice, *origin).is_none());
            self.invoices.values_mut().find(|it| it.id == *invoice).unwrap().origin = Some(*origin);
        }
        for row in &effects.hits {
            let hit = self.hits.get_mut(&row.id).unwrap();
            assert!(!hit.is_spent);
            hit.is_spent = true;
            assert!(self.paid_by_card.insert(HoldId::from(row.transfer), hit.card).is_none());
        }
        for row in &effects.cards {
            self.cards.get_mut(&row.id).unwrap().spent = row.spent;
        }
        for row in &effects.withdraw_links {
            let link = self.withdraw_links.get_mut(&row.id).unwrap();
            assert_eq!(link.used, row.used_before);
            (link.used, link.last_used_at) = (row.used, row.last_used_at);
            link.uses_left.clone_from(&row.uses_left);
        }
        self.withdrawals.extend(&effects.withdrawals);
        self.failed_withdrawals.extend(&effects.failed_withdrawals);
        for row in &effects.claims {
            assert!(self.claims.insert((row.account, row.key), row.claimed.clone()).is_none());
        }
        for closure in &effects.closures {
            for id in &closure.accounts {
                let account = self.accounts.get_mut(id).unwrap();
                assert!(account.open && account.balance.is_zero());
                account.open = false;
                account.keys_version += 1;
                for user in self.users.values_mut() {
                    user.wallets.retain(|wallet| wallet != id);
                }
            }
            for user in &closure.users {
                self.users.remove(user).unwrap();
                self.managers.remove(user);
                for other in self.users.values_mut() {
                    other.users.retain(|id| id != user);
                }
            }
        }
    }

    fn write_holds(&mut self, effects: &Effects) {
        for row in &effects.held_invoices {
            let invoice = self.invoices.values_mut().find(|invoice| invoice.id == row.id).unwrap();
            assert_eq!(invoice.state, row.state_before);
            invoice.state = row.state;
            invoice.preimage.clone_from(&row.preimage);
        }
        for row in &effects.holds {
            let before = self.holds.get(&row.id).map_or(0, |hold| hold.moves);
            assert_eq!((before, row.closed_at.is_none()), (row.moves_before, row.hold.sums.state == HoldState::Open));
            if before == 0 {
                self.name(row.hold.account, row.hold.external_id.as_ref(), row.hold.payment_hash);
            }
            self.holds.insert(row.id, row.hold.clone());
        }
        self.hold_moves.extend(&effects.hold_moves);
    }

    /// What settling is to find of the holds: those that are named, the open ones of a group up to
    /// one more than can be settled as a whole, and those for hold invoices.
    fn wanted_holds(&self, read_set: &ReadSet) -> HashSet<HoldId> {
        let is_open = |hold: &Hold| hold.sums.state == HoldState::Open;
        let mut wanted: HashSet<_> = read_set.holds.iter().copied().collect();
        for (manager, group) in &read_set.groups {
            let is_of = |hold: &Hold| hold.manager == Some(*manager) && hold.group.as_ref() == Some(group);
            let mut of: Vec<_> = self.holds.iter().filter(|(_, hold)| is_open(hold) && is_of(hold)).collect();
            of.sort_unstable_by_key(|(id, _)| **id);
            wanted.extend(of.into_iter().take(GROUP_READ_MAX + 1).map(|(id, _)| *id));
        }
        let is_for = |hold: &Hold| is_open(hold) && read_set.held_invoices.contains(&hold.payment_hash);
        wanted.extend(self.holds.iter().filter(|(_, hold)| is_for(hold)).map(|(id, _)| *id));
        wanted
    }
}

/// The entries with these keys.
fn pick<'a, K, V>(from: &HashMap<K, V>, wanted: impl IntoIterator<Item = &'a K>) -> HashMap<K, V>
where
    K: Copy + Eq + Hash + 'a,
    V: Clone,
{
    wanted.into_iter().filter_map(|key| Some((*key, from.get(key)?.clone()))).collect()
}

impl Memory {
    /// Settles a command in a transaction of its own. It copies nothing that the command does not look at, for
    /// histories by the thousand.
    pub(crate) fn settle(&mut self, command: Command, now: UnixMs) -> Result<Outcome, Rejection> {
        let commands = [command];
        let snapshot = self.wanted(ReadSet::of(&commands));
        let (mut outcomes, effects) = decide(&snapshot, &commands, now);
        self.write(&effects);
        outcomes.pop().unwrap()
    }

    /// Only what is wanted, so that a want too few is found.
    fn wanted(&self, mut read_set: ReadSet) -> Snapshot {
        let users = pick(&self.users, &read_set.users);
        read_set.accounts.extend(users.values().flat_map(|user| &user.wallets));
        let invoices = pick(&self.invoices, &read_set.invoices);
        let holds = pick(&self.holds, &self.wanted_holds(&read_set));
        read_set.add_accounts(invoices.values().map(|invoice| invoice.payee));
        read_set.add_accounts(holds.values().map(|hold| hold.account));
        let hits = pick(&self.hits, &read_set.hits);
        // What failed payments give back is theirs to change.
        let (mut paid_by_card, mut withdrawn_by) = (HashMap::new(), HashMap::new());
        if !read_set.failed_sends.is_empty() {
            paid_by_card = pick(&self.paid_by_card, &read_set.failed_sends);
            withdrawn_by = pick(&self.withdrawn_by(), &read_set.failed_sends);
        }
        let used = read_set.withdrawals.iter().map(|(link, _)| link);
        let withdraw_links = pick(&self.withdraw_links, used.chain(withdrawn_by.values().map(|it| &it.link)));
        let is_used = |id: &_| read_set.withdrawals.iter().any(|(_, wanted)| wanted == id);
        let withdrawals = self.withdrawals.iter().map(|row| row.withdrawn.id).filter(is_used).collect();
        let mut under_way = if read_set.senders.is_empty() { UnderWay::default() } else { self.under_way() };
        let of_senders = |id: &AccountId| self.accounts[id].tenant;
        let tenants: HashSet<_> = read_set.senders.iter().filter_map(of_senders).collect();
        under_way.tenants.retain(|tenant, _| tenants.contains(tenant));
        let (mut open_invoices, mut promised) = (HashMap::new(), HashMap::new());
        if !read_set.origins.is_empty() {
            (open_invoices, promised) = (self.open_invoices(), self.promised());
            open_invoices.retain(|place, _| read_set.origins.contains(place));
            promised.retain(|place, _| read_set.limited_origins.contains(place));
        }
        Snapshot {
            accounts: pick(&self.accounts, read_set.accounts.iter().chain(&read_set.readers)),
            managers: self.managers.iter().filter(|user| read_set.managers.contains(user)).copied().collect(),
            sessions: self.sessions.iter().filter(|session| read_set.sessions.contains(session)).copied().collect(),
            claims: read_set.claims.iter().filter_map(|id| Some((*id, self.claims.get(id)?.clone()))).collect(),
            external_ids: read_set
                .external_ids
                .into_iter()
                .filter_map(|id| self.external_ids.get(&id).map(|hash| (id.clone(), *hash)))
                .collect(),
            cards: pick(&self.cards, hits.values().map(|hit| &hit.card).chain(paid_by_card.values())),
            sends: if read_set.sends.is_empty() { HashMap::new() } else { pick(&self.unfailed(), &read_set.sends) },
            receipts: read_set.receipts.into_iter().filter(|id| self.receipts.contains_key(id)).collect(),
            users,
            invoices,
            holds,
            hits,
            under_way,
            open_invoices,
            promised,
            paid_by_card,
            withdrawn_by,
            withdraw_links,
            withdrawals,
        }
    }
}

impl SettlementStore for Memory {
    fn begin(&mut self) -> Result<(), SettleError> {
        let before = self.clone();
        self.open = Some(Box::new(before));
        Ok(())
    }

    fn load(&mut self, read_set: ReadSet, _: &dyn Fn() -> UnixMs) -> Result<Snapshot, SettleError> {
        Ok(self.wanted(read_set))
    }

    fn apply(&mut self, effects: &Effects) -> Result<(), SettleError> {
        self.write(effects);
        Ok(())
    }

    fn commit(&mut self) -> Commit {
        self.open = None;
        Commit::Done
    }

    fn rollback(&mut self) {
        if let Some(before) = self.open.take() {
            *self = *before;
        }
    }
}

/// A clock that stands still.
pub(crate) fn now() -> UnixMs {
    super::world::NOW
}
