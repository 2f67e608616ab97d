//! What is said of one of `flinkProperties` because of what Flink knows: its name, its value, whether it has an effect.
//! Must not know what we allow or set ourselves.

use std::collections::BTreeMap;

use super::catalogue::{self, Meant, OptionScope, RELEASE};
use super::options::{canonical_option, refusal};
use super::scalar::ScalarKind;
use super::wire::Property;
use crate::diagnostics::{Diagnostic, excerpt};
use crate::secrets::references;
use crate::sql::lookalike_anywhere;
use crate::written::{MAX_OPTIONS, WrittenOption};

/// The findings about this option.
pub(crate) fn judge(property: &Property<'_>) -> Vec<Diagnostic> {
    let (key, value) = &property.value;
    let option = canonical_option(key);
    // Whoever has to remove it need not hear how it should have been written.
    if refusal(key).is_some() {
        return Vec::new();
    }
    let Some(known) = catalogue::option(option) else {
        // A name with a letter of another alphabet is told of that letter already.
        let told = lookalike_anywhere(key).is_some();
        return unknown(property, key, option).filter(|_| !told).into_iter().collect();
    };
    let text = value.text.as_str();
    // What a secret is, is not known here.
    let wrong = (value.kind != ScalarKind::Null && references(text).is_empty()).then(|| known.wrong(text)).flatten();
    let wrong = wrong.map(|allowed| {
        let shown = if text.is_empty() { "an empty text".to_owned() } else { format!("`{}`", excerpt(text)) };
        let message = format!("{shown} is no value of `{key}`");
        let error = property.source.error("option-value", property.at, message);
        error.with_field(field(key)).with_help(format!("write {allowed}"))
    });
    wrong.into_iter().chain(without_effect(property, key, option)).collect()
}

/// Where the values of options stand.
pub(crate) fn written(properties: &[Property<'_>]) -> BTreeMap<String, WrittenOption> {
    let place = |property: &Property<'_>| {
        let Diagnostic { file, span, source_line, .. } = property.source.error("", property.at, "");
        Some((property.value.0.clone(), WrittenOption { file, span: span?, source_line }))
    };
    properties.iter().filter_map(place).take(MAX_OPTIONS).collect()
}

fn field(key: &str) -> String {
    format!("flinkProperties.{key}")
}

/// Flink leaves some names to others. A name that is nearly one of Flink's is an error; one that only stands among them
/// may be of another release, or read by code that is loaded.
fn unknown(property: &Property<'_>, key: &str, option: &str) -> Option<Diagnostic> {
    if catalogue::is_free(option) {
        return without_effect(property, key, option);
    }
    let message = format!("`{}` is no option of {RELEASE}", excerpt(key));
    let code = "unknown-option";
    let warning = || property.source.warning(code, property.key_at, message.clone()).with_field(field(key));
    match (catalogue::meant(option), catalogue::scope(option)) {
        (Some(Meant::Misspelt(meant)), _) => {
            let error = property.source.error(code, property.key_at, message).with_field(field(key));
            Some(error.with_help(format!("did you mean `{meant}`?")))
        }
        (Some(Meant::Part(meant)), _) => Some(warning().with_help(format!("did you mean `{meant}`?"))),
        (None, Some(OptionScope::Job)) => {
            Some(warning().with_help("remove it, unless another release or code of yours reads it"))
        }
        (None, Some(OptionScope::Cluster(_))) => without_effect(property, key, option),
        (None, None) => None,
    }
}

fn without_effect(property: &Property<'_>, key: &str, option: &str) -> Option<Diagnostic> {
    match catalogue::scope(option)? {
        OptionScope::Job => None,
        OptionScope::Cluster(reason) => {
            let message = format!("Flink ignores `{}` of a single job: {reason}", excerpt(key));
            let warning = property.source.warning("ignored-property", property.key_at, message);
            Some(warning.with_field(field(key)).with_help("set it in the cluster's configuration"))
        }
    }
}
