//! Parameter Store against a server that loses replies, throttles and refuses.
//! Must not know how the adapter is made: only the port and the wire.

use aws::ParameterStore;
use control::errors::error_chain;
use control::ports::{OutsideError, SecretSource};
use desired::secrets::{SecretReference, SecretValue};
use serde_json::json;

use crate::fake::{Answer, Fake, reply};

fn reference() -> SecretReference {
    SecretReference::Parameter("/flink-sql-runner/kafka".into())
}

fn value() -> Answer {
    let parameter = json!({"Name": "/flink-sql-runner/kafka", "Type": "SecureString", "Value": "it's", "Version": 3});
    reply(200, json!({ "Parameter": parameter }).to_string())
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    reply(status, json!({"__type": code, "message": message}).to_string())
}

async fn read(answers: Vec<Answer>) -> (Fake, Result<SecretValue, OutsideError>) {
    let fake = Fake::answering(answers).await;
    let read = ParameterStore::new(&fake.config()).read(&reference()).await;
    (fake, read)
}

#[tokio::test]
async fn a_value_is_asked_for_decrypted() {
    let (fake, read) = read(vec![value()]).await;
    assert_eq!(read.unwrap(), SecretValue::new("it's"));
    let requests = fake.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("x-amz-target"), Some("AmazonSSM.GetParameter"));
    assert_eq!(requests[0].json(), json!({"Name": "/flink-sql-runner/kafka", "WithDecryption": true}));
}

#[tokio::test]
async fn reading_is_repeated_while_it_may_help() {
    let throttled = || error(400, "ThrottlingException", "Rate exceeded");
    let server_error = || error(500, "InternalServerError", "");
    let (fake, read) = read(vec![throttled(), Answer::Lost, server_error(), throttled(), value()]).await;
    assert_eq!(read.unwrap(), SecretValue::new("it's"));
    assert_eq!(fake.requests().len(), 5);
}

#[tokio::test]
async fn a_no_is_told_and_not_repeated() {
    for (code, message) in [
        ("ParameterNotFound", ""),
        ("AccessDeniedException", "User: x is not authorized to perform: ssm:GetParameter on resource: y"),
        ("InvalidKeyId", "the key is disabled"),
    ] {
        let (fake, read) = read(vec![error(400, code, message)]).await;
        let refused = read.unwrap_err();
        assert!(
            matches!(&refused, OutsideError::Refused { message: said, .. } if said.contains(code) && said.contains(message))
        );
        assert!(refused.to_string().contains("${ssm:/flink-sql-runner/kafka}"), "{refused}");
        assert_eq!(fake.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn no_answer_says_nothing_about_the_parameter() {
    let throttled = || error(400, "ThrottlingException", "Rate exceeded");
    let ever = (0..10).map(|_| throttled()).collect();
    for answers in [ever, (0..10).map(|_| Answer::Lost).collect(), vec![reply(200, "{}")]] {
        let (_, read) = read(answers).await;
        let unknown = read.unwrap_err();
        assert!(matches!(unknown, OutsideError::Unknown { .. }), "{unknown}");
    }
    // Half of a reply: what there is of it is shown to nobody.
    let cut =
        || Answer::Cut { body: json!({"Parameter": {"Value": "hunter2-hunter2-hunter2", "Name": "/x"}}).to_string() };
    let (_, read) = read((0..10).map(|_| cut()).collect()).await;
    let unknown = read.unwrap_err();
    assert!(!format!("{} {unknown:?}", error_chain(&unknown)).contains("hunter2"), "{unknown:?}");
}
