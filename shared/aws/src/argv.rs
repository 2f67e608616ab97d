//! What a step or a command says: the batch's name and the runner's argument vector.
//! Must not know how it is sent.

use control::ports::Order;
use lifecycle::ids::BatchId;

/// The name of a batch's step, the comment of its command: what it is found by.
pub(crate) fn name(batch: BatchId) -> String {
    format!("flink-sql-runner batch {batch}")
}

/// The URL of the batch.
pub(crate) fn url(bucket: &str, order: &Order) -> String {
    format!("s3://{bucket}/{}", order.key)
}

/// The runner's argument vector; never a line for a shell.
pub(crate) fn argv(runner: &[String], bucket: &str, order: &Order) -> Vec<String> {
    let arguments = [
        "run".to_owned(),
        "--batch".to_owned(),
        url(bucket, order),
        "--sha256".to_owned(),
        order.digest.to_string(),
        "--batch-id".to_owned(),
        order.batch.to_string(),
    ];
    runner.iter().cloned().chain(arguments).collect()
}
