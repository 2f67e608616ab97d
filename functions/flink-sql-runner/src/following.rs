//! What would follow an operation under way, as people read it, and what of all this is a change or loses state.
//! Must not know how it was found out.

use std::fmt::Write as _;

use lifecycle::orchestrate::Ends;
use lifecycle::reason::Reason;
use orchestrator::actions::{FollowingAnswer, JobAnswer, PlanAnswer, PlannedAnswer, SessionChange, StateFate};

use crate::plan::{Row, planned_row};
use crate::render::{change, measured};

/// Whether a job would start clean that has a state, at once, after the operation under way, or once a guard lets it.
pub(crate) fn loses_state(job: &JobAnswer) -> bool {
    let lost = |plan: &Option<PlannedAnswer>, reason: &Reason| {
        plan.as_ref().is_some_and(|plan| plan.state == StateFate::Lost) || *reason == Reason::CleanStartsHeld
    };
    lost(&job.plan, &job.reason) || job.following.iter().any(|next| lost(&next.plan, &next.reason))
}

/// Whether anything would be done: about jobs, now, after what is under way or when one is tried again, or about uploaded
/// files.
pub(crate) fn changes_anything(answer: &PlanAnswer) -> bool {
    let acts = |job: &JobAnswer| {
        let later = |reason: &Reason| matches!(reason, Reason::WaitsToRetry { .. });
        let next = |next: &FollowingAnswer| next.plan.is_some() || later(&next.reason);
        job.plan.is_some() || later(&job.reason) || job.following.iter().any(next)
    };
    let files =
        answer.preview.as_ref().is_some_and(|preview| !preview.removals.is_empty() || preview.session.is_some());
    files || answer.jobs.iter().any(acts)
}

/// What would become of the session's settings, in a line.
pub(crate) fn session(answer: &PlanAnswer) -> Option<&'static str> {
    Some(match answer.preview.as_ref()?.session? {
        SessionChange::New => "config/session.yaml would be uploaded: it counts once a session is started.",
        SessionChange::Changed => "config/session.yaml would be another: it counts once a session is started.",
    })
}

/// How the operation under way ends, where that makes a difference.
fn condition(ends: Ends) -> &'static str {
    match ends {
        Ends::Either => "then",
        Ends::AsOrdered => "then, if it succeeds",
        Ends::Undone => "then, if it does not succeed",
    }
}

/// What follows, in a line; nothing if nothing does.
pub(crate) fn in_a_line(job: &JobAnswer) -> String {
    let told = |next: &FollowingAnswer| format!("; {}", sentence(next));
    job.following.iter().map(told).collect()
}

fn sentence(next: &FollowingAnswer) -> String {
    let condition = condition(next.ends);
    match row(next) {
        Some(Row { versions, kind, what, .. }) => format!("{condition}, {kind} {versions}: {what}"),
        None => format!("{condition}: {}", next.text),
    }
}

fn row(next: &FollowingAnswer) -> Option<Row> {
    let (plan, change) = next.plan.as_ref().zip(next.change.as_ref())?;
    Some(planned_row(plan, change.kind))
}

/// What follows with its causes, a block for each outcome.
pub(crate) fn block(job: &JobAnswer) -> String {
    let mut text = String::new();
    for next in &job.following {
        let _ = writeln!(text, "      {}", sentence(next));
        text.push_str(&differences(next));
        let measured = next.plan.as_ref().map(measured::line).unwrap_or_default();
        if !measured.is_empty() {
            let _ = writeln!(text, "      {measured}");
        }
    }
    text
}

/// The fields that would change, for people.
pub(crate) fn differences(next: &FollowingAnswer) -> String {
    next.change.as_ref().map(|found| change::differences(&found.differences)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_kit::{decided, following_of, job_answer, manifest, plan_answer, running};
    use crate::{markdown, plan};

    /// A job that is being restarted while its file says something else, or another one than what is being deployed.
    fn waiting(under_way: &str, wanted: &str) -> JobAnswer {
        let yaml = |sql: &str| manifest("orders", sql, 2);
        let mut record = running(&yaml("SELECT 1"), "orders");
        let lifecycle::orchestrate::Ruling::Operate(open) = decided(&record, Some(&yaml(under_way)), "op") else {
            panic!("nothing is under way")
        };
        record.open = Some(*open);
        let mut answer = job_answer("orders", decided(&record, Some(&yaml(wanted)), "next"));
        answer.following = following_of(&record, &yaml(wanted));
        answer
    }

    #[test]
    fn state_that_is_lost_after_what_is_under_way_is_lost() {
        let answer = plan_answer(vec![waiting("SELECT 2", "SELECT 3")]);
        assert!(loses_state(&answer.jobs[0]) && changes_anything(&answer));
        let text = anstream::adapter::strip_str(&plan::text(&answer, "Plan")).to_string();
        insta::assert_snapshot!(text, @r"
          ? orders  -  waits  operation db55e47e is under way
              then, if it succeeds, query v2 -> v3: savepoint, START CLEAN
              sql: SELECT 2 -> SELECT 3
              state LOST, 2 slots
              then, if it does not succeed, query v1 -> v2: savepoint, START CLEAN
              sql: SELECT 1 -> SELECT 3
              state LOST, 2 slots
        Plan: 1 waits. 1 job loses its state.
        ");
        let comment = markdown::comment(&answer);
        assert!(comment.contains("**lost**") && comment.contains("SELECT 3"), "{comment}");
    }

    /// Each of these alone is something that would be done.
    #[test]
    fn files_and_tries_that_are_to_come_are_changes() {
        let (at, error) = (crate::test_kit::at("2026-11-23T12:00:00Z"), "no slots".to_owned());
        let held = |reason| lifecycle::orchestrate::Ruling::Nothing { change: None, reason, record_target: false };
        let of = |reason| plan_answer(vec![job_answer("orders", held(reason))]);
        assert!(!changes_anything(&of(Reason::Unchanged)) && !changes_anything(&of(Reason::RemovalsHeld)));
        assert!(changes_anything(&of(Reason::WaitsToRetry { at, error })));
        let preview = orchestrator::actions::PreviewAnswer::default();
        let with = |preview| PlanAnswer { preview: Some(preview), ..plan_answer(Vec::new()) };
        assert!(!changes_anything(&with(preview.clone())));
        let removals = vec!["config/tables/old.sql".to_owned()];
        assert!(changes_anything(&with(orchestrator::actions::PreviewAnswer { removals, ..preview.clone() })));
        let session = Some(SessionChange::Changed);
        assert!(changes_anything(&with(orchestrator::actions::PreviewAnswer { session, ..preview })));
    }

    #[test]
    fn what_is_under_way_already_is_no_change() {
        let answer = plan_answer(vec![waiting("SELECT 2", "SELECT 2")]);
        assert!(!loses_state(&answer.jobs[0]) && !changes_anything(&answer), "{:?}", answer.jobs[0].following);
    }

    #[test]
    fn going_back_loses_what_the_operation_under_way_counts() {
        let answer = plan_answer(vec![waiting("SELECT 2", "SELECT 1")]);
        assert!(loses_state(&answer.jobs[0]));
        assert_eq!(in_a_line(&answer.jobs[0]), "; then, if it succeeds, query v2 -> v3: savepoint, START CLEAN");
    }
}
