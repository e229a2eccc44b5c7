//! The requests to send: built from the rows that a delivery is about, and signed.

use std::collections::{HashMap, HashSet};

use crate::clock;
use crate::crypto::secret::Sealer;
use crate::domain::hold_view::HoldView;
use crate::domain::ids::{EndpointId, HoldMoveId, InvoiceId, OwnerId, PaymentRow, WalletId};
use crate::domain::lnurl::webhook::WebhookHeaders;
use crate::domain::webhooks::{EventKind, OwnerKind, WebhookFormat, WebhookSecret};
use crate::net::targets::Target;
use crate::store::holds;
use crate::store::pay_links::{self, Hook};
use crate::store::payments::{self, Payment};
use crate::store::webhooks::claims::Claimed;
use crate::store::webhooks::endpoints;
use crate::store::webhooks::endpoints::Endpoint;
use crate::store::webhooks::{formats, secrets};
use crate::store::{Db, StoreError, withdraw_links};
use crate::webhooks::outbox::Outbox;
use crate::webhooks::post::Post;
use crate::webhooks::{payload, payload_lnbits, payload_pay_link, payload_withdraw};

/// A delivery that is ready to be sent, or the reason why it is not.
pub(super) enum Ready {
    Post(Box<Post>),
    /// Its endpoint is paused.
    Paused,
    /// Its endpoint has moved to another host.
    Moved(String),
    /// Its endpoint was deleted.
    Gone,
    /// The database is not available.
    Unready(String),
    /// A row is missing or damaged, or no key decrypts it: possibly a permanent problem.
    Unmakeable(String),
}

/// The data that requests are built from.
struct Parts {
    received: HashMap<InvoiceId, Payment>,
    holds: HashMap<HoldMoveId, HoldView>,
    endpoints: HashMap<EndpointId, Endpoint>,
    secrets: HashMap<OwnerId, Option<WebhookSecret>>,
    /// What pay links add to the webhooks of their invoices.
    links: HashMap<InvoiceId, Hook>,
    /// What withdraw links add to the webhooks of what they have paid, by the payers' rows.
    withdrawals: HashMap<PaymentRow, Hook>,
    /// The format of invoices' webhooks, for tenants that have chosen one.
    formats: HashMap<WalletId, WebhookFormat>,
    /// The format for all others.
    format: WebhookFormat,
}

/// What a link adds to its webhook.
enum OfLink<'a> {
    /// A pay link, to that of an invoice that it has given.
    Paid(&'a Hook),
    /// A withdraw link, to that of what it has paid.
    Withdrawn(&'a Hook),
}

impl<'a> OfLink<'a> {
    const fn hook(&self) -> &'a Hook {
        match self {
            Self::Paid(hook) | Self::Withdrawn(hook) => hook,
        }
    }

    fn body(&self, payment: &Payment) -> Result<String, StoreError> {
        match self {
            Self::Paid(hook) => payload_pay_link::of_payment(payment, hook),
            Self::Withdrawn(hook) => payload_withdraw::of_payment(payment, hook),
        }
    }
}

impl Ready {
    /// Why nothing can be sent: worth a retry soon, or possibly permanent.
    fn not(error: &StoreError) -> Self {
        let is_passing =
            matches!(error, StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_) | StoreError::Conflict);
        if is_passing { Self::Unready(error.to_string()) } else { Self::Unmakeable(error.to_string()) }
    }
}

impl Outbox {
    /// Makes deliveries ready, or says why they are not. One that fails does not affect the others.
    pub(super) async fn make_ready_or_tell(&self, claimed: Vec<Claimed>) -> Vec<(Claimed, Ready)> {
        match self.make_ready(claimed.clone()).await {
            Ok(ready) => return ready,
            Err(error) if matches!(error, StoreError::Unavailable(_)) || claimed.len() == 1 => {
                return claimed.into_iter().map(|delivery| (delivery, Ready::not(&error))).collect();
            }
            Err(error) => tracing::warn!(%error, "deliveries could not be prepared; retrying one by one"),
        }
        let mut all = Vec::with_capacity(claimed.len());
        for delivery in claimed {
            match self.make_ready(vec![delivery.clone()]).await {
                Ok(ready) => all.extend(ready),
                Err(error) => all.push((delivery, Ready::not(&error))),
            }
        }
        all
    }

