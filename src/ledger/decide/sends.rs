//! Payments to other nodes (promise I12). All that one may cost is held from the beginning; how it ends,
//! only the node says.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;

use super::Work;
use super::pay::PayerSide;
use super::posting::{Initiator, Posting, check_spending};
use crate::crypto::secret::Sealed;
use crate::domain::hold::{HoldState, HoldSums, MoveKind};
use crate::domain::ids::{AccountId, HoldId, PaymentHash, TransferId, UserId};
use crate::domain::money::{Amount, Msat};
use crate::domain::send::SendBounds;
use crate::domain::time::UnixMs;
use crate::domain::webhooks::EventKind;
use crate::ledger::command::{EndSend, NewMovement, NewSend, SendEnd};
use crate::ledger::outcome::{Paid, Rejection, SendEnded};
use crate::ledger::state::{
    HeldSend, Hold, HoldMoveRow, InFlight, Invoice, InvoiceState, NewSendRow, PaymentEvent, SendRow, TransferKind,
    Unfailed,
};

impl Work<'_> {
    /// Reserves what a payment to another node may cost.
    pub(super) fn send(
        &mut self,
        send: &NewSend,
        payer: AccountId,
        transfer: TransferId,
        side: PayerSide<'_>,
    ) -> Result<Paid, Rejection> {
        let hash = send.payment_hash;
        match self.unfailed(hash) {
            Some(Unfailed { is_settled: true, .. }) => return Err(Rejection::InvoiceAlreadyPaid),
            Some(Unfailed { is_settled: false, .. }) => return Err(Rejection::PaymentUnderWay),
            None => {}
        }
        if self.now >= send.expires_at {
            return Err(Rejection::InvoiceExpired);
        }
        let name = side.external_id.map(|id| (payer, id.clone()));
        if let Some(name) = &name {
            self.check_external_id(name, 0)?;
        }
        let cost = send.amount.incoming().with(send.fee_max).with(send.service_fee);
        let reserved = Amount::from_msat(cost.get()).or(Err(Rejection::InsufficientBalance { leg: 0 }))?;
        let mut staged = BTreeMap::new();
        let account = self.stage(&mut staged, payer, 0)?;
        check_spending(account, Initiator::Owner, reserved, 0, self.now)?;
        account.hold(reserved).ok_or(Rejection::InsufficientBalance { leg: 0 })?;
        let tenant = account.tenant;
        self.check_bounds(send.bounds, payer, tenant, reserved)?;

        self.accounts.extend(staged);
        self.external_ids.extend(name.map(|name| (name, hash)));
        let id = HoldId::from(transfer);
        self.count_under_way(payer, tenant, |under_way| under_way.and(reserved));
        self.sends.insert(hash, Some(Unfailed { hold: id, is_settled: false }));
        let row = NewSendRow { send: send.clone(), hold: id, account: payer, tenant, reserved };
        self.effects.sends.push(SendRow::New(Box::new(row)));
        self.open_hold(id, held(send, payer, reserved, side));
        Ok(Paid { row: id.into(), invoice: Box::new(shown(send, id)), at: self.now })
    }

    /// The payment to another node with this hash that has not failed.
    fn unfailed(&self, hash: PaymentHash) -> Option<Unfailed> {
        self.sends.get(&hash).copied().unwrap_or_else(|| self.snapshot.sends.get(&hash).copied())
    }

    fn check_bounds(
        &self,
        bounds: SendBounds,
        payer: AccountId,
        tenant: Option<UserId>,
        reserved: Amount,
    ) -> Result<(), Rejection> {
        let of_wallet = self.wallet_under_way(payer).and(reserved);
        let of_tenant = tenant.map(|tenant| self.tenant_under_way(tenant).and(reserved)).unwrap_or_default();
        let is_over = |of: InFlight, payments_max: u32, reserved_max: Option<Amount>| {
            of.payments > payments_max || reserved_max.is_some_and(|max| of.reserved > max.incoming())
        };
        if is_over(of_wallet, bounds.wallet_payments_max, bounds.wallet_reserved_max)
            || is_over(of_tenant, bounds.tenant_payments_max, bounds.tenant_reserved_max)
        {
            return Err(Rejection::TooMuchUnderWay);
        }
        Ok(())
    }

    fn wallet_under_way(&self, wallet: AccountId) -> InFlight {
        let now = self.under_way.wallets.get(&wallet);
        now.or_else(|| self.snapshot.under_way.wallets.get(&wallet)).copied().unwrap_or_default()
    }

    fn tenant_under_way(&self, tenant: UserId) -> InFlight {
        let now = self.under_way.tenants.get(&tenant);
        now.or_else(|| self.snapshot.under_way.tenants.get(&tenant)).copied().unwrap_or_default()
    }

    fn count_under_way(&mut self, wallet: AccountId, tenant: Option<UserId>, change: impl Fn(InFlight) -> InFlight) {
        let of_wallet = change(self.wallet_under_way(wallet));
        self.under_way.wallets.insert(wallet, of_wallet);
        if let Some(tenant) = tenant {
            let of_tenant = change(self.tenant_under_way(tenant));
            self.under_way.tenants.insert(tenant, of_tenant);
        }
    }

    /// Ends a payment to another node.
    pub(super) fn end_send(&mut self, end: &EndSend) -> Result<SendEnded, Rejection> {
        let not_found = Rejection::HoldNotFound { hold: end.hold };
        let hold = self.hold(end.hold).cloned().ok_or(not_found)?;
        let send = hold.send.clone().ok_or(not_found)?;
        match (&end.end, hold.sums.state) {
            (SendEnd::Settled { fee, preimage, movements }, HoldState::Open) => {
                self.settle_send(end, hold, &send, *fee, preimage, movements)
            }
            (SendEnd::Settled { fee, movements, .. }, HoldState::Voided | HoldState::Expired) => {
                self.settle_late(end, &hold, &send, *fee, movements)
            }
            (SendEnd::Failed, HoldState::Open) => {
                self.fail_send(end, hold, &send);
                Ok(SendEnded::Now)
            }
            (SendEnd::Settled { .. }, HoldState::Captured)
            | (SendEnd::Failed, HoldState::Captured | HoldState::Voided | HoldState::Expired) => Ok(SendEnded::Before),
        }
    }

    /// The payer pays what was sent and what it has cost, but never more than was reserved; the operator
    /// pays what a node has spent beyond.
    fn settle_send(
        &mut self,
        end: &EndSend,
        hold: Hold,
        send: &HeldSend,
        fee: Msat,
        preimage: &Sealed,
        movements: &[NewMovement; 3],
    ) -> Result<SendEnded, Rejection> {
        let id = end.hold;
        let fee_max = send.fee.without(send.service_fee);
        let charged = fee.min(fee_max).with(send.service_fee);
        let not_found = Rejection::HoldNotFound { hold: id };
        let paid = Amount::from_stored(send.amount.incoming().with(charged).get()).or(Err(not_found))?;
        let sums = hold.sums.capture(paid).ok_or(not_found)?;

        let [sent, service, beyond] = movements;
        let sent = NewMovement { transfer: id.sent(), ..sent.clone() };
        let mut legs =
            vec![(sent.leg(hold.account, AccountId::LIGHTNING, paid, hold.memo.clone(), self.now), TransferKind::Sent)];
        if let Ok(amount) = Amount::from_stored(send.service_fee.get()) {
            let leg = service.leg(AccountId::LIGHTNING, AccountId::FEES, amount, String::new(), self.now);
            legs.push((leg, TransferKind::ServiceFee));
        }
        if let Ok(amount) = Amount::from_stored(fee.without(fee_max).get()) {
            let leg = beyond.leg(AccountId::ADJUSTMENTS, AccountId::LIGHTNING, amount, String::new(), self.now);
            legs.push((leg, TransferKind::Sent));
        }
        let postings: Vec<_> = legs
            .iter()
            .map(|(leg, kind)| Posting {
                is_held: leg.from == hold.account,
                webhook: hold.webhook.as_deref().filter(|_| leg.from == hold.account),
                ..Posting::direct(leg, *kind, Initiator::Operator)
            })
            .collect();
        self.post(&postings)?;
        for (leg, _) in &legs {
            self.issue_paid(&leg.invoice);
        }
        let rest = sums.remaining();
        let send = HeldSend { fee: charged, preimage: Some(preimage.clone()), ..send.clone() };
        let hold = Hold { send: Some(Box::new(send)), ..hold };
        let hold = self.move_hold(id, hold, sums, MoveKind::Captured, paid, Some(id.sent()));
        self.end(end, hold, rest, MoveKind::Released);
        Ok(SendEnded::Now)
    }

    /// Nothing has left.
    fn fail_send(&mut self, end: &EndSend, hold: Hold, send: &HeldSend) {
        let (account, has_webhook) = (hold.account, hold.webhook.is_some());
        self.give_use_back(end.hold);
        self.give_back_to_card(end.hold, send.amount);
        let rest = hold.sums.remaining();
        let send = HeldSend { fee: Msat::ZERO, ..send.clone() };
        self.end(end, Hold { send: Some(Box::new(send)), ..hold }, rest, MoveKind::Voided);
        let kind = EventKind::PaymentFailed;
        if has_webhook || self.account(account).is_some_and(|account| account.subscribed.contains(kind)) {
            self.effects.events.push(PaymentEvent { kind, account, row: end.hold.into() });
        }
    }

    /// Gives back what is left of the reserve, which then counts against no limit any more.
    fn end(&mut self, end: &EndSend, hold: Hold, rest: Msat, kind: MoveKind) {
        let (id, account, reserved) = (end.hold, hold.account, hold.sums.amount);
        let tenant = self.account(account).and_then(|account| account.tenant);
        self.count_under_way(account, tenant, |under_way| under_way.without(reserved));
        let is_settled = kind == MoveKind::Released;
        self.sends.insert(end.payment_hash, is_settled.then_some(Unfailed { hold: id, is_settled }));
        self.effects.sends.push(SendRow::Ended { hold: id, is_settled, note: end.note.clone() });
        let Ok(amount) = Amount::from_stored(rest.get()) else {
            self.holds.insert(id, hold);
            return;
        };
        self.give_back(account, amount);
        if let Some(account) = self.accounts.get_mut(&account) {
            account.spent = account.spent.without(rest, id.placed_at());
        }
        let sums = hold.sums.after(kind, amount);
        let hold = self.move_hold(id, hold, sums, kind, amount, None);
        self.holds.insert(id, hold);
    }

    fn move_hold(
        &mut self,
        id: HoldId,
        hold: Hold,
        sums: HoldSums,
        kind: MoveKind,
        amount: Amount,
        transfer: Option<TransferId>,
    ) -> Hold {
        let moves = hold.moves.saturating_add(1);
        self.effects.hold_moves.push(HoldMoveRow { id: id.at_move(moves), kind, amount, transfer });
        Hold { sums, moves, ..hold }
    }

    /// Books a payment that has arrived after it was reported as failed: the payer pays if it can, but never more
    /// than was reserved, and the operator what is beyond; or else the operator pays all.
    fn settle_late(
        &mut self,
        end: &EndSend,
        hold: &Hold,
        send: &HeldSend,
        fee: Msat,
        movements: &[NewMovement; 3],
    ) -> Result<SendEnded, Rejection> {
        let not_found = Rejection::HoldNotFound { hold: end.hold };
        if send.is_late || self.late.contains(&end.hold) {
            return Ok(SendEnded::Before);
        }
        let cost = |fee: Msat| Amount::from_stored(send.amount.incoming().with(fee).get()).or(Err(not_found));
        let reserved_for_fee = hold.sums.amount.incoming().without(send.amount.incoming()).without(send.service_fee);
        let charged = fee.min(reserved_for_fee);
        let [sent, _, beyond] = movements;
        let memo = format!("Arrived after it had been reported as failed: {}", hold.memo);
        let now = self.now;
        let leg = |of: &NewMovement, from, amount| of.leg(from, AccountId::LIGHTNING, amount, memo.clone(), now);
        let by_payer = leg(sent, hold.account, cost(charged)?);
        let is_by_payer = self.post_legs(&[by_payer], TransferKind::Payment, |_| Initiator::Operator).is_ok();
        let by_operator = if is_by_payer {
            let rest = Amount::from_stored(fee.without(charged).get()).ok();
            rest.map(|rest| leg(beyond, AccountId::ADJUSTMENTS, rest))
        } else {
            Some(leg(sent, AccountId::ADJUSTMENTS, cost(fee)?))
        };
        if let Some(by_operator) = by_operator {
            self.post_legs(&[by_operator], TransferKind::Sent, |_| Initiator::Operator)?;
        }
        self.late.insert(end.hold);
        // Unless another attempt is under way or has arrived, of which there is at most one.
        let is_settled = self.unfailed(end.payment_hash).is_none();
        if is_settled {
            self.sends.insert(end.payment_hash, Some(Unfailed { hold: end.hold, is_settled }));
        }
        self.effects.sends.push(SendRow::Late { hold: end.hold, is_settled, note: end.note.clone() });
        Ok(SendEnded::Late { is_by_payer })
    }
}

