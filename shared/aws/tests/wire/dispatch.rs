//! EMR and SSM dispatch against a server that loses replies, throttles and refuses.
//! Must not know how the adapters are made: only ports and the wire.

use std::sync::{Arc, Mutex};

use aws::{ClusterRef, EmrDispatcher, SsmDispatcher, StepProgram};
use control::ports::{BatchOrder, Dispatcher, OutsideError, Progress};
use desired::digest::Digest;
use lifecycle::ids::{BatchId, Hex32};
use serde_json::{Value, json};

use crate::fake::{Answer, Fake, Request, reply};

fn batch() -> BatchId {
    Hex32::derived(&["batch"]).into()
}

fn order() -> BatchOrder {
    BatchOrder { batch: batch(), key: "p/batches/x.json".into(), digest: Digest::of(b"{}") }
}

fn name() -> String {
    format!("flink-sql-runner batch {}", batch())
}

fn ok(body: &Value) -> Answer {
    reply(200, body.to_string())
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    reply(status, json!({"__type": code, "message": message}).to_string())
}

fn added() -> Answer {
    ok(&json!({"StepIds": ["s-1"]}))
}

fn no_steps() -> Answer {
    ok(&json!({"Steps": []}))
}

fn step(id: &str, name: &str, state: &str, created: i64) -> Value {
    json!({"Id": id, "Name": name, "Status": {"State": state, "Timeline": {"CreationDateTime": created}}})
}

#[expect(clippy::disallowed_methods, reason = "the real time, as in the product")]
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

async fn emr_on(cluster: ClusterRef, answers: Vec<Answer>) -> (Fake, EmrDispatcher) {
    let fake = Fake::answering(answers).await;
    let program = StepProgram::installed(vec!["flink-sql-runner-step".to_owned()]);
    let dispatcher = EmrDispatcher::new(&fake.config(), cluster, program, "b");
    (fake, dispatcher)
}

async fn emr(answers: Vec<Answer>) -> (Fake, EmrDispatcher) {
    emr_on(ClusterRef::Id("j-1".into()), answers).await
}

async fn ssm(answers: Vec<Answer>) -> (Fake, SsmDispatcher) {
    let fake = Fake::answering(answers).await;
    let dispatcher = SsmDispatcher::new(&fake.config(), ClusterRef::Id("j-1".into()), "run", "b");
    (fake, dispatcher)
}

fn primary() -> Answer {
    ok(&json!({"Instances": [{"Ec2InstanceId": "i-1"}]}))
}

fn sent() -> Answer {
    ok(&json!({"Command": {"CommandId": "c-1"}}))
}

/// What this thread logs from here on, until the guard goes.
fn logged() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn targets(fake: &Fake) -> Vec<String> {
    let target = |request: &Request| request.header("x-amz-target").unwrap().rsplit('.').next().unwrap().to_owned();
    fake.requests().iter().map(target).collect()
}

#[tokio::test]
async fn a_step_is_an_argument_vector() {
    let (fake, emr) = emr(vec![added()]).await;
    assert_eq!(emr.send(&order()).await.unwrap(), "s-1");
    let digest = Digest::of(b"{}");
    let args = [
        "flink-sql-runner-step",
        "run",
        "--batch",
        "s3://b/p/batches/x.json",
        "--sha256",
        digest.as_str(),
        "--batch-id",
        &batch().to_string(),
    ];
    let step = json!({
        "Name": name(), "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": args},
    });
    assert_eq!(fake.requests()[0].json(), json!({"JobFlowId": "j-1", "Steps": [step]}));
}

