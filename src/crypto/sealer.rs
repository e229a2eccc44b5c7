//! The ring of master keys: one encrypts, and any number of others can still decrypt.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin_hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use parking_lot::RwLock;
use zeroize::Zeroizing;

use crate::crypto::random;
use crate::crypto::secret::{Mark, MasterKey, Purpose, Sealed, UnsealError};

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
/// How long a key that was not found is not looked for again.
const FIND_PAUSE: Duration = Duration::from_secs(1);

/// Looks for new master keys when a value cannot be decrypted with the known ones.
pub type FindKeys = dyn Fn() -> Vec<MasterKey> + Send + Sync;

/// Encrypts under one master key, and decrypts under all that it knows. Cheap to clone; adding a
/// key to one clone, or switching it, affects all of them.
#[derive(Clone)]
pub struct Sealer {
    ring: Arc<RwLock<Ring>>,
    digest_key: Arc<Zeroizing<[u8; 32]>>,
    find_keys: Option<Arc<FindKeys>>,
}

struct Ring {
    current: Arc<RingKey>,
    /// All keys, including the current one.
    keys: Vec<Arc<RingKey>>,
    /// The marks of keys that were not found, and when they were looked for.
    missed: Vec<(Mark, Instant)>,
}

/// The keys derived from a master key for encryption; wiped when dropped.
struct RingKey {
    cipher: XChaCha20Poly1305,
    mark: Mark,
}

impl RingKey {
    fn new(master: &MasterKey) -> Arc<Self> {
        let key = master.derive("satkeep/seal");
        Arc::new(Self { cipher: XChaCha20Poly1305::new((&*key).into()), mark: master.mark() })
    }
}

impl Ring {
    fn find(&self, mark: Mark) -> Option<Arc<RingKey>> {
        self.keys.iter().find(|key| key.mark == mark).map(Arc::clone)
    }

    fn has_just_missed(&self, mark: Mark) -> bool {
        self.missed.iter().any(|(missed, at)| *missed == mark && at.elapsed() < FIND_PAUSE)
    }

    fn miss(&mut self, mark: Mark) {
        self.missed.retain(|(missed, at)| *missed != mark && at.elapsed() < FIND_PAUSE);
        self.missed.push((mark, Instant::now()));
    }
}

impl Sealer {
    /// A sealer for one master key, which the digest key is also derived from.
    pub fn new(master: &MasterKey) -> Self {
        let current = RingKey::new(master);
        let ring = Ring { keys: vec![Arc::clone(&current)], current, missed: Vec::new() };
        Self { ring: Arc::new(RwLock::new(ring)), digest_key: Arc::new(master.digest_key()), find_keys: None }
    }

    /// The same, with a digest key that does not depend on the master key.
    #[must_use]
    pub fn with_digest_key(self, digest_key: Zeroizing<[u8; 32]>) -> Self {
        Self { digest_key: Arc::new(digest_key), ..self }
    }

    /// The same, with a way to find keys that it does not know yet.
    #[must_use]
    pub fn with_find_keys(self, find_keys: Arc<FindKeys>) -> Self {
        Self { find_keys: Some(find_keys), ..self }
    }

    /// Adds a master key, so that values encrypted under it can be decrypted.
    pub fn add(&self, master: &MasterKey) {
        let mut ring = self.ring.write();
        if ring.find(master.mark()).is_none() {
            ring.keys.push(RingKey::new(master));
        }
    }

    /// Encrypts with the key of this mark from now on. Fails if there is no such key.
    pub fn switch_to(&self, mark: Mark) -> Result<(), UnsealError> {
        let key = self.key_of(mark).ok_or(UnsealError)?;
        self.ring.write().current = key;
        Ok(())
    }

    /// The mark of the key that encrypts.
    pub fn mark(&self) -> Mark {
        self.ring.read().current.mark
    }

    /// HMAC-SHA256 of parts, in order, under a key that outlives master keys. Equal inputs have
    /// equal digests, but nobody without the key can find the input by trying.
    pub fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut engine = HmacEngine::<sha256::Hash>::new(self.digest_key.as_slice());
        for part in parts {
            // The lengths keep the parts distinct.
            engine.input(&part.len().to_be_bytes());
            engine.input(part);
        }
        Hmac::from_engine(engine).to_byte_array()
    }

    /// Encrypts `plain` for one purpose and one owner.
    ///
    /// # Panics
    ///
    /// Never: the cipher refuses only messages of more than 256 GiB.
    pub fn seal(&self, purpose: Purpose, owner: &[u8], plain: &[u8]) -> Sealed {
        let key = Arc::clone(&self.ring.read().current);
        let nonce: [u8; NONCE_BYTES] = random::bytes();
        let aad = [purpose.label(), owner].concat();
        let ciphertext = key
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .expect("the message is shorter than 256 GiB");
        Sealed::from_stored([&[VERSION], key.mark.as_bytes().as_slice(), &nonce, &ciphertext].concat())
    }

    /// Decrypts what [`Sealer::seal`] made for the same purpose and owner, under any known key.
    pub fn unseal(&self, purpose: Purpose, owner: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let (version, rest) = sealed.split_first().ok_or(UnsealError)?;
        let (mark, rest) = rest.split_first_chunk().ok_or(UnsealError)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(UnsealError)?;
        if *version != VERSION {
            return Err(UnsealError);
        }
        let key = self.key_of(Mark::new(*mark)).ok_or(UnsealError)?;
        let aad = [purpose.label(), owner].concat();
        key.cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &aad })
            .map(Zeroizing::new)
            .or(Err(UnsealError))
    }

    /// Decrypts what was encrypted under any known key, and encrypts it under the current one.
    pub fn reseal(&self, purpose: Purpose, owner: &[u8], sealed: &[u8]) -> Result<Sealed, UnsealError> {
        Ok(self.seal(purpose, owner, &self.unseal(purpose, owner, sealed)?))
    }

    /// The key of a mark, which may be newer than the ring. If it is not found, it is not looked
    /// for again at once, however many values are under it.
    fn key_of(&self, mark: Mark) -> Option<Arc<RingKey>> {
        let (known, has_just_missed) = {
            let ring = self.ring.read();
            (ring.find(mark), ring.has_just_missed(mark))
        };
        if known.is_some() || has_just_missed {
            return known;
        }
        for master in self.find_keys.as_ref()?() {
            self.add(&master);
        }
        let mut ring = self.ring.write();
        let found = ring.find(mark);
        if found.is_none() {
            ring.miss(mark);
        }
        found
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}
