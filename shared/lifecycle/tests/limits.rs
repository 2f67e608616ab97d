//! How much is kept or told at most: each number is the one that is documented beside it.
//! Must not know the shells.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]

mod node;

use desired::tables::{Definition, TableRole};
use desired::target::Target;
use jiff::Timestamp;
use lifecycle::alert_conditions::of_record;
use lifecycle::documents::outcome::{Outcome, Refusal};
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
    }
}
