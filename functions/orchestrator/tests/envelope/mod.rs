//! Who asks, and what he is told when it was not done.
//! Must not know how a proof is checked.

use std::collections::BTreeMap;

use async_trait::async_trait;
use control::callers::{Callers, NoCallers, Proof};
use control::ports::OutsideError;
use desired::digest::Digest;
use desired::manifest::JobName;
use jiff::Timestamp;
use orchestrator::actions::{Action, ActionError, Answer, Preview, act};
use orchestrator::envelope::{Problem, ProblemKind, digest, read, signed};
use orchestrator::handler::{HandlerError, handle};
use serde_json::{Value, json};

use crate::memory::{Memory, keys};
use crate::{TABLES, allow, names, retry};

const ARN: &str = "arn:aws:sts::123456789012:assumed-role/operators/anna";

/// Knows one caller, by a proof that is the digest of what it is about.
struct Known;

#[async_trait]
impl Callers for Known {
    async fn identify(&self, proof: &Proof, about: &Digest, _: Timestamp) -> Result<String, OutsideError> {
        match proof.headers.get("about").map(String::as_str) {
            Some("silence") => Err(OutsideError::unknown("asking STS", "no answer")),
            Some(proven) if proven == about.as_str() => Ok(ARN.to_owned()),
            Some(_) | None => Err(OutsideError::refused("asking STS", "another action")),
        }
    }
}

fn value(action: &Action) -> Value {
    serde_json::to_value(action).unwrap()
}

fn proof(about: &str) -> Proof {
    Proof { headers: BTreeMap::from([("about".to_owned(), about.to_owned())]) }
}

/// An action with its caller's proof.
fn proven(action: &Action) -> Value {
    let action = value(action);
    let about = digest(None, &action);
    signed(action, &proof(about.as_str()))
}

async fn ask(memory: &Memory, event: Value) -> Result<Answer, Problem> {
    let answer = handle(&memory.orchestrator(), &Known, event).await.unwrap();
    read(&serde_json::to_vec(&answer).unwrap()).unwrap()
}

fn deploy(by: Option<&str>) -> Action {
    Action::Deploy { names: names(1).into_iter().collect(), by: by.map(str::to_owned) }
}

fn uploaded() -> (Memory, JobName) {
    let (memory, name) = (Memory::default(), names(1).remove(0));
    memory.put("p/config/tables/t.sql", TABLES.as_bytes().to_vec());
    memory.upload(&name, "SELECT a FROM orders");
    (memory, name)
}

fn by(memory: &Memory, name: &JobName) -> String {
    memory.record(name).decision.unwrap().by
}

#[tokio::test]
async fn who_asks_is_what_is_proven_else_what_is_said_and_marked_so() {
    let long = "a".repeat(5_000);
    let cut = format!("{}… (not verified)", "a".repeat(100));
    let table = [
        (proven(&deploy(Some("bert"))), ARN),
        (proven(&deploy(None)), ARN),
        (value(&deploy(Some("bert"))), "bert (not verified)"),
        (value(&deploy(Some(&long))), cut.as_str()),
        (value(&deploy(None)), "deploy"),
    ];
    for (event, expected) in table {
        let (memory, name) = uploaded();
        ask(&memory, event).await.unwrap();
        assert_eq!(by(&memory, &name), expected);
    }
}

#[tokio::test]
async fn nothing_is_done_for_a_proof_that_proves_nothing() {
    let mut changed = proven(&deploy(None));
    changed["names"] = json!([]);
    let mut no_proof = value(&deploy(None));
    no_proof["proof"] = json!("anna");
    let silent = signed(value(&deploy(None)), &proof("silence"));
    let table = [
        (changed, ProblemKind::NotProven),
        (signed(value(&deploy(None)), &proof("something else")), ProblemKind::NotProven),
        (no_proof, ProblemKind::NotProven),
        (silent, ProblemKind::Unknown),
    ];
    for (event, kind) in table {
        let (memory, name) = uploaded();
        let problem = ask(&memory, event.clone()).await.unwrap_err();
        assert_eq!(problem.kind, kind, "{problem}");
        assert!(!memory.has(&keys().record(&name)), "{event}");
    }
    // One deployment's proof is none for another.
    let action = value(&deploy(None));
    assert_ne!(digest(Some("s3://a/p/"), &action), digest(Some("s3://b/p/"), &action));
}

#[tokio::test]
async fn a_wrong_order_is_told_as_it_is_by_the_one_who_carries_it_out() {
    let (memory, name) = uploaded();
    for action in [retry(&name), allow(&name, lifecycle::permission::Permission::Remove)] {
        let ActionError::NothingWaits { message, help } =
            act(&memory.orchestrator(), action.clone()).await.unwrap_err()
        else {
            panic!("something waits")
        };
        for event in [proven(&action), value(&action)] {
            let problem = ask(&memory, event).await.unwrap_err();
            let told = (problem.kind, problem.message, problem.help);
            assert_eq!(told, (ProblemKind::NothingWaits, message.clone(), Some(help.clone())));
        }
    }
    let unknown = signed(json!({"action": "explode"}), &proof(digest(None, &json!({"action": "explode"})).as_str()));
    let problem = ask(&memory, unknown).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::NotUnderstood);
}

#[tokio::test]
async fn trouble_outside_is_told_to_whoever_reads_and_fails_the_invocation_of_a_schedule() {
    let (memory, name) = uploaded();
    ask(&memory, proven(&deploy(None))).await.unwrap();
    memory.silence(&keys().record(&name));
    let problem = ask(&memory, proven(&retry(&name))).await.unwrap_err();
    assert_eq!((problem.kind, problem.causes.len()), (ProblemKind::Unknown, 1), "{problem:?}");
    let failed = handle(&memory.orchestrator(), &NoCallers, value(&retry(&name))).await;
    assert!(matches!(failed, Err(HandlerError::Action(_))), "{failed:?}");
}

#[tokio::test]
async fn every_answer_is_read_as_what_it_is() {
    let (memory, name) = uploaded();
    let all = std::collections::BTreeSet::new;
    let plan = Action::Plan(Preview::of(all()));
    // Of a job of which nothing was decided there are no states to tell.
    act(&memory.orchestrator(), Action::Deploy { names: all(), by: None }).await.unwrap();
    for action in
        [plan, Action::Status { names: all() }, Action::States { name: name.clone() }, Action::History { name }]
    {
        let direct = act(&memory.orchestrator(), action.clone()).await.unwrap();
        let read = ask(&memory, proven(&action)).await.unwrap();
        assert_eq!(std::mem::discriminant(&read), std::mem::discriminant(&direct));
    }
    assert!(read(b"{}").is_err() && read(b"").is_err());
    let newer = br#"{"format":"flink-sql-runner/error","version":2,"error":{"kind":"later","message":"m","more":1}}"#;
    assert_eq!(read(newer).unwrap().unwrap_err().kind, ProblemKind::Other);
}
