//! `rollback`: the manifest that an earlier operation deployed, uploaded in the place of the present one.
//! Must not know how a job goes back: for the orchestrator it is an upload like any other.

use std::sync::Arc;

use clap::Args;
use control::documents::fetch;
use control::ports::{OutsideError, Store};
use control::uploads::read_files;
use desired::diagnostics::SourceFile;
use desired::inputs::{InputFile, Inputs};
use desired::launch::Launch;
use desired::manifest::{JobManifest, JobName, Meta, Operating, WantedState, render_readable, stated};
use desired::target::Target;
use lifecycle::change::Change;
use lifecycle::documents::plan::Plan;
use lifecycle::documents::record::{Entry, Record};
use lifecycle::ids::OperationId;
use lifecycle::keys::Keys;
use lifecycle::moment::moment;

use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::ordering::OrderFlags;
use crate::out::Out;
use crate::render::change::differences;
use crate::replace::{Present, Replacement, note, present, replace};

/// `rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArguments {
    /// The job.
    pub(crate) name: JobName,
    /// The operation that deployed it: its id, or the digits of it that `history` shows [default: the last one that
    /// deployed another manifest than the deployed one].
    #[arg(long, value_name = "OPERATION")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) flags: OrderFlags,
}

/// An operation that is rolled back to.
struct Then {
    plan: Plan,
    manifest: JobManifest,
}

pub(crate) async fn run(arguments: RollbackArguments, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let RollbackArguments { name, to, flags } = arguments;
    note(None, &flags)?;
    let (store, keys) = (invocation.store().await?, invocation.settings()?.keys);
    let record = fetch::<Record>(store.as_ref(), &keys.record(&name)).await?.map(|(record, _)| record);
    let record = record.ok_or_else(|| CliError::unknown_jobs(std::slice::from_ref(&name)))?;
    let present = present(store.as_ref(), &keys, &name).await?;
    let then = if let Some(to) = to {
        then(store.as_ref(), &keys, named(&record, &to)?).await?
    } else {
        let uploaded = String::from_utf8_lossy(&present.object.bytes);
        let uploaded = judged(&store, &keys, invocation, &present, &uploaded).await;
        let (then, of_the_deployed) = before_the_deployed(store.as_ref(), &keys, &record, uploaded.ok()).await?;
        out.note(&of_the_deployed.map(|to| format!("{}.\n", not_applied(&name, to))).unwrap_or_default());
        then
    };
    // Whether it is to run is not rolled back: what is suspended stays so.
    let state = stated(&present.file());
    let operation = then.plan.operation;
    let head = [
        format!("Rolled back to operation {operation} of {}:", moment(then.plan.at)),
        "what the job's manifest said then, together with the job template of then.".to_owned(),
    ];
    let text = render_readable(&then.manifest, state, &head);
    let now = judged(&store, &keys, invocation, &present, &text).await?;
    out.note(&not_rolled_back(&then, &now));
    let note = note(Some(&format!("rollback to {}", operation.short())), &flags)?;
    replace(Replacement { name, present, text, note }, &flags, invocation, out).await
}

/// The operations that deployed something, the newest first.
fn deployed_by(record: &Record) -> impl Iterator<Item = &Entry> {
    record.history.iter().rev().filter(|entry| entry.deployed())
}

/// The remembered operation with this id or these last digits, if it deployed something.
fn named<'a>(record: &'a Record, wanted: &str) -> Result<&'a Entry, CliError> {
    let name = &record.name;
    let is_it = |entry: &&Entry| entry.operation.to_string() == wanted || entry.operation.short() == wanted;
    let lists = format!("`history {name}` lists its operations, and which of them deployed something");
    let wanted_shown = wanted.escape_debug();
    let found: Vec<&Entry> = record.history.iter().filter(is_it).collect();
    match found.as_slice() {
        [] => Err(CliError::usage(format!("no remembered operation of {name} is `{wanted_shown}`"), lists)),
        [entry] if deployed_by(record).any(|known| known.operation == entry.operation) => Ok(entry),
        [entry] => Err(CliError::usage(
            format!("operation {wanted_shown} of {name} deployed nothing: {}", entry.outcome),
            lists,
        )),
        _ => {
            let message = format!("several operations of {name} end in `{wanted_shown}`");
            Err(CliError::usage(
                message,
                format!("give the whole id: `logs {name}` and `history {name} --output json` tell it"),
            ))
        }
    }
}

/// What to do where the upload is not what is deployed, so that the deployed manifest itself may be meant.
fn not_applied(name: &JobName, deployed_by: OperationId) -> String {
    format!(
        "the upload of {name} is not what is deployed; `rollback {name} --to {deployed_by}` uploads what is deployed"
    )
}

