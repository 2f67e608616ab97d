//! The catalogue against itself and against what Flink said of values.
//! Must not know manifests.

use super::nearest::{Meant, meant};
use super::values::*;
use super::*;

const VALUES: &str = include_str!("../../../tests/fixtures/flink/values.tsv");

#[test]
fn every_line_of_the_list_is_read() {
    let lines: Vec<_> = OPTIONS.lines().filter(|line| !line.starts_with('#')).collect();
    for line in &lines {
        let columns: Vec<_> = line.split('\t').collect();
        assert_eq!(columns.len(), 6, "{line}");
        assert!(OptionType::read(columns[1]).is_some(), "{line}");
    }
    let placeholders = lines.iter().filter(|line| line.split('\t').next().unwrap_or_default().contains('<')).count();
    assert_eq!(options().len() + placeholders, lines.len());
    assert!(options().len() > 800, "{}", options().len());
}

#[test]
fn every_option_has_a_scope_and_every_rule_an_option() {
    for option in options() {
        assert!(scope(option.name).is_some(), "no rule says whether `{}` has an effect per job", option.name);
    }
    for line in include_str!("rules.tsv").lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<_> = line.split('\t').collect();
        let (verb, name) = (columns[0], columns[1]);
        match verb {
            "job" | "cluster" => {
                assert!(verb == "job" || columns[2].len() > 10, "no reason: {line}");
                let beginning = name.strip_suffix('*').unwrap_or(name);
                let fits = |option: &FlinkOption| {
                    if name.ends_with(".*") { option.name.starts_with(beginning) } else { option.name == name }
                };
                // File systems' own options are not Flink's.
                assert!(
                    is_free(beginning) || beginning == "external-resource." || options().iter().any(fits),
                    "{line}"
                );
            }
            "free" => {
                assert!(matches!(scope(name.trim_end_matches(".*")), None | Some(OptionScope::Cluster(_))), "{line}");
            }
            // The first is of newer releases, the others are put together by Flink.
            "class" | "path" => assert!(
                matches!(name, "execution.job-status-changed-listeners" | "table.catalog-store.*")
                    || option(name).is_some(),
                "{line}"
            ),
            "least" | "most" | "one of" => {
                let option = option(name).map(|option| &option.takes);
                let bound = |text: &str| option.is_some_and(|takes| rules_magnitude(takes, text));
                assert!(verb == "one of" || bound(columns[2]), "{line}");
                assert!(option.is_some(), "{line}");
            }
            other => panic!("`{other}` is no kind of rule"),
        }
    }
}

/// Options of jobs that take any text, and neither name a class nor a file that the job reads or writes with Flink's own
/// rights. Whoever adds one has to think of both.
const HARMLESS_TEXTS: &[&str] = &[
    "pipeline.global-job-parameters",
    "pipeline.jobvertex-parallelism-overrides",
    "table.builtin-catalog-name",
    "table.builtin-database-name",
    "table.exec.disabled-operators",
    "table.exec.shuffle-mode",
    "table.exec.uid.format",
];

/// Options that are judged by their value, in `rules.rs` and `sql_rules.rs` beside it.
const JUDGED_TEXTS: &[&str] =
    &["execution.checkpointing.dir", "execution.checkpointing.savepoint-dir", "pipeline.name", "table.sql-dialect"];

#[test]
fn every_text_that_has_an_effect_was_looked_at() {
    use crate::manifest::options::{brings_code, reach, refusal};
    let takes_text = |takes: &OptionType| {
        matches!(takes, OptionType::Map | OptionType::One(Scalar::Text) | OptionType::List(Scalar::Text))
    };
    let open =
        options().iter().filter(|option| takes_text(&option.takes) && scope(option.name) == Some(OptionScope::Job));
    let open = open.map(|option| option.name).filter(|name| {
        let text = "org.example.Factory";
        let refused = refusal(name).or_else(|| reach(name, text)).is_some() || brings_code(name);
        !refused && option(name).is_some_and(|option| option.wrong(text).is_none())
    });
    let known = |name: &&str| HARMLESS_TEXTS.contains(name) || JUDGED_TEXTS.contains(name);
    assert_eq!(open.filter(|name| !known(name)).collect::<Vec<_>>(), [""; 0]);
}

fn rules_magnitude(takes: &OptionType, text: &str) -> bool {
    values::magnitude(takes, text).is_some()
}

#[test]
fn defaults_can_be_read() {
    for option in options() {
        let default = option.default;
        // The list keeps no line breaks or blanks at the ends, and no default is not an empty one.
        if !default.is_empty() {
            assert!(option.takes.reads(default), "{}: `{default}`", option.name);
        }
        // "Not set" is no value that could be written.
        if !default.is_empty() && default != "-1" {
            assert_eq!(option.wrong(default), None, "{}: `{default}`", option.name);
        }
    }
}

#[test]
fn values_are_read_as_flink_reads_them() {
    let modes = OptionType::One(Scalar::Enum(vec!["EXACTLY_ONCE", "AT_LEAST_ONCE"]));
    let mut compared = 0;
    for line in VALUES.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<_> = line.split('\t').collect();
        let takes = if columns[0] == "enum" { Some(modes.clone()) } else { OptionType::read(columns[0]) };
        let text = columns[1];
        let reads = takes.is_some_and(|takes| takes.reads(text));
        // Brackets are not looked into.
        let by_flink = columns[2] == "taken" || matches!(text, "[1, a]" | "{a}");
        assert_eq!(reads, by_flink, "{line}");
        compared += 1;
    }
    assert!(compared > 250, "{compared}");
}

