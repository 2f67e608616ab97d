//! `apply`: carries out a saved plan, as long as nothing that it rests on moved on.
//! Must not decide anything: the plan is made again, and has to be the same.

use std::collections::BTreeSet;

use desired::manifest::JobName;
use orchestrator::actions::{Action, Basis, PlanAnswer, Preview};

use crate::ask::ask;
use crate::cli;
use crate::deploy::{self, Done};
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::{Invocation, who};
use crate::out::Out;
use crate::plan;
use crate::saved::{self, SavedPlan, intents};
use crate::upload::{Uploaded, put_planned};

/// How much of what moved on is told.
const TOLD: usize = 20;

/// Uploads exactly the plan's files, deletes what it deletes, and orders its jobs.
pub(crate) async fn run(arguments: &cli::Apply, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let saved = saved::read(&arguments.file)?;
    let (bucket, keys) = (invocation.bucket()?, invocation.settings()?.keys);
    if (saved.bucket.as_str(), saved.prefix.as_str()) != (bucket.as_str(), keys.prefix()) {
        let message = format!("the plan is for s3://{}/{}", saved.bucket, saved.prefix);
        return Err(CliError::usage(message, "give that --bucket and --prefix, or plan again"));
    }
    let asked = Preview { basis: true, ..saved.asked.clone() };
    let now = plan::plan_of(ask(Action::Plan(asked), invocation).await?)?;
    let moved = moved_on(&saved, &now);
    if !moved.is_empty() {
        return Err(CliError::MovedOn(moved));
    }
    let store = invocation.store().await?;
    let names: BTreeSet<JobName> = saved.basis.records.keys().cloned().collect();
    let before = deploy::standing(store.as_ref(), &keys, &names).await?;
    let mut uploaded: Vec<Uploaded> = Vec::new();
    // The configuration first, as it sorts.
    for (path, text) in &saved.asked.files {
        let expected = saved.basis.uploads.get(path).and_then(Option::as_deref);
        match put_planned(store.as_ref(), &keys, path, text, expected).await? {
            Some(upload) => uploaded.push(upload),
            None => return Err(CliError::MovedOn(overtaken(path, &uploaded))),
        }
    }
    for path in saved.removals.iter().rev() {
        store.delete(&format!("{}{path}", keys.prefix())).await?;
    }
    // Nobody named would mean everybody.
    let answer = if names.is_empty() {
        None
    } else {
        Some(plan::plan_of(ask(Action::Deploy { names, by: Some(who()) }, invocation).await?)?)
    };
    let done = Done { uploaded, removed: saved.removals, answer, before };
    deploy::finish(done, (store, keys), invocation.deadline, out).await
}

/// What of a saved plan is not as it was: records, uploaded files, and what would be done.
fn moved_on(saved: &SavedPlan, now: &PlanAnswer) -> Vec<String> {
    let preview = now.preview.clone().unwrap_or_default();
    let basis = preview.basis.unwrap_or_default();
    let mut moved = uploads_moved(&saved.basis, &basis);
    let Basis { records: before, .. } = &saved.basis;
    let jobs: BTreeSet<&JobName> = before.keys().chain(basis.records.keys()).collect();
    let other = jobs.into_iter().filter(|job| before.get(*job) != basis.records.get(*job));
    moved
        .extend(other.map(|job| format!("{job}: something was done or decided about it since; `history {job}` tells")));
    if moved.is_empty() && (intents(now) != saved.jobs || preview.removals != saved.removals) {
        moved.push("another thing would be done than was planned, although nothing was uploaded since".to_owned());
    }
    if moved.is_empty() && !now.refused.is_empty() {
        moved.push("a file is refused that was accepted".to_owned());
    }
    let more = moved.len().saturating_sub(TOLD);
    if more > 0 {
        moved.truncate(TOLD);
        moved.push(format!("and {more} more"));
    }
    moved
}

fn uploads_moved(before: &Basis, now: &Basis) -> Vec<String> {
    let paths: BTreeSet<&String> = before.uploads.keys().chain(now.uploads.keys()).collect();
    let told = |path: &String| {
        let there = |basis: &Basis| basis.uploads.get(path).cloned().flatten();
        match (there(before), there(now)) {
            (one, other) if one == other => None,
            (None, _) => Some(format!("{path}: it was uploaded since")),
            (_, None) => Some(format!("{path}: it was deleted since")),
            (Some(_), Some(_)) => Some(format!("{path}: another version was uploaded since")),
        }
    };
    paths.into_iter().filter_map(told).collect()
}

fn overtaken(path: &str, uploaded: &[Uploaded]) -> Vec<String> {
    let mut told = vec![format!("{path}: it was uploaded or deleted right now")];
    if !uploaded.is_empty() {
        let keys: Vec<&str> = uploaded.iter().map(|upload| upload.key.as_str()).collect();
        told.push(format!("uploaded before that was seen: {}", keys.join(", ")));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moved_on_is_named() {
        let uploads = |pairs: &[(&str, Option<&str>)]| Basis {
            uploads: pairs.iter().map(|(path, etag)| ((*path).to_owned(), etag.map(str::to_owned))).collect(),
            ..Basis::default()
        };
        let before =
            uploads(&[("config/params.yaml", Some("1")), ("queries/a.yaml", None), ("queries/b.yaml", Some("1"))]);
        assert_eq!(uploads_moved(&before, &before), Vec::<String>::new());
        let now = uploads(&[("queries/a.yaml", Some("1")), ("queries/b.yaml", Some("2"))]);
        assert_eq!(
            uploads_moved(&before, &now),
            [
                "config/params.yaml: it was deleted since",
                "queries/a.yaml: it was uploaded since",
                "queries/b.yaml: another version was uploaded since"
            ]
        );
    }
}
