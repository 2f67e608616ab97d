//! The fields of a manifest about the operation of its job: as they are written, described to editors, and judged.
//! Must not know YAML, nor what follows from a field.

use schemars::JsonSchema;

use super::operating::{Operating, WantedState};
use super::wire::Given;
use crate::diagnostics::{Diagnostic, excerpt};
use crate::suggest::closest;
use crate::time_span::TimeSpan;

/// How many characters an owner has at most.
const OWNER: usize = 100;
/// The longest stability window.
const LONGEST_WINDOW: TimeSpan = TimeSpan::of_seconds(3600);

/// The fields as they are written.
#[derive(Default, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub(crate) struct OperatingFields<'s> {
    /// Who answers for the job: a team, an address. It is named in alerts and by `status`; a change restarts nothing.
    #[schemars(with = "String", length(min = 1, max = 100))]
    pub(crate) owner: Option<Given<'s, String>>,
    /// `suspended`: the manifest is checked and nothing of the job runs; its state is kept, and `running` goes on from it.
    #[schemars(with = "WantedState")]
    pub(crate) state: Option<Given<'s, String>>,
    /// How long a new run must be stable before it is accepted, at most an hour; else as the deployment says.
    #[schemars(with = "String", regex(pattern = TimeSpan::PATTERN), extend("examples" = ["30s", "2m"]))]
    pub(crate) stability_window: Option<Given<'s, String>>,
}

impl OperatingFields<'_> {
    /// These, else those of the template.
    pub(crate) fn or(self, template: Self) -> Self {
        Self {
            owner: self.owner.or(template.owner),
            state: self.state.or(template.state),
            stability_window: self.stability_window.or(template.stability_window),
        }
    }

    /// What they say; what is wrong with them goes to `findings`.
    pub(crate) fn read(&self, findings: &mut Vec<Diagnostic>) -> Operating {
        let state = self.state.as_ref().and_then(|given| state(given, findings));
        Operating {
            owner: self.owner.as_ref().map(|given| owner(given, findings)),
            state: state.unwrap_or_default(),
            stability_window: self
                .stability_window
                .as_ref()
                .and_then(|given| span("stability-window", given, LONGEST_WINDOW, findings)),
        }
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

fn state(given: &Given<'_, String>, findings: &mut Vec<Diagnostic>) -> Option<WantedState> {
    let known = WantedState::ALL.map(WantedState::as_str);
    let found = one_of("state", given, &known, findings)?;
    WantedState::ALL.into_iter().find(|state| state.as_str() == found)
}

/// The word that is given, if it is one of these.
fn one_of<'w>(
    field: &str,
    given: &Given<'_, String>,
    known: &[&'w str],
    findings: &mut Vec<Diagnostic>,
) -> Option<&'w str> {
    let text = given.value.trim();
    let found = known.iter().find(|word| **word == text).copied();
    if found.is_none() {
        let help = match closest(text, known) {
            Some(meant) => format!("write `{field}: {meant}`"),
            None => format!("write one of `{}`", known.join("`, `")),
        };
        let message = format!("`{}` is no value of `{field}`", excerpt(text));
        findings.push(given.source.error("unknown-value", given.at, message).with_field(field).with_help(help));
    }
    found
}

/// The span of time that is given, if it is one and not too long.
fn span(field: &str, given: &Given<'_, String>, longest: TimeSpan, findings: &mut Vec<Diagnostic>) -> Option<TimeSpan> {
    let text = given.value.trim();
    let (code, message, help) = match text.parse::<TimeSpan>() {
        Ok(span) if span <= longest => return Some(span),
        Ok(_) => ("out-of-range", format!("`{field}` is longer than {longest}"), format!("write {longest} or less")),
        Err(error) => {
            let message = format!("`{}` is no span of time: {error}", excerpt(text));
            ("bad-time-span", message, format!("write `{field}: 30s`"))
        }
    };
    findings.push(given.source.error(code, given.at, message).with_field(field).with_help(help));
    None
}
