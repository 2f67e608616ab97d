//! What people do with the system besides uploading: the Invoke API as the AWS command line calls it, and our own one.
//! Must not know what the answers mean.

use std::process::Stdio;
use std::time::Duration;

use local::{Principal, REGION};
use local_stack::stack::FUNCTION;
use serde_json::Value;
use tokio::process::Command;

use crate::{Bench, binaries};

/// How long any of it may take.
const LIMIT: Duration = Duration::from_mins(3);

impl Bench {
    /// Invokes the function as an operator and waits for its answer.
    pub async fn invoke(&self, input: &Value) -> Value {
        let url = format!("{}/2015-03-31/functions/{FUNCTION}/invocations", self.stack.aws.lambda_url());
        // The stack reads from a signature whose it is, and does not verify this service's.
        let credential = format!("{}/20260101/{REGION}/lambda/aws4_request", Principal::Operator.access_key());
        let signature = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        let request = self.http.post(url).header("authorization", signature).json(input);
        let answer = request.timeout(LIMIT).send().await.unwrap();
        assert!(answer.headers().get("x-amz-function-error").is_none(), "{input}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    /// `flink-sql-runner` on the machine of one of the team, with this principal's rights.
    async fn ran(&self, principal: Principal, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(binaries().join("flink-sql-runner"));
        command.args(["--output", "json"]).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        command.envs(self.stack.settings()).envs(self.stack.aws.aws_env_of(principal));
        tokio::time::timeout(LIMIT, command.output()).await.unwrap().unwrap()
    }

    /// The same, refused as something that cannot be done as things stand; answers what it said.
    pub async fn command_refused(&self, principal: Principal, arguments: &[&str]) -> String {
        let output = self.ran(principal, arguments).await;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        said
    }

    /// The same, carried out; answers its last document.
    pub async fn command_line(&self, principal: Principal, arguments: &[&str]) -> Value {
        let output = self.ran(principal, arguments).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        // Of `status` 1 means that some job is not as it should be: the document tells which.
        let told = arguments.first() == Some(&"status") && output.status.code() == Some(1);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() || told, "{arguments:?}: {} {said} {errors}", output.status);
        let documents = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
        documents.last().expect("a document").unwrap()
    }
}
