//! The fields of a manifest about the operation of its job: as they are written, described to editors, and judged.
//! Must not know YAML, nor what follows from a field.

use schemars::JsonSchema;

use super::operating::Operating;
use super::wire::Given;
use crate::diagnostics::Diagnostic;

/// How many characters an owner has at most.
const OWNER: usize = 100;

/// The fields as they are written.
#[derive(Default, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(crate) struct OperatingFields<'s> {
    /// Who answers for the job: a team, an address. It is named in alerts and by `status`; a change restarts nothing.
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(crate) owner: Option<Given<'s, String>>,
}

impl<'s> OperatingFields<'s> {
    /// These, else those of the template.
    pub(crate) fn or(self, template: Self) -> Self {
        Self { owner: self.owner.or(template.owner) }
    }

    /// What they say; what is wrong with them goes to `findings`.
    pub(crate) fn read(&self, findings: &mut Vec<Diagnostic>) -> Operating {
        Operating { owner: self.owner.as_ref().map(|given| owner(given, findings)) }
    }
}

/// One line: it stands in the subject lines and tables of others.
fn owner(given: &Given<'_, String>, findings: &mut Vec<Diagnostic>) -> String {
    let text = given.value.trim();
    let length = text.chars().count();
    let message = if text.contains(['\n', '\r', '\t']) {
        Some("`owner` is more than one line".to_owned())
    } else {
        (length > OWNER).then(|| format!("`owner` has {length} characters"))
    };
    if let Some(message) = message {
        let found = given.source.error("bad-owner", given.at, message).with_field("owner");
        findings.push(found.with_help(format!("write a name or an address in one line of at most {OWNER} characters")));
    }
    text.to_owned()
}
