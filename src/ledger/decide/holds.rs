//! Holds: placing, capturing, voiding and expiring them (promise I11).
//!
//! Placing and giving back move no money. A capture is a transfer that is paid out of what is held.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;

use super::Work;
use super::posting::{Initiator, Posting, check_spending};
use crate::domain::extra::Extra;
use crate::domain::hold::{HoldState, HoldSums, MoveKind};
use crate::domain::ids::{AccountId, HoldId, HoldMoveId};
use crate::domain::money::Amount;
use crate::domain::webhooks::EventKind;
use crate::ledger::command::{
    CaptureHold, ExpireHolds, GROUP_HOLDS_MAX, GROUP_READ_MAX, Leg, NewHold, PlaceHolds, SettleHolds,
};
use crate::ledger::outcome::{Expired, HoldsChanged, Rejection};
use crate::ledger::state::{Hold, HoldMoveRow, PaymentEvent, TransferKind};

/// The most moves of a hold before it is closed: it is placed, and captured up to 1000 times. What
/// then remains can always be given back.
const MOVES_MAX: u16 = 1001;
/// The most moves that the holds of one settlement may have together: an answer tells of all.
const SETTLED_MOVES_MAX: u64 = 20_000;

/// What a command does to holds, before it is known whether all of it can be done.
#[derive(Default)]
struct Plan {
    holds: BTreeMap<HoldId, Hold>,
    moves: Vec<HoldMoveRow>,
    /// What is paid out.
    legs: Vec<Leg>,
    /// What is given back, and to which accounts.
    returned: Vec<(AccountId, Amount)>,
    /// Each hold that the command settles, in order, with what is to be told of it.
    settled: Vec<(HoldId, EventKind)>,
}

impl Plan {
    /// Adds a move of a hold.
    fn step(
        &mut self,
        id: HoldId,
        mut hold: Hold,
        sums: HoldSums,
        (kind, amount): (MoveKind, Amount),
        leg: Option<Leg>,
    ) -> Result<Hold, Rejection> {
        let is_allowed = |moves: &u16| kind != MoveKind::Captured || *moves <= MOVES_MAX;
        let moves = hold.moves.checked_add(1).filter(is_allowed);
        hold.moves = moves.ok_or(Rejection::TooManyCaptures { hold: id })?;
        hold.sums = sums;
        let transfer = leg.as_ref().map(|leg| leg.transfer);
        self.moves.push(HoldMoveRow { id: id.at_move(hold.moves), kind, amount, transfer });
        match leg {
            Some(leg) => self.legs.push(leg),
            None => self.returned.push((hold.account, amount)),
        }
        Ok(hold)
    }

    /// Closes a hold and gives back what remains, if anything does.
    fn close(&mut self, id: HoldId, hold: Hold, kind: MoveKind) -> Result<Hold, Rejection> {
        match hold.sums.remaining_amount() {
            Some(rest) => {
                let sums = hold.sums.after(kind, rest);
                self.step(id, hold, sums, (kind, rest), None)
            }
            None => Ok(hold),
        }
    }

    fn settled(&mut self, id: HoldId, hold: Hold, event: EventKind) {
        self.holds.insert(id, hold);
        if !self.settled.contains(&(id, event)) {
            self.settled.push((id, event));
        }
    }
}

