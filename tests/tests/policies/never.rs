//! What nobody may do, whatever else is allowed.
//! Must not know what the tests did.

use std::collections::BTreeSet;

use serde_json::json;
use tests::deployment::{DISPATCHES, Deployment, PEOPLE, Variant};
use tests::iam::{Call, Decision, Policy};

const OBJECTS: &str = "arn:aws:s3:::local/flink-sql-runner";

/// Who may write what, and nobody else: by the table of the layout in docs/design.md (6).
const WRITERS: [(&str, &[&str]); 16] = [
    ("queries/a.yaml", &["uploader", "operator"]),
    ("queries/team/a.yaml", &["uploader", "operator"]),
    ("config/job-template.yaml", &["operator"]),
    ("manifests/a.yaml", &["function"]),
    ("records/a.json", &["function"]),
    ("plans/1.json", &["function"]),
    ("batches/1.receipt.json", &["function"]),
    ("refused/queries/a.yaml.json", &["function"]),
    ("settings.json", &["function"]),
    ("claims/1.json", &["function", "node"]),
    ("results/a/1.json", &["node"]),
    ("cluster/observed.json", &["node"]),
    ("session/session.json", &["node"]),
    ("checkpoints/a/1/0/chk-1/_metadata", &["node"]),
    ("savepoints/a/1/0/savepoint-1/_metadata", &["node"]),
    ("node/0/SHA256SUMS", &["releasers"]),
];

fn allowed(decision: &Decision) -> bool {
    match decision {
        Decision::Allowed(_) => true,
        Decision::Denied(_) | Decision::NotAllowed => false,
    }
}

/// Somebody who may do everything but for the resource's own policy.
fn everything() -> Policy {
    let statement = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    Policy::read("everything", &json!({ "Version": "2012-10-17", "Statement": statement })).unwrap()
}

#[test]
fn every_prefix_has_its_writers_whatever_rights_others_have() {
    let deployment = Deployment::render(&Variant::of("emr"));
    let everything = everything();
    for (path, writers) in WRITERS {
        for action in ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectTagging"] {
            let mut found = BTreeSet::new();
            for (who, arn) in deployment.arns() {
                let call = Call::new(action, &format!("{OBJECTS}/{path}")).with("aws:SecureTransport", "true");
                if allowed(&deployment.decide_with(&[&everything], &arn, call)) {
                    found.insert(who);
                }
            }
            let wanted: BTreeSet<&str> = writers.iter().copied().chain(["administrators"]).collect();
            assert_eq!(found, wanted, "{action} on {path}");
        }
    }
}

/// A release is what every node runs: not even the rights to everything are enough, unless one was named.
#[test]
fn nobody_releases_who_was_not_named() {
    let [.., releasers, administrators] = PEOPLE;
    let everything = everything();
    for named in [vec![], vec![releasers], vec![administrators], vec![releasers, administrators]] {
        let wanted: BTreeSet<&str> = named.iter().map(|(_, role)| *role).collect();
        let deployment = Deployment::render_with(&Variant::of("emr"), &named);
        for action in ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectTagging"] {
            let may = |arn: &str| {
                let call = Call::new(action, &format!("{OBJECTS}/node/0/flink-sql-runner-node.sh"));
                allowed(&deployment.decide_with(&[&everything], arn, call.with("aws:SecureTransport", "true")))
            };
            let arns = deployment.arns();
            let found: BTreeSet<&str> = arns.iter().filter(|(_, arn)| may(arn)).map(|(who, _)| *who).collect();
            assert_eq!(found, wanted, "{action} with {named:?}");
            assert!(may("arn:aws:iam::123456789012:root"), "nobody can ever mend it");
        }
    }
}

#[test]
fn nobodys_own_policy_allows_more_than_the_prefixes() {
    for dispatch in DISPATCHES {
        let deployment = Deployment::render(&Variant::of(dispatch));
        for (path, writers) in WRITERS {
            for who in ["function", "node", "uploader", "operator"] {
                let principal = deployment.principal(who).unwrap();
                for action in ["s3:PutObject", "s3:DeleteObject"] {
                    let identity = deployment.decide(&principal, Call::new(action, &format!("{OBJECTS}/{path}")));
                    assert!(!allowed(&identity) || writers.contains(&who), "{dispatch}: {who} {action} {path}");
                }
            }
        }
        for who in ["function", "node", "uploader", "operator"] {
            let principal = deployment.principal(who).unwrap();
            for (action, resource) in [
                ("s3:GetObject", "arn:aws:s3:::other/flink-sql-runner/records/a.json"),
                ("s3:GetObject", "arn:aws:s3:::local/other/records/a.json"),
                ("s3:PutBucketPolicy", "arn:aws:s3:::local"),
                ("s3:DeleteObjectVersion", "arn:aws:s3:::local/flink-sql-runner/records/a.json"),
                ("iam:PassRole", "arn:aws:iam::123456789012:role/EMR_EC2_DefaultRole"),
                ("ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/other/secret"),
                ("ssm:PutParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/flink-sql-runner/secret"),
                ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:other"),
                ("lambda:UpdateFunctionCode", "arn:aws:lambda:us-east-1:123456789012:function:flink-sql-runner"),
            ] {
                assert!(
                    !allowed(&deployment.decide(&principal, Call::new(action, resource))),
                    "{who} {action} {resource}"
                );
            }
            let listing = Call::new("s3:ListBucket", "arn:aws:s3:::local").with("s3:prefix", "other/");
            assert!(!allowed(&deployment.decide(&principal, listing)), "{who} lists another prefix");
            let whole = Call::new("s3:ListBucket", "arn:aws:s3:::local");
            assert!(!allowed(&deployment.decide(&principal, whole)), "{who} lists the whole bucket");
        }
        let secret =
            Call::new("ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/flink-sql-runner/db/password");
        for (who, may) in [("node", true), ("function", false), ("uploader", false), ("operator", false)] {
            let decision = deployment.decide(&deployment.principal(who).unwrap(), secret.clone());
            assert_eq!(allowed(&decision), may, "{who} reads a secret");
        }
    }
}

