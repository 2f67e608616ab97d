//! The keys that the programs use beside those that the template of the deployment allows and listens to.
//! Reads the template as text; must not know who may do what with a key.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lifecycle::ids::{BatchId, OperationId};
use lifecycle::keys::Keys;

/// What the template names under the prefix and no document of the orchestrator lies in: Flink's own, and the programs.
const NOT_DOCUMENTS: [&str; 4] = ["checkpoints", "savepoints", "ha", "node"];

fn template() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/template.yaml")).unwrap()
}

/// The first part of each path after `${Prefix}/`.
fn named(text: &str) -> BTreeSet<String> {
    let paths = text.split("${Prefix}/").skip(1);
    let first = |path: &str| {
        path.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.')).next().map(str::to_owned)
    };
    paths.filter_map(first).filter(|part| !part.is_empty()).collect()
}

/// The first part of each key that the programs read or write.
fn used() -> BTreeSet<String> {
    let keys = Keys::new("p");
    let (job, operation, batch) =
        ("orders".try_into().unwrap(), OperationId::derived(&["o"]), BatchId::derived(&["b"]));
    let all = [
        keys.queries(),
        keys.template(),
        keys.tables(),
        keys.params(),
        keys.session_settings(),
        keys.session(),
        keys.manifest(&job),
        keys.record(&job),
        keys.plan(operation),
        keys.batch(batch),
        keys.receipt(batch),
        keys.claim(operation),
        keys.result(&job, operation),
        keys.refused("p/queries/orders.yaml"),
        keys.observed(),
        keys.alerts(),
        keys.settings(),
    ];
    all.iter().map(|key| key.split('/').nth(1).unwrap().to_owned()).collect()
}

#[test]
fn the_template_names_the_keys_that_are_used_and_no_others() {
    let others: BTreeSet<String> = NOT_DOCUMENTS.map(str::to_owned).into();
    let named: BTreeSet<String> = named(&template()).difference(&others).cloned().collect();
    assert_eq!(named, used());
}

#[test]
fn the_bucket_tells_of_the_prefixes_that_trigger() {
    let text = template();
    let filter = "Filter: { S3Key: { Rules: [{ Name: prefix, Value: !Sub \"${Prefix}/";
    let told: BTreeSet<String> =
        text.split(filter).skip(1).map(|rest| format!("p/{}", rest.split('"').next().unwrap())).collect();
    assert_eq!(told, Keys::new("p").triggers().into());
}
