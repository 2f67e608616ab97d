//! Child processes in groups of their own, all of which end with the stack.
//! Must not know what a child does or why it is ended.

use std::collections::HashSet;
use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};

use process_group::{GRACE, Group};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::tasks::lock;

/// Every process group that the stack started and that still has members.
#[derive(Clone, Default)]
pub(crate) struct Groups(Arc<Mutex<HashSet<Group>>>);

/// One child with its group.
pub(crate) struct GroupChild {
    child: Child,
    group: Group,
    groups: Groups,
}

impl Groups {
    /// Starts a child as the leader of its own group.
    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<GroupChild> {
        self.forget_empty();
        let (child, group) = process_group::spawn(command)?;
        lock(&self.0).insert(group);
        Ok(GroupChild { child, group, groups: self.clone() })
    }

    /// Ends every group at once, leaders gone or not.
    pub(crate) fn kill_all(&self) {
        lock(&self.0).drain().for_each(Group::kill);
    }

    /// Asks every group to end, then makes it.
    pub(crate) async fn end_all(&self) {
        let asked: Vec<Group> = lock(&self.0).iter().copied().collect();
        asked.iter().copied().for_each(Group::terminate);
        let end = Instant::now() + GRACE;
        for group in asked {
            group.is_empty_by(end).await;
        }
        self.kill_all();
    }

    /// An empty group's number may be given to a stranger: it is forgotten as soon as it is seen empty.
    fn forget_empty(&self) {
        lock(&self.0).retain(|group| group.has_members());
    }
}

impl GroupChild {
    pub(crate) fn group(&self) -> Group {
        self.group
    }

    /// Waits for the leader; what it left running in its group lives on until the stack ends.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.groups.forget_empty();
        status
    }
}