#[test]
fn operators_alone_read_the_functions_log_and_what_commands_printed() {
    fn group(name: &str) -> String {
        format!("arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/{name}")
    }
    fn streams(name: &str) -> String {
        format!("{}:log-stream:", group(name))
    }
    for dispatch in DISPATCHES {
        let deployment = Deployment::render(&Variant::of(dispatch));
        for who in ["function", "node", "uploader", "operator"] {
            let principal = deployment.principal(who).unwrap();
            let may =
                |action: &str, resource: &str| allowed(&deployment.decide(&principal, Call::new(action, resource)));
            let operates = who == "operator";
            // The service asks about the one or the other.
            for arn in [group as fn(&str) -> String, streams] {
                assert_eq!(may("logs:FilterLogEvents", &arn("flink-sql-runner")), operates, "{who}");
                assert!(!may("logs:FilterLogEvents", &arn("flink-sql-runner-other")), "{who}");
                assert!(!may("logs:DeleteLogGroup", &arn("flink-sql-runner")), "{who}");
            }
            assert_eq!(may("ssm:GetCommandInvocation", "*"), operates && dispatch == "ssm", "{who} {dispatch}");
        }
    }
}

#[test]
fn nothing_goes_unencrypted() {
    let deployment = Deployment::render(&Variant::of("emr"));
    let everything = everything();
    for (who, arn) in deployment.arns() {
        for (action, resource) in [
            ("s3:GetObject", format!("{OBJECTS}/records/a.json")),
            ("s3:PutObject", format!("{OBJECTS}/queries/a.yaml")),
            ("s3:ListBucket", "arn:aws:s3:::local".to_owned()),
        ] {
            let call = Call::new(action, &resource).with("aws:SecureTransport", "false");
            let decision = deployment.decide_with(&[&everything], &arn, call);
            assert!(matches!(decision, Decision::Denied(_)), "{who} {action} over plain HTTP: {decision:?}");
        }
    }
}

#[test]
fn the_cluster_is_reached_by_our_document_only() {
    let ssm = Deployment::render(&Variant::of("ssm"));
    let function = ssm.principal("function").unwrap();
    let own = "arn:aws:ssm:us-east-1:123456789012:document/flink-sql-runner-run";
    let instance = "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0";
    let send = |resource: &str, tag: &str| {
        let call = Call::new("ssm:SendCommand", resource);
        let call = if tag.is_empty() { call } else { call.with("ssm:resourceTag/flink-sql-runner", tag) };
        allowed(&ssm.decide(&function, call))
    };
    assert!(send(own, "") && send(instance, "flink-sql-runner"));
    for document in [
        "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
        "arn:aws:ssm:us-east-1:123456789012:document/other",
        "arn:aws:ssm:us-east-1:999999999999:document/flink-sql-runner-run",
    ] {
        assert!(!send(document, ""), "{document}");
    }
    assert!(!send(instance, "") && !send(instance, "other"), "an instance of another cluster");
    let steps =
        Call::new("elasticmapreduce:AddJobFlowSteps", "arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/j-1");
    assert!(!allowed(&ssm.decide(&function, steps.clone())), "steps where commands are sent");
    let emr = Deployment::render(&Variant::of("emr"));
    let function = emr.principal("function").unwrap();
    assert!(!allowed(&emr.decide(&function, steps)), "steps of another cluster");
    assert!(!allowed(&emr.decide(&function, Call::new("ssm:SendCommand", own))), "commands where steps are sent");
    for who in ["node", "uploader", "operator"] {
        for deployment in [&emr, &ssm] {
            let principal = deployment.principal(who).unwrap();
            for (action, resource) in [
                ("ssm:SendCommand", own),
                (
                    "elasticmapreduce:AddJobFlowSteps",
                    "arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/j-LOCAL00000000",
                ),
            ] {
                assert!(!allowed(&deployment.decide(&principal, Call::new(action, resource))), "{who} {action}");
            }
        }
    }
}