#[tokio::test]
async fn a_step_of_a_release_is_a_fixed_text_and_data_as_its_arguments() {
    // The longest that S3 takes, so that the step is as long as it can get.
    let (bucket, key) = ("b".repeat(63), "k".repeat(1024));
    let digest = Digest::of(b"sums");
    let release = format!("s3://{bucket}/{}/node/{digest}", "p".repeat(1024 - 100));
    let fake = Fake::answering(vec![added()]).await;
    let program = StepProgram::released(&release);
    let emr = EmrDispatcher::new(&fake.config(), ClusterRef::Id("j-1".into()), program, bucket.as_str());
    let order = BatchOrder { key: key.clone(), ..order() };
    assert_eq!(emr.send(&order).await.unwrap(), "s-1");
    let text = include_str!("../../../../infra/node/verified.sh");
    let (url, digest, batch) = (format!("s3://{bucket}/{key}"), Digest::of(b"{}"), batch().to_string());
    let data = [&release, "run", "--batch", &url, "--sha256", digest.as_str(), "--batch-id", &batch];
    let args: Vec<&str> = ["bash", "-c", text, "flink-sql-runner"].into_iter().chain(data).collect();
    let step = &fake.requests()[0].json()["Steps"][0]["HadoopJarStep"];
    assert_eq!(step, &json!({"Jar": "command-runner.jar", "Args": args}));
    // EMR refuses a step whose strings together are longer.
    let characters: usize = args.iter().map(|arg| arg.chars().count()).sum();
    assert!(characters < 10_240, "{characters}");
}

/// At one step a time an hour-long savepoint holds up every upload: said once, and never in the way of a step.
#[tokio::test]
async fn a_cluster_that_runs_one_step_at_a_time_is_warned_of_once() {
    let level = |level: u8| ok(&json!({"Cluster": {"Id": "j-1", "StepConcurrencyLevel": level}}));
    let (log, _guard) = logged();
    let (fake, narrow) = emr(vec![added(), level(1), added()]).await;
    narrow.send(&order()).await.unwrap();
    narrow.send(&order()).await.unwrap();
    assert_eq!(targets(&fake), ["AddJobFlowSteps", "DescribeCluster", "AddJobFlowSteps"]);
    assert_eq!(log.text().matches("StepConcurrencyLevel").count(), 1, "{}", log.text());

    let (log, _guard) = logged();
    let (_fake, wide) = emr(vec![added(), level(2)]).await;
    wide.send(&order()).await.unwrap();
    // A cluster that cannot be described: one attempt, and the step is sent all the same.
    let (fake, denied) = emr(vec![added(), error(500, "InternalServerError", ""), level(1)]).await;
    assert_eq!(denied.send(&order()).await.unwrap(), "s-1");
    assert_eq!(fake.requests().len(), 2);
    assert!(!log.text().contains("WARN"), "{}", log.text());

    // Found by its tag, it was described already.
    let (log, _guard) = logged();
    let tags = json!({"Cluster": {"Tags": [{"Key": "k", "Value": "v"}], "StepConcurrencyLevel": 1}});
    let answers = vec![ok(&json!({"Clusters": [{"Id": "j-1"}]})), ok(&tags), added()];
    let (fake, tagged) = emr_on(ClusterRef::Tag { key: "k".into(), value: "v".into() }, answers).await;
    tagged.send(&order()).await.unwrap();
    assert_eq!(targets(&fake), ["ListClusters", "DescribeCluster", "AddJobFlowSteps"]);
    assert!(log.text().contains("StepConcurrencyLevel"), "{}", log.text());
}

#[tokio::test]
async fn where_the_log_of_a_step_will_lie_is_known_once_its_cluster_was_described() {
    let described = ok(&json!({"Cluster": {"Id": "j-1", "LogUri": "s3n://logs/emr/", "StepConcurrencyLevel": 2}}));
    let (fake, by_id) = emr(vec![added(), described]).await;
    assert_eq!(by_id.log_of("s-1"), None, "nobody asked");
    by_id.send(&order()).await.unwrap();
    let folder = |step: &str| Some(format!("s3://logs/emr/j-1/steps/{step}/"));
    assert_eq!(by_id.log_of("s-1"), folder("s-1"));
    assert_eq!(fake.requests().len(), 2, "no call is made for it");

    let tags = json!({"Cluster": {"Tags": [{"Key": "k", "Value": "v"}], "LogUri": "s3://logs/emr"}});
    let answers = vec![ok(&json!({"Clusters": [{"Id": "j-1"}]})), ok(&tags), added()];
    let (_fake, tagged) = emr_on(ClusterRef::Tag { key: "k".into(), value: "v".into() }, answers).await;
    tagged.send(&order()).await.unwrap();
    assert_eq!(tagged.log_of("s-1"), folder("s-1"));
}

