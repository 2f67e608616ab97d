//! Taking over runs that we did not start, or did not finish starting: which one it is, and what it keeps.
//! Must not know the shells: the machine and a node in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

mod node;

use desired::manifest::PropertyValue;
use desired::target::Target;
use jiff::Timestamp;
use lifecycle::decision::Why;
use lifecycle::documents::outcome::{Outcome, Refusal};
use lifecycle::documents::record::{Aim, Deployed, Record, Source};
use lifecycle::flink::JobState;
use lifecycle::ids::{JobId, run_id};
use lifecycle::orchestrate::settle_abandoned;
use lifecycle::permission::Permission;
use lifecycle::state::StateRef;
use node::{Node, Run, first, id, order, patience, reconfigured, requeried, settle, target, wanted};

/// Ids as Flink makes them.
fn theirs(n: u8) -> JobId {
    JobId::derived(&["theirs", &n.to_string()])
}

/// The target with directories that its job has to itself.
fn with_own_directories(mut target: Target) -> Target {
    for key in [desired::manifest::CHECKPOINT_DIR, desired::manifest::SAVEPOINT_DIR] {
        let text = format!("s3://b/orders/{}", key.rsplit('.').next().unwrap());
        let kind = desired::manifest::ScalarKind::String;
        target.manifest.properties.insert(key.to_owned(), PropertyValue { text, kind });
    }
    target
}

/// A job that the Python tool deployed as version 3.
fn of_the_python_tool(target: &Target) -> Record {
    let mut record = Record::fresh(node::name(), id(0), Source::Queries);
    record.highest_version = 3;
    record.deployed = Some(Deployed {
        target: target.clone(),
        meta: node::meta(3),
        aim: Aim::Run,
        runs: Vec::new(),
        restore_point: None,
        checkpointed: true,
        since: Timestamp::UNIX_EPOCH,
    });
    node::unsettle(&mut record);
    record
}

/// A run under this name with one checkpoint as version 3.
fn live(node: &mut Node, target: &Target, job: JobId, name: &str) {
    let directory = format!("{}/3/{job}", target.checkpoint_directory());
    let run = Run { state: JobState::Running, directory: directory.clone(), last: 0, stopped: None, name: name.into() };
    node.runs.insert(job, run);
    node.checkpoint(job);
    node.newest.push((job, format!("{directory}/chk-1")));
}

fn allow(record: &mut Record, run: Option<JobId>) {
    node::allow(record, Permission::Adopt, run, None);
}

/// A bounded job that the Python tool started may be done before anybody takes it over: its rows are there already.
#[test]
fn what_came_to_its_end_before_it_is_taken_over_is_complete() {
    let stopped = Some("s3://elsewhere/savepoint-1".to_owned());
    for (states, complete) in [
        (&[(JobState::Finished, None)][..], true),
        (&[(JobState::Canceled, None), (JobState::Finished, None)], true),
        // Somebody stopped it, or what came after it failed.
        (&[(JobState::Finished, stopped)], false),
        (&[(JobState::Finished, None), (JobState::Failed, None)], false),
    ] {
        let (mut record, mut node) = (of_the_python_tool(&first()), Node::default());
        for ((state, stopped), n) in states.iter().zip(1..) {
            live(&mut node, &first(), theirs(n), "orders");
            node.end(theirs(n), *state);
            node.runs.get_mut(&theirs(n)).unwrap().stopped.clone_from(stopped);
            node.started.push((theirs(n), u64::from(n)));
        }
        let open = order(&mut record, &wanted(&first()), 2);
        let outcome = node.run(&open.plan);
        let is_left = matches!(outcome, Outcome::Left { why: Why::IsComplete, .. });
        assert_eq!(is_left, complete, "{states:?}: {outcome:?}");
        if complete {
            let record = settle(record, &open, &outcome);
            let told = (record.deployed.as_ref().unwrap().aim, record.owed.debts().count(), node.submitted.len());
            assert_eq!(told, (Aim::Complete, 0, 0));
        }
    }
}

