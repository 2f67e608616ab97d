//! The template rendered with the local stack's parameters, and who has which of its policies.
//! Must not know which calls are made.

#![expect(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a failed check ends the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::iam::{Call, Decision, Policy, decide};

/// Both ways of dispatch; steps go to a cluster named by its id, commands to one named by its tag.
pub const DISPATCHES: [&str; 2] = ["emr", "ssm"];

const ROLES: &str = "arn:aws:iam::123456789012:role";
const CLUSTER: &str = "j-LOCAL00000000";

/// Who is named for what.
pub const PEOPLE: [(&str, &str); 4] = [
    ("UploaderArns", "uploaders"),
    ("OperatorArns", "operators"),
    ("ReleaserArns", "releasers"),
    ("AdministratorArn", "administrators"),
];

/// Which parameters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variant {
    pub dispatch: &'static str,
    pub prefix: &'static str,
    /// Whether sessions are administered, and jobs deployed by command, on the node.
    pub session: bool,
}

impl Variant {
    pub fn of(dispatch: &'static str) -> Self {
        Self { dispatch, prefix: "flink-sql-runner", session: false }
    }

    /// Grants are listed for the usual prefix.
    pub fn counts_as_use(&self) -> bool {
        self.prefix == Self::of(self.dispatch).prefix
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = if self.session { ", SessionOnNode" } else { "" };
        write!(f, "{} under {}/{session}", self.dispatch, self.prefix)
    }
}

/// Somebody with policies.
#[derive(Clone, Debug)]
pub struct Principal {
    pub arn: String,
    policies: Vec<String>,
}

/// The rendered template.
pub struct Deployment {
    /// By the name of the resource; of a role, with the inline policy's name.
    pub policies: BTreeMap<String, Policy>,
    bucket: Policy,
    topic: Policy,
    function_role: String,
    session: bool,
}

impl Deployment {
    pub fn render(variant: &Variant) -> Self {
        Self::render_with(variant, &PEOPLE)
    }

    /// With these parameters that name roles, and no others.
    pub fn render_with(variant: &Variant, people: &[(&str, &str)]) -> Self {
        let id = if variant.dispatch == "emr" { CLUSTER } else { "" };
        let release = format!("s3://local/{}/node/{}", variant.prefix, "0".repeat(64));
        let parameters = [
            ("BucketName", "local".to_owned()),
            ("Prefix", variant.prefix.to_owned()),
            ("Dispatch", variant.dispatch.to_owned()),
            ("ClusterId", id.to_owned()),
            ("NodeRelease", release),
            ("SessionOnNode", variant.session.to_string()),
            ("StepLogsArn", "arn:aws:s3:::emr-logs/elasticmapreduce".to_owned()),
        ];
        let people = people.iter().map(|(name, role)| (*name, format!("{ROLES}/{role}")));
        let given = parameters.into_iter().chain(people).map(|(name, value)| format!("{name}={value}"));
        let rendered = render(&given.collect::<Vec<_>>());
        let resources = rendered["Resources"].as_object().unwrap();
        let mut policies = BTreeMap::new();
        let mut add = |name: String, document: &Value| {
            let policy = Policy::read(&name, document).unwrap_or_else(|error| panic!("{error}"));
            policies.insert(name, policy);
        };
        for (name, resource) in resources {
            let properties = &resource["Properties"];
            match resource["Type"].as_str() {
                Some("AWS::IAM::ManagedPolicy") => add(name.clone(), &properties["PolicyDocument"]),
                Some("AWS::IAM::Role") => {
                    for inline in properties["Policies"].as_array().into_iter().flatten() {
                        let called = inline["PolicyName"].as_str().unwrap();
                        add(format!("{name}/{called}"), &inline["PolicyDocument"]);
                    }
                }
                Some(_) | None => {}
            }
        }
        let read = |name: &str| Policy::read(name, &resources[name]["Properties"]["PolicyDocument"]).unwrap();
        Self {
            policies,
            bucket: read("BucketPolicy"),
            topic: read("AlertsPolicy"),
            function_role: resources["Function"]["Properties"]["Role"].as_str().unwrap().to_owned(),
            session: variant.session,
        }
    }

    /// Who has which policies; nothing for nobody of ours.
    pub fn principal(&self, name: &str) -> Option<Principal> {
        let node = ["NodePolicy", "AgentPolicy"].as_slice();
        let session = ["NodePolicy", "AgentPolicy", "FunctionPolicy", "SessionPolicy"].as_slice();
        let (arn, policies) = match name {
            "function" => (self.function_role.clone(), ["FunctionPolicy", "FunctionRole/platform"].as_slice()),
            "node" | "administrator" if self.session => (format!("{ROLES}/EMR_EC2_DefaultRole"), session),
            "node" => (format!("{ROLES}/EMR_EC2_DefaultRole"), node),
            "uploader" => (format!("{ROLES}/uploaders"), ["UploaderPolicy"].as_slice()),
            "operator" => (format!("{ROLES}/operators"), ["OperatorPolicy"].as_slice()),
            _ => return None,
        };
        Some(Principal { arn, policies: policies.iter().map(|name| (*name).to_owned()).collect() })
    }

    /// Everybody who writes something, and those whose rights are not the template's.
    pub fn arns(&self) -> BTreeMap<&'static str, String> {
        let of = |name: &'static str| (name, self.principal(name).unwrap().arn);
        let people = ["releasers", "administrators", "strangers"].map(|name| (name, format!("{ROLES}/{name}")));
        ["function", "node", "uploader", "operator"].map(of).into_iter().chain(people).collect()
    }

    /// The decision about a call over TLS.
    pub fn decide(&self, principal: &Principal, call: Call) -> Decision {
        let identity: Vec<&Policy> = principal.policies.iter().filter_map(|name| self.policies.get(name)).collect();
        self.decide_with(&identity, &principal.arn, call.with("aws:SecureTransport", "true"))
    }

    /// The decision about a call of somebody with these policies.
    pub fn decide_with(&self, identity: &[&Policy], arn: &str, call: Call) -> Decision {
        let call = call.with("aws:PrincipalArn", arn).with("aws:PrincipalIsAWSService", "false");
        let resource = if call.resource.starts_with("arn:aws:s3:::local") {
            vec![&self.bucket]
        } else if call.resource.starts_with("arn:aws:sns:") {
            vec![&self.topic]
        } else {
            Vec::new()
        };
        decide(identity, &resource, &call)
    }

    /// The names of the policies that identities have.
    pub fn names(&self) -> BTreeSet<&str> {
        self.policies.keys().map(String::as_str).collect()
    }
}

/// The project's folder.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The template with these parameters, by the command that resolves it.
fn render(parameters: &[String]) -> Value {
    let scripts = project().join("scripts/install-flink.sh");
    let installed = output(Command::new(scripts).args(["aws", "--print-env"]));
    let bin = installed.lines().find_map(|line| line.strip_prefix("AWS_BIN=")).map(PathBuf::from);
    let mut command = Command::new(bin.unwrap_or_else(|| panic!("no AWS_BIN in {installed}")).join("python"));
    command.arg(project().join("infra/checks/render.py"));
    for parameter in parameters {
        command.args(["--parameter", parameter]);
    }
    serde_json::from_str(&output(&mut command)).unwrap()
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
