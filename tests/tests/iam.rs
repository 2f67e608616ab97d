//! IAM's rules, one by one, at the evaluator that the test of the policies relies on.
//! Must not know the project's policies.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]
#![expect(clippy::needless_pass_by_value, reason = "statements are written where they are tested")]

use serde_json::{Value, json};
use tests::iam::{Call, Decision, Policy, decide};

const OBJECT: &str = "arn:aws:s3:::bucket/queries/a.yaml";
const NODE: &str = "arn:aws:iam::123456789012:role/node";

fn policy(statements: Value) -> Policy {
    Policy::read("policy", &json!({ "Version": "2012-10-17", "Statement": statements })).unwrap()
}

fn refused(statement: Value) -> String {
    let document = json!({ "Version": "2012-10-17", "Statement": statement });
    Policy::read("policy", &document).unwrap_err().problem
}

fn get() -> Call {
    Call::new("s3:GetObject", OBJECT)
}

fn allowed(statement: Value, call: &Call) -> bool {
    matches!(decide(&[&policy(statement)], &[], call), Decision::Allowed(_))
}

/// Whether a call is allowed under a condition.
fn holds(condition: Value, call: &Call) -> bool {
    allowed(json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition }), call)
}

#[test]
fn nothing_is_allowed_by_itself() {
    assert_eq!(decide(&[], &[], &get()), Decision::NotAllowed);
    assert!(!allowed(json!({ "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*" }), &get()));
    assert!(!allowed(json!({ "Effect": "Deny", "Action": "s3:PutObject", "Resource": "*" }), &get()));
}

#[test]
fn a_deny_wins_wherever_it_stands() {
    let statements = json!([
        { "Sid": "Some", "Effect": "Allow", "Action": "s3:*", "Resource": "*" },
        { "Sid": "NoReads", "Effect": "Deny", "Action": "s3:Get*", "Resource": "*" }
    ]);
    let denied = Decision::Denied(vec![("policy".to_owned(), "NoReads".to_owned())]);
    assert_eq!(decide(&[&policy(statements.clone())], &[], &get()), denied);
    let put = Call::new("s3:PutObject", OBJECT);
    assert_eq!(
        decide(&[&policy(statements)], &[], &put),
        Decision::Allowed(vec![("policy".to_owned(), "Some".to_owned())])
    );
}

#[test]
fn actions_have_no_case_and_resources_have() {
    for action in ["S3:getobject", "s3:Get*", "s3:GetObjec?", "*", "s3:*"] {
        assert!(allowed(json!({ "Effect": "Allow", "Action": action, "Resource": "*" }), &get()), "{action}");
    }
    for action in ["s3:GetObjectVersion", "s3:Get?", "sqs:*", "s3"] {
        assert!(!allowed(json!({ "Effect": "Allow", "Action": action, "Resource": "*" }), &get()), "{action}");
    }
    for (resource, matches) in [
        (OBJECT, true),
        ("arn:aws:s3:::bucket/*", true),
        ("arn:aws:s3:::bucket/queries/?.yaml", true),
        ("arn:aws:s3:::bucket", false),
        ("arn:aws:s3:::bucket/Queries/*", false),
        ("arn:aws:s3:::bucket/queries/", false),
    ] {
        let statement = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": [resource] });
        assert_eq!(allowed(statement, &get()), matches, "{resource}");
    }
}

#[test]
fn all_but_what_is_listed() {
    let statement =
        |action: &str, resource: &str| json!({ "Effect": "Allow", "NotAction": action, "NotResource": resource });
    assert!(allowed(statement("s3:PutObject", "arn:aws:s3:::bucket/config/*"), &get()));
    assert!(!allowed(statement("s3:Get*", "arn:aws:s3:::bucket/config/*"), &get()));
    assert!(!allowed(statement("s3:PutObject", "arn:aws:s3:::bucket/queries/*"), &get()));
}

#[test]
fn texts_are_compared() {
    let call = get().with("s3:prefix", "queries/");
    for (condition, wanted) in [
        (json!({ "StringEquals": { "s3:prefix": "queries/" } }), true),
        (json!({ "StringEquals": { "S3:Prefix": ["x", "queries/"] } }), true),
        (json!({ "StringEquals": { "s3:prefix": "queries/*" } }), false),
        (json!({ "StringEquals": { "s3:prefix": "QUERIES/" } }), false),
        (json!({ "StringEqualsIgnoreCase": { "s3:prefix": "QUERIES/" } }), true),
        (json!({ "StringLike": { "s3:prefix": ["queries*"] } }), true),
        (json!({ "StringNotEquals": { "s3:prefix": ["queries/", "x"] } }), false),
        (json!({ "StringNotEquals": { "s3:prefix": ["y", "x"] } }), true),
        (json!({ "StringNotLike": { "s3:prefix": "q*" } }), false),
        (json!({ "StringLike": { "s3:prefix": "q*" }, "StringEquals": { "s3:delimiter": "/" } }), false),
        (json!({ "StringLike": { "s3:prefix": "q*", "s3:delimiter": "/" } }), false),
    ] {
        assert_eq!(holds(condition.clone(), &call), wanted, "{condition}");
    }
}

