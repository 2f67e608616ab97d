//! What counts as a difference, from answers as Flink gives them.
//! Must not know how Flink is asked.

use super::*;

/// What Flink 1.20.1 answers to `/jobs/:id/checkpoints/config`.
const CHECKPOINTS: &str = r#"{"mode":"exactly_once","interval":2000,"timeout":600000,"min_pause":0,"max_concurrent":1,
"externalization":{"enabled":true,"delete_on_cancellation":false},"state_backend":"EmbeddedRocksDBStateBackend",
"checkpoint_storage":"FileSystemCheckpointStorage","unaligned_checkpoints":true,"tolerable_failed_checkpoints":0,
"aligned_checkpoint_timeout":0,"checkpoints_after_tasks_finish":true,"state_changelog_enabled":false,
"changelog_periodic_materialization_interval":600000,"changelog_storage":"memory"}"#;

/// The same of a job without periodic checkpoints.
const NONE: &str = r#"{"mode":"at_least_once","interval":9223372036854775807,"timeout":600000,"min_pause":0,
"max_concurrent":1,"externalization":{"enabled":false,"delete_on_cancellation":true},
"state_backend":"HashMapStateBackend","checkpoint_storage":"JobManagerCheckpointStorage","unaligned_checkpoints":false}"#;

fn effective(checkpoints: &str) -> Effective {
    let checkpoints = serde_json::from_str(checkpoints).unwrap();
    Effective { parallelism: Some(2), widest: Some(2), object_reuse: Some(true), checkpoints: Some(checkpoints) }
}

/// `option: asked -> effective` of each difference.
fn found(asked: &[(&str, &str)], effective: &Effective) -> Vec<String> {
    let asked = asked.iter().map(|(option, value)| ((*option).to_owned(), (*value).to_owned())).collect();
    let line = |d: OptionDifference| format!("{}: {} -> {}", d.option, d.asked, d.effective);
    differences(&asked, effective).into_iter().map(line).collect()
}

#[test]
fn the_same_said_otherwise_is_no_difference() {
    let asked = [
        ("execution.checkpointing.aligned-checkpoint-timeout", "0"),
        ("execution.checkpointing.dir", "s3://b/c"),
        ("execution.checkpointing.externalized-checkpoint-retention", "retain_on_cancellation"),
        ("execution.checkpointing.interval", "2000"),
        ("execution.checkpointing.mode", "Exactly_Once"),
        ("execution.checkpointing.storage", "FileSystem"),
        ("execution.checkpointing.timeout", "10min"),
        ("execution.checkpointing.unaligned.enabled", "TRUE"),
        ("my.own.key", "x"),
        ("parallelism.default", "+2"),
        ("pipeline.object-reuse", "true"),
        ("restart-strategy.type", "none"),
        ("state.backend.type", "RocksDB"),
    ];
    assert_eq!(found(&asked, &effective(CHECKPOINTS)), [] as [&str; 0]);
}

#[test]
fn what_differs_is_said_with_both_values() {
    let asked = [
        ("execution.checkpointing.externalized-checkpoint-retention", "DELETE_ON_CANCELLATION"),
        ("execution.checkpointing.interval", "60s"),
        ("execution.checkpointing.max-concurrent-checkpoints", "3"),
        ("execution.checkpointing.timeout", "1 h"),
        ("execution.checkpointing.unaligned.enabled", "false"),
        ("parallelism.default", "4"),
        ("pipeline.object-reuse", "false"),
        ("state.backend.type", "hashmap"),
        ("state.changelog.enabled", "true"),
    ];
    let expected = [
        "execution.checkpointing.externalized-checkpoint-retention: DELETE_ON_CANCELLATION -> RETAIN_ON_CANCELLATION",
        "execution.checkpointing.interval: 60s -> 2 s",
        "execution.checkpointing.max-concurrent-checkpoints: 3 -> 1",
        "execution.checkpointing.timeout: 1 h -> 10 min",
        "execution.checkpointing.unaligned.enabled: false -> true",
        "parallelism.default: 4 -> 2",
        "pipeline.object-reuse: false -> true",
        "state.backend.type: hashmap -> rocksdb",
        "state.changelog.enabled: true -> false",
    ];
    assert_eq!(found(&asked, &effective(CHECKPOINTS)), expected);
}

