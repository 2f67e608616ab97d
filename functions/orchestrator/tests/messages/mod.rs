//! Messages of queues and topics, in every form in which accounts send them: each is answered for by itself.
//! Must not know how a hint is followed.

use control::callers::NoCallers;
use desired::manifest::JobName;
use orchestrator::events::{Hint, Trigger, read};
use orchestrator::handler::handle;
use serde_json::{Value, json};

use crate::memory::{Memory, keys};
use crate::names;

/// S3's record of what happened to a key, which it form-encodes.
fn record(happened: &str, key: &str) -> Value {
    json!({"eventVersion": "2.5", "eventSource": "aws:s3", "eventName": happened, "s3": {"bucket": {"name": "b"},
        "object": {"key": key, "sequencer": "0055AED6DCD90281E5"}}})
}

fn of_s3(records: &[Value]) -> Value {
    json!({ "Records": records })
}

fn of_bridge(kind: &str, key: &str) -> Value {
    json!({"version": "0", "source": "aws.s3", "detail-type": kind, "detail": {"object": {"key": key}}})
}

fn of_topic(inner: &Value) -> Value {
    json!({"Type": "Notification", "MessageId": "m", "TopicArn": "arn", "Message": inner.to_string()})
}

/// Messages of a queue, with these ids and bodies.
fn queued(messages: &[(&str, String)]) -> Value {
    let message = |(id, body): &(&str, String)| json!({"eventSource": "aws:sqs", "messageId": id, "body": body});
    json!({"Records": messages.iter().map(message).collect::<Vec<_>>()})
}

/// The ids of the messages that come back.
async fn back(memory: &Memory, event: Value) -> Vec<String> {
    let answer = handle(&memory.orchestrator(), &NoCallers, event).await.unwrap();
    let failures = answer["batchItemFailures"].as_array().unwrap().iter();
    failures.map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned()).collect()
}

fn told(body: &Value) -> Hint {
    let Trigger::Messages(mut messages) = read(queued(&[("m", body.to_string())]), &keys()).unwrap() else {
        unreachable!("not messages")
    };
    assert_eq!(messages[0].unread, None, "{body}");
    messages.remove(0).hint
}

fn unread(body: &str) -> String {
    let Trigger::Messages(mut messages) = read(queued(&[("m", body.to_owned())]), &keys()).unwrap() else {
        unreachable!("not messages")
    };
    messages.remove(0).unread.unwrap_or_else(|| unreachable!("it was understood: {body}"))
}

#[test]
fn whatever_carries_it_an_object_is_known_by_its_key() {
    let plain = "p/queries/team a+b/job-0000.yaml";
    let by_s3 = of_s3(&[record("ObjectCreated:Put", "p/queries/team+a%2Bb/job-0000.yaml")]);
    let by_bridge = of_bridge("Object Created", plain);
    let expected = Hint { jobs: names(1).into_iter().collect(), ..Hint::default() };
    for body in [&by_s3, &by_bridge, &of_topic(&by_s3), &of_topic(&by_bridge), &queued(&[("n", by_s3.to_string())])] {
        assert_eq!(told(body), expected, "{body}");
    }
    // A name with a plus is none; the same key form-decoded would have a space, and be another file.
    let name = of_bridge("Object Created", "p/queries/a+b.yaml");
    assert_eq!(told(&name), Hint { unnamed: true, ..Hint::default() });
    // A manifest that is called otherwise concerns the job that it may be about; another file is only told.
    assert_eq!(told(&of_bridge("Object Created", "p/queries/team a+b/job-0000.YAML")), expected);
    assert_eq!(told(&of_bridge("Object Created", "p/queries/x.csv")), Hint { unnamed: true, ..Hint::default() });
    assert_eq!(told(&of_bridge("Object Created", "p/queries/.DS_Store")), Hint::default());
    for happened in ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated", "LifecycleExpiration:Delete"] {
        assert_eq!(told(&of_s3(&[record(happened, "p/queries/job-0000.yaml")])), expected, "{happened}");
    }
    for kind in ["Object Deleted", "Object Restore Completed"] {
        assert_eq!(told(&of_topic(&of_bridge(kind, plain))), expected, "{kind}");
    }
    for folder in ["p/queries/", "p/queries/team/", "p/", "other/queries/a.yaml"] {
        assert_eq!(told(&of_bridge("Object Created", folder)), Hint::default(), "{folder}");
    }
}

