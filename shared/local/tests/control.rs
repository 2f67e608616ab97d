//! EMR and SSM through the SDKs: limits, pages, and steps and commands that really run.
//! Must not know the control planes' insides.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets the unexpected fails")]

mod kit;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_emr::error::ProvideErrorMetadata;
use aws_sdk_emr::types::{
    ActionOnFailure, HadoopJarStepConfig, InstanceGroupType, StepCancellationOption, StepConfig, StepState,
};
use aws_sdk_ssm::types::CommandInvocationStatus;
use kit::{Kit, until};
use local::Fault;
use serde_json::{Value, json};

const CLUSTER: &str = "j-LOCAL00000000";
const INSTANCE: &str = "i-0123456789abcdef0";

fn step(name: &str, args: &[&str]) -> StepConfig {
    let jar = HadoopJarStepConfig::builder().jar("command-runner.jar");
    let jar = jar.set_args(Some(args.iter().map(|arg| (*arg).to_owned()).collect())).build();
    StepConfig::builder().name(name).action_on_failure(ActionOnFailure::Continue).hadoop_jar_step(jar).build()
}

async fn add(emr: &aws_sdk_emr::Client, steps: Vec<StepConfig>) -> Vec<String> {
    let added = emr.add_job_flow_steps().job_flow_id(CLUSTER).set_steps(Some(steps)).send().await.unwrap();
    added.step_ids.unwrap()
}

async fn state(emr: &aws_sdk_emr::Client, id: &str) -> StepState {
    let step = emr.describe_step().cluster_id(CLUSTER).step_id(id).send().await.unwrap();
    step.step.unwrap().status.unwrap().state.unwrap()
}

