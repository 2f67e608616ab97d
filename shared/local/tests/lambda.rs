//! The Lambda host: deadlines, reuse, errors, time-outs, retries, batches and schedules, with a real process.
//! Must not know the host's insides.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets the unexpected fails")]

mod kit;

use std::process::Stdio;
use std::time::Duration;

use kit::{Kit, until};
use local::{Delivery, Fault, Schedule};
use serde_json::{Value, json};

#[tokio::test]
async fn an_invocation_has_its_deadline_and_the_sandbox_is_reused() {
    let kit = Kit::start(|_| {}).await;
    let first = kit.stack.invoke(json!({})).await;
    assert_eq!(first.function_error, None);
    assert_eq!((&first.payload["name"], &first.payload["s3"]), (&json!("told"), &json!(kit.stack.s3_url())));
    let left = first.payload["left"].as_i64().unwrap();
    assert!((1..=2000).contains(&left), "{left}");
    let second = kit.stack.invoke(json!({})).await;
    assert_eq!((&second.payload["pid"], &second.payload["calls"]), (&first.payload["pid"], &json!(2)));
    kit.stack.configure_function("FAIL", "1");
    let configured = kit.stack.invoke(json!({})).await;
    assert_eq!(configured.function_error.as_deref(), Some("Unhandled"));
    kit.stack.configure_function("FAIL", "0");
    let third = kit.stack.invoke(json!({})).await;
    assert_eq!(third.payload["calls"], 1, "a sandbox of other settings was reused: {third:?}");
}

#[tokio::test]
async fn errors_exits_and_time_outs_are_told_apart() {
    let kit = Kit::start(|_| {}).await;
    let told = kit.stack.invoke(json!({ "do": "error" })).await;
    assert_eq!((told.function_error.as_deref(), &told.payload["errorType"]), (Some("Unhandled"), &json!("Told")));
    let exit = kit.stack.invoke(json!({ "do": "exit" })).await;
    assert_eq!(exit.payload["errorType"], "Runtime.ExitError");
    assert!(exit.payload["errorMessage"].as_str().unwrap().ends_with("exit status 3"));
    let before = kit.stack.invoke(json!({})).await;
    let late = kit.stack.invoke(json!({ "do": "sleep" })).await;
    assert!(late.payload["errorMessage"].as_str().unwrap().ends_with("Task timed out after 2.00 seconds"));
    let after = kit.stack.invoke(json!({})).await;
    assert_ne!(before.payload["pid"], after.payload["pid"]);
    assert!(std::fs::read_to_string(kit.path("log")).unwrap().contains("Task timed out"));

    let kit = Kit::start(|config| drop(config.lambda.env.insert("INIT".into(), "error".into()))).await;
    let init = kit.stack.invoke(json!({})).await;
    assert_eq!((init.function_error.as_deref(), &init.payload["errorType"]), (Some("Unhandled"), &json!("Init")));
    let kit = Kit::start(|config| config.lambda.delivery = Delivery::Host { bootstrap: "/no/such".into() }).await;
    assert_eq!(kit.stack.invoke(json!({})).await.payload["errorType"], "Runtime.InvalidEntrypoint");
}

