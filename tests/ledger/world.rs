//! A small world to decide about: a few wallets, a few invoices, and random commands that
//! mostly fit, but not always.

use std::collections::HashMap;

use super::hold_world::{any_hold, any_hold_command, movement, place};
use proptest::prelude::*;
use satkeep::crypto::secret::Sealed;
use satkeep::domain::external_id::ExternalId;
use satkeep::domain::idempotency::{Claim, IdempotencyKey, RequestDigest};
use satkeep::domain::ids::{
    AccountId, CardId, HitId, InvoiceId, OriginId, PaymentHash, TransferId, UserId, WithdrawLinkId, WithdrawalId,
};
use satkeep::domain::money::Amount;
use satkeep::domain::time::UnixMs;
use satkeep::domain::withdraw::uses::UsesLeft;
use satkeep::ledger::command::{
    Actor, Adjust, Authority, Close, Command, CreateInvoice, IssueForLink, Leg, NewHold, NewInvoice, Pay, PayByCard,
    PayByWithdrawLink, PayLink, Transfer, WalletToClose,
};
use satkeep::ledger::state::WithdrawLink;

pub(crate) const NOW: UnixMs = UnixMs::new(1_000_000);

pub(crate) fn wallet(index: u8) -> AccountId {
    AccountId::new([index + 1; 16])
}

pub(crate) fn user(index: u8) -> UserId {
    UserId::new([index + 101; 16])
}

/// An id that no other call has made, so that equal commands are still different ones. Like those
/// that the server makes, it differs from others in more than its last two bytes.
pub(crate) fn fresh() -> [u8; 16] {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let mut bytes = [0; 16];
    bytes[6..14].copy_from_slice(&number.to_be_bytes());
    bytes
}

pub(crate) fn hash_of(id: [u8; 16]) -> PaymentHash {
    PaymentHash::new([id, id].concat().try_into().unwrap())
}

/// The text of an invoice, as far as it is looked at: the amount, and the field of the payment
/// hash between a time and a signature of nothing.
fn text(hash: PaymentHash, msat: i64) -> String {
    const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let bits: Vec<u8> = hash.as_bytes().iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let fives = bits.chunks(5).map(|five| five.iter().fold(0, |value, bit| value << 1 | bit) << (5 - five.len()));
    let field: String = fives.map(|value: u8| char::from(CHARSET[usize::from(value)])).collect();
    format!("lnbc{msat}0p1{}pp5{field}{}", "q".repeat(7), "q".repeat(110))
}

pub(crate) fn invoice(payee: AccountId, msat: i64) -> NewInvoice {
    let id = fresh();
    NewInvoice {
        id: InvoiceId::new(id),
        payment_hash: hash_of(id),
        preimage: Some(Sealed::from_stored(id.to_vec())),
        payee,
        bolt11: Some(text(hash_of(id), msat)),
        amount: Amount::from_msat(msat).unwrap(),
        memo: String::new(),
        webhook: None,
        extra: None,
        external_id: None,
        created_at: NOW,
        expires_at: NOW.plus_seconds(60),
        is_at_node: false,
    }
}

pub(crate) fn authority(account: AccountId) -> Authority {
    Authority { account, keys_version: 1, manager: None }
}

/// The same, where only managers may ask. Wallet `n` is user `n`'s.
pub(crate) fn manager(account: AccountId) -> Authority {
    Authority { manager: Some(user(account.as_bytes()[0].wrapping_sub(1))), ..authority(account) }
}

pub(crate) fn create(invoice: NewInvoice) -> Command {
    Command::CreateInvoice(CreateInvoice { authority: authority(invoice.payee), claim: None, invoice })
}

pub(crate) fn pay(payer: AccountId, invoice: &NewInvoice) -> Command {
    Command::Pay(Pay {
        authority: authority(payer),
        claim: None,
        transfer: TransferId::new(fresh()),
        payment_hash: invoice.payment_hash,
        bolt11: invoice.bolt11.clone().unwrap_or_default(),
        extra: None,
        webhook: None,
        external_id: None,
        send: None,
    })
}

/// The card of the wallet of the same number: there are two.
pub(crate) fn card(index: u8) -> CardId {
    CardId::new([index + 201; 16])
}

/// How often cards were tapped, in turn. The first tap is over.
pub(crate) const HITS: u8 = 8;
/// What a card spends at once.
pub(crate) const CARD_SAT: i64 = 1;
/// And in a day.
pub(crate) const CARD_DAY_SAT: i64 = 2;

