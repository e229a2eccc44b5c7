//! Verifying users' passwords.

use std::net::IpAddr;

use crate::crypto::password::Password;
use crate::crypto::secret::Sealer;
use crate::domain::ids::UserId;
use crate::domain::login_throttle::{AT_ACCOUNT, Throttle};
use crate::domain::text::ClientName;
use crate::net::proxies::network_of;
use crate::services::callers::{AdminKey, Caller, Manager};
use crate::services::login_throttle::{Account, Attempt};
use crate::services::{Error, Missing, Services, UserWithWallets};
use crate::store::access::login_throttle::Subject;
use crate::store::{Db, users};

/// The user of the tenant, whose password it must be, as somebody says who comes from this client.
pub async fn verify(
    services: &Services,
    caller: Manager<AdminKey>,
    id: UserId,
    password: Password,
    client: Option<&ClientName>,
) -> Result<UserWithWallets, Error> {
    let tenant = caller.user();
    let find = move |connection: &mut Db| {
        caller.recheck(connection)?;
        users::find(connection, tenant, id)
    };
    services.store.read(find).await.map_err(Error::of(Missing::User))?;
    let guess = guess(&services.sealer, id, client);
    guess.check(services).await?;
    let turn = services.passwords.turn(caller.consumer()).await?;
    let look = move |connection: &mut Db| {
        find(connection)?;
        users::password_hash_of(connection, id)
    };
    let (hash, guess) = guess.count(services, caller.consumer(), look).await.map_err(Error::of(Missing::User))??;
    let judged = services.passwords.verify(turn, password, hash).await;
    // The turn is held until the count is settled.
    let (verified, turn) = guess.unless_ours(services, judged).await?;
    if !verified {
        return Err(Error::WrongPassword);
    }
    let right = guess.clone();
    let settled = services.write_as(caller, move |connection| right.succeed(connection)).await;
    guess.unless_ours(services, settled.map_err(Error::from)).await?;
    drop(turn);
    super::find(services, **caller, id).await
}

/// At what a try is counted: the user, and the user and where the player comes from. Digests, so
/// that the table tells nobody's address.
fn guess(sealer: &Sealer, user: UserId, client: Option<&ClientName>) -> Attempt {
    let subject = |throttle: Throttle, parts: &[&[u8]]| Subject { id: sealer.digest(parts).to_vec(), throttle };
    let own = client.map(|client| {
        // Who has one address of a network has all of them.
        let address = client.as_str().trim().parse().map(|address: IpAddr| network_of(address.to_canonical()));
        let from = address.unwrap_or_else(|_| client.as_str().as_bytes().to_vec());
        subject(AT_ACCOUNT, &[b"verify-from", user.as_bytes(), &from])
    });
    Attempt { from: None, account: Account::new(sealer, b"verify", user.as_bytes()), own }
}
