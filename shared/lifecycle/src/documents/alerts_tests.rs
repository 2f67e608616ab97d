//! When a condition is told of, joined, told again and dropped.
//! Must not know how anybody is told.

use std::slice::from_ref;

use super::*;
use crate::flink::Epoch;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn job(name: &str) -> JobName {
    JobName::try_from(name).unwrap()
}

fn failed(name: &str, cause: &str) -> AlertCondition {
    let (subject, cause) = (name.to_owned(), cause.to_owned());
    AlertCondition {
        kind: AlertKind::OperationFailed,
        subject,
        cause,
        detail: "failed: x".to_owned(),
        operation: None,
        common: Vec::new(),
        owner: None,
    }
}

fn failed_by(name: &str, cause: &str, common: &[&str]) -> AlertCondition {
    AlertCondition { common: common.iter().map(|&cause| cause.to_owned()).collect(), ..failed(name, cause) }
}

fn held() -> AlertCondition {
    AlertCondition::removals_held(&[job("a"), job("b")])
}

fn seen(conditions: &[AlertCondition], jobs: &[&str]) -> Seen {
    Seen {
        conditions: conditions.to_vec(),
        jobs: jobs.iter().map(|name| job(name)).collect(),
        kinds: BTreeSet::from([AlertKind::RemovalsHeld]),
        untold: None,
    }
}

/// One look and its telling.
fn round(document: &mut AlertsDocument, seen: &Seen, now: i64) -> Vec<AlertCondition> {
    document.note(seen, at(now));
    let taken = document.take(at(now));
    document.told(&taken, true, at(now));
    taken
}

#[test]
fn a_condition_is_told_of_when_it_begins_and_when_it_begins_again() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    let (one, none) = (seen(&[failed("a", "1")], &["a"]), seen(&[], &["a"]));
    assert_eq!(round(&mut document, &one, 0), [failed("a", "1")]);
    assert_eq!(round(&mut document, &one, 60), []);
    assert_eq!(round(&mut document, &seen(&[failed("a", "2")], &["a"]), 120), [failed("a", "2")], "another cause");
    assert_eq!(round(&mut document, &none, 180), []);
    assert!(document.standing.is_empty());
    assert_eq!(round(&mut document, &one, 240), [failed("a", "1")], "it ended and began again");
}

#[test]
fn only_those_who_looked_end_a_condition() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    round(&mut document, &seen(&[failed("a", "1"), held()], &["a"]), 0);
    document.note(&Seen { kinds: BTreeSet::new(), ..seen(&[], &["b"]) }, at(1));
    assert_eq!(document.standing.len(), 2);
    document.note(&seen(&[], &["b"]), at(2));
    assert_eq!(document.standing.len(), 1, "the guard does not hold any more");
}

#[test]
fn what_waits_for_somebody_is_told_of_again_after_a_day() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    let both = seen(&[failed("a", "1"), held()], &["a"]);
    assert_eq!(round(&mut document, &both, 0).len(), 2);
    assert_eq!(round(&mut document, &both, 86_399), []);
    assert_eq!(round(&mut document, &both, 86_400), [held()], "what happened once is old news");
}

#[test]
fn what_could_not_be_told_is_told_next_time_even_if_it_ended() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    document.note(&seen(&[failed("a", "1")], &["a"]), at(0));
    let taken = document.take(at(0));
    document.told(&taken, false, at(1));
    assert_eq!(round(&mut document, &seen(&[], &["a"]), 2), [failed("a", "1")]);
    document.note(&seen(&[], &["a"]), at(3));
    assert!(document.standing.is_empty());
}

