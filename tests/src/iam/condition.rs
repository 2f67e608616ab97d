//! Condition blocks: every operator that the templates may use, with its rules for absent keys and sets of values.
//! Must not know statements. An operator that is not known here is an error.

use serde_json::Value;

use super::Call;
use super::glob::{arn_matches, matches};

/// One operator on one key.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    operator: Operator,
    set: Set,
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    /// Compares; whether a match must not be, and how.
    Compare { negated: bool, how: Comparison },
    /// Whether the key is absent.
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    EqualIgnoringCase,
    Like,
    Arn,
    Bool,
}

/// How several values in the call count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    /// The key has one value.
    One,
    Any,
    All,
}

/// Reads a whole block: all of it must hold.
pub(super) fn read(block: &Value) -> Result<Vec<Condition>, String> {
    let operators = block.as_object().ok_or_else(|| format!("condition {block}"))?;
    let mut conditions = Vec::new();
    for (written, keys) in operators {
        let keys = keys.as_object().ok_or_else(|| format!("condition {written}: {keys}"))?;
        for (key, values) in keys {
            let (operator, set, if_exists) = operator(written)?;
            let values = texts(values).ok_or_else(|| format!("condition {written} {key}: {values}"))?;
            conditions.push(Condition { operator, set, if_exists, key: key.clone(), values });
        }
    }
    Ok(conditions)
}

fn operator(written: &str) -> Result<(Operator, Set, bool), String> {
    let (set, name) = match written.split_once(':') {
        None => (Set::One, written),
        Some(("ForAnyValue", name)) => (Set::Any, name),
        Some(("ForAllValues", name)) => (Set::All, name),
        Some(_) => return Err(format!("condition operator {written}")),
    };
    let (name, if_exists) = name.strip_suffix("IfExists").map_or((name, false), |name| (name, true));
    let compare = |negated, how| Operator::Compare { negated, how };
    let operator = match name {
        "StringEquals" => compare(false, Comparison::Equal),
        "StringNotEquals" => compare(true, Comparison::Equal),
        "StringEqualsIgnoreCase" => compare(false, Comparison::EqualIgnoringCase),
        "StringNotEqualsIgnoreCase" => compare(true, Comparison::EqualIgnoringCase),
        "StringLike" => compare(false, Comparison::Like),
        "StringNotLike" => compare(true, Comparison::Like),
        "ArnEquals" | "ArnLike" => compare(false, Comparison::Arn),
        "ArnNotEquals" | "ArnNotLike" => compare(true, Comparison::Arn),
        "Bool" => compare(false, Comparison::Bool),
        "Null" if !if_exists && set == Set::One => Operator::Null,
        _ => return Err(format!("condition operator {written}")),
    };
    Ok((operator, set, if_exists))
}

/// A text or a list of texts; booleans are written either way.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        // Policy variables would need the call; none of ours has any.
        Value::String(text) if text.contains("${") => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        other => one(other).map(|text| vec![text]),
    }
}

impl Condition {
    /// Whether it holds for the call.
    pub(super) fn holds(&self, call: &Call) -> bool {
        let found = call.values(&self.key);
        let (negated, how) = match self.operator {
            Operator::Compare { negated, how } => (negated, how),
            Operator::Null => {
                let asked = self.values.iter().any(|value| value.eq_ignore_ascii_case("true"));
                return asked == found.is_none();
            }
        };
        // Several values in the policy: any may match; negated, none may.
        let passes = |value: &String| self.values.iter().any(|pattern| how.matches(pattern, value)) != negated;
        match (found, self.set) {
            (None, _) if self.if_exists => true,
            (None, Set::One) => negated,
            (None, Set::Any) => false,
            (None, Set::All) => true,
            (Some(values), Set::All) => values.iter().all(passes),
            (Some(values), Set::Any) => values.iter().any(passes),
            (Some(values), Set::One) => values.first().is_some_and(passes),
        }
    }
}

impl Comparison {
    fn matches(self, pattern: &str, value: &str) -> bool {
        match self {
            Self::Equal => pattern == value,
            Self::EqualIgnoringCase | Self::Bool => pattern.eq_ignore_ascii_case(value),
            Self::Like => matches(pattern, value),
            Self::Arn => arn_matches(pattern, value),
        }
    }
}