fn states(kit: &Kit, id: &str) -> Vec<String> {
    let events = kit.notes().into_iter().map(|note| note["event"].clone());
    let of_step =
        events.filter(|event| event["detail-type"] == "EMR Step Status Change" && event["detail"]["stepId"] == id);
    of_step.map(|event| event["detail"]["state"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_step_runs_with_the_node_s_environment_and_tells_its_states() {
    let kit = Kit::start(|config| {
        config.node.env.insert("COLOUR".into(), "blue".into());
        config.node.path = vec![config.node.work_dir.join("bin")];
    })
    .await;
    std::fs::create_dir_all(kit.path("node/bin")).unwrap();
    std::os::unix::fs::symlink("/bin/sh", kit.path("node/bin/only-here")).unwrap();
    let emr = kit.emr();
    let script = "echo $COLOUR $1 $AWS_ENDPOINT_URL_S3; echo bad >&2; exit $2";
    let ids = add(
        &emr,
        vec![
            step("good", &["only-here", "-c", script, "x", "two words", "0"]),
            step("bad", &["only-here", "-c", script, "x", "y", "7"]),
            step("none", &["no-such-program"]),
        ],
    )
    .await;
    until("all steps over", async || {
        kit.stack.steps().iter().all(|step| !matches!(step.state.as_str(), "PENDING" | "RUNNING"))
    })
    .await;
    let ended: Vec<_> = kit.stack.steps().into_iter().map(|step| (step.state, step.exit_code)).collect();
    assert_eq!(ended, [("COMPLETED".into(), Some(0)), ("FAILED".into(), Some(7)), ("FAILED".into(), None)]);
    let out = std::fs::read_to_string(kit.path(&format!("node/steps/{}/stdout", ids[0]))).unwrap();
    assert_eq!(out, format!("blue two words {}\n", kit.stack.s3_url()));
    let failed = emr.describe_step().cluster_id(CLUSTER).step_id(&ids[1]).send().await.unwrap().step.unwrap();
    assert!(failed.status().unwrap().failure_details().unwrap().message().unwrap().contains('7'));
    let mut expected = vec!["COMPLETED", "PENDING", "RUNNING"];
    until("three events", async || states(&kit, &ids[0]).len() == 3).await;
    let mut told = states(&kit, &ids[0]);
    told.sort();
    expected.sort_unstable();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_step_gets_its_arguments_as_they_are_and_only_from_the_jar_that_there_is() {
    let kit = Kit::start(|_| {}).await;
    let emr = kit.emr();
    let text = "printf '%s|' \"$@\"\n# a comment, and a line after it\nexit 3\n";
    let odd = ["bash", "-c", text, "x", "two words", "$(id)", "'\"", ""];
    let script_runner = "s3://us-east-1.elasticmapreduce/libs/script-runner/script-runner.jar";
    let jar = HadoopJarStepConfig::builder().jar(script_runner).args("s3://bucket/a/x.sh").build();
    let other = StepConfig::builder().name("other").action_on_failure(ActionOnFailure::Continue).hadoop_jar_step(jar);
    let ids = add(&emr, vec![step("odd", &odd), other.build()]).await;
    until("all steps over", async || kit.stack.steps().iter().all(|step| step.state == "FAILED")).await;
    let codes: Vec<_> = kit.stack.steps().into_iter().map(|step| step.exit_code).collect();
    assert_eq!(codes, [Some(3), None]);
    let out = std::fs::read_to_string(kit.path(&format!("node/steps/{}/stdout", ids[0]))).unwrap();
    assert_eq!(out, "two words|$(id)|'\"||");
    let failed = emr.describe_step().cluster_id(CLUSTER).step_id(&ids[1]).send().await.unwrap().step.unwrap();
    let told = failed.status().unwrap().failure_details().unwrap().message().unwrap().to_owned();
    assert!(told.contains("script-runner.jar is not known"), "{told}");
}

#[tokio::test]
async fn steps_run_in_submit_order_and_keep_the_limits() {
    let kit = Kit::start(|_| {}).await;
    let emr = kit.emr();
    let first = add(&emr, vec![step("hold", &["sleep", "60"])]).await.remove(0);
    until("the first runs", async || state(&emr, &first).await == StepState::Running).await;
    let many = (0..255).map(|n| step(&format!("n{n}"), &["true"])).collect();
    let ids = add(&emr, many).await;
    let full =
        emr.add_job_flow_steps().job_flow_id(CLUSTER).steps(step("one more", &["true"])).send().await.unwrap_err();
    assert!(full.message().unwrap().contains("Maximum number of active steps"));

    let page = emr.list_steps().cluster_id(CLUSTER).send().await.unwrap();
    assert_eq!((page.steps().len(), page.steps()[0].id()), (50, Some(ids[254].as_str())));
    let next = emr.list_steps().cluster_id(CLUSTER).set_marker(page.marker).send().await.unwrap();
    assert_eq!(next.steps()[0].id(), Some(ids[204].as_str()));
    let running = emr.list_steps().cluster_id(CLUSTER).step_states(StepState::Running).send().await.unwrap();
    assert_eq!(running.steps().iter().filter_map(|step| step.id()).collect::<Vec<_>>(), [first.as_str()]);
    let by_id = emr.list_steps().cluster_id(CLUSTER).step_ids(&ids[3]).send().await.unwrap();
    assert_eq!(by_id.steps().len(), 1);

    let cancel = emr.cancel_steps().cluster_id(CLUSTER).set_step_ids(Some(ids[..200].to_vec())).send().await.unwrap();
    assert!(
        cancel.cancel_steps_info_list().iter().all(|info| info.status().is_some_and(|one| one.as_str() == "SUBMITTED"))
    );
    let long = "x".repeat(10_241);
    let long =
        emr.add_job_flow_steps().job_flow_id(CLUSTER).steps(step("long", &["echo", &long])).send().await.unwrap_err();
    assert!(long.message().unwrap().contains("Size of an individual step"));
    let unknown = emr.add_job_flow_steps().job_flow_id("j-OTHER").steps(step("x", &["true"])).send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("InvalidRequestException"));

    let started = Instant::now();
    let stop = emr.cancel_steps().cluster_id(CLUSTER).step_ids(&first);
    stop.step_cancellation_option(StepCancellationOption::SendInterrupt).send().await.unwrap();
    until("cancelled", async || state(&emr, &first).await == StepState::Cancelled).await;
    assert!(started.elapsed() < Duration::from_secs(4));
    until("the rest ran", async || state(&emr, &ids[254]).await == StepState::Completed).await;
}

#[tokio::test]
async fn concurrent_steps_must_continue_and_run_together() {
    let kit = Kit::start(|config| config.step_concurrency = 2).await;
    let emr = kit.emr();
    let stop = StepConfig::builder().name("x").action_on_failure(ActionOnFailure::CancelAndWait);
    let stop =
        stop.hadoop_jar_step(HadoopJarStepConfig::builder().jar("command-runner.jar").args("true").build()).build();
    assert!(emr.add_job_flow_steps().job_flow_id(CLUSTER).steps(stop).send().await.is_err());
    let ids = add(&emr, (0..3).map(|_| step("hold", &["sleep", "60"])).collect()).await;
    until("two run", async || kit.stack.steps().iter().filter(|step| step.state == "RUNNING").count() == 2).await;
    assert_eq!(state(&emr, &ids[2]).await, StepState::Pending);
    let masters =
        emr.list_instances().cluster_id(CLUSTER).instance_group_types(InstanceGroupType::Master).send().await.unwrap();
    assert_eq!(masters.instances()[0].ec2_instance_id(), Some(INSTANCE));
    let cluster = emr.describe_cluster().cluster_id(CLUSTER).send().await.unwrap().cluster.unwrap();
    assert_eq!(cluster.step_concurrency_level(), Some(2));
    assert_eq!(emr.list_clusters().send().await.unwrap().clusters().len(), 1);
    kit.stack.terminate_cluster();
    assert!(emr.add_job_flow_steps().job_flow_id(CLUSTER).steps(step("x", &["true"])).send().await.is_err());
}

#[tokio::test]
async fn lost_answers_and_refusals_are_ordered_once() {
    let kit = Kit::start(|_| {}).await;
    let emr = kit.emr();
    // The SDK repeats on its own: the duplicate is real.
    kit.stack.order_fault("AddJobFlowSteps", Fault::DropAfter);
    add(&emr, vec![step("twice", &["true"])]).await;
    assert_eq!(kit.stack.steps().len(), 2);
    kit.stack.order_fault("AddJobFlowSteps", Fault::TruncateAfter);
    add(&emr, vec![step("twice", &["true"])]).await;
    assert_eq!(kit.stack.steps().len(), 4);
    kit.stack.order_fault("AddJobFlowSteps", Fault::DropBefore);
    add(&emr, vec![step("once", &["true"])]).await;
    assert_eq!(kit.stack.steps().len(), 5);
    let order = json!({ "operation": "ListSteps", "fault": { "Error": { "status": 400, "kind": "AccessDeniedException", "message": "no" } } });
    post(&kit, "/_faults", &order).await;
    let refused = emr.list_steps().cluster_id(CLUSTER).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDeniedException"));
    emr.list_steps().cluster_id(CLUSTER).send().await.unwrap();
    let ids: Vec<_> = kit
        .stack
        .calls()
        .into_iter()
        .filter(|call| call.operation == "AddJobFlowSteps")
        .map(|call| call.invocation_id)
        .collect();
    assert_eq!((ids.len(), &ids[0], &ids[2]), (6, &ids[1], &ids[3]));
    kit.stack.order_fault("EMR Step Status Change", Fault::DropBefore);
    let id = add(&emr, vec![step("quiet", &["true"])]).await.remove(0);
    until("two of three events", async || states(&kit, &id).len() == 2).await;
    assert!(!states(&kit, &id).contains(&"PENDING".to_owned()));
}

#[tokio::test]
async fn a_command_runs_its_document_s_script() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Run-Batch.json");
    let document = json!({ "schemaVersion": "2.2", "parameters": { "Batch": { "type": "String", "allowedPattern": "^[0-9a-f]+$" } },
        "mainSteps": [{ "action": "aws:runShellScript", "name": "run", "inputs": { "runCommand": ["set -e", "echo batch {{ Batch }}", "echo oops >&2", "exit 4"] } }] });
    std::fs::write(&path, document.to_string()).unwrap();
    let kit = Kit::start(|config| config.node.documents = vec![path]).await;
    let ssm = kit.ssm();
    let send = |document: &str, parameters: &[(&str, &str)]| {
        let parameters: HashMap<String, Vec<String>> =
            parameters.iter().map(|(name, value)| ((*name).into(), vec![(*value).into()])).collect();
        ssm.send_command()
            .instance_ids(INSTANCE)
            .document_name(document)
            .comment("batch 0a")
            .set_parameters(Some(parameters))
    };
    let first = send("Run-Batch", &[("Batch", "0a")]).send().await.unwrap().command.unwrap();
    let id = first.command_id().unwrap().to_owned();
    let look = || ssm.get_command_invocation().command_id(&id).instance_id(INSTANCE).send();
    assert!(look().await.unwrap_err().as_service_error().unwrap().is_invocation_does_not_exist());
    until("the command over", async || look().await.unwrap().status() == Some(&CommandInvocationStatus::Failed)).await;
    let over = look().await.unwrap();
    assert_eq!(
        (over.response_code(), over.standard_output_content(), over.standard_error_content()),
        (4, Some("batch 0a\n"), Some("oops\n"))
    );
    let list = ssm.list_commands().send().await.unwrap();
    assert_eq!((list.commands()[0].comment(), list.commands()[0].command_id()), (Some("batch 0a"), Some(id.as_str())));
    let details = ssm.list_command_invocations().command_id(&id).details(true).send().await.unwrap();
    assert_eq!(details.command_invocations()[0].command_plugins()[0].response_code(), 4);

    assert_eq!(send("Run-Batch", &[("Batch", "0a; rm")]).send().await.unwrap_err().code(), Some("InvalidParameters"));
    assert_eq!(send("Run-Batch", &[]).send().await.unwrap_err().code(), Some("InvalidParameters"));
    assert_eq!(send("No-Such", &[]).send().await.unwrap_err().code(), Some("InvalidDocument"));
    let long = send("Run-Batch", &[("Batch", "0a")]).comment("x".repeat(101)).send().await.unwrap_err();
    assert_eq!(long.code(), Some("ValidationException"));
    let other =
        ssm.send_command().instance_ids("i-00000000000000000").document_name("Run-Batch").send().await.unwrap_err();
    assert!(other.as_service_error().unwrap().is_invalid_instance_id());
    let events = || -> Vec<Value> {
        kit.notes().into_iter().map(|note| note["event"].clone()).filter(|event| event["source"] == "aws.ssm").collect()
    };
    until("three statuses and their twins", async || events().len() == 6).await;
    let twins = events()
        .into_iter()
        .filter(|event| event["detail-type"] == "EC2 Command Invocation Status-change Notification");
    assert!(twins.clone().count() == 3 && twins.clone().all(|event| event["detail"]["instance-id"] == INSTANCE));
}

#[tokio::test]
async fn a_cancelled_command_ends_with_its_children() {
    let kit = Kit::start(|_| {}).await;
    let ssm = kit.ssm();
    let sleeper = format!("sleep 61.{}", std::process::id());
    let lines = vec!["trap '' TERM".to_owned(), sleeper.clone(), "true".to_owned()];
    let sent =
        ssm.send_command().instance_ids(INSTANCE).document_name("AWS-RunShellScript").parameters("commands", lines);
    let id = sent.send().await.unwrap().command.unwrap().command_id.unwrap();
    until("it runs", async || running(&sleeper)).await;
    ssm.cancel_command().command_id(&id).send().await.unwrap();
    until("it is gone", async || kit.stack.commands()[0].status == "Cancelled").await;
    assert!(!running(&sleeper));
}

#[tokio::test]
async fn nothing_is_left_behind() {
    for by_drop in [true, false] {
        let kit = Kit::start(|_| {}).await;
        let sleeper = format!("sleep 6{}.{}", u8::from(by_drop), std::process::id());
        let script = format!("{sleeper} & {sleeper}");
        add(&kit.emr(), vec![step("orphans", &["bash", "-c", &script])]).await;
        until("it runs", async || running(&sleeper)).await;
        let Kit { stack, folder } = kit;
        if by_drop {
            drop(stack);
        } else {
            stack.shutdown().await;
        }
        until("all are gone", async || !running(&sleeper)).await;
        drop(folder);
    }
}

/// Whether a process with this command line lives.
fn running(command: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).trim_end_matches('\0').replace('\0', " "))
        .any(|line| line == command)
}

