//! A child with all that it starts: one process group, led by the child, which can be signalled as one.
//! Must not know what a program is for, nor why it is ended.

use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid};
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// How long a group may take to end after SIGTERM before SIGKILL follows.
pub const GRACE: Duration = Duration::from_secs(5);
/// How often a group that was told to end is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The group of a child that leads it.
///
/// Once the leader is waited for and no member is left, the number may be given to a stranger: whoever keeps a group
/// forgets it then.
// Not the crate `process-wrap`: when dropped it kills the leader alone, and after its `wait` nothing says whether the
// group's number is still its own; its `start_kill` then ends a stranger that was given the number (seen with 10.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group(Pid);

/// Starts a child as the leader of its own group.
pub fn spawn(command: &mut Command) -> io::Result<(Child, Group)> {
    let child = command.process_group(0).kill_on_drop(true).spawn()?;
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let group = id.map(Group).ok_or_else(|| io::Error::other("the child has no process id"))?;
    Ok((child, group))
}

impl Group {
    /// SIGTERM to every member.
    pub fn terminate(self) {
        self.signal(Signal::TERM);
    }

    /// SIGKILL to every member.
    pub fn kill(self) {
        self.signal(Signal::KILL);
    }

    /// Whether it has members, ended ones that nobody waited for included.
    pub fn has_members(self) -> bool {
        test_kill_process_group(self.0).is_ok()
    }

    /// Whether the leader has exited; it is not waited for by this, so its number stays its own.
    pub fn leader_has_exited(self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        !matches!(waitid(WaitId::Pid(self.0), look), Ok(None))
    }

    /// Waits until it has no members, at most until `end`. They are not our children: init takes them in.
    pub async fn is_empty_by(self, end: Instant) -> bool {
        while self.has_members() {
            if Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
        true
    }

    /// Waits until the leader has exited, at most until `end`.
    pub async fn leader_exits_by(self, end: Instant) -> bool {
        while !self.leader_has_exited() {
            if Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
        true
    }

    fn signal(self, signal: Signal) {
        if let Err(error) = kill_process_group(self.0, signal)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, group = self.0.as_raw_nonzero(), "a process group could not be signalled");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test]
    async fn a_group_outlives_its_leader_and_ends_as_one() {
        let (mut child, group) = spawn(Command::new("sh").args(["-c", "sleep 60 & exit 3"])).unwrap();
        assert!(group.leader_exits_by(soon()).await);
        assert_eq!(child.wait().await.unwrap().code(), Some(3), "a look at the leader must not take its status");
        assert!(group.has_members(), "the sleeper lives");
        assert!(!group.is_empty_by(Instant::now()).await);
        group.kill();
        assert!(group.is_empty_by(soon()).await);
        // Nobody is there to be signalled, and that is no error.
        group.terminate();
    }

    #[tokio::test]
    async fn every_member_is_asked_to_end() {
        let (mut child, group) = spawn(Command::new("sh").args(["-c", "sleep 60 & wait"])).unwrap();
        assert!(!group.leader_has_exited());
        group.terminate();
        child.wait().await.unwrap();
        assert!(group.is_empty_by(soon()).await);
    }
}
