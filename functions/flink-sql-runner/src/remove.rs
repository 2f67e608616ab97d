//! `remove`: deletes a job's uploaded manifest; what follows is the orchestrator's.
//! Must not stop anything itself.

use desired::inputs::stem;
use desired::manifest::JobName;
use serde_json::json;

use crate::error::CliError;
use crate::exit::Exit;
use crate::invocation::Invocation;
use crate::out::Out;
use crate::render::printable;

/// Deletes every file under `queries/` that carries the job's name as its stem.
pub(crate) async fn run(name: &JobName, invocation: &Invocation, out: Out) -> Result<Exit, CliError> {
    let (store, keys) = (invocation.store().await?, invocation.settings()?.keys);
    let listed = store.list(&keys.queries()).await?;
    let found: Vec<String> = listed.into_iter().map(|l| l.key).filter(|key| stem(key) == Some(name.as_str())).collect();
    if found.is_empty() {
        let help = "`flink-sql-runner status` lists the jobs";
        return Err(CliError::usage(format!("no uploaded manifest carries the name {name}"), help));
    }
    for key in &found {
        store.delete(key).await?;
    }
    let document = json!({"format": "flink-sql-runner/remove", "version": 1, "name": name, "deleted": found});
    out.result(&document, || {
        let keys: Vec<String> = found.iter().map(|key| printable(key)).collect();
        format!(
            "deleted {}\nThe job is stopped with a savepoint; put the file back and it goes on from there.\n",
            keys.join(", ")
        )
    });
    Ok(Exit::Done)
}