/// One that we started ourselves has runs that are known: another one of its name says nothing of it.
#[test]
fn what_others_ran_to_its_end_under_our_name_is_not_our_end() {
    let (mut record, mut node) = node::deployed(&first());
    node.end(node::run(1), JobState::Failed);
    live(&mut node, &first(), theirs(1), "orders");
    node.end(theirs(1), JobState::Finished);
    node.started.push((theirs(1), 9));
    node::unsettle(&mut record);
    let open = order(&mut record, &wanted(&first()), 2);
    let outcome = node.run(&open.plan);
    assert!(matches!(outcome, Outcome::Deployed { .. }), "{outcome:?}");
}

#[test]
fn the_run_that_a_directory_is_named_after_whatever_flink_calls_it() {
    let target = with_own_directories(first());
    let (mut record, mut node) = (of_the_python_tool(&target), Node::default());
    live(&mut node, &target, theirs(1), "insert-into_default_catalog.default_database.sink");
    node.by_directory = vec![theirs(1)];
    let open = order(&mut record, &wanted(&target), 2);
    assert!(open.plan.adopt_from.as_ref().is_some_and(|directory| directory.ends_with("/3")), "{:?}", open.plan);
    let outcome = node.run(&open.plan);
    assert!(matches!(outcome, Outcome::Left { why: Why::RunsAsDeployed, run: Some(run), .. } if run == theirs(1)));
    let record = settle(record, &open, &outcome);
    let deployed = record.deployed.unwrap();
    assert_eq!((deployed.run(), deployed.meta.query_version), (Some(theirs(1)), 3));
    assert_eq!(node.submitted, []);
}

/// A directory that other jobs use as well tells nothing of whose a run is.
#[test]
fn a_directory_tells_of_runs_to_adopt_only_where_both_are_the_jobs_own() {
    use desired::manifest::{CHECKPOINT_DIR, SAVEPOINT_DIR};
    let own = with_own_directories(first());
    for (kept, tells) in [
        (&[CHECKPOINT_DIR, SAVEPOINT_DIR][..], true),
        (&[CHECKPOINT_DIR], false),
        (&[SAVEPOINT_DIR], false),
        (&[], false),
    ] {
        let mut target = first();
        for key in kept {
            target.manifest.properties.insert((*key).to_owned(), own.manifest.properties[*key].clone());
        }
        let open = order(&mut of_the_python_tool(&target), &wanted(&target), 2);
        let expected = tells.then(|| format!("{}/3", target.checkpoint_directory()));
        assert_eq!(open.plan.adopt_from, expected, "{kept:?} named after the job");
    }
    // Our own runs are known by their ids.
    let (mut record, _) = node::deployed(&own);
    node::unsettle(&mut record);
    assert_eq!(order(&mut record, &wanted(&own), 2).plan.adopt_from, None);
}

#[test]
fn several_are_listed_and_touched_by_nobody() {
    let target = with_own_directories(first());
    for by_directory in [true, false] {
        let (mut record, mut node) = (of_the_python_tool(&target), Node::default());
        for n in [1, 2] {
            live(&mut node, &target, theirs(n), if by_directory { "insert-into_x" } else { "orders" });
        }
        node.by_directory = if by_directory { vec![theirs(1), theirs(2)] } else { Vec::new() };
        let open = order(&mut record, &wanted(&target), 2);
        let outcome = node.run(&open.plan);
        let Outcome::Refused { refusal, .. } = &outcome else { panic!("{outcome:?}") };
        let text = refusal.to_string();
        assert!(text.contains(&theirs(1).to_string()) && text.contains(&theirs(2).to_string()), "{text}");
        assert!(text.contains("adopt --run ID"), "{text}");
        let mut record = settle(record, &open, &outcome);
        // The operator says which.
        allow(&mut record, Some(theirs(2)));
        record.owed.retry(Timestamp::UNIX_EPOCH);
        let open = order(&mut record, &wanted(&target), 3);
        let outcome = node.run(&open.plan);
        assert!(matches!(outcome, Outcome::Left { run: Some(run), .. } if run == theirs(2)), "{outcome:?}");
        assert_eq!(node.live().len(), 2);
    }
}

