//! The function of a stack on this machine: the test program once more, as a process with the function's own credentials.
//! Must not know what is asked of it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use local::{Delivery, LambdaConfig};

/// The name of the test below that is no test.
const FUNCTION: &str = "function::serves_as_the_function";

#[test]
#[ignore = "the stack starts it"]
fn serves_as_the_function() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(orchestrator::runtime::run()).unwrap();
    }
}

/// A program in `folder` that runs a command.
pub(crate) fn script(folder: &Path, name: &str, command: &str) -> PathBuf {
    let script = folder.join(name);
    std::fs::write(&script, format!("#!/bin/sh\nexec {command}\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// A function of this name; its program is put into `folder`.
pub(crate) fn named(name: &str, folder: &Path) -> LambdaConfig {
    let program = std::env::current_exe().unwrap();
    let command = format!("'{}' --exact {FUNCTION} --ignored --nocapture", program.display());
    let bootstrap = script(folder, "bootstrap", &command);
    let settings = [("BUCKET", "local"), ("CLUSTER", "j-LOCAL00000000"), ("ALLOW_CODE", "true")];
    LambdaConfig {
        name: name.to_owned(),
        delivery: Delivery::Host { bootstrap },
        log: Some(folder.join("function.log")),
        env: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..LambdaConfig::default()
    }
}
