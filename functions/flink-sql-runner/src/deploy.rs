//! `deploy`: uploads local files that are good, or brings named jobs to what is uploaded, and follows what comes of it.
//! Must not know how documents are followed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use control::documents::fetch;
use control::ports::{OutsideError, Store};
use control::uploads::stems;
use desired::inputs::stem;
use desired::manifest::JobName;
use lifecycle::documents::record::{Decision, Record};
use lifecycle::keys::Keys;
use lifecycle::reason::Reason;
use orchestrator::actions::{Action, JobAnswer, PlanAnswer};
use serde_json::json;

use crate::ask::ask;
use crate::cli::Deploy;
use crate::concerned::{Concerned, by_config, configured};
use crate::deadline::Deadline;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files::Configuration;
use crate::follow::{self, Followed, Follower, Wanted};
use crate::invocation::Invocation;
use crate::layout::{Mapped, files_of, resolved};
use crate::out::{Out, failure};
use crate::plan;
use crate::prune::{delete, surplus};
use crate::render::{count, printable};
use crate::upload::{Uploaded, placed, upload};
use crate::validate::judge;
use crate::whole::{self, Intended};

/// Uploads, orders, follows.
pub(crate) async fn run(arguments: &Deploy, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let (paths, names) = targets(&arguments.targets)?;
    let mapped = files_of(&paths)?;
    if !paths.is_empty() {
        let (policy, _) = invocation.policy(None, None)?;
        let judged = judge(&paths, &Configuration::default(), &policy)?;
        out.note(&judged.not_read());
        out.note(judged.template_note());
        if judged.is_refused() {
            judged.show(&[], out);
            out.note(&failure("nothing was uploaded", &[], Some("correct the files, then run the same again")));
            return Ok(Exit::Invalid);
        }
    }
    let orders = paths.is_empty() || !names.is_empty();
    if orders {
        invocation.can_order()?;
    }
    let (store, settings) = (invocation.store().await?, invocation.settings()?);
    let keys = settings.keys.clone();
    let removed = if arguments.prune { surplus(store.as_ref(), &keys, &paths, &mapped).await? } else { Vec::new() };
    let placed = placed(store.as_ref(), &keys, &mapped).await?;
    let intended = Intended { placed: &placed, removed: &removed };
    let refused = intended.refused(&store, &settings).await?;
    if !refused.is_empty() {
        whole::show(&refused, out);
        return Ok(Exit::Invalid);
    }
    if !removed.is_empty() {
        let found: Vec<String> = removed.iter().map(|key| printable(key)).collect();
        out.note(&format!("deleted, because no local file is left:\n  {}\n", found.join("\n  ")));
    }
    let before = standing(store.as_ref(), &keys, &jobs_of(&mapped)).await?;
    let uploaded = upload(store.as_ref(), &keys, placed).await?;
    // After the uploads: a manifest that was moved is there at every moment.
    delete(store.as_ref(), &removed).await?;
    let answer = if orders { Some(order(invocation, &names).await?) } else { None };
    let done = Done { uploaded, removed, answer, before };
    finish(done, (store, keys), invocation.deadline, out).await
}

/// What was done before anything is followed.
pub(crate) struct Done {
    pub(crate) uploaded: Vec<Uploaded>,
    /// The keys that were deleted.
    pub(crate) removed: Vec<String>,
    /// What was ordered.
    pub(crate) answer: Option<PlanAnswer>,
    /// The decisions that stood before.
    pub(crate) before: Vec<(JobName, Decision)>,
}

/// Where it is followed.
type Place = (Arc<dyn Store>, Keys);