    /// Makes deliveries ready: builds and signs their bodies.
    async fn make_ready(&self, claimed: Vec<Claimed>) -> Result<Vec<(Claimed, Ready)>, StoreError> {
        let sealer = self.sealer.clone();
        let lacking: Vec<_> = {
            let (sealer, claimed) = (sealer.clone(), claimed.clone());
            let owners = move |connection: &mut Db| {
                let owners: HashSet<_> = claimed.iter().map(|it| it.owner).collect();
                let found = secrets::of(connection, &sealer, &owners.into_iter().collect::<Vec<_>>())?;
                let lacks = |it: &&Claimed| it.owner_kind == OwnerKind::Wallet && !found.contains_key(&it.owner);
                Ok(claimed.iter().filter(lacks).map(|it| it.owner).collect::<HashSet<_>>())
            };
            self.store.read(owners).await?.into_iter().collect()
        };
        if !lacking.is_empty() {
            // The wallet's first webhook.
            let sealer = sealer.clone();
            let make = move |connection: &mut Db| {
                for owner in lacking {
                    secrets::of_one(connection, &sealer, OwnerKind::Wallet, owner)?;
                }
                Ok(())
            };
            self.store.write_in_background(make).await?;
        }
        let format = self.format;
        let load = move |connection: &mut Db| {
            let parts = Parts::load(connection, &sealer, &claimed, format)?;
            let ready = claimed.into_iter().map(|delivery| {
                let ready = parts.ready(connection, &sealer, &delivery);
                (delivery, ready)
            });
            Ok(ready.collect())
        };
        self.store.read(load).await
    }
}

/// The move of a hold that a delivery tells of, if it tells of one.
fn hold_move_of(delivery: &Claimed) -> Option<HoldMoveId> {
    match delivery.kind {
        EventKind::HoldPlaced | EventKind::HoldCaptured | EventKind::HoldReleased => {
            delivery.row.map(PaymentRow::hold_move)
        }
        EventKind::PaymentReceived
        | EventKind::PaymentSent
        | EventKind::PaymentFailed
        | EventKind::InvoiceExpired
        | EventKind::UserCreated
        | EventKind::WalletCreated
        | EventKind::WalletFrozen
        | EventKind::Test => None,
    }
}

impl Parts {
    fn load(
        connection: &mut Db,
        sealer: &Sealer,
        claimed: &[Claimed],
        format: WebhookFormat,
    ) -> Result<Self, StoreError> {
        let is_received = |it: &&Claimed| matches!(it.kind, EventKind::PaymentReceived | EventKind::InvoiceExpired);
        let invoices: Vec<_> = claimed.iter().filter(is_received).filter_map(|it| Some(it.row?.invoice())).collect();
        let is_of_link = |it: &&Claimed| it.kind == EventKind::PaymentReceived && it.owner_kind == OwnerKind::Wallet;
        let of_links: Vec<_> = claimed.iter().filter(is_of_link).filter_map(|it| Some(it.row?.invoice())).collect();
        let is_own_sent = |it: &&Claimed| it.kind == EventKind::PaymentSent && it.owner_kind == OwnerKind::Wallet;
        let sent: Vec<_> = claimed.iter().filter(is_own_sent).filter_map(|it| it.row).collect();
        let moves: Vec<_> = claimed.iter().filter_map(hold_move_of).collect::<HashSet<_>>().into_iter().collect();
        let owners: Vec<_> = claimed.iter().map(|it| it.owner).collect::<HashSet<_>>().into_iter().collect();
        let is_endpoint = |it: &&Claimed| it.owner_kind == OwnerKind::Endpoint;
        let ids: HashSet<_> = claimed.iter().filter(is_endpoint).map(|it| it.owner.endpoint()).collect();
        let is_own = |it: &&Claimed| it.owner_kind == OwnerKind::Wallet;
        let wallets: HashSet<_> = claimed.iter().filter(is_own).map(|it| it.owner.wallet()).collect();
        Ok(Self {
            links: pay_links::hooks(connection, sealer, &of_links)?,
            withdrawals: withdraw_links::hooks(connection, sealer, &sent)?,
            received: payments::of_invoices(connection, &invoices)?,
            holds: holds::as_of(connection, &moves)?.into_iter().zip(moves).map(|(hold, id)| (id, hold)).collect(),
            endpoints: endpoints::by_ids(connection, &ids.into_iter().collect::<Vec<_>>())?,
            secrets: secrets::of(connection, sealer, &owners)?,
            formats: formats::of_wallets(connection, &wallets.into_iter().collect::<Vec<_>>())?,
            format,
        })
    }

