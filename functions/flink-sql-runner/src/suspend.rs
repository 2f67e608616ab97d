//! `suspend` and `resume`: the field `state` of a job's uploaded manifest.
//! Must not know how a file is edited, nor what follows from a state.

use clap::Args;
use control::documents::fetch;
use control::ports::{OutsideError, Store};
use desired::diagnostics::Diagnostic;
use desired::diagnostics::SourceFile;
use desired::manifest::{JobName, NotEdited, WantedState, stated, stated_by_template, with_state};
use lifecycle::documents::record::Record;
use lifecycle::documents::refused::RefusedDocument;
use lifecycle::keys::Keys;
use serde_json::json;

use crate::deploy::{self, Done};
use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::ordering::OrderFlags;
use crate::out::Out;
use crate::replace::{Present, Replacement, note, present, replace};
use crate::upload::Uploaded;

/// `suspend` and `resume`.
#[derive(Debug, Args)]
pub(crate) struct StateArguments {
    /// The job.
    pub(crate) name: JobName,
    #[command(flatten)]
    pub(crate) flags: OrderFlags,
}

pub(crate) async fn suspend(arguments: StateArguments, on: &Invocation, out: Out) -> Result<Exit, CliError> {
    set(arguments, WantedState::Suspended, on, out).await
}

pub(crate) async fn resume(arguments: StateArguments, on: &Invocation, out: Out) -> Result<Exit, CliError> {
    set(arguments, WantedState::Running, on, out).await
}

/// Has the uploaded manifest say this state, unless it holds already.
async fn set(
    StateArguments { name, flags }: StateArguments,
    state: WantedState,
    invocation: &Invocation,
    out: Out,
) -> Result<Exit, CliError> {
    let note = note(None, &flags)?;
    let (store, keys) = (invocation.store().await?, invocation.settings()?.keys);
    let present = present(store.as_ref(), &keys, &name).await?;
    if let Some(error) = refusal(store.as_ref(), &keys, &present).await? {
        return Err(CliError::Refused(Box::new(error)));
    }
    let file = present.file();
    let text = with_state(&file, state).map_err(|error| not_edited(error, &present, state))?;
    let said = match stated(&file) {
        Some(said) => said,
        None => by_default(store.as_ref(), &keys, &name).await?,
    };
    if said == state {
        return holds(name, present, state, invocation, out).await;
    }
    replace(Replacement { name, present, text, note }, &flags, invocation, out).await
}

/// The first error of the uploaded file, if it was refused: no state of it counts then.
async fn refusal(store: &dyn Store, keys: &Keys, present: &Present) -> Result<Option<Diagnostic>, CliError> {
    let found = fetch::<RefusedDocument>(store, &keys.refused(&present.key)).await?;
    let about = found.filter(|(refused, _)| refused.etag == present.object.etag.0);
    Ok(about.and_then(|(refused, _)| refused.errors.into_iter().next()))
}

fn not_edited(error: NotEdited, present: &Present, state: WantedState) -> CliError {
    match error {
        NotEdited::Broken(error) => CliError::Refused(error),
        error @ NotEdited::ByHand => {
            let line = format!("state: {}", state.as_str());
            let help =
                format!("write `{line}` into it by hand, as a line of its own, and upload it with `deploy PATH`");
            CliError::usage(format!("{}: {error}", present.path), help)
        }
    }
}

/// The state of a job whose file says none: the template's; what the record tells, for those who may not read that.
async fn by_default(store: &dyn Store, keys: &Keys, name: &JobName) -> Result<WantedState, CliError> {
    let key = keys.template();
    match store.get(&key).await {
        Ok(None) => Ok(WantedState::Running),
        Ok(Some(object)) => {
            let template = SourceFile::new(key, object.bytes);
            Ok(stated_by_template(&template, name).unwrap_or_default())
        }
        Err(OutsideError::Refused { .. }) => {
            let record = fetch::<Record>(store, &keys.record(name)).await?.map(|(record, _)| record);
            let stops = |record: &Record| record.open.as_ref().is_some_and(|open| open.plan.suspends);
            let suspended = record.is_some_and(|record| record.suspended.is_some() || stops(&record));
            Ok(if suspended { WantedState::Suspended } else { WantedState::Running })
        }
        Err(error @ OutsideError::Unknown { .. }) => Err(error.into()),
    }
}

/// Nothing is to be changed: says so, and follows what comes of the file if that is asked for.
async fn holds(
    name: JobName,
    present: Present,
    state: WantedState,
    invocation: &Invocation,
    out: Out,
) -> Result<Exit, CliError> {
    let word = state.as_str();
    let text = format!("nothing to change: {name} is to be {word} already, as {} says\n", present.path);
    let Some(timeout) = invocation.deadline else {
        let document = json!({
            "format": "flink-sql-runner/state", "version": 1, "name": name, "state": word, "changed": false,
        });
        out.result(&document, || text);
        return Ok(Exit::Done);
    };
    out.note(&text);
    let (store, keys) = (invocation.store().await?, invocation.settings()?.keys);
    let (Present { key, path, object }, before) = (present, Vec::new());
    let uploaded = vec![Uploaded { file: path, key, etag: object.etag.0, same: true, job: Some(name) }];
    let done = Done { uploaded, removed: Vec::new(), answer: None, before };
    deploy::finish(done, (store, keys), Some(timeout), out).await
}
