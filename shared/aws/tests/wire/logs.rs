//! What was logged, against a server that answers as CloudWatch Logs and SSM do.
//! Must not know how the adapters are made: only what they answer and what goes over the wire.

use aws::{CommandOutput, FunctionLog, LogFound, LogSearch, LoggedError, SsmCommands};
use control::ports::OutsideError;
use serde_json::{Value, json};

use crate::fake::{Answer, Fake, reply};

const COMMAND: &str = "11111111-2222-3333-4444-555555555555";
const FROM: i64 = 1_800_000_000_000;

fn error(status: u16, code: &str, message: &str) -> Answer {
    reply(status, json!({ "__type": code, "message": message }).to_string())
}

fn page(lines: &[(i64, &str)], next: Option<&str>) -> Answer {
    let event =
        |(at, text): &(i64, &str)| json!({ "timestamp": at, "message": text, "logStreamName": "s", "eventId": "e" });
    let mut body = json!({ "events": lines.iter().map(event).collect::<Vec<Value>>(), "searchedLogStreams": [] });
    if let Some(next) = next {
        body["nextToken"] = json!(next);
    }
    reply(200, body.to_string())
}

async fn find(answers: Vec<Answer>) -> (Fake, Result<LogFound, LoggedError>) {
    find_of(&["0a\"b"], answers, |_| true).await
}

async fn find_of(
    texts: &[&str],
    answers: Vec<Answer>,
    is_meant: impl Fn(&str) -> bool + Sync,
) -> (Fake, Result<LogFound, LoggedError>) {
    let fake = Fake::answering(answers).await;
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    let search = LogSearch { group: "/aws/lambda/jobs".to_owned(), texts, from: FROM, to: FROM + 60_000 };
    let found = FunctionLog::new(&fake.config()).find(&search, &is_meant).await;
    (fake, found)
}

