//! Numbers from Kafka to Kafka: their topics and tables, a job that passes them on, and each of them counted.
//! Must not know what was done to the job meanwhile.

use std::path::Path;

use serde_json::Value;

use crate::Bench;
use crate::kafka::{Kafka, Producer};

/// The job that passes numbers on.
pub const NUMBERS: &str = "numbers";
/// How many are written each second.
const RATE: u64 = 50;

/// Where numbers come from and go to.
const TABLES: &str = "
CREATE TABLE numbers_in (n BIGINT) WITH (
    'connector' = 'kafka', 'topic' = 'numbers-in', 'properties.bootstrap.servers' = '{kafka}',
    'properties.group.id' = '{group_id}', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json'
);
CREATE TABLE numbers_out (
    n BIGINT, __create_timestamp TIMESTAMP_LTZ(3), __query_name STRING, __query_description STRING,
    __query_id STRING, __query_version INT, __query_create_timestamp TIMESTAMP(3)
) WITH (
    'connector' = 'kafka', 'topic' = 'numbers-out', 'properties.bootstrap.servers' = '{kafka}', 'format' = 'json',
    'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = '{group_id}',
    'properties.transaction.timeout.ms' = '600000'
);
";

/// A manifest that passes the numbers of a table on, with these lines under `flinkProperties`.
pub fn passes_on(name: &str, table: &str, properties: &str) -> String {
    format!(
        "name: {name}\ndescription: as they come\ntarget-table: numbers_out\nsql: SELECT n FROM {table}\n{properties}\n"
    )
}

/// A broker with the topics of the numbers.
pub async fn broker(root: &Path) -> Kafka {
    let kafka = Kafka::up(root).await;
    kafka.create_topic("numbers-in", 2).await;
    kafka.create_topic("numbers-out", 2).await;
    kafka
}

impl Bench {
    /// The tables of the numbers, and where their broker is.
    pub async fn upload_numbers(&self, kafka: &Kafka) {
        self.upload("config/tables/kafka.sql", TABLES).await;
        self.upload("config/params.yaml", &format!("orders_per_second: \"20\"\nkafka: {}\n", kafka.bootstrap)).await;
    }
}

/// Writes 1, 2, … up to `last`.
pub fn write(kafka: &Kafka, last: u64) -> Producer {
    kafka.produce("numbers-in", last, RATE)
}

/// The numbers that each of these jobs passed on, in their order, once the first of them has come to `last`.
pub async fn committed<const JOBS: usize>(
    bench: &Bench,
    kafka: &Kafka,
    last: u64,
    jobs: [&str; JOBS],
) -> [Vec<u64>; JOBS] {
    bench
        .wait("all numbers are committed", || async {
            let lines = kafka.committed("numbers-out").await;
            let rows: Vec<Value> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
            let of = |job: &str| {
                let rows = rows.iter().filter(|row| row["__query_name"] == job);
                let mut numbers: Vec<u64> = rows.filter_map(|row| row["n"].as_u64()).collect();
                numbers.sort_unstable();
                numbers
            };
            let numbers = jobs.map(of);
            let passed_on: usize = numbers.iter().map(Vec::len).sum();
            assert_eq!(passed_on, rows.len(), "rows of nobody");
            numbers.first().is_some_and(|first| first.len() as u64 >= last).then_some(numbers)
        })
        .await
}
