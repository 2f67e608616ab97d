//! The store and the files against a server that answers as S3 does.
//! Must not know how the adapters are made: only ports and the wire.

use aws::{S3Files, S3Store};
use control::ports::{Child, Etag, Files, OutsideError, Precondition, Put, Store};

use crate::fake::{Answer, Fake, reply, reply_with};

const ETAG: (&str, &str) = ("etag", "\"v1\"");
const DATE: (&str, &str) = ("date", "Wed, 25 Nov 2026 01:00:30 GMT");
const MODIFIED: (&str, &str) = ("last-modified", "Wed, 25 Nov 2026 01:00:00 GMT");

fn error(code: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>because</Message></Error>")
}

async fn store(answers: Vec<Answer>) -> (Fake, S3Store) {
    let fake = Fake::answering(answers).await;
    let store = S3Store::new(&fake.config(), "b");
    (fake, store)
}

async fn files(answers: Vec<Answer>) -> (Fake, S3Files) {
    let fake = Fake::answering(answers).await;
    let files = S3Files::new(&fake.config());
    (fake, files)
}

fn page(entries: &str, next: Option<&str>) -> Answer {
    let next = next.map(|token| format!("<NextContinuationToken>{token}</NextContinuationToken>")).unwrap_or_default();
    let truncated = !next.is_empty();
    reply(200, format!("<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{entries}{next}</ListBucketResult>"))
}

fn object(key: &str) -> String {
    format!("<Contents><Key>{key}</Key><ETag>&quot;e&quot;</ETag><Size>7</Size></Contents>")
}

#[tokio::test]
async fn an_object_comes_with_its_version_and_the_servers_clock() {
    let (fake, store) = store(vec![reply_with(200, &[ETAG, DATE, MODIFIED], "{}")]).await;
    let object = store.get("p/x.json").await.unwrap().unwrap();
    assert_eq!((object.bytes.as_slice(), object.etag), (b"{}".as_slice(), Etag("\"v1\"".into())));
    assert_eq!(object.modified.to_string(), "2026-11-25T01:00:00Z");
    assert_eq!(object.now.to_string(), "2026-11-25T01:00:30Z");
    assert!(fake.requests()[0].line.starts_with("GET /b/p/x.json"), "{}", fake.requests()[0].line);
}