#[test]
fn one_cause_is_told_of_once_however_many_jobs_come_to_it_one_after_the_other() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    let one = |name: &str, common: &[&str]| seen(&[failed_by(name, "1", common)], &[name]);
    assert_eq!(round(&mut document, &one("a", &["words", "table"]), 0).len(), 1);
    assert_eq!(round(&mut document, &one("b", &["words"]), 60), []);
    assert_eq!(round(&mut document, &one("c", &["other words", "table"]), 120), []);
    assert_eq!(round(&mut document, &one("d", &["other words", "other table"]), 180), [], "as one of the same cause");
    assert_eq!(round(&mut document, &one("e", &["another"]), 240).len(), 1);
    assert_eq!(round(&mut document, &one("f", &[]), 240).len(), 1);
    assert_eq!(round(&mut document, &one("g", &["words"]), 3_599), []);
    assert_eq!(round(&mut document, &one("h", &["words"]), 3_600).len(), 1, "an hour after people were told");
    // Each ends by itself, and once all have, the same cause is news.
    let all = ["a", "b", "c", "d", "e", "f", "g", "h"];
    document.note(&seen(&[], &all), at(3_700));
    assert!(document.standing.is_empty());
    assert_eq!(round(&mut document, &one("a", &["words"]), 3_800).len(), 1);
}

#[test]
fn a_cause_that_is_being_told_of_waits_for_whoever_tells() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    let (first, second) = (failed_by("a", "1", &["words"]), failed_by("b", "1", &["words"]));
    document.note(&seen(from_ref(&first), &["a"]), at(0));
    let taken = document.take(at(0));
    assert_eq!(round(&mut document, &seen(&[second], &["b"]), 1), [], "another process is about to tell");
    let mut died = document.clone();
    assert_eq!(died.take(at(60)).len(), 2, "it died");
    document.told(&taken, true, at(2));
    assert_eq!(document.take(at(61)), []);
}

#[test]
fn a_second_try_that_fails_for_the_same_cause_is_news() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    let common = &["words"];
    let both = [failed_by("a", "1", common), failed_by("b", "1", common)];
    assert_eq!(round(&mut document, &seen(&both, &["a", "b"]), 0).len(), 2);
    let again = |name: &str| seen(&[failed_by(name, "2", common)], &[name]);
    assert_eq!(round(&mut document, &again("a"), 600).len(), 1, "the mended upload is not better");
    assert_eq!(round(&mut document, &again("b"), 660), []);
}

#[test]
fn one_of_two_tells_and_the_other_only_if_the_first_died() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    document.note(&seen(&[held()], &[]), at(0));
    assert_eq!(document.take(at(0)).len(), 1);
    assert_eq!(document.take(at(59)).len(), 0);
    assert_eq!(document.take(at(60)).len(), 1);
}

#[test]
fn however_many_stand_the_document_stays_small_and_the_rest_is_told_later() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    let names: Vec<String> = (0..1000).map(|n| format!("job-{n:04}")).collect();
    let conditions: Vec<AlertCondition> = names.iter().map(|name| failed(name, "1")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(round(&mut document, &seen(&conditions, &all), 0).len(), 200);
    assert!(crate::documents::write(&document).len() < 200_000);
    assert_eq!(round(&mut document, &seen(&conditions, &all), 60), [], "the others wait");
    let told = round(&mut document, &seen(&conditions[150..], &all), 120);
    assert_eq!(told, &conditions[200..350], "as many as have ended");
}

#[test]
fn a_lost_cluster_is_remembered_for_a_day() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    let epoch = Epoch::Yarn { application: "application_1_1".to_owned(), attempt: 2 };
    let lost = AlertCondition::lost_cluster(&epoch, &[job("a"), job("b")]);
    assert_eq!(lost.detail, "2 jobs (a, b) lost their JobManager and are restarted on this one");
    assert_eq!(round(&mut document, &seen(from_ref(&lost), &[]), 0), [lost]);
    assert_eq!(round(&mut document, &seen(&[], &["a", "b"]), 80_000), []);
    assert_eq!(document.standing.len(), 1);
    document.note(&seen(&[], &[]), at(86_401));
    assert!(document.standing.is_empty());
}