/// A tap of the card of that number, or its neighbour's.
pub(crate) fn hit(index: u8) -> HitId {
    HitId::new([index + 221; 16])
}

pub(crate) fn pay_by_card(tap: HitId, account: AccountId, invoice: &NewInvoice) -> Command {
    Command::PayByCard(PayByCard {
        hit: tap,
        account,
        transfer: TransferId::new(fresh()),
        payment_hash: invoice.payment_hash,
        bolt11: invoice.bolt11.clone().unwrap_or_default(),
        extra: None,
        send: None,
    })
}

/// The withdraw link of that number: there are three.
pub(crate) fn withdraw_link(index: u8) -> WithdrawLinkId {
    WithdrawLinkId::new([index + 231; 16])
}

/// The most that a link pays at once, in msat.
pub(crate) const LINK_MAX_MSAT: i64 = 1_200;

/// The first is of wallet 0, and each of its uses has a link of its own; the second is of wallet 1; the
/// third is of wallet 0, and pays nobody for a while after a use.
pub(crate) fn withdraw_links() -> HashMap<WithdrawLinkId, WithdrawLink> {
    let amount = |msat| Amount::from_msat(msat).unwrap();
    let link = |owner, uses, wait_s, is_unique| WithdrawLink {
        account: wallet(owner),
        is_enabled: true,
        is_unique,
        min: amount(5),
        max: amount(LINK_MAX_MSAT),
        used: 0,
        uses_left: UsesLeft::new(uses),
        wait_s,
        last_used_at: None,
    };
    let links = [link(0, 3, 0, true), link(1, 2, 0, false), link(0, 5, 60, false)];
    (0..).map(withdraw_link).zip(links).collect()
}

/// What opening a link was good for; the first one is over.
pub(crate) fn withdrawal(index: u8) -> WithdrawalId {
    let mut id = [index; 16];
    let ms = if index == 0 { NOW } else { NOW.plus_seconds(60) }.get().to_be_bytes();
    id[..6].copy_from_slice(&ms[2..]);
    WithdrawalId::new(id)
}

/// Pays by a link of an account, by the use of that number.
pub(crate) fn withdraw(
    (link, account, number): (u8, AccountId, Option<u32>),
    opening: u8,
    invoice: &NewInvoice,
) -> Command {
    Command::PayByWithdrawLink(PayByWithdrawLink {
        link: withdraw_link(link),
        withdrawal: withdrawal(opening),
        number,
        account,
        transfer: TransferId::new(fresh()),
        payment_hash: invoice.payment_hash,
        bolt11: invoice.bolt11.clone().unwrap_or_default(),
        extra: None,
        webhook: None,
        send: None,
    })
}

/// How many invoices of a wallet may wait to be paid, of those that no key has asked for.
pub(crate) const OPEN_MAX: u32 = 2;

/// An invoice for an origin that is paid this many msat at most.
pub(crate) fn issue_within(invoice: NewInvoice, total_msat: i64) -> Command {
    let total_max = Some(Amount::from_msat(total_msat).unwrap());
    let origin = OriginId::new([241; 16]);
    Command::IssueForLink(IssueForLink { invoice, origin, open_max: 100, total_max })
}

pub(crate) fn issue_for_link(invoice: NewInvoice) -> Command {
    Command::IssueForLink(IssueForLink {
        invoice,
        origin: OriginId::new([240; 16]),
        open_max: OPEN_MAX,
        total_max: None,
    })
}

pub(crate) fn pay_link(payer: AccountId, invoice: NewInvoice) -> Command {
    Command::PayLink(PayLink {
        authority: authority(payer),
        claim: None,
        transfer: TransferId::new(fresh()),
        invoice,
        origin: OriginId::new([240; 16]),
        extra: None,
        webhook: None,
        external_id: None,
    })
}

pub(crate) fn leg(from: AccountId, to: AccountId, msat: i64) -> Leg {
    let invoice = NewInvoice { bolt11: None, ..invoice(to, msat) };
    Leg { transfer: TransferId::new(fresh()), from, invoice, external_id: None }
}

pub(crate) fn transfer(authorized: AccountId, legs: Vec<Leg>) -> Command {
    Command::Transfer(Transfer { authority: manager(authorized), claim: None, legs })
}

