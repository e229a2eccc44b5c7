//! Payments to and from other nodes in the core: what each costs, that it is booked once, and the same commands
//! in any order against a plain model, one by one against batches, and on both stores.

use std::collections::HashMap;

use bitcoin_hashes::{Hash, sha256};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use satkeep::clock;
use satkeep::crypto::secret::{MasterKey, Sealed, Sealer};
use satkeep::domain::api_keys::KeyPair;
use satkeep::domain::controls::{Freeze, Freezes, Limits};
use satkeep::domain::ids::{AccountId, HoldId, InvoiceId, PaymentHash, TransferId, UserId, WalletId};
use satkeep::domain::money::{Amount, Msat};
use satkeep::domain::send::{NodeName, SendBounds};
use satkeep::domain::text::Name;
use satkeep::domain::webhooks::{EventKind, EventKinds};
use satkeep::ledger::command::{Command, EndSend, NewInvoice, NewMovement, NewSend, Pay, Receive, SendEnd};
use satkeep::ledger::outcome::{Outcome, Received, Rejection, SendEnded};
use satkeep::ledger::settle::{SettlementStore, settle_batch};
use satkeep::ledger::state::AccountKind;
use satkeep::store::users::{self, NewUser};
use satkeep::store::wallets::{self, NewWallet, StoredKeys};
use satkeep::store::{Store, audit};

use super::memory::{Memory, now};
use super::world::{NOW, close, create, credit, invoice, pay, user, wallet};
use crate::harness::{StoreKind, TestDatabase};

const FEE_MAX: i64 = 20;
const SERVICE_FEE: i64 = 3;
const AMOUNT: i64 = 100;
const RESERVED: i64 = AMOUNT + FEE_MAX + SERVICE_FEE;

pub(super) const NO_BOUNDS: SendBounds = SendBounds {
    wallet_payments_max: 100,
    tenant_payments_max: 100,
    wallet_reserved_max: None,
    tenant_reserved_max: None,
};

fn hash(number: u8) -> PaymentHash {
    PaymentHash::new([number; 32])
}

/// The id of the payment that is sent with this number: of each number there is one.
fn transfer(number: u8) -> TransferId {
    TransferId::new([[9; 15].as_slice(), &[number]].concat().try_into().unwrap())
}

pub(super) fn hold(number: u8) -> HoldId {
    let mut id = *transfer(number).as_bytes();
    id[3] = number;
    HoldId::from(TransferId::new(id))
}

/// Ids that are the same whenever the same is told for the same time.
fn movement(of: &[u8], time: u8, part: u8) -> NewMovement {
    let digest = |kind: u8| sha256::Hash::hash(&[of, &[time, part, kind]].concat()).to_byte_array();
    let id = |kind: u8| digest(kind)[..16].try_into().unwrap();
    NewMovement {
        transfer: TransferId::new(id(1)),
        invoice: InvoiceId::new(id(2)),
        payment_hash: PaymentHash::new(digest(3)),
        preimage: Sealed::from_stored(digest(4).to_vec()),
    }
}

pub(super) fn new_send(of_hash: u8) -> NewSend {
    NewSend {
        payment_hash: hash(of_hash),
        bolt11: format!("lnbcrt1{of_hash}"),
        amount: Amount::from_msat(AMOUNT).unwrap(),
        is_amountless: false,
        fee_max: Msat::new(FEE_MAX),
        service_fee: Msat::new(SERVICE_FEE),
        memo: "a coffee".to_owned(),
        expires_at: NOW.plus_seconds(60),
        bounds: NO_BOUNDS,
    }
}

/// Payment number `number` from a wallet, of an invoice with that hash.
pub(super) fn send(payer: AccountId, number: u8, of_hash: u8) -> Command {
    send_as(payer, number, new_send(of_hash))
}

pub(super) fn send_as(payer: AccountId, number: u8, send: NewSend) -> Command {
    let mut id = *transfer(number).as_bytes();
    id[3] = number;
    let Command::Pay(base) = pay(payer, &invoice(payer, 1)) else { unreachable!() };
    Command::Pay(Pay {
        transfer: TransferId::new(id),
        payment_hash: send.payment_hash,
        bolt11: send.bolt11.clone(),
        send: Some(Box::new(send)),
        ..base
    })
}

