//! Lending out a limited amount.

use proptest::prelude::*;
use satkeep::fairness::stock::{Spent, Stock};

#[test]
fn one_alone_gets_half_and_leaves_the_others_something() {
    let mut stock = Stock::new(100);
    assert_eq!(stock.take(&"a", 30), Ok(()));
    assert_eq!(stock.take(&"a", 20), Ok(()));
    assert_eq!(stock.take(&"a", 1), Err(Spent::ByItself));
    assert_eq!(stock.take(&"b", 26), Err(Spent::ByOthers));
    assert_eq!(stock.take(&"b", 25), Ok(()));
    assert_eq!(stock.take(&"b", 1), Err(Spent::ByItself));
    assert_eq!(stock.take(&"c", 12), Ok(()));
    stock.give_back(&"a", 50);
    assert_eq!(stock.take(&"b", 6), Ok(()));
    assert_eq!(stock.lent(), 43);
}

#[test]
fn what_is_more_than_all_is_for_who_is_alone() {
    let mut stock = Stock::new(100);
    assert_eq!(stock.take(&"a", 1000), Ok(()));
    assert_eq!(stock.take(&"b", 1), Err(Spent::ByOthers));
    stock.give_back(&"a", 1000);
    assert_eq!(stock.take(&"b", 1), Ok(()));
    assert_eq!(stock.take(&"a", 1000), Err(Spent::ByOthers));
}

#[test]
fn what_cannot_be_refused_counts_against_its_taker_alone() {
    let mut stock = Stock::new(100);
    stock.take_anyway(&"a", 1000);
    assert_eq!((stock.lent(), stock.take(&"b", 50)), (0, Ok(())));
    assert_eq!(stock.take(&"a", 1), Err(Spent::ByItself));
    stock.give_back_anyway(&"a", 1000);
    assert_eq!(stock.take(&"a", 20), Ok(()));
    assert_eq!(stock.lent(), 70);
}

proptest! {
    /// Whatever others do, somebody who has nothing yet gets a part of what they leave.
    #[test]
    fn there_is_always_something_left(asked in prop::collection::vec((0..8_u8, 0..60_usize, any::<bool>()), 0..200)) {
        const TOTAL: usize = 1000;
        let mut stock = Stock::new(TOTAL);
        let mut held = [0_usize; 8];
        for (who, amount, gives_back) in asked {
            let mine = &mut held[usize::from(who)];
            if gives_back {
                stock.give_back(&who, *mine);
                *mine = 0;
            } else if stock.take(&who, amount).is_ok() {
                *mine += amount;
            }
            prop_assert_eq!(stock.lent(), held.iter().sum::<usize>());
            prop_assert!(held.iter().all(|mine| *mine <= TOTAL / 2));
            // Each leaves as much as it holds itself, so eight leave a ninth.
            prop_assert!(TOTAL - stock.lent() >= TOTAL / 9);
        }
    }
}