/// However many carry the name: the refusal becomes part of the record, and of every answer about the job.
#[test]
fn of_many_runs_that_may_be_the_job_twenty_others_are_listed() {
    let target = first();
    let (mut record, mut node) = (of_the_python_tool(&target), Node::default());
    for n in 0..60 {
        live(&mut node, &target, theirs(n), "orders");
    }
    let open = order(&mut record, &wanted(&target), 2);
    let outcome = node.run(&open.plan);
    let Some(Refusal::ForeignJob { job_id, others }) = outcome.refusal() else { panic!("{outcome:?}") };
    assert_eq!(others.len(), 20);
    assert!(others.iter().all(|other| other != job_id && node.runs.contains_key(other)), "{outcome:?}");
    assert_eq!((node.live().len(), node.submitted.len()), (60, 0));
}

/// Jobs whose state directories are shared: nothing tells whose the states are.
#[test]
fn states_that_may_be_another_jobs_are_restored_by_nobody() {
    let target = first();
    assert!(!target.has_directories_of_its_own());
    let (mut record, mut node) = (of_the_python_tool(&target), Node::default());
    let path = format!("{}/3/{}/chk-9", target.checkpoint_directory(), theirs(1));
    node.disk.push(StateRef { path: path.clone(), checkpoint_id: 9 });
    let open = order(&mut record, &wanted(&target), 2);
    let outcome = node.run(&open.plan);
    assert_eq!(outcome.refusal(), Some(&Refusal::StateNotProven { candidates: vec![path] }));
    assert_eq!(node.submitted, []);
    // Its own run is known where it is live: then only its states count.
    let mut record = of_the_python_tool(&target);
    live(&mut node, &target, theirs(2), "orders");
    node.end(theirs(2), JobState::Restarting);
    let open = order(&mut record, &wanted(&reconfigured()), 3);
    let Outcome::Deployed { run, .. } = node.run(&open.plan) else { panic!("not deployed") };
    assert!(run.restored_from.unwrap().contains(&theirs(2).to_string()));
}

/// However many states lie there: the refusal becomes part of the record, and of every answer about the job.
#[test]
fn of_many_states_that_may_be_another_jobs_the_twenty_newest_are_listed() {
    let target = first();
    let (mut record, mut node) = (of_the_python_tool(&target), Node::default());
    let path = |n: u64| format!("{}/3/{}/chk-{n}", target.checkpoint_directory(), theirs(1));
    node.disk = (1..=500).map(|n| StateRef { path: path(n), checkpoint_id: n }).collect();
    let open = order(&mut record, &wanted(&target), 2);
    let outcome = node.run(&open.plan);
    let candidates = (481..=500).rev().map(path).collect();
    assert_eq!(outcome.refusal(), Some(&Refusal::StateNotProven { candidates }));
}

#[test]
fn directories_of_its_own_are_searched_whole() {
    let target = with_own_directories(first());
    let (mut record, mut node) = (of_the_python_tool(&target), Node::default());
    let path = format!("{}/3/{}/chk-9", target.checkpoint_directory(), theirs(1));
    node.disk.push(StateRef { path: path.clone(), checkpoint_id: 9 });
    let open = order(&mut record, &wanted(&target), 2);
    let Outcome::Deployed { run, .. } = node.run(&open.plan) else { panic!("not deployed") };
    assert_eq!(run.restored_from, Some(path));
}