/// Shows what was done, and follows it for as long as is said.
pub(crate) async fn finish(done: Done, place: Place, wait: Option<Deadline>, out: Out) -> Result<Exit, CliError> {
    show(&done, wait.is_some(), out);
    let Done { uploaded, removed, answer, before } = done;
    let Some(timeout) = wait else { return Ok(answer.as_ref().map_or(Exit::Done, plan::ordered)) };
    let exit = answer.as_ref().map_or(Exit::Done, plan::ordered_and_followed);
    let (store, keys) = place;
    let given = |it: &Uploaded| Some(Concerned { job: it.job.clone()?, key: it.key.clone(), etag: it.etag.clone() });
    let mut manifests: Vec<Concerned> = uploaded.iter().filter_map(given).collect();
    manifests.extend(by_config(store.as_ref(), &keys, &uploaded, &removed).await?);
    let mut jobs = followed(manifests, configured(&keys, &uploaded, &removed), answer.as_ref(), &before);
    let pruned = follow_removals(store.as_ref(), &keys, &removed).await?;
    let others = pruned.into_iter().filter(|pruned| jobs.iter().all(|known| known.job != pruned.job));
    let others: Vec<Followed> = others.collect();
    jobs.extend(others);
    Follower { store, keys, out, timeout }.follow(jobs, exit).await
}

/// The jobs that go with these deleted files, each to the end of its removal.
pub(crate) async fn follow_removals(
    store: &dyn Store,
    keys: &Keys,
    deleted: &[String],
) -> Result<Vec<Followed>, CliError> {
    if deleted.is_empty() {
        return Ok(Vec::new());
    }
    let jobs = follow::removed(deleted, keys, &stems(store, keys).await?);
    Ok(jobs.into_iter().map(|job| Followed::new(job, Wanted::Removal)).collect())
}

/// Which arguments are files and which are names; a file wins.
pub(crate) fn targets(arguments: &[String]) -> Result<(Vec<PathBuf>, BTreeSet<JobName>), CliError> {
    let (mut paths, mut names) = (Vec::new(), BTreeSet::new());
    for argument in arguments {
        if Path::new(argument).exists() {
            paths.push(resolved(Path::new(argument)));
            continue;
        }
        let looks_like_path = argument.contains('/') || crate::files::is_manifest(Path::new(argument));
        match JobName::try_from(argument.as_str()) {
            Ok(name) if !looks_like_path => {
                names.insert(name);
            }
            Ok(_) | Err(_) => {
                let message =
                    format!("`{}` is neither a file or folder here nor the name of a job", argument.escape_debug());
                return Err(CliError::usage(message, format!("check the path; for a name {}", JobName::RULE)));
            }
        }
    }
    Ok((paths, names))
}

async fn order(invocation: &Invocation, names: &BTreeSet<JobName>) -> Result<PlanAnswer, CliError> {
    let action = Action::Deploy { names: names.clone(), by: None };
    let answer = plan::plan_of(ask(action, invocation).await?)?;
    let known = |name: &JobName| answer.jobs.iter().any(|job| job.name == *name && !is_absent(&job.reason));
    let refused = |name: &JobName| answer.refused.iter().any(|file| file.jobs.contains(name));
    let spoken_of = |name: &&JobName| known(name) || refused(name) || answer.troubles.contains_key(*name);
    match names.iter().find(|name| !spoken_of(name)) {
        Some(name) => Err(CliError::usage(
            format!("no uploaded manifest is named `{name}`"),
            "upload it with `deploy PATH`; `status` lists the jobs",
        )),
        None => Ok(answer),
    }
}

fn is_absent(reason: &Reason) -> bool {
    matches!(reason, Reason::Absent)
}

/// The jobs that files are about.
fn jobs_of(mapped: &[Mapped]) -> BTreeSet<JobName> {
    mapped.iter().filter_map(|file| JobName::try_from(stem(&file.under)?).ok()).collect()
}

/// The decisions that stand before the upload, by job.
pub(crate) async fn standing(
    store: &dyn Store,
    keys: &Keys,
    jobs: &BTreeSet<JobName>,
) -> Result<Vec<(JobName, Decision)>, CliError> {
    let mut found = Vec::new();
    for name in jobs {
        let record = match fetch::<Record>(store, &keys.record(name)).await {
            Ok(Some((record, _))) => record,
            // One that cannot be read is that job's trouble: the answer names it, and the others are uploaded.
            Ok(None) | Err(OutsideError::Refused { .. }) => continue,
            Err(error @ OutsideError::Unknown { .. }) => return Err(error.into()),
        };
        found.extend(record.decision.map(|decision| (name.clone(), decision)));
    }
    Ok(found)
}