#[test]
fn a_key_that_is_absent() {
    for (condition, wanted) in [
        (json!({ "StringEquals": { "s3:prefix": "" } }), false),
        (json!({ "StringLike": { "s3:prefix": "*" } }), false),
        (json!({ "StringNotEquals": { "s3:prefix": "x" } }), true),
        (json!({ "ArnNotLike": { "aws:PrincipalArn": "*" } }), true),
        (json!({ "StringLikeIfExists": { "s3:prefix": "x" } }), true),
        (json!({ "StringNotEqualsIfExists": { "s3:prefix": "x" } }), true),
        (json!({ "Bool": { "aws:SecureTransport": "false" } }), false),
        (json!({ "BoolIfExists": { "aws:SecureTransport": "false" } }), true),
        (json!({ "Null": { "s3:prefix": "true" } }), true),
        (json!({ "Null": { "s3:prefix": false } }), false),
        (json!({ "ForAnyValue:StringEquals": { "s3:prefix": "x" } }), false),
        (json!({ "ForAllValues:StringEquals": { "s3:prefix": "x" } }), true),
    ] {
        assert_eq!(holds(condition.clone(), &get()), wanted, "{condition}");
    }
    let call = get().with("s3:prefix", "");
    assert!(holds(json!({ "StringLike": { "s3:prefix": ["", "x"] } }), &call));
    assert!(!holds(json!({ "Null": { "s3:prefix": "true" } }), &call));
    assert!(!holds(json!({ "StringLikeIfExists": { "s3:prefix": "x" } }), &call));
}

#[test]
fn truth_arns_and_sets() {
    let mut call = get().with("aws:SecureTransport", "false").with("aws:PrincipalArn", NODE);
    call.context.insert("aws:TagKeys".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
    for (condition, wanted) in [
        (json!({ "Bool": { "aws:SecureTransport": "false" } }), true),
        (json!({ "Bool": { "aws:SecureTransport": true } }), false),
        (json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/node" } }), true),
        (json!({ "ArnEquals": { "aws:PrincipalArn": [NODE] } }), true),
        (json!({ "ArnNotLike": { "aws:PrincipalArn": ["arn:aws:iam::123456789012:role/x", NODE] } }), false),
        (json!({ "ArnNotEquals": { "aws:PrincipalArn": ["arn:aws:iam::123456789012:role/x"] } }), true),
        (json!({ "ForAnyValue:StringEquals": { "aws:TagKeys": "b" } }), true),
        (json!({ "ForAllValues:StringEquals": { "aws:TagKeys": "b" } }), false),
        (json!({ "ForAllValues:StringLike": { "aws:TagKeys": ["a", "?"] } }), true),
        (json!({ "ForAnyValue:StringNotEquals": { "aws:TagKeys": "b" } }), true),
    ] {
        assert_eq!(holds(condition.clone(), &call), wanted, "{condition}");
    }
}

#[test]
fn a_resource_policy_concerns_its_principals() {
    let call = get().with("aws:PrincipalArn", NODE);
    let everything = policy(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
    let on = |principal: Value, effect: &str| {
        policy(json!({ "Effect": effect, "Principal": principal, "Action": "s3:*", "Resource": "*" }))
    };
    for principal in [json!("*"), json!({ "AWS": "*" }), json!({ "AWS": ["arn:aws:iam::1:role/x", NODE] })] {
        assert!(matches!(decide(&[&everything], &[&on(principal.clone(), "Deny")], &call), Decision::Denied(_)));
        assert!(matches!(decide(&[], &[&on(principal, "Allow")], &call), Decision::Allowed(_)));
    }
    for principal in [json!({ "AWS": "arn:aws:iam::1:role/x" }), json!({ "Service": "logging.s3.amazonaws.com" })] {
        assert!(matches!(decide(&[&everything], &[&on(principal.clone(), "Deny")], &call), Decision::Allowed(_)));
        assert_eq!(decide(&[], &[&on(principal, "Allow")], &call), Decision::NotAllowed);
    }
    // A statement that names nobody belongs to an identity, one that names somebody does not.
    assert_eq!(decide(&[], &[&everything], &call), Decision::NotAllowed);
    assert_eq!(decide(&[&on(json!("*"), "Allow")], &[], &call), Decision::NotAllowed);
}

#[test]
fn what_is_not_understood_is_an_error() {
    let base = |key: &str, value: Value| {
        let mut statement = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" });
        statement[key] = value;
        statement
    };
    for (statement, problem) in [
        (base("Condition", json!({ "DateGreaterThan": { "aws:CurrentTime": "2026" } })), "operator DateGreaterThan"),
        (base("Condition", json!({ "NullIfExists": { "s3:prefix": "true" } })), "operator NullIfExists"),
        (base("Condition", json!({ "ForSome:StringEquals": { "a": "b" } })), "operator ForSome"),
        (base("Condition", json!({ "stringequals": { "a": "b" } })), "operator stringequals"),
        (base("Condition", json!({ "StringEquals": { "a": { "Ref": "X" } } })), "StringEquals a"),
        (base("Condition", json!({ "StringEquals": { "a": "${aws:username}" } })), "StringEquals a"),
        (base("Resource", json!("arn:aws:s3:::${Bucket}/*")), "Resource"),
        (base("Resource", json!({ "Fn::Sub": "x" })), "Resource"),
        (base("Effect", json!("allow")), "effect"),
        (base("Actions", json!("s3:*")), "element Actions"),
        (base("NotAction", json!("s3:*")), "one of Action"),
        (base("NotPrincipal", json!("*")), "element NotPrincipal"),
        (base("Principal", json!({ "AWS": "arn:aws:iam::123456789012:root" })), "principal"),
        (base("Principal", json!({ "Federated": "x" })), "principal"),
    ] {
        let told = refused(statement.clone());
        assert!(told.contains(problem), "{statement}: {told}");
    }
    assert!(Policy::read("p", &json!({ "Version": "2008-10-17", "Statement": [] })).is_err());
    assert!(Policy::read("p", &json!({ "Version": "2012-10-17" })).is_err());
}
