//! The ledger of a history, with the real rules, and what the table `sends` knows of each payment: a model of
//! `satkeep::store::sends`.

use satkeep::crypto::secret::Sealed;
use satkeep::domain::ids::{AccountId, HoldId, InvoiceId, PaymentHash, TransferId};
use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::send::{NodeName, SendBounds, SendState};
use satkeep::domain::time::UnixMs;
use satkeep::ledger::command::{Command, EndSend, NewMovement, NewSend, Pay, Receive, SendEnd};
use satkeep::ledger::outcome::{Outcome, Received, SendEnded};
use satkeep::lightning::node::{Attempt, Receipt, Sent};
use satkeep::lightning::outgoing::{Outgoing, PutBack};

use super::node::Foreign;
use crate::ledger::memory::Memory;
use crate::ledger::world;

pub(super) const FEE_MAX: i64 = 20;
pub(super) const SERVICE_FEE: i64 = 3;

/// A row of the table, and what it was booked with in the end.
pub(super) struct Row {
    pub(super) hold: HoldId,
    pub(super) foreign: usize,
    pub(super) wallet: AccountId,
    pub(super) amount: i64,
    pub(super) known: Outgoing,
    owner: Option<u32>,
    pub(super) due_at: UnixMs,
    ended_at: UnixMs,
    /// The routing fee that it was booked with, and whether the payer has paid, and whether that was late.
    pub(super) booked: Option<Booked>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Booked {
    pub(super) fee: i64,
    pub(super) is_late: bool,
    pub(super) is_by_payer: bool,
}

impl Row {
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.known.state, SendState::Settled | SendState::Failed)
    }
}

/// Who has taken a payment up, until when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) row: usize,
    pub(super) worker: u32,
    pub(super) until: UnixMs,
}