/// What was uploaded and ordered.
fn show(Done { uploaded, removed, answer, .. }: &Done, wait: bool, out: Out) {
    let answer = answer.as_ref();
    let text = || {
        let (same, fresh): (Vec<&Uploaded>, Vec<&Uploaded>) = uploaded.iter().partition(|u| u.same);
        let mut text = String::new();
        for upload in &fresh {
            let _ = writeln!(text, "uploaded {} to {}", printable(&upload.file), printable(&upload.key));
        }
        if !same.is_empty() {
            let _ = writeln!(text, "{} there already, the same", count(same.len(), "file"));
        }
        for key in removed {
            let _ = writeln!(text, "deleted {}", printable(key));
        }
        if let Some(answer) = answer {
            text.push_str(&plan::text(answer, "Ordered"));
        }
        let news = !fresh.is_empty() || !removed.is_empty();
        if news && !wait {
            text.push_str("The orchestrator takes it from here: `flink-sql-runner status` shows how it goes.\n");
        }
        text
    };
    if wait {
        let event = json!({"type": "begin", "version": 1, "uploaded": uploaded, "removed": removed, "plan": answer});
        out.progress(&event, text);
    } else {
        let document = json!({"format": "flink-sql-runner/deploy", "version": 1, "uploaded": uploaded, "removed": removed, "plan": answer});
        out.result(&document, text);
    }
    for (name, trouble) in answer.iter().flat_map(|answer| &answer.troubles) {
        out.note(&failure(&format!("{name} could not be reconciled"), std::slice::from_ref(trouble), None));
    }
}

/// What is waited for: the decision about each manifest, the end of each operation.
fn followed(
    manifests: Vec<Concerned>,
    configured: bool,
    answer: Option<&PlanAnswer>,
    before: &[(JobName, Decision)],
) -> Vec<Followed> {
    let mut jobs: Vec<Followed> = Vec::new();
    for Concerned { job, key, etag } in manifests {
        if jobs.iter().any(|known| known.job == job) {
            continue;
        }
        let before = before.iter().find(|(name, _)| *name == job).map(|(_, decision)| decision.clone());
        jobs.push(Followed::new(job, Wanted::Decision { key, etag, before, configured }));
    }
    let ordered: Vec<Followed> = answer.map(operations).unwrap_or_default();
    let others = ordered.into_iter().filter(|ordered| jobs.iter().all(|known| known.job != ordered.job));
    let others: Vec<Followed> = others.collect();
    jobs.extend(others);
    jobs
}

/// The operations of an answer, each to its end, and the next tries of what is tried again by itself.
pub(crate) fn operations(answer: &PlanAnswer) -> Vec<Followed> {
    let wanted = |job: &JobAnswer| match job.reason {
        Reason::Ordered { operation } | Reason::Waits { operation } => Some(Wanted::End(operation)),
        Reason::WaitsToRetry { .. } => Some(Wanted::Try),
        Reason::Unchanged
        | Reason::Complete
        | Reason::Suspended
        | Reason::UploadRefused
        | Reason::Absent
        | Reason::GivenUp { .. }
        | Reason::RemovalsHeld
        | Reason::CleanStartsHeld
        | Reason::OtherSource
        | Reason::Planned => None,
    };
    let followed = |job: &JobAnswer| Some(Followed::new(job.name.clone(), wanted(job)?));
    answer.jobs.iter().filter_map(followed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_exists_wins_over_a_name() {
        let here = tempfile::tempdir().unwrap();
        let file = here.path().join("orders.yaml");
        std::fs::write(&file, "").unwrap();
        let file = file.to_string_lossy().into_owned();
        let (paths, names) = targets(&[file.clone(), "orders-eu".to_owned()]).unwrap();
        assert_eq!(paths, [PathBuf::from(file)]);
        assert_eq!(names, BTreeSet::from([JobName::try_from("orders-eu").unwrap()]));
        for wrong in ["orders/eu", "orders.yaml", "a b", ""] {
            assert!(matches!(targets(&[wrong.to_owned()]), Err(CliError::Usage { .. })), "{wrong}");
        }
    }
}
