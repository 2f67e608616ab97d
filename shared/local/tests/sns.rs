//! SNS through the SDK: what is published is seen, what SNS refuses is refused, and calls fail as ordered.
//! Must not know the control plane's insides.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets the unexpected fails")]

mod kit;

use std::collections::BTreeMap;

use aws_sdk_sns::error::ProvideErrorMetadata;
use aws_sdk_sns::types::MessageAttributeValue;
use kit::Kit;
use local::Fault;

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:alerts";

async fn kit() -> Kit {
    Kit::start(|config| {
        config.topics = vec![TOPIC.to_owned()];
        config.messages = Some(config.node.work_dir.with_file_name("alerts.log"));
    })
    .await
}

#[tokio::test]
async fn what_is_published_is_seen_in_the_stack_and_in_the_file() {
    let kit = kit().await;
    let kind = MessageAttributeValue::builder().data_type("String").string_value("lost & found").build().unwrap();
    let publish = kit.sns().publish().topic_arn(TOPIC).subject("[prod] 50% + more").message("zwei\nZeilen: ä=&");
    let sent = publish.message_attributes("kind", kind).send().await.unwrap();
    let messages = kit.stack.alerts();
    assert_eq!(messages.len(), 1);
    assert_eq!(Some(messages[0].id.as_str()), sent.message_id());
    assert_eq!(messages[0].subject, "[prod] 50% + more");
    assert_eq!(messages[0].message, "zwei\nZeilen: ä=&");
    assert_eq!(messages[0].attributes, BTreeMap::from([("kind".to_owned(), "lost & found".to_owned())]));
    let file = std::fs::read_to_string(kit.path("alerts.log")).unwrap();
    assert_eq!(file, "[prod] 50% + more\n\nzwei\nZeilen: ä=&\n----\n");
    let call = kit.stack.calls().into_iter().find(|call| call.service == "sns").unwrap();
    assert_eq!((call.operation.as_str(), call.resource.as_str()), ("Publish", TOPIC));
}

#[tokio::test]
async fn what_sns_refuses_is_refused() {
    let kit = kit().await;
    let (long, odd) = ("x".repeat(100), "zwei\nZeilen");
    for (topic, subject, code) in [
        ("arn:aws:sns:us-east-1:123456789012:other", "s", "NotFound"),
        (TOPIC, &long, "InvalidParameter"),
        (TOPIC, odd, "InvalidParameter"),
    ] {
        let error = kit.sns().publish().topic_arn(topic).subject(subject).message("m").send().await.unwrap_err();
        assert_eq!(error.code(), Some(code), "{topic} {subject}");
    }
    assert!(kit.stack.alerts().is_empty());
}

#[tokio::test]
async fn calls_fail_as_ordered() {
    let kit = kit().await;
    let refusal = Fault::Error { status: 403, kind: "AuthorizationError".into(), message: "no".into() };
    kit.stack.order_fault("Publish", refusal);
    let publish = kit.sns().publish().topic_arn(TOPIC).message("m");
    let error = publish.clone().send().await.unwrap_err();
    assert_eq!(error.code(), Some("AuthorizationError"));
    assert!(kit.stack.alerts().is_empty());
    kit.stack.order_fault("Publish", Fault::DropAfter);
    publish.send().await.unwrap();
    assert_eq!(kit.stack.alerts().len(), 2, "the reply was lost, and the SDK sent it again");
}
