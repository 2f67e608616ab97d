//! The document in which a deployment says how it is set, for whoever works beside it.
//! Must not know what a setting means; secrets have no place in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::documents::Document;

/// How a deployment is set. The function writes it, as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsDocument {
    /// The format of this document.
    pub format: u32,
    /// The name of the function; nothing where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// How batches reach the node.
    pub dispatch: String,
    /// What is judged and decided by, under the names of the function's variables.
    pub settings: BTreeMap<String, String>,
}

impl Document for SettingsDocument {
    const FORMAT: u32 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{read, write};

    #[test]
    fn what_a_newer_version_adds_does_not_keep_an_older_one_from_reading() {
        let text = r#"{"format":1,"function":"f","dispatch":"emr","settings":{"ALLOW_CODE":"false"},"later":[1]}"#;
        let read: SettingsDocument = read(text.as_bytes()).unwrap();
        assert_eq!((read.function.as_deref(), read.settings["ALLOW_CODE"].as_str()), (Some("f"), "false"));
        assert_eq!(super::super::read::<SettingsDocument>(&write(&read)).unwrap(), read);
        assert!(super::super::read::<SettingsDocument>(br#"{"format":2,"dispatch":"emr","settings":{}}"#).is_err());
    }
}
