//! What every start begins with: the database and its master key. Also use cases on top of these,
//! without a server.

use std::fs::File;
use std::future::Future;

use super::{StartupError, data_dirs};
use crate::config::Config;
use crate::crypto::secret::{MasterKey, Sealer};
use crate::domain::node::Node;
use crate::lightning;
use crate::master_key::{self, KeyRing, sources};
use crate::services::Services;
use crate::services::administrators::LocalAdministrator;
use crate::services::ledger::Ledger;
use crate::services::lightning::Lightning;
use crate::store::Store;
use crate::store::db::migrations;

/// The migrated database, and the master key that belongs to it.
#[derive(Debug)]
pub struct Base {
    /// The database.
    pub store: Store,
    /// The current master key.
    pub master: MasterKey,
    /// Encrypts and decrypts under the master key, and follows its rotation.
    pub sealer: Sealer,
}

impl Base {
    /// Opens the database, creating it if it does not exist, migrates it to the newest schema, and
    /// gets the master key.
    pub fn create(config: &Config) -> Result<Self, StartupError> {
        // The lock also covers the creation of the master key.
        let (store, _lock) = migrate(config)?;
        let ring = master_key::create(&store, &config.storage.data_dir)?;
        Ok(Self::of(store, ring))
    }

    /// Opens an existing database that has the newest schema and is bound to a master key.
    pub fn open(config: &Config) -> Result<Self, StartupError> {
        let store = open_store(config)?;
        let ring = master_key::open(&store, &config.storage.data_dir)?;
        Ok(Self::of(store, ring))
    }

    fn of(store: Store, KeyRing { master, sealer, .. }: KeyRing) -> Self {
        Self { store, master, sealer }
    }

    /// Use cases without a server, possibly beside running ones: ledger commands are settled
    /// immediately.
    pub fn on_the_spot(&self, config: &Config) -> (Services, LocalAdministrator) {
        let ledger = Ledger::OnTheSpot(self.store.clone());
        let node = Node::new(&self.master, config.money.network);
        let services = Services::new(self.store.clone(), ledger, node, self.sealer.clone(), config);
        (services, LocalAdministrator::holding(&self.master))
    }
}

/// Runs use cases on this thread, blocking it.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, StartupError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(StartupError::Runtime)?.block_on(work))
}

/// Opens the database, creating it if it does not exist, and migrates it to the newest schema.
/// Other processes that start on the same data directory wait until the lock is dropped.
pub fn migrate(config: &Config) -> Result<(Store, File), StartupError> {
    data_dirs::make(&config.storage).map_err(StartupError::DataDir)?;
    data_dirs::guard(&config.storage);
    let lock = sources::lock_file(&config.storage.data_dir, ".lock").map_err(StartupError::DataDir)?;
    lock.lock().map_err(StartupError::DataDir)?;
    let store = Store::open(config.storage.database())?;
    for migration in store.read_blocking(migrations::run)? {
        tracing::info!(migration, "migrated");
    }
    Ok((store, lock))
}

/// Opens an existing database, whatever schema it has.
pub fn open_any_store(config: &Config) -> Result<Store, StartupError> {
    if config.storage.database().sqlite_path().is_some_and(|path| !path.exists()) {
        return Err(StartupError::NoDatabase);
    }
    data_dirs::guard(&config.storage);
    let store = Store::open(config.storage.database())?;
    if store.read_blocking(migrations::is_untouched)? { Err(StartupError::NoDatabase) } else { Ok(store) }
}

/// Opens an existing database that has the newest schema.
pub fn open_store(config: &Config) -> Result<Store, StartupError> {
    let store = open_any_store(config)?;
    if store.read_blocking(migrations::pending)?.is_empty() { Ok(store) } else { Err(StartupError::OldSchema) }
}

/// The way to the Lightning node that is configured, if one is. Whether it answers, nobody knows yet.
pub fn lightning(config: &Config) -> Result<Lightning, StartupError> {
    let Some(settings) = &config.lightning.node else { return Ok(Lightning::default()) };
    Ok(Lightning::to(lightning::connect(settings)?, config.sending.terms()))
}
