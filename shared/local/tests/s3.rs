//! S3 through the SDK that matters: conditions, listings, multipart uploads, directories that are none.
//! Must not know the server's insides.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that meets the unexpected fails"
)]

mod kit;

use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use kit::{BUCKET, Kit, until};
use local::{Fault, NotifyVia};

fn body(text: &'static str) -> ByteStream {
    ByteStream::from_static(text.as_bytes())
}

async fn put(s3: &aws_sdk_s3::Client, key: &str, text: &'static str) -> String {
    let put = s3.put_object().bucket(BUCKET).key(key).body(body(text)).send().await.unwrap();
    put.e_tag.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_writers_that_race_exactly_one_wins() {
    let kit = Kit::start(|_| {}).await;
    let s3 = kit.s3();
    for round in 0..10 {
        let key = format!("race/{round}");
        let create = |_| {
            let put = s3.put_object().bucket(BUCKET).key(&key).if_none_match("*").body(body("new"));
            tokio::spawn(put.send())
        };
        let mut won = 0;
        for writer in (0..8).map(create).collect::<Vec<_>>() {
            match writer.await.unwrap() {
                Ok(_) => won += 1,
                Err(error) => {
                    assert_eq!(error.raw_response().unwrap().status().as_u16(), 412);
                    assert_eq!(error.code(), Some("PreconditionFailed"));
                }
            }
        }
        assert_eq!(won, 1);
        let etag = s3.head_object().bucket(BUCKET).key(&key).send().await.unwrap().e_tag.unwrap();
        let swap = |n: u32| {
            let put = s3
                .put_object()
                .bucket(BUCKET)
                .key(&key)
                .if_match(&etag)
                .body(ByteStream::from(n.to_string().into_bytes()));
            tokio::spawn(put.send())
        };
        let mut won = 0;
        for writer in (0..8).map(swap).collect::<Vec<_>>() {
            won += usize::from(writer.await.unwrap().is_ok());
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test]
async fn conditions_are_those_of_s3() {
    let kit = Kit::start(|_| {}).await;
    let s3 = kit.s3();
    let missing = s3.put_object().bucket(BUCKET).key("k").if_match("\"x\"").body(body("a")).send().await.unwrap_err();
    assert_eq!(missing.code(), Some("NoSuchKey"));
    assert_eq!(missing.raw_response().unwrap().status().as_u16(), 404);

    let etag = put(&s3, "k", "a").await;
    assert_eq!(etag, "\"0cc175b9c0f1b6a831c399e269772661\"");
    let same = s3.get_object().bucket(BUCKET).key("k").if_none_match(&etag).send().await.unwrap_err();
    assert_eq!(same.raw_response().unwrap().status().as_u16(), 304);
    let other = s3.get_object().bucket(BUCKET).key("k").if_match("\"x\"").send().await.unwrap_err();
    assert_eq!(other.raw_response().unwrap().status().as_u16(), 412);
    let head = s3.head_object().bucket(BUCKET).key("k").if_none_match(&etag).send().await.unwrap_err();
    assert_eq!(head.raw_response().unwrap().status().as_u16(), 304);

    let kept = s3.delete_object().bucket(BUCKET).key("k").if_match("\"x\"").send().await.unwrap_err();
    assert_eq!(kept.raw_response().unwrap().status().as_u16(), 412);
    s3.delete_object().bucket(BUCKET).key("k").if_match(&etag).send().await.unwrap();
    let gone = s3.delete_object().bucket(BUCKET).key("k").if_match(&etag).send().await.unwrap_err();
    assert_eq!(gone.raw_response().unwrap().status().as_u16(), 404);
    s3.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
}

#[tokio::test]
async fn keys_that_look_like_folders_are_three_objects() {
    let kit = Kit::start(|_| {}).await;
    let s3 = kit.s3();
    put(&s3, "a/b/c", "deep").await;
    for folder in ["a", "a/", "a/b", "a/b/"] {
        let head = s3.head_object().bucket(BUCKET).key(folder).send().await.unwrap_err();
        assert_eq!(head.raw_response().unwrap().status().as_u16(), 404, "{folder}");
        let get = s3.get_object().bucket(BUCKET).key(folder).send().await.unwrap_err();
        assert_eq!(get.code(), Some("NoSuchKey"), "{folder}");
    }
    put(&s3, "a/b", "file").await;
    s3.put_object().bucket(BUCKET).key("a/b/").body(body("")).send().await.unwrap();
    s3.delete_object().bucket(BUCKET).key("a/b").send().await.unwrap();
    assert_eq!(s3.head_object().bucket(BUCKET).key("a/b/").send().await.unwrap().content_length, Some(0));
    assert_eq!(s3.head_object().bucket(BUCKET).key("a/b/c").send().await.unwrap().content_length, Some(4));
}

#[tokio::test]
async fn ranges_attributes_and_times_come_back() {
    let kit = Kit::start(|_| {}).await;
    let s3 = kit.s3();
    let put = s3.put_object().bucket(BUCKET).key("k ü+").content_type("text/plain").metadata("who", "me");
    put.body(body("0123456789")).send().await.unwrap();
    let part = s3.get_object().bucket(BUCKET).key("k ü+").range("bytes=2-4").send().await.unwrap();
    assert_eq!(part.content_range(), Some("bytes 2-4/10"));
    assert_eq!(part.content_type(), Some("text/plain"));
    assert_eq!(part.metadata().unwrap()["who"], "me");
    let age =
        std::time::SystemTime::now().duration_since((*part.last_modified().unwrap()).try_into().unwrap()).unwrap();
    assert!(age < Duration::from_secs(5));
    assert_eq!(part.body.collect().await.unwrap().into_bytes(), "234");
    let tail = s3.get_object().bucket(BUCKET).key("k ü+").range("bytes=-3").send().await.unwrap();
    assert_eq!(tail.body.collect().await.unwrap().into_bytes(), "789");
    let beyond = s3.get_object().bucket(BUCKET).key("k ü+").range("bytes=10-").send().await.unwrap_err();
    assert_eq!(beyond.raw_response().unwrap().status().as_u16(), 416);
    let copy = s3.copy_object().bucket(BUCKET).key("copy").copy_source(format!("{BUCKET}/k%20%C3%BC%2B")).send();
    copy.await.unwrap();
    let copied = s3.head_object().bucket(BUCKET).key("copy").send().await.unwrap();
    assert_eq!((copied.content_type(), copied.content_length()), (Some("text/plain"), Some(10)));
}

#[tokio::test]
async fn listings_have_pages_and_common_prefixes() {
    let kit = Kit::start(|_| {}).await;
    let s3 = kit.s3();
    for n in 0..1005 {
        put(&s3, &format!("many/{n:04}"), "x").await;
    }
    put(&s3, "many/sub/one", "x").await;
    put(&s3, "manyother", "x").await;
    put(&s3, "odd/ü &<\u{1}", "x").await;
    let first = s3.list_objects_v2().bucket(BUCKET).prefix("many/").send().await.unwrap();
    assert_eq!((first.contents().len(), first.is_truncated(), first.key_count()), (1000, Some(true), Some(1000)));
    let second = s3.list_objects_v2().bucket(BUCKET).prefix("many/");
    let second = second.set_continuation_token(first.next_continuation_token).send().await.unwrap();
    assert_eq!((second.contents().len(), second.is_truncated()), (6, Some(false)));

    let root = s3.list_objects_v2().bucket(BUCKET).delimiter("/").send().await.unwrap();
    let prefixes: Vec<&str> = root.common_prefixes().iter().filter_map(|one| one.prefix()).collect();
    assert_eq!(prefixes, ["many/", "odd/"]);
    assert_eq!(root.contents()[0].key(), Some("manyother"));
    let after = s3.list_objects_v2().bucket(BUCKET).prefix("many/").start_after("many/1003").send().await.unwrap();
    assert_eq!(after.contents().iter().filter_map(|one| one.key()).collect::<Vec<_>>(), ["many/1004", "many/sub/one"]);
    let old = s3.list_objects().bucket(BUCKET).prefix("many/").delimiter("/").max_keys(2).send().await.unwrap();
    assert_eq!((old.contents().len(), old.is_truncated(), old.next_marker()), (2, Some(true), Some("many/0001")));
    let encoded = s3.list_objects_v2().bucket(BUCKET).prefix("odd/").encoding_type("url".into()).send().await.unwrap();
    assert_eq!(encoded.contents()[0].key(), Some("odd/%C3%BC%20%26%3C%01"));

    let all = (0..1000).map(|n| ObjectIdentifier::builder().key(format!("many/{n:04}")).build().unwrap()).collect();
    let delete = Delete::builder().set_objects(Some(all)).build().unwrap();
    let deleted = s3.delete_objects().bucket(BUCKET).delete(delete).send().await.unwrap();
    assert_eq!(deleted.deleted().len(), 1000);
    assert_eq!(s3.list_objects_v2().bucket(BUCKET).prefix("many/").send().await.unwrap().contents().len(), 6);
}

#[tokio::test]
async fn parts_become_one_object_at_once() {
    let kit = Kit::start(|_| {}).await;
    let s3 = kit.s3();
    let started = s3.create_multipart_upload().bucket(BUCKET).key("big").send().await.unwrap();
    let id = started.upload_id().unwrap();
    let mut parts = Vec::new();
    for (number, size) in [(1, 5 * 1024 * 1024), (2, 10)] {
        let bytes = ByteStream::from(vec![b'a'; size]);
        let part = s3.upload_part().bucket(BUCKET).key("big").upload_id(id).part_number(number).body(bytes);
        let etag = part.send().await.unwrap().e_tag.unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    assert!(s3.head_object().bucket(BUCKET).key("big").send().await.is_err());
    assert_eq!(s3.list_parts().bucket(BUCKET).key("big").upload_id(id).send().await.unwrap().parts().len(), 2);
    assert_eq!(s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap().uploads().len(), 1);
    let complete = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = s3.complete_multipart_upload().bucket(BUCKET).key("big").upload_id(id).multipart_upload(complete);
    let taken = complete.clone().if_match("\"x\"").send().await.unwrap_err();
    assert_eq!(taken.raw_response().unwrap().status().as_u16(), 404);
    let done = complete.send().await.unwrap();
    assert!(done.e_tag().unwrap().ends_with("-2\""));
    assert_eq!(
        s3.head_object().bucket(BUCKET).key("big").send().await.unwrap().content_length,
        Some(5 * 1024 * 1024 + 10)
    );

    let started = s3.create_multipart_upload().bucket(BUCKET).key("gone").send().await.unwrap();
    let id = started.upload_id().unwrap();
    s3.abort_multipart_upload().bucket(BUCKET).key("gone").upload_id(id).send().await.unwrap();
    let part = s3.upload_part().bucket(BUCKET).key("gone").upload_id(id).part_number(1).body(body("x")).send().await;
    assert_eq!(part.unwrap_err().code(), Some("NoSuchUpload"));
}

#[tokio::test]
async fn writes_under_a_prefix_reach_the_function() {
    let kit = Kit::start(|config| config.notify_prefixes = vec!["in/".into()]).await;
    let s3 = kit.s3();
    let etag = put(&s3, "in/a b+ü.yaml", "x").await;
    put(&s3, "out/a", "x").await;
    s3.delete_object().bucket(BUCKET).key("in/a b+ü.yaml").send().await.unwrap();
    s3.delete_object().bucket(BUCKET).key("in/never").send().await.unwrap();
    let records = || -> Vec<serde_json::Value> {
        let messages =
            kit.notes().into_iter().flat_map(|note| note["event"]["Records"].as_array().cloned().unwrap_or_default());
        let bodies = messages
            .map(|message| serde_json::from_str::<serde_json::Value>(message["body"].as_str().unwrap()).unwrap());
        bodies.map(|body| body["Records"][0].clone()).collect()
    };
    until("two notifications", async || records().len() == 2).await;
    // Two deliveries run at a time: only the sequencer tells the order.
    let mut records = records();
    records.sort_by_key(|record| record["s3"]["object"]["sequencer"].to_string());
    let names: Vec<&str> = records.iter().filter_map(|record| record["eventName"].as_str()).collect();
    assert_eq!(names, ["ObjectCreated:Put", "ObjectRemoved:Delete"]);
    let objects: Vec<_> = records.iter().map(|record| record["s3"]["object"].clone()).collect();
    assert_eq!(objects[0]["key"], "in/a+b%2B%C3%BC.yaml");
    assert_eq!(format!("\"{}\"", objects[0]["eTag"].as_str().unwrap()), etag);
    until("an empty queue", async || kit.stack.queued() == 0).await;
}

#[tokio::test]
async fn notifications_can_come_straight_or_as_events() {
    for (via, detail) in [(NotifyVia::Direct, "Records"), (NotifyVia::EventBridge, "detail")] {
        let kit = Kit::start(|config| {
            config.notify_via = via;
            config.notify_prefixes = vec!["in/".into()];
        })
        .await;
        put(&kit.s3(), "in/a b", "x").await;
        until("a notification", async || kit.notes().len() == 1).await;
        let event = &kit.notes()[0]["event"];
        assert!(event.get(detail).is_some(), "{event}");
        match via {
            NotifyVia::Direct => assert_eq!(event["Records"][0]["s3"]["object"]["key"], "in/a+b"),
            _ => assert_eq!(
                (event["detail-type"].as_str(), event["detail"]["object"]["key"].as_str()),
                (Some("Object Created"), Some("in/a b"))
            ),
        }
    }
}

#[tokio::test]
async fn faults_hit_once_before_or_after_the_write() {
    let kit = Kit::start(|_| {}).await;
    let s3 = kit.s3();
    let slow = Fault::Error { status: 400, kind: "RequestTimeTooSkewed".into(), message: "ordered".into() };
    kit.stack.order_fault("PutObject", slow);
    let refused = s3.put_object().bucket(BUCKET).key("k").body(body("x")).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("RequestTimeTooSkewed"));
    assert!(s3.head_object().bucket(BUCKET).key("k").send().await.is_err());
    // The SDK repeats a write whose answer was lost; a conditional one then meets itself.
    kit.stack.order_fault("PutObject", Fault::DropAfter);
    let met = s3.put_object().bucket(BUCKET).key("k").if_none_match("*").body(body("x")).send().await.unwrap_err();
    assert_eq!(met.code(), Some("PreconditionFailed"));
    let puts = kit.stack.calls().into_iter().filter(|call| call.operation == "PutObject").collect::<Vec<_>>();
    assert_eq!(puts.len(), 3);
    assert_eq!(puts[1].invocation_id, puts[2].invocation_id);
    assert_eq!(puts[1].resource, "bucket/k");
}

#[tokio::test]
async fn what_cannot_be_written_stays_as_it_is_until_it_can() {
    let kit = Kit::start(|_| {}).await;
    let s3 = kit.s3();
    put(&s3, "kept/a", "old").await;
    kit.stack.refuse_writes(|key| key.starts_with("kept/"));
    // The connection goes on after it, whatever the body.
    for length in [3, 3_000_000] {
        let whole = s3.put_object().bucket(BUCKET).key("kept/a").body(vec![b'x'; length].into());
        assert_eq!(whole.send().await.unwrap_err().code(), Some("AccessDenied"));
        let in_parts = s3.create_multipart_upload().bucket(BUCKET).key("kept/b");
        assert_eq!(in_parts.send().await.unwrap_err().code(), Some("AccessDenied"));
        put(&s3, "elsewhere", "x").await;
    }
    let kept = s3.get_object().bucket(BUCKET).key("kept/a").send().await.unwrap();
    assert_eq!(kept.body.collect().await.unwrap().into_bytes(), "old");
    kit.stack.allow_writes();
    put(&s3, "kept/a", "new").await;
}

#[tokio::test]
async fn objects_on_disk_outlive_the_stack() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("objects");
    let kit = Kit::start(|config| config.data_dir = Some(at.clone())).await;
    put(&kit.s3(), "gone", "x").await;
    put(&kit.s3(), "kept/a", "old").await;
    let etag = put(&kit.s3(), "kept/a", "new").await;
    kit.s3().delete_object().bucket(BUCKET).key("gone").send().await.unwrap();
    kit.stack.shutdown().await;
    let kit = Kit::start(|config| config.data_dir = Some(at.clone())).await;
    let list = kit.s3().list_objects_v2().bucket(BUCKET).send().await.unwrap();
    assert_eq!(list.contents().iter().filter_map(|one| one.key()).collect::<Vec<_>>(), ["kept/a"]);
    let kept = kit.s3().get_object().bucket(BUCKET).key("kept/a").send().await.unwrap();
    assert_eq!(kept.e_tag(), Some(etag.as_str()));
    assert_eq!(kept.body.collect().await.unwrap().into_bytes(), "new");
}
