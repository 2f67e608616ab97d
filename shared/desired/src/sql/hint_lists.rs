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
/// `sink.buffer-flush.` and `sink.bulk-flush.`: jdbc, hbase, elasticsearch, opensearch.
/// `streaming-source.`: hive.
pub(super) const OPTION_PREFIXES: &[&str] = &[
    "lookup.full-cache.",
    "lookup.partial-cache.",
    "scan.bounded.",
    "scan.startup.",
    "scan.watermark.",
    "sink.buffer-flush.",
    "sink.bulk-flush.",
    "streaming-source.",
];

/// What formats call to go on over rows that they cannot read, whatever format comes before (`csv.ignore-parse-errors`).
pub(super) const OPTION_SUFFIXES: &[&str] = &[".fail-on-missing-field", ".ignore-parse-errors"];

/// Options of which some values are harmless and others name a class: kafka's partitioners that have names.
pub(super) const OPTION_VALUES: &[(&str, &[&str])] = &[("sink.partitioner", &["default", "fixed", "round-robin"])];

/// Options that say neither where data is nor who we are, in byte order. From the connectors' reference pages: kafka,
/// upsert-kafka, kinesis, filesystem, jdbc, the cdc family, pulsar, datagen, iceberg, paimon, hudi.
///
/// Not on it on purpose: group, server and consumer ids, slots, transactional ids, partitioners of a class, commit
/// policies (a class, a file), formats, credentials, branches, and what overwrites data.
pub(super) const OPTIONS: &[&str] = &[
    "as-of-timestamp",
    "as.of.instant",
    "auto-compaction",
    "case-sensitive",
    "compaction.file-size",
    "compaction.tasks",
    "compression-codec",
    "connect.max-retries",
    "connect.timeout",
    "connection.max-retry-timeout",
    "connection.pool.size",
    "continuous.discovery-interval",
    "debezium.snapshot.mode",
    "distribution-mode",
    "end-snapshot-id",
    "end-tag",
    "heartbeat.interval",
    "hoodie.datasource.query.type",
    "include-column-stats",
    "incremental-between",
    "incremental-between-scan-mode",
    "incremental-between-timestamp",
    "limit",
    "log.scan",
    "lookup.async",
    "lookup.async-thread-number",
    "lookup.bootstrap-parallelism",
    "lookup.cache",
    "lookup.cache-max-disk-size",
    "lookup.cache-max-memory-size",
    "lookup.cache-rows",
    "lookup.cache.caching-missing-key",
    "lookup.cache.filter",
    "lookup.cache.max-rows",
    "lookup.cache.ttl",
    "lookup.dynamic-partition",
    "lookup.dynamic-partition.refresh-interval",
    "lookup.max-retries",
    "lookup.refresh.async",
    "lookup.refresh.async.pending-snapshot-count",
    "lookup.retry.interval",
    "max-allowed-planning-failures",
    "max-planning-snapshot-count",
    "metadata.enabled",
    "monitor-interval",
    "number-of-rows",
    "properties.auto.offset.reset",
    "properties.isolation.level",
    "properties.max.poll.records",
    "read.batch-size",
    "read.data.skipping.enabled",
    "read.end-commit",
    "read.start-commit",
    "read.streaming.check-interval",
    "read.streaming.enabled",
    "read.streaming.skip_clustering",
    "read.streaming.skip_compaction",
    "read.streaming.start-commit",
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
    "scan.version",
    "scan.watermark",
    "sink.batch.max-size",
    "sink.delivery-guarantee",
    "sink.fail-on-timeout",
    "sink.flush-buffer.size",
    "sink.flush-buffer.timeout",
    "sink.flush-on-checkpoint",
    "sink.max-retries",
    "sink.parallelism",
    "sink.partition-commit.delay",
    "sink.partition-commit.trigger",
    "sink.partition-commit.watermark-time-zone",
    "sink.requests.max-buffered",
    "sink.requests.max-inflight",
    "sink.retry.interval",
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
    "start-tag",
    "starting-strategy",
    "streaming",
    "tag",
    "target-file-size-bytes",
    "upsert-enabled",
    "watermark-column",
    "watermark-column-time-unit",
    "write-only",
    "write-parallelism",
    "write.rate.limit",
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