impl Work<'_> {
    pub(super) fn place_holds(&mut self, place: &PlaceHolds) -> Result<HoldsChanged, Rejection> {
        let mut staged = BTreeMap::new();
        for (leg, new) in place.holds.iter().enumerate() {
            let is_own = new.account == place.authority.account;
            let by = if is_own { Initiator::Owner } else { Initiator::Manager };
            let account = self.stage(&mut staged, new.account, leg)?;
            check_spending(account, by, new.amount, leg, self.now)?;
            account.hold(new.amount).ok_or(Rejection::InsufficientBalance { leg })?;
        }
        self.accounts.extend(staged);
        let open = |new: &NewHold| {
            let hold = Hold {
                account: new.account,
                manager: Some(place.manager),
                group: new.group.clone(),
                payment_hash: new.payment_hash,
                invoice: None,
                sums: HoldSums::placed(new.amount),
                moves: 1,
                memo: new.memo.clone(),
                extra: new.extra.clone(),
                webhook: None,
                external_id: None,
                send: None,
                expires_at: new.expires_at,
            };
            self.open_hold(new.id, hold)
        };
        Ok(HoldsChanged { holds: place.holds.iter().map(open).collect() })
    }

    /// Adds a hold whose money is held already.
    pub(super) fn open_hold(&mut self, id: HoldId, hold: Hold) -> HoldMoveId {
        let (placed, amount) = (id.at_move(hold.moves), hold.sums.amount);
        self.effects.hold_moves.push(HoldMoveRow { id: placed, kind: MoveKind::Placed, amount, transfer: None });
        if hold.send.is_none() {
            self.tell_of_hold(EventKind::HoldPlaced, hold.account, placed);
        }
        if let Some(place) = hold.manager.zip(hold.group.clone()) {
            self.groups.entry(place).or_default().insert(id);
        }
        if hold.invoice.is_some() {
            self.held_for.insert(hold.payment_hash, id);
        }
        self.holds.insert(id, hold);
        placed
    }

    pub(super) fn settle_holds(&mut self, settle: &SettleHolds) -> Result<HoldsChanged, Rejection> {
        let mut plan = Plan::default();
        for capture in &settle.captures {
            self.plan_capture(&mut plan, capture)?;
        }
        for id in &settle.voids {
            let hold = self.settleable(&plan, *id)?;
            let hold = plan.close(*id, hold, MoveKind::Voided)?;
            plan.settled(*id, hold, EventKind::HoldReleased);
        }
        let group = settle.group.as_ref().and_then(|group| self.groups.get(group));
        if group.is_some_and(|group| group.len() > GROUP_READ_MAX) {
            // Not all of its holds may have been read.
            return Err(Rejection::GroupTooLarge);
        }
        let unnamed = group.into_iter().flatten().filter(|id| !plan.holds.contains_key(id));
        // Expired ones are for the sweeper.
        let open: Vec<_> = unnamed.filter_map(|id| Some((*id, self.settleable(&plan, *id).ok()?))).collect();
        if open.len() > GROUP_HOLDS_MAX {
            return Err(Rejection::GroupTooLarge);
        }
        for (id, hold) in open {
            let hold = plan.close(id, hold, MoveKind::Voided)?;
            plan.settled(id, hold, EventKind::HoldReleased);
        }
        let moves: u64 = plan.holds.values().map(|hold| u64::from(hold.moves)).sum();
        if moves > SETTLED_MOVES_MAX
            && let Some((hold, _)) = plan.holds.iter().max_by_key(|(_, hold)| hold.moves)
        {
            return Err(Rejection::TooManyCaptures { hold: *hold });
        }
        self.carry_out(plan)
    }

    fn plan_capture(&self, plan: &mut Plan, capture: &CaptureHold) -> Result<(), Rejection> {
        let id = capture.hold;
        for payout in &capture.to {
            let hold = self.settleable(plan, id)?;
            let too_large = Rejection::CaptureTooLarge { hold: id, remaining: hold.sums.remaining() };
            let amount = payout.amount.or_else(|| hold.sums.remaining_amount()).ok_or(too_large)?;
            let sums = hold.sums.capture(amount).ok_or(too_large)?;
            let mut leg = payout.movement.leg(hold.account, payout.to, amount, hold.memo.clone(), self.now);
            leg.invoice.extra = Some(Extra::from_stored(format!(r#"{{"tag":"hold","hold":"{id}"}}"#)));
            let hold = plan.step(id, hold, sums, (MoveKind::Captured, amount), Some(leg))?;
            // What is paid out next has to find it open, unless nothing remains.
            plan.settled(id, hold, EventKind::HoldCaptured);
        }
        if capture.is_final
            && let Some(hold) = plan.holds.get(&id).cloned()
        {
            let hold = plan.close(id, hold, MoveKind::Released)?;
            plan.holds.insert(id, hold);
        }
        Ok(())
    }

    /// A hold that can be captured or voided now.
    fn settleable(&self, plan: &Plan, id: HoldId) -> Result<Hold, Rejection> {
        let hold = plan.holds.get(&id).or_else(|| self.hold(id)).ok_or(Rejection::HoldNotFound { hold: id })?;
        if hold.invoice.is_some() || hold.send.is_some() {
            return Err(Rejection::HoldOfInvoice { hold: id });
        }
        match hold.sums.state {
            HoldState::Open if self.now >= hold.expires_at => Err(Rejection::HoldExpired { hold: id }),
            HoldState::Expired => Err(Rejection::HoldExpired { hold: id }),
            HoldState::Open => Ok(hold.clone()),
            state @ (HoldState::Captured | HoldState::Voided) => Err(Rejection::HoldClosed { hold: id, state }),
        }
    }

    /// Does what was planned: all of it or nothing.
    fn carry_out(&mut self, plan: Plan) -> Result<HoldsChanged, Rejection> {
        let postings: Vec<_> = plan
            .legs
            .iter()
            .map(|leg| Posting { is_held: true, ..Posting::direct(leg, TransferKind::Capture, Initiator::Manager) })
            .collect();
        self.post(&postings)?;
        for leg in &plan.legs {
            self.issue_paid(&leg.invoice);
        }
        for (account, amount) in plan.returned {
            self.give_back(account, amount);
        }
        self.effects.hold_moves.extend(plan.moves);
        let mut holds = Vec::with_capacity(plan.settled.len());
        for (id, event) in plan.settled {
            let Some(hold) = plan.holds.get(&id) else { continue };
            let last = id.at_move(hold.moves);
            self.tell_of_hold(event, hold.account, last);
            if !holds.contains(&last) {
                holds.push(last);
            }
        }
        self.holds.extend(plan.holds);
        Ok(HoldsChanged { holds })
    }

    pub(super) fn expire_holds(&mut self, expire: &ExpireHolds) -> Result<Expired, Rejection> {
        let mut plan = Plan::default();
        for (id, _) in &expire.holds {
            let Some(hold) = self.hold(*id) else { continue };
            // How a payment to another node ends, only the node says.
            if hold.sums.state != HoldState::Open || self.now < hold.expires_at || hold.send.is_some() {
                continue;
            }
            let hold = hold.clone();
            if hold.invoice.is_some() {
                self.expire_held_invoice(hold.payment_hash);
            }
            let hold = plan.close(*id, hold, MoveKind::Expired)?;
            plan.settled(*id, hold, EventKind::HoldReleased);
        }
        let holds = self.carry_out(plan)?.holds.len();
        Ok(Expired { holds })
    }

    /// Makes what was held available again.
    pub(super) fn give_back(&mut self, account: AccountId, amount: Amount) {
        let Some(mut changed) = self.account(account).cloned() else { return };
        changed.give_back(amount);
        self.accounts.insert(account, changed);
    }

    pub(super) fn tell_of_hold(&mut self, kind: EventKind, account: AccountId, last: HoldMoveId) {
        if self.account(account).is_some_and(|account| account.subscribed.contains(kind)) {
            self.effects.events.push(PaymentEvent { kind, account, row: last.into() });
        }
    }
}
