//! Steps of EMR's script runner: a script on the stack's S3, its arguments and its end.
//! Must not know the control planes' insides.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets the unexpected fails")]

mod kit;

use aws_sdk_emr::types::{ActionOnFailure, HadoopJarStepConfig, StepConfig};
use kit::{BUCKET, Kit, until};

const CLUSTER: &str = "j-LOCAL00000000";
const JAR: &str = "s3://us-east-1.elasticmapreduce/libs/script-runner/script-runner.jar";

fn step(jar: &str, args: &[&str]) -> StepConfig {
    let jar = HadoopJarStepConfig::builder().jar(jar);
    let jar = jar.set_args(Some(args.iter().map(|arg| (*arg).to_owned()).collect())).build();
    StepConfig::builder().name("a step").action_on_failure(ActionOnFailure::Continue).hadoop_jar_step(jar).build()
}

#[tokio::test]
async fn a_script_is_fetched_and_gets_its_arguments_as_they_are() {
    let kit = Kit::start(|config| config.node.env = [("COLOUR".to_owned(), "blue".to_owned())].into()).await;
    let script = "#!/usr/bin/env bash\nprintf '%s|' \"$COLOUR\" \"$@\"\nexit 3\n";
    let put = kit.s3().put_object().bucket(BUCKET).key("a/x.sh");
    put.body(script.as_bytes().to_vec().into()).send().await.unwrap();
    let steps = vec![
        step(JAR, &["s3://bucket/a/x.sh", "two words", "$(id)", "'\"", ""]),
        step(JAR, &["s3://bucket/a/y.sh"]),
        step(JAR, &["/a/x.sh"]),
        step("s3://bucket/other.jar", &["s3://bucket/a/x.sh"]),
    ];
    let emr = kit.emr();
    let added = emr.add_job_flow_steps().job_flow_id(CLUSTER).set_steps(Some(steps)).send().await.unwrap();
    let ids = added.step_ids.unwrap();
    until("all steps over", async || kit.stack.steps().iter().all(|step| step.state == "FAILED")).await;
    let codes: Vec<_> = kit.stack.steps().into_iter().map(|step| step.exit_code).collect();
    assert_eq!(codes, [Some(3), None, None, None]);
    let out = std::fs::read_to_string(kit.path(&format!("node/steps/{}/stdout", ids[0]))).unwrap();
    assert_eq!(out, "blue|two words|$(id)|'\"||");
    for (id, reason) in ids[1..].iter().zip(["a/y.sh does not exist", "no script on S3", "other.jar is not known"]) {
        let failed = emr.describe_step().cluster_id(CLUSTER).step_id(id).send().await.unwrap().step.unwrap();
        let told = failed.status().unwrap().failure_details().unwrap().message().unwrap().to_owned();
        assert!(told.contains(reason), "{told}");
    }
    let fetched = kit.stack.calls().into_iter().filter(|call| call.operation == "GetObject");
    assert_eq!(fetched.map(|call| call.resource).collect::<Vec<_>>(), ["bucket/a/x.sh", "bucket/a/y.sh"]);
}
