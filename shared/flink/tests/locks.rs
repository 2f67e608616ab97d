//! A job's lock outlives its runner in what the runner started, and is free once released.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::time::Duration;

use control::ports::{JobLocks, OutsideError};
use desired::manifest::JobName;
use flink::locks::FileLocks;
use flink::process::{Process, Program};
use tokio::sync::{Mutex, MutexGuard};

/// Every child of this process inherits every lock that is open in it: one test at a time.
async fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

fn job() -> JobName {
    JobName::try_from("orders".to_owned()).expect("a name")
}

fn locks(directory: &Path) -> FileLocks {
    FileLocks::open(directory, Duration::from_millis(400), [&job()])
}

fn sleeper() -> Process {
    Program::new("sleep").arguments(["60"]).start().expect("sleep starts")
}

#[tokio::test]
async fn one_taker_at_a_time_and_release_frees() {
    let _alone = alone().await;
    let directory = tempfile::tempdir().expect("a directory");
    let (mine, other) = (locks(directory.path()), locks(directory.path()));
    let held = mine.acquire(&job()).await.expect("free");
    let refused = other.acquire(&job()).await.err().expect("held");
    let why = std::error::Error::source(&refused).expect("a reason").to_string();
    assert!(why.contains("orders.lock"), "{why}");
    assert!(mine.acquire(&job()).await.is_err(), "one process took it twice");
    let another = JobName::try_from("bills".to_owned()).expect("a name");
    other.acquire(&another).await.expect("another job is free").release();
    held.release();
    other.acquire(&job()).await.expect("free again").release();
}

#[tokio::test]
async fn a_waiter_gets_it_when_it_is_released() {
    let _alone = alone().await;
    let directory = tempfile::tempdir().expect("a directory");
    let mine = locks(directory.path());
    let other = FileLocks::open(directory.path(), Duration::from_secs(20), []);
    let held = mine.acquire(&job()).await.expect("free");
    let waiter = tokio::spawn(async move { other.acquire(&job()).await.map(drop).is_ok() });
    tokio::time::sleep(Duration::from_millis(250)).await;
    held.release();
    assert!(waiter.await.expect("no panic"));
}

#[tokio::test]
async fn a_child_keeps_the_lock_after_its_owner_dropped_it() {
    let _alone = alone().await;
    let directory = tempfile::tempdir().expect("a directory");
    let mine = locks(directory.path());
    let held = mine.acquire(&job()).await.expect("free");
    let mut child = sleeper();
    drop((held, mine));
    let other = locks(directory.path());
    assert!(other.acquire(&job()).await.is_err(), "the child lives, and the lock was free");
    child.end(Duration::from_secs(5)).await;
    other.acquire(&job()).await.expect("the child ended").release();
}

#[tokio::test]
async fn a_child_shares_a_lock_that_was_taken_after_its_start() {
    let _alone = alone().await;
    let directory = tempfile::tempdir().expect("a directory");
    let mine = locks(directory.path());
    let mut child = sleeper();
    drop((mine.acquire(&job()).await.expect("free"), mine));
    let other = locks(directory.path());
    assert!(other.acquire(&job()).await.is_err());
    child.end(Duration::from_secs(5)).await;
    assert!(other.acquire(&job()).await.is_ok());
}

#[tokio::test]
async fn a_release_frees_what_a_living_child_shares() {
    let _alone = alone().await;
    let directory = tempfile::tempdir().expect("a directory");
    let mine = locks(directory.path());
    let held = mine.acquire(&job()).await.expect("free");
    let mut child = sleeper();
    held.release();
    locks(directory.path()).acquire(&job()).await.expect("free while the child lives").release();
    child.end(Duration::from_secs(5)).await;
}

/// A read-only or full disk: each job is told why, and with which setting; others are not held up by it.
#[tokio::test]
async fn a_lock_that_cannot_be_made_is_refused_with_the_setting() {
    let _alone = alone().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("no-directory");
    std::fs::write(&file, "").expect("a file");
    let broken = locks(&file);
    // What is mended later is not shared by the children that were started before.
    std::fs::remove_file(&file).expect("it is there");
    let refused = broken.acquire(&job()).await.err().expect("no lock");
    let OutsideError::Refused { message, .. } = refused else { panic!("{refused}") };
    assert!(message.contains("orders.lock") && message.contains("STATE_DIRECTORY"), "{message}");
}
