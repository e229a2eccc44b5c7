//! The rules of delivery, without a server: when to try again, how many at once, which line.

use satkeep::domain::consumer::{Consumer, Party};
use satkeep::domain::ids::{AccountId, EventId, OwnerId, UserId};
use satkeep::domain::time::UnixMs;
use satkeep::domain::webhooks::{Destination, EventKind, EventKinds, holds_its_line, line, next_attempt};
use satkeep::webhooks::fairness::CameBack;
use satkeep::webhooks::fairness::CameBack::{Badly, Promptly, Untried};
use satkeep::webhooks::fairness::{FIRST, HOST_MAX, InFlight, MIN, TENANT_MAX, TOTAL_MAX, USERS_MAX};

#[test]
fn attempts_back_off_and_end() {
    let now = UnixMs::new(1_000_000);
    let pauses: Vec<_> =
        (1..).map_while(|attempts| next_attempt(now, attempts, 32_768)).map(|at| at.get() - now.get()).collect();
    assert_eq!(pauses.first(), Some(&1_000));
    assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]));
    assert_eq!((pauses.len(), pauses.iter().sum::<i64>() / 3_600_000), (13, 30));
    for attempts in 1..=13 {
        let usual = next_attempt(now, attempts, 32_768).unwrap().get() - now.get();
        let (early, late) = (next_attempt(now, attempts, 0).unwrap(), next_attempt(now, attempts, u16::MAX).unwrap());
        assert_eq!(early.get() - now.get(), usual - usual / 4);
        assert!(late.get() - now.get() > usual && late.get() - now.get() <= usual + usual / 4);
    }
    assert_eq!((next_attempt(now, 14, 0), next_attempt(now, i64::MAX, 0)), (None, None));
    assert!(holds_its_line(2) && !holds_its_line(3));
}

/// A destination of the manager with this number.
fn destination(tenant: u8, host: &str) -> Destination {
    Destination { consumer: Consumer::manager(UserId::new([tenant; 16])), host: host.to_owned() }
}

/// A destination of its users.
fn users_destination(tenant: u8, host: &str) -> Destination {
    Destination { consumer: Consumer { tenant: UserId::new([tenant; 16]), party: Party::User }, host: host.to_owned() }
}

/// How many may go to a destination now.
fn room(under_way: &InFlight, destination: &Destination) -> usize {
    under_way.share_out([destination.clone()], usize::MAX, 0).first().map_or(0, |(_, count)| *count)
}

/// One sets out and comes back.
fn come_back(under_way: &mut InFlight, destination: &Destination, how: CameBack) {
    under_way.start(destination);
    under_way.finish(destination, how);
}

#[test]
fn a_host_takes_no_more_than_its_share() {
    let mut under_way = InFlight::default();
    let (slow, other) = (destination(1, "slow"), destination(1, "other"));
    // Answers give the tenant more than one host may take.
    for _ in 0..TENANT_MAX {
        come_back(&mut under_way, &other, Promptly);
    }
    come_back(&mut under_way, &slow, Promptly);
    for started in 0..HOST_MAX {
        assert_eq!(room(&under_way, &slow), HOST_MAX - started);
        under_way.start(&slow);
    }
    assert_eq!((room(&under_way, &slow), room(&under_way, &other)), (0, HOST_MAX));
    under_way.finish(&slow, Badly);
    assert_eq!(room(&under_way, &slow), 0, "one that did not answer has one connection");
    for _ in 1..HOST_MAX {
        under_way.finish(&slow, Badly);
    }
    assert_eq!((room(&under_way, &slow), under_way.total()), (1, 0));
    come_back(&mut under_way, &slow, Untried);
    assert_eq!(room(&under_way, &slow), 1);
    come_back(&mut under_way, &slow, Promptly);
    assert_eq!(room(&under_way, &slow), MIN + 1, "it answers again");
}

#[test]
fn a_tenant_whose_targets_do_not_answer_has_fewer_and_fewer() {
    let mut under_way = InFlight::default();
    let mut silent: Vec<_> = (0..FIRST).map(|number| destination(1, &number.to_string())).collect();
    let count = |shares: &[(Destination, usize)]| shares.iter().map(|(_, count)| count).sum::<usize>();
    // Of hosts that are new, half as many.
    assert_eq!(count(&under_way.share_out(silent.clone(), 64, 0)), FIRST / 2);
    for destination in &silent {
        come_back(&mut under_way, destination, Badly);
    }
    assert_eq!(room(&under_way, &destination(2, "new")), FIRST / 2, "another tenant has its own");
    // However many more hosts are new, what answers keeps its part.
    let healthy = destination(1, "healthy");
    come_back(&mut under_way, &healthy, Promptly);
    come_back(&mut under_way, &silent[0], Badly);
    silent.extend((0..500).map(|number| destination(1, &format!("new-{number}"))));
    let out: Vec<_> = under_way.share_out(silent.clone(), 64, 0);
    assert_eq!(count(&out), MIN / 2);
    for (destination, _) in &out {
        under_way.start(destination);
    }
    assert_eq!((room(&under_way, &destination(1, "newer")), room(&under_way, &healthy)), (0, MIN / 2));
    silent.push(healthy.clone());
    assert_eq!(under_way.share_out(silent, 64, 5), [(healthy.clone(), MIN / 2)]);
    for (destination, _) in &out {
        under_way.finish(destination, Untried);
    }
    // Nor is it forgotten for the sake of others that come later.
    for number in 0..2000 {
        come_back(&mut under_way, &destination(1, &format!("later-{number}")), Badly);
        if number % 500 == 0 {
            come_back(&mut under_way, &healthy, Promptly);
        }
    }
    assert_eq!(room(&under_way, &healthy), MIN);
    // All tenants together have their limit too.
    for number in 0..TOTAL_MAX {
        under_way.start(&destination(3, &number.to_string()));
    }
    assert!(under_way.is_full() && room(&under_way, &healthy) == 0);
}

