//! What a command of SSM printed, by `GetCommandInvocation`: as much as SSM keeps of it.
//! Must not know what the command did.

use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use desired::printable::cut;

use crate::logged::{LoggedError, logged};

/// How much SSM keeps of the outputs, in characters.
const STDOUT: usize = 24_000;
const STDERR: usize = 8_000;
/// The codes that say that there is no such command, or none any more: SSM forgets them after a month.
const ABSENT: [&str; 2] = ["InvocationDoesNotExist", "InvalidCommandId"];

/// What a command printed; nothing before it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandOutput {
    /// How it stands, in SSM's words.
    pub status: String,
    /// Whether it is over.
    pub over: bool,
    pub stdout: String,
    pub stderr: String,
    /// Whether one of them is as long as SSM keeps it: the end is missing.
    pub cut: bool,
}

/// The commands of SSM.
#[derive(Debug)]
pub struct SsmCommands {
    client: Client,
}

impl SsmCommands {
    /// The SSM that this configuration reaches.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// What a command printed on an instance.
    pub async fn output(&self, command: &str, instance: &str) -> Result<CommandOutput, LoggedError> {
        let what = format!("asking SSM what the command {command} printed on {instance}");
        let answer = self.client.get_command_invocation().command_id(command).instance_id(instance).send().await;
        let answer = answer.map_err(|error| logged(&what, &ABSENT, error))?;
        // Of an answer that is longer than it may be, no more is kept.
        let first = |text: Option<String>, most| cut(&text.unwrap_or_default(), most);
        let stdout = first(answer.standard_output_content, STDOUT);
        let stderr = first(answer.standard_error_content, STDERR);
        let status = answer.status.map(|status| status.as_str().to_owned()).unwrap_or_default();
        let over = !matches!(status.as_str(), "" | "Pending" | "InProgress" | "Delayed" | "Cancelling");
        // The agent counts bytes.
        let cut = stdout.len() >= STDOUT || stderr.len() >= STDERR;
        Ok(CommandOutput { status, over, stdout, stderr, cut })
    }
}
