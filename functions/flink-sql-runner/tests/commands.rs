//! The program itself against an S3 and an EMR on this machine: what it prints, and how it ends.
//! No Flink here: what becomes of an operation on a node is proven by the end-to-end tests.
#![expect(clippy::unwrap_used, reason = "a test ends at once")]

mod bucket;
mod function;
mod logged;
mod waits;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use function::script;
use local::{Fault, NodeConfig, Principal, Stack, StackConfig};
use serde_json::{Value, json};

struct Bench {
    stack: Stack,
    node: tempfile::TempDir,
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").canonicalize().unwrap()
}

impl Bench {
    async fn start() -> Self {
        Self::with(|_, _| {}).await
    }

    /// The change sees the configuration and the node's folder before.
    async fn with(change: impl FnOnce(&mut StackConfig, &Path)) -> Self {
        let node = tempfile::tempdir().unwrap();
        // The node of this stack has a runner that never says anything: operations stay open.
        script(node.path(), "flink-sql-runner-step", "sleep 600");
        let lambda = function::named("jobs-of-the-team", node.path());
        let mut config = StackConfig {
            lambda,
            node: NodeConfig {
                work_dir: node.path().to_owned(),
                path: vec![node.path().to_owned()],
                ..NodeConfig::default()
            },
            ..StackConfig::default()
        };
        change(&mut config, node.path());
        Self { stack: Stack::start(config).await.unwrap(), node }
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        self.run_as(Principal::Owner, arguments).await
    }