/// The clock is that of the reply that counts, not of the failure before it.
#[tokio::test]
async fn a_retried_reading_takes_the_last_replys_clock() {
    let earlier = ("date", "Wed, 25 Nov 2026 00:00:00 GMT");
    let (fake, store) =
        store(vec![reply_with(503, &[earlier], error("SlowDown")), reply_with(200, &[ETAG, DATE, MODIFIED], "")]).await;
    assert_eq!(store.get("x").await.unwrap().unwrap().now.to_string(), "2026-11-25T01:00:30Z");
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn a_missing_object_is_none_but_a_missing_bucket_is_refused() {
    let (_fake, store) = store(vec![reply(404, error("NoSuchKey")), reply(404, error("NoSuchBucket"))]).await;
    assert!(store.get("x").await.unwrap().is_none());
    assert_eq!(store.get("x").await.unwrap_err().to_string(), "reading s3://b/x: NoSuchBucket: because");
}

#[tokio::test]
async fn a_reply_without_a_date_is_not_guessed_at() {
    let (_fake, store) = store(vec![reply_with(200, &[ETAG, MODIFIED], "{}")]).await;
    assert_eq!(store.get("x").await.unwrap_err().to_string(), "reading s3://b/x: no readable Date in the reply");
}

#[tokio::test]
async fn conditions_travel_as_headers() {
    let (fake, store) = store((0..3).map(|_| reply_with(200, &[ETAG], "")).collect()).await;
    for condition in [Precondition::Always, Precondition::Absent, Precondition::Unchanged(Etag("\"v0\"".into()))] {
        assert_eq!(store.put("x", b"{}".to_vec(), condition).await.unwrap(), Put::Written(Etag("\"v1\"".into())));
    }
    let sent: Vec<_> = fake
        .requests()
        .iter()
        .map(|r| (r.header("if-none-match").map(str::to_owned), r.header("if-match").map(str::to_owned)))
        .collect();
    assert_eq!(sent, [(None, None), (Some("*".into()), None), (None, Some("\"v0\"".into()))]);
    assert!(fake.requests().iter().all(|request| request.body == "{}"));
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_a_conflict() {
    let unchanged = || Precondition::Unchanged(Etag("\"v0\"".into()));
    let table = [
        (412, "PreconditionFailed", Precondition::Absent),
        (412, "PreconditionFailed", unchanged()),
        (409, "ConditionalRequestConflict", Precondition::Absent),
        (409, "ConditionalRequestConflict", unchanged()),
        (404, "NoSuchKey", unchanged()),
    ];
    for (status, code, condition) in table {
        let (fake, store) = store(vec![reply(status, error(code))]).await;
        assert_eq!(store.put("x", Vec::new(), condition).await.unwrap(), Put::Conflict, "{code}");
        assert_eq!(fake.requests().len(), 1, "{code}");
    }
}

/// The SDK sends again after a lost reply and meets its own write: the caller's nonce decides, not we.
#[tokio::test]
async fn a_lost_reply_to_ones_own_write_is_a_conflict() {
    let (fake, store) = store(vec![Answer::Lost, reply(412, error("PreconditionFailed"))]).await;
    assert_eq!(store.put("x", Vec::new(), Precondition::Absent).await.unwrap(), Put::Conflict);
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn refusals_name_key_and_code_and_silence_is_unknown() {
    let (_fake, refusing) = store(vec![reply(403, error("AccessDenied")), reply(404, error("NoSuchBucket"))]).await;
    let denied = refusing.put("x", Vec::new(), Precondition::Always).await.unwrap_err();
    assert!(matches!(denied, OutsideError::Refused { .. }));
    assert!(denied.to_string().starts_with("writing s3://b/x: AccessDenied: because ("), "{denied}");
    let condition = Precondition::Unchanged(Etag("\"v0\"".into()));
    assert!(matches!(refusing.put("x", Vec::new(), condition).await, Err(OutsideError::Refused { .. })));

    let (fake, failing) = store((0..3).map(|_| reply(503, error("SlowDown"))).collect()).await;
    assert!(matches!(failing.get("x").await, Err(OutsideError::Unknown { .. })));
    assert_eq!(fake.requests().len(), 3);
    let (_fake, silent) = store(vec![Answer::Lost, Answer::Lost, Answer::Lost]).await;
    assert!(matches!(silent.delete("x").await, Err(OutsideError::Unknown { .. })));
}

/// Each of them is one object's trouble, for good: its key, the cause and the way out, in one try.
#[tokio::test]
async fn an_object_that_cannot_be_read_is_refused_with_a_way_out() {
    let table = [
        (403, "AccessDenied", "KMS key"),
        (403, "InvalidObjectState", "restore it"),
        (400, "KeyTooLongError", "1024 bytes"),
        (400, "KMS.DisabledException", "enable it"),
    ];
    for (status, code, way_out) in table {
        let (fake, store) = store(vec![reply(status, error(code))]).await;
        let refused = store.get("p/x").await.unwrap_err();
        assert!(matches!(refused, OutsideError::Refused { .. }), "{refused}");
        let told = refused.to_string();
        assert!(told.starts_with(&format!("reading s3://b/p/x: {code}: because (")), "{told}");
        assert!(told.contains(way_out), "{told}");
        assert_eq!(fake.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_not_read() {
    let headers = [ETAG, DATE, MODIFIED].map(|(name, value)| (name, value.to_owned())).to_vec();
    let (_fake, store) = store(vec![Answer::Announced { headers, length: 33 << 20 }]).await;
    let refused = store.get("p/x").await.unwrap_err();
    assert!(matches!(refused, OutsideError::Refused { .. }), "{refused}");
    assert!(refused.to_string().starts_with("reading s3://b/p/x: it is larger than 33554432 bytes ("), "{refused}");
    assert!(refused.to_string().contains("put back an earlier version"), "{refused}");
}

#[tokio::test]
async fn a_body_cut_short_is_unknown() {
    let (_fake, files) = files(vec![Answer::Cut { body: "0123456789".into() }]).await;
    assert!(matches!(files.head("s3://b/x", 10).await, Err(OutsideError::Unknown { .. })));
}

#[tokio::test]
async fn deleting_what_is_absent_is_fine() {
    let (_fake, store) = store(vec![reply(204, ""), reply(404, error("NoSuchKey"))]).await;
    store.delete("x").await.unwrap();
    store.delete("x").await.unwrap();
}

#[tokio::test]
async fn a_listing_has_all_pages_and_odd_keys() {
    let (fake, store) = store(vec![page(&object("p/a"), Some("t")), page(&object("p/b&#x1;+%20"), None)]).await;
    let found = store.list("p/").await.unwrap();
    let keys: Vec<_> = found.iter().map(|listed| listed.key.as_str()).collect();
    assert_eq!(keys, ["p/a", "p/b\u{1}+%20"]);
    assert_eq!((&found[0].etag, found[0].size), (&Etag("\"e\"".into()), 7));
    assert!(fake.requests()[1].line.contains("continuation-token=t"), "{}", fake.requests()[1].line);
}

/// Half a listing must not pass for a whole one: what is not in it would count as removed.
#[tokio::test]
async fn a_listing_whose_second_page_fails_is_no_listing() {
    let (_fake, store) = store(vec![page(&object("a"), Some("t")), reply(403, error("AccessDenied"))]).await;
    assert!(matches!(store.list("").await, Err(OutsideError::Refused { .. })));
}

#[tokio::test]
async fn children_are_names_without_markers() {
    let entries = [object("c/1/"), object("c/1/run_$folder$"), object("c/1/readme")].concat();
    let more = "<CommonPrefixes><Prefix>c/1/chk-9/</Prefix></CommonPrefixes>";
    let (fake, files) = files(vec![page(&entries, Some("t")), page(more, None)]).await;
    let found = files.children("s3a://other/c//1").await.unwrap();
    assert_eq!(found, [Child::File("readme".into()), Child::Directory("chk-9".into())]);
    let line = &fake.requests()[0].line;
    assert!(
        line.starts_with("GET /other") && line.contains("prefix=c%2F1%2F") && line.contains("delimiter=%2F"),
        "{line}"
    );
}

#[tokio::test]
async fn a_directory_in_no_bucket_is_refused_and_not_empty() {
    let (_fake, files) = files(vec![page("", None), reply(404, error("NoSuchBucket"))]).await;
    assert_eq!(files.children("s3://b/none").await.unwrap(), []);
    assert!(files.children("s3://gone/c").await.is_err());
    assert!(files.children("file:///c").await.is_err());
}

#[tokio::test]
async fn the_head_of_a_file_is_a_range() {
    let answers = vec![
        reply(206, "0123"),
        reply(200, "0123456789"),
        reply(416, error("InvalidRange")),
        reply(404, error("NoSuchKey")),
    ];
    let (fake, files) = files(answers).await;
    assert_eq!(files.head("s3p://b/x/_metadata", 16).await.unwrap(), Some(b"0123".to_vec()));
    assert_eq!(fake.requests()[0].header("range"), Some("bytes=0-15"));
    // A server that does not know ranges.
    assert_eq!(files.head("s3://b/x", 4).await.unwrap(), Some(b"0123".to_vec()));
    assert_eq!(files.head("s3://b/empty", 4).await.unwrap(), Some(Vec::new()));
    assert_eq!(files.head("s3://b/none", 4).await.unwrap(), None);
}
