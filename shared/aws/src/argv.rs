//! What a step or a command says: the batch's name, the program and its argument vector.
//! Must not know how it is sent.

use control::ports::Order;
use lifecycle::ids::BatchId;

/// The script of a node release, under the release's URL.
const RELEASE_SCRIPT: &str = "flink-sql-runner-node.sh";

/// What every step starts: one of the platform's jars, and its first arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepProgram {
    jar: String,
    arguments: Vec<String>,
}

impl StepProgram {
    /// A program that the node has, with its first arguments.
    pub fn installed(words: Vec<String>) -> Self {
        Self { jar: "command-runner.jar".to_owned(), arguments: words }
    }

    /// The script of the release at `url` (`s3://…/node/<digest>`), fetched and run by the script runner `jar`.
    pub fn released(jar: impl Into<String>, url: &str) -> Self {
        let arguments = vec![format!("{url}/{RELEASE_SCRIPT}"), "--release".to_owned(), url.to_owned()];
        Self { jar: jar.into(), arguments }
    }

    /// The jar.
    pub(crate) fn jar(&self) -> &str {
        &self.jar
    }
}

/// The name of a batch's step, the comment of its command: what it is found by.
pub(crate) fn name(batch: BatchId) -> String {
    format!("flink-sql-runner batch {batch}")
}

/// The URL of the batch.
pub(crate) fn url(bucket: &str, order: &Order) -> String {
    format!("s3://{bucket}/{}", order.key)
}

/// The whole argument vector; never a line for a shell.
pub(crate) fn argv(program: &StepProgram, bucket: &str, order: &Order) -> Vec<String> {
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