fn held(send: &NewSend, payer: AccountId, reserved: Amount, side: PayerSide<'_>) -> Hold {
    let fee = send.fee_max.with(send.service_fee);
    Hold {
        account: payer,
        manager: None,
        group: None,
        payment_hash: send.payment_hash,
        invoice: None,
        sums: HoldSums::placed(reserved),
        moves: 1,
        memo: send.memo.clone(),
        extra: side.extra.cloned(),
        webhook: side.webhook.map(str::to_owned),
        external_id: side.external_id.cloned(),
        send: Some(Box::new(HeldSend {
            bolt11: send.bolt11.clone(),
            amount: send.amount,
            fee,
            service_fee: send.service_fee,
            preimage: None,
            is_late: false,
        })),
        expires_at: send.expires_at,
    }
}

/// The invoice as the payer sees it.
fn shown(send: &NewSend, hold: HoldId) -> Invoice {
    Invoice {
        id: hold.foreign_invoice(),
        payee: AccountId::LIGHTNING,
        amount: send.amount,
        state: InvoiceState::Held,
        bolt11: Some(send.bolt11.clone()),
        memo: send.memo.clone(),
        preimage: None,
        created_at: UnixMs::new(0),
        expires_at: send.expires_at,
        has_webhook: false,
        origin: None,
        at_node: None,
    }
}