/// The end of payment `number`, told for the `time`th time.
pub(super) fn arrived(number: u8, of_hash: u8, fee: i64, time: u8) -> Command {
    let end = SendEnd::Settled {
        fee: Msat::new(fee),
        preimage: Sealed::from_stored(vec![of_hash; 32]),
        movements: Box::new([1, 2, 3].map(|part| movement(&[number], time, part))),
    };
    Command::EndSend(EndSend { hold: hold(number), payment_hash: hash(of_hash), end, note: None })
}

pub(super) fn failed(number: u8, of_hash: u8) -> Command {
    let note = Some("no route".to_owned());
    Command::EndSend(EndSend { hold: hold(number), payment_hash: hash(of_hash), end: SendEnd::Failed, note })
}

fn receive(invoice: &NewInvoice, msat: i64, time: u8) -> Command {
    let of = invoice.payment_hash.as_bytes();
    Command::Receive(Receive {
        node: NodeName::new("02ab".to_owned()),
        payment_hash: invoice.payment_hash,
        amount: Amount::from_msat(msat).unwrap(),
        received_at: NOW,
        preimage: None,
        transfer: movement(of, time, 1).transfer,
        beside: movement(of, time, 2),
    })
}

fn at_node(payee: AccountId, msat: i64) -> NewInvoice {
    NewInvoice { is_at_node: true, ..invoice(payee, msat) }
}

fn settle(memory: &mut Memory, commands: &[Command]) -> Vec<Result<Outcome, Rejection>> {
    settle_batch(memory, commands, &now).unwrap()
}

fn one(memory: &mut Memory, command: Command) -> Result<Outcome, Rejection> {
    settle(memory, &[command]).pop().unwrap()
}

/// Wallet 0 holds 1000 msat.
fn scene() -> Memory {
    let mut memory = Memory::new();
    one(&mut memory, credit(wallet(0), 1_000)).unwrap();
    memory
}

fn balance(memory: &Memory, id: AccountId) -> (i64, i64) {
    let account = &memory.accounts[&id];
    (account.balance.get(), account.held.get())
}

#[test]
fn what_a_payment_may_cost_is_held_and_what_it_costs_is_paid() {
    let mut memory = scene();
    one(&mut memory, send(wallet(0), 1, 1)).unwrap();
    assert_eq!(balance(&memory, wallet(0)), (1_000, RESERVED));
    let ended = one(&mut memory, arrived(1, 1, 5, 1));
    assert_eq!(ended, Ok(Outcome::EndSend(SendEnded::Now)));
    assert_eq!(balance(&memory, wallet(0)), (1_000 - AMOUNT - 5 - SERVICE_FEE, 0));
    assert_eq!(balance(&memory, AccountId::LIGHTNING), (AMOUNT + 5, 0));
    assert_eq!(balance(&memory, AccountId::FEES), (SERVICE_FEE, 0));
    // Told again, in whatever words, it changes nothing.
    let before = memory.clone();
    for again in [arrived(1, 1, 5, 2), arrived(1, 1, 9, 3), failed(1, 1)] {
        assert_eq!(one(&mut memory, again), Ok(Outcome::EndSend(SendEnded::Before)));
    }
    assert_eq!(memory, before);
    assert_eq!(one(&mut memory, send(wallet(0), 2, 1)), Err(Rejection::InvoiceAlreadyPaid));
}

#[test]
fn a_failed_payment_costs_nothing_and_may_be_tried_again() {
    let mut memory = scene();
    memory.accounts.get_mut(&wallet(0)).unwrap().subscribed = EventKinds::from_iter([EventKind::PaymentFailed]);
    one(&mut memory, send(wallet(0), 1, 1)).unwrap();
    assert_eq!(one(&mut memory, send(wallet(0), 2, 1)), Err(Rejection::PaymentUnderWay));
    assert_eq!(one(&mut memory, failed(1, 1)), Ok(Outcome::EndSend(SendEnded::Now)));
    assert_eq!(balance(&memory, wallet(0)), (1_000, 0));
    assert_eq!(memory.events.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::PaymentFailed]);
    one(&mut memory, send(wallet(0), 3, 1)).unwrap();
    one(&mut memory, arrived(3, 1, 0, 1)).unwrap();
    assert_eq!(balance(&memory, wallet(0)), (1_000 - AMOUNT - SERVICE_FEE, 0));
}