    async fn run_as(&self, principal: Principal, arguments: &[&str]) -> Output {
        let mut command = self.command_as(principal, arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.command_as(Principal::Owner, arguments)
    }

    fn command_as(&self, principal: Principal, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flink-sql-runner"));
        command.args(arguments).current_dir(examples()).env_clear().envs(self.stack.aws_env_of(principal));
        command.envs([("BUCKET", "local"), ("USER", "anna")]);
        command.env("STATE_DIRECTORY", self.node.path());
        command
    }

    /// What a command that waits says on stderr once somebody presses Ctrl-C.
    async fn interrupted(&self, arguments: &[&str]) -> String {
        let child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = child.id().to_string();
        let ending = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let output = ending.await.unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    async fn json(&self, arguments: &[&str], code: i32) -> Value {
        let output = self.run(&[arguments, &["--output", "json"]].concat()).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    async fn text(&self, arguments: &[&str], code: i32) -> (String, String) {
        let output = self.run(arguments).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_plans_orders_and_shows() {
    let bench = Bench::start().await;
    // Nobody has said yet what the function is called.
    let (_, aside) = bench.text(&["status"], 2).await;
    assert!(aside.contains("there is no function `flink-sql-runner`") && aside.contains("--function"), "{aside}");
    let (_, aside) = bench.text(&["validate", "."], 0).await;
    assert!(aside.contains("(ALLOW_CODE)") && !aside.contains("(BUCKET"), "the bucket is set: {aside}");
    assert!(aside.contains("there is no flink-sql-runner/settings.json"), "{aside}");
    bench.text(&["status", "--function", "jobs-of-the-team"], 0).await;
    // From here on the function has told.
    let (said, _) = bench.text(&["status"], 0).await;
    assert_eq!(said, "no jobs. The cluster was not looked at yet.\n");

    // A refused file uploads nothing.
    let (said, aside) = bench.text(&["deploy", "rejected"], 3).await;
    assert!(said.contains("error[unknown-field]") && aside.contains("nothing was uploaded"), "{said}{aside}");
    assert_eq!(bench.json(&["plan"], 0).await["jobs"], serde_json::json!([]));

    let uploaded = bench.json(&["deploy", "."], 0).await;
    let keys: Vec<&str> = uploaded["uploaded"].as_array().unwrap().iter().map(|u| u["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), 8, "{keys:?}");
    assert!(keys[0].starts_with("flink-sql-runner/config/"), "the configuration goes first: {keys:?}");
    let again = bench.json(&["deploy", "."], 0).await;
    assert!(again["uploaded"].as_array().unwrap().iter().all(|u| u["same"] == true), "{again}");

    let (said, _) = bench.text(&["plan", "--exit-code"], 4).await;
    assert!(said.ends_with("Plan: 4 new.\n"), "{said}");
    assert!(!said.contains('\x1b'), "no colours where nobody sees them: {said:?}");

    let ordered = bench.json(&["deploy", "filter-expensive-items"], 0).await;
    assert_eq!(ordered["plan"]["jobs"][0]["reason"]["reason"], "ordered", "{ordered}");
    assert!(ordered["plan"]["dispatched_as"].as_str().is_some(), "{ordered}");
    let (said, aside) = bench.text(&["deploy", "filter-expensive-items", "--wait", "--timeout", "1s"], 5).await;
    assert!(aside.contains("has not ended after 1.0 s"), "{said}{aside}");
    let (_, aside) = bench.text(&["deploy", "no-such-job"], 2).await;
    assert!(aside.contains("no uploaded manifest is named `no-such-job`"), "{aside}");
    let status = bench.json(&["status"], 0).await;
    assert!(status["jobs"][0]["operation"].is_string(), "{status}");
    let (said, _) = bench.text(&["status"], 0).await;
    assert!(said.contains("1 not-deployed, 3 not-judged."), "what is uploaded is listed: {said}");
    // Nothing waits for these: that is no trouble with the bucket.
    for wrong in [
        vec!["retry", "filter-expensive-items"],
        vec!["retry", "no-such-job"],
        vec!["allow", "filter-expensive-items", "clean-start"],
    ] {
        let (said, aside) = bench.text(&wrong, 2).await;
        assert!(
            said.is_empty() && aside.contains("help:") && !aside.contains("the bucket's name"),
            "{wrong:?}: {aside}"
        );
    }
    let (_, aside) = bench.text(&["validate", "."], 0).await;
    assert_eq!(aside, "", "the function has said how it is set");
    let (said, aside) = bench.text(&["validate", ".", "--allow-code", "false", "--allow-files", "true"], 3).await;
    assert!(said.contains("error[code-not-allowed]") && aside.is_empty(), "{said}{aside}");
    let (_, aside) = bench.text(&["history", "no-such-job"], 2).await;
    assert!(aside.contains("nothing is recorded or uploaded for a job named `no-such-job`"), "{aside}");
    let (said, aside) = bench.text(&["status", "filter-expensive-items", "no-such-job"], 2).await;
    assert!(said.is_empty() && aside.contains("`no-such-job`"), "{said}{aside}");
    let (said, _) = bench.text(&["status", "filter-expensive-items"], 0).await;
    assert!(said.contains("\nfilter-expensive-items ") && said.contains("\n1 not-deployed."), "{said}");
    let (said, _) = bench.text(&["status", "--state", "not-judged,refused"], 0).await;
    assert!(said.contains("\n3 not-judged.") && !said.contains("filter-expensive"), "{said}");
    let (said, _) = bench.text(&["logs", "filter-expensive-items"], 0).await;
    assert!(said.contains(" of filter-expensive-items: under way\n  sent as s-"), "{said}");
    assert!(said.contains("the function's lines, the newest first, from /aws/lambda/jobs-of-the-team:"), "{said}");
    let (_, aside) = bench.text(&["logs", "filter-expensive-items", "12345678"], 2).await;
    assert!(aside.contains("`history filter-expensive-items` lists its operations"), "{aside}");
    let page = bench.node.path().join("report.html");
    let (said, _) = bench.text(&["report", "-o", &page.to_string_lossy()], 0).await;
    assert!(said.starts_with("wrote ") && said.ends_with(" kB)\n"), "{said}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<h2>4 jobs</h2>") && page.contains("s3://local/flink-sql-runner/"), "{page}");
    let (said, aside) = bench.text(&["report", "-o", "-"], 0).await;
    assert!(said.starts_with("<!doctype html>") && aside.is_empty(), "{said}{aside}");
    // A part that cannot be read is told on the page, beside it, and by the code.
    let damaged =
        |key: &str| bucket::client(&bench.stack).put_object().bucket("local").key(key).body(b"{".to_vec().into());
    damaged("flink-sql-runner/alerts.json").send().await.unwrap();
    let (said, aside) = bench.text(&["report"], 6).await;
    assert!(said.contains("<li class=b>which alerts stand is not known: reading"), "{said}");
    assert!(aside.contains("a part of the page is missing") && aside.contains("alerts.json"), "{aside}");
    // Nor does the function: the page is made of the documents, and says so in the same places.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = bench.command(&["report"]);
    command.env("AWS_ENDPOINT_URL_LAMBDA", format!("http://{nobody}"));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (said, aside) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(6), "{aside}");
    assert!(said.contains("<h2>4 jobs</h2>") && said.contains("<li class=b>the function gave no answer, "), "{said}");
    assert!(aside.contains("a part of the page is missing\n  caused by: the function gave no answer, "), "{aside}");
    assert!(aside.contains("asking the function jobs-of-the-team") && aside.contains("alerts.json"), "{aside}");
    let (said, _) = bench.text(&["report", "--function", "no-such"], 6).await;
    assert!(said.contains("there is no function `no-such` (name it with --function"), "{said}");
    // Where nothing can be read at all there is no page, but the way out.
    let (said, aside) = bench.text(&["report", "--function", "no-such", "--bucket", "no-such"], 2).await;
    assert!(said.is_empty() && aside.contains("there is no function `no-such`") && aside.contains("help: "), "{aside}");
    // No node answers: the look is ordered, and not there within the time.
    let (said, aside) = bench.text(&["status", "--fresh", "--timeout", "1s"], 5).await;
    assert!(aside.contains("no newer look arrived within 1.0 s") && said.contains("3 not-judged."), "{said}{aside}");
    // Nor does the function: it is not asked a second time.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = bench.command(&["status", "--fresh", "--timeout", "1s"]);
    command.env("AWS_ENDPOINT_URL_LAMBDA", format!("http://{}", silent.local_addr().unwrap()));
    let began = std::time::Instant::now();
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert_eq!((output.status.code(), began.elapsed().as_secs() < 15), (Some(5), true), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("the function did not answer within 1.0 s"), "{output:?}");
    // Ctrl-C ends the command and nothing else.
    let aside = bench.interrupted(&["status", "--watch"]).await;
    assert!(aside.contains("operations and jobs go on; `status` shows"), "{aside}");
    let aside = bench.interrupted(&["deploy", "filter-expensive-items", "--wait"]).await;
    assert!(aside.contains("`flink-sql-runner history filter-expensive-items` tells its end"), "{aside}");
    let (said, _) = bench.text(&["history", "filter-expensive-items"], 0).await;
    assert!(said.contains("  new     -     under way  ") && said.lines().count() == 2, "{said}");
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_project_is_valid_and_deploys() {
    let bench = Bench::start().await;
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("jobs").display().to_string();
    let (said, _) = bench.text(&["init", &project], 0).await;
    assert_eq!(said.matches("wrote ").count(), 8, "{said}");
    // As strict as the template's defaults; a single warning would be printed as well.
    let strict = ["validate", &project, "--allow-code", "false", "--allow-files", "false"];
    let (said, aside) = bench.text(&strict, 0).await;
    assert_eq!((said.as_str(), aside.as_str()), ("1 manifest: 1 valid, 0 invalid\n", ""));
    let uploaded = bench.json(&["deploy", &project], 0).await;
    assert_eq!(uploaded["uploaded"].as_array().unwrap().len(), 5, "{uploaded}");
    let (said, _) = bench.text(&["plan", "--exit-code", "--function", "jobs-of-the-team"], 4).await;
    assert!(said.ends_with("Plan: 1 new.\n"), "{said}");
    let (_, aside) = bench.text(&["init", &project], 2).await;
    assert!(aside.contains("README.md` is there already"), "{aside}");
    // The editor finds the schema from where the manifest lies.
    let manifest = std::fs::read_to_string(format!("{project}/queries/orders-per-buyer.yaml")).unwrap();
    let schema = manifest.lines().next().unwrap().strip_prefix("# yaml-language-server: $schema=").unwrap();
    let schema = std::fs::read(format!("{project}/queries/{schema}")).unwrap();
    assert!(serde_json::from_slice::<Value>(&schema).unwrap().is_object());
    bench.stack.shutdown().await;
}

/// Their help says so: they neither wait for a bucket nor tell it anything.
#[test]
fn what_needs_nothing_outside_asks_nobody() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    nobody.set_nonblocking(true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("jobs").display().to_string();
    for arguments in [vec!["init", &project], vec!["completions", "bash"], vec!["man"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flink-sql-runner"));
        command.args(&arguments).env_clear().envs([("BUCKET", "local"), ("AWS_REGION", "us-east-1")]);
        command.envs([("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")]);
        command.env("AWS_ENDPOINT_URL", format!("http://{}", nobody.local_addr().unwrap()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert!(nobody.accept().is_err(), "{arguments:?} asked somebody");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shells_complete_it() {
    let bench = Bench::start().await;
    for shell in ["bash", "zsh", "fish"] {
        let (said, _) = bench.text(&["completions", shell], 0).await;
        assert!(said.contains("redeploy") && said.contains("with-strangers"), "{shell}");
    }
    let (said, _) = bench.text(&["man"], 0).await;
    assert!(said.contains(".TH flink-sql-runner 1"), "{said}");
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_primary_node_it_takes_the_python_tools_flags() {
    let bench = Bench::start().await;
    let flags = |command: &'static str, target: &'static str| {
        let common = "--path queries --template-file config/job-template.yaml --pyflink-runner-dir runner --pyexec-path python3 \
            --external-job-config-bucket local --external-job-config-prefix p/manifests/ \
            --table-definition-path config/tables/inputs.sql config/tables/outputs.sql --template-params orders_per_second=20 \
            --jobmanager-address 127.0.0.1:1 -Dsome.option=1 --dispatch process";
        let mut words = vec![command, "--deployment-target", target];
        words.extend(common.split_whitespace());
        words
    };
    let (said, _) = bench.text(&flags("plan", "remote"), 0).await;
    assert!(said.ends_with("Plan: 4 new.\n"), "{said}");
    let mut without_yarn = flags("deploy", "yarn");
    without_yarn.extend(["--hadoop-conf-dir", "nowhere"]);
    let (_, aside) = bench.text(&without_yarn, 2).await;
    assert!(aside.contains("cannot read nowhere/yarn-site.xml; name the ResourceManager with"), "{aside}");
    // Nobody answers at that address: nothing is known, and it is said once.
    let (said, aside) = bench.text(&flags("deploy", "remote"), 6).await;
    assert_eq!(said, "");
    assert_eq!(aside.matches("error:").count(), 1, "{aside}");
    assert!(aside.contains("help:"), "{aside}");
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_is_written_down_by_what_aws_knows_of_him() {
    let bench = Bench::start().await;
    bench.text(&["status", "--function", "jobs-of-the-team"], 0).await;
    bench.json(&["deploy", "."], 0).await;
    let by = async |name: &str| {
        let status = bench.json(&["status"], 0).await;
        let job = status["jobs"].as_array().unwrap().iter().find(|job| job["name"] == name).unwrap().clone();
        job["decision"]["by"].as_str().unwrap().to_owned()
    };
    let output = bench.run_as(Principal::Operator, &["deploy", "filter-expensive-items"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(by("filter-expensive-items").await, Principal::Operator.arn());

    // Whoever only says who he is, is not believed.
    let order = |names: &[&str], by: &str| json!({ "action": "deploy", "names": names, "by": by });
    let answer = bench.stack.invoke(order(&["orders-per-buyer"], "anna")).await;
    assert_eq!(answer.function_error, None, "{answer:?}");
    assert_eq!(by("orders-per-buyer").await, "anna (not verified)");

    // A proof that proves nothing is worse than none: nothing is done.
    let mut event = order(&["order-numbers"], "anna");
    event["proof"] = json!({ "headers": {} });
    let answer = bench.stack.invoke(event).await;
    assert_eq!(answer.function_error, None, "a wrong order is no failure of the function: {answer:?}");
    assert_eq!(answer.payload["error"]["kind"], "not-proven", "{answer:?}");
    let status = bench.json(&["status"], 0).await;
    let job = status["jobs"].as_array().unwrap().iter().find(|job| job["name"] == "order-numbers").unwrap().clone();
    assert_eq!(job["decision"], Value::Null, "{job}");
    bench.stack.shutdown().await;
}

/// Whoever says how long he waits does not wait longer for the answer alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_wait_covers_the_functions_answer() {
    let bench = Bench::start().await;
    // Whoever connects is kept waiting.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut command = bench.command(&["retry", "orders-per-buyer", "--wait", "--timeout", "1s"]);
    command.env("AWS_ENDPOINT_URL_LAMBDA", format!("http://{}", silent.local_addr().unwrap()));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let aside = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{aside}");
    assert!(
        aside.contains("the function did not answer within 1.0 s: whether it did what was asked is unknown"),
        "{aside}"
    );
    assert!(aside.contains("help: `status` tells how jobs stand"), "{aside}");
    bench.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_fails_or_is_too_busy_is_told_and_not_asked_again() {
    let bench = Bench::start().await;
    let ask = ["redeploy", "--function", "jobs-of-the-team"];
    let error = |status, kind: &str| Fault::Error { status, kind: kind.to_owned(), message: "ordered".to_owned() };
    bench.stack.order_fault("Invoke", error(429, "TooManyRequestsException"));
    let (said, aside) = bench.text(&ask, 6).await;
    assert!(said.is_empty() && aside.contains("too busy") && aside.contains("nothing was done"), "{aside}");
    bench.stack.order_fault("Invoke", Fault::DropAfter);
    let (_, aside) = bench.text(&ask, 6).await;
    assert!(aside.contains("outcome unknown"), "{aside}");
    let asked = bench.stack.calls().into_iter().filter(|call| call.operation == "Invoke").count();
    assert_eq!(asked, 2, "what may have been done is not asked for twice");
    bench.stack.configure_function("CLUSTER", "nothing");
    let (_, aside) = bench.text(&ask, 6).await;
    assert!(aside.contains("failed") && aside.contains("log"), "{aside}");
    bench.stack.shutdown().await;
}
