//! What is recorded of the calls that the SDK's clients make: by whom, and which permissions they need.
//! Must not know policies.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]

mod kit;

use std::collections::BTreeMap;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, Delete, ObjectIdentifier};
use kit::{BUCKET, Kit, until};
use local::{Need, Principal, Recorded, Request};

fn s3(kit: &Kit, principal: Principal) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(local::REGION))
        .credentials_provider(Credentials::new(principal.access_key(), local::SECRET_KEY, None, None, "test"))
        .endpoint_url(kit.stack.s3_url())
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

fn object(action: &str, key: &str) -> Need {
    Need { action: action.into(), resource: format!("arn:aws:s3:::{BUCKET}/{key}"), context: BTreeMap::new() }
}

fn bucket(action: &str, prefix: &str, delimiter: Option<&str>) -> Need {
    let delimiter = delimiter.map(|delimiter| ("s3:delimiter".to_owned(), delimiter.to_owned()));
    let context = [("s3:prefix".to_owned(), prefix.to_owned())].into_iter().chain(delimiter).collect();
    Need { action: action.into(), resource: format!("arn:aws:s3:::{BUCKET}"), context }
}

fn with(mut need: Need, key: &str, value: &str) -> Need {
    need.context.insert(key.into(), value.into());
    need
}

fn call(principal: &str, operation: &str, needs: &[Need]) -> Request {
    Request { principal: principal.into(), operation: operation.into(), needs: needs.to_vec() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_with_what_it_needs() {
    let kit = Kit::start(|config| {
        config.recording = Some(config.node.work_dir.with_extension("calls.jsonl"));
        config.cluster_tags = BTreeMap::from([("flink".into(), "yes".into())]);
    })
    .await;
    let (node, uploader) = (s3(&kit, Principal::Node), s3(&kit, Principal::Uploader));
    let body = || ByteStream::from_static(b"text");
    let put = || node.put_object().bucket(BUCKET).body(body());
    let etag = put().key("a").if_none_match("*").send().await.unwrap().e_tag.unwrap();
    put().key("a").if_match(etag).send().await.unwrap();
    uploader.get_object().bucket(BUCKET).key("a").send().await.unwrap();
    uploader.head_object().bucket(BUCKET).key("p/absent").send().await.unwrap_err();
    uploader.list_objects_v2().bucket(BUCKET).prefix("p/").delimiter("/").send().await.unwrap();
    let copy = node.copy_object().bucket(BUCKET).key("b");
    copy.copy_source(format!("{BUCKET}/a")).send().await.unwrap();
    let both = ["a", "b"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder().set_objects(Some(both.to_vec())).build().unwrap();
    node.delete_objects().bucket(BUCKET).delete(delete).send().await.unwrap();
    let upload = node.create_multipart_upload().bucket(BUCKET).key("m").send().await.unwrap().upload_id.unwrap();
    node.abort_multipart_upload().bucket(BUCKET).key("m").upload_id(upload).send().await.unwrap();
    let absent = node.complete_multipart_upload().bucket(BUCKET).key("m").upload_id("none");
    absent.multipart_upload(CompletedMultipartUpload::builder().build()).send().await.unwrap_err();
    // The kit's EMR client signs with a key of nobody.
    kit.emr().list_steps().cluster_id("j-LOCAL00000000").send().await.unwrap();

    let cluster = Need {
        action: "elasticmapreduce:ListSteps".into(),
        resource: "arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/j-LOCAL00000000".into(),
        context: BTreeMap::new(),
    };
    let cluster = with(with(cluster, "elasticmapreduce:ResourceTag/flink", "yes"), "aws:ResourceTag/flink", "yes");
    let wanted = [
        call("node", "s3:PutObject", &[with(object("s3:PutObject", "a"), "s3:if-none-match", "*")]),
        call(
            "node",
            "s3:PutObject",
            &[with(object("s3:PutObject", "a"), "s3:if-match", "etag"), object("s3:GetObject", "a")],
        ),
        call("uploader", "s3:GetObject", &[object("s3:GetObject", "a")]),
        call(
            "uploader",
            "s3:HeadObject",
            &[object("s3:GetObject", "p/absent"), bucket("s3:ListBucket", "p/absent", None)],
        ),
        call("uploader", "s3:ListObjectsV2", &[bucket("s3:ListBucket", "p/", Some("/"))]),
        call("node", "s3:CopyObject", &[object("s3:PutObject", "b"), object("s3:GetObject", "a")]),
        call("node", "s3:DeleteObjects", &[object("s3:DeleteObject", "a"), object("s3:DeleteObject", "b")]),
        call("node", "s3:CreateMultipartUpload", &[object("s3:PutObject", "m")]),
        call("node", "s3:AbortMultipartUpload", &[object("s3:AbortMultipartUpload", "m")]),
        call("node", "s3:CompleteMultipartUpload", &[object("s3:PutObject", "m")]),
        call("unknown", "emr:ListSteps", &[cluster]),
    ];
    let recorded = kit.stack.recorded();
    for wanted in &wanted {
        let found = recorded.iter().find(|call| call.request == *wanted);
        assert_eq!(found.map(|call| call.count), Some(1), "{wanted:#?} in {recorded:#?}");
    }
    assert_eq!(recorded.len(), wanted.len(), "{recorded:#?}");

    // The file comes by itself: a stack that is killed has left it.
    let file = kit.path("node.calls.jsonl");
    let written = || -> Vec<Recorded> {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    until("the recording is written", || async { written() == recorded }).await;
}
