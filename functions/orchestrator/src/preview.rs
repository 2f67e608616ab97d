//! What a plan is asked about: jobs, and files on somebody's disk laid over those that are uploaded.
//! Must not know how an answer is shown; nothing is written.

pub(crate) mod answer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use answer::{Basis, PreviewAnswer, SlotsSeen};
use control::documents::fetch;
use control::orchestrator::{Orchestrator, Overlay, Report, Scope, Uploads};
use control::ports::{Listed, OutsideError};
use control::uploads::FileRole;
use desired::inputs::stem;
use desired::manifest::JobName;
use lifecycle::documents::observed::ObservedDocument;
use lifecycle::keys::Keys;
use lifecycle::reason::Reason;
use serde::{Deserialize, Serialize};

use crate::answers::{PlanAnswer, answer};
use crate::measured::downtimes;
use crate::orders::ActionError;
use crate::session_file::SessionFile;

/// How many bytes may be asked about as JSON: less than a Lambda is given in one call (6 MB).
pub const MOST_ASKED: usize = 5_500_000;
/// How many versions an answer tells that a plan rests on.
const MOST_VERSIONS: usize = 5_000;

/// What a plan is asked about: everything if nothing is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// The jobs.
    #[serde(default)]
    pub names: BTreeSet<JobName>,
    /// The texts that would be uploaded, by their paths under the prefix, as `queries/orders.yaml`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// Those of them that were given alone: each replaces the only uploaded manifest of its name, wherever that lies.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub alone: BTreeSet<String>,
    /// The paths, or folders with a slash at their end, whose uploaded files would be deleted unless `files` has them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub without: BTreeSet<String>,
    /// Whether the answer tells what it rests on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub basis: bool,
}

impl Preview {
    /// About these jobs, as they are uploaded.
    pub fn of(names: BTreeSet<JobName>) -> Self {
        Self { names, ..Self::default() }
    }

    /// Whether it is about files at all.
    fn has_files(&self) -> bool {
        !self.files.is_empty() || !self.without.is_empty()
    }
}

/// What is uploaded, with the files of a preview laid over it.
struct Laid {
    overlay: Overlay,
    listed: Vec<Listed>,
    placed: BTreeMap<String, String>,
    /// Whether the configuration would be another one: that concerns every job.
    config: bool,
}

/// Works out what would be done if the files were uploaded.
pub(crate) async fn preview(orchestrator: &Arc<Orchestrator>, asked: Preview) -> Result<PlanAnswer, ActionError> {
    if !asked.has_files() && !asked.basis && asked.names.is_empty() {
        let report = Arc::clone(orchestrator).plan(Scope::All, "plan").await?;
        return Ok(detailed(orchestrator, report, &|answer| answer).await);
    }
    let laid = Laid::over(orchestrator, &asked).await?;
    let session = SessionFile::among(orchestrator, &asked).await?;
    let overlaid = with(orchestrator, laid.overlay.clone());
    let names = laid.names(&orchestrator.settings.keys, &asked);
    let whole = laid.config || (asked.names.is_empty() && !asked.has_files());
    let scope = if whole { Scope::All } else { Scope::Jobs(names.clone()) };
    let report = Arc::clone(&overlaid).plan(scope, "plan").await?;
    let known = if asked.names.is_empty() { BTreeSet::new() } else { overlaid.all_names().await? };
    let basis = asked.basis.then(|| laid.basis(orchestrator, &report, whole));
    let basis = basis.filter(|basis| basis.uploads.len() + basis.records.len() <= MOST_VERSIONS);
    let files: BTreeSet<String> = laid.overlay.files.keys().cloned().collect();
    let about = |answer: PlanAnswer| if whole { answer } else { answer.about_files(&names, &files) };
    let mut answer = detailed(&overlaid, report, &about).await;
    let spoken_of: BTreeSet<&JobName> = answer.refused.iter().flat_map(|file| &file.jobs).collect();
    let unknown = asked.names.iter().filter(|name| !known.contains(name) && !spoken_of.contains(name));
    answer.unknown = unknown.map(|name| (name.clone(), name.closest(&known).cloned())).collect();
    let preview = answer.preview.get_or_insert_default();
    preview.placed = laid.placed.clone();
    preview.removals = laid.overlay.removed.iter().map(|key| path(&orchestrator.settings.keys, key)).collect();
    preview.basis = basis;
    if let Some(session) = session {
        session.note(&mut answer);
    }
    Ok(answer)
}

