//! What a fake node knows: its invoices, its payments, and what the test wants to happen next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use satkeep::crypto::secret::MasterKey;
use satkeep::domain::ids::PaymentHash;
use satkeep::domain::money::Amount;
use satkeep::domain::node::{Description, Network, Node, Preimage};
use satkeep::domain::text::Memo;
use satkeep::domain::time::UnixMs;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// What becomes of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    Fails,
    /// It is under way until the test ends it.
    Held,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Create,
    FindInvoice,
    Receive,
    Send,
    FindPayment,
    Other,
}

/// How an answer goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is done, and this is answered.
    Status(u16, &'static str),
    /// It is done, and the connection is closed.
    Silent,
    /// It is done, and half of the answer comes.
    Half,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Cancelled,
    Settled,
}

#[derive(Clone, Debug)]
pub(crate) struct Invoice {
    pub(crate) hash: PaymentHash,
    pub(crate) preimage: String,
    pub(crate) amount: Amount,
    pub(crate) bolt11: String,
    pub(crate) state: State,
    pub(crate) paid_msat: i64,
    /// From 1, in the order of payment.
    pub(crate) settle_index: i64,
    pub(crate) at_ms: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) hash: PaymentHash,
    pub(crate) bolt11: String,
    pub(crate) preimage: String,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) fate: Fate,
    /// From 1, in the order of creation.
    pub(crate) index: i64,
    pub(crate) created_ms: i64,
}

/// Somebody else's invoice.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    pub(crate) bolt11: String,
    pub(crate) hash: PaymentHash,
    preimage: String,
    amount: i64,
    expires_ms: i64,
}

pub(crate) struct Book {
    issuer: Node,
    foreign: HashMap<String, Foreign>,
    pub(crate) invoices: Vec<Invoice>,
    pub(crate) payments: Vec<Payment>,
    /// What becomes of payments that are sent from now on.
    pub(crate) fate: Fate,
    /// What routing costs.
    pub(crate) fee_msat: i64,
    /// What is told as the preimage of a payment that arrives, in place of the right one.
    pub(crate) wrong_preimage: Option<String>,
    /// What is started, and by somebody else, when an answer to a payment goes wrong.
    pub(crate) start_at_fault: Option<String>,
    /// A settlement that LND's streams leave out, and how many of them.
    pub(crate) untold: Option<(i64, u32)>,
    /// A settlement that LND's lists do not have yet, and how many of them.
    pub(crate) unlisted: Option<(i64, u32)>,
    faults: Vec<(Op, Fault)>,
}

/// Whether something is left out of this one.
pub(super) fn leaves_out(what: &mut Option<(i64, u32)>) -> Option<i64> {
    let (index, count) = what.as_mut()?;
    *count = count.checked_sub(1)?;
    Some(*index)
}

impl Default for Book {
    fn default() -> Self {
        Self {
            issuer: Node::new(&MasterKey::generate(), Network::Regtest),
            foreign: HashMap::new(),
            invoices: Vec::new(),
            payments: Vec::new(),
            fate: Fate::Arrives,
            fee_msat: 1_500,
            wrong_preimage: None,
            start_at_fault: None,
            untold: None,
            unlisted: None,
            faults: Vec::new(),
        }
    }
}

pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

/// The time as a server tells it in the head of an answer.
pub(super) fn date() -> String {
    OffsetDateTime::now_utc().format(&Rfc2822).unwrap().replace("+0000", "GMT")
}

/// Why a payment is not even tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untried {
    Expired,
    Exists,
}

impl Book {
    fn issue(&self, hash: PaymentHash, amount: Amount, at_ms: i64) -> String {
        let words = Description::Words(Memo::new("a test".to_owned()).unwrap());
        self.issuer.issue(hash, amount, words, 3600, UnixMs::new(at_ms)).unwrap()
    }

    /// An invoice of this node, unless there is one with its hash.
    pub(super) fn add_invoice(&mut self, preimage: &Preimage, msat: i64) -> Option<Invoice> {
        let hash = preimage.payment_hash();
        if self.invoice(hash).is_some() {
            return None;
        }
        let amount = Amount::from_msat(msat).unwrap();
        let invoice = Invoice {
            hash,
            preimage: preimage.reveal(),
            amount,
            bolt11: self.issue(hash, amount, now_ms()),
            state: State::Open,
            paid_msat: 0,
            settle_index: 0,
            at_ms: now_ms(),
        };
        self.invoices.push(invoice.clone());
        Some(invoice)
    }

    pub(super) fn invoice(&mut self, hash: PaymentHash) -> Option<&mut Invoice> {
        self.invoices.iter_mut().find(|invoice| invoice.hash == hash)
    }