/// The run of a lost record, say: it keeps its id, its version and its state.
#[test]
fn where_nothing_is_deployed_the_adopted_run_goes_on_as_it_is() {
    for sick in [false, true] {
        let target = first();
        let mut record = Record::fresh(node::name(), id(0), Source::Queries);
        let mut node = Node::default();
        live(&mut node, &target, theirs(1), "orders");
        if sick {
            node.end(theirs(1), JobState::Restarting);
        }
        allow(&mut record, None);
        let open = order(&mut record, &wanted(&target), 2);
        let outcome = node.run(&open.plan);
        assert_eq!(node.live(), [theirs(1)], "{outcome:?}");
        assert_eq!(node.submitted, []);
        let mut record = settle(record, &open, &outcome);
        let deployed = record.deployed.clone().unwrap();
        assert_eq!((deployed.run(), deployed.meta.query_version), (Some(theirs(1)), 3));
        assert_eq!(record.highest_version, 3);
        assert!(record.allows.is_empty(), "used up");
        // It is lost: its own states are found.
        node.checkpoint(theirs(1));
        node.end(theirs(1), JobState::Failed);
        node::unsettle(&mut record);
        let open = order(&mut record, &wanted(&target), 3);
        let Outcome::Deployed { run, .. } = node.run(&open.plan) else { panic!("not deployed") };
        assert!(run.restored_from.unwrap().ends_with("/chk-2"));
    }
}

/// A runner that dies while it watches an adopted run that then is lost: nothing is started under that id.
#[test]
fn nothing_is_ever_started_under_an_adopted_id() {
    for effects in 0..20 {
        let mut record = Record::fresh(node::name(), id(0), Source::Queries);
        let mut node = Node::default();
        live(&mut node, &first(), theirs(1), "orders");
        allow(&mut record, None);
        let open = order(&mut record, &wanted(&first()), 2);
        if node.go_on(&open.plan, effects).is_some() {
            break;
        }
        node.runs.clear();
        node.go_on(&open.plan, usize::MAX);
        assert!(node.submitted.iter().all(|(id, _)| *id != theirs(1)), "after {effects} effects");
    }
}

/// A first deployment, or a changed query, that nobody finished: the run that it left is the wanted one.
#[test]
fn the_live_run_of_the_same_target_is_adopted_with_its_version() {
    for query in [false, true] {
        let (mut record, mut node) = if query {
            node::deployed(&first())
        } else {
            (Record::fresh(node::name(), id(0), Source::Queries), Node::default())
        };
        let desired = if query { requeried() } else { first() };
        let open = order(&mut record, &wanted(&desired), 4);
        let given = open.meta.clone().unwrap();
        // The runner dies once it has submitted.
        let effects = (0..40).find(|effects| {
            let mut node = node.clone();
            (node.claim, node.result) = (None, None);
            node.go_on(&open.plan, *effects);
            node.runs.contains_key(&run_id(open.plan.operation))
        });
        (node.claim, node.result) = (None, None);
        node.go_on(&open.plan, effects.unwrap());
        let claim = node.claim.clone();
        let record = settle_abandoned(record, &open, claim.as_ref(), Timestamp::UNIX_EPOCH, patience());
        let (mut record, submitted) = (record, node.submitted.clone());
        record.owed.retry(Timestamp::UNIX_EPOCH);
        let open = order(&mut record, &wanted(&desired), 5);
        let outcome = node.run(&open.plan);
        assert_eq!(node.submitted, submitted, "nothing more is started: {outcome:?}");
        assert_eq!(node.live(), [run_id(id(4))]);
        let record = settle(record, &open, &outcome);
        let deployed = record.deployed.unwrap();
        assert_eq!((deployed.run(), &deployed.meta), (Some(run_id(id(4))), &given), "what its rows carry");
        assert_eq!(deployed.target, desired);
        assert!(record.highest_version >= given.query_version);
    }
}

