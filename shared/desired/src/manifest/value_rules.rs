//! Values of options under which a job's states would be lost, or that say something else than the manifest.
//! Must not know which options may be set at all, nor what their types are.

use super::Policy;
use super::name::JobName;
use super::options::{
    CHECKPOINT_DIR, CREATE_SUBDIR, DML_SYNC, PIPELINE_NAME, RETAIN, RETENTION, SAVEPOINT_DIR, canonical_option,
};
use super::scalar::ScalarKind;
use super::state_rules::{self, Refusal};
use super::wire::Property;
use crate::diagnostics::{Diagnostic, excerpt};

/// A value under which the job's states would be lost or not found, or that says something else than the manifest.
pub(super) fn refusal(property: &Property<'_>, name: &JobName, is_upload: bool, policy: &Policy) -> Option<Diagnostic> {
    let (key, value) = &property.value;
    let (text, set) = (value.text.as_str(), value.kind != ScalarKind::Null);
    let field = format!("flinkProperties.{key}");
    let refused = |code: &str, message: String, help: &str| Some(property.error(code, message, &field).with_help(help));
    match canonical_option(key) {
        RETENTION if set && !text.eq_ignore_ascii_case(RETAIN) => {
            let message = format!("`{}` would delete the state that the next run goes on from", excerpt(text));
            refused("retention", message, "write `RETAIN_ON_CANCELLATION`, or remove it")
        }
        CREATE_SUBDIR if set && !text.eq_ignore_ascii_case("true") => {
            let message = "checkpoints would not lie below their run's directory, and not be found".to_owned();
            refused("refused-property", message, "remove it")
        }
        DML_SYNC if set && !text.eq_ignore_ascii_case("false") => {
            let message = "the submission would wait for the end of the job".to_owned();
            refused("refused-property", message, "remove it")
        }
        PIPELINE_NAME if set && text != name.as_str() => {
            let message = format!("`{key}` must be the job's name, `{name}`");
            refused("pipeline-name", message, "remove it: it is set to the job's name")
        }
        CHECKPOINT_DIR | SAVEPOINT_DIR if set && !text.is_empty() => {
            let Refusal { message, help } = state_rules::refusal(text, name, is_upload, policy)?;
            refused("state-directory", message, &help)
        }
        _ => None,
    }
}
