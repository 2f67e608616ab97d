//! The topic of alerts against a server that answers as SNS does.
//! Must not know how the adapter is made: only the port and the wire.

use std::collections::BTreeMap;

use aws::SnsAlerts;
use control::alerts::{Alert, Alerts};
use control::ports::OutsideError;
use lifecycle::alert_conditions::{AlertCondition, AlertKind};
use lifecycle::ids::Hex32;

use crate::fake::{Answer, Fake, reply};

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:alerts";

fn published() -> Answer {
    reply(200, "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>")
}

fn refused(status: u16, code: &str) -> Answer {
    reply(
        status,
        format!("<ErrorResponse><Error><Code>{code}</Code><Message>because</Message></Error></ErrorResponse>"),
    )
}

async fn raise(answers: Vec<Answer>) -> (Fake, Result<(), OutsideError>) {
    let fake = Fake::answering(answers).await;
    let condition = AlertCondition {
        kind: AlertKind::OperationFailed,
        subject: "orders".to_owned(),
        cause: String::new(),
        detail: "failed: a & b".to_owned(),
        operation: None,
        common: Vec::new(),
        owner: None,
    };
    let alert = Alert {
        id: Hex32::derived(&["alert"]).into(),
        at: jiff::Timestamp::UNIX_EPOCH,
        deployment: "prod".to_owned(),
        kind: AlertKind::OperationFailed,
        conditions: vec![condition],
    };
    let raised = SnsAlerts::new(&fake.config(), TOPIC).raise(&alert).await;
    (fake, raised)
}

#[tokio::test]
async fn an_alert_is_one_message_that_subscriptions_can_filter() {
    let (fake, raised) = raise(vec![published()]).await;
    raised.unwrap();
    let request = &fake.requests()[0];
    let expected = [
        "Action=Publish",
        "TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A123456789012%3Aalerts",
        "Subject=%5Bprod%5D%201%20operation%20failed%3A%20orders",
        "failed%3A%20a%20%26%20b",
    ];
    for part in expected {
        assert!(request.body.contains(part), "{part} is not in {}", request.body);
    }
    let id = Hex32::derived(&["alert"]).to_string();
    let expected = [("alert", id.as_str()), ("deployment", "prod"), ("kind", "operation-failed")];
    assert_eq!(attributes(&request.body), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

/// The attributes of the message that a request carries: the names that filters of subscriptions rely on.
fn attributes(body: &str) -> BTreeMap<String, String> {
    let fields: BTreeMap<&str, &str> = body.split('&').filter_map(|field| field.split_once('=')).collect();
    let of = |n: usize, field: &str| fields.get(format!("MessageAttributes.entry.{n}.{field}").as_str()).copied();
    let attribute = |n| Some((of(n, "Name")?.to_owned(), of(n, "Value.StringValue")?.to_owned()));
    (1..).map_while(attribute).collect()
}

#[tokio::test]
async fn a_lost_reply_and_an_error_of_the_service_are_tried_again() {
    let (fake, raised) = raise(vec![Answer::Lost, refused(500, "InternalError"), published()]).await;
    raised.unwrap();
    assert_eq!(fake.requests().len(), 3, "a message may be carried twice: its id tells");
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_a_refusal() {
    let (_, raised) = raise(vec![refused(404, "NotFound")]).await;
    let Err(OutsideError::Refused { message, .. }) = raised else { panic!("{raised:?}") };
    assert_eq!(message, "NotFound: because");
}