/// Whoever wrote the old one finds nothing of the new one in the file.
#[test]
fn an_option_is_told_in_the_spelling_of_the_manifest() {
    let told = |keys: &[&str]| {
        let difference = |option: &str| OptionDifference {
            option: option.to_owned(),
            asked: "hashmap".to_owned(),
            effective: "rocksdb".to_owned(),
        };
        let found = vec![difference("pipeline.object-reuse"), difference("state.backend.type")];
        spelled_as(found, keys).into_iter().map(|found| found.option).collect::<Vec<_>>()
    };
    assert_eq!(told(&["parallelism.default", "state.backend"]), ["pipeline.object-reuse", "state.backend"]);
    assert_eq!(told(&["state.backend", "state.backend.type"])[1], "state.backend.type", "the one that has an effect");
    assert_eq!(told(&[])[1], "state.backend.type");
}

#[test]
fn vertices_count_beside_the_job() {
    let job = |parallelism, widest| Effective {
        parallelism: Some(parallelism),
        widest: Some(widest),
        ..Effective::default()
    };
    let default = ("parallelism.default", "4");
    let tables = ("table.exec.resource.default-parallelism", "2");
    assert_eq!(found(&[default], &job(4, 4)), [] as [&str; 0]);
    assert_eq!(found(&[default], &job(4, 1)), ["parallelism.default: 4 -> 1"]);
    assert_eq!(found(&[default, tables], &job(4, 2)), [] as [&str; 0]);
    assert_eq!(found(&[default, tables], &job(4, 4)), ["table.exec.resource.default-parallelism: 2 -> 4"]);
    assert_eq!(found(&[default, (tables.0, "-1")], &job(4, 4)), [] as [&str; 0]);
}

#[test]
fn without_checkpoints_only_that_is_said() {
    let asked = [
        ("execution.checkpointing.dir", "s3://b/c"),
        ("execution.checkpointing.interval", "10 s"),
        ("execution.checkpointing.mode", "EXACTLY_ONCE"),
    ];
    assert_eq!(found(&asked, &effective(NONE)), ["execution.checkpointing.interval: 10 s -> never"]);
    assert_eq!(found(&asked[..1], &effective(NONE)), [] as [&str; 0]);
}

#[test]
fn checkpoints_in_memory_are_not_where_they_were_asked_for() {
    let told = CHECKPOINTS.replace("FileSystemCheckpointStorage", "JobManagerCheckpointStorage");
    let asked = [("execution.checkpointing.dir", "s3://b/c")];
    let expected = ["execution.checkpointing.dir: s3://b/c -> the JobManager's memory"];
    assert_eq!(found(&asked, &effective(&told)), expected);
    let both = [asked[0], ("execution.checkpointing.storage", "jobmanager")];
    assert_eq!(found(&both, &effective(&told)), [] as [&str; 0]);
}

#[test]
fn what_is_not_known_is_no_difference() {
    let asked = [("execution.checkpointing.interval", "${ssm:/interval}"), ("parallelism.default", "${env:N}")];
    assert_eq!(found(&asked, &effective(CHECKPOINTS)), [] as [&str; 0]);
    let asked = [("execution.checkpointing.interval", "10 s"), ("parallelism.default", "4")];
    assert_eq!(found(&asked, &Effective::default()), [] as [&str; 0]);
    assert_eq!(found(&asked[..1], &effective("{}")), [] as [&str; 0]);
    assert_eq!(found(&[("parallelism.default", "-1")], &effective(CHECKPOINTS)), [] as [&str; 0]);
}
