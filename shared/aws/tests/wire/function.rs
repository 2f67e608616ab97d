//! A function that is asked, against a server that answers as Lambda does.
//! Must not know how the adapter is made: only what it answers and what goes over the wire.

use aws::{Function, FunctionError};
use control::ports::OutsideError;

use crate::fake::{Answer, Fake, reply, reply_with};

const NAME: &str = "arn:aws:lambda:us-east-1:123456789012:function:jobs";

async fn ask(answers: Vec<Answer>) -> (Fake, Result<Vec<u8>, FunctionError>) {
    let fake = Fake::answering(answers).await;
    let answer = Function::new(&fake.config(), NAME).ask(br#"{"action":"status"}"#.to_vec()).await;
    (fake, answer)
}

fn refused(status: u16, code: &str) -> Answer {
    reply_with(status, &[("x-amzn-errortype", code)], r#"{"Message":"because"}"#)
}

#[tokio::test]
async fn a_question_is_one_invocation_whose_answer_is_waited_for() {
    let (fake, answer) = ask(vec![reply(200, r#"{"format":"x"}"#)]).await;
    assert_eq!(answer.unwrap(), br#"{"format":"x"}"#);
    let request = &fake.requests()[0];
    assert!(request.line.starts_with("POST /2015-03-31/functions/arn%3Aaws%3Alambda"), "{}", request.line);
    assert_eq!(request.header("x-amz-invocation-type"), Some("RequestResponse"));
    assert_eq!(request.json()["action"], "status");
}

#[tokio::test]
async fn nothing_is_asked_twice() {
    for lost in [Answer::Lost, Answer::Cut { body: "{}".to_owned() }, refused(500, "ServiceException")] {
        let (fake, answer) = ask(vec![lost, reply(200, "{}")]).await;
        assert!(matches!(answer, Err(FunctionError::Outside(OutsideError::Unknown { .. }))), "{answer:?}");
        assert_eq!(fake.requests().len(), 1);
    }
}

#[tokio::test]
async fn every_refusal_has_a_kind_of_its_own() {
    let (fake, answer) = ask(vec![refused(429, "TooManyRequestsException"), reply(200, "{}")]).await;
    assert!(matches!(answer, Err(FunctionError::Throttled { .. })), "{answer:?}");
    assert_eq!(fake.requests().len(), 1);
    let (_, answer) = ask(vec![refused(404, "ResourceNotFoundException")]).await;
    assert!(matches!(&answer, Err(FunctionError::NotThere(name)) if name == NAME), "{answer:?}");
    let (_, answer) = ask(vec![refused(403, "AccessDeniedException")]).await;
    assert!(matches!(answer, Err(FunctionError::Denied { .. })), "{answer:?}");
    let (_, answer) = ask(vec![refused(400, "InvalidRequestContentException")]).await;
    assert!(matches!(answer, Err(FunctionError::Outside(OutsideError::Refused { .. }))), "{answer:?}");
}

#[tokio::test]
async fn a_function_that_failed_says_why_within_bounds() {
    let body = format!(r#"{{"errorType":"Runtime.Exit","errorMessage":"{}"}}"#, "long ".repeat(2_000));
    let (_, answer) = ask(vec![reply_with(200, &[("x-amz-function-error", "Unhandled")], body)]).await;
    let Err(FunctionError::Failed { message, .. }) = answer else { panic!("{answer:?}") };
    assert!(message.contains("Runtime.Exit") && message.chars().count() == 2_001, "{message}");
}

#[tokio::test]
async fn what_does_not_fit_is_not_sent() {
    let fake = Fake::answering(vec![reply(200, "{}")]).await;
    let answer = Function::new(&fake.config(), NAME).ask(vec![b' '; 6 * 1024 * 1024 + 1]).await;
    assert!(matches!(answer, Err(FunctionError::TooLarge(_))), "{answer:?}");
    assert!(fake.requests().is_empty());
}
