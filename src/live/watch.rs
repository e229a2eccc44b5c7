//! The state of one invoice, for whoever waits for its payment.

use std::sync::Arc;

use super::feed::NotOpened;
use super::hub::{End, Hub, Listener, Topic};
use crate::domain::ids::PaymentHash;
use crate::store::payments::Payment;
use crate::store::{Store, StoreError, live};

/// An invoice that is being watched.
pub struct InvoiceWatch {
    store: Store,
    listener: Listener,
    payee: Payment,
}

impl InvoiceWatch {
    /// Listens to an invoice; `None` if it does not exist.
    pub async fn open(store: Store, hub: &Arc<Hub>, hash: PaymentHash) -> Result<Option<Self>, NotOpened> {
        let owner = store.read(move |connection| live::owner(connection, hash)).await?;
        let Some((invoice, consumer)) = owner else { return Ok(None) };
        let listener = hub.listen(Topic::Invoice(invoice), consumer, 0)?;
        // Read only now: the invoice could be paid before the listener is registered.
        let payee = find(&store, hash).await?;
        Ok(payee.map(|payee| Self { store, listener, payee }))
    }

    /// The invoice as its payee sees it, as of the last look.
    pub const fn invoice(&self) -> &Payment {
        &self.payee
    }

    /// Waits until there may be something new, or the stream must end.
    pub async fn woken(&self) {
        self.listener.woken().await;
    }

    /// Why the stream must end, if it must.
    pub fn must_end(&self) -> Option<End> {
        self.listener.must_end()
    }

    /// Reads the invoice again. If the database is unavailable, the sweep wakes the listener again.
    pub async fn look_again(&mut self) {
        match find(&self.store, self.payee.payment_hash).await {
            Ok(Some(found)) => self.payee = found,
            Ok(None) => tracing::warn!("an invoice that was watched is gone"),
            Err(error) => tracing::warn!(%error, "an invoice could not be looked at"),
        }
    }
}

/// The payee's side of a payment.
async fn find(store: &Store, hash: PaymentHash) -> Result<Option<Payment>, StoreError> {
    Ok(store.sides(hash).await?.into_iter().next())
}
