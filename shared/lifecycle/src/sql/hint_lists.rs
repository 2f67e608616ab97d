//! The hints that whoever uploads a query may write, as data.
//! Must not know how hints are read.

/// Hints that tell the planner how to join, look up, or keep state: `JoinStrategy`, `StateTtlHint` and `FlinkHints` of
/// Flink 1.20.1's planner. `ALIAS` is the planner's own.
pub(super) const QUERY_HINTS: &[&str] =
    &["BROADCAST", "SHUFFLE_HASH", "SHUFFLE_MERGE", "NEST_LOOP", "LOOKUP", "STATE_TTL", "JSON_AGGREGATE_WRAPPED"];

/// Families of options that say where in a source to start or how long to wait, whatever comes after.
///
/// `scan.startup.` and `scan.bounded.`: kafka, upsert-kafka, the cdc connectors, pulsar (their reference pages).
/// `scan.watermark.`: Flink's own, of every source that takes it (`FactoryUtil`).
/// `lookup.partial-cache.` and `lookup.full-cache.`: Flink's own (`LookupOptions`).
pub(super) const OPTION_PREFIXES: &[&str] =
    &["lookup.full-cache.", "lookup.partial-cache.", "scan.bounded.", "scan.startup.", "scan.watermark."];

/// Options that say neither where data is nor who we are, in byte order. From the connectors' reference pages: kafka,
/// upsert-kafka, kinesis, filesystem, jdbc, the cdc family, pulsar, datagen, iceberg, paimon, hudi.
///
/// Not on it on purpose: group, server and consumer ids, slots, transactional ids, partitioners (a class), commit
/// policies (a class, a file), formats, credentials, branches, and what overwrites data.
pub(super) const OPTIONS: &[&str] = &[
    "as-of-timestamp",
    "auto-compaction",
    "compaction.file-size",
    "connect.max-retries",
    "connect.timeout",
    "connection.max-retry-timeout",
    "connection.pool.size",
    "continuous.discovery-interval",
    "end-snapshot-id",
    "heartbeat.interval",
    "lookup.async",
    "lookup.async-thread-number",
    "lookup.cache",
    "lookup.cache.caching-missing-key",
    "lookup.cache.filter",
    "lookup.cache.max-rows",
    "lookup.cache.ttl",
    "lookup.max-retries",
    "lookup.refresh.async",
    "max-planning-snapshot-count",
    "monitor-interval",
    "number-of-rows",
    "read.end-commit",
    "read.start-commit",
    "read.streaming.check-interval",
    "read.streaming.enabled",
    "read.tasks",
    "rows-per-second",
    "scan.auto-commit",
    "scan.fetch-size",
    "scan.file-creation-time-millis",
    "scan.incremental.close-idle-reader.enabled",
    "scan.incremental.snapshot.backfill.skip",
    "scan.incremental.snapshot.chunk.size",
    "scan.incremental.snapshot.enabled",
    "scan.incremental.snapshot.unbounded-chunk-first.enabled",
    "scan.infer-parallelism",
    "scan.infer-parallelism.max",
    "scan.max-splits-per-task",
    "scan.mode",
    "scan.newly-added-table.enabled",
    "scan.parallelism",
    "scan.partition.lower-bound",
    "scan.partition.num",
    "scan.partition.upper-bound",
    "scan.shard.discovery.intervalmillis",
    "scan.shard.getrecords.intervalmillis",
    "scan.shard.getrecords.maxrecordcount",
    "scan.shard.getrecords.maxretries",
    "scan.snapshot-id",
    "scan.snapshot.fetch.size",
    "scan.split-enumerator.batch-size",
    "scan.stream.initpos",
    "scan.stream.initpos-timestamp",
    "scan.stream.initpos-timestamp-format",
    "scan.tag-name",
    "scan.timestamp",
    "scan.timestamp-millis",
    "scan.topic-partition-discovery.interval",
    "sink.batch.max-size",
    "sink.buffer-flush.interval",
    "sink.buffer-flush.max-rows",
    "sink.fail-on-timeout",
    "sink.flush-buffer.size",
    "sink.flush-buffer.timeout",
    "sink.max-retries",
    "sink.parallelism",
    "sink.partition-commit.delay",
    "sink.partition-commit.trigger",
    "sink.partition-commit.watermark-time-zone",
    "sink.requests.max-buffered",
    "sink.requests.max-inflight",
    "sink.rolling-policy.check-interval",
    "sink.rolling-policy.file-size",
    "sink.rolling-policy.inactivity-interval",
    "sink.rolling-policy.rollover-interval",
    "snapshot-id",
    "source.init.position",
    "source.init.timestamp",
    "source.init.timestamp.format",
    "source.monitor-interval",
    "source.report-statistics",
    "split-file-open-cost",
    "split-lookback",
    "split-size",
    "start-snapshot-id",
    "start-snapshot-timestamp",
    "starting-strategy",
    "streaming",
    "write-parallelism",
    "write.tasks",
];

#[cfg(test)]
mod tests {
    use super::{OPTION_PREFIXES, OPTIONS};

    #[test]
    fn the_lists_are_sorted_for_the_binary_search() {
        assert!(OPTIONS.is_sorted() && OPTION_PREFIXES.is_sorted());
    }
}
