//! What `history` shows of a job whose operations, orders and refused uploads are known.
//! Must not know how any of them came about.

use desired::effective::OptionDifference;
use lifecycle::act::{Act, OrderedAct};
use lifecycle::documents::record::SameTries;
use lifecycle::ids::ActId;
use lifecycle::noted::Order;
use lifecycle::permission::Permission;

use super::*;
use crate::test_kit::{at, manifest, name, nothing_done, orders, running};

#[test]
fn history_says_who_why_and_from_where() {
    let mut record = orders();
    let (option, asked) = ("execution.checkpointing.interval".to_owned(), "60s".to_owned());
    record.remember_differences(&[OptionDifference { option, asked, effective: "2 s".to_owned() }]);
    let why = Some("the column\u{1b} is there".to_owned());
    let noted = |by: &str, why, order, at| NotedOrder { order, by: by.to_owned(), why, id: None, at };
    record.noted.push(noted("bob", None, Order::Retry, at("2026-11-23T12:00:00Z")));
    let allow = Order::Allow { permission: Permission::CleanStart, run: None };
    record.noted.push(noted("bob", why, allow, at("2026-11-23T12:06:00Z")));
    let (id, why) = (ActId::derived(&["order"]), Some("a drill\u{1b}".to_owned()));
    let (act, by, at_noon) = (Act::Restart, "carl".to_owned(), at("2026-11-23T12:00:00Z"));
    let ordered = OrderedAct { id, act, by, why, at: at_noon, about: Some((1, None)), debt: None };
    let (by_what, superseded_at) = ("another version was deployed".to_owned(), at("2026-11-23T12:07:00Z"));
    record.superseded.push(SupersededAct { ordered, by_what, superseded_at });
    let answer = HistoryAnswer {
        owner: Some("team\x1b orders".to_owned()),
        entries: record.history,
        noted: record.noted,
        superseded: record.superseded,
        ..nothing_done("orders")
    };
    insta::assert_snapshot!(history_text(&answer), @r"
    Owner: team� orders
    WHEN                  OPERATION  VERSION  CHANGE             FROM               OUTCOME     BY    WHY
    2026-11-23 12:00:00Z  -          -        retry              -                  noted       bob   -
    2026-11-23 12:05:24Z  8402c0f5   v1       new                -                  deployed    anna  first deployment
    2026-11-23 12:05:24Z  371be0a9   v1       configuration      savepoint-9f1c-ab  deployed    anna  flinkProperties.parallelism.default
    2026-11-23 12:05:24Z  0bef3680   v2       query              -                  refused     anna  sql: it does not compile: query line 1, column 8: Column 'prize' not found�
    2026-11-23 12:06:00Z  -          -        allow clean-start  -                  noted       bob   the column� is there
    2026-11-23 12:07:00Z  -          v1       restart            -                  superseded  carl  restart ordered: a drill�: another version was deployed
      0bef3680: execution.checkpointing.interval is 2 s, 60s was asked for
    ");
}

/// Who reads the history sees what a person ordered as he typed it, also what did not happen yet.
#[test]
fn history_tells_what_people_ordered_and_what_is_not_over() {
    let mut entries = running(&manifest("orders", "SELECT 1", 1), "orders").history;
    let saved = Entry { acted: Some(ActKind::Savepoint), change: ChangeKind::Unchanged, ..entries[0].clone() };
    let clean = Entry { acted: Some(ActKind::RestartClean), change: ChangeKind::Query, version: 2, ..saved.clone() };
    entries.extend([saved.clone(), clean]);
    let waits = |acted, operation| Unsettled {
        operation,
        at: at("2026-11-23T12:01:00.123456789Z"),
        version: Some(2),
        change: ChangeKind::Unchanged,
        acted,
        turned: None,
        by: "bob".to_owned(),
        why: "sql".to_owned(),
    };
    let answer = HistoryAnswer {
        entries,
        unsettled: vec![waits(None, Some(saved.operation)), waits(Some(ActKind::RestartFrom), None)],
        ..nothing_done("orders")
    };
    insta::assert_snapshot!(history_text(&answer), @r"
    WHEN                  OPERATION  VERSION  CHANGE           FROM  OUTCOME    BY    WHY
    2026-11-23 12:05:24Z  8402c0f5   v1       new              -     deployed   anna  first deployment
    2026-11-23 12:05:24Z  8402c0f5   v1       savepoint        -     deployed   anna  first deployment
    2026-11-23 12:05:24Z  8402c0f5   v2       restart --clean  -     deployed   anna  first deployment
    2026-11-23 12:01:00Z  8402c0f5   v2       restart          -     under way  bob   sql
    2026-11-23 12:01:00Z  -          v2       restart --from   -     waits      bob   sql
    ");
}

#[test]
fn history_counts_tries_and_calls_what_was_done_by_its_name() {
    let first = running(&manifest("orders", "SELECT 1", 1), "orders").history.remove(0);
    let entry =
        || Entry { change: ChangeKind::Unchanged, why: "w".to_owned(), detail: "d".to_owned(), ..first.clone() };
    let since = at("2026-11-23T08:00:00Z");
    let tries = Some(SameTries { count: 12, first: first.operation, since });
    let saved = Some("s3://b/savepoint-1".to_owned());
    let entries = vec![
        Entry { turned: Some(Turned::Suspend), outcome: Ended::Suspended, ..entry() },
        Entry { turned: Some(Turned::Resume), outcome: Ended::Refused, tries, ..entry() },
        Entry { turned: Some(Turned::Resume), ..entry() },
        Entry { acted: Some(ActKind::Savepoint), savepoint: saved, outcome: Ended::Left, ..entry() },
        Entry { outcome: Ended::Left, ..entry() },
        Entry { outcome: Ended::Abandoned, untaken: Some(3), ..entry() },
        Entry { turned: Some(Turned::Suspend), change: ChangeKind::Query, outcome: Ended::Suspended, ..entry() },
    ];
    insta::assert_snapshot!(history_text(&HistoryAnswer { entries, ..nothing_done("orders") }), @r"
    WHEN                  OPERATION  VERSION  CHANGE     FROM  OUTCOME    BY    WHY
    2026-11-23 12:05:24Z  8402c0f5   v1       suspend    -     suspended  anna  w
    2026-11-23 12:05:24Z  8402c0f5   v1       resume     -     refused    anna  w: tried 12 times since 2026-11-23 08:00:00Z, d
    2026-11-23 12:05:24Z  8402c0f5   v1       resume     -     deployed   anna  w
    2026-11-23 12:05:24Z  8402c0f5   v1       savepoint  -     saved      anna  w: d
    2026-11-23 12:05:24Z  8402c0f5   v1       restart    -     left       anna  w: d
    2026-11-23 12:05:24Z  8402c0f5   v1       restart    -     abandoned  anna  w: tried 3 times, d
    2026-11-23 12:05:24Z  8402c0f5   v1       query      -     suspended  anna  w
    ");
}

#[test]
fn a_name_with_nothing_but_a_refused_upload_is_told_its_errors() {
    let (file, text) = ("queries/orders.yaml", "name: orders\ndescription: d\ntarget_table: t\nsql: SELECT 1\n");
    let verdict = crate::test_kit::inputs(&[(file, text)]).manifests.remove(0);
    let file = |file: &str, is_config| FileAnswer {
        file: file.to_owned(),
        jobs: vec![name("orders")],
        is_config,
        errors: verdict.errors().into_iter().filter(|error| error.code == "unknown-field").collect(),
    };
    let history = |refused| HistoryAnswer { refused, ..nothing_done("orders") };
    let shown = |refused| anstream::adapter::strip_str(&history_text(&history(refused))).to_string();
    insta::assert_snapshot!(shown(vec![file("p/queries/orders.yaml", false)]), @r"
    error[unknown-field]: `target_table` is not a field of a job manifest
     --> queries/orders.yaml:3:1
      |
    3 | target_table: t
      | ^^^^^^^^^^^^
      |
    help: write `target-table`

    p/queries/orders.yaml is refused: what is uploaded for orders is not applied.
    ");
    assert!(
        shown(vec![file("p/config/tables/x.sql", true)])
            .ends_with("What is uploaded for orders is not applied, as p/config/tables/x.sql is refused.\n")
    );
    assert_eq!(shown(Vec::new()), "nothing was done about orders yet\n");
}
