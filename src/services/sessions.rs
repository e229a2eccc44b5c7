//! Signing up, logging in with a password, and out again.

use std::net::IpAddr;

use super::callers::{Caller, FullAccess, Session};
use super::login_throttle::{Account, Attempt};
use super::operators::accounts::NewManager;
use super::{Error, Services, UserWithWallets, WalletWithKeys};
use crate::clock;
use crate::crypto::password::Password;
use crate::crypto::secret::Sealer;
use crate::domain::consumer::Consumer;
use crate::domain::ids::UserId;
use crate::domain::login_throttle::{AT_ACCOUNT, FROM_ADDRESS, SIGN_UP, Throttle};
use crate::domain::session::SessionToken;
use crate::domain::text::{Name, Username};
use crate::net::proxies::network_of;
use crate::store::access::login_throttle::{self, Subject};
use crate::store::access::sessions;
use crate::store::{Db, StoreError, users};

/// Begins a session of the manager or operator whose user name and password these are. The name is
/// whatever somebody who comes from this address says.
pub async fn log_in(
    services: &Services,
    address: IpAddr,
    username: String,
    password: Password,
) -> Result<SessionToken, Error> {
    let network = network_of(address);
    let guess = guess(&services.sealer, &network, &username);
    guess.check(services).await?;
    let turn = services.passwords.login_turn(network).await?;
    let username = Username::new(username).ok();
    // Counted whether or not there is anybody of that name.
    let look = move |connection: &mut Db| match &username {
        Some(username) => sessions::login_of(connection, username),
        None => Ok(None),
    };
    let (found, guess) = guess.count(services, Consumer::STRANGERS, look).await??;
    let (user, hash) = found.map_or((None, None), |(user, hash)| (Some(user), hash));
    let judged = services.passwords.verify(turn, password, hash.clone()).await;
    // The turn is held until the session is open.
    let (verified, _turn) = guess.unless_ours(services, judged).await?;
    // Without a user or a hash nothing verifies; the order keeps the time the same.
    let (Some(user), Some(hash), true) = (user, hash, verified) else {
        return Err(Error::InvalidCredentials);
    };
    let token = SessionToken::generate();
    let digest = token.digest();
    let session_s = services.policy.session_s;
    let right = guess.clone();
    let open = move |connection: &mut Db| {
        let now = clock::now();
        right.succeed(connection)?;
        sessions::begin(connection, digest, user, &hash, now, now.plus_seconds(session_s))
    };
    let opened = services.store.write(Consumer::manager(user), open).await;
    guess.unless_ours(services, opened.map_err(not_found_is(Error::InvalidCredentials))).await?;
    Ok(token)
}

/// At what a try is counted: the address, the name, and both together. Digests, so that the table
/// tells nobody's name or address.
fn guess(sealer: &Sealer, network: &[u8], username: &str) -> Attempt {
    let name = username.to_ascii_lowercase();
    let subject = |throttle: Throttle, parts: &[&[u8]]| Subject { id: sealer.digest(parts).to_vec(), throttle };
    Attempt {
        from: Some(subject(FROM_ADDRESS, &[b"login-from", network])),
        account: Account::new(sealer, b"login", name.as_bytes()),
        own: Some(subject(AT_ACCOUNT, &[b"login-at-from", name.as_bytes(), network])),
    }
}

/// The user itself, with its own wallets.
pub async fn who_am_i(services: &Services, caller: FullAccess) -> Result<UserWithWallets, Error> {
    let sealer = services.sealer.clone();
    let found = services.store.read(move |connection| {
        let user = users::find_login(connection, caller.user())?;
        UserWithWallets::one(connection, &sealer, user)
    });
    found.await.map_err(not_found_is(Error::BadAuth))
}

/// Ends a session, on every replica.
pub async fn log_out(services: &Services, session: Session) -> Result<(), Error> {
    Ok(services.write_as(session, move |connection| sessions::end(connection, session.digest())).await?)
}

