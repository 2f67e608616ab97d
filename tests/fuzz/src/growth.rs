//! How the time and the memory of a target grow with its input: four times as long, about four times as much.
//! Must not know what the target reads.

use std::time::Duration;

use crate::drive::{peak_memory, processor_time};

/// Four times the input may take so many times as long: quadratic is 16.
const FACTOR: u32 = 9;
/// What is not measured: caches, the allocator, a neighbour.
const SLACK: Duration = Duration::from_millis(40);
/// A byte of input may cost so many bytes of memory, in whatever form the values are held.
const BYTES_PER_BYTE: u64 = 600;
/// What is worth a line while it runs.
const LOUD: Duration = Duration::from_secs(2);
const SMALLEST: usize = 4 * 1024;
/// How far the unit tests go; a long run goes as far as a document may.
const BOUNDED: usize = 64 * 1024;

/// A shape of input that can be made of any length.
pub struct Shape {
    /// What it is, for messages.
    pub name: &'static str,
    /// What it begins with.
    pub head: &'static str,
    /// What is repeated; `{n}` is the repetition's number.
    pub unit: &'static str,
    /// What closes each repetition, after all of them.
    pub close: &'static str,
    /// What it ends with.
    pub tail: &'static str,
}

/// A shape that only repeats and ends.
pub const fn repeats(name: &'static str, head: &'static str, unit: &'static str, tail: &'static str) -> Shape {
    Shape { name, head, unit, close: "", tail }
}

/// One whose repetitions are closed again.
pub const fn nests(head: &'static str, unit: &'static str, close: &'static str, tail: &'static str) -> Shape {
    Shape { name: unit, head, unit, close, tail }
}

impl Shape {
    /// So many bytes of it, about.
    pub fn of(&self, bytes: usize) -> Vec<u8> {
        let times = bytes / (self.unit.len() + self.close.len()).max(1);
        let mut text = self.head.to_owned();
        if self.unit.contains("{n}") {
            for number in 0..times {
                text.push_str(&self.unit.replace("{n}", &number.to_string()));
            }
        } else {
            text.push_str(&self.unit.repeat(times));
        }
        text.push_str(&self.close.repeat(times));
        text.push_str(self.tail);
        text.into_bytes()
    }
}

/// Fails where a target takes more than linear time for a shape, up to inputs of `longest` bytes.
pub fn is_linear(name: &str, shapes: &[Shape], longest: usize, target: impl Fn(&[u8])) {
    let longest = if std::env::var_os("FUZZ_SECONDS").is_some() { longest } else { longest.min(BOUNDED) };
    let mut slowest = (Duration::ZERO, "");
    for shape in shapes {
        let mut before: Option<Duration> = None;
        let mut bytes = SMALLEST;
        while bytes <= longest {
            let input = shape.of(bytes);
            let took = time(&input, &target, before);
            if took > LOUD {
                eprintln!("{name}, {}: {bytes} bytes take {took:?}", shape.name);
            }
            if let Some(before) = before {
                let most = before * FACTOR + SLACK;
                assert!(
                    took <= most,
                    "{name}, {}: {before:?}, four times as long ({bytes} bytes) {took:?}",
                    shape.name
                );
            }
            slowest = slowest.max((took, shape.name));
            (before, bytes) = (Some(took), bytes * 4);
        }
    }
    let (memory, most) = (peak_memory(), 64 * 1024 + BYTES_PER_BYTE * longest as u64 / 1024);
    println!("{name}: {} shapes up to {longest} bytes, {memory} KiB at most, slowest {slowest:?}", shapes.len());
    assert!(memory < most, "{name} needed {memory} KiB for {longest} bytes, {most} are allowed");
}

/// The quickest of some runs: only a first one that is slow is measured again.
fn time(input: &[u8], target: &impl Fn(&[u8]), before: Option<Duration>) -> Duration {
    let once = || {
        let began = processor_time();
        target(input);
        processor_time().saturating_sub(began)
    };
    let mut best = once();
    for _ in 0..2 {
        if before.is_some_and(|before| best <= before * FACTOR + SLACK) {
            break;
        }
        best = best.min(once());
    }
    best
}