pub(crate) fn credit(to: AccountId, msat: i64) -> Command {
    Command::Adjust(Adjust { leg: leg(AccountId::ISSUANCE, to, msat), session: None, claim: None })
}

pub(crate) fn debit(from: AccountId, msat: i64) -> Command {
    Command::Adjust(Adjust { leg: leg(from, AccountId::ISSUANCE, msat), session: None, claim: None })
}

pub(crate) fn close(authorized: AccountId, users: &[UserId], wallets: &[AccountId], sweep: bool) -> Command {
    let wallets = wallets.iter().map(|id| wallet_to_close(*id, true)).collect();
    Command::Close(Close { by: Actor::Manager(manager(authorized)), users: users.to_vec(), wallets, sweep })
}

/// A wallet to delete, of a user whom the deleter or somebody below has created.
pub(crate) fn wallet_to_close(account: AccountId, is_own: bool) -> WalletToClose {
    WalletToClose { account, is_own, sweep: movement() }
}

/// How many wallets a random world has. Wallet `n` is user `n`'s only one.
pub(crate) const WALLETS: u8 = 5;

fn any_wallet() -> impl Strategy<Value = AccountId> {
    (0..WALLETS).prop_map(wallet)
}

/// The same command under an idempotency key.
pub(crate) fn under(mut command: Command, key: u8, request: u8) -> Command {
    let key = IdempotencyKey::from_slice(&[key; 32]).unwrap();
    let claim = Some(Claim { key, request: RequestDigest::from_slice(&[request; 32]).unwrap() });
    match &mut command {
        Command::CreateInvoice(create) => create.claim = claim,
        Command::Pay(pay) => pay.claim = claim,
        Command::Transfer(transfer) => transfer.claim = claim,
        Command::Adjust(adjust) => adjust.claim = claim,
        Command::PayLink(pay) => pay.claim = claim,
        Command::PlaceHolds(place) => place.claim = claim,
        Command::SettleHolds(settle) => settle.claim = claim,
        Command::Close(_)
        | Command::IssueForLink(_)
        | Command::PayByCard(_)
        | Command::EndSend(_)
        | Command::Receive(_)
        | Command::PayByWithdrawLink(_)
        | Command::ExpireHolds(_)
        | Command::SettleHeld(_)
        | Command::CancelHeld(_) => {}
    }
    command
}

/// The same command with an external id: all legs of a transfer have the same.
pub(crate) fn named(mut command: Command, name: u8) -> Command {
    let id = Some(ExternalId::new(format!("order-{name}")).unwrap());
    match &mut command {
        Command::CreateInvoice(create) => create.invoice.external_id = id,
        Command::Pay(pay) => pay.external_id = id,
        Command::PayLink(pay) => pay.external_id = id,
        Command::Transfer(transfer) => transfer.legs.iter_mut().for_each(|leg| leg.external_id.clone_from(&id)),
        Command::Adjust(_)
        | Command::Close(_)
        | Command::IssueForLink(_)
        | Command::PayByCard(_)
        | Command::EndSend(_)
        | Command::Receive(_)
        | Command::PayByWithdrawLink(_)
        | Command::PlaceHolds(_)
        | Command::SettleHolds(_)
        | Command::ExpireHolds(_)
        | Command::SettleHeld(_)
        | Command::CancelHeld(_) => {}
    }
    command
}

/// A random command on these invoices, now and then under one of a few idempotency keys, and with
/// one of a few external ids.
pub(crate) fn any_command(invoices: Vec<NewInvoice>, holds: Vec<NewHold>) -> impl Strategy<Value = Command> {
    let on_holds = any_hold_command(holds, invoices.clone());
    let any = prop_oneof![3 => any_plain_command(invoices), 1 => on_holds];
    let claim = proptest::option::weighted(0.3, (0..3u8, 0..2u8));
    let name = proptest::option::weighted(0.3, 0..4u8);
    (any, claim, name).prop_map(|(mut command, claim, name)| {
        if let Some((key, request)) = claim {
            command = under(command, key, request);
        }
        match name {
            Some(name) => named(command, name),
            None => command,
        }
    })
}

