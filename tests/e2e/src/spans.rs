//! When Flink wrote the savepoints of jobs and started their tasks, by its own clock in milliseconds.
//! Must not know who asked for it, nor how many may do so at one time.

use serde_json::Value;

use crate::Bench;

/// From the first to the last millisecond of something.
pub type Span = (i64, i64);

/// From the acceptance of a run until its last task ran.
pub async fn starting(bench: &Bench, id: &str) -> Span {
    let job = bench.flink(&format!("/jobs/{id}")).await;
    let mut running = Vec::new();
    for vertex in job["vertices"].as_array().unwrap() {
        let vertex = vertex["id"].as_str().unwrap();
        let times = bench.flink(&format!("/jobs/{id}/vertices/{vertex}/subtasktimes")).await;
        running.extend(times["subtasks"].as_array().unwrap().iter().map(|task| ms(&task["timestamps"]["RUNNING"])));
    }
    (ms(&job["timestamps"]["INITIALIZING"]), running.into_iter().max().unwrap())
}

/// The last savepoint of a run, from its trigger until its last task had written its part.
pub async fn stopping(bench: &Bench, id: &str) -> Span {
    let savepoint = &bench.flink(&format!("/jobs/{id}/checkpoints")).await["latest"]["savepoint"];
    (ms(&savepoint["trigger_timestamp"]), ms(&savepoint["latest_ack_timestamp"]))
}

fn ms(value: &Value) -> i64 {
    value.as_i64().filter(|ms| *ms > 0).unwrap_or_else(|| panic!("{value} is no time"))
}

/// How many of them there were at one time, at most.
pub fn most_at_once(spans: &[Span]) -> usize {
    let at = |moment: i64| spans.iter().filter(|(from, to)| (*from..=*to).contains(&moment)).count();
    spans.iter().map(|(from, _)| at(*from)).max().unwrap_or_default()
}
