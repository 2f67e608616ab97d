//! How often something is tried or looked at again before an operation, or an invocation, gives up: each has an end.
//! Must not know the shells: they only take the time between two tries.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

mod node;

use std::collections::BTreeSet;

use jiff::Timestamp;
use lifecycle::act::{Act, OrderedAct};
use lifecycle::documents::outcome::Refusal;
use lifecycle::documents::record::OpenOperation;
use lifecycle::execute::{self, Effect, Input, StopEnd};
use lifecycle::flink::JobState;
use lifecycle::ids::TriggerId;
use lifecycle::orchestrate;
use node::{Node, deployed, first, order, reconfigured, run, situation, wanted};

/// A changed configuration of a job that runs.
fn changed() -> (OpenOperation, Node) {
    let (mut record, mut node) = deployed(&first());
    (node.claim, node.result) = (None, None);
    (order(&mut record, &wanted(&reconfigured()), 2), node)
}

/// Carries an operation out to its end; `answers` says what becomes of an effect where the node would do something else.
fn carry_out(open: &OpenOperation, node: &mut Node, mut answers: impl FnMut(&Effect, &mut Node) -> Option<Input>) {
    let (mut state, mut effect) = execute::step(&open.plan, execute::State::new(), Input::Begin);
    for _ in 0..500 {
        if let Effect::Done(_) = effect {
            return;
        }
        let input = answers(&effect, node).unwrap_or_else(|| node.carry_out(&open.plan, effect));
        (state, effect) = execute::step(&open.plan, state, input);
    }
    panic!("it has no end");
}

/// A savepoint fails now and then. Each try has a trigger of its own: Flink answers an old one with the old failure.
#[test]
fn a_stop_is_tried_three_times_and_the_job_runs_on() {
    for failures in 0..=3 {
        let (open, mut node) = changed();
        let mut triggers: Vec<TriggerId> = Vec::new();
        carry_out(&open, &mut node, |effect, _| {
            let Effect::Stop { trigger, .. } = effect else { return None };
            triggers.push(*trigger);
            (triggers.len() <= failures).then(|| Input::Stopped(StopEnd::Failed("Checkpoint expired".to_owned())))
        });
        assert_eq!(triggers.len(), usize::min(failures + 1, 3), "{failures} failures");
        assert_eq!(triggers.iter().collect::<BTreeSet<_>>().len(), triggers.len());
        let outcome = node.result.clone().unwrap();
        let given_up = matches!(outcome.refusal(), Some(Refusal::NoSavepoint { .. }));
        assert_eq!(given_up, failures == 3, "{outcome:?}");
        assert_eq!(node.live() == [run(1)], given_up);
    }
}

#[test]
fn a_state_that_should_pass_is_looked_at_thirty_times_again() {
    for passes_after in [1, 29, 30, 31] {
        let (open, mut node) = changed();
        node.end(run(1), JobState::Cancelling);
        let mut again = 0;
        carry_out(&open, &mut node, |effect, node| {
            again += usize::from(*effect == Effect::LookAgain);
            if again == passes_after {
                node.end(run(1), JobState::Canceled);
            }
            None
        });
        let outcome = node.result.clone().unwrap();
        let stayed = outcome.refusal() == Some(&Refusal::StaysInPassing);
        assert_eq!((again, stayed), (passes_after.min(30), passes_after > 30), "{outcome:?}");
    }
}

/// A savepoint that the end of its run overtakes is begun anew after another look.
#[test]
fn a_savepoint_whose_run_is_gone_each_time_is_looked_at_thirty_times_again() {
    for gone in [1, 30, 31] {
        let (mut record, mut node) = deployed(&first());
        (node.claim, node.result) = (None, None);
        let (by, at) = ("anna".to_owned(), Timestamp::UNIX_EPOCH);
        let id = node::id(7);
        record.ordered = Some(OrderedAct { id, act: Act::Savepoint, by, why: None, at, about: None, debt: None });
        let open = order(&mut record, &wanted(&first()), 2);
        let (mut asked, mut again) = (0, 0);
        carry_out(&open, &mut node, |effect, _| {
            again += usize::from(*effect == Effect::LookAgain);
            let Effect::Savepoint { .. } = effect else { return None };
            asked += 1;
            (asked <= gone).then_some(Input::Stopped(StopEnd::Gone))
        });
        let outcome = node.result.clone().unwrap();
        let given_up = matches!(outcome.refusal(), Some(Refusal::NoSavepoint { .. }));
        assert_eq!((again, asked, given_up), (gone.min(30), gone.min(30) + 1, gone > 30), "{outcome:?}");
        assert_eq!(node.live(), [run(1)]);
    }
}

/// Others write the record all the time: the next event tries again.
#[test]
fn a_record_that_others_write_is_read_nine_times_in_one_invocation() {
    use orchestrate::{Effect, Input, State, step};
    let (record, _) = deployed(&first());
    let (job, situation) = (node::name(), situation(2));
    let (mut state, mut effect) = step(&job, &situation, State::new(), Input::Begin);
    let mut reads = 0;
    for _ in 0..500 {
        let input = match &effect {
            Effect::ReadRecord => {
                reads += 1;
                Input::Record(Some(Box::new(record.clone())))
            }
            Effect::ReadDesired => Input::Desired(wanted(&first())),
            Effect::WriteRecord(_) => Input::Conflict,
            _ => break,
        };
        (state, effect) = step(&job, &situation, state, input);
    }
    assert!(matches!(effect, Effect::Done(_)), "{effect:?}");
    assert_eq!(reads, 9);
}
