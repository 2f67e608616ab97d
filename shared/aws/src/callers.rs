//! Who calls, by STS: a signed `GetCallerIdentity` that the caller makes and does not send, and that somebody else sends.
//! Must not know what is asked; the digest in the request binds it to one thing.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sts::Client;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use control::callers::{Callers, Proof};
use control::ports::OutsideError;
use desired::digest::Digest;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::outcome::outside;

/// The header that binds a proof to one action.
const ABOUT: &str = "x-flink-sql-runner-action";
/// The headers that a signer adds; no other is taken over.
const SIGNED: [&str; 5] = ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-user-agent", ABOUT];
/// How many bytes a header has at most; session tokens are the longest.
const LONGEST_HEADER: usize = 8 * 1024;
/// For how long a proof holds. STS itself takes requests of this age.
const LIFE_S: i64 = 5 * 60;

/// Makes a proof for what `about` names, with the credentials of `config`. Nothing is sent.
pub async fn prove(config: &SdkConfig, about: &Digest) -> Result<Proof, OutsideError> {
    let (what, value) = ("signing who calls", about.to_string());
    let kept = Kept::default();
    let call = Client::new(config).get_caller_identity().customize().interceptor(kept.clone());
    let call = call.mutate_request(move |request| {
        request.headers_mut().insert(ABOUT, value.clone());
    });
    let ended = call.send().await;
    let kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (kept, ended) {
        (Some(proof), _) => Ok(proof),
        (None, Err(error)) => Err(outside(what, error)),
        (None, Ok(_)) => Err(OutsideError::refused(what, "the request was sent unsigned")),
    }
}

/// Keeps a signed request, and ends the call before it is sent.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Option<Proof>>>);

#[derive(Debug, thiserror::Error)]
#[error("the request is kept, not sent")]
struct NotSent;

impl Intercept for Kept {
    fn name(&self) -> &'static str {
        "Kept"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request().headers();
        let header = |name: &str| Some((name.to_owned(), headers.get(name)?.to_owned()));
        let proof = Proof { headers: SIGNED.iter().filter_map(|name| header(name)).collect() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(proof);
        Err(NotSent.into())
    }
}

/// Asks STS whose a proof is, at the endpoint of its own configuration, never at one that a proof names.
#[derive(Debug)]
pub struct StsCallers {
    client: Client,
}

impl StsCallers {
    /// Asks with the endpoint, region and limits of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }
}

#[async_trait]
impl Callers for StsCallers {
    async fn identify(&self, proof: &Proof, about: &Digest, now: Timestamp) -> Result<String, OutsideError> {
        let what = "asking STS who calls";
        check(proof, about, now).map_err(|why| OutsideError::refused(what, why))?;
        let call = self.client.get_caller_identity().customize().interceptor(Replaced(proof.clone()));
        let answer = call.send().await.map_err(|error| outside(what, error))?;
        answer.arn.ok_or_else(|| OutsideError::unknown(what, "no ARN in the reply"))
    }
}

/// What can be told without STS: the proof is about this, fresh, and signs what says so.
fn check(proof: &Proof, about: &Digest, now: Timestamp) -> Result<(), String> {
    for (name, value) in &proof.headers {
        if !SIGNED.contains(&name.as_str()) {
            return Err("the proof has a header that no signer adds".to_owned());
        }
        if value.len() > LONGEST_HEADER || !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(format!("the proof's {name} is no header"));
        }
    }
    let header = |name: &str| proof.headers.get(name).map(String::as_str).unwrap_or_default();
    if header(ABOUT) != about.to_string() {
        return Err("the proof is about another action, or another deployment".to_owned());
    }
    let authorization = header("authorization");
    let after = |name: &str| authorization.split_once(name).map(|(_, rest)| rest.split(',').next().unwrap_or(rest));
    let signed: Vec<&str> = after("SignedHeaders=").unwrap_or_default().split(';').collect();
    if !["host", "x-amz-date", ABOUT].iter().all(|name| signed.contains(name)) {
        return Err("the proof signs neither its time nor what it is about".to_owned());
    }
    let made = DateTime::strptime("%Y%m%dT%H%M%SZ", header("x-amz-date"));
    let made = made.and_then(|made| made.to_zoned(TimeZone::UTC)).map_err(|_| "the proof has no time".to_owned())?;
    if (now.as_second() - made.timestamp().as_second()).abs() > LIFE_S {
        return Err("the proof is too old, or one of the two clocks is wrong".to_owned());
    }
    Ok(())
}

/// Puts the proof's signature in the place of one's own.
#[derive(Debug)]
struct Replaced(Proof);

impl Intercept for Replaced {
    fn name(&self) -> &'static str {
        "Replaced"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        for name in SIGNED {
            headers.remove(name);
        }
        for (name, value) in &self.0.headers {
            headers.try_insert(name.clone(), value.clone())?;
        }
        Ok(())
    }
}
