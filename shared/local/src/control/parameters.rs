//! Parameter Store: values by name, secure ones only as ciphertext unless decryption is asked for.
//! Must not know what the values are for.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Reply, ServiceError, text};
use crate::config::{ACCOUNT, ParameterConfig, REGION};
use crate::tasks::lock;
use crate::time::epoch_seconds;

/// The parameters of one stack.
pub(crate) struct Parameters {
    stored: Mutex<BTreeMap<String, Stored>>,
    /// Names outside of this path may not be read.
    allowed: String,
}

struct Stored {
    config: ParameterConfig,
    version: u32,
    modified: SystemTime,
}

impl Parameters {
    pub(crate) fn new(given: BTreeMap<String, ParameterConfig>, allowed: String) -> Self {
        let parameters = Self { stored: Mutex::default(), allowed };
        for (name, config) in given {
            parameters.put(name, config);
        }
        parameters
    }

    /// Writes a parameter over the one that is there.
    pub(crate) fn put(&self, name: String, config: ParameterConfig) {
        let mut stored = lock(&self.stored);
        let version = stored.get(&name).map_or(0, |before| before.version) + 1;
        stored.insert(name, Stored { config, version, modified: SystemTime::now() });
    }

    /// Removes a parameter; absent is fine.
    pub(crate) fn remove(&self, name: &str) {
        lock(&self.stored).remove(name);
    }

    pub(super) fn get(&self, input: &Value) -> Reply {
        let name = text(input, "Name");
        if !is_name(name) {
            let message = "Parameter name: can't be prefixed with \"ssm\" (case-insensitive), and must be a fully \
                           qualified name of letters, digits and the symbols .-_ if it is a path.";
            return Err(ServiceError::new("ValidationException", message));
        }
        let arn = format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}");
        if !name.starts_with(&self.allowed) {
            let message = format!(
                "User: arn:aws:sts::{ACCOUNT}:assumed-role/node/i is not authorized to perform: ssm:GetParameter on \
                 resource: {arn} because no identity-based policy allows the ssm:GetParameter action"
            );
            return Err(ServiceError::new("AccessDeniedException", message));
        }
        let stored = lock(&self.stored);
        let Some(found) = stored.get(name) else { return Err(ServiceError::new("ParameterNotFound", "")) };
        let decrypted = input["WithDecryption"].as_bool().unwrap_or_default();
        let value = if found.config.secure && !decrypted {
            ciphertext(name, found.version)
        } else {
            found.config.value.clone()
        };
        Ok(json!({
            "Parameter": {
                "Name": name,
                "Type": if found.config.secure { "SecureString" } else { "String" },
                "Value": value,
                "Version": found.version,
                "LastModifiedDate": epoch_seconds(found.modified),
                "ARN": arn,
                "DataType": "text",
            }
        }))
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    !name.is_empty() && name.len() <= 1011 && name.bytes().all(allowed) && !name.contains("//")
}

/// Stands for what KMS would give: it tells nothing about the value.
fn ciphertext(name: &str, version: u32) -> String {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("AQICAHh{letters}{version}==")
}