    /// Somebody pays an invoice of this node.
    pub(crate) fn pay(&mut self, hash: PaymentHash, msat: i64) {
        let settle_index = self.settled().len() as i64 + 1;
        let invoice = self.invoice(hash).unwrap();
        assert_eq!(invoice.state, State::Open);
        (invoice.state, invoice.paid_msat) = (State::Settled, msat);
        (invoice.settle_index, invoice.at_ms) = (settle_index, now_ms());
    }

    /// The paid invoices, in the order of payment.
    pub(super) fn settled(&self) -> Vec<Invoice> {
        let is_settled = |invoice: &&Invoice| invoice.state == State::Settled;
        let mut settled: Vec<_> = self.invoices.iter().filter(is_settled).cloned().collect();
        settled.sort_by_key(|invoice| invoice.settle_index);
        settled
    }

    /// An invoice of somebody else, for an amount.
    pub(crate) fn foreign(&mut self, msat: i64) -> Foreign {
        self.foreign_until(msat, 3600)
    }

    /// One that expires so many seconds from now, or has expired.
    pub(crate) fn foreign_until(&mut self, msat: i64, seconds: i64) -> Foreign {
        let preimage = Preimage::generate();
        let hash = preimage.payment_hash();
        let expires_ms = now_ms() + seconds * 1000;
        let bolt11 = self.issue(hash, Amount::from_msat(msat).unwrap(), expires_ms - 3_600_000);
        let foreign = Foreign { bolt11, hash, preimage: preimage.reveal(), amount: msat, expires_ms };
        self.foreign.insert(foreign.bolt11.clone(), foreign.clone());
        foreign
    }

    /// Starts to pay: one attempt more, whose index is returned.
    pub(crate) fn start(&mut self, bolt11: &str, fee_max: i64) -> Result<i64, Untried> {
        let foreign = self.foreign[bolt11].clone();
        if foreign.expires_ms < now_ms() {
            return Err(Untried::Expired);
        }
        if self.payments.iter().any(|payment| payment.hash == foreign.hash && payment.fate != Fate::Fails) {
            return Err(Untried::Exists);
        }
        let index = self.payments.len() as i64 + 1;
        // Two attempts never begin in the same millisecond.
        let last_ms = self.payments.iter().map(|payment| payment.created_ms).max().unwrap_or_default();
        self.payments.push(Payment {
            hash: foreign.hash,
            bolt11: bolt11.to_owned(),
            preimage: self.wrong_preimage.clone().unwrap_or(foreign.preimage),
            amount: foreign.amount,
            fee: self.fee_msat,
            fate: if self.fee_msat > fee_max { Fate::Fails } else { self.fate },
            index,
            created_ms: now_ms().max(last_ms + 1),
        });
        Ok(index)
    }

    /// The payments with this hash, oldest first.
    pub(crate) fn attempts(&self, hash: PaymentHash) -> Vec<Payment> {
        self.payments.iter().filter(|payment| payment.hash == hash).cloned().collect()
    }

    /// Ends what is held.
    pub(crate) fn end(&mut self, hash: PaymentHash, fate: Fate) {
        let held = |payment: &&mut Payment| payment.hash == hash && payment.fate == Fate::Held;
        self.payments.iter_mut().find(held).unwrap().fate = fate;
    }

    /// So many invoices that were paid, and payments that have arrived, one a second, until now.
    pub(crate) fn fill(&mut self, count: usize) {
        for (number, ago) in (0..count).zip((0..count as i64).rev()) {
            let invoice = self.add_invoice(&Preimage::generate(), 1_000_000).unwrap();
            self.pay(invoice.hash, 1_000_000);
            self.invoices[number].at_ms -= ago * 1000;
            let foreign = self.foreign(1_000_000);
            self.start(&foreign.bolt11, i64::MAX).unwrap();
        }
    }

    /// Lets the next answer of this kind go wrong.
    pub(crate) fn spoil(&mut self, op: Op, fault: Fault) {
        self.faults.push((op, fault));
    }
}

/// A book in many hands.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Book>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap()
    }

    pub(crate) fn take_fault(&self, op: Op) -> Option<Fault> {
        let mut book = self.lock();
        let at = book.faults.iter().position(|(of, _)| *of == op)?;
        if let Some(bolt11) = book.start_at_fault.take() {
            book.start(&bolt11, i64::MAX).unwrap();
        }
        Some(book.faults.remove(at).1)
    }

    /// Waits until an attempt has ended, and returns it.
    pub(super) fn ended(&self, index: i64) -> Payment {
        loop {
            let payment = self.lock().payments[usize::try_from(index).unwrap() - 1].clone();
            if payment.fate != Fate::Held {
                return payment;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