fn any_plain_command(invoices: Vec<NewInvoice>) -> impl Strategy<Value = Command> {
    let amount = 1i64..2_000;
    let by_card = (0..=HITS, proptest::sample::select(invoices.clone()), 0..10u8).prop_map(|(tap, invoice, odd)| {
        let account = wallet(if odd == 0 { 3 } else { tap % 2 });
        pay_by_card(hit(tap), account, &invoice)
    });
    let by_link = (0..4u8, 0..20u8, proptest::option::of(0..4u32), proptest::sample::select(invoices.clone()), 0..10u8);
    let by_link = by_link.prop_map(|(link, opening, number, invoice, odd)| {
        let owner = if odd == 0 { 3 } else { link % 2 };
        withdraw((link, wallet(owner), number), opening, &invoice)
    });
    let pay_one = (any_wallet(), proptest::sample::select(invoices), 0..20u8).prop_map(|(payer, invoice, odd)| {
        let Command::Pay(mut pay) = pay(payer, &invoice) else { unreachable!() };
        match odd {
            0 => pay.bolt11.push('x'),
            1 => pay.payment_hash = PaymentHash::new([255; 32]),
            2 => pay.authority.keys_version = 7,
            _ => {}
        }
        Command::Pay(pay)
    });
    let legs = proptest::collection::vec((any_wallet(), any_wallet(), amount.clone()), 1..4);
    prop_oneof![
        8 => pay_one,
        4 => by_card,
        6 => by_link,
        1 => (any_wallet(), amount.clone()).prop_map(|(payee, msat)| issue_for_link(invoice(payee, msat))),
        2 => (any_wallet(), any_wallet(), amount.clone()).prop_map(|(from, to, msat)| pay_link(from, invoice(to, msat))),
        2 => (any_wallet(), amount.clone()).prop_map(|(payee, msat)| create(invoice(payee, msat))),
        3 => (any_wallet(), legs, 0..20u8).prop_map(|(authorized, legs, odd)| {
            let legs = legs.into_iter().map(|(from, to, msat)| leg(from, to, msat)).collect();
            let Command::Transfer(mut transfer) = transfer(authorized, legs) else { unreachable!() };
            // Of somebody who is not there.
            if odd == 0 {
                transfer.authority.manager = Some(user(77));
            }
            Command::Transfer(transfer)
        }),
        1 => (any_wallet(), amount.clone()).prop_map(|(to, msat)| credit(to, msat)),
        1 => (any_wallet(), amount).prop_map(|(from, msat)| debit(from, msat)),
        1 => (any_wallet(), 0..WALLETS, any::<bool>(), any::<bool>()).prop_map(|(authorized, index, user_too, sweep)| {
            let users = if user_too { vec![user(index)] } else { Vec::new() };
            close(authorized, &users, &[wallet(index)], sweep)
        }),
    ]
}

/// An invoice, perhaps an expired one, or a hold invoice.
fn any_invoice() -> impl Strategy<Value = NewInvoice> {
    (any_wallet(), 1i64..2_000, 0..8u8).prop_map(|(payee, msat, odd)| {
        let expires_at = if odd == 0 { NOW } else { NOW.plus_seconds(60) };
        let invoice = invoice(payee, msat);
        let preimage = invoice.preimage.clone().filter(|_| odd < 6);
        NewInvoice { expires_at, preimage, ..invoice }
    })
}

/// Invoices, some of them expired, and random commands on these and on others that the
/// commands themselves issue, and on holds that they place.
pub(crate) fn any_scenario(commands: usize) -> impl Strategy<Value = (Vec<NewInvoice>, Vec<Command>)> {
    let some = proptest::collection::vec(any_invoice(), 1..6);
    let late = proptest::collection::vec((any_invoice(), 0..commands), 0..4);
    let held = proptest::collection::vec((any_wallet(), any_hold(), 0..commands), 1..6);
    (some, late, held).prop_flat_map(move |(issued, late, held)| {
        let all: Vec<_> = issued.iter().chain(late.iter().map(|(invoice, _)| invoice)).cloned().collect();
        let holds = held.iter().map(|(_, hold, _)| hold.clone()).collect();
        let commands = proptest::collection::vec(any_command(all, holds), 1..commands);
        (Just(issued), Just(late), Just(held), commands).prop_map(|(issued, late, held, mut commands)| {
            for (authorized, hold, at) in held {
                commands.insert(at % (commands.len() + 1), place(authorized, vec![hold]));
            }
            for (invoice, at) in late {
                let command = if at % 2 == 0 { issue_for_link(invoice) } else { create(invoice) };
                commands.insert(at % (commands.len() + 1), command);
            }
            (issued, commands)
        })
    })
}