/// A node that spends more than it was allowed costs the operator, never the payer.
#[test]
fn what_a_node_spends_beyond_the_limit_is_the_operators() {
    let mut memory = scene();
    one(&mut memory, send(wallet(0), 1, 1)).unwrap();
    one(&mut memory, arrived(1, 1, FEE_MAX + 7, 1)).unwrap();
    assert_eq!(balance(&memory, wallet(0)), (1_000 - RESERVED, 0));
    assert_eq!(balance(&memory, AccountId::ADJUSTMENTS), (-7, 0));
    assert_eq!(balance(&memory, AccountId::LIGHTNING), (AMOUNT + FEE_MAX + 7, 0));
}

#[test]
fn success_wins_over_a_failure_that_was_told_before() {
    // The payer pays if it can …
    let mut memory = scene();
    settle(&mut memory, &[send(wallet(0), 1, 1), failed(1, 1)]);
    let late = Ok(Outcome::EndSend(SendEnded::Late { is_by_payer: true }));
    assert_eq!(one(&mut memory, arrived(1, 1, 5, 1)), late);
    assert_eq!(balance(&memory, wallet(0)), (1_000 - AMOUNT - 5, 0));
    assert_eq!(one(&mut memory, arrived(1, 1, 5, 2)), Ok(Outcome::EndSend(SendEnded::Before)));
    assert_eq!(one(&mut memory, send(wallet(0), 2, 1)), Err(Rejection::InvoiceAlreadyPaid));

    // … or else the operator, also when another attempt is under way.
    let mut memory = scene();
    let spend = invoice(wallet(1), 870);
    let commands =
        [create(spend.clone()), send(wallet(0), 1, 1), failed(1, 1), pay(wallet(0), &spend), send(wallet(0), 2, 1)];
    assert!(settle(&mut memory, &commands).iter().all(Result::is_ok));
    let late = Ok(Outcome::EndSend(SendEnded::Late { is_by_payer: false }));
    assert_eq!(one(&mut memory, arrived(1, 1, 5, 1)), late);
    assert_eq!(balance(&memory, wallet(0)), (130, RESERVED));
    assert_eq!(balance(&memory, AccountId::ADJUSTMENTS), (-AMOUNT - 5, 0));
    assert_eq!(one(&mut memory, failed(2, 1)), Ok(Outcome::EndSend(SendEnded::Now)));
    assert_eq!(one(&mut memory, arrived(1, 1, 5, 2)), Ok(Outcome::EndSend(SendEnded::Before)));
}

#[test]
fn what_arrives_late_costs_the_payer_no_more_than_was_reserved() {
    let mut memory = scene();
    settle(&mut memory, &[send(wallet(0), 1, 1), failed(1, 1)]);
    let late = Ok(Outcome::EndSend(SendEnded::Late { is_by_payer: true }));
    assert_eq!(one(&mut memory, arrived(1, 1, FEE_MAX + 7, 1)), late);
    assert_eq!(balance(&memory, wallet(0)), (1_000 - AMOUNT - FEE_MAX, 0));
    assert_eq!(balance(&memory, AccountId::ADJUSTMENTS), (-7, 0));
    assert_eq!(balance(&memory, AccountId::LIGHTNING), (AMOUNT + FEE_MAX + 7, 0));
}

#[test]
fn only_so_much_is_under_way_at_once() {
    let mut memory = scene();
    memory.accounts.get_mut(&wallet(0)).unwrap().tenant = Some(user(0));
    let within = |number: u8, bounds: SendBounds| send_as(wallet(0), number, NewSend { bounds, ..new_send(number) });
    let most = |msat| Amount::from_msat(msat).ok();
    let over = Err(Rejection::TooMuchUnderWay);
    one(&mut memory, within(1, NO_BOUNDS)).unwrap();
    assert_eq!(one(&mut memory, within(2, SendBounds { wallet_payments_max: 1, ..NO_BOUNDS })), over);
    assert_eq!(one(&mut memory, within(2, SendBounds { tenant_payments_max: 1, ..NO_BOUNDS })), over);
    let tight = most(2 * RESERVED - 1);
    assert_eq!(one(&mut memory, within(2, SendBounds { wallet_reserved_max: tight, ..NO_BOUNDS })), over);
    assert_eq!(one(&mut memory, within(2, SendBounds { tenant_reserved_max: tight, ..NO_BOUNDS })), over);
    let exact = SendBounds { wallet_reserved_max: most(2 * RESERVED), wallet_payments_max: 2, ..NO_BOUNDS };
    let outcomes = settle(&mut memory, &[within(2, exact), within(3, exact), failed(2, 2), within(3, exact)]);
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, true]);
}