/// Every kind: what ends a condition of it, and whether people are told of it again after a day.
const KINDS: [(AlertKind, EndedBy, bool); 15] = [
    (AlertKind::LostCluster, EndedBy::All, false),
    (AlertKind::NoCluster, EndedBy::All, true),
    (AlertKind::OperationFailed, EndedBy::ItsJob, false),
    (AlertKind::Unhealthy, EndedBy::ItsJob, false),
    (AlertKind::RemovalsHeld, EndedBy::All, true),
    (AlertKind::CleanStartsHeld, EndedBy::All, true),
    (AlertKind::EndNotProven, EndedBy::ItsJob, true),
    (AlertKind::Stranger, EndedBy::All, true),
    (AlertKind::CleanStartNeeded, EndedBy::ItsJob, true),
    (AlertKind::NodeBroken, EndedBy::All, true),
    (AlertKind::NoCapacity, EndedBy::All, true),
    (AlertKind::Unreadable, EndedBy::ItsJob, true),
    (AlertKind::RestartLoop, EndedBy::Look, true),
    (AlertKind::NoCheckpoint, EndedBy::Look, true),
    (AlertKind::CheckpointsFail, EndedBy::Look, true),
];

/// Who has to look, and see nothing of a condition, for it to be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndedBy {
    /// Nobody: it happened once.
    Time,
    /// Whoever looked for all of its kind.
    All,
    /// Whoever reconciled its job.
    ItsJob,
    /// A look at the cluster that told of its job.
    Look,
}

#[test]
fn a_condition_ends_only_when_those_look_who_would_see_it() {
    for (kind, ends, _) in KINDS {
        let nothing = Seen { kinds: BTreeSet::new(), ..seen(&[], &[]) };
        let looks = [
            (EndedBy::Time, nothing.clone()),
            (EndedBy::All, Seen { kinds: BTreeSet::from([kind]), ..nothing.clone() }),
            (EndedBy::ItsJob, Seen { jobs: BTreeSet::from([job("a")]), ..nothing.clone() }),
            (EndedBy::Look, Seen { untold: Some(BTreeSet::from([job("b")])), ..nothing.clone() }),
        ];
        for (look, found) in looks {
            let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
            round(&mut document, &seen(&[AlertCondition { kind, ..failed("a", "1") }], &["a"]), 0);
            document.note(&found, at(60));
            let ended = ends == look && look != EndedBy::Time;
            assert_eq!(document.standing.is_empty(), ended, "{kind}, looked at by {look:?}");
        }
        // A look that was told nothing of the job says nothing of it.
        let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
        round(&mut document, &seen(&[AlertCondition { kind, ..failed("a", "1") }], &["a"]), 0);
        document.note(&Seen { untold: Some(BTreeSet::from([job("a")])), ..nothing }, at(60));
        assert_eq!(document.standing.len(), 1, "{kind}");
    }
}

#[test]
fn people_are_told_again_after_a_day_of_what_waits_for_them_and_of_nothing_else() {
    for (kind, _, again) in KINDS {
        let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
        let stands = seen(&[AlertCondition { kind, ..failed("a", "1") }], &["a"]);
        let told: Vec<usize> =
            [0, 86_399, 86_400, 172_799, 172_800].map(|at| round(&mut document, &stands, at).len()).into();
        // A JobManager that is lost is forgotten after a day: the same loss is not seen again.
        let expected = if again { [1, 0, 1, 0, 1] } else { [1, 0, 0, 0, 0] };
        assert_eq!(told, expected, "{kind}");
    }
}

fn of(kind: AlertKind, subject: &str) -> AlertCondition {
    AlertCondition { kind, ..failed(subject, "") }
}

/// Who looked for everything.
fn all(conditions: &[AlertCondition]) -> Seen {
    let kinds = BTreeSet::from([AlertKind::NoCluster, AlertKind::LostCluster, AlertKind::NoCapacity]);
    Seen { kinds, untold: Some(BTreeSet::new()), ..seen(conditions, &[]) }
}

