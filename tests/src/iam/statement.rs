//! One statement: what it is about, whom it concerns, under which conditions.
//! Must not know how statements are weighed against each other.

use serde_json::Value;

use super::Call;
use super::condition::{self, Condition, texts};
use super::glob::{arn_matches, matches};

/// What a statement that applies does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows, unless something denies.
    Allow,
    /// It denies, whatever allows.
    Deny,
}

/// Everything but, or exactly, what is listed.
#[derive(Clone, Debug)]
enum Listed {
    These(Vec<String>),
    AllBut(Vec<String>),
}

/// Whom a statement of a resource policy concerns.
#[derive(Clone, Debug)]
enum Principals {
    /// An identity policy's statement names nobody.
    Unnamed,
    Everybody,
    /// By ARN; AWS's own services are nobody here.
    Arns(Vec<String>),
}

#[derive(Clone, Debug)]
pub struct Statement {
    /// Its `Sid`, or its number.
    pub sid: String,
    /// What it does.
    pub effect: Effect,
    actions: Listed,
    resources: Listed,
    principals: Principals,
    conditions: Vec<Condition>,
}

const ELEMENTS: [&str; 8] =
    ["Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

impl Statement {
    pub(super) fn read(sid: String, value: &Value) -> Result<Self, String> {
        let members = value.as_object().ok_or("no object")?;
        if let Some(unknown) = members.keys().find(|name| !ELEMENTS.contains(&name.as_str())) {
            return Err(format!("element {unknown}"));
        }
        let effect = match value["Effect"].as_str() {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            Some(_) | None => return Err(format!("effect {}", value["Effect"])),
        };
        let conditions = members.get("Condition").map_or(Ok(Vec::new()), condition::read)?;
        Ok(Self {
            sid,
            effect,
            actions: listed(value, "Action", "NotAction")?,
            resources: listed(value, "Resource", "NotResource")?,
            principals: principals(members.get("Principal"))?,
            conditions,
        })
    }

    /// The actions that it lists, if it lists them.
    pub fn actions(&self) -> &[String] {
        match &self.actions {
            Listed::These(list) => list,
            Listed::AllBut(_) => &[],
        }
    }

    /// The resources that it lists, if it lists them.
    pub fn resources(&self) -> &[String] {
        match &self.resources {
            Listed::These(list) => list,
            Listed::AllBut(_) => &[],
        }
    }

    /// Whether it is about the call; in a resource policy it must concern the principal.
    pub(super) fn applies(&self, call: &Call, on_resource: bool) -> bool {
        let concerns = match (&self.principals, on_resource) {
            (Principals::Unnamed, on_resource) => !on_resource,
            (Principals::Everybody, _) => on_resource,
            (Principals::Arns(arns), _) => {
                let caller = call.values("aws:PrincipalArn").and_then(<[String]>::first);
                on_resource && caller.is_some_and(|caller| arns.iter().any(|arn| arn == caller))
            }
        };
        concerns
            && self.actions.hold(|pattern| action_matches(pattern, &call.action))
            && self.resources.hold(|pattern| arn_matches(pattern, &call.resource))
            && self.conditions.iter().all(|condition| condition.holds(call))
    }
}

/// Whether an action matches a pattern; the case counts in neither.
pub fn action_matches(pattern: &str, action: &str) -> bool {
    matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

impl Listed {
    fn hold(&self, matches: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::These(list) => list.iter().any(|pattern| matches(pattern)),
            Self::AllBut(list) => !list.iter().any(|pattern| matches(pattern)),
        }
    }
}

fn listed(value: &Value, these: &str, all_but: &str) -> Result<Listed, String> {
    let read = |name: &str| texts(&value[name]).ok_or_else(|| format!("{name} {}", value[name]));
    match (value.get(these), value.get(all_but)) {
        (Some(_), None) => Ok(Listed::These(read(these)?)),
        (None, Some(_)) => Ok(Listed::AllBut(read(all_but)?)),
        (Some(_), Some(_)) | (None, None) => Err(format!("one of {these} and {all_but} is needed")),
    }
}

fn principals(value: Option<&Value>) -> Result<Principals, String> {
    let Some(value) = value else { return Ok(Principals::Unnamed) };
    if value == "*" {
        return Ok(Principals::Everybody);
    }
    let wrong = || format!("principal {value}");
    let kinds = value.as_object().ok_or_else(wrong)?;
    let mut arns = Vec::new();
    for (kind, named) in kinds {
        match (kind.as_str(), texts(named).ok_or_else(wrong)?) {
            ("AWS", named) if named.iter().any(|one| one == "*") => return Ok(Principals::Everybody),
            // The account itself stands for whatever its identity policies say: no decision of this policy.
            ("AWS", named) if named.iter().any(|one| one.ends_with(":root")) => return Err(wrong()),
            ("AWS", named) => arns.extend(named),
            ("Service", _) => {}
            (_, _) => return Err(wrong()),
        }
    }
    Ok(Principals::Arns(arns))
}
