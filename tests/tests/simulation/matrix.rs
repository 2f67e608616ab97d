//! The matrix: kinds of operations, the first and last outside call of each name in the good run, each fault that makes sense.
//! Must not know what a fault does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::driver::{Played, Scenario, play};
use crate::faults::{Called, Caller, Fault};
use crate::operations::{Operation, all, of_suspended_jobs};

/// How many of the calls of one name meet faults: the first ones, and the last.
const FIRST_ONES: usize = 1;

/// After so many failures the other operations are not played.
const ENOUGH: usize = 20;

/// Calls whose answers decide what is done.
const DECISIVE: [&str; 8] = [
    "store.get records/",
    "store.get results/",
    "store.get claims/",
    "store.get batches/",
    "store.list queries/",
    "store.put records/",
    "dispatcher.find",
    "dispatcher.send",
];

/// The writes that say what is done next: more of them count.
const NOTES: &str = "store.put claims/";
const FIRST_NOTES: usize = 7;

/// Calls that a process spends most of its time with.
const LONG: [&str; 4] = ["cluster.look", "cluster.job", "cluster.stop_status", "submitter.prepare"];

/// Whether a call changes something outside.
fn changes(name: &str) -> bool {
    let (port, rest) = name.split_once('.').unwrap();
    match port {
        "store" => rest.starts_with("put") || rest.starts_with("delete"),
        "dispatcher" => rest == "send",
        "cluster" => rest == "stop" || rest == "savepoint" || rest == "cancel",
        "submitter" => rest == "submit",
        "alerts" => true,
        _ => false,
    }
}

/// The faults that a call can meet.
fn faults(call: &Called, nth: usize) -> Vec<Fault> {
    let changes = changes(&call.name);
    let first = nth == 0;
    let makes_sense = |fault: &Fault| match fault {
        Fault::DiedBefore | Fault::DiedAfter | Fault::ReplyLost | Fault::DoneLate => changes,
        Fault::ServerError => first,
        Fault::Throttled => first && (changes || call.name.starts_with("dispatcher")),
        Fault::NotFound => call.may_be_absent && first,
        Fault::Precondition => call.may_conflict,
        Fault::Rival => first && (changes || DECISIVE.contains(&call.name.as_str())),
        Fault::Hangs => call.caller == Caller::Runner && (changes || LONG.contains(&call.name.as_str())),
        Fault::Overtaken => call.caller == Caller::Orchestrator && first && DECISIVE.contains(&call.name.as_str()),
    };
    Fault::ALL.into_iter().filter(makes_sense).collect()
}

/// The calls that meet faults, with which one of its name each is.
fn chosen(calls: &[Called]) -> Vec<(&Called, usize)> {
    let mut names: BTreeMap<(Caller, &str), Vec<&Called>> = BTreeMap::new();
    for call in calls {
        names.entry((call.caller, call.name.as_str())).or_default().push(call);
    }
    let mut found = Vec::new();
    for of_one in names.values() {
        let last = of_one.len() - 1;
        let first_ones = if of_one[0].name == NOTES { FIRST_NOTES } else { FIRST_ONES };
        let kept = of_one.iter().enumerate().filter(|(n, _)| *n < first_ones || *n == last);
        found.extend(kept.map(|(n, call)| (*call, n)));
    }
    found
}

/// What one cell of the table came to.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    played: usize,
    passed: usize,
}

/// How many more steps a fault explains.
fn explained(fault: Fault, call: &Called, good: usize) -> usize {
    let in_store = call.name.starts_with("store.");
    match fault {
        // Read again, one's own write is recognised.
        Fault::ReplyLost if in_store && call.may_conflict => 0,
        // The newer wish, in the same trouble.
        Fault::Overtaken => good + 6,
        Fault::DiedBefore
        | Fault::DiedAfter
        | Fault::ReplyLost
        | Fault::DoneLate
        | Fault::Throttled
        | Fault::ServerError
        | Fault::NotFound
        | Fault::Precondition
        | Fault::Rival
        | Fault::Hangs => 3,
    }
}

fn judged(played: &Played, good: &Played, fault: Fault, call: &Called) -> Vec<String> {
    let mut broken = played.broken.clone();
    let most = good.steps + explained(fault, call, good.steps);
    if played.steps > most {
        broken.push(format!("{} steps were sent, the fault explains {most}", played.steps));
    }
    broken
}