#[test]
fn what_is_no_object_is_told_apart_in_every_envelope() {
    let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"});
    let asks = json!({"Type": "SubscriptionConfirmation", "TopicArn": "arn", "Token": "t", "Message": "You have..."});
    for nothing in [&test, &of_topic(&test), &asks] {
        assert_eq!(told(nothing), Hint::default(), "{nothing}");
    }
    assert!(told(&json!({"action": "sweep"})).sweep);
    assert!(told(&of_topic(&json!({"action": "redeploy"}))).redeploy);
    assert!(told(&json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{}"})).redeploy);
    let command = json!({"source": "aws.ssm", "detail-type": "EC2 Command Status-change Notification",
        "detail": {"status": "Failed"}});
    assert!(told(&command).sweep);

    let order = json!({"action": "allow", "name": "job-0000", "permission": "remove"});
    assert!(unread(&order.to_string()).contains("invoke the function"), "a queue gives hints, not orders");
    let mut deep = of_s3(&[record("ObjectCreated:Put", "p/queries/job-0000.yaml")]);
    for _ in 0..6 {
        deep = of_topic(&deep);
    }
    for (body, why) in [
        ("not json", "no JSON"),
        ("", "no JSON"),
        ("{}", "source ``"),
        (r#"{"Records": []}"#, "source ``"),
        (r#"{"Type": "Notification"}"#, "no JSON"),
        (r#"{"Records": [{"eventSource": "aws:kinesis"}]}"#, "aws:kinesis"),
        (r#"{"Records": [{"eventSource": "aws:s3", "s3": {"object": {}}}]}"#, "without a key"),
        (&deep.to_string(), "in one another"),
    ] {
        let told = unread(body);
        assert!(told.contains(why) && told.len() < 300, "{body}: {told}");
    }
}

#[tokio::test]
async fn one_denied_or_broken_message_of_ten_brings_back_only_itself() {
    let memory = Memory::default();
    let names = names(10);
    for name in &names {
        memory.upload(name, "SELECT 1");
    }
    let file = |name: &JobName| format!("p/queries/{name}.yaml");
    memory.refuse(&file(&names[2]), "AccessDenied: Access Denied");
    memory.silence(&file(&names[3]));
    let ids: Vec<String> = names.iter().map(ToString::to_string).collect();
    let body = |name: &JobName| of_s3(&[record("ObjectCreated:Put", &file(name))]).to_string();
    let mut messages: Vec<(&str, String)> = ids.iter().map(String::as_str).zip(names.iter().map(body)).collect();
    messages[4].1 = "not json".to_owned();
    // Of two records one is broken: the other is followed, and the message comes back.
    messages[5].1 =
        of_s3(&[json!({"eventSource": "aws:s3"}), record("ObjectCreated:Put", &file(&names[5]))]).to_string();
    messages[6].1 = of_topic(&of_bridge("Object Created", &file(&names[6]))).to_string();
    assert_eq!(back(&memory, queued(&messages)).await, ["job-0003", "job-0004", "job-0005"]);
    for (n, name) in names.iter().enumerate() {
        let ordered = memory.has_record(name) && memory.record(name).open.is_some();
        assert_eq!(ordered, ![2, 3, 4].contains(&n), "{name}");
    }
}

#[tokio::test]
async fn a_look_that_is_not_given_out_now_brings_back_only_its_own_message() {
    let memory = Memory::default();
    let name = &names(1)[0];
    memory.upload(name, "SELECT 1");
    memory.silence(&keys().observed());
    let key = |key: &str| of_s3(&[record("ObjectCreated:Put", key)]).to_string();
    let messages = [("look", key(&keys().observed())), ("file", key(&format!("p/queries/{name}.yaml")))];
    assert_eq!(back(&memory, queued(&messages)).await, ["look"]);
    assert!(memory.record(name).open.is_some());
}

#[tokio::test]
async fn a_removal_is_one_only_where_the_file_is_gone() {
    let memory = Memory::default();
    let names = names(2);
    for name in &names {
        memory.upload(name, "SELECT 1");
    }
    let file = |name: &JobName| format!("p/queries/{name}.yaml");
    let gone = |name: &JobName| {
        let key = file(name);
        [
            of_s3(&[record("ObjectRemoved:Delete", &key)]),
            of_s3(&[record("ObjectRemoved:DeleteMarkerCreated", &key)]),
            of_s3(&[record("LifecycleExpiration:Delete", &key)]),
            of_bridge("Object Deleted", &key),
        ]
    };
    let uploaded: Vec<Value> = names.iter().map(|name| record("ObjectCreated:Put", &file(name))).collect();
    handle(&memory.orchestrator(), &NoCallers, of_s3(&uploaded)).await.unwrap();
    memory.settle(&names);
    for event in gone(&names[0]) {
        assert!(back(&memory, queued(&[("m", event.to_string())])).await.is_empty());
        handle(&memory.orchestrator(), &NoCallers, event).await.unwrap();
        assert!(memory.record(&names[0]).open.is_none(), "it was uploaded again meanwhile");
    }
    memory.remove(&file(&names[1]));
    let [_, _, expired, _] = gone(&names[1]);
    assert!(back(&memory, queued(&[("m", expired.to_string())])).await.is_empty());
    assert!(memory.record(&names[1]).open.unwrap().plan.next.is_none(), "it is removed");
}

#[tokio::test]
async fn a_topic_that_calls_the_function_calls_again_what_failed() {
    let memory = Memory::default();
    let name = &names(1)[0];
    memory.upload(name, "SELECT 1");
    let record = |body: &str| json!({"EventSource": "aws:sns", "Sns": {"MessageId": "m", "Message": body}});
    let good = of_s3(&[self::record("ObjectCreated:Put", &format!("p/queries/{name}.yaml"))]).to_string();
    let error =
        handle(&memory.orchestrator(), &NoCallers, json!({"Records": [record("nonsense"), record(&good)]})).await;
    assert!(error.unwrap_err().to_string().starts_with("1 of 2 notifications failed: "));
    assert!(memory.record(name).open.is_some(), "the other one is followed");
    let answer = handle(&memory.orchestrator(), &NoCallers, json!({"Records": [record(&good)]})).await.unwrap();
    assert_eq!(answer, json!({"notifications": 1}));
}

#[tokio::test]
async fn a_schedule_that_comes_through_a_queue_is_followed() {
    let memory = Memory::default();
    let name = &names(1)[0];
    memory.upload(name, "SELECT 1");
    let messages =
        [("sweep", r#"{"action": "sweep"}"#.to_owned()), ("redeploy", r#"{"action":"redeploy"}"#.to_owned())];
    assert!(back(&memory, queued(&messages)).await.is_empty());
    assert!(memory.record(name).open.is_some());
}
