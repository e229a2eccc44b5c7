//! Looking up what most requests ask for: who holds a key, and the sides of a payment.
//!
//! SQLite answers from its pages in less time than another thread takes to wake, so it is
//! asked on the thread that wants to know, over a connection of the pool that is idle.
//! PostgreSQL is a round trip away, so what has been asked while it answered is asked in one
//! query: one thread of its own takes whatever has queued up. Nothing waits for a batch to
//! fill, and whatever is answered was read after it was asked.

use std::collections::HashMap;
use std::hash::Hash;
use std::thread;

use diesel::r2d2::ManageConnection as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::domain::api_keys::KeyDigest;
use crate::domain::ids::PaymentHash;
use crate::store::access::grants;
use crate::store::access::grants::Holder;
use crate::store::db::connection::{Database, Db};
use crate::store::db::error::StoreError;
use crate::store::db::pooled::{Manager, PooledConnection};
use crate::store::payments;
use crate::store::payments::Payment;
use crate::store::{POOL_TIMEOUT, Store};

/// Questions of one query at most.
const BATCH_MAX: usize = 256;

/// What was found of what was asked; what is missing is not there.
pub(crate) type Found<K, T> = HashMap<K, Result<T, StoreError>>;

/// Who holds a key, and what came of looking a payment up.
type Both = (Holder, Result<Vec<Payment>, StoreError>);

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

pub(crate) enum Question {
    Key(KeyDigest, Answer<Option<Holder>>),
    Payment(PaymentHash, Answer<Vec<Payment>>),
}

/// How a database is asked.
#[derive(Clone)]
pub(crate) enum Lookups {
    /// On the thread that wants to know.
    Here,
    /// Together with what others ask.
    Together(mpsc::UnboundedSender<Question>),
}

/// Finds what there is of what is asked, in one query.
type Find<K, T> = fn(&mut Db, &[K]) -> Result<Found<K, T>, StoreError>;

impl Lookups {
    /// The way that suits a database. The thread of PostgreSQL ends with the last sender.
    pub(crate) fn new(database: &Database) -> std::io::Result<Self> {
        match database {
            Database::Sqlite(_) => Ok(Self::Here),
            Database::Postgres(_) => {
                let (questions, asked) = mpsc::unbounded_channel();
                let batcher = LookupBatcher { manager: Manager::new(database.clone()), pooled: None };
                thread::Builder::new().name("lookups".to_owned()).spawn(move || batcher.run(asked))?;
                Ok(Self::Together(questions))
            }
        }
    }
}

impl Store {
    /// Who holds a key; nobody where it is unknown or revoked. The key of a wallet that is
    /// frozen for everything is refused.
    pub async fn holder(&self, digest: KeyDigest) -> Result<Option<Holder>, StoreError> {
        self.look_up(digest, grants::find, Question::Key).await
    }

    /// Both sides of a payment, the payee's first; only the payee's where it waits; nothing
    /// where there is no such payment. Who may see what of it, the caller decides.
    pub async fn sides(&self, hash: PaymentHash) -> Result<Vec<Payment>, StoreError> {
        self.look_up(hash, payments::find, Question::Payment).await
    }

    /// Who holds a key, and the sides of a payment: both at once, which costs less than one after
    /// the other. Nothing where nobody holds the key.
    pub async fn holder_and_sides(&self, digest: KeyDigest, hash: PaymentHash) -> Result<Option<Both>, StoreError> {
        match self.lookups {
            Lookups::Here => {
                let find = move |db: &mut Db| {
                    let Some(holder) = find_one(db, digest, grants::find)? else { return Ok(None) };
                    Ok(Some((holder, find_one(db, hash, payments::find))))
                };
                match self.pool.try_get() {
                    Some(mut pooled) => pooled.in_one_read(find),
                    None => self.read(find).await,
                }
            }
            Lookups::Together(_) => {
                let (holder, sides) = tokio::join!(self.holder(digest), self.sides(hash));
                Ok(holder?.map(|holder| (holder, sides)))
            }
        }
    }

