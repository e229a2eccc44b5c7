//! The order of the settler's queue, and the room in it: everybody has a turn, bulk waits, and
//! nothing is lost.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use satkeep::domain::consumer::{Consumer, Party};
use satkeep::domain::ids::UserId;
use satkeep::ledger::queue::{BATCH_WEIGHT_MAX, Next, QUANTUM, Queue};
use satkeep::ledger::room::{Full, Room, WEIGHT_MAX};

const MS: Duration = Duration::from_millis(1);
/// What 1000 movements take.
const BULK: usize = 1000;

fn manager(tenant: u8) -> Consumer {
    Consumer::manager(UserId::new([tenant; 16]))
}

fn user(tenant: u8) -> Consumer {
    Consumer { party: Party::User, ..manager(tenant) }
}

fn batch<T>(queue: &mut Queue<T>, now: Instant) -> Vec<T> {
    match queue.next_batch(now) {
        Next::Batch(batch) => batch,
        Next::Rest(_) | Next::Nothing => Vec::new(),
    }
}

/// Settles whatever comes next, at so much for a unit of weight.
fn settle<T>(queue: &mut Queue<(T, usize)>, now: &mut Instant, unit: Duration) -> Next<T> {
    match queue.next_batch(*now) {
        Next::Batch(batch) => {
            let weight: usize = batch.iter().map(|(_, weight)| weight).sum();
            let took = unit * u32::try_from(weight).unwrap();
            *now += took;
            queue.settled(took, *now);
            Next::Batch(batch.into_iter().map(|(item, _)| item).collect())
        }
        Next::Rest(until) => {
            assert!(until > *now);
            *now = until;
            Next::Rest(until)
        }
        Next::Nothing => Next::Nothing,
    }
}

#[test]
fn one_tenant_alone_has_batches_as_large_as_they_may_be() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for number in 0..1_500 {
        queue.push(if number % 2 == 0 { manager(1) } else { user(1) }, 1, number, now);
    }
    assert_eq!(batch(&mut queue, now).len(), BATCH_WEIGHT_MAX);
    assert_eq!(batch(&mut queue, now).len(), 1_500 - BATCH_WEIGHT_MAX);
    assert_eq!(queue.next_batch(now), Next::Nothing);
    // So has its bulk, and that needs no rest for its own users.
    for number in 0..25 {
        queue.push(manager(1), 100, number, now);
    }
    let mut sizes = Vec::new();
    loop {
        let batch = batch(&mut queue, now);
        if batch.is_empty() {
            break;
        }
        sizes.push(batch.len());
        queue.settled(4 * MS * 10, now);
    }
    assert_eq!(sizes, [10, 10, 5]);
}

#[test]
fn while_several_are_active_each_has_a_quantum() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for _ in 0..1_000 {
        queue.push(manager(1), 1, 1, now);
    }
    queue.push(manager(2), 1, 2, now);
    let first = batch(&mut queue, now);
    assert_eq!((first.len(), first.iter().filter(|item| **item == 2).count()), (QUANTUM + 1, 1));
    // The other one may ask again at any moment, for a while.
    assert_eq!(batch(&mut queue, now + 9_000 * MS).len(), QUANTUM);
    assert_eq!(batch(&mut queue, now + 10_000 * MS).len(), 1_000 - 2 * QUANTUM);
}

#[test]
fn a_manager_and_its_users_take_turns() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.push(manager(2), 1, "other", now);
    for _ in 0..500 {
        queue.push(user(1), 1, "user", now);
    }
    for _ in 0..10 {
        queue.push(manager(1), 1, "manager", now);
    }
    let first = batch(&mut queue, now);
    let count = |what| first.iter().filter(|item| **item == what).count();
    assert_eq!(["other", "manager", "user"].map(count), [1, 10, QUANTUM - 10]);
}

#[test]
fn bulk_goes_apart_and_small_commands_come_first() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.push(manager(1), BULK, "bulk", now);
    queue.push(manager(1), BULK, "bulk", now);
    queue.push(manager(2), 1, "small", now);
    queue.push(manager(1), 1, "small of the same", now);
    assert_eq!(batch(&mut queue, now), ["small", "small of the same"]);
    assert_eq!(batch(&mut queue, now), ["bulk"]);
    let now = now + 40 * MS;
    queue.settled(40 * MS, now);
    // A quantum of it is free.
    let rest = 40 * MS * 936 / 1_000 * 4;
    assert_eq!(queue.next_batch(now), Next::Rest(now + rest));
    queue.push(manager(2), 1, "small", now + MS);
    assert_eq!(batch(&mut queue, now + MS), ["small"]);
    assert_eq!(batch(&mut queue, now + rest), ["bulk"]);
    assert_eq!(queue.next_batch(now + rest), Next::Nothing);
}

