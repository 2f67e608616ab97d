//! What the Python side answers, made nasty: read without a panic, told in texts that steer no terminal.
//! Must not know sockets or processes.

use control::ports::{Prepared, Submitted};
use control::secrets::Secrets;
use fuzz::drive::fuzz;
use fuzz::seeds::texts;

use super::protocol::{Hello, Reply};

fn answer(data: &[u8]) {
    let _ = serde_json::from_slice::<Hello>(data).is_ok();
    let read = || serde_json::from_slice::<Reply>(data).ok();
    let plain = |text: &str| assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    match read().map(|answer| answer.prepared(&Secrets::default())) {
        Some(Ok(Prepared::Rejected(rejection))) => plain(&rejection.message),
        Some(Ok(Prepared::NodeBroken(message))) => plain(&message),
        Some(Ok(Prepared::Compiled { .. } | Prepared::NoSecret(_)) | Err(_)) | None => {}
    }
    if let Some(Ok(Submitted::Rejected(message))) = read().map(|answer| answer.submitted(&Secrets::default())) {
        plain(&message);
    }
}

#[test]
fn fuzz_submitter() {
    let seeds = texts(&[
        r#"{"hello":1,"flink":"1.20.1","python":"3.11","broken":null}"#,
        r#"{"id":1,"ok":true,"bounded":false,"slots":2}"#,
        r#"{"id":2,"ok":false,"error":{"kind":"query","origin":"t.sql:1","message":"a\nb","line":1,"column":2}}"#,
        r#"{"id":3,"ok":false,"error":{"kind":"unreachable","message":"Connection refused"}}"#,
    ]);
    fuzz("submitter", &seeds, answer);
}