    async fn look_up<K, T>(
        &self,
        key: K,
        find: Find<K, T>,
        question: fn(K, Answer<T>) -> Question,
    ) -> Result<T, StoreError>
    where
        K: Copy + Eq + Hash + Send + 'static,
        T: Default + Send + 'static,
    {
        let find = move |connection: &mut Db| find_one(connection, key, find);
        match &self.lookups {
            Lookups::Here => {
                if let Some(mut pooled) = self.pool.try_get() {
                    return find(&mut pooled.db).map_err(|error| pooled.explain(error));
                }
            }
            Lookups::Together(questions) => {
                let (answer, answered) = oneshot::channel();
                if questions.send(question(key, answer)).is_ok() {
                    match timeout(POOL_TIMEOUT, answered).await {
                        Ok(Ok(answer)) => return answer,
                        Ok(Err(_)) => {}
                        Err(_) => return Err(StoreError::Unavailable("lookups take too long".to_owned())),
                    }
                }
            }
        }
        // No connection is idle, or the thread has died: then as any other query.
        self.read(find).await
    }
}

fn find_one<K: Copy + Eq + Hash, T: Default>(connection: &mut Db, key: K, find: Find<K, T>) -> Result<T, StoreError> {
    take(&mut find(connection, &[key])?, &key)
}

/// What was found of one; where nothing is said of it, it is not there.
fn take<K: Eq + Hash, T: Default>(found: &mut Found<K, T>, key: &K) -> Result<T, StoreError> {
    found.remove(key).unwrap_or_else(|| Ok(T::default()))
}

/// Where questions are answered together.
struct LookupBatcher {
    manager: Manager,
    pooled: Option<PooledConnection>,
}

impl LookupBatcher {
    fn run(mut self, mut asked: mpsc::UnboundedReceiver<Question>) {
        while let Some(first) = asked.blocking_recv() {
            let mut keys: HashMap<KeyDigest, Vec<_>> = HashMap::new();
            let mut hashes: HashMap<PaymentHash, Vec<_>> = HashMap::new();
            let more = std::iter::from_fn(|| asked.try_recv().ok());
            for question in std::iter::once(first).chain(more).take(BATCH_MAX) {
                match question {
                    // They have waited too long.
                    Question::Key(_, answer) if answer.is_closed() => {}
                    Question::Payment(_, answer) if answer.is_closed() => {}
                    Question::Key(digest, answer) => keys.entry(digest).or_default().push(answer),
                    Question::Payment(hash, answer) => hashes.entry(hash).or_default().push(answer),
                }
            }
            self.answer(keys, grants::find);
            self.answer(hashes, payments::find);
        }
    }

    fn answer<K: Copy + Eq + Hash, T: Clone + Default>(&mut self, asked: HashMap<K, Vec<Answer<T>>>, find: Find<K, T>) {
        if asked.is_empty() {
            return;
        }
        let keys: Vec<K> = asked.keys().copied().collect();
        let mut found = match self.find(&keys, find) {
            // What is damaged of one must not harm those who have asked at the same time.
            Err(StoreError::Broken(_) | StoreError::Fault(_)) if keys.len() > 1 => {
                Ok(keys.iter().map(|key| (*key, self.find_one(*key, find))).collect())
            }
            found => found,
        };
        for (key, answers) in asked {
            let answer = match &mut found {
                Ok(found) => take(found, &key),
                Err(error) => Err(error.clone()),
            };
            for asker in answers {
                // One who has gone away does not need the answer.
                drop(asker.send(answer.clone()));
            }
        }
    }

    fn find_one<K: Copy + Eq + Hash, T: Default>(&mut self, key: K, find: Find<K, T>) -> Result<T, StoreError> {
        take(&mut self.find(&[key], find)?, &key)
    }

    /// Asks the database; once more over a new connection where the one at hand has died.
    fn find<K, T>(&mut self, keys: &[K], find: Find<K, T>) -> Result<Found<K, T>, StoreError> {
        let at_hand = self.pooled.is_some();
        match self.find_once(keys, find) {
            Err(StoreError::Unavailable(_)) if at_hand => self.find_once(keys, find),
            found => found,
        }
    }

    fn find_once<K, T>(&mut self, keys: &[K], find: Find<K, T>) -> Result<Found<K, T>, StoreError> {
        let mut pooled = match self.pooled.take() {
            Some(pooled) => pooled,
            None => self.manager.connect().map_err(|error| StoreError::Unavailable(error.to_string()))?,
        };
        let found = find(&mut pooled.db, keys).map_err(|error| pooled.explain(error));
        if !matches!(found, Err(StoreError::Unavailable(_))) {
            self.pooled = Some(pooled);
        }
        found
    }
}