#[test]
fn of_two_targets_only_the_same_one_is_adopted() {
    let (mut record, mut node) = node::deployed(&first());
    let open = order(&mut record, &wanted(&requeried()), 4);
    (node.claim, node.result) = (None, None);
    for effects in 0..40 {
        let mut tried = node.clone();
        tried.go_on(&open.plan, effects);
        if tried.runs.contains_key(&run_id(open.plan.operation)) {
            node = tried;
            break;
        }
    }
    let record = settle_abandoned(record, &open, node.claim.as_ref(), Timestamp::UNIX_EPOCH, patience());
    let mut record = record;
    let other = target("SELECT c FROM t", 1, "one");
    record.owed.retry(Timestamp::UNIX_EPOCH);
    let open = order(&mut record, &wanted(&other), 5);
    node.run(&open.plan);
    assert_eq!(node.live(), [run_id(id(5))]);
}

/// A record that holds nothing but a permission does not make a job of the Python tool new.
#[test]
fn a_permission_before_the_first_look_changes_nothing_about_the_takeover() {
    use lifecycle::change::ChangeKind;
    use lifecycle::orchestrate::{Effect, Input, State, step};
    let mut record = Record::fresh(node::name(), id(0), Source::Queries);
    allow(&mut record, Some(theirs(1)));
    let (job, situation) = (node::name(), node::situation(2));
    let (state, effect) = step(&job, &situation, State::new(), Input::Begin);
    assert_eq!(effect, Effect::ReadRecord);
    let (state, effect) = step(&job, &situation, state, Input::Record(Some(Box::new(record))));
    assert_eq!(effect, Effect::ReadDeployed);
    let deployed = Box::new((first(), node::meta(3)));
    let (state, effect) = step(&job, &situation, state, Input::Deployed(Some(deployed)));
    assert_eq!(effect, Effect::ReadDesired);
    let (_, effect) = step(&job, &situation, state, Input::Desired(wanted(&first())));
    let Effect::WritePlan(plan) = effect else { panic!("{effect:?}") };
    assert_eq!(
        (plan.change.kind, plan.adopt),
        (ChangeKind::Unchanged, lifecycle::documents::plan::Adopt::Run(theirs(1)))
    );
    assert_eq!(plan.previous.unwrap().launch.version, 3);
}

/// One that had no checkpoint yet when it was adopted: only Flink can tell where its states lie.
#[test]
fn the_states_of_an_adopted_run_are_searched_where_flink_says_that_they_lie() {
    let mut abandoned = 0;
    for effects in 0..20 {
        let target = with_own_directories(first());
        let (mut record, mut node) = (of_the_python_tool(&target), Node::default());
        let directory = format!("s3://elsewhere/3/{}", theirs(1));
        let (state, name) = (JobState::Running, "orders".to_owned());
        node.runs.insert(theirs(1), Run { state, directory: directory.clone(), last: 0, stopped: None, name });
        let open = order(&mut record, &wanted(&target), 2);
        let outcome = node.run(&open.plan);
        let mut record = settle(record, &open, &outcome);
        assert_eq!(record.expected_run(), Some(theirs(1)));

        // It restarts, so that no savepoint is possible; a runner dies on the way.
        node.checkpoint(theirs(1));
        node.newest = vec![(theirs(1), format!("{directory}/chk-1"))];
        node.end(theirs(1), JobState::Restarting);
        let open = order(&mut record, &wanted(&with_own_directories(reconfigured())), 3);
        (node.claim, node.result) = (None, None);
        let died = node.go_on(&open.plan, effects).is_none();
        if node.live() != [theirs(1)] {
            node.newest.clear();
        }
        let mut started = run_id(id(3));
        if died && node.live().is_empty() {
            // And nobody goes on for it: the record has to know.
            let claim = node.claim.take().unwrap();
            let mut record = settle_abandoned(record, &open, Some(&claim), Timestamp::UNIX_EPOCH, patience());
            let open = order(&mut record, &wanted(&with_own_directories(reconfigured())), 4);
            node.run(&open.plan);
            started = run_id(id(4));
            abandoned += 1;
        } else if died {
            node.go_on(&open.plan, usize::MAX);
        }
        assert_eq!(node.submitted, [(started, Some(format!("{directory}/chk-1")))], "after {effects} effects");
    }
    assert!(abandoned > 0);
}