/// A day's limit counts what may be spent until it is known what was.
#[test]
fn a_days_limit_counts_the_reserve_until_the_end() {
    let mut memory = scene();
    let day_max = Amount::from_msat(2 * RESERVED - 1).ok();
    memory.accounts.get_mut(&wallet(0)).unwrap().limits = Limits { day_max, payment_max: None };
    // Placed today, as the id says.
    let today = |number| {
        let Command::Pay(pay) = send(wallet(0), number, number) else { unreachable!() };
        let ms = u64::try_from(NOW.get()).unwrap().to_be_bytes();
        let id = [&ms[2..], &[number; 10]].concat().try_into().unwrap();
        (HoldId::from(TransferId::new(id)), Command::Pay(Pay { transfer: TransferId::new(id), ..pay }))
    };
    let ((first, one_send), (_, other)) = (today(1), today(2));
    one(&mut memory, one_send).unwrap();
    assert_eq!(one(&mut memory, other.clone()), Err(Rejection::DayLimit { leg: 0 }));
    let Command::EndSend(end) = arrived(1, 1, 0, 1) else { unreachable!() };
    one(&mut memory, Command::EndSend(EndSend { hold: first, ..end })).unwrap();
    assert_eq!(memory.accounts[&wallet(0)].spent.total.get(), AMOUNT + SERVICE_FEE);
    one(&mut memory, other).unwrap();
}

#[test]
fn an_invoice_of_ours_is_paid_inside_though_the_text_could_be_sent() {
    let mut memory = scene();
    let own = at_node(wallet(1), 40);
    let Command::Pay(direct) = pay(wallet(0), &own) else { unreachable!() };
    let outside = Some(Box::new(NewSend { payment_hash: own.payment_hash, ..new_send(1) }));
    one(&mut memory, create(own)).unwrap();
    one(&mut memory, Command::Pay(Pay { send: outside, ..direct })).unwrap();
    assert_eq!((balance(&memory, wallet(0)), balance(&memory, wallet(1))), ((960, 0), (40, 0)));
    assert!(memory.sends.is_empty());
}

fn booked(as_usual: bool, is_adjustment: bool) -> Outcome {
    Outcome::Receive(Received::Booked { as_usual, is_adjustment })
}

#[test]
fn what_arrives_is_credited_once_whatever_became_of_the_invoice() {
    let mut memory = scene();
    let [open, paid, over, orphan, more, less] = [0, 1, 2, 3, 4, 5].map(|_| at_node(wallet(1), 50));
    let over = NewInvoice { expires_at: NOW, ..over };
    let orphan = NewInvoice { payee: wallet(2), ..orphan };
    let inside = invoice(wallet(1), 50);
    let setup = [
        create(open.clone()),
        create(paid.clone()),
        create(over.clone()),
        create(orphan.clone()),
        create(more.clone()),
        create(less.clone()),
        create(inside.clone()),
        pay(wallet(0), &paid),
        close(wallet(0), &[], &[wallet(2)], false),
    ];
    assert!(settle(&mut memory, &setup).iter().all(Result::is_ok));
    let account = memory.accounts.get_mut(&wallet(1)).unwrap();
    account.freezes = Freezes { by_manager: None, by_operator: Some(Freeze::Everything) };

    let before = balance(&memory, wallet(1)).0;
    for (receipt, outcome, credited) in [
        (receive(&open, 50, 1), booked(true, false), 50),
        (receive(&open, 50, 2), Outcome::Receive(Received::Before), 50),
        (receive(&paid, 50, 1), booked(false, false), 100),
        (receive(&over, 50, 1), booked(true, false), 150),
        (receive(&more, 70, 1), booked(false, false), 220),
        (receive(&less, 20, 1), booked(false, false), 240),
        (receive(&inside, 50, 1), Outcome::Receive(Received::Unknown), 240),
        (receive(&orphan, 50, 1), booked(false, true), 240),
        (receive(&orphan, 50, 2), Outcome::Receive(Received::Before), 240),
    ] {
        assert_eq!(one(&mut memory, receipt), Ok(outcome));
        assert_eq!(balance(&memory, wallet(1)).0 - before, credited);
    }
    assert_eq!(balance(&memory, AccountId::ADJUSTMENTS), (50, 0));
    assert_eq!(balance(&memory, AccountId::LIGHTNING), (-290, 0));
    assert_eq!(one(&mut memory, pay(wallet(0), &open)), Err(Rejection::InvoiceAlreadyPaid));
}