#[tokio::test]
async fn the_invoke_api_answers_as_lambda_does() {
    let kit = Kit::start(|_| {}).await;
    let base = format!("{}/2015-03-31/functions/told/invocations", kit.stack.lambda_url());
    let good = curl(&["-d", "{}", &base]).await;
    assert!(good.starts_with("HTTP/1.1 200") && !good.to_lowercase().contains("x-amz-function-error"), "{good}");
    let bad = curl(&["-d", r#"{"do":"error"}"#, &base]).await;
    assert!(bad.starts_with("HTTP/1.1 200") && bad.to_lowercase().contains("x-amz-function-error: unhandled"), "{bad}");
    let event = curl(&["-H", "X-Amz-Invocation-Type: Event", "-d", r#"{"do":"error"}"#, &base]).await;
    assert!(event.starts_with("HTTP/1.1 202"), "{event}");
    until("a dead letter", async || kit.stack.dead_letters().len() == 1).await;
    let letter = &kit.stack.dead_letters()[0];
    assert_eq!(letter["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(
        (&letter["requestPayload"], &letter["responsePayload"]["errorType"]),
        (&json!({ "do": "error" }), &json!("Told"))
    );
    assert_eq!(kit.notes().len(), 5);
    let none = curl(&["-d", "{}", &base.replace("told", "other")]).await;
    assert!(none.starts_with("HTTP/1.1 404"), "{none}");
    kit.stack.order_fault(
        "Invoke",
        Fault::Error { status: 429, kind: "TooManyRequestsException".into(), message: "Rate Exceeded.".into() },
    );
    let busy = curl(&["-d", "{}", &base]).await;
    assert!(busy.starts_with("HTTP/1.1 429"), "{busy}");
}

#[tokio::test]
async fn a_batch_s_failures_come_back_until_they_are_dead_letters() {
    let kit = Kit::start(|config| {
        config.queue.window = Duration::from_millis(200);
        // As AWS demands, longer than the function may take.
        config.queue.visibility = Duration::from_secs(3);
        config.queue.max_receive = 2;
    })
    .await;
    // A cold start is not part of the function's time, but of the message's.
    kit.stack.invoke(json!({})).await;
    for body in ["good 1", "poison", "good 2"] {
        kit.stack.send_message(body);
    }
    until("a dead letter", async || kit.stack.dead_letters().len() == 1 && kit.stack.queued() == 0).await;
    let letter = &kit.stack.dead_letters()[0];
    assert_eq!((&letter["body"], &letter["attributes"]["ApproximateReceiveCount"]), (&json!("poison"), &json!("2")));
    let batches: Vec<Vec<Value>> =
        kit.notes().iter().filter_map(|note| note["event"]["Records"].as_array().cloned()).collect();
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(batches[1][0]["messageId"], batches[0][1]["messageId"]);
    assert_ne!(batches[1][0]["receiptHandle"], batches[0][1]["receiptHandle"]);
    assert_eq!((&batches[0][0]["eventSource"], &batches[0][0]["awsRegion"]), (&json!("aws:sqs"), &json!("us-east-1")));
}

#[tokio::test]
async fn a_full_batch_does_not_wait() {
    let kit = Kit::start(|config| {
        config.queue.window = Duration::from_mins(5);
        config.queue.batch_size = 2;
    })
    .await;
    for n in 0..4 {
        kit.stack.send_message(n.to_string());
    }
    until("an empty queue", async || kit.stack.queued() == 0).await;
    assert_eq!(kit.notes().len(), 2);
}

#[tokio::test]
async fn schedules_send_exactly_their_input() {
    let input = json!({ "action": "look", "n": 1 });
    let kit = Kit::start(|config| {
        let fast = Schedule { name: "fast".into(), every: Duration::from_millis(300), input: json!({ "fast": true }) };
        let slow = Schedule {
            name: "slow".into(),
            every: Duration::from_hours(1),
            input: json!({ "action": "look", "n": 1 }),
        };
        config.schedules = vec![fast, slow];
    })
    .await;
    kit.stack.fire_schedule("slow").await;
    until("both came", async || {
        let notes = kit.notes();
        notes.iter().any(|note| note["event"] == input)
            && notes.iter().filter(|note| note["event"] == json!({ "fast": true })).count() >= 2
    })
    .await;
}

#[tokio::test]
async fn another_host_s_endpoint_is_retried_here() {
    let host = Kit::start(|_| {}).await;
    let url = format!("{}/2015-03-31/functions/told/invocations", host.stack.lambda_url());
    let kit = Kit::start(|config| config.lambda.delivery = Delivery::Endpoint { url }).await;
    assert_eq!(kit.stack.invoke(json!({})).await.payload["name"], "told");
    assert_eq!(kit.stack.invoke(json!({ "do": "error" })).await.function_error.as_deref(), Some("Unhandled"));
    kit.stack.invoke_async(json!({ "do": "error", "n": 2 }));
    until("a dead letter", async || kit.stack.dead_letters().len() == 1).await;
    assert_eq!(host.notes().iter().filter(|note| note["event"]["n"] == 2).count(), 3);
    let kit =
        Kit::start(|config| config.lambda.delivery = Delivery::Endpoint { url: "http://127.0.0.1:1/".into() }).await;
    assert_eq!(kit.stack.invoke(json!({})).await.payload["errorType"], "Endpoint.Unreachable");
}

/// The head and body of an answer.
async fn curl(args: &[&str]) -> String {
    let output = tokio::process::Command::new("curl")
        .args(["-si", "--max-time", "10"])
        .args(args)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