/// The heart of it: whatever happens to the reply, one request leaves.
#[tokio::test]
async fn a_lost_reply_is_unknown_and_nothing_is_sent_twice() {
    let lost = || {
        vec![
            Answer::Lost,
            Answer::Cut { body: json!({"StepIds": ["s-1"]}).to_string() },
            error(500, "InternalServerError", ""),
            error(503, "x", ""),
        ]
    };
    for answer in lost() {
        let (fake, emr) = emr(vec![answer, added()]).await;
        assert!(matches!(emr.send(&order()).await, Err(OutsideError::Unknown { .. })));
        assert_eq!(fake.requests().len(), 1);
    }
    for answer in lost() {
        let (fake, ssm) = ssm(vec![primary(), answer, sent()]).await;
        assert!(matches!(ssm.send(&order()).await, Err(OutsideError::Unknown { .. })));
        assert_eq!(targets(&fake), ["ListInstances", "SendCommand"]);
    }
}

#[tokio::test]
async fn a_silent_service_is_unknown_within_the_limit() {
    let (fake, emr) = emr(vec![Answer::Silence, added()]).await;
    let order = order();
    let outcome = tokio::time::timeout(aws::LONGEST_CALL, emr.send(&order)).await.unwrap();
    assert!(matches!(outcome, Err(OutsideError::Unknown { .. })));
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn a_refusal_says_why() {
    let (fake, refusing) = emr(vec![error(
        400,
        "ValidationException",
        "Maximum number of active steps(State = 'Running') for cluster exceeded.",
    )])
    .await;
    let text = refusing.send(&order()).await.unwrap_err().to_string();
    assert!(text.contains("too many steps wait or run on the cluster"), "{text}");
    assert_eq!(fake.requests().len(), 1);

    let (_fake, refusing) = ssm(vec![primary(), error(400, "InvalidInstanceId", "")]).await;
    let refusal = refusing.send(&order()).await.unwrap_err();
    assert!(matches!(refusal, OutsideError::Refused { .. }));
    assert_eq!(refusal.to_string(), format!("sending the command of batch {} to i-1: InvalidInstanceId", batch()));
}

#[tokio::test]
async fn a_throttled_call_is_made_again_and_not_for_ever() {
    let throttled = || error(400, "ThrottlingException", "Rate exceeded");
    let (fake, once) = emr(vec![throttled(), added()]).await;
    assert_eq!(once.send(&order()).await.unwrap(), "s-1");
    assert_eq!(targets(&fake), ["AddJobFlowSteps", "AddJobFlowSteps", "DescribeCluster"]);

    let (fake, always) = emr((0..9).map(|_| throttled()).collect()).await;
    let text = always.send(&order()).await.unwrap_err().to_string();
    assert!(text.ends_with("throttled: ThrottlingException: Rate exceeded"), "{text}");
    assert_eq!(fake.requests().len(), 4);

    let (fake, once) = ssm(vec![primary(), throttled(), sent()]).await;
    assert_eq!(once.send(&order()).await.unwrap(), "c-1");
    assert_eq!(fake.requests().len(), 3);

    // After a throttled attempt a lost reply is as unknown as ever.
    let (fake, unlucky) = emr(vec![throttled(), Answer::Lost, added()]).await;
    assert!(matches!(unlucky.send(&order()).await, Err(OutsideError::Unknown { .. })));
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn a_step_is_found_by_name_across_pages() {
    let first = json!({"Steps": [step("s-9", "other", "PENDING", now())], "Marker": "m"});
    let second = json!({"Steps": [step("s-2", &name(), "FAILED", now()), step("s-1", &name(), "RUNNING", now())]});
    let (fake, emr) = emr(vec![ok(&first), ok(&second)]).await;
    assert_eq!(emr.find(batch()).await.unwrap(), Progress::Running("step s-1 is RUNNING".into()));
    assert_eq!(fake.requests()[1].json()["Marker"], "m");
}

#[tokio::test]
async fn steps_states_are_told_apart() {
    let failed = json!({"Id": "s-1", "Name": name(), "Status": {"State": "FAILED", "FailureDetails": {"Reason": "why", "Message": "how"}}});
    let table = [
        (step("s-1", &name(), "PENDING", 0), Progress::Pending("step s-1 is PENDING".into())),
        (step("s-1", &name(), "CANCEL_PENDING", 0), Progress::Running("step s-1 is CANCEL_PENDING".into())),
        (step("s-1", &name(), "NEW_IN_2030", 0), Progress::Running("step s-1 is NEW_IN_2030".into())),
        (step("s-1", &name(), "INTERRUPTED", 0), Progress::Ended("step s-1 is INTERRUPTED".into())),
        (failed, Progress::Ended("step s-1 is FAILED: why: how".into())),
    ];
    for (step, progress) in table {
        let (_fake, emr) = emr(vec![ok(&json!({"Steps": [step]}))]).await;
        assert_eq!(emr.find(batch()).await.unwrap(), progress);
    }
}

/// Looking for what was never sent must not walk through all that the cluster ever did.
#[tokio::test]
async fn a_search_ends_at_old_steps_but_knows_those_that_still_wait() {
    let old = json!({"Steps": [step("s-9", "other", "COMPLETED", now() - 7 * 3600)], "Marker": "m"});
    let (fake, absent) = emr(vec![ok(&old), no_steps()]).await;
    assert_eq!(absent.find(batch()).await.unwrap(), Progress::NotFound);
    assert_eq!(fake.requests().len(), 2);
    assert_eq!(fake.requests()[1].json()["StepStates"], json!(["PENDING", "RUNNING", "CANCEL_PENDING"]));

    let waiting = json!({"Steps": [step("s-1", &name(), "PENDING", now() - 8 * 3600)]});
    let (_fake, waits) = emr(vec![ok(&old), ok(&waiting)]).await;
    assert_eq!(waits.find(batch()).await.unwrap(), Progress::Pending("step s-1 is PENDING".into()));
}

#[tokio::test]
async fn a_cluster_is_found_by_its_tag_once() {
    let tag = || ClusterRef::Tag { key: "flink".into(), value: "main".into() };
    let clusters = || ok(&json!({"Clusters": [{"Id": "j-1"}, {"Id": "j-2"}]}));
    let tagged = |value: &str| ok(&json!({"Cluster": {"Tags": [{"Key": "flink", "Value": value}]}}));

    let (fake, one) =
        emr_on(tag(), vec![clusters(), tagged("other"), tagged("main"), no_steps(), no_steps(), added(), added()])
            .await;
    assert_eq!(one.find(batch()).await.unwrap(), Progress::NotFound);
    assert_eq!(one.send(&order()).await.unwrap(), "s-1");
    assert_eq!(
        targets(&fake),
        ["ListClusters", "DescribeCluster", "DescribeCluster", "ListSteps", "ListSteps", "AddJobFlowSteps"]
    );
    assert_eq!(fake.requests()[5].json()["JobFlowId"], "j-2");

    let (_fake, two) = emr_on(tag(), vec![clusters(), tagged("main"), tagged("main")]).await;
    let text = two.send(&order()).await.unwrap_err().to_string();
    assert_eq!(text, "finding the cluster tagged flink=main: more than one live cluster carries this tag: j-1, j-2");
    let (_fake, none) = emr_on(tag(), vec![ok(&json!({"Clusters": []}))]).await;
    assert!(matches!(none.find(batch()).await, Err(OutsideError::Refused { .. })));
}

/// A cluster that was replaced refuses the step; the next one goes to its successor.
#[tokio::test]
async fn a_refusal_makes_the_cluster_be_looked_up_again() {
    let tag = ClusterRef::Tag { key: "k".into(), value: "v".into() };
    let clusters = |id: &str| ok(&json!({"Clusters": [{"Id": id}]}));
    let tagged = || ok(&json!({"Cluster": {"Tags": [{"Key": "k", "Value": "v"}]}}));
    let ended = error(
        400,
        "ValidationException",
        "A job flow that is shutting down, terminating, or finished may not be modified.",
    );
    let (fake, emr) = emr_on(tag, vec![clusters("j-1"), tagged(), ended, clusters("j-2"), tagged(), added()]).await;
    assert!(matches!(emr.send(&order()).await, Err(OutsideError::Refused { .. })));
    assert_eq!(emr.send(&order()).await.unwrap(), "s-1");
    assert_eq!(fake.requests()[5].json()["JobFlowId"], "j-2");
}

#[tokio::test]
async fn a_command_goes_to_the_one_primary() {
    // Asked for groups, a cluster of fleets refuses.
    let (fake, ssm_on_fleets) = ssm(vec![error(400, "InvalidRequestException", "fleets"), primary(), sent()]).await;
    assert_eq!(ssm_on_fleets.send(&order()).await.unwrap(), "c-1");
    assert_eq!(ssm_on_fleets.instance_of("c-1").as_deref(), Some("i-1"), "who asks for its output has to name it");
    assert_eq!(ssm_on_fleets.instance_of("c-2"), None);
    let requests = fake.requests();
    assert_eq!(
        requests[0].json(),
        json!({"ClusterId": "j-1", "InstanceGroupTypes": ["MASTER"], "InstanceStates": ["RUNNING"]})
    );
    assert_eq!(requests[1].json()["InstanceFleetType"], "MASTER");
    let command = requests[2].json();
    assert_eq!(command["InstanceIds"], json!(["i-1"]));
    assert_eq!((&command["DocumentName"], &command["Comment"]), (&json!("run"), &json!(name())));
    let parameters =
        json!({"Batch": ["s3://b/p/batches/x.json"], "Sha256": [Digest::of(b"{}")], "BatchId": [batch().to_string()]});
    assert_eq!(command["Parameters"], parameters);

    let nothing = || ok(&json!({"Instances": []}));
    let (_fake, none) = ssm(vec![nothing(), nothing()]).await;
    let text = none.send(&order()).await.unwrap_err().to_string();
    assert_eq!(text, "finding the primary instance of j-1: no primary instance runs");
}

#[tokio::test]
async fn any_of_several_primaries_gets_a_command_and_only_one() {
    let three = || {
        let instances = ["i-3", "i-1", "i-2"].map(|id| json!({"Ec2InstanceId": id}));
        ok(&json!({"Instances": instances}))
    };
    let asked = |fake: &Fake| -> Vec<Value> {
        fake.requests().iter().skip(1).map(|request| request.json()["InstanceIds"][0].clone()).collect()
    };
    let (fake, healthy) = ssm(vec![three(), sent(), sent()]).await;
    assert_eq!(healthy.send(&order()).await.unwrap(), "c-1");
    assert_eq!(asked(&fake), ["i-1"]);

    // One whose agent is away sends nobody home; nobody at all does.
    let away = || error(400, "InvalidInstanceId", "");
    let (fake, degraded) = ssm(vec![three(), away(), away(), sent()]).await;
    assert_eq!(degraded.send(&order()).await.unwrap(), "c-1");
    assert_eq!(asked(&fake), ["i-1", "i-2", "i-3"]);
    assert_eq!(degraded.instance_of("c-1").as_deref(), Some("i-3"));
    let (_fake, gone) = ssm(vec![three(), away(), away(), away()]).await;
    assert!(matches!(gone.send(&order()).await, Err(OutsideError::Refused { .. })));

    // What may have arrived is sent to nobody else.
    for answer in [Answer::Lost, error(500, "InternalServerError", "")] {
        let (fake, unknown) = ssm(vec![three(), answer, sent()]).await;
        assert!(matches!(unknown.send(&order()).await, Err(OutsideError::Unknown { .. })));
        assert_eq!(asked(&fake), ["i-1"]);
    }
}

#[tokio::test]
async fn a_command_is_found_by_its_comment_across_pages() {
    let command = |comment: &str, status: &str| json!({"CommandId": "c-1", "Comment": comment, "Status": status});
    let first = json!({"Commands": [command("other", "Success")], "NextToken": "t"});
    let (fake, ssm_found) = ssm(vec![ok(&first), ok(&json!({"Commands": [command(&name(), "TimedOut")]}))]).await;
    assert_eq!(ssm_found.find(batch()).await.unwrap(), Progress::Ended("command c-1 is TimedOut".into()));
    assert_eq!(fake.requests()[1].json()["NextToken"], "t");
    let filters = &fake.requests()[0].json()["Filters"];
    assert_eq!(
        (&filters[0], &filters[1]["key"]),
        (&json!({"key": "DocumentName", "value": "run"}), &json!("InvokedAfter"))
    );

    // One that runs for longer than the search looks back.
    let (fake, long) =
        ssm(vec![ok(&json!({"Commands": []})), ok(&json!({"Commands": [command(&name(), "InProgress")]}))]).await;
    assert_eq!(long.find(batch()).await.unwrap(), Progress::Running("command c-1 is InProgress".into()));
    assert_eq!(fake.requests()[1].json()["Filters"][1], json!({"key": "Status", "value": "InProgress"}));
}