pub(super) struct Ledger {
    pub(super) memory: Memory,
    pub(super) rows: Vec<Row>,
    ids: u64,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { memory: Memory::new(), rows: Vec::new(), ids: 0 }
    }

    fn id(&mut self) -> [u8; 16] {
        self.ids += 1;
        let mut id = [7; 16];
        id[..6].copy_from_slice(&world::NOW.get().to_be_bytes()[2..]);
        id[6..14].copy_from_slice(&self.ids.to_be_bytes());
        id
    }

    fn movement(&mut self) -> NewMovement {
        let [transfer, invoice, hash] = [(); 3].map(|()| self.id());
        NewMovement {
            transfer: TransferId::new(transfer),
            invoice: InvoiceId::new(invoice),
            payment_hash: world::hash_of(hash),
            preimage: Sealed::from_stored(vec![1]),
        }
    }

    /// A user asks for a payment. Whether it was begun.
    pub(super) fn send(&mut self, wallet: AccountId, foreign: usize, of: &Foreign, now: UnixMs) -> bool {
        let transfer = TransferId::new(self.id());
        let bolt11 = format!("lnbcrt{foreign}");
        let bounds = SendBounds {
            wallet_payments_max: 100,
            tenant_payments_max: 100,
            wallet_reserved_max: None,
            tenant_reserved_max: None,
        };
        let send = NewSend {
            payment_hash: of.hash,
            bolt11: bolt11.clone(),
            amount: Amount::from_msat(of.amount).unwrap(),
            is_amountless: of.is_amountless,
            fee_max: Msat::new(FEE_MAX),
            service_fee: Msat::new(SERVICE_FEE),
            memo: String::new(),
            expires_at: of.expires_at,
            bounds,
        };
        let command = Command::Pay(Pay {
            authority: world::authority(wallet),
            claim: None,
            transfer,
            payment_hash: of.hash,
            bolt11,
            extra: None,
            webhook: None,
            external_id: None,
            send: Some(Box::new(send)),
        });
        if self.memory.settle(command, now).is_err() {
            return false;
        }
        let known = Outgoing {
            payment_hash: of.hash,
            state: SendState::Reserved,
            node: None,
            earlier: None,
            tries: 0,
            sent_at: None,
            created_at: now,
            expires_at: of.expires_at,
        };
        let (hold, amount) = (HoldId::from(transfer), of.amount);
        self.rows.push(Row {
            hold,
            foreign,
            wallet,
            amount,
            known,
            owner: None,
            due_at: now,
            ended_at: now,
            booked: None,
        });
        true
    }

    pub(super) fn is_due(&self, row: usize, now: UnixMs) -> bool {
        let row = &self.rows[row];
        !row.has_ended() && row.due_at <= now
    }

    pub(super) fn claim(&mut self, row: usize, worker: u32, until: UnixMs) -> Lease {
        let of = &mut self.rows[row];
        (of.owner, of.due_at) = (Some(worker), until);
        Lease { row, worker, until }
    }

    fn leased(&mut self, lease: Lease) -> Option<&mut Row> {
        let row = &mut self.rows[lease.row];
        let is_leased = row.owner == Some(lease.worker) && row.due_at == lease.until && !row.has_ended();
        is_leased.then_some(row)
    }

    pub(super) fn renew(&mut self, lease: Lease, until: UnixMs) -> Option<Lease> {
        self.leased(lease)?.due_at = until;
        Some(Lease { until, ..lease })
    }

    pub(super) fn begin_sending(
        &mut self,
        lease: Lease,
        node: &NodeName,
        earlier: Option<Attempt>,
        now: UnixMs,
        until: UnixMs,
    ) -> Option<Lease> {
        let row = self.leased(lease)?;
        row.known = row.known.clone().asked(node.clone(), earlier, now);
        row.due_at = until;
        Some(Lease { until, ..lease })
    }

    pub(super) fn put_back(&mut self, lease: Lease, put_back: &PutBack, due_at: UnixMs) {
        if let Some(row) = self.leased(lease) {
            row.known.state = put_back.state;
            (row.owner, row.due_at) = (None, due_at);
        }
    }

    /// What had arrived last, by this node, before a time.
    pub(super) fn last_settled(&self, node: &NodeName, before: UnixMs) -> Option<usize> {
        let is_of = |row: &&Row| row.known.state == SendState::Settled && row.known.node.as_ref() == Some(node);
        let is_late = |row: &Row| row.booked.is_some_and(|booked| booked.is_late);
        let settled = self.rows.iter().filter(is_of).filter(|row| row.ended_at <= before && !is_late(row));
        settled.max_by_key(|row| row.ended_at).map(|row| row.foreign)
    }

    fn end(&mut self, row: usize, end: SendEnd, now: UnixMs) -> SendEnded {
        let (hold, payment_hash) = (self.rows[row].hold, self.rows[row].known.payment_hash);
        let outcome = self.memory.settle(Command::EndSend(EndSend { hold, payment_hash, end, note: None }), now);
        let Ok(Outcome::EndSend(ended)) = outcome else { panic!("a payment cannot end: {outcome:?}") };
        let state = match self.memory.sends[&hold].is_settled {
            None => return ended,
            Some(true) => SendState::Settled,
            Some(false) => SendState::Failed,
        };
        let of = &mut self.rows[row];
        if of.ended_at == of.known.created_at && !of.has_ended() {
            of.ended_at = now;
        }
        of.known.state = state;
        ended
    }

    pub(super) fn settle(&mut self, row: usize, sent: &Sent, now: UnixMs) -> SendEnded {
        let movements = Box::new([(); 3].map(|()| self.movement()));
        let end = SendEnd::Settled { fee: sent.fee, preimage: Sealed::from_stored(vec![1]), movements };
        let ended = self.end(row, end, now);
        let (is_late, is_by_payer) = match ended {
            SendEnded::Now => (false, true),
            SendEnded::Late { is_by_payer } => (true, is_by_payer),
            SendEnded::Before => return ended,
        };
        assert!(self.rows[row].booked.is_none(), "I12: a payment is booked twice");
        self.rows[row].booked = Some(Booked { fee: sent.fee.get(), is_late, is_by_payer });
        ended
    }

    pub(super) fn fail(&mut self, row: usize, now: UnixMs) -> SendEnded {
        self.end(row, SendEnd::Failed, now)
    }

    pub(super) fn receive(&mut self, node: &NodeName, receipt: &Receipt, now: UnixMs) -> Received {
        let command = Receive {
            node: node.clone(),
            payment_hash: receipt.payment_hash,
            amount: receipt.amount,
            received_at: receipt.at,
            preimage: None,
            transfer: TransferId::new(self.id()),
            beside: self.movement(),
        };
        match self.memory.settle(Command::Receive(command), now) {
            Ok(Outcome::Receive(received)) => received,
            other => panic!("what has arrived cannot be booked: {other:?}"),
        }
    }

    pub(super) fn is_at_node(&self, hash: PaymentHash) -> bool {
        self.memory.invoices[&hash].at_node == Some(satkeep::ledger::state::AtNode::Open)
    }
}
