//! The rules of delivery, without a server: when to try again, how many at once, which line.

use satkeep::domain::events::{EventKind, EventKinds, holds_its_line, line, next_attempt};
use satkeep::domain::ids::{AccountId, EventId};
use satkeep::domain::time::UnixMs;
use satkeep::events::hosts::{HOST_MAX, Hosts, TOTAL_MAX};

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

#[test]
fn a_host_takes_no_more_than_its_share() {
    let mut hosts = Hosts::default();
    for _ in 0..HOST_MAX {
        assert!(hosts.room("slow") > 0);
        hosts.start("slow");
    }
    assert_eq!((hosts.room("slow"), hosts.room("other")), (0, HOST_MAX));
    hosts.finish("slow", false);
    assert_eq!(hosts.room("slow"), 0, "one that did not answer has one connection");
    for _ in 1..HOST_MAX {
        hosts.finish("slow", false);
    }
    assert_eq!((hosts.room("slow"), hosts.total()), (1, 0));
    hosts.start("slow");
    hosts.finish("slow", true);
    assert_eq!(hosts.room("slow"), HOST_MAX);
    for number in 0..TOTAL_MAX {
        hosts.start(&number.to_string());
    }
    assert!(hosts.is_full() && hosts.room("slow") == 0);
}

#[test]
fn every_host_has_its_turn_however_little_room_there_is() {
    let due: Vec<_> = (0..100).map(|number| format!("host-{number:02}")).collect();
    let mut hosts = Hosts::default();
    let shares = hosts.share_out(due.iter().take(10).cloned(), 64);
    assert_eq!((shares.wanted.len(), shares.left_out), (10, false));
    assert!(shares.wanted.iter().all(|(_, count)| (1..=7).contains(count)), "{shares:?}");
    assert_eq!(shares.wanted.iter().map(|(_, count)| count).sum::<usize>(), 64);
    for number in 0..TOTAL_MAX - 3 {
        hosts.start(&number.to_string());
    }
    // Room for three: those behind the last of them come next, until nobody is left out.
    let (mut after, mut had_a_turn) = (String::new(), Vec::new());
    loop {
        let shares = hosts.share_out(due.iter().filter(|host| **host > after).cloned(), 64);
        assert!(shares.wanted.iter().map(|(_, count)| count).sum::<usize>() <= 3, "{shares:?}");
        had_a_turn.extend(shares.wanted.iter().map(|(host, _)| host.clone()));
        if !shares.left_out {
            break;
        }
        after.clone_from(&shares.wanted.last().unwrap().0);
    }
    assert_eq!(had_a_turn, due);
}

#[test]
fn lines_and_kinds_are_told_apart() {
    let (one, other) = (AccountId::new([1; 16]), AccountId::new([2; 16]));
    let lines = [
        line(Some(one), &[3; 16], "a:80"),
        line(Some(other), &[3; 16], "a:80"),
        line(Some(one), &[4; 16], "a:80"),
        line(Some(one), &[3; 16], "b:80"),
        line(None, &[3; 16], "a:80"),
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
