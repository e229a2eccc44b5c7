//! The tasks of the Lightning node: looking whether it is there, taking up payments to other nodes, listening for
//! what arrives, and tidying up the invoices that stand at it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::MissedTickBehavior;

use crate::api::framework::app::State;
use crate::clock;
use crate::domain::ids::UserId;
use crate::lightning::node::NodeError;
use crate::server::tasks::Tasks;
use crate::services::lightning::receiving::TidyPlace;
use crate::services::lightning::{self, Connected, outside, receiving, sending};
use crate::services::{Error, Services};
use crate::store::sends::Send;
use crate::telemetry::log::LogThrottle;

/// How often it is looked whether the node is there.
const LOOK: Duration = Duration::from_secs(5);
/// How often payments that are due are looked for, where nobody waits for one.
const TICK: Duration = Duration::from_secs(1);
/// Payments that this process works on at once, and those of one tenant.
const WORK_MAX: usize = 64;
const WORK_OF_TENANT_MAX: usize = 16;
/// How often invoices at the node are tidied up.
const TIDY: Duration = Duration::from_secs(5);
/// How long to rest after the node has failed to answer.
const REST: Duration = Duration::from_secs(2);

/// Starts the tasks, where a node is configured.
pub(super) fn start(app: &State, tasks: &mut Tasks) {
    let Some(connected) = app.services.lightning.connected().cloned() else { return };
    tasks.start("the watch over the Lightning node", watch(app.clone(), Arc::clone(&connected)));
    tasks.start("payments to other nodes", send(app.clone(), Arc::clone(&connected)));
    tasks.start("receipts of the Lightning node", receive(app.clone(), Arc::clone(&connected)));
    tasks.start("the invoices at the Lightning node", tidy(app.clone(), connected));
}

/// Lets other processes go on with what the tasks, which have stopped, had in their hands.
pub(super) async fn leave(services: &Services) {
    if let Err(error) = lightning::leave(services).await {
        tracing::warn!(%error, "what this process works on with the Lightning node is taken up by others only after a while");
    }
}

/// Looks every few seconds whether the node is there.
async fn watch(app: State, connected: Arc<Connected>) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut complaints = LogThrottle::default();
    loop {
        ticks.tick().await;
        match look(&app.services, &connected).await {
            Ok(true) => {
                complaints.settle();
                let node = connected.node.name();
                tracing::info!(%node, "the Lightning node is there");
                if let Err(error) = receiving::meet(&app.services, &connected).await {
                    tracing::warn!(%error, "the Lightning node cannot be noted");
                    // As if it had not answered, so that this is tried again.
                    connected.standing.note(Err(NodeError::NotReady(error.to_string())));
                }
            }
            Ok(false) => complaints.settle(),
            Err(error) => {
                if complaints.is_due() {
                    let node = connected.node.name();
                    tracing::error!(%node, %error, "the Lightning node does not answer: payments to other nodes wait");
                }
            }
        }
    }
}

/// Asks the node who it is. Returns whether it is there again.
async fn look(services: &Services, connected: &Connected) -> Result<bool, NodeError> {
    let identity = outside::identify(services, connected).await;
    let problem = identity.as_ref().err().cloned();
    let answer = match identity {
        // What it could send is told to the operator only.
        Ok(identity) => Ok((identity, connected.node.balance().await.ok())),
        Err(error) => Err(error),
    };
    let is_back = connected.standing.note(answer);
    problem.map_or(Ok(is_back), Err)
}

/// Takes up payments that are due, many at once, of each tenant only some.
async fn send(app: State, connected: Arc<Connected>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut under_work = FuturesUnordered::new();
    let mut of_tenants: HashMap<UserId, usize> = HashMap::new();
    let mut complaints = LogThrottle::default();
    loop {
        tokio::select! {
            Some(tenant) = under_work.next() => done(&mut of_tenants, tenant),
            _ = ticks.tick() => {}
            () = connected.wanted() => {}
        }
        match take(&app.services, &connected, under_work.len(), &of_tenants).await {
            Ok(taken) => {
                complaints.settle();
                for payment in taken {
                    if let Some(tenant) = payment.tenant {
                        let count = of_tenants.entry(tenant).or_default();
                        *count = count.saturating_add(1);
                    }
                    under_work.push(advance(app.clone(), Arc::clone(&connected), payment));
                }
            }
            Err(error) => {
                if complaints.is_due() {
                    tracing::warn!(%error, "payments to other nodes cannot be taken up; trying again");
                }
            }
        }
    }
}

