//! Sharing a number out.

use proptest::prelude::*;
use satkeep::fairness::parts::parts;

#[test]
fn what_some_do_not_need_goes_to_the_others() {
    assert_eq!(parts(&[1000], 200), [200]);
    assert_eq!(parts(&[1000, 1, 1000], 200), [99, 1, 99]);
    assert_eq!(parts(&[0, 3, 500, 20], 100), [0, 3, 77, 20]);
    assert_eq!(parts(&[2, 2], 100), [2, 2]);
    assert_eq!(parts(&[9, 9, 9], 2), [0, 0, 0]);
    assert_eq!(parts(&[], 5), [0; 0]);
}

proptest! {
    #[test]
    fn nobody_gets_less_because_another_wants_more(wanted in prop::collection::vec(0..500_usize, 0..80), max in 0..400_usize) {
        let parts = parts(&wanted, max);
        prop_assert!(parts.iter().sum::<usize>() <= max);
        prop_assert!(parts.iter().zip(&wanted).all(|(part, wanted)| part <= wanted));
        let equal = max / wanted.len().max(1);
        prop_assert!(parts.iter().zip(&wanted).all(|(part, wanted)| part >= wanted.min(&equal)));
        // Whoever is short has as much as anybody, and nothing worth sharing is left.
        let short: Vec<_> = parts.iter().zip(&wanted).filter(|(part, wanted)| part < wanted).map(|(part, _)| part).collect();
        prop_assert!(short.iter().all(|part| Some(*part) == parts.iter().max()));
        let left = max - parts.iter().sum::<usize>();
        prop_assert!(short.is_empty() || left < short.len());
    }
}
