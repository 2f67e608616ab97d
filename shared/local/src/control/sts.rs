//! STS on the wire: who signed a request, by a signature that is checked in full.
//! Must not know what anybody may do.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::{HeaderMap, Response};
use sha2::{Digest, Sha256};

use crate::config::{ACCOUNT, REGION, SECRET_KEY};
use crate::http::{self, Body};
use crate::principal::Principal;

/// The namespace of every answer.
const XMLNS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The block of SHA-256, which HMAC pads a key to.
const BLOCK: usize = 64;

/// Answers `GetCallerIdentity`, the one operation that everybody may call.
pub(super) fn answer(form: &BTreeMap<String, String>, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
    match form.get("Action").map(String::as_str) {
        Some("GetCallerIdentity") => match caller(headers, body) {
            Ok(principal) => identity(principal),
            Err((code, message)) => error(403, code, message),
        },
        Some(_) | None => error(400, "InvalidAction", "no such operation"),
    }
}

/// Whether a form is for this service.
pub(super) fn is_for(form: &BTreeMap<String, String>) -> bool {
    form.get("Version").is_some_and(|version| version == "2011-06-15")
}

fn caller(headers: &HeaderMap, body: &[u8]) -> Result<Principal, (&'static str, &'static str)> {
    let incomplete = ("IncompleteSignature", "the authorization is not complete");
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let authorization = header("authorization").ok_or(("MissingAuthenticationToken", "the request is not signed"))?;
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(name)?;
        rest.split(',').next().map(str::trim)
    };
    let credential = part("Credential=").ok_or(incomplete)?;
    let signed = part("SignedHeaders=").ok_or(incomplete)?;
    let signature = part("Signature=").ok_or(incomplete)?;
    let (key, scope) = credential.split_once('/').ok_or(incomplete)?;
    let principal = Principal::of_key(key).ok_or(("InvalidClientTokenId", "the access key is nobody's"))?;
    let time = header("x-amz-date").ok_or(incomplete)?;
    let date = scope.split('/').next().unwrap_or_default();
    if scope != format!("{date}/{REGION}/sts/aws4_request") || !time.starts_with(date) {
        return Err(("SignatureDoesNotMatch", "the credential is for something else"));
    }
    let mut canonical = String::from("POST\n/\n\n");
    for name in signed.split(';') {
        let value = header(name).ok_or(incomplete)?;
        canonical.extend([name, ":", value, "\n"]);
    }
    canonical.extend(["\n", signed, "\n", &hex(&Sha256::digest(body))]);
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let key = [date, REGION, "sts", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, part| hmac(&key, part.as_bytes()));
    if hex(&hmac(&key, text.as_bytes())) == signature {
        Ok(principal)
    } else {
        Err(("SignatureDoesNotMatch", "the signature is not that of this request"))
    }
}

/// HMAC with SHA-256; keys here are shorter than a block.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let padded =
        |with: u8| -> Vec<u8> { (0..BLOCK).map(|at| key.get(at).copied().unwrap_or_default() ^ with).collect() };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    crate::s3::hex(bytes)
}

fn identity(principal: Principal) -> Response<Body> {
    let (arn, id) = (principal.arn(), principal.access_key());
    let result = format!("<Arn>{arn}</Arn><UserId>{id}</UserId><Account>{ACCOUNT}</Account>");
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"{XMLNS}\"><GetCallerIdentityResult>{result}</GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        uuid::Uuid::now_v7()
    );
    http::response(200, "text/xml", Bytes::from(body))
}

fn error(status: u16, code: &str, message: &str) -> Response<Body> {
    let body = format!(
        "<ErrorResponse xmlns=\"{XMLNS}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message>\
         </Error><RequestId>{}</RequestId></ErrorResponse>",
        uuid::Uuid::now_v7()
    );
    http::response(status, "text/xml", Bytes::from(body))
}
