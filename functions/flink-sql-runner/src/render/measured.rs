//! What is known of a job beside its decision, in one line: its state and how old that is, slots, the last downtime.
//! Must not know how it was found; what is not known is not spoken of.

use std::time::Duration;

use lifecycle::moment::moment;
use orchestrator::actions::{Measured, PlanAnswer, PlannedAnswer, SlotsSeen, StateFate};

use super::{count, span};

/// What is known, in one line; nothing if nothing is.
pub(crate) fn line(plan: &PlannedAnswer) -> String {
    let Measured { slots, slots_before, newest_state, downtime } = &plan.measured;
    let mut parts = Vec::new();
    match (plan.state, newest_state) {
        (StateFate::None, _) => {}
        (StateFate::Kept, None) => parts.push("state kept".to_owned()),
        (StateFate::Lost, None) => parts.push("state LOST".to_owned()),
        (StateFate::Given, None) => parts.push("back to the state that was named".to_owned()),
        (fate @ (StateFate::Kept | StateFate::Lost | StateFate::Given), Some(newest)) => {
            let fate = match fate {
                StateFate::Lost => "state LOST",
                StateFate::Given => "back to the state that was named",
                StateFate::Kept | StateFate::None => "state kept",
            };
            let age = span(Duration::from_secs(newest.age_s));
            parts.push(format!("{fate} (the newest seen is {age} old)"));
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

/// The slots of the cluster, where something is planned and a look showed them; and whether the jobs need more.
pub(crate) fn slots(answer: &PlanAnswer) -> Option<String> {
    let SlotsSeen { total, free, at } = answer.preview.as_ref()?.slots?;
    let planned: Vec<&Measured> = answer.jobs.iter().filter_map(|job| Some(&job.plan.as_ref()?.measured)).collect();
    if planned.is_empty() {
        return None;
    }
    let sum =
        |slots: fn(&Measured) -> Option<u32>| planned.iter().filter_map(|it| slots(it)).map(u64::from).sum::<u64>();
    let held = u64::from(total.saturating_sub(free));
    let needed = held.saturating_sub(sum(|it| it.slots_before)) + sum(|it| it.slots);
    let more = if needed > u64::from(total) {
        format!(" With this plan the jobs need {needed} slots, {total} exist.")
    } else {
        String::new()
    };
    Some(format!("{free} of {total} slots were free at {}.{more}", moment(at)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_kit::{at, decided, job_answer, manifest, plan_answer, running};

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
        // What a person names is not lost, and not all is kept.
        planned.state = StateFate::Given;
        assert_eq!(told(&mut planned, 2), "back to the state that was named, frees 2 slots");
    }

    /// What runs and is not replaced keeps its slots.
    #[test]
    fn more_slots_than_exist_are_told() {
        let record = running(&manifest("orders", "SELECT 1", 4), "orders");
        let mut job = job_answer("orders", decided(&record, Some(&manifest("orders", "SELECT 1", 9)), "more"));
        job.plan.as_mut().unwrap().measured.slots_before = Some(4);
        let mut answer = plan_answer(vec![job]);
        let mut told = |total, free| {
            let slots = Some(SlotsSeen { total, free, at: at("2026-11-23T12:00:00Z") });
            answer.preview = Some(orchestrator::actions::PreviewAnswer { slots, ..Default::default() });
            slots_line(&answer)
        };
        assert!(told(15, 5).ends_with("5 of 15 slots were free at 2026-11-23 12:00:00Z."), "six others and nine");
        assert!(told(14, 4).ends_with(" With this plan the jobs need 15 slots, 14 exist."));
    }

    fn slots_line(answer: &PlanAnswer) -> String {
        slots(answer).unwrap()
    }
}
