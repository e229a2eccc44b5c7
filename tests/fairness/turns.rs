//! What must hold whoever asks for places, and in which order they are handed out.

use std::time::Duration;

use proptest::prelude::*;
use satkeep::domain::consumer::Party;
use satkeep::fairness::turns::{Asked, Full, Limits, Share, Ticket, Turns};

type Tenant = u8;

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(Tenant, Party),
    /// One of those who hold a place.
    Leave(usize),
    /// One of those who wait.
    GiveUp(usize),
    Wait(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let party = prop_oneof![Just(Party::Manager), Just(Party::User)];
    prop_oneof![
        4 => (0..5_u8, party).prop_map(|(tenant, party)| Step::Ask(tenant, party)),
        3 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::GiveUp),
        1 => (0..5_000_u64).prop_map(Step::Wait),
    ]
}

/// What a test knows of who holds what.
struct World {
    turns: Turns<Tenant>,
    limits: Limits,
    now: Duration,
    running: Vec<(Share<Tenant>, Duration)>,
    waiting: Vec<(Share<Tenant>, Ticket)>,
}

const WAITING_MAX: usize = 12;
const TENANT_WAITING_MAX: usize = 4;

fn share(tenant: Tenant, party: Party) -> Share<Tenant> {
    Share { tenant, party }
}

impl World {
    fn new(places: usize) -> Self {
        let limits = Limits::new(places, WAITING_MAX, TENANT_WAITING_MAX);
        let (running, waiting) = (Vec::new(), Vec::new());
        Self { turns: Turns::new(limits), limits, now: Duration::ZERO, running, waiting }
    }

    fn ask(&mut self, share: Share<Tenant>) -> Result<Asked, Full> {
        let asked = self.turns.ask(&share, self.now);
        match asked {
            Ok(Asked::Granted) => self.running.push((share, self.now)),
            Ok(Asked::Waiting(ticket)) => self.waiting.push((share, ticket)),
            Err(_) => {}
        }
        self.hand_out();
        asked
    }

    fn leave(&mut self, index: usize) {
        let (share, since) = self.running.remove(index);
        self.turns.leave(&share, since, self.now);
        self.hand_out();
    }

    fn hand_out(&mut self) {
        while let Some((share, ticket)) = self.turns.next(self.now) {
            let position = self.waiting.iter().position(|one| *one == (share, ticket)).expect("only who waits is next");
            self.waiting.remove(position);
            self.running.push((share, self.now));
        }
    }

    fn count<T>(all: &[(Share<Tenant>, T)], tenant: Tenant, party: Option<Party>) -> usize {
        let of = |share: &Share<Tenant>| share.tenant == tenant && party.is_none_or(|party| share.party == party);
        all.iter().filter(|(share, _)| of(share)).count()
    }