#[test]
fn bounds() {
    for (name, text, allowed) in [
        ("parallelism.default", "0", Some("a whole number, from 1 to 32768")),
        ("parallelism.default", "-1", None),
        ("parallelism.default", "-2", Some("a whole number, from 1 to 32768")),
        ("parallelism.default", "32769", Some("a whole number, from 1 to 32768")),
        ("parallelism.default", "4", None),
        ("pipeline.max-parallelism", "-1", Some("a whole number, from 1 to 32768")),
        ("execution.checkpointing.interval", "9 ms", Some(TIME_FROM_10_MS)),
        ("execution.checkpointing.interval", "10", None),
        ("execution.checkpointing.interval", "0", Some(TIME_FROM_10_MS)),
        ("restart-strategy.exponential-delay.jitter-factor", "1.5", Some("a number, from 0 to 1")),
        ("restart-strategy.type", "Fixed-Delay", None),
        ("restart-strategy.type", "exponential-delay", None),
        ("state.backend.type", "org.example.Factory", None),
        (
            "state.backend.type",
            "rocks",
            Some("one of `hashmap`, `rocksdb`, `filesystem`, `jobmanager`, a class's full name"),
        ),
        ("state.backend.rocksdb.predefined-options", "FLASH_SSD_OPTIMIZED", None),
        ("execution.checkpointing.mode", "exactly-once", Some("one of `EXACTLY_ONCE`, `AT_LEAST_ONCE`")),
        (
            "state.backend.rocksdb.predefined-options",
            "FAST",
            Some(
                "one of `DEFAULT`, `SPINNING_DISK_OPTIMIZED`, `SPINNING_DISK_OPTIMIZED_HIGH_MEM`, `FLASH_SSD_OPTIMIZED`",
            ),
        ),
        ("execution.checkpointing.unaligned.enabled", "perhaps", Some("`true` or `false`")),
    ] {
        let wrong = option(name).map(|option| option.wrong(text));
        assert_eq!(wrong, Some(allowed.map(str::to_owned)), "{name}: {text}");
    }
}

const TIME_FROM_10_MS: &str = "a time, for example `500 ms`, `10 s`, `5 min`, `1 h` or `1 d`, 10 ms or more";

#[test]
fn what_was_meant() {
    use Meant::{Misspelt, Part};
    for (name, expected) in [
        ("execution.checkpointing.intervall", Some(Misspelt("execution.checkpointing.interval"))),
        ("execution.checkpoint.interval", Some(Misspelt("execution.checkpointing.interval"))),
        ("execution.checkpointing.min_pause", Some(Misspelt("execution.checkpointing.min-pause"))),
        ("parallelism.defualt", Some(Misspelt("parallelism.default"))),
        ("paralelism.default", Some(Misspelt("parallelism.default"))),
        ("state.checkpoint.dir", Some(Misspelt("state.checkpoints.dir"))),
        ("table.exec.state.tll", Some(Misspelt("table.exec.state.ttl"))),
        ("restart-strategy.fixed-delay.attempt", Some(Misspelt("restart-strategy.fixed-delay.attempts"))),
        ("taskmanager.numberOfTaskSlot", Some(Misspelt("taskmanager.numberOfTaskSlots"))),
        ("parallelism", Some(Part("parallelism.default"))),
        ("checkpointing.interval", Some(Part("execution.checkpointing.interval"))),
        ("fixed-delay.delay", Some(Part("restart-strategy.fixed-delay.delay"))),
        ("log.level", None),
        ("state.backend.forst.local-dir", None),
        ("topic", None),
        ("my.own.key", None),
        ("", None),
    ] {
        assert_eq!(meant(name), expected, "{name}");
    }
}

#[test]
fn names_that_others_choose_are_free() {
    for name in [
        "pipeline.global-job-parameters.anything",
        "metrics.reporter.prom.port",
        "s3.endpoint",
        "fs.s3a.connection.maximum",
        "external-resource.gpu.amount",
    ] {
        assert!(is_free(name), "{name}");
    }
    for name in ["pipeline.global-job-parameter", "execution.checkpointing.intervall", "state.x", "a"] {
        assert!(!is_free(name), "{name}");
    }
}

#[test]
fn sizes_as_flink_writes_them() {
    for (text, expected) in
        [("2048m", 2048), ("2 gb", 2048), ("1g", 1024), ("1728 mebibytes", 1728), ("1", 1), ("2147483648b", 2048)]
    {
        assert_eq!(megabytes(text), Some(expected), "{text}");
    }
    for wrong in ["", "m", "1x", "-1m", "99999999999t"] {
        assert_eq!(megabytes(wrong), None, "{wrong}");
    }
}

#[test]
fn durations_are_read_as_flink_reads_them_and_written_as_it_reads_them() {
    let of = |text: &str| flink_duration(text).map(|duration| duration.as_millis());
    for (text, ms) in [("600000", 600_000), ("10 min", 600_000), ("10min", 600_000), ("2 h", 7_200_000)] {
        assert_eq!(of(text), Some(ms), "{text}");
    }
    for (text, ms) in [(" 30 S ", 30_000), ("1500 ms", 1500), ("1 d", 86_400_000), ("5 seconds", 5000)] {
        assert_eq!(of(text), Some(ms), "{text}");
    }
    for text in ["", "min", "10 parsecs", "-1 s", "99999999999999999 d"] {
        assert_eq!(of(text), None, "{text}");
    }
    for (ms, text) in [(0, "0 ms"), (1500, "1500 ms"), (90_000, "90 s"), (600_000, "10 min"), (86_400_000, "1 d")] {
        assert_eq!(flink_duration_text(ms), text);
        assert_eq!(of(text), u128::try_from(ms).ok(), "{text}");
    }
}
