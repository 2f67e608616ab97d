//! What is known of a job beside its decision, in one line: its state and how old that is, slots, the last downtime.
//! Must not know how it was found; what is not known is not spoken of.

use std::time::Duration;

use lifecycle::moment::moment;
use orchestrator::actions::{Measured, PlanAnswer, PlannedAnswer, StateFate};

use super::{count, span};

/// What is known, in one line; nothing if nothing is.
pub(crate) fn line(plan: &PlannedAnswer) -> String {
    let Measured { slots, slots_before, newest_state, downtime } = &plan.measured;
    let mut parts = Vec::new();
    match (plan.state, newest_state) {
        (StateFate::None, _) => {}
        (StateFate::Kept, None) => parts.push("state kept".to_owned()),
        (StateFate::Lost, None) => parts.push("state LOST".to_owned()),
        (fate @ (StateFate::Kept | StateFate::Lost), Some(newest)) => {
            let fate = if fate == StateFate::Lost { "LOST" } else { "kept" };
            let age = span(Duration::from_secs(newest.age_s));
            parts.push(format!("state {fate} (the newest seen is {age} old)"));
        }
    }
    match (slots_before, slots) {
        (Some(before), Some(after)) if before != after => parts.push(format!("slots {before} -> {after}")),
        (_, Some(number)) => parts.push(slots_of(*number)),
        (Some(before), None) => parts.push(format!("frees {}", slots_of(*before))),
        (None, None) => {}
    }
    if let Some(downtime) = downtime {
        parts.push(format!("last downtime {}", span(Duration::from_millis(downtime.ms))));
    }
    parts.join(", ")
}

fn slots_of(number: u32) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "slot")
}

/// The slots of the cluster, where something is planned and a look showed them.
pub(crate) fn slots(answer: &PlanAnswer) -> Option<String> {
    let seen = answer.preview.as_ref()?.slots?;
    let planned = answer.jobs.iter().any(|job| job.plan.is_some());
    planned.then(|| format!("{} of {} slots were free at {}.", seen.free, seen.total, moment(seen.at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_kit::{decided, job_answer, manifest, running};

    #[test]
    fn one_slot_is_one_slot() {
        let record = running(&manifest("orders", "SELECT 1", 1), "orders");
        let mut planned = job_answer("orders", decided(&record, None, "removal")).plan.unwrap();
        let told = |planned: &mut PlannedAnswer, before| {
            planned.measured.slots_before = Some(before);
            line(planned)
        };
        assert_eq!(planned.measured.slots, None, "nothing is started");
        assert_eq!(told(&mut planned, 1), "state kept, frees 1 slot");
        assert_eq!(told(&mut planned, 2), "state kept, frees 2 slots");
    }
}