/// One line of the table.
struct Row {
    title: &'static str,
    steps: usize,
    cells: BTreeMap<Fault, Cell>,
}

/// Plays an operation with every fault; what was found wrong, with how to see it again.
fn row(operation: &Operation, only: Option<&str>) -> (Row, Vec<String>) {
    let good = play(&operation.scenario);
    let mut wrong: Vec<String> =
        good.broken.iter().map(|what| format!("{}, no fault: {what}", operation.title)).collect();
    let mut cells: BTreeMap<Fault, Cell> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (call, nth) in chosen(&good.calls) {
        for fault in faults(call, nth) {
            let title = format!("{} / {} {} / {fault}", operation.title, call.number, call.name);
            if only.is_some_and(|only| !title.contains(only)) || !seen.insert(title.clone()) {
                continue;
            }
            let faults = BTreeMap::from([(call.number, fault)]);
            let played = play(&Scenario { faults, ..operation.scenario.clone() });
            let broken = judged(&played, &good, fault, call);
            let cell = cells.entry(fault).or_default();
            cell.played += 1;
            cell.passed += usize::from(broken.is_empty());
            if !broken.is_empty() {
                wrong.push(format!("{title}\n    {}", broken.join("\n    ")));
            }
        }
    }
    (Row { title: operation.title, steps: good.steps, cells }, wrong)
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "# Faults\n\nGenerated by `UPDATE_FAULTS=1 cargo test -p tests --test simulation matrix`. A row is a kind of \
         operation, a column a fault,\n`steps` how \
         many steps with operations its good run sends, a cell how many scenarios were played with that fault at one outside call each, \
         and how many of them passed.\nWhat passing means is told in `docs/guarantees.md`.\n\n| operation | steps |",
    );
    for fault in Fault::ALL {
        let _ = write!(text, " {fault} |");
    }
    text.push_str("\n| --- | --- |");
    text.push_str(&" --- |".repeat(Fault::ALL.len()));
    text.push('\n');
    let mut sum = Cell::default();
    for Row { title, steps, cells } in rows {
        let _ = write!(text, "| {title} | {steps} |");
        for fault in Fault::ALL {
            match cells.get(&fault) {
                Some(cell) => {
                    let _ = write!(text, " {}/{} |", cell.passed, cell.played);
                    sum.played += cell.played;
                    sum.passed += cell.passed;
                }
                None => text.push_str(" |"),
            }
        }
        text.push('\n');
    }
    let Cell { played, passed } = sum;
    let _ = write!(text, "\n{played} scenarios, {passed} passed, {} failed\n", played - passed);
    text
}

/// Every fault at every call of what suspends a job, resumes it or removes it.
#[test]
fn suspended_jobs_meet_every_fault() {
    let only = std::env::var("ONLY").ok();
    let wrong: Vec<String> =
        of_suspended_jobs().iter().flat_map(|operation| row(operation, only.as_deref()).1).collect();
    assert!(wrong.is_empty(), "{}\n{} scenarios failed", wrong.join("\n"), wrong.len());
}

#[test]
fn matrix() {
    let only = std::env::var("ONLY").ok();
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    let operations = all();
    for operation in &operations {
        let title = operation.title;
        if only.as_ref().is_some_and(|only| !only.starts_with(title)) {
            continue;
        }
        let began = std::time::Instant::now();
        let (row, failures) = row(operation, only.as_deref().filter(|only| *only != title));
        let count: usize = row.cells.values().map(|cell| cell.played).sum();
        println!(
            "{title}: {} steps, {count} scenarios, {} wrong, {:.1} s",
            row.steps,
            failures.len(),
            began.elapsed().as_secs_f32()
        );
        rows.push(row);
        wrong.extend(failures);
        if wrong.len() > ENOUGH {
            break;
        }
    }
    let text = table(&rows);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md");
    if std::env::var_os("UPDATE_FAULTS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(wrong.is_empty(), "{}\n{} scenarios failed", wrong.join("\n"), wrong.len());
    if only.is_none() {
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(known, text, "docs/faults.md is old: UPDATE_FAULTS=1 writes it anew");
    }
}