fn done(of_tenants: &mut HashMap<UserId, usize>, tenant: Option<UserId>) {
    let Some(tenant) = tenant else { return };
    if let Some(count) = of_tenants.get_mut(&tenant) {
        *count = count.saturating_sub(1);
    }
    of_tenants.retain(|_, count| *count > 0);
}

/// Payments that are due, as many as there is room for. No tenant gets more than a part of the room.
async fn take(
    services: &Services,
    connected: &Connected,
    under_work: usize,
    of_tenants: &HashMap<UserId, usize>,
) -> Result<Vec<Send>, Error> {
    let room = WORK_MAX.saturating_sub(under_work).min(WORK_OF_TENANT_MAX);
    if room == 0 {
        return Ok(Vec::new());
    }
    let is_busy = |(tenant, count): (&UserId, &usize)| (*count >= WORK_OF_TENANT_MAX).then_some(*tenant);
    let busy = of_tenants.iter().filter_map(is_busy).collect();
    sending::take_some(services, connected, busy, i64::try_from(room).unwrap_or(i64::MAX)).await
}

async fn advance(app: State, connected: Arc<Connected>, payment: Send) -> Option<UserId> {
    sending::advance(&app.services, &connected, &payment).await;
    payment.tenant
}

/// Listens for what arrives, if this process is the one that does. After it was away, it also looks up all invoices
/// that stand at the node: what has arrived meanwhile may be told no other way. What arrives now does not wait for
/// that.
async fn receive(app: State, connected: Arc<Connected>) {
    let mut complaints = LogThrottle::default();
    loop {
        let listening = async {
            while listen(&app.services, &connected).await? {
                complaints.settle();
            }
            Ok::<_, Error>(())
        };
        let reconciling = async {
            reconcile(&app.services, &connected).await?;
            std::future::pending::<Result<(), Error>>().await
        };
        // Whatever goes wrong, all is looked up again afterwards.
        let ended = tokio::select! {
            ended = listening => ended,
            ended = reconciling => ended,
        };
        if let Err(error) = ended
            && !matches!(error, Error::NodeAway)
            && complaints.is_due()
        {
            tracing::warn!(%error, "what has arrived at the Lightning node cannot be read; trying again");
        }
        tokio::time::sleep(REST).await;
    }
}

/// Listens for a while. Returns whether this process is the one that does.
async fn listen(services: &Services, connected: &Connected) -> Result<bool, Error> {
    let Some((node, cursor)) = receiving::lead(services, connected).await? else { return Ok(false) };
    receiving::listen(services, connected, &node, cursor, receiving::LISTEN).await?;
    connected.standing.heard(clock::now());
    Ok(true)
}

/// Looks up all invoices that stand at the node, if this process is the one that listens.
async fn reconcile(services: &Services, connected: &Connected) -> Result<(), Error> {
    let Some((node, _)) = receiving::lead(services, connected).await? else { return Ok(()) };
    let booked = receiving::reconcile(services, connected, &node).await?;
    if booked > 0 {
        tracing::info!(%node, booked, "booked what had arrived at the Lightning node while nobody listened");
    }
    Ok(())
}

/// Cancels invoices at the node that were paid inside, and stops looking after those that are over.
async fn tidy(app: State, connected: Arc<Connected>) {
    let mut complaints = LogThrottle::default();
    let mut place = TidyPlace::default();
    loop {
        match tidy_some(&app.services, &connected, &mut place).await {
            Ok(true) => continue,
            Ok(false) => complaints.settle(),
            Err(Error::NodeAway) => {}
            Err(error) => {
                if complaints.is_due() {
                    tracing::warn!(%error, "invoices at the Lightning node cannot be tidied up; trying again");
                }
            }
        }
        tokio::time::sleep(TIDY).await;
    }
}

async fn tidy_some(services: &Services, connected: &Connected, place: &mut TidyPlace) -> Result<bool, Error> {
    match receiving::lead(services, connected).await? {
        Some((node, _)) => receiving::tidy(services, connected, &node, place).await,
        None => Ok(false),
    }
}