#[test]
fn the_bulk_of_one_does_not_wait_for_the_rest_of_another() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    for consumer in [manager(1), manager(1), user(1), manager(2)] {
        queue.push(consumer, BULK, consumer, now);
    }
    queue.push(manager(3), 1, manager(3), now);
    assert_eq!(batch(&mut queue, now), [manager(3)]);
    for consumer in [manager(1), user(1), manager(2)] {
        assert_eq!(batch(&mut queue, now), [consumer]);
        queue.settled(40 * MS, now);
    }
    assert!(matches!(queue.next_batch(now), Next::Rest(_)));
    queue.hurry();
    assert_eq!(batch(&mut queue, now), [manager(1)]);
    assert_eq!(queue.next_batch(now), Next::Nothing);
}

#[test]
fn the_bulk_of_users_rests_for_their_manager_but_not_the_other_way_round() {
    for (small, bulk, rests) in [(manager(1), user(1), true), (user(1), manager(1), false)] {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.push(small, 1, "small", now);
        for _ in 0..2 {
            queue.push(bulk, BULK, "bulk", now);
        }
        assert_eq!((batch(&mut queue, now), batch(&mut queue, now)), (vec!["small"], vec!["bulk"]));
        queue.settled(40 * MS, now);
        assert_eq!(matches!(queue.next_batch(now), Next::Rest(_)), rests);
    }
}

#[test]
fn a_rest_ends_when_nobody_is_there_to_rest_for() {
    let (mut queue, start) = (Queue::default(), Instant::now());
    let mut now = start;
    queue.push(manager(2), 1, ("small", 1), now);
    assert_eq!(settle(&mut queue, &mut now, 40 * MS / 1000), Next::Batch(vec!["small"]));
    for _ in 0..200 {
        queue.push(manager(1), BULK, ("bulk", BULK), now);
    }
    let mut settled_at = Vec::new();
    loop {
        match settle(&mut queue, &mut now, 40 * MS / 1000) {
            Next::Batch(_) => settled_at.push(now - start),
            Next::Rest(_) => {}
            Next::Nothing => break,
        }
    }
    assert_eq!(settled_at.len(), 200);
    let within = |from: u64, to: u64| {
        let (from, to) = (Duration::from_secs(from), Duration::from_secs(to));
        settled_at.iter().filter(|at| (from..to).contains(*at)).count()
    };
    // At first a part in five of the time, soon a part in seventeen, and at last all of it.
    let counts = [within(0, 1), within(5, 10), within(10, 12)];
    assert!((4..=7).contains(&counts[0]) && (6..=9).contains(&counts[1]) && counts[2] >= 48, "{counts:?}");
}

