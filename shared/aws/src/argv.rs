//! What a step or a command says: the batch's name, the program and its argument vector.
//! Must not know how it is sent.

use control::ports::BatchOrder;
use lifecycle::ids::BatchId;

/// What verifies a release's script before it runs it: a fixed text, which data reaches only as arguments.
const VERIFIED: &str = include_str!("../../../infra/node/verified.sh");
/// What the text calls itself in a listing of processes.
const CALLED: &str = "flink-sql-runner";

/// What every step starts: the first arguments of `command-runner.jar`, which runs an argument vector as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepProgram {
    arguments: Vec<String>,
}

impl StepProgram {
    /// A program that the node has, with its first arguments.
    pub fn installed(words: Vec<String>) -> Self {
        Self { arguments: words }
    }

    /// The script of the release at `url` (`s3://…/node/<digest>`), once it is proven to be that release's.
    pub fn released(url: &str) -> Self {
        Self { arguments: ["bash", "-c", VERIFIED, CALLED, url].map(str::to_owned).into() }
    }
}

/// The name of a batch's step, the comment of its command: what it is found by.
pub(crate) fn name(batch: BatchId) -> String {
    format!("flink-sql-runner batch {batch}")
}

/// The URL of the batch.
pub(crate) fn url(bucket: &str, order: &BatchOrder) -> String {
    format!("s3://{bucket}/{}", order.key)
}

/// The whole argument vector; never a line for a shell.
pub(crate) fn argv(program: &StepProgram, bucket: &str, order: &BatchOrder) -> Vec<String> {
    let arguments = [
        "run".to_owned(),
        "--batch".to_owned(),
        url(bucket, order),
        "--sha256".to_owned(),
        order.digest.to_string(),
        "--batch-id".to_owned(),
        order.batch.to_string(),
    ];
    program.arguments.iter().cloned().chain(arguments).collect()
}