impl Laid {
    async fn over(orchestrator: &Orchestrator, asked: &Preview) -> Result<Self, OutsideError> {
        let (store, keys) = (&orchestrator.store, &orchestrator.settings.keys);
        let uploaded = [keys.queries(), keys.config()];
        for path in asked.files.keys().chain(&asked.without) {
            let key = format!("{}{path}", keys.prefix());
            if !uploaded.iter().any(|folder| key.starts_with(folder)) {
                let why = "only files under queries/ and config/ can be planned with";
                return Err(OutsideError::refused(format!("planning with {}", path.escape_debug()), why));
            }
        }
        let mut listed = store.list(&keys.queries()).await?;
        listed.extend(store.list(&keys.config()).await?);
        listed.retain(|listed| FileRole::of(keys, &listed.key).is_some());
        let mut placed = BTreeMap::new();
        let mut files = BTreeMap::new();
        for (path, text) in &asked.files {
            let mut key = format!("{}{path}", keys.prefix());
            if asked.alone.contains(path)
                && let Some(elsewhere) = uploaded_as(&listed, &key)
            {
                placed.insert(path.clone(), self::path(keys, elsewhere));
                elsewhere.clone_into(&mut key);
            }
            if FileRole::of(keys, &key).is_some() {
                files.insert(key, text.clone());
            }
        }
        let deleted = |key: &str| {
            let path = path(keys, key);
            let folder = asked.without.iter().any(|it| it.ends_with('/') && path.starts_with(it.as_str()));
            !files.contains_key(key) && (folder || asked.without.contains(&path))
        };
        let removed = listed.iter().map(|it| it.key.clone()).filter(|key| deleted(key)).collect();
        let base = Uploads {
            store: Arc::clone(store),
            keys: keys.clone(),
            policy: orchestrator.settings.policy.clone(),
            timestamp_field: orchestrator.settings.timestamp_field.clone(),
        };
        let overlay = Overlay { base, files, removed };
        let config = changes_config(orchestrator, &overlay).await?;
        Ok(Self { overlay, listed, placed, config })
    }

    /// The jobs that were asked for, and those that the files are about.
    fn names(&self, keys: &Keys, asked: &Preview) -> BTreeSet<JobName> {
        let files = self.overlay.files.keys().chain(&self.overlay.removed);
        let stems = files.filter(|key| FileRole::of(keys, key) == Some(FileRole::Query)).filter_map(|key| stem(key));
        stems.filter_map(|stem| JobName::try_from(stem).ok()).chain(asked.names.iter().cloned()).collect()
    }

    /// The versions of the configuration, of the files that are given or deleted, and of the concerned jobs' manifests.
    fn basis(&self, orchestrator: &Orchestrator, report: &Report, whole: bool) -> Basis {
        let keys = &orchestrator.settings.keys;
        let concerned: BTreeSet<&str> =
            report.findings.keys().chain(report.troubles.keys()).map(JobName::as_str).collect();
        let counts = |listed: &&Listed| match FileRole::of(keys, &listed.key) {
            Some(FileRole::Query) => whole || stem(&listed.key).is_some_and(|stem| concerned.contains(stem)),
            Some(FileRole::Template | FileRole::Params | FileRole::Tables) => true,
            None => false,
        };
        let mut uploads: BTreeMap<String, Option<String>> =
            self.overlay.files.keys().map(|key| (path(keys, key), None)).collect();
        let there = self.listed.iter().filter(counts);
        uploads.extend(there.map(|listed| (path(keys, &listed.key), Some(listed.etag.0.clone()))));
        let revision = |name: &JobName| (name.clone(), report.records.get(name).map(|record| record.revision));
        Basis { uploads, records: report.findings.keys().map(revision).collect() }
    }
}

