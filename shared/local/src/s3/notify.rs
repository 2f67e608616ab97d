//! The shapes of S3's notifications: the record of the notification document, and the `EventBridge` event.
//! Must not know how they are delivered.

use serde_json::{Value, json};

use super::objects::{Change, ChangeKind};
use crate::config::{ACCOUNT, REGION};
use crate::time::{iso_millis, iso_seconds};

/// The notification document of one change.
pub(crate) fn document(change: &Change) -> Value {
    let name = match change.kind {
        ChangeKind::Put => "ObjectCreated:Put",
        ChangeKind::CompleteMultipartUpload => "ObjectCreated:CompleteMultipartUpload",
        ChangeKind::Copy => "ObjectCreated:Copy",
        ChangeKind::Delete => "ObjectRemoved:Delete",
    };
    let mut object = json!({ "key": form_encode(&change.key), "sequencer": change.sequencer });
    if change.kind != ChangeKind::Delete {
        object["size"] = json!(change.size);
        object["eTag"] = json!(change.etag);
    }
    json!({ "Records": [{
        "eventVersion": "2.5",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": iso_millis(change.at),
        "eventName": name,
        "userIdentity": { "principalId": "AWS:LOCAL" },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": change.sequencer, "x-amz-id-2": "local" },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "local",
            "bucket": { "name": change.bucket, "ownerIdentity": { "principalId": "LOCAL" }, "arn": arn(&change.bucket) },
            "object": object,
        },
    }] })
}

/// The `EventBridge` event of one change.
pub(crate) fn event(change: &Change) -> Value {
    let (detail_type, reason) = match change.kind {
        ChangeKind::Put => ("Object Created", "PutObject"),
        ChangeKind::CompleteMultipartUpload => ("Object Created", "CompleteMultipartUpload"),
        ChangeKind::Copy => ("Object Created", "CopyObject"),
        ChangeKind::Delete => ("Object Deleted", "DeleteObject"),
    };
    let mut object = json!({ "key": change.key, "sequencer": change.sequencer });
    if change.kind != ChangeKind::Delete {
        object["size"] = json!(change.size);
        object["etag"] = json!(change.etag);
    }
    let mut detail = json!({
        "version": "0",
        "bucket": { "name": change.bucket },
        "object": object,
        "request-id": change.sequencer,
        "requester": ACCOUNT,
        "source-ip-address": "127.0.0.1",
        "reason": reason,
    });
    if change.kind == ChangeKind::Delete {
        detail["deletion-type"] = json!("Permanently Deleted");
    }
    json!({
        "version": "0",
        "id": uuid::Uuid::now_v7().to_string(),
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": iso_seconds(change.at),
        "region": REGION,
        "resources": [arn(&change.bucket)],
        "detail": detail,
    })
}

fn arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

/// Keys in notification documents are form-encoded: a space is a plus, the slash stays.
pub(crate) fn form_encode(key: &str) -> String {
    encode(key, true)
}

/// Keys in listings with `encoding-type=url`.
pub(super) fn url_encode(text: &str) -> String {
    encode(text, false)
}

fn encode(text: &str, plus: bool) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' | b'/' => out.push(char::from(byte)),
            b' ' if plus => out.push('+'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
        out
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_are_form_encoded() {
        assert_eq!(super::form_encode("a b/ü+c.yaml"), "a+b/%C3%BC%2Bc.yaml");
        assert_eq!(super::url_encode("a b"), "a%20b");
    }
}