/// The last operation that deployed another manifest than the deployed one; where the upload is refused or not applied,
/// also one that deployed the deployed one.
async fn before_the_deployed(
    store: &dyn Store,
    keys: &Keys,
    record: &Record,
    uploaded: Option<Target>,
) -> Result<(Then, Option<OperationId>), CliError> {
    let name = &record.name;
    let nothing = |message: String| CliError::usage(message, format!("`history {name}` lists what was done about it"));
    let Some(deployed) = &record.deployed else { return Err(nothing(format!("nothing of {name} is deployed"))) };
    let is_deployed = |uploaded: &Target| computes(&uploaded.manifest) == computes(&deployed.target.manifest);
    let waits = record.owed.apply.is_some() || !uploaded.as_ref().is_some_and(is_deployed);
    let mut of_the_deployed = None;
    for entry in deployed_by(record) {
        let plan = plan_of(store, keys, entry).await?;
        // What the deployed target was started with needs no manifest to be known as it.
        if plan.next.as_ref().is_none_or(|next| next.target != deployed.target.digest()) {
            let then = then_of(plan, name)?;
            if computes(&then.manifest) != computes(&deployed.target.manifest) {
                return Ok((then, of_the_deployed));
            }
        }
        of_the_deployed = of_the_deployed.or(waits.then_some(entry.operation));
    }
    if let Some(operation) = of_the_deployed {
        let message = format!("no remembered operation of {name} deployed another manifest than the deployed one");
        return Err(CliError::usage(message, not_applied(name, operation)));
    }
    Err(nothing(format!("no remembered operation of {name} deployed another manifest than the deployed one")))
}

/// A manifest without what is said of its operation.
fn computes(manifest: &JobManifest) -> JobManifest {
    JobManifest { operating: Operating::default(), ..manifest.clone() }
}

async fn then(store: &dyn Store, keys: &Keys, entry: &Entry) -> Result<Then, CliError> {
    let plan = plan_of(store, keys, entry).await?;
    let name = plan.job.clone();
    then_of(plan, &name)
}

fn then_of(mut plan: Plan, name: &JobName) -> Result<Then, CliError> {
    let Some(manifest) = plan.manifest.take() else {
        let operation = plan.operation.short();
        let message =
            format!("the manifest of operation {operation} of {name} was not kept: an older version planned it");
        return Err(CliError::usage(message, FROM_THE_REPOSITORY));
    };
    Ok(Then { plan, manifest: *manifest })
}

const FROM_THE_REPOSITORY: &str = "upload the manifest of then with `deploy PATH`, from where it is kept";

async fn plan_of(store: &dyn Store, keys: &Keys, entry: &Entry) -> Result<Plan, CliError> {
    match fetch::<Plan>(store, &keys.plan(entry.operation)).await {
        Ok(Some((plan, _))) => Ok(plan),
        Ok(None) => {
            let message = format!("the plan of operation {} is not kept any more", entry.operation.short());
            Err(CliError::usage(message, FROM_THE_REPOSITORY))
        }
        Err(error @ OutsideError::Refused { .. }) => Err(CliError::Plans(error)),
        Err(error @ OutsideError::Unknown { .. }) => Err(error.into()),
    }
}

/// What the text comes to under the configuration of now, as the function judges it.
async fn judged(
    store: &Arc<dyn Store>,
    keys: &Keys,
    invocation: &Invocation,
    present: &Present,
    text: &str,
) -> Result<Target, CliError> {
    let (policy, _) = invocation.policy(None, None)?;
    let field = invocation.settings()?.timestamp_field;
    let config = keys.config();
    let mut files = read_files(store, keys, &field, &|key| key.starts_with(&config)).await?;
    let file = SourceFile::new(present.path.as_str(), text);
    files.queries.push(InputFile { file, etag: present.object.etag.0.clone() });
    let verdict = Inputs::read(&files, &policy).manifests.into_iter().next();
    let defect = || CliError::Defect("a manifest was not judged".to_owned());
    let verdict = verdict.ok_or_else(defect)?;
    let error = verdict.errors().into_iter().next();
    match (verdict.target, error) {
        (Some(target), None) => Ok(*target),
        (_, Some(error)) => Err(CliError::Refused(Box::new(error))),
        (None, None) => Err(defect()),
    }
}

/// What is not as it was then, for people: the template and the table definitions are those of now.
fn not_rolled_back(then: &Then, now: &Target) -> String {
    let state: WantedState = now.manifest.operating.state;
    let operating = Operating { state, ..then.manifest.operating.clone() };
    let manifest = JobManifest { operating, ..then.manifest.clone() };
    let found = Change::between(&Target { manifest, ..now.clone() }, now).differences;
    let mut text = String::new();
    if !found.is_empty() {
        text.push_str("The job template is not rolled back. Other than then:\n");
        text.push_str(&differences(&found));
    }
    if then.plan.next.as_ref().is_some_and(|before| !same_definitions(before, now)) {
        text.push_str("Table definitions are not rolled back: those that this manifest uses are others than then.\n");
    }
    text
}

/// Whether the launch of then was given the definitions that the target of now uses, wherever they stand.
fn same_definitions(then: &Launch, now: &Target) -> bool {
    let meta = Meta {
        query_version: then.version,
        query_id: then.query_id.clone(),
        query_create_timestamp: then.created.clone(),
    };
    let texts = |launch: &Launch| launch.statements.iter().map(|statement| statement.sql.clone()).collect::<Vec<_>>();
    texts(then) == texts(&Launch::of(now, &meta))
}
