//! The step's lines about one operation: fetched from where the cluster keeps its logs, unpacked, the newest first.
//! Must not know which operation is meant, nor how lines are shown.

use std::io::Read;
use std::time::Duration;

use control::errors::error_chain;
use control::ports::{Files, OutsideError};
use flate2::read::MultiGzDecoder;
use lifecycle::ids::OperationId;
use serde::Serialize;

/// What the runner prints on its standard error is its log.
pub(super) const FILE: &str = "stderr.gz";
/// How much of the file is fetched, and of what is in it read, in bytes.
const PACKED: usize = 8 << 20;
const UNPACKED: u64 = 32 << 20;
/// How many lines are kept, how many of a log that does not name the operation, and how much of each, in characters.
const LINES: usize = 200;
const END: usize = 20;
const LENGTH: usize = 2_000;
/// How long all of it may take.
const LONGEST: Duration = Duration::from_secs(30);

/// Lines of a step's log.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct StepLines {
    /// Where they were read.
    pub(super) file: String,
    /// Whether they name the operation; else they are the end of the log.
    pub(super) name_it: bool,
    /// As they were written, the newest first.
    pub(super) lines: Vec<String>,
    /// How many more there are.
    pub(super) older: usize,
    /// Whether the log is longer than what is read of it: its end is missing.
    pub(super) cut: bool,
}

/// The lines in this folder that name the operation; in words why there are none.
pub(super) async fn fetch(files: &dyn Files, folder: &str, operation: OperationId) -> Result<StepLines, String> {
    let file = format!("{folder}{FILE}");
    let read = tokio::time::timeout(LONGEST, files.head(&file, PACKED)).await;
    match read.unwrap_or_else(|late| Err(OutsideError::unknown(format!("reading {file}"), late))) {
        Ok(Some(packed)) => Ok(of_file(file, &packed, operation)),
        Ok(None) => Err(format!("{file} is not there yet: EMR uploads the logs of a step some minutes late")),
        // S3 says so too where an object is not there and its folder may not be listed.
        Err(error @ OutsideError::Refused { .. }) => Err(format!(
            "{} (it is not there yet, or your policy does not allow it: the template's StepLogsArn does)",
            error_chain(&error)
        )),
        Err(error @ OutsideError::Unknown { .. }) => Err(error_chain(&error)),
    }
}

fn of_file(file: String, packed: &[u8], operation: OperationId) -> StepLines {
    let mut bytes = Vec::new();
    // Of a file that ends too early, what was read before counts.
    let whole = MultiGzDecoder::new(packed).take(UNPACKED).read_to_end(&mut bytes);
    let cut = packed.len() >= PACKED || bytes.len() as u64 >= UNPACKED || whole.is_err();
    let text = String::from_utf8_lossy(&bytes);
    let Chosen { name_it, lines, older } = choose(text.lines().collect(), operation);
    StepLines { file, name_it, lines, older, cut }
}

/// Which lines of a log are shown.
pub(super) struct Chosen {
    /// Whether they name the operation; else they are the end of the log.
    pub(super) name_it: bool,
    /// The newest first.
    pub(super) lines: Vec<String>,
    /// How many more there are.
    pub(super) older: usize,
}

/// Those that name the operation; the end of a log that never does.
pub(super) fn choose(all: Vec<&str>, operation: OperationId) -> Chosen {
    let name = operation.to_string();
    let of_it: Vec<&str> = all.iter().copied().filter(|line| line.contains(&name)).collect();
    let name_it = !of_it.is_empty();
    let (all, most) = if name_it { (of_it, LINES) } else { (all, END) };
    let newest = all.iter().rev().take(most).map(|line| desired::printable::cut(line, LENGTH));
    let lines: Vec<String> = newest.collect();
    Chosen { name_it, older: all.len().saturating_sub(lines.len()), lines }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_operations_lines_are_read_the_newest_first() {
        let operation = OperationId::derived(&["o"]);
        let log = format!("{{\"operation\":\"{operation}\",\"n\":1}}\nof another\nabout {operation} again\n");
        // EMR may append to what it uploaded before.
        let file = [packed(&log), packed(&format!("last {operation}\n"))].concat();
        let found = of_file("f".to_owned(), &file, operation);
        let again = format!("about {operation} again");
        let first = format!("{{\"operation\":\"{operation}\",\"n\":1}}");
        assert_eq!(found.lines, [format!("last {operation}"), again, first]);
        assert_eq!((found.name_it, found.older, found.cut), (true, 0, false));
    }

    #[test]
    fn of_a_log_that_never_names_it_the_end_is_shown() {
        let log: Vec<String> = (0..50).map(|n| format!("line {n}")).collect();
        let found = of_file("f".to_owned(), &packed(&log.join("\n")), OperationId::derived(&["o"]));
        assert_eq!((found.name_it, found.lines.len(), found.older), (false, END, 30));
        assert_eq!(found.lines[0], "line 49");
    }

    #[test]
    fn long_and_broken_logs_are_bounded() {
        let operation = OperationId::derived(&["o"]);
        let line = format!("{operation} {}\n", "x".repeat(3_000));
        let whole = packed(&line.repeat(500));
        let found = of_file("f".to_owned(), &whole, operation);
        assert_eq!((found.lines.len(), found.older, found.cut), (LINES, 300, false));
        assert!(found.lines.iter().all(|line| line.chars().count() == LENGTH + 1), "with a sign");
        let ended_early = of_file("f".to_owned(), &whole[..whole.len() - 20], operation);
        assert!(ended_early.cut && !ended_early.lines.is_empty());
        let bomb = packed(&"\n".repeat(40 << 20));
        assert!(of_file("f".to_owned(), &bomb, operation).cut);
        assert_eq!(of_file("f".to_owned(), b"no gzip", operation).lines, Vec::<String>::new());
    }
}