/// A JobManager was killed as orders waited: they find no cluster, its jobs are lost, and the new one lacks slots at first.
#[test]
fn a_lost_cluster_is_told_of_once_and_what_comes_of_it_only_if_it_stays() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    let missing = of(AlertKind::NoCluster, "session");
    let (lost, slots) = (of(AlertKind::LostCluster, "epoch 2"), of(AlertKind::NoCapacity, "slots"));
    assert_eq!(round(&mut document, &all(from_ref(&missing)), 0), from_ref(&missing));
    let one = seen(&[lost.clone(), slots.clone()], &[]);
    assert_eq!(round(&mut document, &one, 120), []);
    assert_eq!(document.standing.iter().filter(|known| known.raised.is_some()).count(), 2, "the loss was told of");
    let mut short = document.clone();
    assert_eq!(round(&mut short, &all(from_ref(&lost)), 180), []);
    assert_eq!(short.standing.len(), 1, "slots came: nobody needs to know");
    assert_eq!(round(&mut document, &all(&[lost.clone(), slots.clone()]), 899), []);
    assert_eq!(round(&mut document, &all(&[lost.clone(), slots.clone()]), 900), [slots], "it stays");

    // Another loss is news, whether the first one is over or not.
    let second = of(AlertKind::LostCluster, "epoch 3");
    assert_eq!(round(&mut short.clone(), &all(&[lost, second.clone()]), 240), from_ref(&second));
    round(&mut short, &all(&[]), 240);
    assert_eq!(round(&mut short, &all(from_ref(&second)), 300), [second]);
}

#[test]
fn what_explains_the_others_is_told_of_first_where_all_are_new() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    let [slots, lost, missing] = [
        of(AlertKind::NoCapacity, "slots"),
        of(AlertKind::LostCluster, "epoch 2"),
        of(AlertKind::NoCluster, "session"),
    ];
    let three = all(&[slots, lost, missing.clone()]);
    document.note(&three, at(0));
    let taken = document.take(at(0));
    assert_eq!(taken, from_ref(&missing));
    document.told(&taken, false, at(1));
    assert_eq!(round(&mut document, &three, 60), [missing], "nobody was told");
    assert_eq!(round(&mut document, &three, 120), []);
}

/// Without a cluster that was lost, too few slots are told of at once.
#[test]
fn slots_that_are_missing_are_one_cause_which_only_a_look_at_all_runs_ends() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    let runs = AlertCondition::runs_without_slots(&[job("a")], None);
    assert_eq!(runs.detail, "1 job (a) finds no slots and restarts again and again");
    let other = AlertCondition { common: runs.common.clone(), ..of(AlertKind::NoCapacity, "slots") };
    assert_eq!(round(&mut document, &all(from_ref(&runs)), 0), from_ref(&runs));
    assert_eq!(round(&mut document, &all(&[runs, other]), 60), [], "a job that is not started for it");
    document.note(&Seen { untold: None, ..all(&[]) }, at(120));
    assert_eq!(document.standing.len(), 1, "records do not tell of runs");
    document.note(&Seen { untold: Some(BTreeSet::from([job("a")])), ..all(&[]) }, at(180));
    assert_eq!(document.standing.len(), 1, "it told nothing");
    document.note(&all(&[]), at(240));
    assert!(document.standing.is_empty());
}

#[test]
fn checkpoints_that_fail_and_then_do_not_complete_are_one_trouble() {
    let mut document = AlertsDocument::fresh(Nonce::derived(&["n"]));
    let trouble = |kind, words: &str| AlertCondition { kind, ..failed_by("a", "", &[words]) };
    let failing = trouble(AlertKind::CheckpointsFail, "IO-problem");
    assert_eq!(round(&mut document, &all(from_ref(&failing)), 0), from_ref(&failing));
    let mut other = document.clone();
    assert_eq!(round(&mut document, &all(&[trouble(AlertKind::NoCheckpoint, "IO-problem")]), 60), []);
    assert_eq!(document.standing.len(), 1);
    assert_eq!(round(&mut other, &all(&[trouble(AlertKind::NoCheckpoint, "expired")]), 60).len(), 1, "another cause");
}
