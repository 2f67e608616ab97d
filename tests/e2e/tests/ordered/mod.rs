//! What a person orders of a job, through the function: a part of a job's whole life.
//! Must not know what the job went through before, but how many operations that were.

pub(crate) mod editing;
pub(crate) mod short_life;

use e2e::Bench;
use serde_json::{Value, json};

use super::FILTER;

/// A savepoint, a restart, a start over and an older state, each ordered through the function.
pub(crate) async fn by_a_person(bench: &Bench) {
    eprintln!("ordered by a person");
    // How many operations the job has seen by now.
    let mut operations = 6;
    let mut settled = async |input: Value, outcome: &str| {
        // Whoever gets no answer asks again: it is one order.
        bench.invoke(&input).await;
        bench.invoke(&input).await;
        operations += 1;
        let record = bench.settled(FILTER, operations, outcome).await;
        let run = bench.healthy(FILTER).await;
        let restored = bench.restored(&run.id).await;
        (record, run.id, restored.unwrap_or_default())
    };
    let order = |action: &str, id: char, more: &Value| {
        let mut input = json!({"action": action, "name": FILTER, "by": "anna", "reason": "a drill"});
        input["order-id"] = id.to_string().repeat(32).into();
        for (key, value) in more.as_object().into_iter().flatten() {
            input[key] = value.clone();
        }
        input
    };
    let before = bench.healthy(FILTER).await.id;
    let (record, run, _) = settled(order("savepoint", '1', &json!({})), "left").await;
    let last = |record: &Value| record["history"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    let taken = last(&record)["savepoint"].as_str().unwrap_or_default().to_owned();
    let took = last(&record)["operation"].clone();
    assert!(run == before && taken.contains(&format!("/savepoints/{FILTER}/2/")), "{run}: {record:#}");
    assert_eq!(
        (last(&record)["by"].as_str(), last(&record)["why"].as_str()),
        (Some("anna (not verified)"), Some("savepoint ordered: a drill"))
    );

    let (record, restarted, restored) = settled(order("restart", '2', &json!({})), "deployed").await;
    assert!(restarted != run && restored.contains(&format!("/savepoints/{FILTER}/2/")), "{restored}");
    assert!(restored != taken && record["deployed"]["meta"]["query-version"] == 2, "{restored}: {record:#}");

    let (record, _, restored) = settled(order("restart", '3', &json!({"clean": true})), "deployed").await;
    let version = record["deployed"]["meta"]["query-version"].as_u64();
    assert!(restored.is_empty() && version > Some(2), "{restored}: {record:#}");

    let (record, _, restored) = settled(order("restart", '4', &json!({"from": took})), "deployed").await;
    let name = |path: &str| path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    assert_eq!(name(&restored), name(&taken));
    assert!(record["deployed"]["meta"]["query-version"].as_u64() > version, "{record:#}");
}

/// A bounded job that is complete after its second operation runs again where somebody orders to start it over.
pub(crate) async fn over_again(bench: &Bench, name: &str, sink: &str) {
    eprintln!("started over by a person");
    let order = json!({"action": "restart", "name": name, "clean": true, "order-id": "5".repeat(32)});
    bench.invoke(&order).await;
    bench.invoke(&order).await;
    let record = bench.settled(name, 3, "completed").await;
    assert_eq!(record["deployed"]["meta"]["query-version"], 3, "{record:#}");
    bench.wait("its rows once more", || async { (bench.printed(sink).len() == 9).then_some(()) }).await;
}
