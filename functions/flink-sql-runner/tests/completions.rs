//! What bash completes of the program's command line, asked of a real bash.
//! Must not know how the completions are made.
#![expect(clippy::unwrap_used, reason = "a test ends at once")]

use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_flink-sql-runner");

/// What bash offers where `words` are written after the program's name and the last of them is being completed.
fn offered(completions: &str, words: &[&str]) -> Vec<String> {
    let ask = r#"source "$1"; shift; COMP_WORDS=(flink-sql-runner "$@"); COMP_CWORD=$#
        _flink-sql-runner flink-sql-runner "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let output = Command::new("bash").args(["--norc", "-c", ask, "bash", completions]).args(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_the_options_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("completions.bash");
    std::fs::write(&file, Command::new(PROGRAM).args(["completions", "bash"]).output().unwrap().stdout).unwrap();
    let of = |words: &[&str]| offered(file.to_str().unwrap(), words);
    let commands: Vec<String> = of(&[""]).into_iter().filter(|word| !word.starts_with('-')).collect();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands.iter().filter(|command| *command != "help") {
        assert!(of(&[command, "--"]).contains(&"--help".to_owned()), "{command}");
    }
    assert_eq!(of(&["plan", "--exit"]), ["--exit-code"]);
    assert_eq!(of(&["session", "ens"]), ["ensure"]);
    assert!(of(&["session", "ensure", "--"]).contains(&"--help".to_owned()));
}
