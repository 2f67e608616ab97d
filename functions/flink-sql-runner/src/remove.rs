//! `remove`: deletes jobs' uploaded manifests; what follows is the orchestrator's.
//! Must not stop anything itself.

use std::collections::BTreeSet;

use desired::inputs::stem;
use desired::manifest::JobName;
use orchestrator::actions::{Action, Preview};
use serde_json::json;

use crate::ask::ask;
use crate::cli::Remove;
use crate::deploy::follow_removals;
use crate::error::CliError;
use crate::exit::Exit;
use crate::follow::Follower;
use crate::invocation::Invocation;
use crate::out::Out;
use crate::plan;
use crate::removing::{removing, told};
use crate::render::printable;

/// Deletes every file under `queries/` that carries one of the names as its stem; none if one of them has no file.
pub(crate) async fn run(arguments: &Remove, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let names: BTreeSet<JobName> = arguments.names.iter().cloned().collect();
    let settings = invocation.settings()?;
    let (store, keys, limit) = (invocation.store().await?, settings.keys, settings.removals);
    let listed: Vec<String> = store.list(&keys.queries()).await?.into_iter().map(|listed| listed.key).collect();
    let mut found: Vec<String> = Vec::new();
    for name in &names {
        let of_it: Vec<&String> = listed.iter().filter(|key| stem(key) == Some(name.as_str())).collect();
        if of_it.is_empty() {
            let help = "`flink-sql-runner status` lists the jobs";
            return Err(CliError::usage(format!("no uploaded manifest carries the name {name}"), help));
        }
        found.extend(of_it.into_iter().cloned());
    }
    if arguments.dry_run {
        let paths = found.iter().filter_map(|key| key.strip_prefix(keys.prefix())).map(str::to_owned);
        let asked = Preview { without: paths.collect(), ..Preview::of(names.clone()) };
        let answer = plan::plan_of(ask(Action::Plan(asked), invocation).await?)?;
        plan::show(&answer, "Plan", out);
        return Ok(plan::planned(&answer));
    }
    // Once they are gone their records are no longer as they were.
    let become_of = removing(store.as_ref(), &keys, names.iter(), limit).await;
    let said = || deleted(&found) + &told(&become_of);
    for key in &found {
        store.delete(key).await?;
    }
    let Some(timeout) = invocation.deadline else {
        let document = json!({"format": "flink-sql-runner/remove", "version": 2, "names": names, "deleted": found});
        out.result(&document, said);
        return Ok(Exit::Done);
    };
    let event = json!({"type": "begin", "version": 1, "names": names, "removed": found});
    out.progress(&event, said);
    let jobs = follow_removals(store.as_ref(), &keys, &found).await?;
    Follower { store, keys, out, timeout }.follow(jobs, Exit::Done).await
}

fn deleted(found: &[String]) -> String {
    let keys: Vec<String> = found.iter().map(|key| printable(key)).collect();
    format!("deleted {}\n", keys.join(", "))
}
