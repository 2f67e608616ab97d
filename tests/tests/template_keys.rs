//! The keys that the programs use beside those that the template of the deployment allows and listens to.
//! Reads the template as text; must not know who may do what with a key.

#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::collections::BTreeSet;
use std::fs;

use lifecycle::ids::{BatchId, OperationId};
use lifecycle::keys::Keys;
use tests::sources::{code, root};

/// What the template names under the prefix and no document of the orchestrator lies in: Flink's own, and the programs.
const NOT_DOCUMENTS: [&str; 4] = ["checkpoints", "savepoints", "ha", "node"];

fn template() -> String {
    fs::read_to_string(root().join("infra/template.yaml")).unwrap()
}

/// What the template names after `${Prefix}/`: keys, or with a star at their end the beginnings of keys.
fn named(template: &str) -> BTreeSet<String> {
    let without_comments = template.lines().map(|line| match line.trim_start().strip_prefix('#') {
        Some(_) => "",
        None => line.split(" #").next().unwrap_or_default(),
    });
    let text = without_comments.collect::<Vec<_>>().join("\n");
    let end = |c: char| !(c.is_ascii_alphanumeric() || "-./*".contains(c));
    let named = text.split("${Prefix}/").skip(1).filter_map(|rest| rest.split(end).next());
    // A sentence of a description may end with one.
    let named = named.map(|name| name.trim_end_matches('.'));
    let under = |name: &str| if name.ends_with('/') { format!("{name}*") } else { name.to_owned() };
    named.filter(|name| !name.is_empty()).map(under).collect()
}

/// The keys that the programs read or write, by the functions that make them; a folder ends in a slash.
fn used() -> Vec<(&'static str, String)> {
    let keys = Keys::new("p");
    let (job, operation, batch) =
        ("orders".try_into().unwrap(), OperationId::derived(&["o"]), BatchId::derived(&["b"]));
    vec![
        ("queries", keys.queries()),
        ("config", keys.config()),
        ("template", keys.template()),
        ("tables", keys.tables()),
        ("params", keys.params()),
        ("session_settings", keys.session_settings()),
        ("session", keys.session()),
        ("manifests", keys.manifests()),
        ("manifest", keys.manifest(&job)),
        ("records", keys.records()),
        ("record", keys.record(&job)),
        ("plan", keys.plan(operation)),
        ("batch", keys.batch(batch)),
        ("receipt", keys.receipt(batch)),
        ("claim", keys.claim(operation)),
        ("result", keys.result(&job, operation)),
        ("results", keys.results()),
        ("refused", keys.refused("p/queries/orders.yaml")),
        ("observed", keys.observed()),
        ("alerts", keys.alerts()),
        ("settings", keys.settings()),
    ]
}

/// The functions of `Keys` that make a key.
fn makers() -> BTreeSet<String> {
    let code = code(&fs::read_to_string(root().join("shared/lifecycle/src/keys.rs")).unwrap());
    let functions = code.split("pub fn ").skip(1).filter_map(|text| text.split_once('{')).map(|(head, _)| head);
    let makers = functions.filter(|head| head.contains("&self") && head.trim_end().ends_with("-> String"));
    makers.filter_map(|head| head.split('(').next()).map(str::to_owned).collect()
}

#[test]
fn every_key_that_is_made_is_looked_for_here() {
    let here: BTreeSet<String> = used().into_iter().map(|(maker, _)| maker.to_owned()).collect();
    assert_eq!(makers(), here);
}

/// Whether a key, or all that lies in a folder, is what the template names.
fn is_named(key: &str, name: &str) -> bool {
    match name.strip_suffix('*') {
        Some(beginning) => key.starts_with(beginning),
        None => key == name,
    }
}

#[test]
fn the_template_names_the_keys_that_are_used_and_no_others() {
    let named = named(&template());
    let used: Vec<String> = used().into_iter().map(|(_, key)| key.strip_prefix("p/").unwrap().to_owned()).collect();
    for key in &used {
        assert!(named.iter().any(|name| is_named(key, name)), "{key} is not among {named:?}");
    }
    let others = NOT_DOCUMENTS.map(|other| format!("{other}/"));
    for name in &named {
        // Flink makes the folder itself as well: its name may end without a slash.
        let of_flink = others.iter().any(|other| other.trim_end_matches('/') == name.trim_end_matches(['*', '/']));
        assert!(of_flink || used.iter().any(|key| is_named(key, name)), "nothing uses {name}");
    }
}

#[test]
fn what_the_template_names_is_read_without_its_comments() {
    let text = "# ${Prefix}/a/*\n- !Sub \"arn:x:${B}/${Prefix}/b/*\" # ${Prefix}/c\n- \"${Prefix}/d.json\"\n- ${Prefix}/\n\
                Value: \"${Prefix}/e/\"\n";
    assert_eq!(named(text), ["b/*", "d.json", "e/*"].map(str::to_owned).into());
    assert!(is_named("b/x.json", "b/*") && !is_named("b", "b/*") && !is_named("d.json.x", "d.json"));
}

#[test]
fn the_bucket_tells_of_the_prefixes_that_trigger() {
    let text = template();
    let filter = "Filter: { S3Key: { Rules: [{ Name: prefix, Value: !Sub \"${Prefix}/";
    let told: BTreeSet<String> =
        text.split(filter).skip(1).map(|rest| format!("p/{}", rest.split('"').next().unwrap())).collect();
    assert_eq!(told, Keys::new("p").triggers().into());
}
