//! How much is kept or told at most: each number is the one that is documented beside it.
//! Must not know the shells.

mod node;

use desired::tables::{Definition, TableRole};
use desired::target::Target;
use jiff::Timestamp;
use lifecycle::alert_conditions::of_record;
use lifecycle::asked_by::AskedBy;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::noted::{Noting, Order, WhoAndWhy};
use node::{deployed, first, order, requeried, settle, wanted};

/// A job whose table files changed in so many definitions.
fn with_definitions(number: usize) -> Target {
    let mut target = first();
    let define = |n: usize| {
        let sql = format!("CREATE TABLE t{n} (a INT) WITH ('connector' = 'kafka', 'topic' = 't{n}')");
        Definition::new(format!("t.sql:{n}"), sql, TableRole::Reads)
    };
    target.definitions = (0..number).map(define).collect();
    target
}

/// The words of the failure are one of them.
#[test]
fn a_trouble_has_eight_causes_in_common_with_others_at_most() {
    for (definitions, causes) in [(0, 1), (6, 7), (7, 8), (8, 8), (20, 8)] {
        let (mut record, _) = deployed(&first());
        let target = if definitions == 0 { requeried() } else { with_definitions(definitions) };
        let open = order(&mut record, &wanted(&target), 2);
        let refused = Outcome::refused(Refusal::NoSecret { message: "it is not there".to_owned() });
        let told = of_record(&settle(record, &open, &refused));
        assert_eq!(told.iter().map(|condition| condition.common.len()).collect::<Vec<_>>(), [causes], "{definitions}");
        assert!(told[0].common.iter().all(|cause| cause.len() == 16), "{:?}", told[0].common);
    }
}

#[test]
fn the_twenty_newest_orders_are_remembered_in_few_words() {
    let (mut record, _) = deployed(&first());
    node::unsettle(&mut record);
    let long = |n: usize| format!("{n:02}{}", "ä".repeat(5_000));
    for n in 0..45 {
        let who = WhoAndWhy { by: long(n), why: Some(long(n)), id: None };
        assert_eq!(record.note(&Order::Retry, &who, Timestamp::UNIX_EPOCH), Noting::Noted);
        let oldest = (n + 1).saturating_sub(20);
        let said = |n: usize| long(n).chars().take(500).collect::<String>();
        let expected: Vec<_> = (oldest..=n).map(|n| (said(n), Some(said(n)))).collect();
        let noted: Vec<_> = record.noted.iter().map(|noted| (noted.by.clone(), noted.why.clone())).collect();
        assert_eq!(noted, expected, "after {n} more");
    }
}

#[test]
fn who_asked_first_is_kept_in_few_words() {
    let long = "ä".repeat(5_000);
    let asked = AskedBy::new(&first(), &long, &long);
    assert_eq!((asked.by.chars().count(), asked.why.chars().count()), (500, 500));
}
