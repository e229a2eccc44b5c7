//! Hashing and verifying passwords, by turns: each takes a core and 19 MiB for tens of
//! milliseconds, and payments must go on.

use super::Error;
use crate::crypto::password::{HashError, Hasher, Password};
use crate::domain::consumer::{Consumer, Party};
use crate::domain::ids::UserId;
use crate::fairness::gate::{Gate, PATIENCE, Turn};
use crate::fairness::turns::{Limits, Share, Tenant};

/// Passwords of users that are hashed at once. What waits longer than its turn can take is
/// refused.
const PASSWORDS: Limits = Limits::new(2, 1024, 64);
/// Logins at once: these have turns of their own, so that nobody's users keep operators out.
const LOGINS: Limits = Limits::new(1, 1024, 64);

/// Hashes and verifies passwords.
#[derive(Debug)]
pub struct Passwords {
    hasher: Hasher,
    /// Where passwords of users take turns, by tenant.
    users: Gate<UserId>,
    /// Where logins take turns, by the network that they come from.
    logins: Gate<Vec<u8>>,
}

impl Passwords {
    pub(super) fn new(hasher: Hasher) -> Self {
        Self { hasher, users: Gate::new(PASSWORDS, PATIENCE), logins: Gate::new(LOGINS, PATIENCE) }
    }

    /// Hashes a password, where there is one, when it is the consumer's turn.
    pub async fn hash(&self, consumer: Consumer, password: Option<Password>) -> Result<Option<String>, Error> {
        let Some(password) = password else { return Ok(None) };
        let turn = self.turn(consumer).await?;
        let (hash, _turn) = self.beside(turn, move |hasher| hasher.hash(&password)).await?;
        Ok(Some(hash))
    }

    /// Waits for the turn to have a user's password judged.
    pub async fn turn(&self, consumer: Consumer) -> Result<Turn<UserId>, Error> {
        Ok(self.users.enter(consumer).await?)
    }

    /// Waits for the turn to log in from a network.
    pub async fn login_turn(&self, network: Vec<u8>) -> Result<Turn<Vec<u8>>, Error> {
        enter_by_network(&self.logins, network).await
    }

    /// Whether a password is the hashed one, for who has its turn, and gets it back.
    pub async fn verify<N: Tenant>(
        &self,
        turn: Turn<N>,
        password: Password,
        hash: Option<String>,
    ) -> Result<(bool, Turn<N>), Error> {
        self.beside(turn, move |hasher| hasher.verify(&password, hash.as_deref())).await
    }

    /// Hashes a password for who has a turn already, and gets it back: whoever waits for a second one
    /// meanwhile keeps others from the first.
    pub async fn hash_in<N: Tenant>(&self, turn: Turn<N>, password: Password) -> Result<(String, Turn<N>), Error> {
        self.beside(turn, move |hasher| hasher.hash(&password)).await
    }

    /// Works on a password on a thread of its own. The turn goes with the work, so that it is held
    /// until that is done, whether or not anybody still waits for it.
    async fn beside<T: Send + 'static, N: Tenant>(
        &self,
        turn: Turn<N>,
        work: impl FnOnce(&Hasher) -> Result<T, HashError> + Send + 'static,
    ) -> Result<(T, Turn<N>), Error> {
        let hasher = self.hasher;
        let worked = tokio::task::spawn_blocking(move || work(&hasher).map(|done| (done, turn)));
        Ok(worked.await.or(Err(Error::Unavailable))??)
    }
}

/// Waits for a network's turn, where nobody's key says whose share it is.
pub async fn enter_by_network(gate: &Gate<Vec<u8>>, network: Vec<u8>) -> Result<Turn<Vec<u8>>, Error> {
    let share = Share { tenant: network, party: Party::Manager };
    // It is no manager whose requests are too many, if it is that.
    gate.enter(share).await.or(Err(Error::TooManyCallers))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gate of users' passwords may be full for as long as it likes.
    #[tokio::test]
    async fn who_has_a_turn_waits_for_no_other_one() {
        let hasher = Hasher::new("19456".parse().unwrap(), "2".parse().unwrap());
        let passwords = Passwords::new(hasher);
        let own = passwords.login_turn(vec![1]).await.unwrap();
        let one = UserId::random();
        let full = [Consumer::of(one, one), Consumer::NOBODY].map(|consumer| passwords.turn(consumer));
        let full = futures_util::future::try_join_all(full).await.unwrap();
        let password = || Password::new("correct horse".to_owned()).unwrap();
        let (hash, own) = passwords.hash_in(own, password()).await.unwrap();
        let (is_right, own) = passwords.verify(own, password(), Some(hash)).await.unwrap();
        assert!(is_right);
        drop((own, full));
    }
}
