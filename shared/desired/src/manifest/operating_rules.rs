//! The fields of a manifest about the operation of its job: as they are written, described to editors, and judged.
//! Must not know YAML, nor what follows from a field.

use std::ops::RangeInclusive;

use schemars::JsonSchema;

use super::operating::{OnSavepointFailure, Operating, WantedState};
use super::wire::Given;
use crate::diagnostics::{Diagnostic, excerpt};
use crate::suggest::closest;
use crate::time_span::TimeSpan;

/// How many characters an owner has at most.
const OWNER: usize = 100;
/// What a stability window may be.
const WINDOWS: RangeInclusive<TimeSpan> = TimeSpan::of_seconds(0)..=TimeSpan::of_seconds(3600);
/// What the age of a checkpoint may be, and what it is where only `checkpoint` is said.
const AGES: RangeInclusive<TimeSpan> = TimeSpan::of_seconds(1)..=TimeSpan::of_seconds(86_400);
const AGE: TimeSpan = TimeSpan::of_seconds(600);

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
    /// What is done where the savepoint of a stop fails. `keep-running` (default): the job runs on, and the stop is tried
    /// again later. `checkpoint`: it is cancelled and goes on from its newest checkpoint, if that is young enough.
    #[schemars(with = "String", extend("enum" = ["keep-running", "checkpoint"]))]
    pub(crate) on_savepoint_failure: Option<Given<'s, String>>,
    /// With `on-savepoint-failure: checkpoint`: how old that checkpoint may be at most, `1s` to `24h`; else 10 minutes.
    #[schemars(with = "String", regex(pattern = TimeSpan::PATTERN), extend("examples" = ["10m", "1h"]))]
    pub(crate) max_checkpoint_age: Option<Given<'s, String>>,
}

impl OperatingFields<'_> {
    /// These, else those of the template.
    pub(crate) fn or(self, template: Self) -> Self {
        let on_savepoint_failure = self.on_savepoint_failure.or(template.on_savepoint_failure);
        // The template's age is only for jobs that go on from a checkpoint.
        let goes_on = says_checkpoint(on_savepoint_failure.as_ref());
        Self {
            owner: self.owner.or(template.owner),
            state: self.state.or(template.state),
            stability_window: self.stability_window.or(template.stability_window),
            on_savepoint_failure,
            max_checkpoint_age: self.max_checkpoint_age.or(template.max_checkpoint_age.filter(|_| goes_on)),
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
                .and_then(|given| span("stability-window", "30s", given, &WINDOWS, findings)),
            on_savepoint_failure: self.on_savepoint_failure(findings),
        }
    }

    fn on_savepoint_failure(&self, findings: &mut Vec<Diagnostic>) -> OnSavepointFailure {
        const KNOWN: [&str; 2] = [OnSavepointFailure::KEEP_RUNNING, OnSavepointFailure::CHECKPOINT];
        const FIELD: &str = "max-checkpoint-age";
        let said = self.on_savepoint_failure.as_ref();
        let known = said.map(|given| one_of("on-savepoint-failure", given, &KNOWN, findings));
        let age = self.max_checkpoint_age.as_ref();
        let max_age = age.and_then(|given| span(FIELD, "10m", given, &AGES, findings));
        if says_checkpoint(said) {
            return OnSavepointFailure::Checkpoint { max_age: max_age.unwrap_or(AGE) };
        }
        // A word that is none was reported already.
        if let (Some(given), None | Some(Some(_))) = (age, known) {
            let message = format!("`{FIELD}` has no effect without `on-savepoint-failure: checkpoint`");
            let found = given.source.error("without-effect", given.at, message).with_field(FIELD);
            findings.push(found.with_help("write `on-savepoint-failure: checkpoint` as well, or remove it"));
        }
        OnSavepointFailure::KeepRunning
    }
}

fn says_checkpoint(given: Option<&Given<'_, String>>) -> bool {
    given.is_some_and(|given| given.value.trim() == OnSavepointFailure::CHECKPOINT)
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

/// The span of time that is given, if it is one in this range.
fn span(
    field: &str,
    example: &str,
    given: &Given<'_, String>,
    range: &RangeInclusive<TimeSpan>,
    findings: &mut Vec<Diagnostic>,
) -> Option<TimeSpan> {
    let (text, shortest, longest) = (given.value.trim(), range.start(), range.end());
    let out = |how| ("out-of-range", format!("`{field}` is {how}"), format!("write `{shortest}` to `{longest}`"));
    let (code, message, help) = match text.parse::<TimeSpan>() {
        Ok(span) if span > *longest => out(format!("longer than {longest}")),
        Ok(span) if span < *shortest => out(format!("shorter than {shortest}")),
        Ok(span) => return Some(span),
        Err(error) => {
            let message = format!("`{}` is no span of time: {error}", excerpt(text));
            ("bad-time-span", message, format!("write `{field}: {example}`"))
        }
    };
    findings.push(given.source.error(code, given.at, message).with_field(field).with_help(help));
    None
}