/// One step of a random history: on which payment or invoice, and how much.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send(u8),
    Arrived(u8, i64),
    Failed(u8),
    PayInside(u8),
    Receive(u8, i64),
    Spend(i64),
}

const PAYMENTS: u8 = 6;

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..PAYMENTS).prop_map(Step::Send),
        2 => (0..PAYMENTS, prop::sample::select(vec![0, 5, FEE_MAX, FEE_MAX + 4]))
            .prop_map(|(number, fee)| Step::Arrived(number, fee)),
        2 => (0..PAYMENTS).prop_map(Step::Failed),
        1 => (0..3u8).prop_map(Step::PayInside),
        2 => (0..3u8, prop::sample::select(vec![30, 50, 80]))
            .prop_map(|(number, msat)| Step::Receive(number, msat)),
        1 => (1..200i64).prop_map(Step::Spend),
    ]
}

/// The commands of a history: each payment is sent at most once, by one of two wallets, and two share a hash.
fn commands(steps: &[Step], invoices: &[NewInvoice]) -> Vec<Command> {
    let mut sent = [false; PAYMENTS as usize];
    let mut told = HashMap::new();
    let mut all = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let hash_of = |number: u8| number / 2 + 1;
        let nth = |told: &mut HashMap<(u8, u8), u8>, kind: u8, number: u8| {
            let times = told.entry((kind, number)).or_default();
            *times += 1;
            *times
        };
        match *step {
            Step::Send(number) if !std::mem::replace(&mut sent[usize::from(number)], true) => {
                all.push(send(wallet(number % 2), number, hash_of(number)));
            }
            Step::Send(_) => {}
            Step::Arrived(number, fee) => {
                let time = nth(&mut told, 0, number);
                all.push(arrived(number, hash_of(number), fee, time));
            }
            Step::Failed(number) => all.push(failed(number, hash_of(number))),
            Step::PayInside(number) => all.push(pay(wallet(0), &invoices[usize::from(number)])),
            Step::Receive(number, msat) => {
                let time = nth(&mut told, 1, number);
                all.push(receive(&invoices[usize::from(number)], msat, time));
            }
            Step::Spend(msat) => {
                let target = invoice(wallet(3), msat);
                all.extend([create(target.clone()), pay(wallet(u8::from(index % 2 == 0)), &target)]);
            }
        }
    }
    all
}

fn prepared() -> (Vec<NewInvoice>, Vec<Command>) {
    let invoices: Vec<_> = (0..3).map(|_| at_node(wallet(2), 50)).collect();
    let credits = [credit(wallet(0), 400), credit(wallet(1), 250)];
    let setup = credits.into_iter().chain(invoices.iter().cloned().map(create)).collect();
    (invoices, setup)
}

