//! Ends a runner that is stopped or hangs: its job locks and its place among the steps would be held for ever.
//! Must not know what a runner does: it knows its process, and that a live one says so again and again.

use std::io;
use std::os::fd::AsFd;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// How often a runner says that it is alive, within the time that it may say nothing.
const BEATS: u32 = 10;

/// A runner's watchdog: a process of its own group, so that whatever stops the runner does not stop it.
#[derive(Debug)]
pub struct Watchdog {
    beats: JoinHandle<()>,
    _process: Child,
}

impl Watchdog {
    /// Starts `program` as the watchdog of this process, by the arguments that make it call [`watch`].
    ///
    /// The beats come from the runner's own runtime: they end when it hangs, too.
    pub fn start(mut program: Command, limit: Duration) -> io::Result<Self> {
        let pid = std::process::id().to_string();
        program.args(["--pid", &pid, "--limit-ms", &limit.as_millis().to_string()]);
        let mut process = program.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0).spawn()?;
        let mut pipe = process.stdin.take().ok_or_else(|| io::Error::other("it has no standard input"))?;
        let beats = tokio::spawn(async move {
            // Without its watchdog a runner goes on as it is: what guards its jobs are the claims.
            while pipe.write_all(b".").await.is_ok() {
                tokio::time::sleep(limit / BEATS).await;
            }
        });
        Ok(Self { beats, _process: process })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.beats.abort();
    }
}

/// Waits until the runner has ended, or says nothing for `limit`: then it is killed. Says whether it was.
pub async fn watch(runner: Pid, limit: Duration) -> io::Result<bool> {
    let mut beats = Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let mut read = [0; 64];
    loop {
        match tokio::time::timeout(limit, beats.read(&mut read)).await {
            // The pipe is closed with the runner's end, so that its process id is never another's here.
            Ok(Ok(0)) => return Ok(false),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                kill_process(runner, Signal::KILL)?;
                return Ok(true);
            }
        }
    }
}
