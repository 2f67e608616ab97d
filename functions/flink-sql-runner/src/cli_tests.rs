//! The help texts that people read, and wrong usage.
//! A flag that is added shows up here.

use clap::CommandFactory;

use super::*;
use crate::exit::Exit;

fn help(path: &[&str]) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    for name in path {
        command = command.find_subcommand(name).unwrap().clone();
    }
    // Blank ends of lines are not worth a snapshot.
    command.render_help().to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
    <crate::process::arguments::ProcessCli as CommandFactory>::command().debug_assert();
}

#[test]
fn help_of_all() {
    insta::assert_snapshot!(help(&[]), @"");
}

#[test]
fn help_of_deploy() {
    insta::assert_snapshot!(help(&["deploy"]), @"");
}

#[test]
fn help_of_allow() {
    insta::assert_snapshot!(help(&["allow"]), @"");
}

#[test]
fn wrong_usage_ends_with_2() {
    for wrong in [vec!["x"], vec!["x", "validate"], vec!["x", "history", "a/b"], vec!["x", "deploy", "--timeout", "soon"], vec!["x", "allow", "a", "all"]] {
        let error = Cli::try_parse_from(&wrong).unwrap_err();
        let code = u8::try_from(error.exit_code()).unwrap();
        assert_eq!(code, Exit::Usage.code(), "{wrong:?}");
    }
}

#[test]
fn times_are_written_as_people_do() {
    let of = |text: &str| duration(text).map(|d| d.as_secs());
    assert_eq!([of("90"), of("90s"), of("10m"), of("2h")], [Ok(90), Ok(90), Ok(600), Ok(7200)]);
    for wrong in ["", "m", "1d", "-1s", "1.5h"] {
        assert!(of(wrong).is_err(), "{wrong}");
    }
}