/// What must hold of any history: money is conserved, what is held is what is under way, and each payment that
/// has arrived has cost what it may, once.
fn check(memory: &Memory) -> Result<(), TestCaseError> {
    prop_assert_eq!(memory.accounts.values().map(|account| account.balance.get()).sum::<i64>(), 0);
    for (id, account) in &memory.accounts {
        let of = memory.sends.values().filter(|send| send.account == *id && send.is_settled.is_none());
        prop_assert_eq!(account.held.get(), of.map(|send| send.reserved.msat()).sum::<i64>());
        prop_assert!(account.kind != AccountKind::Wallet || account.balance >= account.held);
    }
    let received: i64 = memory.receipts.values().map(|amount| amount.msat()).sum();
    let arrived = memory.sends.iter().filter(|(id, send)| {
        let is_late = memory.holds[*id].send.as_ref().is_some_and(|send| send.is_late);
        send.is_settled == Some(true) || is_late
    });
    let out: i64 = arrived.map(|_| AMOUNT).sum();
    let fees = memory.accounts[&AccountId::LIGHTNING].balance.get() - out + received;
    prop_assert!((0..=i64::from(PAYMENTS) * (FEE_MAX + 4)).contains(&fees), "{}", fees);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Any history keeps the promises, and comes to the same in one batch, in some, and one by one.
    #[test]
    fn any_history_is_the_same_in_batches(steps in prop::collection::vec(any_step(), 1..40), size in 1usize..12) {
        let (invoices, setup) = prepared();
        let commands = commands(&steps, &invoices);
        let mut memory = Memory::new();
        settle(&mut memory, &setup);
        let (mut alone, mut some) = (memory.clone(), memory.clone());
        let together = settle(&mut memory, &commands);
        let one_by_one: Vec<_> = commands.iter().map(|command| one(&mut alone, command.clone())).collect();
        let in_some: Vec<_> = commands.chunks(size).flat_map(|batch| settle(&mut some, batch)).collect();
        prop_assert_eq!(&together, &one_by_one);
        prop_assert_eq!(&together, &in_some);
        check(&memory)?;
        prop_assert_eq!(&memory.accounts, &alone.accounts);
        prop_assert_eq!(&memory.sends, &alone.sends);
        prop_assert_eq!(&memory.receipts, &some.receipts);
    }
}

fn add_users(store: &Store) {
    let sealer = Sealer::new(&MasterKey::generate());
    for index in 0..4 {
        let id = WalletId::new(*wallet(index).as_bytes());
        let name = || Name::new(format!("user {index}")).unwrap();
        let created_at = clock::now();
        let keys = StoredKeys::new(&sealer, id, &KeyPair::generate());
        let new = NewUser {
            id: UserId::new(*user(index).as_bytes()),
            manager: None,
            name: name(),
            username: None,
            email: None,
            external_id: None,
            password_hash: None,
            extra: None,
            may_create_users: true,
            wallet: NewWallet { id, name: name(), keys, created_at },
            created_at,
        };
        store.write_blocking(|connection| users::create(connection, &new)).unwrap();
    }
}

/// The store comes to what memory comes to, and its rows keep the promises.
fn compare(kind: StoreKind, cases: u32) {
    let mut runner = TestRunner::new(ProptestConfig { cases, ..ProptestConfig::default() });
    let histories = (prop::collection::vec(any_step(), 1..40), 1usize..12);
    runner
        .run(&histories, |(steps, size)| {
            let Some((_database, store)) = TestDatabase::with_store(kind) else { return Ok(()) };
            add_users(&store);
            let mut settlement = store.settlement();
            let mut memory = Memory::new();
            let (invoices, setup) = prepared();
            let commands = commands(&steps, &invoices);
            for batch in std::iter::once(setup.as_slice()).chain(commands.chunks(size)) {
                let expected = settle_batch(&mut memory, batch, &now).unwrap();
                let found = settle_batch(&mut settlement as &mut dyn SettlementStore, batch, &now).unwrap();
                prop_assert_eq!(found, expected);
            }
            check(&memory)?;
            for index in 0..4 {
                let id = WalletId::new(*wallet(index).as_bytes());
                let found = store.read_blocking(|connection| wallets::find(connection, id)).unwrap();
                let account = &memory.accounts[&wallet(index)];
                prop_assert_eq!((found.balance, found.held), (account.available(), account.held));
            }
            let verdicts = store.read_blocking(|connection| audit::run(connection, |_| ())).unwrap();
            prop_assert!(verdicts.iter().all(|verdict| verdict.holds), "{:?}", verdicts);
            Ok(())
        })
        .unwrap();
}

#[test]
fn sqlite_sends_and_receives_as_memory_does() {
    compare(StoreKind::Sqlite, 40);
}

#[test]
fn postgres_sends_and_receives_as_memory_does() {
    compare(StoreKind::Postgres, 25);
}
