//! The commands in the documents, as they stand there: blocks that are marked to run are run in order, in a fresh copy of
//! the examples, against an S3 and an EMR on this machine. Every other block of commands says why it is not run.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at once")]

mod function;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use local::{NodeConfig, Stack, StackConfig};

/// What stands above a block that is run, and above one that is not.
const RUN: &str = "<!-- run -->";
const NOT_RUN: &str = "<!-- not run: ";
/// With what a line of commands begins, beside a prompt.
const PROGRAMS: [&str; 9] =
    ["flink-sql-runner ", "make ", "aws ", "sam ", "cargo ", "export ", "local-stack ", "DISPATCH=", "scripts/"];

/// A fenced block of a document.
#[derive(Debug)]
struct Block {
    place: String,
    /// What stands behind the fence.
    language: String,
    /// The line above it.
    above: String,
    lines: Vec<String>,
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn documents() -> Vec<PathBuf> {
    let mut found = vec![project().join("README.md"), project().join("CONTRIBUTING.md")];
    for entry in fs::read_dir(project().join("docs")).unwrap() {
        found.push(entry.unwrap().path());
    }
    found.push(project().join("functions/flink-sql-runner/project/README.md"));
    found.retain(|path| path.extension().is_some_and(|end| end == "md"));
    found.sort();
    found
}

fn blocks(document: &Path) -> Vec<Block> {
    let text = fs::read_to_string(document).unwrap();
    let name = document.strip_prefix(project()).unwrap().display().to_string();
    let (mut found, mut open, mut above) = (Vec::new(), None::<(Block, usize)>, String::new());
    for (number, line) in text.lines().enumerate() {
        let inner = line.trim_start();
        match &mut open {
            None => {
                if let Some(language) = inner.strip_prefix("```") {
                    let place = format!("{name}:{}", number + 1);
                    let block = Block { place, language: language.to_owned(), above: above.clone(), lines: Vec::new() };
                    open = Some((block, line.len() - inner.len()));
                }
                inner.clone_into(&mut above);
            }
            Some(_) if inner == "```" => {
                found.extend(open.take().map(|(block, _)| block));
                above.clear();
            }
            Some((block, indent)) => block.lines.push(line.get(*indent..).unwrap_or_default().to_owned()),
        }
    }
    assert!(open.is_none(), "{name}: a block has no end");
    found
}

impl Block {
    /// A shell's lines, or what a terminal shows.
    fn is_commands(&self) -> bool {
        matches!(self.language.as_str(), "sh" | "console")
    }

    fn is_run(&self) -> bool {
        self.above == RUN
    }

    /// The commands of a terminal, each with what it prints.
    fn dialogues(&self) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for line in &self.lines {
            match (line.strip_prefix("$ "), found.last_mut()) {
                (Some(command), _) => found.push((command.to_owned(), String::new())),
                (None, Some((_, said))) => said.extend([line, "\n"]),
                (None, None) => panic!("{}: a terminal's block begins with a command", self.place),
            }
        }
        found
    }
}

/// A stack, and a folder with what people have on their machine.
struct Machine {
    stack: Stack,
    folder: tempfile::TempDir,
}

impl Machine {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work_dir = folder.path().join("node");
        let node = NodeConfig { work_dir, ..NodeConfig::default() };
        let lambda = function::named("flink-sql-runner", folder.path());
        let stack = Stack::start(StackConfig { node, lambda, ..StackConfig::default() }).await.unwrap();
        let files = folder.path().join("files");
        let copied = Command::new("cp").arg("-r").arg(project().join("examples")).arg(&files).status().unwrap();
        assert!(copied.success());
        Self { stack, folder }
    }

    async fn shell(&self, lines: &str) -> Output {
        let programs = Path::new(env!("CARGO_BIN_EXE_flink-sql-runner")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", lines]).current_dir(self.folder.path().join("files"));
        command.env_clear().envs(self.stack.aws_env()).env("PATH", path).env("HOME", self.folder.path());
        command.envs([("BUCKET", "local"), ("CLUSTER", "j-LOCAL00000000"), ("USER", "anna")]);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn run(&self, block: &Block) {
        if block.language == "sh" {
            let output = self.shell(&block.lines.join("\n")).await;
            assert!(output.status.success(), "{}: {output:?}", block.place);
            return;
        }
        for (command, said) in block.dialogues() {
            let output = self.shell(&command).await;
            let printed = String::from_utf8(output.stdout).unwrap();
            // A blank line of the document parts two commands.
            assert_eq!(printed.trim_end(), said.trim_end(), "{}: {command}", block.place);
        }
    }
}

#[test]
fn every_block_of_commands_is_run_or_says_why_not() {
    let mut unsaid = Vec::new();
    for block in documents().iter().flat_map(|document| blocks(document)) {
        let reason = block.above.strip_prefix(NOT_RUN).and_then(|rest| rest.strip_suffix(" -->"));
        let is_marked = block.is_run() || reason.is_some_and(|reason| !reason.trim().is_empty());
        let looks_so = |line: &String| {
            line.starts_with("$ ") || PROGRAMS.iter().any(|program| line.trim_start().starts_with(program))
        };
        // What has no language may be what a command prints, which nobody would compare.
        let is_unnamed = block.language.is_empty();
        if block.is_commands() != is_marked || is_unnamed || (!block.is_commands() && block.lines.iter().any(looks_so))
        {
            unsaid.push(block.place);
        }
    }
    assert!(unsaid.is_empty(), "these want `{RUN}` or `{NOT_RUN}REASON -->` above, and `sh` or `console`: {unsaid:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blocks_that_are_marked_do_what_they_say() {
    let mut run = 0;
    for document in documents() {
        let marked: Vec<Block> = blocks(&document).into_iter().filter(Block::is_run).collect();
        if marked.is_empty() {
            continue;
        }
        // Each document for itself: nobody reads them in one order.
        let machine = Machine::start().await;
        for block in &marked {
            machine.run(block).await;
            run += 1;
        }
        machine.stack.shutdown().await;
    }
    assert!(run >= 3, "only {run} blocks are run");
}
