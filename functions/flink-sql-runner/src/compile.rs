//! `validate --compile`: has this machine's PyFlink compile what is valid, as the node does, without any cluster.
//! Must not start a job: what is compiled is forgotten.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use control::ports::{OutsideError, Prepared, SecretSource, Submitter as _};
use control::secrets::{SecretReader, Secrets};
use desired::diagnostics::Diagnostic;
use desired::explain;
use desired::inputs::FileVerdict;
use desired::launch::Launch;
use desired::manifest::Meta;
use desired::secrets::{SecretReference, SecretValue};
use flink::process::Program;
use flink::submitter::{FlinkRunSubmitter, Options};
use lifecycle::endpoint::Endpoint;
use lifecycle::ids::JobId;

use crate::cli::Validate;
use crate::error::CliError;

/// How long Python may take to say where PyFlink is.
const LOOK: Duration = Duration::from_mins(1);
/// Where PyFlink's own Flink is.
const WHERE: &str = "import os, pyflink; print(os.path.dirname(os.path.abspath(pyflink.__file__)))";
/// What to do where there is no PyFlink.
const HELP: &str = "name a Python that has the package apache-flink with --pyexec-path or PYEXEC_PATH, and with --flink or \
    FLINK another Flink, if connectors are missing";

/// Compiles every good manifest; what Flink does not take is added to its findings.
pub(crate) async fn compile(arguments: &Validate, manifests: &mut [FileVerdict]) -> Result<(), CliError> {
    let python = arguments.pyexec_path.clone();
    let flink = match &arguments.flink {
        Some(flink) => flink.clone(),
        None => of_pyflink(&python).await?,
    };
    let submitter = FlinkRunSubmitter::new(options(flink, python));
    let mut compiled = Ok(());
    for verdict in manifests {
        compiled = one(&submitter, verdict).await;
        if compiled.is_err() {
            break;
        }
    }
    submitter.shutdown().await;
    compiled
}

/// Compiles one manifest, if it is good.
async fn one(submitter: &FlinkRunSubmitter, verdict: &mut FileVerdict) -> Result<(), CliError> {
    let Some(target) = verdict.target.as_deref() else { return Ok(()) };
    let meta = Meta {
        query_version: 1,
        query_id: "00000000-0000-0000-0000-000000000000".to_owned(),
        query_create_timestamp: "2000-01-01 00:00:00".to_owned(),
    };
    let written = verdict.written.as_deref().cloned();
    let launch = Launch { written, ..Launch::of(target, &meta) };
    let key = JobId::derived(&["validate", launch.name.as_str()]);
    match submitter.prepare(key, &launch).await? {
        Prepared::Compiled { .. } => submitter.forget(key).await,
        Prepared::Rejected(rejection) => verdict.findings.push(told(&launch, &rejection, &verdict.file)),
        Prepared::NodeBroken(why) | Prepared::NoSecret(why) => return Err(CliError::usage(why, HELP)),
    }
    Ok(())
}

/// What Flink said, in people's own files; the manifest where it is not known in which.
fn told(launch: &Launch, rejection: &desired::launch::Rejection, file: &str) -> Diagnostic {
    let found = explain(launch, rejection);
    if found.file.is_empty() { Diagnostic { file: file.to_owned(), ..found } } else { found }
}

/// The `flink` script that comes with a Python's PyFlink.
async fn of_pyflink(python: &Path) -> Result<PathBuf, CliError> {
    let none = |why: String| CliError::usage(format!("`{}` has no PyFlink: {why}", python.display()), HELP);
    let program = Program::new(python).arguments(["-c", WHERE]);
    let ended = program.run(LOOK).await.map_err(|error| none(control::errors::error_chain(&error)))?;
    let home = ended.stdout.lines().last().unwrap_or_default().trim();
    if !ended.status.success() || home.is_empty() {
        let said = ended.stderr.lines().last().unwrap_or_default().trim();
        return Err(none(said.to_owned()));
    }
    Ok(Path::new(home).join("bin").join("flink"))
}

fn options(flink: PathBuf, python: PathBuf) -> Options {
    // Nobody listens there: a job is compiled without its cluster.
    let nobody = Endpoint { host: "127.0.0.1".to_owned(), port: 1 };
    Options::new(flink, python, nobody, SecretReader::new(Arc::new(Placeholders), Secrets::default()))
}

/// Secrets are the node's: something stands in for each.
struct Placeholders;

#[async_trait]
impl SecretSource for Placeholders {
    async fn read(&self, _: &SecretReference) -> Result<SecretValue, OutsideError> {
        Ok(SecretValue::new("secret-of-the-node"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[tokio::test]
    async fn without_pyflink_the_setting_is_named() {
        for python in ["/nowhere/python3", "/bin/false"] {
            let error = of_pyflink(Path::new(python)).await.unwrap_err();
            assert_eq!(error.exit(), Exit::Usage);
            assert!(error.to_string().contains(python) && error.help().unwrap().contains("PYEXEC_PATH"), "{error}");
        }
    }
}