    fn check(&self) {
        let limits = self.limits;
        assert!(self.running.len() <= limits.slots());
        assert_eq!((self.turns.running(), self.turns.waiting()), (self.running.len(), self.waiting.len()));
        assert!(self.waiting.len() <= WAITING_MAX);
        for tenant in 0..5 {
            let (all, users) =
                (Self::count(&self.running, tenant, None), Self::count(&self.running, tenant, Some(Party::User)));
            assert!(all <= limits.tenant_max() && users <= limits.users_max());
            assert!(Self::count(&self.waiting, tenant, None) <= TENANT_WAITING_MAX);
            assert!(Self::count(&self.waiting, tenant, Some(Party::User)) <= TENANT_WAITING_MAX * 3 / 4);
            // Nobody waits for nothing: there is no place but the last one, or the share is used up.
            if limits.slots() - self.running.len() > 1 && all < limits.tenant_max() {
                assert_eq!(Self::count(&self.waiting, tenant, Some(Party::Manager)), 0);
                if users < limits.users_max() {
                    assert_eq!(Self::count(&self.waiting, tenant, None), 0);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn shares_hold_and_everybody_is_served(places in 1..9_usize, steps in prop::collection::vec(any_step(), 1..120)) {
        let mut world = World::new(places);
        for step in steps {
            match step {
                Step::Ask(tenant, party) => {
                    let _ = world.ask(share(tenant, party));
                }
                Step::Leave(index) if !world.running.is_empty() => world.leave(index % world.running.len()),
                Step::GiveUp(index) if !world.waiting.is_empty() => {
                    let (share, ticket) = world.waiting.remove(index % world.waiting.len());
                    world.turns.give_up(&share, ticket);
                }
                Step::Wait(ms) => world.now += Duration::from_millis(ms),
                Step::Leave(_) | Step::GiveUp(_) => {}
            }
            world.check();
        }
        // Every waiter's turn comes, if only those who hold a place give it back.
        for _ in 0..200 {
            if !world.running.is_empty() {
                world.now += Duration::from_millis(700);
                world.leave(0);
                world.check();
            }
        }
        prop_assert!(world.waiting.is_empty() && world.running.is_empty());
    }
}

#[test]
fn a_tenant_holds_half_and_its_users_leave_one_to_the_manager() {
    for (places, tenant_max, users_max) in [(1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 2, 1), (8, 4, 3), (10, 5, 4)] {
        let mut world = World::new(places);
        for _ in 0..users_max {
            assert_eq!(world.ask(share(1, Party::User)), Ok(Asked::Granted));
        }
        assert!(matches!(world.ask(share(1, Party::User)), Ok(Asked::Waiting(_))), "{places}");
        for _ in users_max..tenant_max {
            world.ask(share(1, Party::Manager)).unwrap();
        }
        assert_eq!(world.running.len(), tenant_max, "{places}");
        assert!(matches!(world.ask(share(1, Party::Manager)), Ok(Asked::Waiting(_))));
    }
}

#[test]
fn who_has_used_least_is_next() {
    let mut world = World::new(2);
    // The first tenant works for a while, the second for a moment.
    world.ask(share(1, Party::Manager)).unwrap();
    world.now += Duration::from_millis(900);
    world.leave(0);
    world.ask(share(2, Party::Manager)).unwrap();
    world.now += Duration::from_millis(10);
    world.leave(0);
    // Two others hold both places, and both wait: the first one longer.
    world.ask(share(3, Party::Manager)).unwrap();
    world.ask(share(4, Party::Manager)).unwrap();
    world.ask(share(1, Party::Manager)).unwrap();
    world.ask(share(2, Party::Manager)).unwrap();
    world.leave(0);
    assert_eq!(world.running.last().unwrap().0.tenant, 2);
    // Long after that nobody knows who has worked.
    world.now += Duration::from_secs(600);
    world.leave(0);
    assert_eq!(world.running.last().unwrap().0.tenant, 1);
}

#[test]
fn the_last_place_is_kept_for_who_has_used_little() {
    let mut world = World::new(4);
    for tenant in [1, 1, 2] {
        world.ask(share(tenant, Party::Manager)).unwrap();
    }
    world.now += Duration::from_secs(2);
    // Both have used a lot by now, if only by what goes on.
    assert!(matches!(world.ask(share(2, Party::Manager)), Ok(Asked::Waiting(_))));
    assert!(matches!(world.ask(share(3, Party::Manager)), Ok(Asked::Waiting(_))));
    assert_eq!(world.running.last().unwrap().0.tenant, 3, "it was given the place at once");
    assert_eq!(world.waiting.len(), 1);
}

#[test]
fn a_manager_and_its_users_alternate() {
    let mut world = World::new(2);
    world.ask(share(1, Party::User)).unwrap();
    for party in [Party::User, Party::User, Party::Manager] {
        world.ask(share(1, party)).unwrap();
    }
    let mut order = Vec::new();
    for _ in 0..3 {
        world.leave(0);
        order.push(world.running[0].0.party);
    }
    assert_eq!(order, [Party::Manager, Party::User, Party::User]);
}

#[test]
fn only_so_many_wait() {
    let mut world = World::new(1);
    world.ask(share(0, Party::Manager)).unwrap();
    let asked: Vec<_> = (0..4).map(|_| world.ask(share(1, Party::User)).map(|_| ())).collect();
    assert_eq!(asked, [Ok(()), Ok(()), Ok(()), Err(Full::Tenant)], "a quarter is kept for the manager");
    world.ask(share(1, Party::Manager)).unwrap();
    assert_eq!(world.ask(share(1, Party::Manager)), Err(Full::Tenant));
    for tenant in [2, 3] {
        for _ in 0..TENANT_WAITING_MAX {
            world.ask(share(tenant, Party::Manager)).unwrap();
        }
    }
    assert_eq!(world.ask(share(4, Party::Manager)), Err(Full::All));
}
