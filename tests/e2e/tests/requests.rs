//! How many requests everyday work takes: the numbers of the cost estimate, and bounds that keep it true.
//! Reads counts from the local AWS only.

use std::time::Duration;

use e2e::Bench;
use e2e::requests::{Requests, cheap, dear};
use serde_json::json;

const FILTER: &str = "filter-expensive-items";
/// How many jobs the larger measurements have.
const MANY: u64 = 20;
/// How long Flink's own requests are counted, in seconds.
const COUNTED_S: u64 = 60;

async fn counted(bench: &Bench, title: &str, before: &Requests) -> Requests {
    bench.quiet().await;
    let requests = bench.requests().since(before).about_state(false);
    println!("{}", requests.table(title));
    requests
}

async fn deploy(bench: &Bench, numbers: std::ops::Range<u64>) {
    let name = |n: u64| format!("orders-{n:02}");
    for n in numbers.clone() {
        let text = Bench::example(FILTER).replace(FILTER, &name(n));
        bench.upload(&format!("queries/{}.yaml", name(n)), &text).await;
    }
    for n in numbers {
        bench.settled(&name(n), 1, "deployed").await;
        bench.healthy(&name(n)).await;
    }
}

async fn action(bench: &Bench, action: &str, jobs: u64) -> Requests {
    let before = bench.requests();
    bench.invoke(&json!({ "action": action })).await;
    counted(bench, &format!("An idle {action} with {jobs} jobs"), &before).await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_everyday_work() {
    let bench = Bench::start("emr").await;
    bench.upload_config().await;
    bench.quiet().await;

    let before = bench.requests();
    deploy(&bench, 0..1).await;
    let one = counted(&bench, "One job is uploaded and deployed", &before).await;
    assert!(one.sum("function", dear) <= 30, "the function's dear requests of one deployment");
    let of_one = [action(&bench, "sweep", 1).await, action(&bench, "redeploy", 1).await];

    deploy(&bench, 1..MANY).await;
    bench.quiet().await;
    let of_many = [action(&bench, "sweep", MANY).await, action(&bench, "redeploy", MANY).await];
    for (one, many) in of_one.iter().zip(&of_many) {
        let more = many.sum("function", dear) - one.sum("function", dear);
        assert_eq!(more, 0, "what an idle round writes and lists does not grow with the jobs");
        let more = many.sum("function", cheap) - one.sum("function", cheap);
        assert!(more <= 4 * (MANY - 1), "{more} more reads for {} more jobs", MANY - 1);
    }
    assert_eq!(of_many[0].sum("node", |_| true), 0, "a sweep with nothing to do reached the node");

    let before = bench.requests();
    tokio::time::sleep(Duration::from_secs(COUNTED_S)).await;
    let state = bench.requests().since(&before).about_state(true);
    let title = format!("Flink's checkpoints of {MANY} jobs in {COUNTED_S} s");
    println!("{}", state.table(&title));
    assert!(state.sum("node", dear) > 0, "no checkpoint was made");
    bench.stop().await;
}