/// One push: by whom, how heavy, and how long after the one before.
fn any_push() -> impl Strategy<Value = (Consumer, usize, u32)> {
    let weight = prop_oneof![4 => Just(1), 2 => 1..=QUANTUM, 1 => QUANTUM + 1..=1_000, 1 => Just(5_000)];
    let consumer =
        (0..4u8, any::<bool>()).prop_map(|(tenant, is_user)| if is_user { user(tenant) } else { manager(tenant) });
    (consumer, weight, prop_oneof![3 => Just(0), 1 => 0..200u32, 1 => Just(11_000)])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is asked, everything comes out once, each consumer's small commands and its bulk
    /// in their order, in batches that keep the bounds, and a small command waits for one bulk at
    /// most before a batch has something of its tenant.
    #[test]
    fn nothing_is_lost_or_starved(pushes in proptest::collection::vec(any_push(), 1..200)) {
        let (mut queue, mut now) = (Queue::default(), Instant::now());
        let mut pushes = pushes.into_iter().enumerate().peekable();
        let mut due = now;
        let mut out: HashMap<(Consumer, bool), Vec<usize>> = HashMap::new();
        let mut inn = out.clone();
        // Bulk that went while a tenant had something small waiting, since it had its last turn.
        let mut small: HashMap<UserId, usize> = HashMap::new();
        let mut passed: HashMap<UserId, usize> = HashMap::new();
        loop {
            while let Some((number, (consumer, weight, pause_ms))) = pushes.peek().copied() {
                if due + MS * pause_ms > now {
                    break;
                }
                due += MS * pause_ms;
                pushes.next();
                queue.push(consumer, weight, (consumer, weight, number), now);
                inn.entry((consumer, weight > QUANTUM)).or_default().push(number);
                *small.entry(consumer.tenant).or_default() += usize::from(weight <= QUANTUM);
            }
            let batch = match queue.next_batch(now) {
                Next::Batch(batch) => batch,
                Next::Rest(until) => {
                    prop_assert!(until > now && until <= now + Duration::from_secs(2));
                    let next = pushes.peek().map(|(_, (_, _, pause_ms))| due + MS * *pause_ms);
                    now = next.map_or(until, |next| next.min(until));
                    continue;
                }
                Next::Nothing => match pushes.peek() {
                    Some((_, (_, _, pause_ms))) => {
                        now = due + MS * *pause_ms;
                        continue;
                    }
                    None => break,
                },
            };
            let weight: usize = batch.iter().map(|(_, weight, _)| weight).sum();
            prop_assert!(!batch.is_empty() && (weight <= BATCH_WEIGHT_MAX || batch.len() == 1));
            let is_bulk = batch[0].1 > QUANTUM;
            let alike = |(consumer, weight, _): &(Consumer, usize, usize)| {
                (*weight > QUANTUM) == is_bulk && (!is_bulk || *consumer == batch[0].0)
            };
            prop_assert!(batch.iter().all(alike));
            for (tenant, waiting) in &small {
                let passed = passed.entry(*tenant).or_default();
                *passed = if is_bulk && *waiting > 0 { *passed + 1 } else { 0 };
                prop_assert!(*passed <= 1);
                // Four tenants fit into one batch.
                let has_turn = batch.iter().any(|(consumer, ..)| consumer.tenant == *tenant);
                prop_assert!(is_bulk || *waiting == 0 || has_turn);
            }
            for (consumer, weight, number) in batch {
                out.entry((consumer, weight > QUANTUM)).or_default().push(number);
                *small.entry(consumer.tenant).or_default() -= usize::from(weight <= QUANTUM);
            }
            let took = 40 * MS / 1000 * u32::try_from(weight).unwrap();
            now += took;
            queue.settled(took, now);
        }
        prop_assert_eq!(inn, out);
    }

    /// Nobody has more than its part, all of it is given back, and who comes new finds room.
    #[test]
    fn room_is_left_for_others(asked in proptest::collection::vec(any_push(), 1..300)) {
        let mut room = Room::default();
        let mut taken: Vec<(Consumer, usize)> = Vec::new();
        for (consumer, weight, _) in asked {
            let of = |who: fn(Consumer, Consumer) -> bool| -> usize {
                taken.iter().filter(|(other, _)| who(*other, consumer)).map(|(_, weight)| weight).sum()
            };
            let in_all: usize = of(|_, _| true);
            let (own, by_users) = (of(|a, b| a.tenant == b.tenant), of(|a, b| a == b && b.party == Party::User));
            prop_assert_eq!(room.taken(), in_all);
            match room.take(consumer, weight) {
                Ok(charged) => {
                    prop_assert_eq!(charged, weight.min(BATCH_WEIGHT_MAX));
                    taken.push((consumer, charged));
                    prop_assert!(own + charged <= WEIGHT_MAX / 2 && by_users + charged <= WEIGHT_MAX / 8 * 3);
                    prop_assert!(own + charged <= WEIGHT_MAX - in_all - charged);
                    prop_assert!(room.take(manager(9), 1).is_ok());
                    room.give_back(manager(9), 1);
                }
                // Its own fault where it is the only one.
                Err(full) => prop_assert!(in_all > own || full == Full::OfItsOwn),
            }
            if taken.len() % 7 == 6 {
                let (consumer, charged) = taken.swap_remove(taken.len() / 2);
                room.give_back(consumer, charged);
            }
        }
        for (consumer, charged) in taken {
            room.give_back(consumer, charged);
        }
        prop_assert_eq!(room.taken(), 0);
    }
}

#[test]
fn users_leave_room_to_their_manager() {
    let mut room = Room::default();
    for _ in 0..3_072 {
        room.take(user(1), 1).unwrap();
    }
    assert_eq!(room.take(user(1), 1), Err(Full::OfItsOwn));
    for _ in 0..1_024 {
        room.take(manager(1), 1).unwrap();
    }
    assert_eq!(room.take(manager(1), 1), Err(Full::OfItsOwn));
    // The next one has half of what is left.
    for _ in 0..2_048 {
        room.take(manager(2), 1).unwrap();
    }
    assert_eq!(room.take(manager(2), 1), Err(Full::OfOthers));
    // What is heavier than a batch finds room as well.
    assert_eq!(room.take(manager(3), 100_000), Ok(BATCH_WEIGHT_MAX));
}
