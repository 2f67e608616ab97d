//! Runs one target on its seeds and on what becomes of them, for a bounded time or as long as `FUZZ_SECONDS` says.
//! Must not know what the target reads.
//!
//! `FUZZ_SEED` is the first seed; the one that a failure names repeats it at once. `FUZZ_TRACE=1` names each seed
//! before its run, where the process dies without a word.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use crate::mutate::{LONGEST, mutated};
use crate::random::Random;

/// How long a target runs as a unit test.
const BOUNDED: Duration = Duration::from_millis(600);
/// The most processor time for one input of at most [`LONGEST`] bytes, in an unoptimized build.
const TIME: Duration = Duration::from_secs(2);
/// The most memory that a whole run may need, in KiB: far more than the seeds and one input's values.
const MEMORY: u64 = 256 * 1024;

/// Runs a target: first on every seed as it is, then on what they become. Ends the test at the first failure.
pub fn fuzz(name: &str, seeds: &[Vec<u8>], target: impl Fn(&[u8])) {
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for seed in seeds {
        watched(name, "as it is", seed, &target);
    }
    let long = number("FUZZ_SECONDS").map(Duration::from_secs);
    let first = number("FUZZ_SEED").unwrap_or_else(|| if long.is_some() { any_seed() } else { 0 });
    let trace = std::env::var_os("FUZZ_TRACE").is_some();
    let began = Instant::now();
    let mut runs = 0_u64;
    while began.elapsed() < long.unwrap_or(BOUNDED) {
        let seed = first.wrapping_add(runs);
        if trace {
            eprintln!("{name}: FUZZ_SEED={seed}");
        }
        let input = mutated(seeds, &mut Random::new(seed));
        watched(name, &format!("FUZZ_SEED={seed}"), &input, &target);
        runs += 1;
    }
    let memory = peak_memory();
    println!("{name}: {runs} inputs in {:?} from FUZZ_SEED={first}, {memory} KiB at most", began.elapsed());
    assert!(memory < MEMORY, "{name} needed {memory} KiB for inputs of at most {LONGEST} bytes");
}

fn watched(name: &str, which: &str, input: &[u8], target: &impl Fn(&[u8])) {
    let before = processor_time();
    let result = catch_unwind(AssertUnwindSafe(|| target(input)));
    let used = processor_time().saturating_sub(before);
    let shown = || input.get(..input.len().min(4000)).unwrap_or_default().escape_ascii().to_string();
    if let Err(panicked) = result {
        eprintln!("{name} failed on {which}, {} bytes:\n{}", input.len(), shown());
        resume_unwind(panicked);
    }
    assert!(used < TIME, "{name} took {used:?} for {which}, {} bytes:\n{}", input.len(), shown());
}

/// How long this thread ran on a processor.
pub fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// The most memory that this process held at any time, in KiB; 0 where the system does not tell.
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// A long run goes where none was before.
#[expect(clippy::disallowed_methods, reason = "a seed of its own for each run")]
fn any_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    now.as_secs() << 32
}