/// The only uploaded file whose stem is that of `key`.
fn uploaded_as<'a>(listed: &'a [Listed], key: &str) -> Option<&'a str> {
    let mut same = listed.iter().filter(|listed| stem(&listed.key).is_some() && stem(&listed.key) == stem(key));
    let found = same.next()?;
    same.next().is_none().then_some(found.key.as_str())
}

/// Whether the configuration would be another one.
async fn changes_config(orchestrator: &Orchestrator, overlay: &Overlay) -> Result<bool, OutsideError> {
    let keys = &orchestrator.settings.keys;
    let is_config = |key: &&String| key.starts_with(&keys.config());
    if overlay.removed.iter().any(|key| is_config(&key)) {
        return Ok(true);
    }
    for (key, text) in overlay.files.iter().filter(|(key, _)| is_config(key)) {
        let same = match orchestrator.store.get(key).await {
            Ok(found) => found.is_some_and(|object| object.bytes == text.as_bytes()),
            // One that cannot be read would be replaced.
            Err(OutsideError::Refused { .. }) => false,
            Err(error @ OutsideError::Unknown { .. }) => return Err(error),
        };
        if !same {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The same orchestrator, which takes what is desired from `overlay`.
fn with(orchestrator: &Orchestrator, overlay: Overlay) -> Arc<Orchestrator> {
    let Orchestrator { store, dispatcher, files, world, alerts, facts, settings, desired: _ } = orchestrator;
    Arc::new(Orchestrator {
        store: Arc::clone(store),
        desired: Arc::new(overlay),
        dispatcher: Arc::clone(dispatcher),
        files: Arc::clone(files),
        world: Arc::clone(world),
        alerts: alerts.clone(),
        facts: Arc::clone(facts),
        settings: settings.clone(),
    })
}

/// The path of a key under the prefix.
fn path(keys: &Keys, key: &str) -> String {
    key.strip_prefix(keys.prefix()).unwrap_or(key).to_owned()
}

/// The report as an answer that says what is known beside the decisions.
async fn detailed(
    orchestrator: &Arc<Orchestrator>,
    report: Report,
    about: &(dyn Fn(PlanAnswer) -> PlanAnswer + Sync),
) -> PlanAnswer {
    let observed = fetch::<ObservedDocument>(orchestrator.store.as_ref(), &orchestrator.settings.keys.observed()).await;
    // Without a look that can be read less is known; the plan is the same.
    let look = observed.ok().flatten().map(|(document, _)| document);
    let (records, findings, now) = (report.records.clone(), report.findings.clone(), orchestrator.world.now());
    let mut answer = about(answer(report));
    for job in &mut answer.jobs {
        let plan = findings.get(&job.name).and_then(|finding| finding.plan.as_ref());
        if let (Some(planned), Some(plan)) = (&mut job.plan, plan) {
            planned.measured.note(plan, records.get(&job.name), look.as_ref(), now);
        }
        let seen = records.get(&job.name);
        if job.reason == Reason::CleanStartsHeld {
            job.change = seen.and_then(|record| record.held.clone());
        } else if matches!(job.reason, Reason::Unchanged | Reason::Complete | Reason::Suspended) {
            job.change = seen.and_then(|record| record.recorded.clone());
        }
    }
    let planned = answer.jobs.iter().filter(|job| job.plan.is_some());
    let replaced = planned.filter_map(|job| Some((job.name.clone(), records.get(&job.name)?.replacements.clone())));
    let downtimes = downtimes(orchestrator, replaced.collect::<Vec<_>>()).await;
    for job in &mut answer.jobs {
        if let Some(planned) = &mut job.plan {
            planned.measured.downtime = downtimes.get(&job.name).copied();
        }
    }
    let slots = look.and_then(|document| Some((document.look.slots?, document.look.at)));
    let slots = slots.map(|(slots, at)| SlotsSeen { total: slots.total, free: slots.free, at });
    answer.preview = slots.map(|slots| PreviewAnswer { slots: Some(slots), ..PreviewAnswer::default() });
    answer
}