    fn ready(&self, connection: &mut Db, sealer: &Sealer, delivery: &Claimed) -> Ready {
        match self.try_ready(connection, sealer, delivery) {
            Ok(ready) => ready,
            Err(error) => Ready::not(&error),
        }
    }

    fn is_as_lnbits(&self, delivery: &Claimed) -> bool {
        let format = self.formats.get(&delivery.owner.wallet()).copied().unwrap_or(self.format);
        delivery.owner_kind == OwnerKind::Wallet && format == WebhookFormat::Lnbits
    }

    /// What a link adds, where the delivery is the webhook of an invoice that one has given, or of what
    /// one has paid.
    fn of_link(&self, delivery: &Claimed, payment: &Payment) -> Option<OfLink<'_>> {
        if delivery.owner_kind != OwnerKind::Wallet {
            return None;
        }
        if delivery.kind == EventKind::PaymentReceived {
            return self.links.get(&payment.invoice).map(OfLink::Paid);
        }
        delivery.row.and_then(|row| self.withdrawals.get(&row)).map(OfLink::Withdrawn)
    }

    fn try_ready(&self, connection: &mut Db, sealer: &Sealer, delivery: &Claimed) -> Result<Ready, StoreError> {
        let sent;
        let payment = match (delivery.kind, delivery.row, delivery.account) {
            (EventKind::PaymentReceived | EventKind::InvoiceExpired, Some(row), _) => self.received.get(&row.invoice()),
            (EventKind::PaymentSent | EventKind::PaymentFailed, Some(row), Some(account)) => {
                sent = payments::find_row(connection, account.wallet(), row)?;
                Some(&sent)
            }
            _ => None,
        };
        let url = match delivery.owner_kind {
            OwnerKind::Wallet => payment.and_then(|payment| payment.webhook.as_deref()),
            OwnerKind::Endpoint => match self.endpoints.get(&delivery.owner.endpoint()) {
                None => return Ok(Ready::Gone),
                Some(endpoint) if endpoint.paused_at.is_some() => return Ok(Ready::Paused),
                Some(endpoint) => Some(endpoint.url.as_str()),
            },
        };
        let missing = || StoreError::Broken("a row that a delivery tells of is missing".to_owned());
        let target = Target::parse(url.ok_or_else(missing)?).map_err(|error| StoreError::Broken(error.to_string()))?;
        let host = target.host_and_port();
        if host != delivery.destination.host {
            return Ok(Ready::Moved(host));
        }
        let link = payment.and_then(|payment| self.of_link(delivery, payment));
        let hold = hold_move_of(delivery).and_then(|last| self.holds.get(&last));
        let body = match (payment, &link, &delivery.payload) {
            (Some(payment), Some(link), _) => link.body(payment)?,
            (Some(payment), None, _) if self.is_as_lnbits(delivery) => payload_lnbits::of_payment(sealer, payment)?,
            (Some(payment), None, _) => payload::of_payment(sealer, delivery.event, delivery.kind, payment)?,
            (None, _, Some(kept)) => payload::of_kept(delivery.event, delivery.kind, kept, delivery.created_at)?,
            (None, _, None) => {
                payload::of_hold(delivery.event, delivery.kind, hold.ok_or_else(missing)?, delivery.created_at)?
            }
        };
        let secret = self.secrets.get(&delivery.owner).and_then(Option::as_ref);
        let secret = secret.ok_or_else(|| StoreError::Broken("the secret that signs is missing".to_owned()))?;
        let event = delivery.event.to_string();
        let signature = secret.sign(clock::now(), &event, &body);
        let headers =
            link.and_then(|link| link.hook().headers.clone()).map(WebhookHeaders::into_pairs).unwrap_or_default();
        let consumer = delivery.destination.consumer;
        Ok(Ready::Post(Box::new(Post { target, consumer, event, signature, headers, body })))
    }
}
