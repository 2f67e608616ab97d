//! How status tells in one word how a job stands, and what its run suffers from.
//! Must not know how it is shown.

use lifecycle::alert_conditions::AlertKind;
use lifecycle::documents::observed::{ObservedDocument, Since};
use lifecycle::documents::outcome::{Compiled, RunStarted};
use lifecycle::flink::{JobSeen, JobState, Tasks};
use lifecycle::ids::JobId;
use lifecycle::owed::Cause;
use orchestrator::actions::Standing;

use super::*;

/// A look in which `run` restarted so often, for this reason, since the look before.
fn restarting(job: &JobName, run: JobId, state: JobState, restarts: u64) -> ObservedDocument {
    let epoch = Epoch::Yarn { application: "application_1_1".to_owned(), attempt: 1 };
    let at = Timestamp::from_second(900).unwrap();
    let tasks = Tasks { total: 1, running: 1, ..Tasks::default() };
    let seen = JobSeen {
        id: run,
        name: job.to_string(),
        state,
        tasks,
        started_ms: 0,
        modified_ms: 0,
        checkpoints: None,
        restarts: Some(restarts),
    };
    let failure = Some("FlinkException: lost\ncaused by IOException: disk full".to_owned());
    ObservedDocument {
        format: 1,
        batch: BatchId::derived(&["look"]),
        look: Look { epoch, at, jobs: vec![seen], slots: None },
        expected: vec![Expected { job: job.clone(), job_id: run, revision: 1, owed: false, checkpointed: true }],
        replaced: None,
        checkpoints: Vec::new(),
        since: vec![Since { job_id: run, at, completed: 0, failed: 0, restarts, failure }],
        web: None,
    }
}

#[tokio::test]
async fn what_people_are_alerted_of_about_a_run_stands_beside_its_job() {
    let memory = Memory::default();
    let names = running(&memory, 2).await;
    let run = memory.record(&names[0]).expected_run().unwrap();
    let shown = |look: ObservedDocument| {
        memory.put(&keys().observed(), write(&look));
        status(&memory)
    };
    let looping = shown(restarting(&names[0], run, JobState::Running, 5)).await;
    let trouble = looping.jobs[0].run_trouble.clone().unwrap();
    assert_eq!(trouble.alert, Some(AlertKind::RestartLoop));
    assert!(trouble.text.starts_with("it restarted 5 times since 00:15 UTC: FlinkException: lost\n"), "{trouble:?}");
    assert!(trouble.text.ends_with("caused by IOException: disk full"), "{trouble:?}");
    assert_eq!(looping.jobs[1].run_trouble, None);
    let json = serde_json::to_value(&looping).unwrap();
    assert_eq!(json["jobs"][0]["run_trouble"]["alert"], "restart-loop");

    let down = shown(restarting(&names[0], run, JobState::Restarting, 1)).await;
    let trouble = down.jobs[0].run_trouble.clone().unwrap();
    assert_eq!((trouble.alert, trouble.text.lines().count()), (None, 2), "nobody is alerted of one restart");
    let once = shown(restarting(&names[0], run, JobState::Running, 1)).await;
    assert_eq!(once.jobs[0].run_trouble, None, "it is over");
    let another = shown(restarting(&names[0], JobId::derived(&["before"]), JobState::Running, 5)).await;
    assert_eq!(another.jobs[0].run_trouble, None, "the run before it");
}

/// What is deployed is the same as before, its run is not.
#[tokio::test]
async fn after_a_rollback_a_job_runs_since_then() {
    let memory = Memory::default();
    let names = running(&memory, 1).await;
    memory.pass(1000);
    memory.upload(&names[0], "SELECT a + 1 FROM orders");
    planned(&memory, all()).await;
    memory.pass(100);
    let job_id = lifecycle::ids::rollback_id(memory.record(&names[0]).open.unwrap().plan.operation);
    let run = RunStarted { job_id, restored_from: None, epoch: None, compiled: Compiled::default() };
    let (reason, cause) = ("it restarts".to_owned(), Cause::DoesNotRun);
    memory.end(&names[0], &Outcome::RolledBack { reason, cause, run, savepoint: None });
    memory.pass(5);
    let answer = status(&memory).await;
    assert_eq!((answer.jobs[0].run, answer.jobs[0].since), (Some(job_id), second(1100)));
}

#[tokio::test]
async fn a_name_of_which_something_is_in_the_history_is_known() {
    let memory = Memory::default();
    let name = JobName::try_from("tried").unwrap();
    memory.upload(&name, "SELECT a FROM orders");
    planned(&memory, all()).await;
    memory.end(&name, &Outcome::refused(Refusal::NoState));
    memory.remove(&format!("p/queries/{name}.yaml"));
    planned(&memory, all()).await;
    assert!(status(&memory).await.jobs.iter().all(|job| job.name != name), "it is no job any more");
    let action = Action::Status { names: [name.clone()].into() };
    let Answer::Status(answer) = act(&memory.orchestrator(), action).await.unwrap() else { unreachable!() };
    assert_eq!((answer.unknown.len(), answer.jobs[0].standing()), (0, Standing::NotDeployed));
}

#[tokio::test]
async fn every_job_has_one_word_also_where_nothing_of_it_is_deployed() {
    let memory = Memory::default();
    let names = running(&memory, 1).await;
    memory.put("p/queries/broken.yaml", b"name: [".to_vec());
    planned(&memory, all()).await;
    memory.upload(&JobName::try_from("new").unwrap(), "SELECT a FROM orders");
    memory.put(&keys().record(&JobName::try_from("odd").unwrap()), b"{".to_vec());
    let answer = status(&memory).await;
    let json = serde_json::to_value(&answer).unwrap();
    let words: Vec<(&str, &str)> = json["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| (job["name"].as_str().unwrap(), job["state"].as_str().unwrap()))
        .collect();
    let running = (names[0].as_str(), "running");
    assert_eq!(words, [("broken", "refused"), running, ("new", "not-judged"), ("odd", "not-readable")]);
    assert!(answer.jobs.iter().all(|job| job.state == Some(job.standing())), "the table shows the same word");
    assert_eq!(answer.jobs[0].status, None);
    assert_eq!(answer.jobs[1].standing(), Standing::Running);
}
