//! Orders about one job as they are asked for: what all of them say, and what only some do.
//! Must not know how an order is carried out.

use std::fmt;

use desired::manifest::JobName;
use lifecycle::ids::{ActId, JobId};
use lifecycle::permission::Permission;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// What every order says: `retry` and `savepoint` say nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OrderAsked {
    pub name: JobName,
    /// Tells the same order, asked for again, from another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<ActId>,
    /// Only what would be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Who asks.
    #[serde(default)]
    pub by: Option<String>,
    /// Why, for the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What no order knows is refused.
    #[serde(flatten)]
    pub rest: NothingElse,
}

impl OrderAsked {
    /// An order about this job, which nobody gives a reason for.
    pub fn about(name: JobName) -> Self {
        Self { name, order_id: None, dry_run: false, by: None, reason: None, rest: NothingElse {} }
    }
}

/// `restart`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RestartAsked {
    /// Start a new version without state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clean: bool,
    /// Start a new version from this state: its path, or the operation that took it as a savepoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(flatten)]
    pub order: OrderAsked,
}

/// `allow`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AllowAsked {
    /// What is allowed.
    pub permission: Permission,
    /// The run to adopt, if several carry the name.
    #[serde(default)]
    pub run: Option<JobId>,
    #[serde(flatten)]
    pub order: OrderAsked,
}

/// The fields that are left over: there must be none. serde's own `deny_unknown_fields` cannot be used with `flatten`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NothingElse {}

impl<'de> Deserialize<'de> for NothingElse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NoField)
    }
}

struct NoField;

impl<'de> Visitor<'de> for NoField {
    type Value = NothingElse;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no more fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<NothingElse, A::Error> {
        match fields.next_entry::<String, IgnoredAny>()? {
            Some((field, _)) => Err(A::Error::custom(format_args!("unknown field `{}`", field.escape_debug()))),
            None => Ok(NothingElse {}),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::actions::Action;

    fn read(event: Value) -> Result<Action, String> {
        serde_json::from_value(event).map_err(|error| error.to_string())
    }

    #[test]
    fn a_field_that_an_order_does_not_know_is_refused_by_its_name() {
        let orders = [
            json!({"action": "restart", "name": "a", "clean": true, "dry-run": true}),
            json!({"action": "allow", "name": "a", "permission": "remove", "reason": "it may go"}),
            json!({"action": "retry", "name": "a", "reason": "the disk is back"}),
            json!({"action": "savepoint", "name": "a", "order-id": "0197f0a1b2c3700080000000000000ff"}),
        ];
        for order in orders {
            let action = read(order.clone()).unwrap();
            let sent = serde_json::to_value(&action).unwrap();
            assert_eq!(read(sent).unwrap(), action, "what is sent is read as it was");
            for field in ["dry_run", "celan_start", "at_once"] {
                let mut wrong = order.clone();
                wrong[field] = json!(true);
                let error = read(wrong).unwrap_err();
                assert!(error.contains(&format!("unknown field `{field}`")), "{error}");
            }
        }
        assert!(read(json!({"action": "retry", "name": "a", "clean": true})).is_err(), "it is no restart");
        assert!(read(json!({"action": "retry"})).unwrap_err().contains("missing field `name`"));
    }
}
