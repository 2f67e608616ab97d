//! How much is kept or told at most: each number is the one that is documented beside it.
//! Must not know the shells.

mod node;

use desired::printable::cut;
use jiff::Timestamp;
use lifecycle::asked_by::AskedBy;
use lifecycle::noted::{Noting, Order, WhoAndWhy};
use node::{deployed, first};

#[test]
fn the_twenty_newest_orders_are_remembered_in_few_words() {
    let (mut record, _) = deployed(&first());
    node::unsettle(&mut record);
    let long = |n: usize| format!("{n:02}{}", "ä".repeat(5_000));
    for n in 0..45 {
        let who = WhoAndWhy { by: long(n), why: Some(long(n)), id: None };
        assert_eq!(record.note(&Order::Retry, &who, Timestamp::UNIX_EPOCH), Noting::Noted);
        let oldest = (n + 1).saturating_sub(20);
        let said = |n: usize| cut(&long(n), 500);
        let expected: Vec<_> = (oldest..=n).map(|n| (said(n), Some(said(n)))).collect();
        let noted: Vec<_> = record.noted.iter().map(|noted| (noted.by.clone(), noted.why.clone())).collect();
        assert_eq!(noted, expected, "after {n} more");
    }
}

#[test]
fn who_asked_first_is_kept_in_few_words() {
    let long = "ä".repeat(5_000);
    let asked = AskedBy::new(&first(), &long, &long);
    assert_eq!((&asked.by, &asked.why), (&cut(&long, 500), &cut(&long, 500)));
}