#[test]
fn every_place_has_its_turn_however_little_room_there_is() {
    let mut under_way = InFlight::default();
    let due: Vec<_> =
        (0..4).flat_map(|tenant| (0..6).map(move |host| destination(tenant, &host.to_string()))).collect();
    for destination in &due {
        come_back(&mut under_way, destination, Promptly);
    }
    let shares = under_way.share_out(due.clone(), 24, 7);
    assert!(shares.len() == 24 && shares.iter().all(|(_, count)| *count == 1), "{shares:?}");
    let mut much = due.clone();
    much.extend((6..1000).map(|host| destination(0, &host.to_string())));
    let shares = under_way.share_out(much, 40, 3);
    let of_first: usize = shares.iter().filter(|(it, _)| it.consumer == due[0].consumer).map(|(_, count)| count).sum();
    assert_eq!(of_first, 10, "who has more due has no more of it: {shares:?}");
    for number in 0..TOTAL_MAX - 1 {
        under_way.start(&destination(9, &number.to_string()));
    }
    let first = |turn| under_way.share_out(due.clone(), 64, turn).remove(0);
    let mut had_a_turn: Vec<_> = (0..24).map(first).collect();
    assert!(had_a_turn.iter().all(|(_, count)| *count == 1));
    had_a_turn.sort_by_key(|(destination, _)| (destination.consumer, destination.host.clone()));
    assert_eq!(had_a_turn.into_iter().map(|(destination, _)| destination).collect::<Vec<_>>(), due);
}

#[test]
fn users_of_a_tenant_leave_a_part_to_its_manager() {
    let mut under_way = InFlight::default();
    let hosts =
        |make: fn(u8, &str) -> Destination| (0..200).map(move |host| make(1, &host.to_string())).collect::<Vec<_>>();
    let (users, managers) = (hosts(users_destination), hosts(destination));
    for destination in users.iter().chain(&managers) {
        come_back(&mut under_way, destination, Promptly);
    }
    let count = |shares: &[(Destination, usize)]| shares.iter().map(|(_, count)| count).sum::<usize>();
    let out = under_way.share_out(users.clone(), usize::MAX, 0);
    assert_eq!(count(&out), USERS_MAX);
    for (destination, _) in &out {
        under_way.start(destination);
    }
    assert_eq!(count(&under_way.share_out(users.clone(), usize::MAX, 0)), 0);
    assert_eq!(count(&under_way.share_out(managers.clone(), usize::MAX, 0)), TENANT_MAX - USERS_MAX);
    // Targets that do not answer take from those who have named them, and not from the other side.
    for (destination, _) in &out {
        under_way.finish(destination, Badly);
    }
    let room = |due: &[Destination]| count(&under_way.share_out(due.to_vec(), usize::MAX, 0));
    assert_eq!((room(&users), room(&managers)), (MIN, TENANT_MAX));
    // Both have their turn, whoever has more due.
    let due = users.iter().chain(&managers[..4]).cloned();
    let shares = under_way.share_out(due, 8, 1);
    let of_manager = shares.iter().filter(|(destination, _)| destination.consumer.party == Party::Manager).count();
    assert_eq!((of_manager, count(&shares)), (4, 8));
}

#[test]
fn lines_and_kinds_are_told_apart() {
    let (one, other) = (AccountId::new([1; 16]), AccountId::new([2; 16]));
    let lines = [
        line(Some(one), OwnerId::new([3; 16]), "a:80"),
        line(Some(other), OwnerId::new([3; 16]), "a:80"),
        line(Some(one), OwnerId::new([4; 16]), "a:80"),
        line(Some(one), OwnerId::new([3; 16]), "b:80"),
        line(None, OwnerId::new([3; 16]), "a:80"),
    ];
    assert!((0..5).all(|a| (0..5).all(|b| (lines[a] == lines[b]) == (a == b))));
    for kind in EventKind::ALL {
        let only: EventKinds = [kind].into_iter().collect();
        assert_eq!(EventKinds::from_stored(only.bits()).iter().collect::<Vec<_>>(), [kind]);
        assert_eq!(EventKind::from_stored(kind.as_str()), Some(kind));
        assert!(!only.contains(EventKind::Test));
    }
    let (before, id) = (satkeep::clock::now(), EventId::next());
    assert!(EventId::first_at(before) <= id && id < EventId::first_at(before.plus_seconds(60)));
}
