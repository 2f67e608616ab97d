//! What a pull request shows of a plan, and that nothing in it becomes markup.
//! Plans are made by the product's own deciding.

use lifecycle::orchestrate::Ruling;
use lifecycle::reason::Reason;
use orchestrator::actions::{Downtime, FileAnswer, NewestState};

use super::*;
use crate::test_kit::{at, decided, inputs, job_answer, manifest, plan_answer, running};

fn changed(job: &str, sql: &str, parallelism: u32) -> JobAnswer {
    let record = running(&manifest(job, "SELECT *\nFROM a\nWHERE x > 0", 2), job);
    job_answer(job, decided(&record, Some(&manifest(job, sql, parallelism)), job))
}

fn held(job: &str, reason: Reason) -> JobAnswer {
    job_answer(job, Ruling::Nothing { change: None, reason, record_target: false })
}

#[test]
fn a_table_and_the_reasons() {
    let mut lost = changed("clicks", "SELECT *\nFROM a\nWHERE x > 10", 4);
    if let Some(plan) = &mut lost.plan {
        let seen_at = at("2026-11-23T12:00:00Z");
        plan.measured.slots_before = Some(2);
        plan.measured.newest_state = Some(NewestState { at: at("2026-11-23T11:57:00Z"), age_s: 180, seen_at });
        plan.measured.downtime = Some(Downtime { ms: 8_200, operation: plan.operation, at: seen_at });
    }
    let answer = plan_answer(vec![lost, held("gone", Reason::RemovalsHeld)]);
    insta::assert_snapshot!(comment(&answer), @r"
    <!-- flink-sql-runner plan -->
    ### Plan: 1 query, 1 held. 1 job loses its state.

    | job | change | version | what happens | state | slots | last downtime |
    |---|---|---|---|---|---|---|
    | `clicks` | query | v1 → v2 | savepoint, START CLEAN | **lost**, the newest seen is 3 min old | 2 → 4 | 8.2 s |
    | `gone` | held | - | more removals at once than allowed; \`allow gone remove\` approves it |  |  |  |

    <details><summary>clicks: what changes</summary>

    ```diff
    sql:
    -   WHERE x > 0
    +   WHERE x > 10
    flinkProperties.parallelism.default: 2 -> 4
    ```

    </details>
    ");
}

#[test]
fn nothing_from_outside_is_markup() {
    let evil = "a\n```\n<img src=x> @everyone | [x](y)";
    let error = Reason::GivenUp { error: evil.to_owned() };
    let sql = "SELECT *\nFROM a\nWHERE x = '```` </details> @anna'";
    let mut answer = plan_answer(vec![changed("clicks", sql, 2), held("failed", error)]);
    let inputs = inputs(&[("queries/@x|<b>.yaml", "name: [")]);
    answer.refused = inputs
        .manifests
        .iter()
        .map(|v| FileAnswer { file: v.file.clone(), jobs: Vec::new(), is_config: false, errors: v.errors() })
        .collect();
    let text = comment(&answer);
    // What is not fenced holds nothing of it as it was written.
    let mut open: Option<String> = None;
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &open {
            Some(fence) if line == fence => open = None,
            Some(_) => {}
            None if ticks.len() >= 3 => open = Some(ticks),
            None => {
                assert!(!line.contains('@') && !line.contains("<img") && !line.contains("[x]"), "{line}");
                if line.starts_with("| `") {
                    assert_eq!(line.matches('|').count(), 8, "{line}");
                }
            }
        }
    }
    assert_eq!(open, None, "every fence ends: {text}");
    assert!(text.contains("@anna"), "and yet it can be read");
}

#[test]
fn a_comment_holds_no_more_than_it_may() {
    let long = format!("SELECT *\nFROM a\nWHERE x = '{}'", "é".repeat(3_000));
    let jobs: Vec<JobAnswer> = (0..400).map(|n| changed(&format!("job-{n:03}"), &long, 2)).collect();
    let text = comment(&plan_answer(jobs));
    assert!(text.chars().count() <= MOST, "{}", text.chars().count());
    assert!(text.contains("400 query") && text.contains("more than a comment holds"), "{}", &text[..200]);
}
