//! Who is notified of an event: the payment's own webhook, and the tenant's endpoints that
//! subscribe to it. Pure.

use crate::domain::consumer::Consumer;
use crate::domain::ids::{DeliveryId, OwnerId, UserId};
use crate::domain::webhooks::{Destination, EventKind, OwnerKind, line};
use crate::net::targets::Target;
use crate::store::webhooks::endpoints::Endpoint;
use crate::store::webhooks::events::{Event, NewDelivery};

/// The deliveries of an event, given its tenant's endpoints that are not paused.
pub fn deliveries<'a>(event: &Event, endpoints: impl IntoIterator<Item = &'a Endpoint>) -> Vec<NewDelivery> {
    let told = endpoints.into_iter().filter(|it| Some(it.manager) == event.manager && it.kinds.contains(event.kind));
    own_webhook(event).into_iter().chain(told.filter_map(|endpoint| to_endpoint(event, endpoint))).collect()
}

/// The delivery to the payment's own webhook, the payee's or the payer's. Its id is that of the row
/// on that side (the invoice or the transfer), because an invoice is paid only once.
fn own_webhook(event: &Event) -> Option<NewDelivery> {
    let (EventKind::PaymentReceived | EventKind::PaymentSent, Some(url), Some(account), Some(row)) =
        (event.kind, event.webhook.as_deref(), event.account, event.row)
    else {
        return None;
    };
    let (target, owner) = (target(event, url)?, account.wallet().into());
    Some(NewDelivery {
        id: row.into(),
        line: Some(line(Some(account), owner, &target.host_and_port())),
        ..of(event, (owner, OwnerKind::Wallet), event.user, &target)
    })
}

fn to_endpoint(event: &Event, endpoint: &Endpoint) -> Option<NewDelivery> {
    let (target, owner) = (target(event, &endpoint.url)?, endpoint.id.into());
    Some(NewDelivery {
        line: Some(line(event.account, owner, "")),
        ..of(event, (owner, OwnerKind::Endpoint), event.manager, &target)
    })
}

/// The delivery of an event to a user's target, charged to that user.
fn of(event: &Event, (owner, owner_kind): (OwnerId, OwnerKind), user: Option<UserId>, target: &Target) -> NewDelivery {
    // A wallet without a tenant belongs to nobody.
    let consumer = event.root.zip(user).map_or(Consumer::NOBODY, |(root, user)| Consumer::of(root, user));
    NewDelivery {
        id: DeliveryId::next(),
        event: event.id,
        kind: event.kind,
        owner,
        owner_kind,
        account: event.account,
        row: event.row,
        payload: event.payload.clone(),
        destination: Destination { consumer, host: target.host_and_port() },
        line: None,
        created_at: event.created_at,
    }
}

/// Every URL was parsed before it was stored.
fn target(event: &Event, url: &str) -> Option<Target> {
    let target = Target::parse(url);
    if target.is_err() {
        tracing::error!(event = %event.id, "a stored webhook is no URL; nobody is told there");
    }
    target.ok()
}
