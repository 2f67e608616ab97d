//! Child processes in groups of their own, all of which end with the stack.
//! Must not know what a child does or why it is ended.

use std::collections::HashSet;
use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};

use crate::tasks::lock;

/// How long a group may take to end after SIGTERM before SIGKILL follows.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// How often a group that was told to end is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Every process group that the stack started and that still has members.
#[derive(Clone, Default)]
pub(crate) struct Groups(Arc<Mutex<HashSet<Pid>>>);

/// One child with its group.
pub(crate) struct GroupChild {
    child: Child,
    pid: Option<Pid>,
    groups: Groups,
}

/// The group of a child, to end it from elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group(Option<Pid>);

impl Groups {
    /// Starts a child as the leader of its own group.
    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<GroupChild> {
        self.forget_empty();
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        lock(&self.0).extend(pid);
        Ok(GroupChild { child, pid, groups: self.clone() })
    }

    /// Ends every group at once, leaders gone or not.
    pub(crate) fn kill_all(&self) {
        for pid in lock(&self.0).drain() {
            signal(pid, Signal::KILL);
        }
    }

    /// Asks every group to end, then makes it.
    pub(crate) async fn end_all(&self) {
        let asked: Vec<Pid> = lock(&self.0).iter().copied().collect();
        for pid in &asked {
            signal(*pid, Signal::TERM);
        }
        let limit = tokio::time::Instant::now() + GRACE;
        while asked.iter().any(|pid| test_kill_process_group(*pid).is_ok()) && tokio::time::Instant::now() < limit {
            tokio::time::sleep(LOOK).await;
        }
        self.kill_all();
    }

    /// An empty group's number may be given to a stranger: it is forgotten as soon as it is seen empty.
    fn forget_empty(&self) {
        lock(&self.0).retain(|pid| test_kill_process_group(*pid).is_ok());
    }
}

impl GroupChild {
    pub(crate) fn group(&self) -> Group {
        Group(self.pid)
    }

    /// Waits for the leader; what it left running in its group lives on until the stack ends.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.groups.forget_empty();
        status
    }
}

impl Group {
    /// SIGKILL to every member.
    pub(crate) fn kill(self) {
        if let Some(pid) = self.0 {
            signal(pid, Signal::KILL);
        }
    }

    /// Whether it has members, ended ones that nobody waited for included.
    pub(crate) fn lives(self) -> bool {
        self.0.is_some_and(|pid| test_kill_process_group(pid).is_ok())
    }

    /// SIGTERM to every member.
    pub(crate) fn terminate(self) {
        if let Some(pid) = self.0 {
            signal(pid, Signal::TERM);
        }
    }
}

fn signal(pid: Pid, signal: Signal) {
    if let Err(error) = kill_process_group(pid, signal)
        && error != rustix::io::Errno::SRCH
    {
        tracing::warn!(%error, group = pid.as_raw_nonzero(), "a process group could not be signalled");
    }
}