/// What somebody who has logged in wants as a new password, and who they say that they are.
#[derive(Debug)]
pub struct PasswordChange {
    /// The password that they log in with.
    pub old: Password,
    /// The one that they want to log in with.
    pub new: Password,
    /// What they log in as, where they say it.
    pub username: Option<String>,
}

/// Gives the user of a session a new password, for who knows the old one; all other sessions end.
/// Answers the user.
pub async fn change_password(
    services: &Services,
    session: Session,
    address: IpAddr,
    PasswordChange { old, new, username }: PasswordChange,
) -> Result<UserWithWallets, Error> {
    let user = who_am_i(services, session.full_access()).await?;
    let is_other = |name: &String| user.user.username.as_deref() != Some(name.trim().to_ascii_lowercase().as_str());
    if username.as_ref().is_some_and(is_other) {
        let message = "is not yours; an operator changes user names".to_owned();
        return Err(Error::Invalid { field: "username", message });
    }
    let network = network_of(address);
    let id = session.user();
    let guess = password_guess(&services.sealer, &network, id);
    guess.check(services).await?;
    let turn = services.passwords.login_turn(network).await?;
    let look = move |connection: &mut Db| users::password_hash_of(connection, id);
    let (hash, guess) = guess.count(services, session.consumer(), look).await??;
    let judged = services.passwords.verify(turn, old, hash.clone()).await;
    let (verified, turn) = guess.unless_ours(services, judged).await?;
    let (Some(hash), true) = (hash, verified) else { return Err(wrong_old_password()) };
    let hashed = services.passwords.hash_in(turn, new).await;
    let (new_hash, _turn) = guess.unless_ours(services, hashed).await?;
    let right = guess.clone();
    let changed = services.write_as(session, move |connection| {
        right.succeed(connection)?;
        sessions::change_password(connection, id, session.digest(), &hash, &new_hash, clock::now())
    });
    guess.unless_ours(services, changed.await.map_err(not_found_is(wrong_old_password()))).await?;
    tracing::info!(user = %id, "a password was changed");
    Ok(user)
}

/// At what a try at the old password is counted: whoever has a session must not find it out.
fn password_guess(sealer: &Sealer, network: &[u8], user: UserId) -> Attempt {
    let subject = |throttle: Throttle, parts: &[&[u8]]| Subject { id: sealer.digest(parts).to_vec(), throttle };
    Attempt {
        from: Some(subject(FROM_ADDRESS, &[b"login-from", network])),
        account: Account::new(sealer, b"old-password", user.as_bytes()),
        own: Some(subject(AT_ACCOUNT, &[b"old-password-from", user.as_bytes(), network])),
    }
}

fn wrong_old_password() -> Error {
    Error::Invalid { field: "password_old", message: "is not your password".to_owned() }
}

/// Makes sure that anybody may open an account.
pub fn check_sign_up(services: &Services) -> Result<(), Error> {
    if services.policy.allow_signup { Ok(()) } else { Err(Error::SignUpDisabled) }
}

/// Opens a manager account, where anybody may, for somebody who comes from this address; answers its
/// wallet, which has the same name.
pub async fn sign_up(services: &Services, address: IpAddr, name: Name) -> Result<WalletWithKeys, Error> {
    check_sign_up(services)?;
    let new = NewManager::named(&services.sealer, name);
    let id = services.sealer.digest(&[b"sign-up-from", &network_of(address)]).to_vec();
    let wallet = services.store.write(Consumer::STRANGERS, move |connection| {
        let subject = Subject { id, throttle: SIGN_UP };
        if let Err(wait) = login_throttle::attempt(connection, &[subject], clock::now())? {
            return Ok(Err(wait));
        }
        Ok(Ok(new.create(connection)?.wallet))
    });
    wallet.await?.map_err(Error::SignUpThrottled)
}

/// From an error of the store, where what was looked for is gone.
fn not_found_is(gone: Error) -> impl FnOnce(StoreError) -> Error {
    move |error| if matches!(error, StoreError::NotFound) { gone } else { error.into() }
}
