//! Which IAM permissions S3 asks for, operation by operation.
//! Must not know objects, nor who calls.

use s3s::path::S3Path;

use crate::recording::Need;

pub(super) fn object_arn(bucket: &str, key: &str) -> String {
    format!("arn:aws:s3:::{bucket}/{key}")
}

pub(super) fn bucket_arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

/// What an operation needs on what its path names; what its headers, query and body add comes later.
pub(super) fn needs(operation: &str, path: &S3Path) -> Vec<Need> {
    match path {
        S3Path::Root => vec![Need::new(root_action(operation), "*")],
        // Its body names the objects.
        S3Path::Bucket { .. } if operation == "DeleteObjects" => Vec::new(),
        S3Path::Bucket { bucket } => vec![Need::new(bucket_action(operation), bucket_arn(bucket))],
        S3Path::Object { bucket, key } => vec![Need::new(object_action(operation), object_arn(bucket, key))],
    }
}

fn root_action(operation: &str) -> String {
    match operation {
        "ListBuckets" => "s3:ListAllMyBuckets".to_owned(),
        other => format!("s3:{other}"),
    }
}

fn bucket_action(operation: &str) -> String {
    match operation {
        "ListObjects" | "ListObjectsV2" | "HeadBucket" => "s3:ListBucket".to_owned(),
        "ListMultipartUploads" => "s3:ListBucketMultipartUploads".to_owned(),
        other => format!("s3:{other}"),
    }
}

fn object_action(operation: &str) -> String {
    match operation {
        "HeadObject" => "s3:GetObject".to_owned(),
        "CopyObject" | "CreateMultipartUpload" | "UploadPart" | "UploadPartCopy" | "CompleteMultipartUpload" => {
            "s3:PutObject".to_owned()
        }
        "ListParts" => "s3:ListMultipartUploadParts".to_owned(),
        other => format!("s3:{other}"),
    }
}

/// What a listing adds to the context of its need. A part that the request does not name is not in the context.
pub(super) fn listing(mut need: Need, prefix: Option<&str>, delimiter: Option<&str>) -> Need {
    for (key, value) in [("s3:prefix", prefix), ("s3:delimiter", delimiter)] {
        if let Some(value) = value {
            need = need.with(key, value);
        }
    }
    need
}

/// What the conditions of a write add: with an `ETag` the caller must be able to read what it compares.
/// The values of the condition keys are left out, so that calls that differ in nothing else are one.
pub(super) fn conditional(needs: &mut Vec<Need>, if_match: bool, if_none_match: bool) {
    let Some(mut need) = needs.pop() else { return };
    let read = Need::new("s3:GetObject", need.resource.clone());
    if if_none_match {
        need = need.with("s3:if-none-match", "*");
    }
    if if_match {
        need = need.with("s3:if-match", "etag");
        needs.push(need);
        needs.push(read);
    } else {
        needs.push(need);
    }
}

/// What decides whether a read of an absent key answers 404 or 403: a listing of that key.
pub(super) fn absence(bucket: &str, key: &str) -> Need {
    Need::new("s3:ListBucket", bucket_arn(bucket)).with("s3:prefix", key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(operation: &str, path: &S3Path) -> (String, String) {
        let needs = needs(operation, path);
        assert_eq!(needs.len(), 1);
        (needs[0].action.clone(), needs[0].resource.clone())
    }

    #[test]
    fn operations_are_iam_actions_on_arns() {
        let object = S3Path::Object { bucket: "b".into(), key: "p/k".into() };
        let bucket = S3Path::Bucket { bucket: "b".into() };
        let at_object = [
            ("GetObject", "s3:GetObject"),
            ("HeadObject", "s3:GetObject"),
            ("PutObject", "s3:PutObject"),
            ("DeleteObject", "s3:DeleteObject"),
            ("CopyObject", "s3:PutObject"),
            ("CreateMultipartUpload", "s3:PutObject"),
            ("UploadPart", "s3:PutObject"),
            ("CompleteMultipartUpload", "s3:PutObject"),
            ("AbortMultipartUpload", "s3:AbortMultipartUpload"),
            ("ListParts", "s3:ListMultipartUploadParts"),
        ];
        for (operation, action) in at_object {
            assert_eq!(one(operation, &object), (action.to_owned(), "arn:aws:s3:::b/p/k".to_owned()));
        }
        let at_bucket = [
            ("ListObjectsV2", "s3:ListBucket"),
            ("HeadBucket", "s3:ListBucket"),
            ("ListMultipartUploads", "s3:ListBucketMultipartUploads"),
            ("GetBucketLocation", "s3:GetBucketLocation"),
        ];
        for (operation, action) in at_bucket {
            assert_eq!(one(operation, &bucket), (action.to_owned(), "arn:aws:s3:::b".to_owned()));
        }
        assert_eq!(one("ListBuckets", &S3Path::Root), ("s3:ListAllMyBuckets".to_owned(), "*".to_owned()));
        assert!(needs("DeleteObjects", &bucket).is_empty());
    }

    #[test]
    fn a_comparison_reads() {
        let put = || vec![Need::new("s3:PutObject", "arn:aws:s3:::b/k")];
        let mut needs = put();
        conditional(&mut needs, true, false);
        let actions: Vec<&str> = needs.iter().map(|need| need.action.as_str()).collect();
        assert_eq!(actions, ["s3:PutObject", "s3:GetObject"]);
        assert!(needs[0].context.contains_key("s3:if-match"));
        let mut needs = put();
        conditional(&mut needs, false, true);
        assert_eq!(needs, [put().remove(0).with("s3:if-none-match", "*")]);
    }
}
