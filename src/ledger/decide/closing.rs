//! Deleting wallets and users.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::HashSet;

use super::Work;
use super::posting::Initiator;
use crate::domain::ids::{AccountId, UserId};
use crate::domain::money::Amount;
use crate::ledger::command::{Actor, Close, Leg, NewInvoice, WalletToClose};
use crate::ledger::outcome::{Closed, Rejection};
use crate::ledger::state::{Closure, TransferKind, User};

impl Work<'_> {
    pub(super) fn close(&mut self, close: &Close) -> Result<Closed, Rejection> {
        self.check_users(close)?;
        let (wallets, users) = (self.wallets_to_close(close), self.users_to_delete(close));
        let mut sweeps = Vec::new();
        for (leg, wallet) in &wallets {
            sweeps.extend(self.sweep(close, wallet, *leg)?);
        }
        let above: HashSet<_> = close.wallets.iter().filter(|it| !it.is_own).map(|it| it.account).collect();
        let by = |leg: &Leg| if above.contains(&leg.from) { Initiator::Above } else { Initiator::Manager };
        self.post_legs(&sweeps, TransferKind::Sweep, by)?;
        let accounts: Vec<_> = wallets.iter().map(|(_, wallet)| wallet.account).collect();
        for id in &accounts {
            let mut account = self.open_account(*id, 0)?.clone();
            account.open = false;
            self.accounts.insert(*id, account);
        }
        self.closed_users.extend(&users);
        self.effects.closures.push(Closure { accounts, users });
        Ok(Closed)
    }

    /// The wallets to delete, each with its position. Of those that go with their users, some may be
    /// gone already: nobody keeps its deletion from settling by deleting its own wallets.
    fn wallets_to_close<'c>(&self, close: &'c Close) -> Vec<(usize, &'c WalletToClose)> {
        let is_left = |account: AccountId| close.users.is_empty() || self.is_open(account);
        close.wallets.iter().enumerate().filter(|(_, wallet)| is_left(wallet.account)).collect()
    }

    /// The users to delete; some of those below the first one may be gone already.
    fn users_to_delete(&self, close: &Close) -> Vec<UserId> {
        close.users.iter().copied().filter(|id| self.user(*id).is_some()).collect()
    }

    fn is_open(&self, account: AccountId) -> bool {
        self.account(account).is_some_and(|account| account.open)
    }

    /// Checks that a wallet may be deleted. Returns the movement that empties it if it holds money.
    fn sweep(&self, close: &Close, wallet: &WalletToClose, leg: usize) -> Result<Option<Leg>, Rejection> {
        let account = self.open_account(wallet.account, leg)?;
        let caller = close.by.authority().map(|authority| authority.account);
        let sweep_to = caller.filter(|to| close.sweep && *to != wallet.account);
        let amount = Amount::from_stored(account.balance.get()).ok();
        if amount.is_some() && sweep_to.is_none() {
            return Err(Rejection::WalletHoldsMoney);
        }
        let by = match close.by {
            Actor::Operator(_) => Initiator::Operator,
            Actor::Owner(_) => Initiator::Owner,
            Actor::Manager(_) | Actor::Login(_) if wallet.is_own => Initiator::Manager,
            Actor::Manager(_) | Actor::Login(_) => Initiator::Above,
        };
        if by.bound_by(account.freezes).is_some() {
            return Err(Rejection::WalletFrozen { leg });
        }
        let Some((amount, payee)) = amount.zip(sweep_to) else { return Ok(None) };
        let sweep = &wallet.sweep;
        Ok(Some(Leg {
            external_id: None,
            transfer: sweep.transfer,
            from: wallet.account,
            invoice: NewInvoice::direct(
                sweep.invoice,
                sweep.payment_hash,
                sweep.preimage.clone(),
                payee,
                amount,
                "Sweep of a deleted wallet".to_owned(),
                self.now,
            ),
        }))
    }

    fn user(&self, id: UserId) -> Option<&User> {
        self.snapshot.users.get(&id).filter(|_| !self.closed_users.contains(&id))
    }

    /// The command must name all that exists: for each of its users, all the users they have created,
    /// at any depth, and all of their wallets. And nothing else, but what is gone already.
    fn check_users(&self, close: &Close) -> Result<(), Rejection> {
        let Some(first) = close.users.first() else { return Ok(()) };
        self.user(*first).ok_or(Rejection::UserNotFound)?;
        let named: HashSet<_> = close.users.iter().collect();
        let mut wallets = HashSet::new();
        for id in &close.users {
            let Some(user) = self.user(*id) else { continue };
            let is_left_out = |id: &UserId| !named.contains(id) && !self.closed_users.contains(id);
            if user.users.iter().any(is_left_out) {
                return Err(match close.by {
                    Actor::Manager(_) | Actor::Owner(_) | Actor::Login(_) => Rejection::WalletsChanged,
                    Actor::Operator(_) => Rejection::UserHasUsers,
                });
            }
            // If a wallet's account was not read, the command did not know of it.
            wallets.extend(user.wallets.iter().filter(|id| self.account(**id).is_none_or(|account| account.open)));
        }
        let named: HashSet<_> = close.wallets.iter().map(|wallet| &wallet.account).collect();
        let is_strange = |id: &&AccountId| !wallets.contains(*id) && self.is_open(**id);
        let is_all = wallets.is_subset(&named) && !named.iter().any(is_strange);
        if is_all { Ok(()) } else { Err(Rejection::WalletsChanged) }
    }
}
