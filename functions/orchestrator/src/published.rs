//! `settings.json`: how the function is set, written for the command line, which judges and asks by it.
//! Must not know who reads it; nothing secret is among the settings that it names.

use std::collections::BTreeMap;
use std::time::Duration;

use control::documents::fetch;
use control::errors::error_chain;
use control::orchestrator::Settings;
use control::ports::{OutsideError, Precondition, Store};
use lifecycle::documents::settings::SettingsDocument;
use lifecycle::documents::{Document, write};

use crate::config::{Config, Dispatch};

/// How long the first event waits for it.
const LONGEST: Duration = Duration::from_secs(10);

/// What is published of `config` by the function of this name.
pub fn document(config: &Config, function: Option<String>) -> SettingsDocument {
    let dispatch = match config.dispatch {
        Dispatch::Emr => "emr",
        Dispatch::Ssm { .. } => "ssm",
    };
    let settings = settings(&config.settings);
    SettingsDocument { format: SettingsDocument::FORMAT, function, dispatch: dispatch.to_owned(), settings }
}

/// The settings under the names by which `config::read_settings` reads them.
fn settings(settings: &Settings) -> BTreeMap<String, String> {
    let Settings { policy, patience, windows, .. } = settings;
    [
        ("ALLOW_CODE", policy.allow_code.to_string()),
        ("ALLOW_FILES", policy.allow_files.to_string()),
        ("TIMESTAMP_FIELD", settings.timestamp_field.clone()),
        ("REMOVAL_LIMIT", settings.removals.to_string()),
        ("STABILITY_MS", windows.stability_ms.to_string()),
        ("STARTUP_MS", windows.startup_ms.to_string()),
        ("STOP_MS", windows.stop_ms.to_string()),
        ("PASSING_MS", windows.passing_ms.to_string()),
        ("MARGIN_MS", settings.margin.as_millis().to_string()),
        ("RETRY_PAUSE_MS", patience.pause_ms.to_string()),
        ("RETRY_LONGEST_PAUSE_MS", patience.longest_ms.to_string()),
        ("DEPLOYMENT_NAME", settings.deployment.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Writes the document at `key`, if another one is there. Nothing that is decided depends on it: a failure is logged.
pub async fn publish(store: &dyn Store, key: &str, document: &SettingsDocument) {
    match tokio::time::timeout(LONGEST, differing(store, key, document)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = error_chain(&error), key, "the settings could not be published"),
        Err(_) => tracing::warn!(key, "the settings could not be published in time"),
    }
}

async fn differing(store: &dyn Store, key: &str, document: &SettingsDocument) -> Result<(), OutsideError> {
    match fetch::<SettingsDocument>(store, key).await {
        Ok(Some((there, _))) if there == *document => return Ok(()),
        // One that cannot be read is written anew.
        Ok(_) | Err(OutsideError::Refused { .. }) => {}
        Err(error @ OutsideError::Unknown { .. }) => return Err(error),
    }
    store.put(key, write(document), Precondition::Always).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_settings;

    #[test]
    fn what_is_published_is_read_as_what_it_was() {
        let given = |name: &str| match name {
            "BUCKET" => Some("b".to_owned()),
            "CLUSTER" => Some("j-1".to_owned()),
            "ALLOW_CODE" => Some("true".to_owned()),
            "TIMESTAMP_FIELD" => Some(String::new()),
            "REMOVAL_LIMIT" | "STABILITY_MS" | "STARTUP_MS" | "STOP_MS" | "PASSING_MS" => Some("7".to_owned()),
            "RETRY_PAUSE_MS" | "RETRY_LONGEST_PAUSE_MS" | "MARGIN_MS" => Some("8".to_owned()),
            "DEPLOYMENT_NAME" => Some("blue".to_owned()),
            _ => None,
        };
        let config = Config::read(&given).unwrap();
        let published = document(&config, Some("f".to_owned()));
        let again = read_settings(&|name| given_place(name).or_else(|| published.settings.get(name).cloned())).unwrap();
        assert_eq!(format!("{again:?}"), format!("{:?}", config.settings));
        assert!(!published.settings["TIMESTAMP_FIELD"].contains('_'), "an empty field stays empty");
    }

    /// Where the document lies, its reader knows.
    fn given_place(name: &str) -> Option<String> {
        (name == "BUCKET").then(|| "b".to_owned())
    }
}