#[tokio::test]
async fn one_call_asks_for_lines_with_any_of_several_texts_and_keeps_what_is_meant() {
    let lines: Vec<(i64, String)> = (0..300).map(|n| (n, format!("{n} of a, the {}", n % 2))).collect();
    let lines: Vec<(i64, &str)> = lines.iter().map(|(at, line)| (*at, line.as_str())).collect();
    let (fake, found) = find_of(&["0a", "a\"b.c"], vec![page(&lines, None)], |line| line.ends_with('0')).await;
    let found = found.unwrap();
    assert_eq!(fake.requests()[0].json()["filterPattern"], r#"?"0a" ?"ab.c""#);
    assert_eq!((fake.requests().len(), found.lines.len(), found.more), (1, 150, false), "others count for no bound");
    assert_eq!(found.lines[0], "298 of a, the 0");
}

#[tokio::test]
async fn lines_come_page_by_page_and_are_the_newest_first() {
    let answers =
        vec![page(&[(2, "second\n")], Some("t1")), page(&[], Some("t2")), page(&[(3, "third"), (1, "first")], None)];
    let (fake, found) = find(answers).await;
    let lines = ["third", "second", "first"].map(str::to_owned).into();
    assert_eq!(found.unwrap(), LogFound { lines, more: false, unfinished: None });
    let requests = fake.requests();
    assert_eq!(requests[0].header("x-amz-target"), Some("Logs_20140328.FilterLogEvents"));
    let asked = json!({
        "logGroupName": "/aws/lambda/jobs",
        "filterPattern": "\"0ab\"",
        "startTime": FROM,
        "endTime": FROM + 60_000,
        "limit": 200,
        "startFromHead": false,
    });
    assert_eq!(requests[0].json(), asked);
    let tokens: Vec<Value> = requests.iter().map(|request| request.json()["nextToken"].clone()).collect();
    assert_eq!(tokens, [Value::Null, json!("t1"), json!("t2")]);
    assert_eq!(requests[2].json()["limit"], 200, "every page is asked for alike");
}

#[tokio::test]
async fn lines_their_length_and_pages_have_bounds() {
    let long = "x".repeat(3_000);
    let many: Vec<(i64, &str)> = (0..300).map(|n| (n, long.as_str())).collect();
    let (fake, found) = find(vec![page(&many, Some("t"))]).await;
    let found = found.unwrap();
    assert_eq!((found.lines.len(), found.more, fake.requests().len()), (200, true, 1));
    assert!(found.lines.iter().all(|line| line.chars().count() == 2_001 && line.ends_with('…')));
    let (_, found) = find(vec![page(&many, None)]).await;
    assert!(found.is_ok_and(|found| found.lines.len() == 200 && found.more));

    let (fake, found) = find((0..100).map(|_| page(&[], Some("t"))).collect()).await;
    assert_eq!(found.unwrap().unfinished.as_deref(), Some("it has more than 40 pages"));
    assert_eq!(fake.requests().len(), 40);
}

#[tokio::test]
async fn a_throttled_search_goes_on_and_what_was_found_before_it_broke_counts() {
    let throttled = || error(400, "ThrottlingException", "Rate exceeded");
    let (_, found) = find(vec![throttled(), Answer::Lost, page(&[(1, "one")], None)]).await;
    assert_eq!(found.unwrap().lines, ["one"]);
    let broken = std::iter::once(page(&[(1, "one")], Some("t"))).chain((0..9).map(|_| throttled())).collect();
    let (fake, found) = find(broken).await;
    let found = found.unwrap();
    assert_eq!((found.lines.len(), fake.requests().len()), (1, 6));
    assert!(found.unfinished.is_some_and(|why| why.contains("/aws/lambda/jobs")));
    let (_, found) = find((0..9).map(|_| throttled()).collect()).await;
    assert!(matches!(found, Err(LoggedError::Outside(OutsideError::Unknown { .. }))), "{found:?}");
}

#[tokio::test]
async fn every_refusal_of_a_search_has_a_kind_of_its_own() {
    let (_, found) =
        find(vec![error(400, "ResourceNotFoundException", "The specified log group does not exist.")]).await;
    assert!(matches!(&found, Err(LoggedError::NotThere(what)) if what.contains("/aws/lambda/jobs")), "{found:?}");
    let (fake, found) = find(vec![error(400, "AccessDeniedException", "not authorized: logs:FilterLogEvents")]).await;
    let denied = found.unwrap_err();
    assert!(matches!(&denied, LoggedError::Denied { message, .. } if message.contains("logs:FilterLogEvents")));
    assert_eq!(fake.requests().len(), 1);
    let (_, found) = find(vec![error(400, "InvalidParameterException", "no")]).await;
    assert!(matches!(found, Err(LoggedError::Outside(OutsideError::Refused { .. }))), "{found:?}");
}

async fn output(answers: Vec<Answer>) -> (Fake, Result<CommandOutput, LoggedError>) {
    let fake = Fake::answering(answers).await;
    let output = SsmCommands::new(&fake.config()).output(COMMAND, "i-1").await;
    (fake, output)
}

fn printed(status: &str, stdout: &str, stderr: &str) -> Answer {
    let body = json!({
        "Status": status, "ResponseCode": 0, "StandardOutputContent": stdout, "StandardErrorContent": stderr,
    });
    reply(200, body.to_string())
}

#[tokio::test]
async fn a_commands_output_is_asked_for_by_command_and_instance() {
    let (fake, found) = output(vec![printed("Failed", "out", "err\n")]).await;
    let (status, stdout, stderr) = ("Failed".to_owned(), "out".to_owned(), "err\n".to_owned());
    assert_eq!(found.unwrap(), CommandOutput { status, over: true, stdout, stderr, cut: false });
    assert_eq!(fake.requests()[0].header("x-amz-target"), Some("AmazonSSM.GetCommandInvocation"));
    assert_eq!(fake.requests()[0].json(), json!({ "CommandId": COMMAND, "InstanceId": "i-1" }));
    let (_, found) = output(vec![printed("InProgress", "", "")]).await;
    assert!(!found.unwrap().over);
}

#[tokio::test]
async fn an_output_as_long_as_ssm_keeps_it_is_cut() {
    let (_, found) = output(vec![printed("Success", &"o".repeat(23_999), &"e".repeat(7_999))]).await;
    assert!(!found.unwrap().cut);
    let (_, found) = output(vec![printed("Success", &"o".repeat(30_000), "")]).await;
    let found = found.unwrap();
    assert_eq!((found.stdout.chars().count(), found.stdout.ends_with('…'), found.cut), (24_001, true, true));
    let (_, found) = output(vec![printed("Success", "", &"e".repeat(8_000))]).await;
    assert!(found.unwrap().cut);
}

#[tokio::test]
async fn a_command_that_nobody_knows_and_a_missing_right_are_told_apart() {
    for code in ["InvocationDoesNotExist", "InvalidCommandId"] {
        let (_, found) = output(vec![error(400, code, "")]).await;
        assert!(matches!(&found, Err(LoggedError::NotThere(what)) if what.contains(COMMAND)), "{found:?}");
    }
    let (_, found) = output(vec![error(400, "AccessDeniedException", "ssm:GetCommandInvocation")]).await;
    assert!(matches!(found, Err(LoggedError::Denied { .. })), "{found:?}");
}
