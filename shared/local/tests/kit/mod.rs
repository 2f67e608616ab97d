//! What the tests of the stack share: a stack with a function that does as it is told, and the SDK's clients.
//! Must not know what a test proves.
#![expect(dead_code, reason = "each test uses a part of the kit")]

use std::collections::BTreeMap;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use local::{Delivery, LambdaConfig, Stack, StackConfig};
use serde_json::Value;
use tempfile::TempDir;

/// The bucket of the tests.
pub(crate) const BUCKET: &str = "bucket";

/// A function that speaks the Runtime API and obeys its payload; it notes every payload in a file first.
const BOOTSTRAP: &str = r#"#!/usr/bin/env python3
import json, os, sys, time, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/"
def post(path, body):
    urllib.request.urlopen(urllib.request.Request(api + path, data=json.dumps(body).encode(), method="POST")).read()
if os.environ.get("INIT") == "error":
    post("init/error", {"errorType": "Init", "errorMessage": "no"}); sys.exit(1)
calls = 0
while True:
    with urllib.request.urlopen(api + "invocation/next") as r:
        request, deadline, event = r.headers["Lambda-Runtime-Aws-Request-Id"], int(r.headers["Lambda-Runtime-Deadline-Ms"]), json.load(r)
    calls += 1
    with open(os.environ["NOTES"], "a") as f:
        f.write(json.dumps({"pid": os.getpid(), "at": time.time(), "event": event}) + "\n")
    do = event.get("do")
    if do == "exit": sys.exit(3)
    if do == "sleep": time.sleep(60)
    if do == "error" or os.environ.get("FAIL") == "1":
        post("invocation/" + request + "/error", {"errorType": "Told", "errorMessage": "told to"}); continue
    if "Records" in event and event["Records"][0].get("eventSource") == "aws:sqs":
        bad = [{"itemIdentifier": m["messageId"]} for m in event["Records"] if "poison" in m["body"]]
        post("invocation/" + request + "/response", {"batchItemFailures": bad}); continue
    post("invocation/" + request + "/response", {"calls": calls, "pid": os.getpid(), "left": deadline - int(time.time() * 1000), "name": os.environ["AWS_LAMBDA_FUNCTION_NAME"], "s3": os.environ["AWS_ENDPOINT_URL_S3"]})
"#;

/// A stack and the folder it works in.
pub(crate) struct Kit {
    pub(crate) stack: Stack,
    pub(crate) folder: TempDir,
}

/// A configuration with the function above and quick limits.
pub(crate) fn config(folder: &TempDir) -> StackConfig {
    let bootstrap = folder.path().join("bootstrap");
    std::fs::write(&bootstrap, BOOTSTRAP).unwrap();
    std::fs::set_permissions(&bootstrap, std::fs::Permissions::from_mode(0o755)).unwrap();
    let notes = folder.path().join("notes").to_string_lossy().into_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut config = StackConfig { bucket: BUCKET.into(), ..StackConfig::default() };
    config.lambda = LambdaConfig {
        name: "told".into(),
        delivery: Delivery::Host { bootstrap },
        env: BTreeMap::from([("NOTES".into(), notes), ("PATH".into(), path)]),
        timeout: Duration::from_secs(2),
        async_retry_delays: vec![Duration::from_millis(50), Duration::from_millis(100)],
        log: Some(folder.path().join("log")),
        ..LambdaConfig::default()
    };
    config.node.work_dir = folder.path().join("node");
    config
}

impl Kit {
    /// Starts a stack; the change sees the configuration before.
    pub(crate) async fn start(change: impl FnOnce(&mut StackConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder);
        change(&mut config);
        Self { stack: Stack::start(config).await.unwrap(), folder }
    }

    /// What the function was sent so far.
    pub(crate) fn notes(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("notes")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// A path under the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The SDK's S3.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(local::REGION))
            .credentials_provider(Credentials::new(local::ACCESS_KEY, local::SECRET_KEY, None, None, "test"))
            .endpoint_url(self.stack.s3_url())
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// The SDK's EMR.
    pub(crate) fn emr(&self) -> aws_sdk_emr::Client {
        let config = aws_sdk_emr::Config::builder()
            .behavior_version(aws_sdk_emr::config::BehaviorVersion::latest())
            .region(aws_sdk_emr::config::Region::new(local::REGION))
            .credentials_provider(aws_sdk_emr::config::Credentials::new("key", "secret", None, None, "test"))
            .endpoint_url(self.stack.control_url())
            .build();
        aws_sdk_emr::Client::from_conf(config)
    }

    /// The SDK's SSM.
    pub(crate) fn ssm(&self) -> aws_sdk_ssm::Client {
        let config = aws_sdk_ssm::Config::builder()
            .behavior_version(aws_sdk_ssm::config::BehaviorVersion::latest())
            .region(aws_sdk_ssm::config::Region::new(local::REGION))
            .credentials_provider(aws_sdk_ssm::config::Credentials::new("key", "secret", None, None, "test"))
            .endpoint_url(self.stack.control_url())
            .build();
        aws_sdk_ssm::Client::from_conf(config)
    }

    /// The SDK's SNS.
    pub(crate) fn sns(&self) -> aws_sdk_sns::Client {
        let config = aws_sdk_sns::Config::builder()
            .behavior_version(aws_sdk_sns::config::BehaviorVersion::latest())
            .region(aws_sdk_sns::config::Region::new(local::REGION))
            .credentials_provider(aws_sdk_sns::config::Credentials::new("key", "secret", None, None, "test"))
            .endpoint_url(self.stack.control_url())
            .build();
        aws_sdk_sns::Client::from_conf(config)
    }
}

/// Waits until something holds, for thirty seconds at most.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..1500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within thirty seconds: {what}");
}
