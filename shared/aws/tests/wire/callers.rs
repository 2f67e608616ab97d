//! Proofs of who calls, made by one side and sent by the other, against a server that answers as STS does.
//! Must not know how the adapter is made: only the port and the wire.

use aws::{StsCallers, prove};
use control::callers::{Callers, Proof};
use control::ports::OutsideError;
use desired::digest::Digest;
use jiff::{SignedDuration, Timestamp};

use crate::fake::{Answer, Fake, reply};

const ARN: &str = "arn:aws:sts::123456789012:assumed-role/operators/anna";

fn known() -> Answer {
    let result = format!("<Arn>{ARN}</Arn><UserId>A:anna</UserId><Account>123456789012</Account>");
    reply(
        200,
        format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult>{result}</GetCallerIdentityResult></GetCallerIdentityResponse>"
        ),
    )
}

fn about() -> Digest {
    Digest::of(b"one action")
}

#[expect(clippy::disallowed_methods, reason = "the SDK signs by the system's clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A proof of this, and a server that would answer it.
async fn made(answers: Vec<Answer>) -> (Fake, Proof) {
    let fake = Fake::answering(answers).await;
    let proof = prove(&fake.config(), &about()).await.unwrap();
    assert!(fake.requests().is_empty(), "a proof is made without a call");
    (fake, proof)
}

async fn refused(fake: &Fake, proof: &Proof, about: &Digest, now: Timestamp) -> String {
    match StsCallers::new(&fake.config()).identify(proof, about, now).await {
        Err(OutsideError::Refused { message, .. }) => message,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_sent_is_what_the_caller_signed() {
    let (fake, proof) = made(vec![known()]).await;
    let caller = StsCallers::new(&fake.config()).identify(&proof, &about(), now()).await.unwrap();
    assert_eq!(caller, ARN);
    let request = &fake.requests()[0];
    assert_eq!(request.body, "Action=GetCallerIdentity&Version=2011-06-15");
    for (name, value) in &proof.headers {
        assert_eq!(request.header(name), Some(value.as_str()), "{name}");
    }
    assert_eq!(request.header("x-flink-sql-runner-action"), Some(about().as_str()));
}

#[tokio::test]
async fn what_proves_something_else_never_reaches_sts() {
    let (fake, proof) = made(vec![]).await;
    let changed = |name: &str, value: &str| {
        let mut proof = proof.clone();
        proof.headers.insert(name.to_owned(), value.to_owned());
        proof
    };
    let other = Digest::of(b"another action");
    assert!(refused(&fake, &proof, &other, now()).await.contains("another action"));
    let later = now() + SignedDuration::from_mins(6);
    assert!(refused(&fake, &proof, &about(), later).await.contains("too old"));
    assert!(refused(&fake, &changed("host", "sts.evil"), &about(), now()).await.contains("no signer adds"));
    let split = changed("x-amz-security-token", "a\r\nhost: sts.evil");
    assert!(refused(&fake, &split, &about(), now()).await.contains("is no header"));
    let long = changed("x-amz-security-token", &"a".repeat(9_000));
    assert!(refused(&fake, &long, &about(), now()).await.contains("is no header"));
    let unsigned = proof.headers["authorization"].replace("x-flink-sql-runner-action", "x-other");
    assert!(refused(&fake, &changed("authorization", &unsigned), &about(), now()).await.contains("signs neither"));
    let empty = Proof { headers: std::collections::BTreeMap::new() };
    assert!(refused(&fake, &empty, &about(), now()).await.contains("another action"));
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn a_signature_that_sts_refuses_is_a_refusal_and_silence_is_none() {
    let error = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error></ErrorResponse>";
    let (fake, proof) = made(vec![reply(403, error)]).await;
    assert!(refused(&fake, &proof, &about(), now()).await.contains("SignatureDoesNotMatch"));
    let (fake, proof) = made(vec![Answer::Lost, Answer::Lost, Answer::Lost]).await;
    let silent = StsCallers::new(&fake.config()).identify(&proof, &about(), now()).await;
    assert!(matches!(silent, Err(OutsideError::Unknown { .. })), "{silent:?}");
}

#[tokio::test]
async fn a_proof_in_a_log_proves_nothing() {
    let (_, proof) = made(vec![]).await;
    let shown = format!("{proof:?}");
    assert!(!shown.contains("Signature="), "{shown}");
}