/// Another process's way to order faults.
async fn post(kit: &Kit, path: &str, body: &Value) {
    let url = format!("{}{path}", kit.stack.control_url());
    let body = body.to_string();
    let curl = ["-sf", "--max-time", "10", "-X", "POST", "-d", &body, &url];
    let done = tokio::process::Command::new("curl").args(curl).status().await.unwrap();
    assert!(done.success());
}

#[tokio::test]
async fn parameters_are_decrypted_where_they_may_be_read() {
    let kit = Kit::start(|config| {
        let plain = local::ParameterConfig { value: "plain".into(), secure: false };
        let parameters = [("/fsr/a", local::ParameterConfig::secure("hunter2")), ("/fsr/plain", plain)];
        config.parameters = parameters.map(|(name, value)| (name.to_owned(), value)).into();
        config.parameters_path = "/fsr/".into();
    })
    .await;
    let ssm = kit.ssm();
    let get = async |name: &str, decrypted: bool| {
        ssm.get_parameter().name(name).with_decryption(decrypted).send().await.map(|got| got.parameter.unwrap())
    };
    let code = async |name: &str| get(name, true).await.unwrap_err().code().unwrap().to_owned();
    let secure = get("/fsr/a", true).await.unwrap();
    assert_eq!(
        (secure.value(), secure.version(), secure.r#type().unwrap().as_str()),
        (Some("hunter2"), 1, "SecureString")
    );
    assert_eq!(secure.arn(), Some("arn:aws:ssm:us-east-1:123456789012:parameter/fsr/a"));
    let opaque = get("/fsr/a", false).await.unwrap().value.unwrap();
    assert!(opaque.starts_with("AQICAH") && !opaque.contains("hunter2"), "{opaque}");
    assert_eq!(get("/fsr/plain", false).await.unwrap().value(), Some("plain"));

    kit.stack.put_parameter("/fsr/a", local::ParameterConfig::secure("rotated"));
    let rotated = get("/fsr/a", true).await.unwrap();
    assert_eq!((rotated.value(), rotated.version()), (Some("rotated"), 2));
    kit.stack.remove_parameter("/fsr/a");
    assert_eq!(code("/fsr/a").await, "ParameterNotFound");
    assert_eq!(code("/other/a").await, "AccessDeniedException");
    assert_eq!(code("/fsr//a").await, "ValidationException");

    let throttled = Fault::Error { status: 400, kind: "ThrottlingException".into(), message: "Rate exceeded".into() };
    kit.stack.order_fault("GetParameter", throttled);
    assert_eq!(get("/fsr/plain", true).await.unwrap().value(), Some("plain"), "the SDK tries again");
    assert!(kit.stack.calls().iter().any(|call| call.operation == "GetParameter" && call.resource == "/fsr/plain"));
}
