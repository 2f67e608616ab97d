//! Owns which options of a table that is read do not say which data it is, connector by connector.
//! Must not know what changed. What is not listed may say it: a restored source would go on reading what it read.

use super::harmless::{CONNECTORS, FORMATS, WATERMARKS};

/// Whether a changed option of a table that is read leaves it the same data.
pub(super) fn is_harmless(connector: &str, option: &str) -> bool {
    let mut listed = CONNECTORS.iter().filter(|connectors| connectors.names.contains(&connector)).peekable();
    if listed.peek().is_none() {
        return false;
    }
    let mut own = listed.flat_map(|connectors| connectors.harmless);
    own.any(|pattern| fits(pattern, option)) || is_any(WATERMARKS, option) || is_any(FORMATS, of_format(option))
}

/// Whether more topics than before are the same data and more: a Kafka source reads each from its own start.
pub(super) fn topics_may_grow(connector: &str, option: &str) -> bool {
    option == "topic" && matches!(connector, "kafka" | "upsert-kafka")
}

fn is_any(patterns: &[&str], option: &str) -> bool {
    patterns.iter().any(|pattern| fits(pattern, option))
}

fn fits(pattern: &str, option: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => option.starts_with(start),
        None => pattern == option,
    }
}

/// An option of a format without the part that it is the format of.
fn of_format(option: &str) -> &str {
    option.strip_prefix("key.").or_else(|| option.strip_prefix("value.")).unwrap_or(option)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{CONNECTORS, is_harmless};

    #[test]
    fn each_connector_is_listed_once_with_where_it_is_described() {
        let mut names = HashSet::new();
        for connectors in CONNECTORS {
            assert!(connectors.described.starts_with("https://"), "{:?}", connectors.names);
            let own: HashSet<_> = connectors.harmless.iter().collect();
            assert_eq!(own.len(), connectors.harmless.len(), "{:?}", connectors.names);
            assert!(connectors.names.iter().all(|name| names.insert(*name)), "{:?}", connectors.names);
        }
    }

    #[test]
    fn what_names_the_data_is_never_listed() {
        let names_data = [
            "connector",
            "topic",
            "topic-pattern",
            "topics",
            "stream",
            "stream.arn",
            "aws.region",
            "aws.endpoint",
            "path",
            "url",
            "uri",
            "hostname",
            "hosts",
            "port",
            "table-name",
            "database-name",
            "schema-name",
            "collection",
            "keyspace",
            "database",
            "slot.name",
            "properties.bootstrap.servers",
            "properties.isolation.level",
            "format",
            "key.format",
            "value.format",
            "value.fields-include",
            "key.fields",
            "json.timestamp-format.standard",
            "csv.field-delimiter",
            "avro-confluent.url",
            "scan.bounded.mode",
            "warehouse",
            "catalog-name",
            "catalog-table",
            "service-url",
            "admin-url",
            "pd-addresses",
            "source.path.regex-pattern",
            "number-of-rows",
            "fields.a.min",
            "server-time-zone",
            "debezium.snapshot.mode",
            "scan.partition.lower-bound",
            "shard",
            "read.streaming.enabled",
            "no such option",
        ];
        for connector in CONNECTORS.iter().flat_map(|connectors| connectors.names) {
            for option in names_data {
                assert!(!is_harmless(connector, option), "{connector} {option}");
            }
        }
        assert!(!is_harmless("no-such-connector", "scan.watermark.idle-timeout"));
    }
}
